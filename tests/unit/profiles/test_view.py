"""Finding somebody, the view of them, and their identity graph."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.profiles.house import DAY_MS, NOW, NOW_MS, House, account, house, key, opportunity, person

from townsend.identity import IdentityRules, Namespace
from townsend.problem import Invalid
from townsend.profiles import MergePolicy, MoneyRules, Rate
from townsend.profiles.changes import cluster_changes
from townsend.profiles.view import EntityView, GraphView, find, graph_view, view
from townsend.project.plain import plain

__all__ = ["house"]

MAIL = "p@bodea.example"


def shown(house: House, cls: str, who: str) -> EntityView:
    world = house.unify()
    return view(world, house.facts, {None: house.merge}, cls, find(world, cls, who))


def graph(house: House, who: str) -> GraphView:
    return graph_view(house.unify(), house.facts, house.identity, who)


@pytest.mark.parametrize(
    "who",
    ["1@crm1.Salesforce", "b2b_person:1@crm1.Salesforce", " P@bodea.Example ", "Email:P@Bodea.example", "ID"],
)
def test_somebody_is_found_by_id_mail_key_or_namespace(house: House, who: str) -> None:
    house.take("person", person("1", MAIL), person("2", "q@bodea.example"))
    wanted = next(row["id"] for row in house.rows("person") if row["workEmail.address"] == MAIL)

    assert wanted == find(house.unify(), "person", str(wanted) if who == "ID" else who)


def test_any_number_ever_handed_out_finds_who_holds_it_now(house: House) -> None:
    house.take("account", account("A"), account("B"))
    ids = [row["id"] for row in house.rows("account")]
    same = {"golden_id": "G", "source_system": "Salesforce", "source_instance": "crm1"}
    house.take("account_xref", same | {"source_key": "A"}, same | {"source_key": "B"}, source="mdm")

    assert [min(ids)] * 2 == [find(house.unify(), "account", str(one)) for one in ids]


def test_nobody_by_that_name_is_said_with_a_hint(house: House) -> None:
    house.take("person", person("1", MAIL))
    house.take("account", account("A"))

    with pytest.raises(Invalid) as caught:
        find(house.unify(), "person", "A@crm1.Salesforce")

    assert "who.unknown" == caught.value.code
    assert "class account" in caught.value.text
    assert "A@crm1" not in caught.value.text


def test_a_name_that_several_go_by_lists_the_candidates(house: House) -> None:
    house.identity = IdentityRules(links_per_value=1)
    house.take("person", person("1", MAIL), person("2", MAIL))
    ids = sorted(row["id"] for row in house.rows("person"))

    with pytest.raises(Invalid) as caught:
        find(house.unify(), "person", MAIL)

    assert ("who.several", ids) == (caught.value.code, caught.value.facts["candidates"])
    assert all(str(one) in caught.value.text for one in ids)


def test_an_unknown_class_is_refused(house: House) -> None:
    with pytest.raises(Invalid, match="no class"):
        find(house.unify(), "persons", MAIL)


@pytest.mark.parametrize("by", ["time", "source", "changed"])
def test_each_value_names_its_source_its_time_and_the_losers(house: House, by: Any) -> None:
    house.merge = {"person": MergePolicy(by, ("crm_2", "crm_1"))}
    house.take("person", person("1", MAIL, 2, b2b={"personStatus": "old"}))
    house.take("person", person("crm2/1", MAIL, 5, b2b={"personStatus": "new"}), source="crm_2")

    found = shown(house, "person", MAIL)
    status = found.values["b2b.personStatus"]

    assert ("new", "crm_2", 5) == (status.value, status.winner.source, status.winner.at.day)
    assert [("old", "crm_1", 2)] == [(one.value, one.source, one.at.day) for one in status.others]
    assert "new" == found.value("b2b.personStatus")
    assert found.value("b2b.personSource") is None


def test_the_view_and_the_unified_row_say_the_same(house: House) -> None:
    house.take(
        "person",
        person("1", MAIL, 2, b2b={"personStatus": "old", "personScore": Decimal("1.5")}),
        rows="patch",
    )
    house.take("person", person("1", day=9, b2b={"personStatus": None}), rows="patch")
    house.take("person", person("crm2/1", MAIL, 5, b2b={"personStatus": "new"}, tier="a"), source="crm_2")

    found = shown(house, "person", MAIL)
    row = house.row("person")

    assert {"id"} == {name for name in row if name not in found.values}
    assert "b2b.personStatus" not in row
    assert found.values["b2b.personStatus"].winner.value is None
    assert ["new", "old"] == [one.value for one in found.values["b2b.personStatus"].others]
    assert {"tier": "a"} == found.value("extra")


def test_a_view_shows_accounts_with_their_ways_and_everything_related(house: House) -> None:
    house.take("account", account("A", accountName="Townsend"))
    held = [{"sourcePersonKey": key("1"), "sourceAccountKey": key("A")}]
    house.take("person", person("1", MAIL, personComponents=held))
    relation = {"accountPersonKey": key("r"), "personKey": key("1"), "accountKey": key("A")}
    house.take("account_person", relation)
    house.take("opportunity", opportunity("o", "A", opportunityName="Deal"))
    house.take(
        "event",
        {"_id": "e1", "timestamp": "2026-03-18T11:00:00Z", "personKey": key("1"), "eventType": "web"},
        {"_id": "later", "timestamp": "2026-03-18T13:00:00Z", "personKey": key("1"), "eventType": "web"},
    )

    one = shown(house, "person", MAIL)
    firm = shown(house, "account", "A@crm1.Salesforce")

    assert [("Townsend", ("direct", "relation"))] == [
        (item.name, item.via) for item in one.related["accounts"].items
    ]
    assert 1 == one.related["xEvent"].count
    assert ["Deal"] == [item.name for item in firm.related["opportunities"].items]
    assert [MAIL] == [item.name for item in firm.related["people"].items]
    assert any("Townsend (direct, relation)" in line for line in one.lines())


def test_a_view_is_json(house: House) -> None:
    house.money = MoneyRules("USD", rates=(Rate.on("EUR", "USD", Decimal(2), "2026-01-01"),))
    money = {"amount": 100, "currencyCode": "EUR"}
    house.take(
        "opportunity", opportunity("o", day=3, opportunityAmount=money, expectedCloseDate="2026-04-01")
    )

    written = json.loads(
        json.dumps(shown(house, "opportunity", "o@crm1.Salesforce").to_json(), default=plain)
    )

    assert 200 == written["values"]["opportunityAmount.amount"]["value"]
    assert "2026-04-01" == written["values"]["expectedCloseDate"]["value"]
    assert "2026-03-03T00:00:00Z" == written["records"][0]["at"]


def test_a_number_that_was_rounded_is_shown_as_it_was_spelled(house: House) -> None:
    score, employees = Decimal("45.12345678949"), Decimal("12e1")
    house.take("person", person("1", MAIL, 2, b2b={"personScore": score}))
    house.take("person", person("2", MAIL, 3, b2b={"personScore": 45}))
    house.take("account", account("A", accountOrganization={"numberOfEmployees": employees}))
    house.take("event", {"_id": "e", "timestamp": "2026-03-17T12:00:00Z", "personKey": key("1")})

    found = shown(house, "person", MAIL)
    (lost,) = found.values["b2b.personScore"].others
    firm = shown(house, "account", "A@crm1.Salesforce").values["accountOrganization.numberOfEmployees"]

    assert (Decimal("45.123456789"), "45.12345678949") == (lost.value, lost.spelled)
    assert found.values["b2b.personScore"].winner.spelled is None
    assert (120, "1.2E+2") == (firm.value, firm.winner.spelled)
    assert "1.2E+2" == firm.to_json()["spelled"]
    assert any("(as 45.12345678949)" in line for line in found.lines())


def test_somebody_known_from_events_alone_has_a_view(house: House) -> None:
    row = {"_id": "1", "timestamp": "2026-03-17T12:00:00Z", "identityMap": {"ECID": [{"id": "38"}]}}
    house.take("event", row)

    found = shown(house, "person", "ECID:38")

    assert NOW - timedelta(days=1) == found.since
    assert ({"ECID": ["38"]}, (), {}) == (found.identities, found.records, found.values)
    assert found.id == shown(house, "event", "1").related["person"].items[0].id


def test_a_retired_record_is_found_and_shown_as_such(house: House) -> None:
    house.take("account", account("A", accountName="Gone", isDeleted=True))

    found = shown(house, "account", "A@crm1.Salesforce")

    assert (True, "Gone") == (found.retired, found.value("accountName"))


def test_an_event_has_a_view(house: House) -> None:
    row = {
        "_id": "e1",
        "timestamp": "2026-03-17T12:00:00Z",
        "eventType": "web",
        "personKey": key("1"),
        "x": 1,
    }
    house.take("event", row)

    found = shown(house, "event", "e1")

    assert ("web", {"x": 1}) == (found.value("eventType"), found.value("extra"))
    assert {"event": ["e1"]} == found.identities


def test_a_graph_names_links_with_reason_source_and_time(house: House) -> None:
    house.take("person", person("1", MAIL, 2))
    identities = {"Email": [{"id": MAIL}], "ECID": [{"id": "38"}]}
    house.take("event", {"_id": "1", "timestamp": "2026-03-17T12:00:00Z", "identityMap": identities})

    found = graph(house, "ECID:38")

    assert ("ECID:38", f"Email:{MAIL}", "b2b_person:1@crm1.Salesforce") == found.identities
    assert {
        (f"Email:{MAIL}", "b2b_person:1@crm1.Salesforce", "record", "crm_1"),
        ("ECID:38", f"Email:{MAIL}", "event", "crm_1"),
    } == {(one.first, one.second, one.reason, one.source) for one in found.links}
    assert () == found.removed


def test_a_graph_says_what_was_left_out_and_why(house: House) -> None:
    house.identity = IdentityRules(
        (Namespace("b2b_person"), Namespace("Email", unique=True), Namespace("ECID"))
    )
    house.take("person", person("1", MAIL, 2))
    for at, mail in ((1, MAIL), (2, "q@bodea.example")):
        identities = {"Email": [{"id": mail}], "ECID": [{"id": "38"}]}
        house.take("event", {"_id": mail, "timestamp": f"2026-03-1{at}T12:00:00Z", "identityMap": identities})

    found = graph(house, MAIL)

    assert [("ECID:38", f"Email:{MAIL}")] == [(one.first, one.second) for one in found.removed]
    assert "two values" in found.removed[0].reason
    assert {"person": 1} == {cls: count for cls, count in house.unify().report.removed.items() if count}


def test_a_graph_tells_of_values_that_join_too_many(house: House) -> None:
    house.identity = IdentityRules(links_per_value=1)
    house.take("person", person("1", MAIL), person("2", MAIL))

    found = graph(house, "1@crm1.Salesforce")

    assert () == found.links
    assert ["the value joins too many records"] == [one.reason for one in found.removed]


def test_merges_and_master_data_are_reasons(house: House) -> None:
    house.take("person", person("1", MAIL), person("2", "q@bodea.example"))
    merge = {"mergeLeads": {"sourceKeys": [key("2")]}}
    house.take(
        "event",
        {"_id": "m", "timestamp": "2026-03-17T12:00:00Z", "personKey": key("1"), "leadOperation": merge},
    )
    house.take("account", account("A"), account("B"))
    same = {"golden_id": "G", "source_system": "Salesforce", "source_instance": "crm1"}
    house.take("account_xref", same | {"source_key": "A"}, same | {"source_key": "B"}, source="mdm")

    assert "merge" in {one.reason for one in graph(house, MAIL).links}
    assert {"master data G"} == {one.reason for one in graph(house, "B@crm1.Salesforce").links}
    assert "1@crm1.Salesforce" == house.row("person")["b2b.personKey.sourceKey"]


def test_a_merge_retires_the_loser_from_its_instant_on(house: House) -> None:
    house.take(
        "person", person("1", MAIL, 2), person("2", "q@bodea.example", 9, b2b={"personStatus": "loser"})
    )
    merge = {"mergeLeads": {"sourceKeys": [key("2")]}}
    house.take(
        "event",
        {"_id": "m", "timestamp": "2026-03-17T12:00:00Z", "personKey": key("1"), "leadOperation": merge},
    )

    before = house.unify(NOW.replace(day=16))
    after = house.unify()

    assert NOW_MS - DAY_MS == before.until_ms
    assert 2 == len(house.rows("person", before))
    assert "b2b.personStatus" not in house.row("person", after)
    assert find(after, "person", "2@crm1.Salesforce") == find(after, "person", MAIL)


def test_changes_count_what_would_join_and_split(house: House) -> None:
    house.take("person", person("1", MAIL), person("2", MAIL), person("3", "q@bodea.example"))
    one = house.unify()
    house.identity = IdentityRules(blocked={"Email": frozenset({MAIL})})
    other = house.unify()

    (split,) = cluster_changes(one, other)
    (joined,) = cluster_changes(other, one)

    assert (2, 3, 0, 1) == (split.before, split.after, split.joined, split.split)
    assert (3, 2, 2, 0) == (joined.before, joined.after, joined.joined, joined.split)
    assert "person" == split.to_json()["class"]
