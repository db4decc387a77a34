"""Companies, deals, campaigns and a class of one's own become one by the same means, and come apart again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from tests.stories.bodea import NOW, Bodea, account, key, person, visit

SITE = """\
classes:
  site:
    namespace: b2b_site
    key: siteKey
    identities: [{field: extSourceSystemAudit.externalKey, namespace: b2b_site}]
    fields: {siteKey: key, parentKey: key, siteName: string, code: string, extSourceSystemAudit: audit}
    references: {parent: {field: parentKey, to: site, inverse: children}}
"""


@dataclass(frozen=True)
class Kind:
    """What a class calls its key, a field that can name it, and its name."""

    cls: str
    key: str
    field: str
    name: str

    @property
    def space(self) -> str:
        return f"b2b_{self.cls}"

    def row(self, sid: str, instance: str = "crm1", **more: Any) -> dict[str, Any]:
        return {self.key: key(sid, instance), **more}

    def coded(self, sid: str, code: str) -> dict[str, Any]:
        row: Any = code
        for part in reversed(self.field.split(".")):
            row = {part: row}
        return self.row(sid) | row


pytestmark = pytest.mark.slow

KINDS = [
    Kind("account", "accountKey", "accountOrganization.DUNSNumber", "accountName"),
    Kind("opportunity", "opportunityKey", "leadSource", "opportunityName"),
    Kind("campaign", "campaignKey", "campaignStatus", "campaignName"),
    Kind("site", "siteKey", "code", "siteName"),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.cls)
def kind(request: pytest.FixtureRequest, bodea: Bodea) -> Kind:
    (bodea.folder / "schema").mkdir(exist_ok=True)
    (bodea.folder / "schema" / "site.yaml").write_text(SITE, "utf-8")
    found: Kind = request.param
    return found


def settings(bodea: Bodea, *lines: str) -> None:
    (bodea.folder / "townsend.yaml").write_text("\n".join(["name: bodea", *lines]) + "\n", "utf-8")


def groups(bodea: Bodea, kind: Kind, now: str = NOW) -> list[list[str]]:
    """The records of each entity, by their short ids."""
    found = bodea("query", "true", "--of", kind.cls, "--json", "--now", now).rows
    return sorted([one.partition("@")[0] for one in row["identities"][kind.space]] for row in found)


def ids(bodea: Bodea, kind: Kind) -> dict[str, int]:
    found = bodea("query", "true", "--of", kind.cls, "--json", "--now", NOW).rows
    return {one.partition("@")[0]: row["id"] for row in found for one in row["identities"][kind.space]}


def master(bodea: Bodea, kind: Kind, *rows: dict[str, str]) -> None:
    columns = "golden_id,source_key,valid_from,valid_to,status,match_confidence,survivor_rank,updated_at"
    lines = [f"entity_type,source_system,source_instance,{columns}"]
    lines += [
        ",".join([kind.cls, "salesforce", "crm1", *(row.get(one, "") for one in columns.split(","))])
        for row in rows
    ]
    bodea.load("account_xref", "\n".join(lines) + "\n", "mdm")


def golden(source_key: str, golden_id: str = "G", **more: str) -> dict[str, str]:
    return {"golden_id": golden_id, "source_key": source_key, "updated_at": "2026-10-01T00:00:00Z"} | more


def test_a_shared_external_key_joins_until_it_changes(bodea: Bodea, kind: Kind) -> None:
    one, two = ({"extSourceSystemAudit": {"externalKey": key(sid, "erp", "SAP")}} for sid in ("E", "F"))
    bodea.load(kind.cls, [kind.row("1", **one), kind.row("2", "crm2", **one), kind.row("3")])
    together, before = groups(bodea, kind), ids(bodea, kind)
    bodea.load(kind.cls, [kind.row("2", "crm2", **two)])

    assert [["1", "2", "E"], ["3"]] == together
    assert [["1", "E"], ["2", "F"], ["3"]] == groups(bodea, kind)
    assert before["1"] == ids(bodea, kind)["1"] != ids(bodea, kind)["2"]


def test_a_record_that_names_another_by_its_key_joins_it(bodea: Bodea, kind: Kind) -> None:
    both = {"extSourceSystemAudit": {"externalKey": key("1", "crm1")}}
    bodea.load(kind.cls, [kind.row("1"), kind.row("2", "crm2", **both)])

    assert [["1", "2"]] == groups(bodea, kind)


def test_a_declared_field_joins_when_applied_and_lets_go_with_it(bodea: Bodea, kind: Kind) -> None:
    bodea.load(kind.cls, [kind.coded("1", "77"), kind.coded("2", "77"), kind.coded("3", "78")])
    apart, first = groups(bodea, kind), ids(bodea, kind)
    settings(bodea, f"identity: {{{kind.cls}: {{keys: [{kind.field}]}}}}")
    planned = bodea("plan", "--json").rows[0]
    bodea("apply")
    together = groups(bodea, kind)
    bodea.load(kind.cls, [kind.coded("2", "79")])
    changed = groups(bodea, kind)
    settings(bodea)
    bodea("apply")

    (moved,) = [one for one in planned["clusters"] if one["class"] == kind.cls]
    assert [["1"], ["2"], ["3"]] == apart == changed == groups(bodea, kind)
    assert (3, 2, 2) == (moved["before"], moved["after"], moved["joined"])
    assert [["1", "2"], ["3"]] == together
    assert first == ids(bodea, kind)


def test_a_blocked_value_of_a_declared_field_joins_nobody(bodea: Bodea, kind: Kind) -> None:
    space = kind.field.rpartition(".")[2]
    settings(bodea, f"identity: {{{kind.cls}: {{keys: [{kind.field}], blocked: {{{space}: ['000']}}}}}}")
    bodea.load(kind.cls, [kind.coded("1", "000"), kind.coded("2", "000"), kind.coded("3", "n/a")])
    bodea.load(kind.cls, [kind.coded("4", "n/a")])

    assert [["1"], ["2"], ["3"], ["4"]] == groups(bodea, kind)


def test_master_data_joins_while_it_holds_and_every_part_gets_its_id_back(bodea: Bodea, kind: Kind) -> None:
    bodea.load(kind.cls, [kind.row(sid) for sid in "123"])
    first = ids(bodea, kind)
    master(
        bodea,
        kind,
        golden("1"),
        golden("2", valid_from="2026-11-10T00:00:00Z", valid_to="2026-11-25T00:00:00Z"),
    )
    early, now, late = (groups(bodea, kind, f"2026-11-{day}T00:00:00Z") for day in ("09", "22", "25"))
    joined = ids(bodea, kind)
    master(
        bodea,
        kind,
        golden("2", valid_from="2026-11-10T00:00:00Z", status="inactive", updated_at="2026-11-20T00:00:00Z"),
    )

    assert [["1"], ["2"], ["3"]] == early == late == groups(bodea, kind)
    assert [["1", "2"], ["3"]] == now
    assert joined["1"] == joined["2"] == min(first["1"], first["2"])
    assert first == ids(bodea, kind)


def test_a_doubtful_row_counts_from_the_confidence_that_the_project_asks_for(
    bodea: Bodea, kind: Kind
) -> None:
    bodea.load(kind.cls, [kind.row(sid) for sid in "12"])
    master(bodea, kind, golden("1", match_confidence="1.0"), golden("2", match_confidence="0.8"))
    anyhow = groups(bodea, kind)
    settings(bodea, "identity: {min_confidence: 0.9}")
    bodea("apply")

    assert [["1", "2"]] == anyhow
    assert [["1"], ["2"]] == groups(bodea, kind)


def test_a_survivor_wins_among_equals_and_always_if_the_project_says_so(bodea: Bodea, kind: Kind) -> None:
    def named(sid: str, day: int) -> dict[str, Any]:
        return kind.row(
            sid,
            **{kind.name: f"name {sid}"},
            extSourceSystemAudit={"lastUpdatedDate": f"2026-11-{day:02d}T00:00:00Z"},
        )

    def name() -> list[str]:
        found = [
            one
            for one in "12"
            if bodea("query", f'{kind.name} = "name {one}"', "--of", kind.cls, "--json").rows
        ]
        shown = bodea("show", kind.cls, "1@crm1.Salesforce", "--json").rows[0]["values"][kind.name]["value"]
        assert [f"name {one}" for one in found] == [shown]
        return found

    bodea.load(kind.cls, [named("1", 5), named("2", 5)])
    master(bodea, kind, golden("1", survivor_rank="2"), golden("2", survivor_rank="1"))
    equal = name()
    bodea.load(kind.cls, [named("1", 6)])
    newer = name()
    settings(bodea, f"merge: {{{kind.cls}: {{by: master}}}}")
    bodea("apply")

    assert (["2"], ["1"], ["2"]) == (equal, newer, name())


def test_different_parents_are_settled_by_the_policy_and_told(bodea: Bodea) -> None:
    rows = [account(sid, "crm1") for sid in "1234"]
    for child, parent, day in ((0, 2, 5), (1, 3, 4)):
        rows[child]["accountParentKey"] = rows[parent]["accountKey"]
        rows[child]["extSourceSystemAudit"] = {"lastUpdatedDate": f"2026-11-{day:02d}T00:00:00Z"}
    bodea.load("account", rows)
    master(bodea, KINDS[0], golden("1", survivor_rank="2"), golden("2", survivor_rank="1"))

    def children(sid: str) -> int:
        shown = bodea("show", "account", f"{sid}@crm1.Salesforce", "--json").rows[0]
        return int(shown["related"].get("children", {"count": 0})["count"])

    newest = children("3"), children("4")
    told = [row for row in bodea("graph", "health", "--json").rows if row["check"] == "parents"]
    doctor = [row["text"] for row in bodea("doctor", "--json").rows if row["check"] == "identity"]
    settings(bodea, "merge: {account: {by: master}}")
    bodea("apply")

    assert (1, 0) == newest
    assert [1] == [row["count"] for row in told]
    assert any("account.parent: the records of 1 entity name different ones" in text for text in doctor)
    assert (0, 1) == (children("3"), children("4"))


def test_a_merge_of_leads_joins_their_identities_and_retires_the_loser(bodea: Bodea) -> None:
    kept, lost = key("1", "mkto1", "Marketo"), key("2", "mkto1", "Marketo")
    for one, mail in ((kept, "ann@a.example"), (lost, "a.other@a.example")):
        bodea.load(
            "person", [{"b2b": {"personKey": one, "personStatus": mail}, "workEmail": {"address": mail}}]
        )
    bodea.load("event", [visit("v", lost, "2026-11-01T00:00:00Z")])
    apart = bodea.query("true")
    merge = {"mergeLeads": {"sourceKeys": [lost]}}
    told = {"_id": "m", "timestamp": "2026-11-10T00:00:00Z", "personKey": kept, "leadOperation": merge}
    bodea.load("event", [told], "marketo_1")
    (row,) = bodea("query", "true", "--json", "--now", NOW).rows
    graph = bodea("graph", "show", "ann@a.example", "--json", "--now", NOW).rows[0]

    assert ["a.other@a.example", "ann@a.example"] == apart
    # The loser's mail stays an identity; its record is none any more, and gives no values.
    assert ["a.other@a.example", "ann@a.example"] == row["identities"]["Email"]
    assert ["1@mkto1.Marketo"] == row["identities"]["b2b_person"]
    assert "merge" in {link["reason"] for link in graph["links"]}
    assert 1 == len(bodea("query", 'b2b.personStatus = "ann@a.example"', "--json", "--now", NOW).rows)
    assert [] == bodea("query", 'b2b.personStatus = "a.other@a.example"', "--json", "--now", NOW).rows
    # What the loser did is what the winner did; before the merge they were two.
    assert ["a.other@a.example", "ann@a.example"] == bodea.query("xEvent.count() > 0")
    assert 2 == len(bodea("query", "true", "--json", "--now", "2026-11-09T00:00:00Z").rows)


def test_a_person_of_two_companies_that_become_one_has_one(bodea: Bodea) -> None:
    bodea.load("account", [account("1", "crm1"), account("2", "crm1")])
    bodea.load("person", [person("p", "crm1", "p@a.example", [key("1", "crm1"), key("2", "crm1")])])
    two = bodea.query("accounts.count() = 2")
    master(bodea, KINDS[0], golden("1"), golden("2"))

    assert (["p@a.example"], ["p@a.example"]) == (two, bodea.query("accounts.count() = 1"))
