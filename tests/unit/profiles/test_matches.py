"""Matches in the unified world follow from facts, decisions and rules, and all of it can be taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.profiles.house import NOW_MS, House, account, house, key, person

from townsend.identity.matching import MatchRules
from townsend.identity.matchrules import Matching
from townsend.store.facts_matches import Decision, Kind, Verdict, add_decisions

__all__ = ["house"]

EXACT = MatchRules(engine="exact", accept_at=0.95, review_at=0.5)
ACME = account("a1", accountName="Acme Inc.", accountOrganization={"website": "https://www.acme.com"})
ACME_AGAIN = account("a2", accountName="ACME, Incorporated", accountOrganization={"website": "acme.com"})
BETA = account("b", accountName="Beta GmbH", accountOrganization={"website": "beta.de"})


@pytest.fixture
def matching(house: House) -> House:
    house.identity = replace(house.identity, matching=Matching(EXACT, EXACT, EXACT))
    return house


def lead(record: str, email: str, company: str | None = None, **more: Any) -> dict[str, Any]:
    return person(record, email, b2b={"companyName": company} if company else {}, **more)


def states(house: House, kind: str = "lead") -> list[tuple[str, str, str]]:
    """The two source keys and the state of each match of a kind."""
    world = house.unify()
    return house.facts.con.execute(
        f"SELECT split_part(x.value, '@', 1), split_part(y.value, '@', 1), m.state FROM {world.name}.match m "
        "JOIN facts.number x ON x.n = m.a_n JOIN facts.number y ON y.n = m.b_n WHERE m.kind = ? ORDER BY ALL",
        [kind],
    ).fetchall()


def accounts_of(house: House, record: str) -> list[int]:
    world = house.unify()
    return [
        int(far)
        for (far,) in house.facts.con.execute(
            f"SELECT DISTINCT e.far FROM {world.name}.edge_person_account e "
            f"JOIN {world.name}.node_person n ON n.id = e.near JOIN facts.number d USING (n) "
            "WHERE d.value = ? ORDER BY 1",
            [key(record)["sourceKey"]],
        ).fetchall()
    ]


def say(house: House, verdict: Verdict, left: str, right: str, kind: Kind = "lead", at: int = 0) -> None:
    spaces = ("b2b_person" if kind == "lead" else "b2b_account"), "b2b_account"
    ends = [(space, key(one)["sourceKey"]) for space, one in zip(spaces, (left, right), strict=True)]
    add_decisions(house.facts, [Decision(kind, ends[0], ends[1], verdict, NOW_MS + at)])


def one_company(house: House, *accounts: str) -> None:
    """Master data says that these accounts are one."""
    row = {"golden_id": "G", "entity_type": "account", "source_system": "Salesforce", "status": "active"}
    own = {"source_instance": "crm1"}
    house.take("account_xref", *(row | own | {"source_key": one} for one in accounts))


def test_a_lead_whose_company_is_known_gets_its_account(matching: House) -> None:
    matching.take("account", ACME, BETA)
    matching.take("person", lead("p1", "jo@acme.com", "Acme"), lead("p2", "jo@gmail.com"))

    assert [("p1", "a1", "accepted")] == states(matching)
    assert [1] == accounts_of(matching, "p1")
    assert [] == accounts_of(matching, "p2")
    (relation,) = matching.rows("account_person")
    assert ("matching", "a1@crm1.Salesforce", "p1@crm1.Salesforce", 1) == (
        relation["relationshipSource"],
        relation["accountKey.sourceKey"],
        relation["personKey.sourceKey"],
        relation["@account"],
    )
    assert relation["matchedAccount.matchingScore"] >= EXACT.accept_at


def test_whoever_has_an_account_is_no_lead(matching: House) -> None:
    """Neither one who names it in the record itself, nor one who has it by another record of theirs."""
    matching.take("account", ACME, BETA)
    matching.take(
        "person",
        lead("p1", "jo@acme.com", "Acme")
        | {"b2b": {"personKey": key("p1"), "companyName": "Acme", "accountKey": key("b")}},
    )
    matching.take("person", lead("p2", "jo@acme.com", "Acme"))

    assert [] == states(matching)
    assert [2] == accounts_of(matching, "p1") == accounts_of(matching, "p2")


def test_two_accounts_that_look_alike_wait_for_somebody(matching: House) -> None:
    matching.identity = replace(matching.identity, matching=Matching(leads=EXACT))
    matching.take("account", ACME, ACME_AGAIN)
    matching.take("person", lead("p1", "jo@acme.com", "Acme"))
    alike = [state for *_, state in states(matching)]
    one_company(matching, "a1", "a2")

    assert "accepted" not in alike
    assert [("p1", "a1", "accepted")] == states(matching)


def test_doubles_become_one_account_and_a_rejection_parts_them(matching: House) -> None:
    matching.take("account", ACME, ACME_AGAIN, BETA)
    joined = [row["id"] for row in matching.rows("account")]
    say(matching, "rejected", "a1", "a2", "account")
    parted = [row["id"] for row in matching.rows("account")]
    say(matching, "confirmed", "a1", "a2", "account", at=1)

    assert [1, 3] == joined
    assert [1, 2, 3] == parted
    assert [1, 3] == [row["id"] for row in matching.rows("account")]


def test_a_rejected_pair_stays_apart_whatever_records_come(matching: House) -> None:
    """A third record, which master data makes one with the first, matches the second as well."""
    matching.take("account", ACME, ACME_AGAIN)
    say(matching, "rejected", "a1", "a2", "account")
    matching.take("account", ACME | {"accountKey": key("a3")})
    one_company(matching, "a1", "a3")

    assert [1, 2] == [row["id"] for row in matching.rows("account")]
    assert {"rejected"} == {state for a, b, state in states(matching, "account") if "a2" in (a, b)}


def test_a_confirmed_lead_stays_when_its_score_falls(matching: House) -> None:
    matching.take("account", ACME, BETA)
    matching.take("person", lead("p1", "jo@gmail.com", "Beta", day=1))
    waits = states(matching)
    say(matching, "confirmed", "p1", "b")
    matching.take("person", lead("p1", "jo@gmail.com", "Something else", day=2))

    assert [("p1", "b", "review")] == waits
    assert [("p1", "b", "confirmed")] == states(matching)
    assert [2] == accounts_of(matching, "p1")


def test_a_rejected_lead_never_comes_back(matching: House) -> None:
    matching.take("account", ACME)
    matching.take("person", lead("p1", "jo@acme.com", "Acme", day=1))
    say(matching, "rejected", "p1", "a1")
    matching.take("person", lead("p1", "jo@acme.com", "Acme Inc", day=2))

    assert [("p1", "a1", "rejected")] == states(matching)
    assert [] == accounts_of(matching, "p1")


def test_a_decision_holds_for_whom_the_record_belongs_to(matching: House) -> None:
    """Merged by an address, two leads are one person; parted again, the decision is the one record's."""
    matching.take("account", ACME, BETA)
    matching.take(
        "person", lead("p1", "jo@gmail.com", "Gamma", day=1), lead("p2", "jo@acme.com", "Acme", day=1)
    )
    say(matching, "confirmed", "p1", "b")
    apart = accounts_of(matching, "p1"), accounts_of(matching, "p2")
    matching.take("person", lead("p1", "jo@acme.com", "Gamma", day=2))
    merged = accounts_of(matching, "p1"), accounts_of(matching, "p2")
    matching.take("person", lead("p1", "jo@gmail.com", "Gamma", day=3))

    assert ([2], [1]) == apart
    assert ([2], [2]) == merged
    assert apart == (accounts_of(matching, "p1"), accounts_of(matching, "p2"))


def test_a_deleted_account_takes_its_match_along(matching: House) -> None:
    matching.take("account", ACME | {"extSourceSystemAudit": {"lastUpdatedDate": "2026-03-01T00:00:00Z"}})
    matching.take("person", lead("p1", "jo@acme.com", "Acme"))
    before = accounts_of(matching, "p1")
    matching.take(
        "account",
        ACME | {"isDeleted": True, "extSourceSystemAudit": {"lastUpdatedDate": "2026-03-02T00:00:00Z"}},
    )

    assert ([1], []) == (before, accounts_of(matching, "p1"))


def test_all_of_a_group_are_related_but_a_rejected_pair(matching: House) -> None:
    matching.identity = replace(matching.identity, matching=Matching(related=EXACT))
    matching.take(
        "account",
        account("m", accountName="Mother"),
        account("d1", accountName="First", accountParentKey=key("m")),
        account("d2", accountName="Second", accountParentKey=key("m")),
        BETA,
    )
    group = {(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)}
    everybody = set(matching.pairs("edge_account_related"))
    say(matching, "rejected", "d1", "d2", "related")

    assert group == everybody
    assert group - {(2, 3), (3, 2)} == set(matching.pairs("edge_account_related"))


def test_thresholds_decide_and_nothing_is_left_of_older_ones(matching: House) -> None:
    matching.take("account", ACME, BETA)
    matching.take("person", lead("p1", "jo@gmail.com", "Beta"))
    waits = states(matching)
    matching.identity = replace(matching.identity, matching=Matching(leads=replace(EXACT, accept_at=0.6)))
    accepted = states(matching)
    matching.identity = replace(matching.identity, matching=Matching())

    assert [("p1", "b", "review")] == waits
    assert [("p1", "b", "accepted")] == accepted
    assert [] == states(matching)
    assert [] == accounts_of(matching, "p1")
