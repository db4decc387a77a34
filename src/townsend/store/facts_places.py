"""Where the events of each number lie, so that one person's are found without looking at everybody's.

``facts.event_place(who, place)`` is sorted by number: a look-up reads one block of it. It says nothing that
``facts.event`` does not say, so it may be missing; whoever changes or deletes events drops it (``forget``).
Events that were added since are sorted behind them, until they are so many that all are sorted anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

import duckdb

from townsend.store.facts import Facts

__all__ = ["forget", "keep", "known", "of_few", "of_numbers"]

# What was added since all were sorted is looked at as a whole, so it may not grow long.
TAIL_ROWS = 1_000_000
# Below this many events a look at all of them costs nothing worth saving.
LEAST_ROWS = 100_000
_KEY = "event_places"


def keep(facts: Facts) -> None:
    """Bring the places up to date with the events; not inside a transaction of the store.

    Twenty million events take two seconds the first time, later ones only what they are.
    """
    if facts.read_only or not facts.columns("event"):
        return
    rows = _count(facts.con)
    had = _kept(facts.con)
    if rows < LEAST_ROWS or (had is not None and had.rows == rows and _lie_still(facts.con, had, 0)):
        return
    if had is not None and _lie_still(facts.con, had, rows - had.rows) and rows - had.sorted <= TAIL_ROWS:
        with facts.transaction():
            facts.con.execute(f"INSERT INTO {_TABLE} {_SORTED.format(since=had.next)}")
            _note(facts, rows, had.sorted)
        return
    with facts.transaction():
        forget(facts.con)
        facts.con.execute(f"CREATE TABLE {_TABLE} AS {_SORTED.format(since=0)}")
        _note(facts, rows, rows)


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Say that events were deleted, or that others hold their numbers; in the transaction that does so."""
    con.execute(f"DROP TABLE IF EXISTS {_TABLE}")
    con.execute("DELETE FROM facts.meta WHERE key = ?", [_KEY])


def known(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether places are kept for all events; it stays so until facts change."""
    kept = _kept(con)
    return kept is not None and _count(con) == kept.rows and _lie_still(con, kept, 0)


def of_numbers(con: duckdb.DuckDBPyConnection) -> str | None:
    """SQL: the places (``rowid``) of the events of a list of numbers, its one parameter.

    None if only a look at all events can tell.
    """
    if not known(con):
        return None
    # As one list: DuckDB would else sometimes look at all events first, and then for their places.
    return f"SELECT unnest((SELECT list(place) FROM {_TABLE} WHERE who IN (SELECT unnest(?))))"


def of_few(con: duckdb.DuckDBPyConnection, numbers: Iterable[int]) -> list[int]:
    """The places of the events of a few numbers; only if places are ``known``."""
    # Spelled out, numbers are looked up by where they stand; a list of them is joined with all.
    listed = ", ".join(str(int(n)) for n in numbers)
    found = con.execute(f"SELECT place FROM {_TABLE} WHERE who IN ({listed or 'NULL'})").fetchall()
    return [int(place) for (place,) in found]


class _Kept(NamedTuple):
    """How many events have their places kept, the first rowid behind them, how many are sorted as a whole."""

    rows: int
    next: int
    sorted: int


def _kept(con: duckdb.DuckDBPyConnection) -> _Kept | None:
    found = con.execute("SELECT value FROM facts.meta WHERE key = ?", [_KEY]).fetchall()
    return _Kept(*json.loads(found[0][0])) if found else None


def _note(facts: Facts, rows: int, in_order: int) -> None:
    (last,) = facts.one("SELECT max(rowid) FROM facts.event") or (-1,)
    facts.set_meta(_KEY, json.dumps(_Kept(rows, last + 1, in_order)))


def _count(con: duckdb.DuckDBPyConnection) -> int:
    return int(con.execute("SELECT count(*) FROM facts.event").fetchall()[0][0])


def _lie_still(con: duckdb.DuckDBPyConnection, kept: _Kept, added: int) -> bool:
    """Whether the events whose places are kept still lie there, with so many others behind them.

    Where some were deleted, DuckDB moves all that lie behind when it tidies up: then the last is gone.
    """
    query = "SELECT count(*), min(rowid) FROM facts.event WHERE rowid >= ?"
    rows, first = con.execute(query, [kept.next - 1]).fetchall()[0]
    return bool(rows == added + 1 and first == kept.next - 1)


_TABLE = "facts.event_place"
_SORTED = (
    "SELECT who, CAST(rowid AS UINTEGER) AS place FROM facts.event "
    "WHERE who IS NOT NULL AND rowid >= {since} ORDER BY who"
)
