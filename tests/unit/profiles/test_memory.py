"""The making of a world is held to a bound, and the store has its own afterwards."""

from __future__ import annotations

import duckdb
import pytest
from tests.unit.profiles.house import House, house

from townsend.profiles import memory

__all__ = ["house"]


def limit(house: House) -> int:
    return memory.bytes_of(house.facts.con.execute("SELECT current_setting('memory_limit')").fetchall()[0][0])


@pytest.mark.parametrize(
    ("text", "expected"), [("0 bytes", 0), ("512 KiB", 524_288), ("1.5 GiB", 1_610_612_736)]
)
def test_amounts_are_read_as_duckdb_spells_them(text: str, expected: int) -> None:
    assert expected == memory.bytes_of(text)


def test_many_rows_are_held_to_a_bound_and_the_store_gets_its_own_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "ROWS_LEAST", 0)
    house.facts.con.execute("SET memory_limit = '3 GiB'")
    house.facts.con.execute("SET threads = 2")

    meanwhile = memory.within_bounds(house.facts, ["person"], lambda: limit(house))

    assert memory.LEAST_BYTES + 2 * memory.BYTES_PER_THREAD == pytest.approx(meanwhile, rel=0.01)
    assert 3 << 30 == limit(house)


def test_few_rows_are_not_worth_a_bound(house: House) -> None:
    before = limit(house)

    assert before == memory.within_bounds(house.facts, ["person"], lambda: limit(house))


def test_a_store_that_has_less_keeps_what_it_has(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "ROWS_LEAST", 0)
    house.facts.con.execute("SET memory_limit = '100 MiB'")

    assert 100 << 20 == memory.within_bounds(house.facts, ["person"], lambda: limit(house))


def test_what_does_not_fit_the_bound_is_made_with_all_that_the_store_has(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "ROWS_LEAST", 0)
    had, tried = limit(house), []

    def make() -> int:
        tried.append(limit(house))
        if tried[-1] < had:
            raise duckdb.OutOfMemoryException("no room")
        return len(tried)

    assert 2 == memory.within_bounds(house.facts, ["person"], make)
    assert had == limit(house)


def test_the_bound_of_the_store_does_not_shrink_from_time_to_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "ROWS_LEAST", 0)
    had = limit(house)

    for _ in range(3):
        memory.within_bounds(house.facts, ["person"], lambda: None)

    assert had == limit(house)
