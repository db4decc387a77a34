"""Look-ups by number: the same rows whether a table is looked through or lies in order."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from townsend.profiles import shelf
from townsend.profiles.shelf import Shelves


@pytest.fixture
def shelves() -> Iterator[Shelves]:
    con = duckdb.connect()
    con.execute("CREATE TABLE t (id INTEGER, name VARCHAR)")
    con.execute("INSERT INTO t VALUES (3, 'c'), (1, 'a'), (NULL, 'x'), (3, 'd')")
    con.execute("CREATE SCHEMA facts; CREATE TABLE facts.number (n INTEGER, space VARCHAR, value VARCHAR)")
    con.execute("INSERT INTO facts.number SELECT i, 'Email', 'p' || i FROM range(100) r(i)")
    yield Shelves(con)
    con.close()


def found(shelves: Shelves, *values: int) -> list[tuple[int, str]]:
    return sorted((row["id"], row["name"]) for row in shelves.rows("t", "id", list(values)))


def test_every_look_up_finds_the_same(shelves: Shelves) -> None:
    for _ in range(3):
        assert [(3, "c"), (3, "d")] == found(shelves, 3)
        assert [(1, "a"), (3, "c"), (3, "d")] == found(shelves, 3, 2, 1, 3)
        assert [] == found(shelves, 2)


def test_the_second_look_up_puts_a_table_in_order(shelves: Shelves) -> None:
    found(shelves, 3)
    before = dict(shelves._shelves)
    found(shelves, 3)

    assert {} == before
    assert [("t", "id")] == list(shelves._shelves)


def test_a_large_table_stays_where_it_is(shelves: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "KEPT_ROWS_MAX", 2)
    for _ in range(3):
        assert [(1, "a")] == found(shelves, 1)

    assert {("t", "id"): None} == shelves._shelves


def test_a_table_that_is_not_there_has_no_rows(shelves: Shelves) -> None:
    assert [] == shelves.rows("nowhere", "id", [1])


def test_identities_are_found_however_many_are_asked_for(shelves: Shelves) -> None:
    expected = {n: ("Email", f"p{n}") for n in range(100)}

    assert expected == shelves.identities(range(200))
    assert {7: ("Email", "p7")} == shelves.identities([7, 7])
