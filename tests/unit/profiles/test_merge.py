"""Whose value wins, and what several records make together."""

from __future__ import annotations

import json
from decimal import Decimal

from tests.unit.profiles.house import NOW, House, account, house, key, opportunity, person

from townsend.identity import IdentityRules
from townsend.profiles import MergePolicy

__all__ = ["house"]

MAIL = "p@bodea.example"


def test_the_newest_value_wins_field_by_field(house: House) -> None:
    house.take("person", person("1", MAIL, 2, b2b={"personStatus": "old", "personSource": "fair"}))
    house.take("person", person("crm2/1", MAIL, 5, b2b={"personStatus": "new"}), source="crm_2")

    row = house.row("person")

    assert ("new", "fair") == (row["b2b.personStatus"], row["b2b.personSource"])


def test_the_order_of_arrival_does_not_matter(house: House) -> None:
    house.take("person", person("crm2/1", MAIL, 5, b2b={"personStatus": "new"}), source="crm_2")
    house.take("person", person("1", MAIL, 2, b2b={"personStatus": "old"}))

    assert "new" == house.row("person")["b2b.personStatus"]


def test_equal_times_go_by_the_order_of_sources_then_by_key(house: House) -> None:
    for instance in ("crm3", "crm1", "crm2"):
        row = person(f"{instance}/1", MAIL, 5, b2b={"personStatus": instance})
        house.take("person", row, source=instance)
    assert "crm1" == house.row("person")["b2b.personStatus"]

    house.merge = {"person": MergePolicy("time", ("crm2",))}

    assert "crm2" == house.row("person")["b2b.personStatus"]


def test_the_first_source_of_the_order_that_has_a_value_wins(house: House) -> None:
    house.merge = {"person": MergePolicy("source", ("crm_1", "crm_2"))}
    house.take("person", person("1", MAIL, 2, b2b={"personStatus": "trusted"}))
    newer = person("crm2/1", MAIL, 5, b2b={"personStatus": "newer", "personSource": "fair"})
    house.take("person", newer, source="crm_2")

    row = house.row("person")

    assert ("trusted", "fair") == (row["b2b.personStatus"], row["b2b.personSource"])


def test_one_field_may_have_a_policy_of_its_own(house: House) -> None:
    house.merge = {
        "person": MergePolicy("time", fields={"b2b.personSource": MergePolicy("source", ("crm_1",))})
    }
    house.take("person", person("1", MAIL, 2, b2b={"personStatus": "old", "personSource": "trusted"}))
    newer = person("crm2/1", MAIL, 5, b2b={"personStatus": "new", "personSource": "newer"})
    house.take("person", newer, source="crm_2")

    row = house.row("person")

    assert ("new", "trusted") == (row["b2b.personStatus"], row["b2b.personSource"])


def test_by_changed_a_record_that_only_repeats_itself_does_not_win(house: House) -> None:
    house.merge = {"person": MergePolicy("changed")}
    house.take("person", person("1", MAIL, 1, b2b={"personStatus": "A", "personSource": "x"}))
    house.take("person", person("1", MAIL, 9, b2b={"personStatus": "A", "personSource": "y"}))
    house.take(
        "person", person("crm2/1", MAIL, 5, b2b={"personStatus": "B", "personSource": "z"}), source="crm_2"
    )

    row = house.row("person")

    assert ("B", "y") == (row["b2b.personStatus"], row["b2b.personSource"])


def test_an_explicit_null_is_a_value_and_clears(house: House) -> None:
    house.take("person", person("1", MAIL, 2, b2b={"personStatus": "old", "personSource": "fair"}))
    house.take("person", person("crm2/1", MAIL, 5, b2b={"personStatus": None}), source="crm_2")

    row = house.row("person")

    assert "b2b.personStatus" not in row
    assert "fair" == row["b2b.personSource"]


def test_a_key_object_wins_or_loses_whole(house: House) -> None:
    full, short = key("9"), {"sourceKey": "7@crm1.Salesforce"}
    house.take("person", person("1", MAIL, 2, b2b={"convertedContactKey": full}))
    house.take("person", person("crm2/1", MAIL, 5, b2b={"convertedContactKey": short}), source="crm_2")

    row = house.row("person")
    found = {name: value for name, value in row.items() if name.startswith("b2b.convertedContactKey.")}

    assert "7@crm1.Salesforce" == found["b2b.convertedContactKey.sourceKey"]
    assert "9" not in found.values()


def test_money_wins_or_loses_whole(house: House) -> None:
    same = {"extSourceSystemAudit": {"externalKey": key("o1"), "lastUpdatedDate": "2026-03-09T00:00:00Z"}}
    dated = {"amount": 5, "currencyCode": "USD", "conversionDate": "2026-01-01T00:00:00Z"}
    house.take("opportunity", opportunity("o1", day=2, opportunityAmount=dated))
    house.take("opportunity", opportunity("o2", opportunityAmount={"amount": 7}) | same, source="crm_2")

    row = house.row("opportunity")

    assert Decimal(7) == row["opportunityAmount.amount"]
    assert "opportunityAmount.conversionDate" not in row


def test_a_whole_version_takes_back_what_it_does_not_name(house: House) -> None:
    house.take("person", person("1", MAIL, 2, b2b={"personStatus": "old", "personSource": "fair"}))
    house.take("person", person("1", MAIL, 5, b2b={"personStatus": "new"}))

    row = house.row("person")

    assert "new" == row["b2b.personStatus"]
    assert "b2b.personSource" not in row


def test_a_patch_leaves_standing_what_it_does_not_name_at_its_own_time(house: House) -> None:
    house.take(
        "person", person("1", MAIL, 2, b2b={"personStatus": "first", "personSource": "fair"}), rows="patch"
    )
    house.take("person", person("1", day=9, b2b={"personStatus": "patched"}), rows="patch")
    newer = person("crm2/1", MAIL, 5, b2b={"personStatus": "other", "personSource": "web"})
    house.take("person", newer, source="crm_2")

    row = house.row("person")

    assert ("patched", "web") == (row["b2b.personStatus"], row["b2b.personSource"])
    assert MAIL == row["workEmail.address"]


def test_by_changed_a_patch_that_names_nothing_changes_nothing(house: House) -> None:
    house.merge = {"person": MergePolicy("changed")}
    house.take("person", person("1", MAIL, 1, b2b={"personStatus": "A"}), rows="patch")
    house.take("person", person("1", day=9, b2b={"personSource": "y"}), rows="patch")
    house.take("person", person("crm2/1", MAIL, 5, b2b={"personStatus": "B"}), source="crm_2")

    row = house.row("person")

    assert ("B", "y") == (row["b2b.personStatus"], row["b2b.personSource"])


def component(record: str, of: str, kind: str) -> dict[str, object]:
    return {"sourcePersonKey": key(record), "sourceAccountKey": key(of), "personType": kind}


def test_components_unite_and_the_newest_group_of_a_key_replaces_the_older(house: House) -> None:
    old = [component("1", "A", "old"), component("1", "B", "old"), component("2", "C", "kept")]
    house.take("person", person("1", MAIL, 2, personComponents=old))
    newer = [component("1", "D", "new"), component("1", "E", "new")]
    house.take("person", person("crm2/1", MAIL, 5, personComponents=newer), source="crm_2")

    found = json.loads(house.row("person")["personComponents"])

    assert [("2", "C"), ("1", "D"), ("1", "E")] == [
        (one["sourcePersonKey"]["sourceID"], one["sourceAccountKey"]["sourceID"]) for one in found
    ]


def test_components_of_several_records_all_stay(house: House) -> None:
    for at, instance in enumerate(("crm1", "crm2", "crm3"), 1):
        row = person(f"{instance}/{at}", MAIL, at, personComponents=[component(str(at), f"A{at}", "x")])
        house.take("person", row, source=instance)

    found = json.loads(house.row("person")["personComponents"])

    assert ["A1", "A2", "A3"] == [one["sourceAccountKey"]["sourceID"] for one in found]


def test_numbers_in_components_stay_exact(house: House) -> None:
    score = Decimal("12345678901234567.123456789")
    for at in (1, 2):
        items = [component(str(at), "A", "x") | {"personScore": score}]
        house.take("person", person(f"crm{at}/1", MAIL, at, personComponents=items), source=f"crm_{at}")

    assert 2 == house.row("person")["personComponents"].count(str(score))


def test_other_arrays_are_replaced_whole(house: House) -> None:
    house.take("person", person("1", MAIL, 2, organizations=["a", "b"]))
    house.take("person", person("crm2/1", MAIL, 5, organizations=["c"]), source="crm_2")

    assert ["c"] == json.loads(house.row("person")["organizations"])


def test_maps_unite_by_key_and_identity_maps_keep_every_identity(house: House) -> None:
    first = {"Phone": [{"id": "1"}], "Email": [{"id": MAIL}]}
    second = {"Phone": [{"id": "2"}], "Email": [{"id": MAIL}]}
    memberships = [
        {"ups": {"a": {"status": "realized"}, "b": {"status": "realized"}}},
        {"ups": {"a": {"status": "exited"}}},
    ]
    house.take("person", person("1", None, 2, identityMap=first, segmentMembership=memberships[0]))
    house.take(
        "person", person("crm2/1", None, 5, identityMap=second, segmentMembership=memberships[1]), source="b"
    )

    row = house.row("person")

    assert {"Phone": [{"id": "1"}, {"id": "2"}], "Email": [{"id": MAIL}]} == json.loads(row["identityMap"])
    assert {"ups": {"a": {"status": "exited"}, "b": {"status": "realized"}}} == json.loads(
        row["segmentMembership"]
    )


def test_undeclared_fields_unite_leaf_by_leaf(house: House) -> None:
    house.take("person", person("1", MAIL, 2, custom={"a": 1, "b": Decimal("2.50")}, tier="old"))
    house.take("person", person("crm2/1", MAIL, 5, custom={"a": "x"}, tier="new"), source="crm_2")

    assert '{"custom":{"a":"x","b":2.50},"tier":"new"}' == house.row("person")["extra"]


def test_retired_records_say_nothing_and_stay_readable_apart(house: House) -> None:
    house.take("account", account("1", accountName="Live"), account("2", accountName="Gone", isDeleted=True))

    assert ["Live"] == [row["accountName"] for row in house.rows("account")]
    assert ["Gone"] == [row["accountName"] for row in house.rows("account_retired")]


def test_as_of_takes_of_each_record_the_version_of_then(house: House) -> None:
    house.take("person", person("1", MAIL, 2, b2b={"personStatus": "then"}))
    house.take("person", person("1", MAIL, 9, b2b={"personStatus": "now"}))
    house.take("person", person("2", "late@bodea.example", 9, b2b={"personStatus": "late"}))

    world = house.unify(as_of=NOW.replace(day=5))
    found = {row["b2b.personStatus"] for row in house.rows("person", world)}

    assert {"then", "late"} == found
    assert {"now", "late"} == {row["b2b.personStatus"] for row in house.rows("person")}


def test_accounts_unify_by_declared_fields(house: House) -> None:
    house.identity = IdentityRules(fields={"account": ("accountOrganization.DUNSNumber",)})
    duns = {"accountOrganization": {"DUNSNumber": "123456789"}}
    house.take(
        "account", account("1", 2, accountName="Old", **duns), account("2", 5, accountName="New", **duns)
    )

    assert "New" == house.row("account")["accountName"]
