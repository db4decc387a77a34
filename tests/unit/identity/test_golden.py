"""Which cross-reference rows hold, and what they link."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.profiles.house import NOW, House, account, house

from townsend.identity import IdentityRules

__all__ = ["house"]

SAME = {"entity_type": "account", "golden_id": "G", "source_system": "salesforce", "source_instance": "crm1"}


def companies(house: House, *rows: dict[str, Any], **traits: Any) -> int:
    """How many companies A, B and C are once these rows are there."""
    house.take("account", account("A"), account("B"), account("C"))
    if rows:
        house.take("account_xref", *(SAME | row for row in rows), source="mdm", **traits)
    return len(house.rows("account"))


def test_records_of_one_golden_record_are_one_company(house: House) -> None:
    assert 2 == companies(house, {"source_key": "A"}, {"source_key": "B"})


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"status": "inactive"}, 3),
        ({"status": "Active "}, 2),
        ({"status": "who knows"}, 3),
        ({"valid_from": "2026-03-18T12:00:00Z"}, 2),
        ({"valid_from": "2026-03-18T12:00:00.001Z"}, 3),
        ({"valid_to": "2026-03-18T12:00:00Z"}, 3),
        ({"valid_to": "2026-03-18T12:00:00.001Z"}, 2),
        ({"match_confidence": 0.5}, 2),
    ],
)
def test_a_row_counts_while_it_is_active_and_valid(house: House, more: dict[str, Any], expected: int) -> None:
    assert expected == companies(house, {"source_key": "A"}, {"source_key": "B"} | more)


def test_a_confidence_below_the_least_does_not_count_and_none_does(house: House) -> None:
    house.identity = IdentityRules(min_confidence=0.9)
    rows = [{"source_key": "A"}, {"source_key": "B", "match_confidence": 0.8}, {"source_key": "C"}]

    assert 2 == companies(house, *rows)


def test_words_that_are_not_understood_are_reported(house: House) -> None:
    companies(house, {"source_key": "A"}, {"source_key": "B", "status": "who knows"})

    report = house.unify().report

    assert {"who knows": 1} == report.statuses
    assert any("'who knows'" in line for line in report.lines())


def test_a_newer_version_of_a_row_withdraws_it_and_each_part_has_its_old_id(house: House) -> None:
    companies(house)
    before = {row["id"] for row in house.rows("account")}
    assert 2 == companies(house, {"source_key": "A"}, {"source_key": "B"}, now=NOW)

    gone = {"source_key": "B", "status": "inactive", "updated_at": "2026-04-01T00:00:00Z"}

    assert 3 == companies(house, gone)
    assert before == {row["id"] for row in house.rows("account")}


def test_a_record_claimed_twice_is_linked_by_neither_and_reported(house: House) -> None:
    rows = [
        {"source_key": "A"},
        {"source_key": "B"},
        {"source_key": "B", "golden_id": "H"},
        {"source_key": "C", "golden_id": "H"},
    ]

    assert 3 == companies(house, *rows)
    assert [("account", "B@crm1.Salesforce", ["G", "H"])] == house.unify().report.conflicts


def test_absence_from_a_newer_snapshot_withdraws(house: House) -> None:
    assert 2 == companies(house, {"source_key": "A"}, {"source_key": "B"}, mode="snapshot")
    assert 3 == companies(house, {"source_key": "A"}, mode="snapshot")


def test_absence_from_a_newer_delta_does_not(house: House) -> None:
    assert 2 == companies(house, {"source_key": "A"}, {"source_key": "B"})
    assert 1 == companies(house, {"source_key": "C"})


def test_master_data_about_a_record_that_comes_later_waits_for_it(house: House) -> None:
    house.take("account_xref", SAME | {"source_key": "A"}, SAME | {"source_key": "B"}, source="mdm")

    assert 2 == companies(house)


def test_a_retired_record_is_not_linked(house: House) -> None:
    house.take("account", account("A"), account("B", isDeleted=True), account("C"))
    rows = [SAME | {"source_key": one} for one in "ABC"]
    house.take("account_xref", *rows, source="mdm")

    assert 1 == len(house.rows("account"))
    assert 1 == len(house.rows("account_retired"))
