"""A world written by hand: for tests, examples and what-if questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from townsend.audiences.reference import numbers
from townsend.audiences.reference.values import Entity, read
from townsend.audiences.reference.world import Key, Pair, Row, TableWorld
from townsend.model import Leaf, Schema, Shape, is_mark

__all__ = ["InMemoryWorld", "MemoryTables", "typed"]


def typed(shape: Shape, path: str, value: Any) -> Any:
    """A value that came as JSON, as a declared field holds it: arrays of scalars read item by item."""
    if path in shape.leaves:
        leaf: Leaf = shape.leaves[path]
        return value if isinstance(value, int | Decimal) and leaf.type != "string" else read(value, leaf.type)
    array = shape.arrays.get(path)
    if array is None or not isinstance(value, list):
        return value
    kind = array.item
    return value if kind is None else [read(item, kind) for item in value]


class MemoryTables:
    """Rows as they were added."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.rows: dict[Entity, Row] = {}
        self._pairs: defaultdict[tuple[str, int, bool], list[Pair]] = defaultdict(list)
        self._keys: defaultdict[Entity, list[Key]] = defaultdict(list)
        self._lists: dict[str, frozenset[int]] = {}
        self._under: dict[str | None, MemoryTables] = {None: self}

    def ids(self, cls: str, now_ms: int) -> Sequence[int]:
        world = TableWorld(self, now_ms)
        return sorted(one.id for one in self.rows if one.cls == cls and world.exists(one))

    def next_birth(self, cls: str, now_ms: int) -> int | None:
        world = TableWorld(self, now_ms)
        born = (world.born(one) for one in self.rows if one.cls == cls)
        return min((ms for ms in born if ms is not None and ms > now_ms), default=None)

    def row(self, cls: str, entity: int) -> Row | None:
        return self.rows.get(Entity(cls, entity))

    def pointing(self, cls: str, reference: str, to: int) -> Sequence[int]:
        column = "@" + reference
        return [one.id for one, row in self.rows.items() if one.cls == cls and row.values.get(column) == to]

    def pairs(self, table: str, near: int, backward: bool) -> Sequence[Pair]:
        return self._pairs[table, near, backward]

    def keys(self, cls: str, entity: int) -> Sequence[Key]:
        return self._keys[Entity(cls, entity)]

    def lists(self, name: str, entity: int) -> bool:
        return entity in self._lists[name]

    def under(self, policy: str | None) -> MemoryTables:
        return self._under[policy]

    def add_list(self, name: str, ids: Iterable[int]) -> None:
        self._lists[name] = frozenset(ids)

    def add_policy(self, policy: str, other: MemoryTables) -> None:
        self._under[policy] = other
        other._under = self._under

    def add_pair(self, table: str, near: int, pair: Pair) -> None:
        self._pairs[table, near, False].append(pair)
        self._pairs[table, pair.far, True].append(pair._replace(far=near))

    def add_row(self, entity: Entity, row: Row, keys: Sequence[Key]) -> None:
        self.rows[entity] = row
        self._keys[entity] += keys


class InMemoryWorld(TableWorld):
    """A world to which rows and edges are added; ``at`` looks at the same ones from another instant.

    >>> from townsend.model import builtin_schema
    >>> world = InMemoryWorld(builtin_schema(), now_ms=0)
    >>> world.add("account", 1, {"accountName": "Townsend"})
    Entity(cls='account', id=1)
    """

    def __init__(self, schema: Schema, now_ms: int, until_ms: int | None = None) -> None:
        self._memory = MemoryTables(schema)
        super().__init__(self._memory, now_ms, until_ms)

    def add(
        self,
        cls: str,
        entity: int,
        fields: Mapping[str, Any] | None = None,
        *,
        keys: Sequence[tuple[str, str | None]] = (),
        first_ms: int | None = None,
        retired: bool = False,
        **references: int,
    ) -> Entity:
        """Add one unified entity.

        Args:
            cls: its class.
            entity: its id, unique in the class.
            fields: nested, as XDM has them; or by dotted path. Floats become exact decimals.
            keys: own key and source of the records behind it.
            first_ms: for a person known by events alone, since when.
            retired: it has no live record.
            references: ids of other entities by the reference's name.
        """
        shape = self.schema.classes[cls].shape
        values: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for path, value in _flat(_exact(fields or {}), shape, ""):
            if path in shape.leaves or path in shape.arrays or path in shape.maps or is_mark(path):
                values[path] = typed(shape, path, value)
            else:
                _put(extra, path.split("."), value)
        values |= {"@" + name: to for name, to in references.items()}
        made = Entity(cls, entity)
        self._memory.add_row(made, Row(values, extra, first_ms, retired), [Key(*key) for key in keys])
        self._classes.clear()
        return made

    def edge(
        self,
        table: str,
        near: int,
        far: int,
        via: str | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
    ) -> None:
        """Add a row of an edge table, such as ``person_account``."""
        self._memory.add_pair(table, near, Pair(far, via, start_ms, end_ms))

    def add_list(self, name: str, ids: Iterable[int]) -> None:
        """Add a list audience that names these entities of its class."""
        self._memory.add_list(name, ids)


def _flat(value: Mapping[str, Any], shape: Shape, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        path = prefix + name
        if isinstance(inner, Mapping) and path not in shape.maps:
            yield from _flat(inner, shape, path + ".")
        else:
            yield path, inner


def _put(target: dict[str, Any], names: list[str], value: Any) -> None:
    for name in names[:-1]:
        target = target.setdefault(name, {})
    target[names[-1]] = value


def _exact(value: Any) -> Any:
    """JSON as it would have been read from text: floats are decimals of nine places."""
    match value:
        case float():
            return numbers.rounded(Decimal(repr(value)))
        case Mapping():
            return {key: _exact(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_exact(inner) for inner in value]
        case _:
            return value
