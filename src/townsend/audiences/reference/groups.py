"""Order, groups, records and typed maps."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from townsend.audiences.core import (
    DATETIME,
    AllOf,
    Common,
    Contents,
    Entries,
    Entry,
    First,
    Grouped,
    MapOf,
    Ordered,
    PerKey,
    Pick,
    Ranked,
    Record,
)
from townsend.audiences.reference import numbers
from townsend.audiences.reference.numbers import is_number
from townsend.audiences.reference.scope import Rule, Scope
from townsend.audiences.reference.values import Entity, Groups, Value, identity
from townsend.audiences.reference.world import World

__all__ = ["RULES"]


def ordered(node: Ordered, scope: Scope) -> Value:
    """Events by time, entities by key; anything else keeps its place."""
    items = scope.items(node.base)
    if not all(isinstance(item, Entity) for item in items):
        return items
    found = [(_time(scope.world, one), one) for one in items]
    found.sort(key=lambda pair: pair[0])
    # Keys are looked up only where times don't decide.
    return [
        entity
        for _, same in groupby(found, key=lambda pair: pair[0])
        for entity in _by_key(scope.world, [one for _, one in same])
    ]


def _time(world: World, entity: Entity) -> int:
    time = world.schema.classes[entity.cls].time_field
    at = None if time is None else world.value(entity, time, DATETIME)
    return at if isinstance(at, int) else 0


def _by_key(world: World, entities: list[Entity]) -> list[Entity]:
    if len(entities) < 2:
        return entities

    def place(entity: Entity) -> tuple[tuple[str, str], int]:
        keys = ((one.value, one.source or "") for one in world.keys(entity))
        return min(keys, default=("", "")), entity.id

    return sorted(entities, key=place)


def ranked(node: Ranked, scope: Scope) -> Value:
    """The highest or lowest ones."""
    found = [(scope.bind(node.var, one).number(node.body), one) for one in scope.items(node.base)]
    known = [(number, one) for number, one in found if number is not None]
    sign = -1 if node.op == "topN" else 1
    return [one for _, one in sorted(known, key=lambda pair: sign * pair[0])[: node.number]]


def first(node: First, scope: Scope) -> Value:
    """The first item."""
    return next(iter(scope.items(node.base)), None)


def common(node: Common, scope: Scope) -> Value:
    """What two lists share."""
    other = {identity(item) for item in scope.items(node.right) if item is not None}
    shared: dict[Any, Any] = {}
    for item in scope.items(node.left):
        if item is not None and identity(item) in other:
            shared.setdefault(identity(item), item)
    return list(shared.values()) or None


def all_of(node: AllOf, scope: Scope) -> Value:
    """Every entity of the class."""
    return scope.everyone(node.cls)


def record(node: Record, scope: Scope) -> Value:
    """Values by name."""
    return {name: scope.value(value) for name, value in zip(node.names, node.values, strict=True)}


def pick(node: Pick, scope: Scope) -> Value:
    """One value of a record."""
    holder = scope.value(node.base)
    return holder.get(node.name) if isinstance(holder, Mapping) else None


# ---------------------------------------------------------------- maps


def grouped(node: Grouped, scope: Scope) -> Value:
    """Items by what ``key`` says of them."""
    found: dict[Any, tuple[Value, list[Any]]] = {}
    for one in scope.items(node.base):
        key = scope.bind(node.var, one).value(node.key)
        if key is not None:
            found.setdefault(identity(key), (key, []))[1].append(one)
    return Groups(tuple(found.values()))


def map_of(node: MapOf, scope: Scope) -> Value:
    """A key and a value of each item."""
    found: dict[Any, tuple[Value, Value]] = {}
    for one in scope.items(node.base):
        inner = scope.bind(node.var, one)
        key = inner.value(node.key)
        if key is not None and identity(key) not in found:
            found[identity(key)] = (key, inner.value(node.value))
    return Groups(tuple(found.values()))


def _pairs(holder: Value) -> tuple[tuple[Value, Any], ...]:
    if isinstance(holder, Groups):
        return holder.entries
    return tuple(sorted(holder.items())) if isinstance(holder, Mapping) else ()


def entries(node: Entries, scope: Scope) -> Value:
    """Each entry as a record."""
    return [{"key": key, "value": value} for key, value in _pairs(scope.value(node.base))]


def contents(node: Contents, scope: Scope) -> Value:
    """Each value."""
    return [value for _, value in _pairs(scope.value(node.base))]


def entry(node: Entry, scope: Scope) -> Value:
    """The value of a key."""
    holder, key = scope.value(node.base), scope.value(node.key)
    return holder.get(key) if isinstance(holder, Groups) and key is not None else None


def per_key(node: PerKey, scope: Scope) -> Value:
    """Arithmetic for each common key."""
    left, right = scope.value(node.left), scope.value(node.right)
    if not isinstance(left, Groups) or not isinstance(right, Groups):
        return None
    shared = [(key, value, right.get(key)) for key, value in left.entries if right.has(key)]
    return Groups(tuple((key, numbers.compute(node.op, _number(a), _number(b))) for key, a, b in shared))


def _number(value: Value) -> numbers.Number | None:
    return value if is_number(value) else None


RULES: dict[type, Rule] = {
    Ordered: ordered,
    Ranked: ranked,
    First: first,
    Common: common,
    AllOf: all_of,
    Record: record,
    Pick: pick,
    Grouped: grouped,
    MapOf: map_of,
    Entries: entries,
    Contents: contents,
    Entry: entry,
    PerKey: per_key,
}
