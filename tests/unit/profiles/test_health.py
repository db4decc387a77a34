"""What is doubtful about identities is told, with examples, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.profiles.house import House, account, house, key, person

from townsend.identity import IdentityRules, Namespace
from townsend.profiles.concern import Concern
from townsend.profiles.health import health_of

__all__ = ["house"]

G = {"entity_type": "account", "source_system": "Salesforce", "source_instance": "crm1"}


def health(house: House) -> dict[str, Concern]:
    return {one.check: one for one in health_of(house.unify(), house.facts, house.identity)}


def warned(house: House) -> set[str]:
    return {check for check, one in health(house).items() if one.level == "warning"}


def met(event: str, day: int, **spaces: str) -> dict[str, Any]:
    found = {space: [{"id": value}] for space, value in spaces.items()}
    return {"_id": event, "timestamp": f"2026-03-{day:02d}T00:00:00Z", "identityMap": found}


def test_a_sound_graph_has_no_warning(house: House) -> None:
    house.take("person", person("1", "a@b.example"), person("crm2/1", "a@b.example"))
    house.take("event", met("1", 1, Email="a@b.example", ECID="1"))

    assert set() == warned(house)


@pytest.mark.parametrize(
    ("limit", "check"), [(3, "crowded"), (4, "near_limit"), (8, "near_limit"), (9, None)]
)
def test_a_value_is_told_when_it_is_over_or_near_the_limit(
    house: House, limit: int, check: str | None
) -> None:
    house.identity = IdentityRules(links_per_value=limit)
    house.take("person", *(person(f"crm{n}/1", "a@b.example") for n in range(4)))

    found = health(house)

    assert ({check} if check else set()) == {"crowded", "near_limit"} & found.keys()
    if check:
        assert {"identity": "Email:a@b.example", "records": 4, "limit": limit} == found[check].items[0].facts


@pytest.mark.parametrize(
    ("mail", "told"),
    [
        ("info@b.example", True),
        ("No-Reply@b.example", True),
        ("sales2@b.example", True),
        ("info+eu@b.example", True),
        ("information.desk@b.example", False),
        ("ingo@b.example", False),
    ],
)
def test_a_mailbox_of_a_role_is_told_if_it_joins_records(house: House, mail: str, told: bool) -> None:
    house.take("person", person("1", mail), person("crm2/1", mail), person("2", f"x{mail}"))

    assert told == ("mailboxes" in health(house))


def test_a_mailbox_of_a_role_that_joins_nobody_is_not_told(house: House) -> None:
    house.take("person", person("1", "info@b.example"))

    assert set() == warned(house)


def test_a_blocked_mailbox_is_not_told_again(house: House) -> None:
    house.identity = IdentityRules(blocked={"Email": frozenset({"info@b.example"})})
    house.take("person", person("1", "info@b.example"), person("crm2/1", "INFO@b.example"))

    found = health(house)["unlinked"].items

    assert "mailboxes" not in health(house)
    assert [1] == [one.facts["blocked"] for one in found if one.facts["namespace"] == "Email"]


def test_one_record_that_holds_two_groups_together_is_told(house: House) -> None:
    ours = [person(f"crm{n}/1", "a@b.example") for n in range(3)]
    theirs = [person(f"crm{n}/1", "c@b.example") for n in range(3, 6)]
    between = person("crm9/1", "a@b.example", identityMap={"Email": [{"id": "c@b.example"}]})
    house.take("person", *ours, *theirs)
    apart = health(house)
    house.take("person", between, source="crm_9")

    found = health(house)["bridges"]

    assert "bridges" not in apart
    assert 2 == found.count
    assert {(3, 4)} == {tuple(one.facts["records"]) for one in found.items}
    assert {"crm_9"} == {one.facts["source"] for one in found.items}


def test_a_second_way_between_two_groups_makes_neither_of_them_a_bridge(house: House) -> None:
    both = {"Email": [{"id": "c@b.example"}]}
    house.take("person", *(person(f"crm{n}/1", "a@b.example") for n in range(3)))
    house.take("person", *(person(f"crm{n}/1", "c@b.example") for n in range(3, 6)))
    house.take("person", *(person(f"crm{n}/1", "a@b.example", identityMap=both) for n in (8, 9)))

    assert "bridges" not in health(house)


def test_two_records_of_one_instance_in_one_person_are_told(house: House) -> None:
    house.take("person", person("1", "a@b.example"), person("2", "a@b.example"))

    (item,) = health(house)["instances"].items

    assert {"instance": "crm1.Salesforce", "records": 2} == {
        name: item.facts[name] for name in ("instance", "records")
    }


def test_a_lead_that_became_a_contact_is_no_duplicate(house: House) -> None:
    house.take(
        "person", person("0035e0000000001AAA", "a@b.example"), person("00Q5e0000000001AAA", "a@b.example")
    )

    assert "instances" not in health(house)


def test_links_left_out_for_a_unique_namespace_are_told(house: House) -> None:
    house.identity = IdentityRules((Namespace("Login", unique=True), Namespace("ECID")))
    house.take("event", met("1", 1, Login="Tom", ECID="1"), met("2", 2, Login="Summer", ECID="1"))

    (item,) = health(house)["removed"].items

    assert {"ECID:1", "Login:Tom"} == {item.facts["a"], item.facts["b"]}


def test_identities_that_join_nothing_are_counted_by_reason(house: House) -> None:
    house.identity = IdentityRules(links_per_value=3, blocked={"Email": frozenset({"no@b.example"})})
    house.take("person", person("1", "no@b.example"), person("2", "unknown"), person("3", "one@b.example"))
    house.take("person", *(person(f"c{n}", "many@b.example") for n in range(4)))
    house.take("person", *(person(f"crm{n}/d", "two@b.example") for n in range(2)))
    house.take("event", met("1", 1, ECID="alone"), met("2", 2, ECID="with", Email="two@b.example"))

    found = {one.facts["namespace"]: one.facts for one in health(house)["unlinked"].items}

    wanted = {"linking": 1, "one_record": 1, "alone": 0, "crowded": 1, "blocked": 1, "rejected": 1}
    assert {"namespace": "Email", **wanted} == found["Email"]
    assert (1, 1) == (found["ECID"]["linking"], found["ECID"]["alone"])


def test_unified_records_with_different_parents_are_told_and_one_of_them_holds(house: House) -> None:
    rows = [account(name, day) for day, name in enumerate("ABCD", 1)]
    rows[0]["accountParentKey"], rows[1]["accountParentKey"] = key("C"), key("D")
    house.take("account", *rows)
    apart = health(house)
    house.take("account_xref", *(G | {"golden_id": "G", "source_key": one} for one in "AB"), source="mdm")

    (item,) = health(house)["parents"].items
    holds = {row["id"]: row.get("@parent") for row in house.rows("account")}

    assert "parents" not in apart
    assert 2 == len(item.facts["parents"])
    assert holds[item.facts["id"]] == item.facts["chosen"]
    # D is the newer record's word.
    assert item.facts["chosen"] == item.facts["parents"][1]


def test_parents_that_became_one_company_are_no_disagreement(house: House) -> None:
    rows = [account(name) for name in "ABCD"]
    rows[0]["accountParentKey"], rows[1]["accountParentKey"] = key("C"), key("D")
    house.take("account", *rows)
    house.take("account_xref", *(G | {"golden_id": "G", "source_key": one} for one in "AB"), source="mdm")
    house.take("account_xref", *(G | {"golden_id": "H", "source_key": one} for one in "CD"), source="mdm")

    assert set() == warned(house) - {"instances"}


def test_rings_of_parents_are_told_and_the_way_into_a_ring_is_not(house: House) -> None:
    rows = {name: account(name) for name in "ABCDEF"}
    for child, parent in ("AB", "BC", "CA", "DA", "EF"):
        rows[child]["accountParentKey"] = key(parent)
    house.take("account", *rows.values())

    found = health(house)["rings"]

    assert 1 == found.count
    assert 3 == len(found.items[0].facts["ids"])


def test_master_data_that_contradicts_itself_or_names_unknown_systems_is_told(house: House) -> None:
    house.take("account", account("A"), account("B"))
    house.take(
        "account_xref",
        G | {"golden_id": "G", "source_key": "A"},
        G | {"golden_id": "H", "source_key": "A"},
        G | {"golden_id": "H", "source_key": "Z"},
        G | {"golden_id": "H", "source_key": "B", "source_instance": "crm_9"},
        source="mdm",
    )

    found = health(house)

    assert ["G", "H"] == found["golden"].items[0].facts["golden"]
    assert [("crm_9", 1)] == [(one.facts["instance"], one.facts["rows"]) for one in found["systems"].items]
    assert 2 == found["late"].count


def test_sentences_name_nobody(house: House) -> None:
    """They are what doctor prints; only items and advice hold values."""
    house.identity = IdentityRules(links_per_value=1)
    house.take("person", *(person(str(n), "secret@b.example") for n in range(3)))

    assert not any("secret" in one.text for one in health(house).values())


def test_an_empty_store_has_nothing_to_tell(house: House) -> None:
    assert {} == health(house)
