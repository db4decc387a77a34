"""The benchmark's world is loaded whole, unified into its true people and companies, and truly answered."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import audiences, ours, world
from benchmarks.measure import Line, in_turns
from benchmarks.peers import hundred


@pytest.mark.slow
def test_the_made_up_world_is_what_its_truth_says(tmp_path: Path) -> None:
    made, store = world.make(tmp_path, "XS"), tmp_path / "store"
    size = world.SIZES["XS"]
    rows = {one.cls: one.rows for one in ours.load(made, store)}
    ours.unify(store)
    counted = ours.entities(store)
    found = ours.audience(store, made, rounds=1)
    six, many = audiences.six(store, rounds=1), audiences.many(store, 100, rounds=1)

    assert (size.people, size.accounts, size.accounts) == (
        rows["person"],
        rows["account"],
        rows["account_xref"],
    )
    assert {"person": size.humans, "account": size.companies} == counted
    assert found.members == found.true_members > 0
    assert 6 == len([one for one in six.values() if one.members > 0])
    assert many.members > 0


def test_the_same_size_gives_the_same_world(tmp_path: Path) -> None:
    one, other = world.make(tmp_path / "a", "XS"), world.make(tmp_path / "b", "XS")

    assert (one / "event.parquet").read_bytes() == (other / "event.parquet").read_bytes()


def test_no_two_of_many_audiences_are_the_same() -> None:
    asked = hundred.asked(1_000)

    assert 1_000 == len({one.pql for one in asked}) == len({one.query for one in asked})


def test_a_goal_is_a_ratio_where_there_is_a_peer() -> None:
    assert [True, False, True, False, None] == [
        Line("x", 12, "ms", goal=1.3, peer=10).reached,
        Line("x", 14, "ms", goal=1.3, peer=10).reached,
        Line("x", 6, "rows/s", goal=5).reached,
        Line("x", 6, "s", goal=5).reached,
        Line("x", 6, "s").reached,
    ]


def test_contestants_run_in_turns_after_a_round_that_warms_up() -> None:
    ran: list[str] = []
    in_turns({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, rounds=2)

    assert ["a", "b"] * 3 == ran
