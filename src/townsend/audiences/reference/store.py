"""The world of a project: rows out of the unified tables in DuckDB.

A class with few rows is read once and kept; of a large one only what is asked for is read, together with
its neighbours, and kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

import duckdb
import numpy as np

from townsend.audiences.reference.rows import ClassRows, EdgeRows, Expected, rows_of
from townsend.audiences.reference.stored import Reading, Stored
from townsend.audiences.reference.world import Key, Pair, Row, TableWorld
from townsend.audiences.unified import UnifiedTables
from townsend.model import Edge

__all__ = ["BULK_ROWS", "StoreTables", "StoreWorld", "UnifiedTables"]

BULK_ROWS = 100_000
KEYS_TOGETHER = 10_000  # entities whose records are read at one go


class StoreWorld(TableWorld):
    """A project's unified facts at the instant they were unified for.

    Args:
        bulk_rows: a class of no more rows is read whole.
        reading: what is read of it; everything if None.
    """

    def __init__(
        self, unified: UnifiedTables, bulk_rows: int = BULK_ROWS, reading: Reading | None = None
    ) -> None:
        until_ms: int | None = getattr(unified, "until_ms", None)
        super().__init__(StoreTables(unified, bulk_rows, reading), unified.now_ms, until_ms)

    def expect(self, cls: str, ids: Iterable[int]) -> None:
        """These entities are asked about next: they and what they lead to are read together, a step a hop."""
        assert isinstance(self.tables, StoreTables)
        self.tables.expect(cls, ids)


class StoreTables:
    """Rows of ``<unified>.<class>``, its ``_retired`` twin, edge tables, and events with their references."""

    def __init__(
        self, unified: UnifiedTables, bulk_rows: int = BULK_ROWS, reading: Reading | None = None
    ) -> None:
        self.schema = unified.schema
        self._world = unified
        self._stored = Stored(unified)
        self._bulk_rows = bulk_rows
        self._reading = reading
        self._expected = Expected(set)
        self._classes: dict[str, ClassRows] = {}
        self._edges: dict[str, EdgeRows] = {}
        self._records: dict[tuple[str, int], list[Key]] = {}
        self._under: dict[str | None, StoreTables] = {unified.policy: self}

    def under(self, policy: str | None) -> StoreTables:
        if policy not in self._under:
            made = StoreTables(self._world.under(policy), self._bulk_rows, self._reading)
            made._under |= self._under  # so that one world is read once, whoever asks for it
            for cls, ids in self._expected.items():
                made.expect(cls, ids)
            self._under[policy] = made
        return self._under[policy]

    def expect(self, cls: str, ids: Iterable[int]) -> None:
        self._expected.clear()
        self._expected[cls].update(ids)

    def ids(self, cls: str, now_ms: int) -> Sequence[int]:
        return self._class(cls).reader.ids(now_ms)

    def next_birth(self, cls: str, now_ms: int) -> int | None:
        return self._class(cls).reader.next_birth(now_ms)

    def row(self, cls: str, entity: int) -> Row | None:
        return self._class(cls).row(entity)

    def pointing(self, cls: str, reference: str, to: int) -> Sequence[int]:
        to_cls = self.schema.classes[cls].references[reference].to
        return self._class(cls).pointing("@" + reference, to_cls, to)

    def pairs(self, table: str, near: int, backward: bool) -> Sequence[Pair]:
        if table not in self._edges:
            ends = self._ends(table)
            self._edges[table] = EdgeRows(self._stored, table, *ends, self._bulk_rows, self._expected)
        return self._edges[table].pairs(near, backward)

    def keys(self, cls: str, entity: int) -> Sequence[Key]:
        if self.schema.classes[cls].is_event:
            key, source = (self._class(cls).own(entity, column) for column in ("_id", "source"))
            return [] if key is None else [Key(key, source)]
        found = self._records.get((cls, entity))
        return self._records_of(cls, entity) if found is None else found

    def lists(self, name: str, entity: int) -> bool:
        ids = self._world.ids_listed(name)
        at = int(np.searchsorted(ids, entity))
        return at < len(ids) and int(ids[at]) == entity

    def _records_of(self, cls: str, entity: int) -> list[Key]:
        """The records of an entity; those of all that were read, of whatever class, are looked up with it."""
        known = ((name, one) for name, rows in self._classes.items() for one in rows.known())
        others = (
            one for one in known if one not in self._records and not self.schema.classes[one[0]].is_event
        )
        wanted = {(cls, entity), *islice(others, KEYS_TOGETHER)}
        self._records |= self._keys(_RECORDS, wanted)
        # Whom no record makes is known by the identities of events.
        self._records |= self._keys(_IDENTITIES, {one for one in wanted if not self._records[one]})
        return self._records[cls, entity]

    def _keys(self, query: str, wanted: set[tuple[str, int]]) -> dict[tuple[str, int], list[Key]]:
        found: dict[tuple[str, int], list[Key]] = {one: [] for one in wanted}
        ids = sorted({entity for _, entity in wanted})
        try:
            rows = self._stored.rows(query.format(u=self._world.name), [ids]) if ids else []
        except duckdb.CatalogException:
            return found
        for cls, entity, *key in rows:
            if (cls, entity) in found:
                found[cls, entity].append(Key(*key))
        return found

    def _class(self, cls: str) -> ClassRows:
        if cls not in self._classes:
            known = self.schema.classes[cls]
            self._classes[cls] = rows_of(self._stored, known, self._bulk_rows, self._expected, self._reading)
        return self._classes[cls]

    def _ends(self, table: str) -> tuple[str, str]:
        """The classes at the near and the far end of an edge table."""
        for one in self.schema.relationships.values():
            if isinstance(one.plan, Edge) and one.plan.table == table:
                return (one.far, one.near) if one.plan.backward else (one.near, one.far)
        raise KeyError(table)


_RECORDS = (
    "SELECT s.class, s.id, k.value, s.source FROM {u}.source AS s JOIN facts.number AS k ON k.n = s.n "
    "WHERE s.id IN (SELECT unnest(?)) ORDER BY s.class, s.id, s.n, s.source"
)
_IDENTITIES = (
    "SELECT class, id, space || ':' || value, NULL FROM {u}.identity "
    "WHERE id IN (SELECT unnest(?)) ORDER BY class, id, space, value"
)
