"""Master data rows: versions by their row key, deltas and snapshots."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.unit.intake.desk import NOW, NOW_MS, Desk, counts

HEAD = "entity_type,golden_id,source_system,source_instance,source_key,valid_from,status,updated_at\n"
G1 = "account,G1,salesforce,crm_1,001,2026-01-01,active,\n"
G2 = "account,G2,salesforce,crm_2,002,2026-01-01,active,\n"
LATER = NOW + timedelta(days=1)


def kept(desk: Desk) -> list[tuple[Any, ...]]:
    return desk.rows("SELECT golden_id, status, snapshot, take FROM facts.account_xref ORDER BY ALL")


def test_a_row_that_says_the_same_is_not_news(desk: Desk) -> None:
    desk.load("account_xref", desk.file("a.csv", HEAD + G1))
    more = desk.load("account_xref", desk.file("b.csv", HEAD + G1 + G2), now=LATER)

    assert {"rows": 2, "accepted": 1, "unchanged": 1} == counts(more.accepted)
    assert [("G1", "active", False, 1), ("G2", "active", False, 2)] == kept(desk)


def test_a_row_that_changes_is_one_more_version(desk: Desk) -> None:
    desk.load("account_xref", desk.file("a.csv", HEAD + G1))
    desk.load("account_xref", desk.file("b.csv", HEAD + G1.replace("active", "Withdrawn")), now=LATER)
    back = desk.load("account_xref", desk.file("c.csv", HEAD + G1 + "\n"), now=LATER + timedelta(days=1))

    assert {"rows": 1, "accepted": 1} == counts(back.accepted)
    assert ["active", "withdrawn", "active"] == [
        status for (status,) in desk.rows("SELECT status FROM facts.account_xref ORDER BY accepted_ms")
    ]


def test_a_snapshot_is_stored_whole_so_that_absence_can_be_seen(desk: Desk) -> None:
    desk.load("account_xref", desk.file("a.csv", HEAD + G1 + G2), mode="snapshot")
    less = desk.load("account_xref", desk.file("b.csv", HEAD + G2), now=LATER, mode="snapshot")

    assert {"rows": 1, "unchanged": 1} == counts(less.accepted)
    assert [("G1", "active", True, 1), ("G2", "active", True, 1), ("G2", "active", True, 2)] == kept(desk)


def test_a_snapshot_that_says_less_changes_facts(desk: Desk) -> None:
    desk.load("account_xref", desk.file("a.csv", HEAD + G1 + G2), mode="snapshot")
    revision = desk.facts.revision()
    desk.load("account_xref", desk.file("b.csv", HEAD + G2), mode="snapshot")

    assert revision < desk.facts.revision()


def test_an_older_snapshot_is_news_again_after_another(desk: Desk) -> None:
    first, second = desk.file("a.csv", HEAD + G1 + G2), desk.file("b.csv", HEAD + G2)
    taken = [
        desk.load("account_xref", path, mode="snapshot").skipped for path in (first, second, first, first)
    ]

    assert [False, False, False, True] == taken


def test_an_empty_snapshot_is_taken_as_one(desk: Desk) -> None:
    desk.load("account_xref", desk.file("a.csv", HEAD + G1), mode="snapshot")
    revision = desk.facts.revision()
    empty = desk.load("account_xref", desk.file("b.csv", HEAD), now=LATER, mode="snapshot")

    assert not empty.skipped
    assert [(1, 1), (2, 0)] == desk.rows("SELECT id, rows FROM facts.take ORDER BY id")
    assert revision < desk.facts.revision()


def test_blanks_are_trimmed_and_the_type_defaults_to_account(desk: Desk) -> None:
    desk.load(
        "account_xref", desk.file("a.csv", "golden_id,source_system,source_key\n G1 , salesforce ,001 \n")
    )

    assert [("account", "G1", "salesforce", "001", "active", NOW_MS)] == desk.rows(
        "SELECT entity_type, golden_id, source_system, source_key, status, accepted_ms "
        "FROM facts.account_xref"
    )


def test_a_row_without_a_golden_record_is_set_aside(desk: Desk) -> None:
    desk.load("account_xref", desk.file("a.csv", HEAD + G1.replace("G1", "")))

    assert [("a.csv:2", "golden_id", "row.key_missing", None)] == desk.refusals()


def test_columns_that_mean_nothing_are_named(desk: Desk) -> None:
    report = desk.load("account_xref", desk.file("a.csv", "golden_id,colour\nG1,red\n"))

    assert "colour" in report.accepted.notes[0]
