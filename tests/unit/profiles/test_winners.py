"""Who gives an entity which of its fields, where several records each say some of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.unit.profiles.house import House, house, person

from townsend.profiles import MergePolicy, combine, winners

__all__ = ["house"]

EMAIL = "one@bodea.example"


def test_each_field_comes_from_the_newest_record_that_says_it(house: House) -> None:
    house.take("person", person("p1", EMAIL, 1, b2b={"personStatus": "old", "personSource": "web"}))
    house.take("person", person("p2", EMAIL, 2, b2b={"personStatus": "new", "personType": "lead"}))
    house.take("person", person("p3", EMAIL, 3, workAddress={"city": "Berlin"}))

    row = house.row("person")

    assert ("new", "web", "lead", "Berlin") == (
        row["b2b.personStatus"],
        row["b2b.personSource"],
        row["b2b.personType"],
        row["workAddress.city"],
    )


def test_one_other_record_that_gives_something_is_enough(house: House) -> None:
    house.take("person", person("p1", EMAIL, 1, b2b={"personStatus": "old", "personSource": "web"}))
    house.take("person", person("p2", EMAIL, 2, b2b={"personStatus": "new"}))

    row = house.row("person")

    assert ("new", "web") == (row["b2b.personStatus"], row["b2b.personSource"])


def test_a_null_said_by_an_older_record_stays_hidden_and_said_by_the_newest_clears(house: House) -> None:
    house.take("person", person("p1", EMAIL, 1, b2b={"personStatus": None, "personSource": "web"}))
    house.take("person", person("p2", EMAIL, 2, b2b={"personStatus": "new", "personSource": None}))

    row = house.row("person")

    assert ("new", None) == (row.get("b2b.personStatus"), row.get("b2b.personSource"))


def test_a_field_with_a_policy_of_its_own_may_come_from_a_record_that_loses_all_others(house: House) -> None:
    house.merge = {
        "person": MergePolicy(fields={"b2b.personStatus": MergePolicy("source", ("crm_2", "crm_1"))})
    }
    older = {"personStatus": "trusted", "personSource": "older"}
    house.take("person", person("p1", EMAIL, 1, b2b=older), source="crm_2")
    newer = {"personStatus": "newest", "personSource": "newer"}
    house.take("person", person("p2", EMAIL, 2, b2b=newer), source="crm_1")

    row = house.row("person")

    assert ("trusted", "newer") == (row["b2b.personStatus"], row["b2b.personSource"])


def test_more_groups_of_fields_than_a_word_has_bits_are_told_apart(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winners, "_BITS", 2)
    house.take("person", person("p1", EMAIL, 1, b2b={"personSource": "web"}, workAddress={"city": "Bonn"}))
    house.take("person", person("p2", EMAIL, 2, b2b={"personStatus": "new"}, workAddress={"state": "BE"}))
    house.take("person", person("p3", EMAIL, 3, b2b={"personType": "lead"}, note="undeclared"))

    row = house.row("person")

    found = [row[f"b2b.person{name}"] for name in ("Source", "Status", "Type")]
    assert ["web", "new", "lead"] == found
    assert ("Bonn", "BE") == (row["workAddress.city"], row["workAddress.state"])
    assert '{"note":"undeclared"}' == row["extra"]


@pytest.mark.parametrize("size", [1, 3, 7, 1_000])
def test_slices_of_any_size_give_the_same(house: House, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(winners, "_SLICE", size)
    monkeypatch.setattr(combine, "_SLICE", size)
    for human in range(9):
        for place in range(1 + human % 4):
            row = person(
                f"p{human}-{place}",
                f"h{human}@bodea.example",
                1 + place,
                b2b={("personSource", "personStatus", "personType")[place % 3]: f"{human}-{place}"},
                note={f"n{place}": human},
            )
            house.take("person", row)

    rows = {row["b2b.personSource"]: row for row in house.rows("person")}

    # The fourth record, if there is one, says the source anew.
    assert {f"{human}-{3 if human % 4 == 3 else 0}" for human in range(9)} == set(rows)
    assert ("3-1", "3-2") == (rows["3-3"]["b2b.personStatus"], rows["3-3"]["b2b.personType"])
    assert '{"note":{"n0":3,"n1":3,"n2":3,"n3":3}}' == rows["3-3"]["extra"]


def test_identities_are_read_from_the_dictionary_in_a_stored_world_and_in_one_in_memory(house: House) -> None:
    house.take("person", person("p1", EMAIL, 1))
    expected = [("Email", EMAIL), ("b2b_person", "p1@crm1.Salesforce")]

    stored = house.unify()
    past = house.unify(as_of=datetime(2026, 3, 10, tzinfo=UTC))

    for world in (stored, past):
        found = house.facts.con.execute(
            f"SELECT space, value FROM {world.name}.identity ORDER BY ALL"
        ).fetchall()
        assert expected == sorted(found)
