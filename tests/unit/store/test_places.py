"""Where the events of a number lie: kept as they are added, given up when any is deleted or moved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from townsend.store import facts_places
from townsend.store.facts import Facts
from townsend.store.facts_schema import EVENT


@pytest.fixture
def facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Facts]:
    monkeypatch.setattr(facts_places, "LEAST_ROWS", 1)
    with Facts.open(tmp_path / "store" / "t.duckdb") as opened:
        with opened.transaction():
            opened.ensure("event", dict(EVENT), {"_id": "VARCHAR"})
        add(opened, 3, 1, 2, 1)
        yield opened


def add(facts: Facts, *numbers: int) -> None:
    with facts.transaction():
        facts.con.executemany("INSERT INTO facts.event (who) VALUES (?)", [[n] for n in numbers])


def places(facts: Facts, *numbers: int) -> list[int] | None:
    query = facts_places.of_numbers(facts.con)
    return None if query is None else sorted(row[0] for row in facts.con.execute(query, [numbers]).fetchall())


def test_nothing_is_known_before_it_is_kept(facts: Facts) -> None:
    assert places(facts, 1) is None


def test_events_are_found_by_number(facts: Facts) -> None:
    facts_places.keep(facts)

    assert [1, 3] == places(facts, 1)
    assert [0, 2] == places(facts, 3, 2)
    assert [] == places(facts, 9)


def test_events_that_came_later_are_added_behind(facts: Facts) -> None:
    facts_places.keep(facts)
    add(facts, 2, 1)
    before = places(facts, 1)
    facts_places.keep(facts)

    assert before is None
    assert [1, 3, 5] == places(facts, 1)


def test_a_long_tail_is_sorted_anew(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_places, "TAIL_ROWS", 1)
    facts_places.keep(facts)
    add(facts, 1, 0)
    facts_places.keep(facts)
    order = [row[0] for row in facts.con.execute("SELECT who FROM facts.event_place").fetchall()]

    assert sorted(order) == order
    assert [1, 3, 4] == places(facts, 1)


def test_deleted_events_are_never_looked_for(facts: Facts) -> None:
    facts_places.keep(facts)
    with facts.transaction():
        facts.con.execute("DELETE FROM facts.event WHERE who = 3")
        facts_places.forget(facts.con)
    before = places(facts, 1)
    facts_places.keep(facts)

    assert before is None
    assert 2 == len(places(facts, 1) or [])
    assert [] == places(facts, 3)


def test_a_deletion_that_nobody_told_of_is_noticed(facts: Facts) -> None:
    """One event less and one more: as many as before, but not where they were."""
    facts_places.keep(facts)
    with facts.transaction():
        facts.con.execute("DELETE FROM facts.event WHERE who = 3")
    add(facts, 1)

    assert places(facts, 1) is None
