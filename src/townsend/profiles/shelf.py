"""Rows of a world's tables by a number: found by looking through the table, until that is worth avoiding.

A table that is asked twice is put in order in memory once; from then on a look-up takes microseconds, where
DuckDB would look through the whole table. So one question costs what it did, and a process that answers
many is quick. What is kept belongs to one revision of the facts and goes with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from townsend.store import facts_places
from townsend.store.facts import Facts

if TYPE_CHECKING:
    import duckdb

    from townsend.profiles.unified import Unified

__all__ = ["KEPT_ROWS_MAX", "Shelves", "shelves_of"]

KEPT_ROWS_MAX = 2_000_000  # a larger table stays where it is
ASKED = 2  # the look-up with which a table is put in order
TOGETHER = 20  # numbers looked up by one query
IDENTITIES_MAX = 10_000  # that are remembered


@dataclass(frozen=True)
class _Shelf:
    """A table in the order of a column."""

    keys: npt.NDArray[np.integer[Any]]
    rows: pa.Table

    def found(self, value: int) -> list[dict[str, Any]]:
        wanted = self.keys.dtype.type(value)
        low, high = (int(self.keys.searchsorted(wanted, side)) for side in ("left", "right"))
        rows: list[dict[str, Any]] = self.rows.slice(low, high - low).to_pylist() if high > low else []
        return rows


class Shelves:
    """Look-ups in the tables of one world, and in the facts behind it."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con = con
        self._asked: dict[tuple[str, str], int] = {}
        self._shelves: dict[tuple[str, str], _Shelf | None] = {}
        self._columns: dict[str, list[str]] = {}
        self._largest: dict[tuple[str, str], int] = {}
        self._places_known: bool | None = None
        self._identities: dict[int, tuple[str, str]] = {}

    def rows(self, relation: str, key: str, values: Sequence[int]) -> list[dict[str, Any]]:
        """The rows in which a column has one of these numbers, those of the first number first.

        Args:
            relation: what stands behind ``FROM``: a table, or a query in parentheses.
            key: the column's name.
        """
        wanted = list(dict.fromkeys(values))
        if not wanted or not self.columns(relation):
            return []
        shelf = self._shelf(relation, key)
        if shelf is not None:
            return [row for value in wanted for row in shelf.found(value)]
        if len(wanted) == 1:
            found = self.con.execute(f'SELECT * FROM {relation} r WHERE r."{key}" = {int(wanted[0])}')
        else:
            places = "(SELECT unnest($v) AS v, generate_subscripts($v, 1) AS at)"
            query = f'SELECT r.* FROM {relation} r JOIN {places} w ON r."{key}" = w.v ORDER BY w.at'
            found = self.con.execute(query, {"v": wanted})
        names = [one[0] for one in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def identities(self, numbers: Iterable[int]) -> dict[int, tuple[str, str]]:
        """Numbers to namespace and value.

        The dictionary lies in the order of its numbers, so that a few are found where they stand.
        """
        wanted = sorted(set(numbers) - self._identities.keys())
        for at in range(0, len(wanted), TOGETHER):
            some = (int(n) for n in wanted[at : at + TOGETHER])
            each = " UNION ALL ".join(f"SELECT n, space, value FROM facts.number WHERE n = {n}" for n in some)
            self._identities |= {n: (space, value) for n, space, value in self.con.execute(each).fetchall()}
        found = {n: self._identities[n] for n in numbers if n in self._identities}
        if len(self._identities) > IDENTITIES_MAX:
            self._identities.clear()
        return found

    def columns(self, relation: str) -> list[str]:
        """Names of a relation's columns; none if there is no such table."""
        import duckdb

        if relation not in self._columns:
            try:
                found = self.con.execute(f"SELECT * FROM {relation} LIMIT 0").description
            except duckdb.CatalogException:
                found = None
            self._columns[relation] = [one[0] for one in found or ()]
        return self._columns[relation]

    def largest(self, relation: str, column: str) -> int:
        """The largest number in a column; 0 if there is none."""
        if (relation, column) not in self._largest:
            (found,) = self.con.execute(f'SELECT max("{column}") FROM {relation}').fetchall()[0]
            self._largest[relation, column] = int(found or 0)
        return self._largest[relation, column]

    def places_known(self) -> bool:
        """Whether it is kept where the events of each number lie."""
        if self._places_known is None:
            self._places_known = facts_places.known(self.con)
        return self._places_known

    def _shelf(self, relation: str, key: str) -> _Shelf | None:
        """The table in order, if it is asked often enough and not too large."""
        place = (relation, key)
        self._asked[place] = self._asked.get(place, 0) + 1
        if self._asked[place] >= ASKED and place not in self._shelves:
            self._shelves[place] = self._made(relation, key)
        return self._shelves.get(place)

    def _made(self, relation: str, key: str) -> _Shelf | None:
        (rows,) = self.con.execute(f"SELECT count(*) FROM {relation}").fetchall()[0]
        if rows > KEPT_ROWS_MAX:
            return None
        query = f'SELECT * FROM {relation} r WHERE r."{key}" IS NOT NULL ORDER BY r."{key}"'
        table: pa.Table = self.con.sql(query).to_arrow_table().combine_chunks()
        return _Shelf(table.column(key).to_numpy(), table)


def shelves_of(facts: Facts, unified: Unified) -> Shelves:
    """The look-ups of a world; the same ones as long as the facts and the rules are."""
    key = (unified.name, unified.stamp)
    kept = _kept.setdefault(facts, {})
    if key not in kept:
        # A later revision makes what was kept for the earlier ones useless.
        for other in [one for one in kept if one[1].revision != unified.stamp.revision or one[0] == key[0]]:
            del kept[other]
        kept[key] = Shelves(facts.con)
    return kept[key]


_kept: WeakKeyDictionary[Facts, dict[Any, Shelves]] = WeakKeyDictionary()
