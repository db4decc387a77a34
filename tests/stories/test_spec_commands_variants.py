"""Every variant of the story to its end: who lies in the lists after `townsend run`."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.stories.bodea import MONEY, SEED, VISIT, Bodea, account, key, opportunity, person, xref
from tests.stories.lists import FACTOR, NOW, SETTINGS, hashed

from townsend.project.rehearsing import Rehearsal, serving

pytestmark = pytest.mark.slow
AT = "2026-11-22T12:00:00Z"
ONE_COMPANY = "accounts.exists(opportunities[isWon].sum(opportunityAmount.amount) > 1000000)"
AUDIENCES = {"money": MONEY, "visit": VISIT, "both": SEED, "one-company": ONE_COMPANY}
P1, P2, P3 = (f"p{n}@townsend.com" for n in (1, 2, 3))
LINKED = (("G-1", "crm1", "1"), ("G-1", "crm2", "2"))


def deliver(bodea: Bodea, now: str = AT) -> dict[str, list[str]]:
    """Run, and look into LinkedIn's segments: the e-mails known here, by audience."""
    run = bodea("run", "--now", now, "--json")
    assert run.code == 0, run.err
    people = {hashed(one): one for one in (P1, P2, P3, "two@firms.com", "twice@paths.com")}
    with serving(Rehearsal(7, 0, NOW, FACTOR), bodea.folder, NOW, ["linkedin"]) as (_, (linkedin,), _):
        return {name: sorted(people[one] for one in linkedin.segment_hashes(name)) for name in AUDIENCES}


def tell(bodea: Bodea, master_data: bool, audiences: Mapping[str, str] = AUDIENCES) -> None:
    (bodea.folder / "townsend.yaml").write_text(SETTINGS, "utf-8")
    for name, pql in audiences.items():
        text = "".join(f"  {line}\n" for line in pql.splitlines())
        body = f"name: {name}\nof: person\npql: |\n{text}activate: [{{to: linkedin}}]\n"
        (bodea.folder / "audiences" / f"{name}.yaml").write_text(body, "utf-8")
    bodea.tell_the_story(master_data)


def test_lists_follow_master_data_and_time(bodea: Bodea) -> None:
    tell(bodea, master_data=False)
    # p2 is in both accounts, which are two companies to us until master data says otherwise.
    apart = {"money": [P2], "visit": [P2], "both": [P2], "one-company": []}
    assert apart == deliver(bodea)

    bodea.load("account_xref", xref(*LINKED), "mdm")
    together = {"money": [P1, P2, P3], "visit": [P2], "both": [P2], "one-company": [P1, P2, P3]}
    assert together == deliver(bodea)

    late = "2026-12-03T09:00:00.001Z"
    assert together | {"visit": [], "both": []} == deliver(bodea, late)
    assert together == deliver(bodea)

    gone = {"status": "inactive", "updated_at": "2026-11-01T00:00:00Z"}
    bodea.load("account_xref", xref(("G-1", "crm2", "2", gone)), "mdm")
    assert apart == deliver(bodea)


def test_lists_count_companies_and_opportunities_once(bodea: Bodea) -> None:
    tell(bodea, master_data=True)
    deals = []
    for name in ("3", "4"):
        bodea.load("account", [account(name, "crm1", f"Firm {name}")])
        deals.append(opportunity(f"f{name}", "crm1", key(name, "crm1"), 600_000))
    bodea.load("opportunity", deals)
    bodea.load("person", [person("two", "crm1", "two@firms.com", [key("3", "crm1"), key("4", "crm1")])])
    # One deal of 600,000 by two paths and from two systems is 600,000.
    bodea.load("person", [person("twice", "crm1", "twice@paths.com", [key("3", "crm1")])])
    relation = {"accountPersonKey": key("r", "crm1"), "accountKey": key("3", "crm1")}
    bodea.load("account_person", [relation | {"personKey": key("twice", "crm1")}])
    copy = opportunity("77", "mkto1", key("3", "crm1"), 600_000) | {
        "opportunityKey": key("77", "mkto1", "Marketo"),
        "extSourceSystemAudit": {"externalKey": key("f3", "crm1")},
    }
    bodea.load("opportunity", [copy], "marketo_1")

    lists = deliver(bodea)

    assert sorted([P1, P2, P3, "two@firms.com"]) == lists["money"]
    assert [P1, P2, P3] == lists["one-company"]
