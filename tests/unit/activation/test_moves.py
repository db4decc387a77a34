"""Who moved is recorded once, and the copy for look-ups says what the record says, whatever became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from townsend.activation import moves
from townsend.activation.membership import members_recorded
from townsend.activation.moves import Move, record_moves
from townsend.store.facts import Facts
from townsend.store.state import State

AUDIENCE = "buyers"


class Stores:
    """Both stores of a project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts = Facts.open(folder / "townsend.duckdb")
        self.state = State.open(folder / "state.sqlite")

    def record(
        self, at_ms: int, entered: Sequence[int] = (), left: Sequence[int] = ()
    ) -> list[tuple[int, str]]:
        why = dict.fromkeys
        move = Move(AUDIENCE, "person", "v1", why(entered, "facts"), why(left, "facts"), {}, frozenset())
        return [(one.id, one.change) for one in record_moves(self.facts, self.state, [move], at_ms)]

    def lose_state(self) -> None:
        self.state.close()
        for file in self.folder.glob("state.sqlite*"):
            file.unlink()
        self.state = State.open(self.folder / "state.sqlite")

    def copied(self) -> dict[int, int]:
        return self.state.members.since(AUDIENCE)


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    found = Stores(tmp_path)
    yield found
    found.facts.close()
    found.state.close()


def test_who_moved_is_told_in_the_order_of_the_record(stores: Stores) -> None:
    first = stores.record(1, entered=[3, 1])
    second = stores.record(2, entered=[2], left=[3])

    assert [(1, "entered"), (3, "entered")] == first
    assert [(3, "left"), (2, "entered")] == second
    assert {1: 1, 2: 2} == stores.copied()


def test_a_copy_that_a_crash_left_behind_is_whole_after_the_next_move(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores.record(1, entered=[1, 2])
    with monkeypatch.context() as patch:
        patch.setattr(moves, "_copy", lambda *_: None)
        stores.record(2, entered=[3], left=[1])
    behind = stores.copied()
    stores.record(4, entered=[5])

    assert {1: 1, 2: 1} == behind
    assert {2: 1, 3: 2, 5: 4} == stores.copied() == members_recorded(stores.facts, stores.state, AUDIENCE)


def test_a_copy_that_was_lost_is_whole_after_the_next_move(stores: Stores) -> None:
    stores.record(1, entered=[1, 2])
    stores.lose_state()
    stores.record(3, entered=[4], left=[2])

    assert {1: 1, 4: 3} == stores.copied() == members_recorded(stores.facts, stores.state, AUDIENCE)
