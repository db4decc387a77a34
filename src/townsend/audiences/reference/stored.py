"""A project's tables as the reference evaluator reads them; columns and sizes are asked for once a world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import duckdb

from townsend.audiences.unified import UnifiedTables
from townsend.model import is_mark
from townsend.store.facts_schema import identifier as quoted

__all__ = ["Fields", "Reading", "Stored", "quoted", "reads"]

Fields = Mapping[str, frozenset[str]]
"""By class, the paths that will be asked for; ``extra`` stands for all that are undeclared."""
# What every row is known by, and what leads on from it.
OWN = frozenset({"id", "retired", "first_ms"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read of a world where not all of it will be asked for.

    Args:
        fields: of classes that are not named, only what leads on is read.
        telling: SQL over ``events.EVENTS``: which of the events of others can matter; None for all.
    """

    fields: Fields
    telling: str | None = None

    def of(self, cls: str) -> frozenset[str]:
        """The paths of a class."""
        return self.fields.get(cls, frozenset())


def reads(name: str, fields: frozenset[str] | None) -> bool:
    """Whether a column is read: a path that is asked for, a leaf of one, or what leads on."""
    if fields is None or name in fields or name in OWN or name.startswith("@") or is_mark(name):
        return True
    path = name
    while "." in path:
        path = path.rpartition(".")[0]
        if path in fields:
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Known:
    """What was found out about the tables of one world, which stay as they are while somebody holds it."""

    columns: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)


WORLDS_MAX = 16  # whose tables are remembered, of one open store
_worlds: WeakKeyDictionary[duckdb.DuckDBPyConnection, dict[object, _Known]] = WeakKeyDictionary()


def _known_of(unified: UnifiedTables) -> _Known:
    """What is known of a world's tables; two worlds of one name and stamp have the same."""
    known = _worlds.setdefault(unified.con, {})
    stamp = getattr(unified, "stamp", None)
    key: object = unified if stamp is None else (unified.name, stamp)
    if key not in known:
        while len(known) >= WORLDS_MAX:
            known.pop(next(iter(known)))
        known[key] = _Known()
    return known[key]


class Stored:
    """The tables of one unified world; what is missing is told by its having no columns."""

    def __init__(self, unified: UnifiedTables) -> None:
        self.con = unified.con
        self._unified = unified
        self._known = _known_of(unified)

    def table(self, name: str) -> str:
        """The name of a table of the world, for SQL."""
        return f"{self._unified.name}.{quoted(name)}"

    def columns(self, relation: str) -> list[str]:
        """Names of a relation's columns; none if there is no such table."""
        if relation not in self._known.columns:
            try:
                found = self.rows(f"DESCRIBE SELECT * FROM {relation}")
            except duckdb.CatalogException:
                found = []
            self._known.columns[relation] = [row[0] for row in found]
        return self._known.columns[relation]

    def count(self, relation: str) -> int:
        """How many rows a relation has."""
        if relation not in self._known.rows:
            self._known.rows[relation] = int(self.rows(f"SELECT count(*) FROM {relation}")[0][0])
        return self._known.rows[relation]

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query, read to the end: an open result would block the connection for others."""
        return self.con.execute(sql, parameters).fetchall()
