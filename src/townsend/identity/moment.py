"""Facts as seen from one instant: the connection to read by, and which versions count.

``now_ms`` decides which events, merges and cross-references exist; ``as_of_ms``, when given, also which
version of each record is current. Everything derived is a function of facts, rules and this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from townsend.model import EntityClass, Schema
from townsend.store.facts_schema import identifier

__all__ = ["Ints", "Moment", "distinct", "ints", "text_literal", "without"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Moment:
    """What is read, and from when.

    Args:
        con: a connection of its own: temporary tables made on it are nobody else's.
        schema: classes.
        columns: class to the columns that its table of facts has by now; empty if there are no rows.
        now_ms: the instant, epoch milliseconds.
        as_of_ms: the instant by which versions are chosen; None for the newest.
    """

    con: duckdb.DuckDBPyConnection
    schema: Schema
    columns: Mapping[str, frozenset[str]]
    now_ms: int
    as_of_ms: int | None = None

    def records(self) -> list[EntityClass]:
        """The classes of records that have rows."""
        return [
            cls for cls in self.schema.classes.values() if not cls.is_event and self.columns.get(cls.name)
        ]

    def events(self) -> list[EntityClass]:
        """The classes of events that have rows."""
        return [cls for cls in self.schema.classes.values() if cls.is_event and self.columns.get(cls.name)]

    def run(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> None:
        """Execute without an answer."""
        self.con.execute(sql, parameters)

    def rows(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """A short answer."""
        found: list[tuple[Any, ...]] = self.con.execute(sql, parameters).fetchall()
        return found

    def number(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> int:
        """One whole number; 0 for null."""
        return int(self.rows(sql, parameters)[0][0] or 0)

    def arrays(self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> list[Ints]:
        """A long answer of whole numbers, one array a column; null is the smallest integer."""
        table: pa.Table = self.con.sql(sql, params=parameters or None).to_arrow_table()
        return [ints(table.column(place)) for place in range(table.num_columns)]

    def database(self) -> str:
        """The name of the database that the facts are in."""
        return str(self.rows("SELECT current_database()")[0][0])

    def table(self, name: str, columns: Mapping[str, Any], where: str = "TEMP") -> None:
        """Make a table out of arrays; ``name`` is quoted already."""
        self._give(columns, f"CREATE OR REPLACE {where} TABLE {name} AS SELECT * FROM townsend_given")

    def add(self, name: str, columns: Mapping[str, Any], listed: str) -> None:
        """Put rows made of arrays into a table; ``listed`` says as what, in SQL over their columns."""
        self._give(columns, f"INSERT INTO {name} SELECT {listed} FROM townsend_given")

    def _give(self, columns: Mapping[str, Any], sql: str) -> None:
        given = pa.table({column: pa.array(values) for column, values in columns.items()})
        self.con.register("townsend_given", given)
        try:
            self.con.execute(sql)
        finally:
            self.con.unregister("townsend_given")


def ints(column: pa.ChunkedArray) -> Ints:
    """Whole numbers, booleans as 0 and 1, null as the smallest integer."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if column.null_count:
        column = column.cast(pa.int64()).fill_null(np.iinfo(np.int64).min)
    return np.asarray(column.to_numpy(), dtype=np.int64)


def distinct(numbers: Ints) -> Ints:
    """All numbers once, ascending."""
    # NumPy's own way hashes first, which takes ten times as long for millions.
    ordered = np.sort(numbers)
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


def without(numbers: Ints, others: Ints) -> Ints:
    """The numbers that are not among the others, each once, ascending."""
    return distinct(numbers[~np.isin(numbers, others)])


def text_literal(text: str) -> str:
    """A text as SQL spells it."""
    return "'" + text.replace("'", "''") + "'"


def joined(parts: Iterable[str]) -> str:
    """Several selects as one."""
    return " UNION ALL ".join(parts)


def temp(prefix: str, cls: str) -> str:
    """The quoted name of a class's temporary table."""
    return identifier(f"{prefix}_{cls}")
