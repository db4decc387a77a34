"""How much memory the making of a world may take: what its rows call for, whatever the machine has.

DuckDB would take most of the machine before it puts anything on disk. Held to what the rows call for it is
hardly slower, since what has to lie ready at one time is small. The few steps that cannot be put on disk are
made once more with all that the store had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import duckdb

from townsend.store.facts import Facts

__all__ = ["bytes_of", "within_bounds"]

T = TypeVar("T")

_MIB = 1 << 20
LEAST_BYTES = 128 * _MIB
BYTES_PER_THREAD = 32 * _MIB
# Of records and of the dictionary; events are only passed by.
BYTES_PER_ROW = 56
# Fewer rows than this are never much; to change the bound takes longer than they do.
ROWS_LEAST = 200_000
_UNITS = {"byte": 1, "bytes": 1, "KiB": 1 << 10, "MiB": _MIB, "GiB": 1 << 30, "TiB": 1 << 40}


def within_bounds(facts: Facts, classes: list[str], make: Callable[[], T]) -> T:
    """What ``make`` makes, which must leave nothing behind if it fails.

    Args:
        facts: the store that is read and written.
        classes: the classes of its records.
        make: called once, or twice if the bound is too narrow.
    """
    rows, threads = _size(facts.con, classes)
    if rows < ROWS_LEAST:
        return make()
    try:
        with _bounded(facts.con, LEAST_BYTES + threads * BYTES_PER_THREAD + rows * BYTES_PER_ROW):
            return make()
    except duckdb.OutOfMemoryException:
        return make()


def bytes_of(text: str) -> int:
    """An amount of memory as DuckDB spells it.

    >>> bytes_of("1.5 GiB")
    1610612736
    """
    amount, _, unit = text.partition(" ")
    return int(float(amount) * _UNITS[unit])


@contextmanager
def _bounded(con: duckdb.DuckDBPyConnection, most: int) -> Iterator[None]:
    """At most so much memory for the whole store, unless that is all it has, or it holds more already."""
    had = str(con.execute("SELECT current_setting('memory_limit')").fetchall()[0][0])
    if bytes_of(had) <= most:
        yield
        return
    con.execute(f"SET memory_limit = '{most} bytes'")
    try:
        yield
    finally:
        amount, _, unit = had.partition(" ")
        # DuckDB cuts off what it shows, so that the same text again would be less each time.
        con.execute(f"SET memory_limit = '{float(amount) + 0.01:.2f} {unit}'")


def _size(con: duckdb.DuckDBPyConnection, classes: list[str]) -> tuple[int, int]:
    """Rows of records and of the dictionary, as far as DuckDB knows without counting; and its threads."""
    rows, threads = con.execute(
        """
        SELECT coalesce(sum(estimated_size), 0), current_setting('threads') FROM duckdb_tables()
        WHERE database_name = current_database() AND schema_name = 'facts'
            AND list_contains($tables, table_name)
        """,
        {"tables": ["number", *classes]},
    ).fetchall()[0]
    return int(rows), int(threads)
