"""Rows of one class as they are read from a project's tables: small classes whole, large ones as asked.

Of a large class only what is asked for is read, together with whatever else is expected to be asked for
next. What something expected leads to is expected too, so many entities are read in a few steps, one a hop.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from townsend.audiences.reference.events import EventReader
from townsend.audiences.reference.memory import typed
from townsend.audiences.reference.stored import Reading, Stored, quoted, reads
from townsend.audiences.reference.values import parse_json
from townsend.audiences.reference.world import Pair, Row
from townsend.model import EntityClass, is_mark

__all__ = ["ClassRows", "EdgeRows", "Expected", "rows_of"]

Expected = defaultdict[str, set[int]]
"""Ids that will be asked for, by class."""


class Reader(Protocol):
    """How the rows of a class are found."""

    @property
    def names(self) -> list[str]:
        """Columns of a row, ``id`` among them; none if nothing of the class was ever stored."""
        ...

    def count(self) -> int: ...

    def everything(self) -> list[tuple[Any, ...]]: ...

    def by_id(self, ids: list[int]) -> list[tuple[Any, ...]]: ...

    def by_reference(self, column: str, ids: list[int]) -> list[tuple[Any, ...]]:
        """Rows that refer to one of those entities by a column ``@reference``."""
        ...

    def ids(self, now_ms: int) -> list[int]:
        """Live entities that exist at an instant, ascending."""
        ...

    def next_birth(self, now_ms: int) -> int | None: ...


class ClassRows:
    """The rows of one class, kept once read.

    Args:
        reader: finds them.
        most: a class of no more rows is read whole at first use.
        expected: ids of any class that will be asked for, added to as rows are read.
    """

    def __init__(self, cls: EntityClass, reader: Reader, most: int, expected: Expected) -> None:
        self.reader = reader
        self._cls = cls
        self._most = most
        self._expected = expected
        self._rows: dict[int, Row | None] = {}
        self._raw: dict[int, tuple[Any, ...]] = {}
        self._looked_up: set[int] = set()
        self._by_reference: dict[str, Mapping[int, Sequence[int]]] = {}
        self._asked: dict[tuple[str, int], Sequence[int]] = {}

    @cached_property
    def _whole(self) -> bool:
        """Whether all rows were read: the class is small."""
        if not self.reader.names:
            return True
        if self.reader.count() > self._most:
            return False
        self._take(self.reader.everything())
        return True

    def known(self) -> Iterable[int]:
        """The entities whose rows were read."""
        return self._raw

    def own(self, entity: int, column: str) -> Any:
        """A column of an entity's row as it is stored; None if there is no such row or column."""
        self.row(entity)
        raw = self._raw.get(entity)
        return raw[self._place[column]] if raw is not None and column in self._place else None

    def row(self, entity: int) -> Row | None:
        if entity in self._rows:
            return self._rows[entity]
        if not self._whole and entity not in self._raw:
            expected = self._expected[self._cls.name]
            together = expected - self._raw.keys() - self._looked_up if entity in expected else {entity}
            self._looked_up |= together
            self._take(self.reader.by_id(sorted(together)), bool(expected))
        raw = self._raw.get(entity)
        self._rows[entity] = None if raw is None else self._made(raw)
        return self._rows[entity]

    def pointing(self, column: str, to_cls: str, to: int) -> Sequence[int]:
        """Entities whose ``column`` refers to that entity of ``to_cls``."""
        if self._whole:
            if column not in self._by_reference:
                self._by_reference[column] = self._grouped(column, self._raw)
            return self._by_reference[column].get(to, ())
        if column not in self.reader.names:
            return ()
        if (column, to) not in self._asked:
            expected = self._expected[to_cls]
            together = [one for one in expected if (column, one) not in self._asked]
            if to not in expected:
                together = [to]
            found = self._take(self.reader.by_reference(column, sorted(together)), to in expected)
            groups = self._grouped(column, found)
            self._asked.update(((column, one), groups.get(one, ())) for one in together)
        return self._asked[column, to]

    @cached_property
    def _place(self) -> Mapping[str, int]:
        return {name: at for at, name in enumerate(self.reader.names)}

    def _grouped(self, column: str, entities: Iterable[int]) -> Mapping[int, Sequence[int]]:
        groups: defaultdict[int, list[int]] = defaultdict(list)
        if column in self._place:
            at = self._place[column]
            for entity in entities:
                if self._raw[entity][at] is not None:
                    groups[self._raw[entity][at]].append(entity)
        return groups

    def _take(self, found: list[tuple[Any, ...]], expecting: bool = False) -> list[int]:
        if not found:
            return []
        place = self._place["id"]
        self._raw.update((raw[place], raw) for raw in found)
        if expecting:
            self._expected[self._cls.name].update(raw[place] for raw in found)
            for reference in self._cls.references.values():
                at = self._place.get("@" + reference.name)
                if at is not None:
                    self._expected[reference.to].update(raw[at] for raw in found if raw[at] is not None)
        return [raw[place] for raw in found]

    def _made(self, raw: tuple[Any, ...]) -> Row:
        shape = self._cls.shape
        row = Row({})
        values: dict[str, Any] = {}
        for name, value in zip(self.reader.names, raw, strict=True):
            if value is None:
                continue
            if name in shape.leaves or name.startswith("@") or is_mark(name):
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


class EdgeRows:
    """An edge table and its twin of retired ends, read whole if they are small.

    Args:
        near: the class at its near end, and at its far end …
        most: and the largest number of rows read whole.
        expected: as for ``ClassRows``.
    """

    def __init__(
        self, stored: Stored, table: str, near: str, far: str, most: int, expected: Expected
    ) -> None:
        self._stored = stored
        self._ends = near, far
        self._most = most
        self._expected = expected
        parts = []
        for twin in ("", "_retired"):
            name = stored.table(f"edge_{table}{twin}")
            if columns := stored.columns(name):
                more = "via, start_ms, end_ms" if "via" in columns else "NULL, NULL, NULL"
                parts.append(f"SELECT near, far, {more} FROM {name}")
        self._select = f"({' UNION ALL '.join(parts)})" if parts else None
        self._kept: dict[tuple[int, bool], list[Pair]] = {}

    @cached_property
    def _whole(self) -> bool:
        if self._select is None:
            return True
        if self._stored.count(self._select) > self._most:
            return False
        for near, far, *more in self._stored.rows(f"FROM {self._select}"):
            self._kept.setdefault((near, False), []).append(Pair(far, *more))
            self._kept.setdefault((far, True), []).append(Pair(near, *more))
        return True

    def pairs(self, near: int, backward: bool) -> Sequence[Pair]:
        if not self._whole and (near, backward) not in self._kept:
            mine, other = reversed(self._ends) if backward else self._ends
            expected = self._expected[mine]
            together = [one for one in expected if (one, backward) not in self._kept]
            if near not in expected:
                together = [near]
            self._kept.update(((one, backward), []) for one in together)
            columns = "far, near" if backward else "near, far"
            for here, there, *more in self._stored.rows(
                f"SELECT {columns}, * EXCLUDE (near, far) FROM {self._select} "
                f"WHERE {'far' if backward else 'near'} IN (SELECT unnest(?))",
                [together],
            ):
                self._kept[here, backward].append(Pair(there, *more))
                if near in expected:
                    self._expected[other].add(there)
        return self._kept.get((near, backward), ())


def rows_of(
    stored: Stored, cls: EntityClass, most: int, expected: Expected, reading: Reading | None
) -> ClassRows:
    """The rows of a class; all that is known of them if ``reading`` is None."""
    reader = EventReader(stored, cls, reading) if cls.is_event else RecordReader(stored, cls, reading)
    return ClassRows(cls, reader, most, expected)


class RecordReader:
    """Entities of ``<unified>.<class>`` and of its ``_retired`` twin; missing tables are empty ones."""

    def __init__(self, stored: Stored, cls: EntityClass, reading: Reading | None) -> None:
        self._stored = stored
        fields = None if reading is None else reading.of(cls.name)
        self._tables: dict[str, str] = {}
        for suffix, retired in (("", "false"), ("_retired", "true")):
            table = stored.table(cls.name + suffix)
            if columns := stored.columns(table):
                kept = [name for name in columns if reads(name, fields)]
                listed = ", ".join(map(quoted, kept))
                self._tables[table] = f"SELECT {listed}, {retired} AS retired FROM {table}"
        self._select = f"({' UNION ALL BY NAME '.join(self._tables.values())})"

    @cached_property
    def names(self) -> list[str]:
        return self._stored.columns(self._select) if self._tables else []

    def count(self) -> int:
        return sum(map(self._stored.count, self._tables))

    def everything(self) -> list[tuple[Any, ...]]:
        return self._stored.rows(f"FROM {self._select}")

    def by_id(self, ids: list[int]) -> list[tuple[Any, ...]]:
        return self.by_reference("id", ids) if self._tables else []

    def by_reference(self, column: str, ids: list[int]) -> list[tuple[Any, ...]]:
        return self._stored.rows(f"FROM {self._select} WHERE {quoted(column)} IN (SELECT unnest(?))", [ids])

    def ids(self, now_ms: int) -> list[int]:
        # A record without the instant is there always.
        born = "AND (first_ms IS NULL OR first_ms <= $now) " if "first_ms" in self.names else ""
        query = f"SELECT id FROM {self._select} WHERE NOT retired {born}ORDER BY id"
        found = self._stored.rows(query, {"now": now_ms} if born else []) if self._tables else []
        return [row[0] for row in found]

    def next_birth(self, now_ms: int) -> int | None:
        if "first_ms" not in self.names:
            return None
        query = f"SELECT min(first_ms) FROM {self._select} WHERE NOT retired AND first_ms > ?"
        found: int | None = self._stored.rows(query, [now_ms])[0][0]
        return found
