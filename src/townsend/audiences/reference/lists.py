"""Fields, relationships and lists: how entities and items are reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from townsend.audiences.core import (
    NUMBER,
    STRING,
    Aggregate,
    Const,
    Count,
    Dig,
    Distinct,
    Each,
    Field,
    Follow,
    Item,
    ListOf,
    ListType,
    Where,
)
from townsend.audiences.reference import numbers
from townsend.audiences.reference.scope import Rule, Scope, Undecided
from townsend.audiences.reference.values import Entity, Value, identity
from townsend.model import mark_of

__all__ = ["RULES"]


def const(node: Const, _: Scope) -> Value:
    """A literal is itself."""
    return node.value


def list_of(node: ListOf, scope: Scope) -> Value:
    """A list literal."""
    return [scope.value(item) for item in node.items]


def item(node: Item, scope: Scope) -> Value:
    """What the variable is bound to."""
    return scope.bound[node.var]


def field(node: Field, scope: Scope) -> Value:
    """A field of one entity or array item; null of null. An amount without a needed rate is undecided."""
    owner = scope.value(node.base)
    if not isinstance(owner, Entity | Mapping):
        return None
    found = scope.world.value(owner, node.path, node.type)
    if found is None and node.type == NUMBER and "." in node.path:
        mark = scope.world.value(owner, mark_of(node.path), STRING)
        if isinstance(mark, str):
            raise Undecided(owner, node.path, mark)
    return found


def dig(node: Dig, scope: Scope) -> Value:
    """One entry of a map; null if either is missing."""
    holder, key = scope.value(node.base), scope.value(node.key)
    if isinstance(holder, Mapping) and isinstance(key, str):
        found: Value = holder.get(key)
        return found
    return None


def follow(node: Follow, scope: Scope) -> Value:
    """Entities reached from one entity or from each of a list, every one once."""
    base = scope.value(node.base)
    starts = base if isinstance(base, list) else [base]
    reached = {
        far: None
        for near in starts
        if isinstance(near, Entity)
        for far in scope.follow(near, node.relationship, node.via, node.retired)
    }
    if isinstance(node.type, ListType):
        return list(reached)
    return next(iter(reached), None)


def where(node: Where, scope: Scope) -> Value:
    """The items that pass."""
    return [one for one in scope.items(node.base) if scope.bind(node.var, one).holds(node.cond)]


def each(node: Each, scope: Scope) -> Value:
    """The body for each item, in order; lists are flattened."""
    found: list[Any] = []
    for one in scope.items(node.base):
        inner = scope.bind(node.var, one)
        if isinstance(node.body.type, ListType):
            found += inner.items(node.body)
        else:
            found.append(inner.value(node.body))
    return found


def distinct(node: Distinct, scope: Scope) -> Value:
    """The first of each, without nulls."""
    kept: dict[Any, Any] = {}
    for one in scope.items(node.base):
        if one is not None:
            kept.setdefault(identity(one), one)
    return list(kept.values())


def count(node: Count, scope: Scope) -> Value:
    """How many items."""
    return len(scope.items(node.base))


def aggregate(node: Aggregate, scope: Scope) -> Value:
    """Over the numbers (or instants) that the body gives; what is missing is left out."""
    found = [scope.bind(node.var, one).number(node.body) for one in scope.items(node.base)]
    known = [number for number in found if number is not None]
    match node.op:
        case "sum":
            return numbers.total(known)
        case "average":
            return numbers.average(known)
        case "min":
            return min(known, default=None)
        case "max":
            return max(known, default=None)


RULES: dict[type, Rule] = {
    Const: const,
    ListOf: list_of,
    Item: item,
    Field: field,
    Dig: dig,
    Follow: follow,
    Where: where,
    Each: each,
    Distinct: distinct,
    Count: count,
    Aggregate: aggregate,
}
