"""Membership is a history: one transition a member, whatever becomes of numbers, stores and processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from townsend.activation.membership import Moved, members_recorded, record_membership
from townsend.store.facts import Facts
from townsend.store.state import State

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AUDIENCE = "buyers"


@dataclass
class History:
    """Both stores, and who holds which number."""

    folder: Path
    facts: Facts
    state: State
    held: dict[int, int] = field(default_factory=dict)
    hours: int = 0

    def record(self, *ids: int, cause: str = "run") -> Moved:
        self.hours += 1
        return record_membership(
            self.facts,
            self.state,
            AUDIENCE,
            ids,
            now=NOW + timedelta(hours=self.hours),
            version="v1",
            cause=cause,
            held=self.holder,
        )

    def holder(self, ids: Iterable[int]) -> Mapping[int, int]:
        found = {one: self.held.get(one, one) for one in ids}
        return {one: entity for one, entity in found.items() if entity > 0}

    def rows(self) -> list[tuple[int, str]]:
        return self.facts.con.execute("SELECT id, change FROM facts.transition ORDER BY rowid").fetchall()

    def said(self) -> list[tuple[int, str]]:
        return [row for row in self.rows() if row[1] in ("entered", "left")]

    def lose_state(self) -> None:
        self.state.close()
        for file in self.folder.glob("state.sqlite*"):
            file.unlink()
        self.state = State.open(self.folder / "state.sqlite")


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    found = History(tmp_path, Facts.open(tmp_path / "townsend.duckdb"), State.open(tmp_path / "state.sqlite"))
    yield found
    found.facts.close()
    found.state.close()


def test_who_enters_and_leaves_is_written_once(history: History) -> None:
    assert [Moved(2, 0), Moved(1, 1), Moved(0, 0)] == [
        history.record(1, 2),
        history.record(2, 3),
        history.record(2, 3),
    ]
    assert [(1, "entered"), (2, "entered"), (1, "left"), (3, "entered")] == history.rows()
    assert {2, 3} == history.state.members.ids(AUDIENCE)


def test_a_row_knows_its_instant_version_and_cause(history: History) -> None:
    history.record(7, cause="activate")

    row = history.facts.one("SELECT * FROM facts.transition")

    at_ms = int((NOW + timedelta(hours=1)).timestamp() * 1000)
    assert (AUDIENCE, 7, "entered", at_ms, "v1", "activate") == row
    assert {7: at_ms} == history.state.members.since(AUDIENCE)


def test_a_member_that_is_merged_neither_leaves_nor_enters(history: History) -> None:
    history.record(5)
    since = history.state.members.since(AUDIENCE)[5]
    history.held = {5: 2}

    assert Moved(0, 0) == history.record(2)
    assert {2: since} == history.state.members.since(AUDIENCE)
    assert [(5, "entered")] == history.said()


def test_two_members_that_become_one_leave_once(history: History) -> None:
    history.record(2, 5)
    history.held = {5: 2}
    history.record(2)

    assert Moved(0, 1) == history.record()
    assert [(2, "entered"), (5, "entered"), (2, "left")] == history.said()
    history.lose_state()
    assert {} == members_recorded(history.facts, history.state, AUDIENCE)


def test_a_split_lets_the_other_part_enter(history: History) -> None:
    history.record(5)
    history.held = {5: 2}
    history.record(2)
    history.held = {}

    assert Moved(1, 0) == history.record(2, 5)


def test_who_is_nobody_any_more_leaves(history: History) -> None:
    history.record(5)
    history.held = {5: 0}

    assert Moved(0, 1) == history.record()


def test_a_copy_that_is_behind_is_rebuilt(history: History) -> None:
    """A crash between both stores: the facts know, the copy does not."""
    history.record(1, 2)
    with history.state.transaction():
        history.state.members.clear(AUDIENCE)
        history.state.members.mark(AUDIENCE, 0, "v0", 0)

    assert Moved(0, 0) == history.record(1, 2)
    assert {1, 2} == history.state.members.ids(AUDIENCE)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_history_replayed_is_the_copy_through_merges_splits_and_losses(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng, folder = Random(seed), tmp_path_factory.mktemp("history")
    history = History(folder, Facts.open(folder / "townsend.duckdb"), State.open(folder / "state.sqlite"))
    try:
        inside: set[int] = set()
        for _ in range(8):
            history.held = {n: rng.randint(1, n) for n in range(1, 9)}
            history.held = {n: _root(history.held, n) for n in history.held}
            entities = sorted(set(history.held.values()))
            members = {one for one in entities if rng.random() < 0.5}
            before = {history.held[one] for one in inside}
            if rng.random() < 0.3:
                history.lose_state()
            moved = history.record(*sorted(members))

            assert Moved(len(members - before), len(before - members)) == moved
            assert members == history.state.members.ids(AUDIENCE)
            history.lose_state()
            assert members == members_recorded(history.facts, history.state, AUDIENCE).keys()
            inside = members
    finally:
        history.facts.close()
        history.state.close()


def _root(held: Mapping[int, int], number: int) -> int:
    while held[number] != number:
        number = held[number]
    return number
