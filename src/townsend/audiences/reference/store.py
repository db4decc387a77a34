"""The world of a project: rows out of the unified tables in DuckDB.

A class with few rows is read once and kept; of a large one only what is asked for is read, together with
its neighbours, and kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cached_property
from typing import Any

import duckdb
import numpy as np

from townsend.audiences.reference.memory import typed
from townsend.audiences.reference.values import parse_json
from townsend.audiences.reference.world import Key, Pair, Row, TableWorld
from townsend.audiences.unified import UnifiedTables
from townsend.model import EntityClass

__all__ = ["BULK_ROWS", "StoreTables", "StoreWorld", "UnifiedTables"]

BULK_ROWS = 100_000
Con = duckdb.DuckDBPyConnection


class StoreWorld(TableWorld):
    """A project's unified facts at the instant they were unified for."""

    def __init__(self, unified: UnifiedTables, bulk_rows: int = BULK_ROWS) -> None:
        until_ms: int | None = getattr(unified, "until_ms", None)
        super().__init__(StoreTables(unified, bulk_rows), unified.now_ms, until_ms)

    def expect(self, ids: Iterable[int]) -> None:
        """These entities are asked about next: what points to them in a large class is read at one go."""
        assert isinstance(self.tables, StoreTables)
        self.tables.expected.clear()
        self.tables.expected.update(ids)


class StoreTables:
    """Rows of ``<unified>.<class>``, its ``_retired`` twin, edge tables, and events with their references."""

    def __init__(self, unified: UnifiedTables, bulk_rows: int = BULK_ROWS) -> None:
        self.schema = unified.schema
        self._con = unified.con
        self._ids_listed = unified.ids_listed
        self._unified = unified.name
        self._bulk_rows = bulk_rows
        self.expected: set[int] = set()
        self._classes: dict[str, ClassTable] = {}
        self._edges: dict[str, EdgeTable] = {}

    def ids(self, cls: str, now_ms: int) -> Sequence[int]:
        return self._class(cls).ids(now_ms)

    def next_birth(self, cls: str, now_ms: int) -> int | None:
        return self._class(cls).next_birth(now_ms)

    def row(self, cls: str, entity: int) -> Row | None:
        return self._class(cls).row(entity)

    def pointing(self, cls: str, reference: str, to: int) -> Sequence[int]:
        return self._class(cls).pointing("@" + reference, to)

    def pairs(self, table: str, near: int, backward: bool) -> Sequence[Pair]:
        if table not in self._edges:
            names = [f"{self._unified}.{quoted(f'edge_{table}{twin}')}" for twin in ("", "_retired")]
            self._edges[table] = EdgeTable(self._con, names, self._bulk_rows)
        return self._edges[table].pairs(near, backward)

    def keys(self, cls: str, entity: int) -> Sequence[Key]:
        if self.schema.classes[cls].is_event:
            return self._keys('SELECT "_id", source FROM facts.event WHERE rowid = ?', [entity])
        records = (
            f"SELECT k.value, s.source FROM {self._unified}.source AS s JOIN facts.number AS k ON k.n = s.n "
            "WHERE s.class = ? AND s.id = ? ORDER BY s.n, s.source"
        )
        by_events = (
            f"SELECT space || ':' || value, NULL FROM {self._unified}.identity "
            "WHERE class = ? AND id = ? ORDER BY space, value"
        )
        return self._keys(records, [cls, entity]) or self._keys(by_events, [cls, entity])

    def lists(self, name: str, entity: int) -> bool:
        ids = self._ids_listed(name)
        at = int(np.searchsorted(ids, entity))
        return at < len(ids) and int(ids[at]) == entity

    def _keys(self, sql: str, parameters: list[Any]) -> list[Key]:
        try:
            return [Key(*row) for row in self._con.execute(sql, parameters).fetchall()]
        except duckdb.CatalogException:
            return []

    def _class(self, cls: str) -> ClassTable:
        if cls not in self._classes:
            self._classes[cls] = ClassTable(
                self._con, self._unified, self.schema.classes[cls], self._bulk_rows, self.expected
            )
        return self._classes[cls]


class ClassTable:
    """The rows of one class; missing tables are empty ones."""

    def __init__(self, con: Con, unified: str, cls: EntityClass, bulk_rows: int, expected: Set[int]) -> None:
        self._con = con
        self._unified = unified
        self._cls = cls
        self._bulk_rows = bulk_rows
        self._expected = expected
        self._rows: dict[int, Row | None] = {}
        self._raw: dict[int, tuple[Any, ...]] = {}
        self._by_reference: dict[str, Mapping[int, Sequence[int]]] = {}
        self._asked: dict[tuple[str, int], Sequence[int]] = {}

    @cached_property
    def _relation(self) -> str | None:
        """All rows as one relation with the columns ``id``, ``retired`` and the class's own."""
        if self._cls.is_event:
            return self._events() if _columns(self._con, "facts.event") else None
        parts = []
        for suffix, retired in (("", "false"), ("_retired", "true")):
            table = f"{self._unified}.{quoted(self._cls.name + suffix)}"
            if _columns(self._con, table):
                parts.append(f"SELECT *, {retired} AS retired FROM {table}")
        return " UNION ALL BY NAME ".join(parts) or None

    def _events(self) -> str:
        """Events; a number of theirs leads to whatever entity holds it."""
        columns = _columns(self._con, "facts.event")
        joins, names = "", ""
        for at, reference in enumerate(self._cls.references.values()):
            number = "who" if reference.field is None else "#" + reference.name
            node = f"{self._unified}.{quoted('node_' + reference.to)}"
            if number in columns and _columns(self._con, node):
                joins += f" LEFT JOIN {node} AS r{at} ON r{at}.n = e.{quoted(number)}"
                names += f", r{at}.id AS {quoted('@' + reference.name)}"
        return f"SELECT e.*, e.rowid AS id, false AS retired{names} FROM facts.event AS e{joins}"

    @cached_property
    def _names(self) -> list[str]:
        return _columns(self._con, f"({self._relation})")

    @cached_property
    def _whole(self) -> bool:
        """Whether all rows were read: the class is small."""
        if self._relation is None:
            return True
        # Events are counted where they lie: looking up who each is would cost more than it saves.
        counted = "SELECT 1 FROM facts.event" if self._cls.is_event else self._relation
        if _count(self._con, counted) > self._bulk_rows:
            return False
        self._take(f"SELECT * FROM ({self._relation})", [])
        return True

    def ids(self, now_ms: int) -> list[int]:
        if self._relation is None:
            return []
        born = self._cls.time_field or ("first_ms" if "first_ms" in self._names else None)
        exists, parameters = "NOT retired", []
        if born is not None:
            # A record without the instant is there always; an event without one never.
            missing = "" if self._cls.is_event else f"{quoted(born)} IS NULL OR "
            exists += f" AND ({missing}{quoted(born)} <= ?)"
            parameters = [now_ms]
        found = self._con.execute(f"SELECT id FROM ({self._relation}) WHERE {exists} ORDER BY id", parameters)
        return [row[0] for row in found.fetchall()]

    def next_birth(self, now_ms: int) -> int | None:
        born = self._cls.time_field or "first_ms"
        if self._relation is None or born not in self._names:
            return None
        sql = f"SELECT min({quoted(born)}) FROM ({self._relation}) WHERE NOT retired AND {quoted(born)} > ?"
        found: int | None = self._con.execute(sql, [now_ms]).fetchall()[0][0]
        return found

    def row(self, entity: int) -> Row | None:
        if entity in self._rows:
            return self._rows[entity]
        if not self._whole and entity not in self._raw:
            self._take(f"SELECT * FROM ({self._relation}) WHERE id = ?", [entity])
        raw = self._raw.get(entity)
        self._rows[entity] = None if raw is None else self._made(raw)
        return self._rows[entity]

    def pointing(self, column: str, to: int) -> Sequence[int]:
        if self._whole:
            if column not in self._by_reference:
                self._by_reference[column] = self._grouped(column, self._raw)
            return self._by_reference[column].get(to, ())
        if column not in self._names:
            return ()
        if (column, to) not in self._asked:
            together = list(self._expected) if to in self._expected else [to]
            sql = f"SELECT * FROM ({self._relation}) WHERE {quoted(column)} IN (SELECT unnest(?))"
            groups = self._grouped(column, self._take(sql, [together]))
            self._asked.update(((column, one), groups.get(one, ())) for one in together)
        return self._asked[column, to]

    def _grouped(self, column: str, entities: Iterable[int]) -> Mapping[int, Sequence[int]]:
        groups: defaultdict[int, list[int]] = defaultdict(list)
        if self._relation is not None and column in self._names:
            at = self._names.index(column)
            for entity in entities:
                if self._raw[entity][at] is not None:
                    groups[self._raw[entity][at]].append(entity)
        return groups

    def _take(self, sql: str, parameters: list[Any]) -> list[int]:
        place = self._names.index("id")
        found = self._con.execute(sql, parameters).fetchall()
        self._raw.update((raw[place], raw) for raw in found)
        return [raw[place] for raw in found]

    def _made(self, raw: tuple[Any, ...]) -> Row:
        shape = self._cls.shape
        row = Row({})
        values: dict[str, Any] = {}
        for name, value in zip(self._names, raw, strict=True):
            if value is None:
                continue
            if name in shape.leaves or name.startswith("@"):
                values[name] = value
            elif name in shape.arrays or name in shape.maps:
                values[name] = typed(shape, name, parse_json(value))
            elif name == "extra":
                row.extra = parse_json(value)
            elif name == "first_ms":
                row.first_ms = value
            elif name == "retired":
                row.retired = value
        row.values = values
        return row


class EdgeTable:
    """An edge table and its twin of retired ends, read whole if they are small."""

    def __init__(self, con: duckdb.DuckDBPyConnection, tables: Sequence[str], bulk_rows: int) -> None:
        self._con = con
        self._bulk_rows = bulk_rows
        parts = []
        for table in tables:
            if columns := _columns(con, table):
                more = "via, start_ms, end_ms" if "via" in columns else "NULL, NULL, NULL"
                parts.append(f"SELECT near, far, {more} FROM {table}")
        both = " UNION ALL ".join(parts)
        self._select = f"SELECT * FROM ({both})" if parts else None
        self._kept: dict[tuple[int, bool], list[Pair]] = {}

    @cached_property
    def _whole(self) -> bool:
        if self._select is None:
            return True
        if _count(self._con, self._select) > self._bulk_rows:
            return False
        for near, far, *more in self._con.execute(self._select).fetchall():
            self._kept.setdefault((near, False), []).append(Pair(far, *more))
            self._kept.setdefault((far, True), []).append(Pair(near, *more))
        return True

    def pairs(self, near: int, backward: bool) -> Sequence[Pair]:
        if not self._whole and (near, backward) not in self._kept:
            mine, other = ("far", 0) if backward else ("near", 1)
            rows = self._con.execute(f"{self._select} WHERE {mine} = ?", [near]).fetchall()
            self._kept[near, backward] = [Pair(row[other], *row[2:]) for row in rows]
        return self._kept.get((near, backward), ())


def quoted(name: str) -> str:
    """An identifier for SQL."""
    return '"' + name.replace('"', '""') + '"'


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    # Read to the end: an open result would block the connection for everybody else.
    return sum(row[0] for row in con.execute(f"SELECT count(*) FROM ({query})").fetchall())


def _columns(con: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    """Names of a relation's columns; none if there is no such table."""
    try:
        return [row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()]
    except duckdb.CatalogException:
        return []
