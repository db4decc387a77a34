"""What an evaluator may ask about the unified world at one instant.

Worlds differ only in where rows come from (``Tables``): memory, or the unified tables of a project. What
exists at an instant, and how a relationship is walked, is said here once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from townsend.audiences.core import AnyType, ListType, MapType, ObjectType, ScalarType, Type
from townsend.audiences.reference.values import Entity, Json, Value, dig, number_from, read
from townsend.model import Edge, Inverse, Relationship, Schema, Steps, ToOne

__all__ = ["FOREVER", "Key", "Pair", "Row", "TableWorld", "Tables", "World"]

FOREVER = -(2**63)
NUMERIC = ("integer", "number")


class Key(NamedTuple):
    """One record behind an entity: its own key as text, and the source that brought it."""

    value: str
    source: str | None


class World(Protocol):
    """The unified facts at ``now_ms``."""

    @property
    def now_ms(self) -> int: ...

    @property
    def schema(self) -> Schema: ...

    @property
    def until_ms(self) -> int | None:
        """Until when ``at`` may be trusted: from then on who is who may be different; None is forever."""
        ...

    def entities(self, cls: str) -> Sequence[Entity]:
        """Everything of a class that exists now, by id."""
        ...

    def born(self, entity: Entity, retired: bool = False) -> int | None:
        """Since when a live (or ``retired``) entity exists; ``FOREVER`` if always, None if not at all.

        Events exist from their timestamp on, people known by events alone from the first of those.
        """
        ...

    def value(self, owner: Entity | Mapping[str, Any], path: str, type_: Type) -> Value:
        """A field of an entity or of an array's item; None if it is absent."""
        ...

    def follow(
        self, entity: Entity, relationship: Relationship, via: str | None, retired: bool
    ) -> Sequence[Entity]:
        """What a relationship leads to now, without repeats, by id; at most one for a to-one."""
        ...

    def next_follow(self, entity: Entity, relationship: Relationship, via: str | None) -> int | None:
        """The first instant after now at which ``follow`` may answer differently if no fact changes."""
        ...

    def next_birth(self, cls: str) -> int | None:
        """The first instant after now at which one more of a class exists if no fact changes."""
        ...

    def keys(self, entity: Entity) -> Sequence[Key]:
        """The records behind an entity."""
        ...

    def lists(self, name: str, entity: Entity) -> bool:
        """Whether the list audience of that name names an entity."""
        ...

    def at(self, now_ms: int) -> World:
        """The same facts at another instant, before ``until_ms``."""
        ...

    def under(self, policy: str | None) -> World:
        """The same facts merged by a named policy; None for each class's own."""
        ...


@dataclass(slots=True)
class Row:
    """One unified entity: declared fields by dotted path, references as ``@name``, the rest in ``extra``."""

    values: Mapping[str, Any]
    extra: Json = None
    first_ms: int | None = None
    retired: bool = False


class Pair(NamedTuple):
    """One row of an edge table, seen from its near side; a null bound is open."""

    far: int
    via: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None

    def counts(self, now_ms: int) -> bool:
        after_start = self.start_ms is None or self.start_ms <= now_ms
        return after_start and (self.end_ms is None or now_ms < self.end_ms)


class Tables(Protocol):
    """Where rows come from, those of the future too."""

    schema: Schema

    def ids(self, cls: str, now_ms: int) -> Sequence[int]:
        """Live entities that exist at an instant, ascending."""
        ...

    def next_birth(self, cls: str, now_ms: int) -> int | None:
        """When the next live entity begins to exist after an instant."""
        ...

    def row(self, cls: str, entity: int) -> Row | None:
        """A live or retired entity's row."""
        ...

    def pointing(self, cls: str, reference: str, to: int) -> Sequence[int]:
        """Entities of ``cls``, live or retired, whose reference names ``to``."""
        ...

    def pairs(self, table: str, near: int, backward: bool) -> Sequence[Pair]:
        """The rows of an edge table at one entity."""
        ...

    def keys(self, cls: str, entity: int) -> Sequence[Key]: ...

    def lists(self, name: str, entity: int) -> bool:
        """Whether a list audience names an entity of its class."""
        ...

    def under(self, policy: str | None) -> Tables:
        """The same facts merged by a named policy; None for each class's own."""
        ...


@dataclass(frozen=True)
class TableWorld:
    """A world over tables."""

    tables: Tables
    now_ms: int
    until_ms: int | None = None
    _classes: dict[str, list[Entity]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def schema(self) -> Schema:
        return self.tables.schema

    def at(self, now_ms: int) -> TableWorld:
        return TableWorld(self.tables, now_ms, self.until_ms)

    def under(self, policy: str | None) -> TableWorld:
        tables = self.tables.under(policy)
        return self if tables is self.tables else TableWorld(tables, self.now_ms, self.until_ms)

    def entities(self, cls: str) -> Sequence[Entity]:
        if cls not in self._classes:
            self._classes[cls] = [Entity(cls, one) for one in self.tables.ids(cls, self.now_ms)]
        return self._classes[cls]

    def exists(self, entity: Entity, retired: bool = False) -> bool:
        """Whether an entity is there now: live (or ``retired``), and not of the future."""
        born = self.born(entity, retired)
        return born is not None and born <= self.now_ms

    def born(self, entity: Entity, retired: bool = False) -> int | None:
        row = self.tables.row(entity.cls, entity.id)
        if row is None or (row.retired and not retired):
            return None
        time = self.schema.classes[entity.cls].time_field
        if time is not None:
            born: int | None = row.values.get(time)
            return born
        return FOREVER if row.first_ms is None else row.first_ms

    def lists(self, name: str, entity: Entity) -> bool:
        return self.tables.lists(name, entity.id)

    def value(self, owner: Entity | Mapping[str, Any], path: str, type_: Type) -> Value:
        if not isinstance(owner, Entity):
            return _item_value(owner, path, type_)
        row = self.tables.row(owner.cls, owner.id)
        if row is None:
            return None
        if isinstance(type_, AnyType):
            return dig(row.extra, path)
        if isinstance(type_, ObjectType):
            prefix = path + "."
            inside = {k: v for k, v in row.values.items() if k.startswith(prefix) and v is not None}
            return inside or None
        found: Value = row.values.get(path)
        return found

    def follow(
        self, entity: Entity, relationship: Relationship, via: str | None, retired: bool
    ) -> Sequence[Entity]:
        plan = _plan(relationship, via)
        if isinstance(plan, Steps):
            reached = [entity]
            for step in self._steps(relationship.near, plan):
                reached = [far for near in reached for far in self.follow(near, step, None, retired)]
            return sorted(set(reached))
        ids = {far for far, pair in self._far(entity, relationship, via) if pair.counts(self.now_ms)}
        found = (Entity(relationship.far, far) for far in sorted(ids))
        return [one for one in found if self.exists(one, retired)]

    def next_follow(self, entity: Entity, relationship: Relationship, via: str | None) -> int | None:
        return min((ms for ms in self._moments(entity, relationship, via) if ms > self.now_ms), default=None)

    def next_birth(self, cls: str) -> int | None:
        return self.tables.next_birth(cls, self.now_ms)

    def keys(self, entity: Entity) -> Sequence[Key]:
        return self.tables.keys(entity.cls, entity.id)

    # -------------------------------------------------------- how a relationship is stored

    def _far(self, near: Entity, relationship: Relationship, via: str | None) -> Iterator[tuple[int, Pair]]:
        """Everything that a relationship may lead to at any time, with when."""
        plan = relationship.plan
        match plan:
            case ToOne(reference):
                row = self.tables.row(near.cls, near.id)
                far = None if row is None else row.values.get("@" + reference)
                if far is not None:
                    yield far, Pair(far)
            case Inverse(reference):
                for far in self.tables.pointing(relationship.far, reference, near.id):
                    yield far, Pair(far)
            case Edge(table, backward, ways, default):
                chosen = (via,) if via is not None else default
                for pair in self.tables.pairs(table, near.id, backward):
                    if not ways or pair.via in chosen:
                        yield pair.far, pair

    def _moments(self, entity: Entity, relationship: Relationship, via: str | None) -> Iterator[int]:
        plan = _plan(relationship, via)
        if isinstance(plan, Steps):
            near = [entity]
            for step in self._steps(relationship.near, plan):
                for one in near:
                    yield from self._moments(one, step, None)
                near = [far for one in near for far in self.follow(one, step, None, True)]
            return
        for far, pair in self._far(entity, relationship, via):
            yield from (ms for ms in (pair.start_ms, pair.end_ms) if ms is not None)
            born = self.born(Entity(relationship.far, far), True)
            if born is not None:
                yield born

    def _steps(self, near: str, plan: Steps) -> Iterable[Relationship]:
        for name in plan.names:
            step = self.schema.relationships[near, name]
            yield step
            near = step.far


def _plan(relationship: Relationship, via: str | None) -> ToOne | Inverse | Edge | Steps:
    return relationship.other_ways.get(via, relationship.plan) if via is not None else relationship.plan


def _item_value(item: Mapping[str, Any], path: str, type_: Type) -> Value:
    """A field inside an array's item, which is kept as JSON: scalars are read as declared."""
    found = dig(item, path)
    if isinstance(type_, ScalarType):
        return None if isinstance(found, str) and type_.name in NUMERIC else read(found, type_.name)
    if isinstance(type_, ListType):
        kept = found if isinstance(found, list) else None
        if kept is not None and isinstance(type_.item, ScalarType):
            kind = type_.item.name
            return [read(one, kind) for one in kept]
        return kept
    if isinstance(type_, MapType):
        return found if isinstance(found, dict) else None
    if isinstance(type_, ObjectType):
        return found if isinstance(found, dict) and _any_leaf(found) else None
    if isinstance(found, Decimal):
        return number_from(found)
    return found


def _any_leaf(value: Json) -> bool:
    if isinstance(value, dict):
        return any(_any_leaf(inner) for inner in value.values())
    return value is not None
