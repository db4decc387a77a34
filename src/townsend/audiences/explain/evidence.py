"""Which entities an expression's value rests on, what each added, and what people call them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from townsend.audiences.core import (
    DATETIME,
    STRING,
    Aggregate,
    AllOf,
    Arithmetic,
    Coerce,
    Common,
    Conditional,
    Contents,
    Count,
    Dig,
    Distinct,
    Each,
    Entries,
    Entry,
    Expr,
    Field,
    First,
    Follow,
    Grouped,
    IsNull,
    ListOf,
    ListType,
    MapOf,
    Negative,
    Ordered,
    PerKey,
    Pick,
    Ranked,
    RegexGroup,
    TextFunction,
    Truth,
    Where,
)
from townsend.audiences.explain.tree import Evidence, plain
from townsend.audiences.reference.numbers import is_number
from townsend.audiences.reference.scope import Scope
from townsend.audiences.reference.values import Entity, Value
from townsend.audiences.reference.world import World
from townsend.model import Schema

__all__ = [
    "EVIDENCE_MAX",
    "Counted",
    "base_of",
    "counted",
    "describe",
    "most_telling",
    "name_fields",
    "name_of",
    "ranked",
    "through",
]

EVIDENCE_MAX = 20  # pieces shown for one condition; the others are counted
KEYS_MAX = 20  # records named for one entity
ITEM_CHARACTERS = 80  # of an array item's JSON, as its name

# What people call an entity, most telling first; other classes: a field that ends in "name".
NAMES: Mapping[str, tuple[str, ...]] = {
    "person": ("workEmail.address", "person.name.fullName", "personalEmail.address"),
    "event": ("web.webPageDetails.URL", "web.webPageDetails.name", "eventType"),
    "account_person": ("personRole", "relationshipSource"),
    "opportunity_person": ("personRole",),
    "account_intent": ("topicName",),
}


class Counted(NamedTuple):
    """An item that counts in a value, and what it added, if it is a list of values."""

    item: Value
    value: Value = None


def counted(expr: Expr, scope: Scope) -> list[Counted]:
    """The items on which an expression's value rests, in no particular order."""
    match expr:
        case Aggregate():
            found = [
                Counted(item, scope.bind(expr.var, item).value(expr.body)) for item in scope.items(expr.base)
            ]
            return [one for one in found if one.value is not None]
        case Each():
            return [
                Counted(item, scope.bind(expr.var, item).value(expr.body)) for item in scope.items(expr.base)
            ]
        case Follow() | Where() | Ordered() | Ranked() | AllOf() if isinstance(expr.type, ListType):
            return [Counted(item) for item in scope.items(expr)]
        case Follow() | First():
            reached = scope.value(expr)
            return [] if reached is None else [Counted(reached)]
        case Field():
            return counted(expr.base, scope)
        case Conditional():
            return counted(expr.then if scope.holds(expr.test) else expr.otherwise, scope)
        case _:
            return [one for part in _operands(expr) for one in counted(part, scope)]


def _operands(expr: Expr) -> tuple[Expr, ...]:
    match expr:
        case Arithmetic():
            return (expr.left, expr.right)
        case Negative() | Coerce() | Truth() | IsNull():
            return (expr.value,)
        case Count() | Distinct() | Dig() | Grouped() | MapOf() | Entries() | Contents() | Entry() | Pick():
            return (expr.base,)
        case Common() | PerKey():
            return (expr.left, expr.right)
        case TextFunction():
            return expr.args
        case RegexGroup():
            return (expr.subject,)
        case ListOf():
            return expr.items
        case _:
            return ()


def base_of(expr: Expr) -> Expr | None:
    """The list an expression looks at: what an aggregate, a count, a filter or a list test runs over."""
    match expr:
        case Aggregate() | Each() | Count() | Distinct():
            return base_of(expr.base) or expr.base
        case Truth() | IsNull() | Coerce() | Negative():
            return base_of(expr.value)
        case Arithmetic():
            return base_of(expr.left) or base_of(expr.right)
        case Where() | Follow():
            return expr
        case _:
            return None


def through(expr: Expr | None, scope: Scope) -> list[Entity]:
    """The entities passed on the way to a list, such as the accounts of ``accounts.opportunities``."""
    passed: list[Entity] = []
    at_end = True
    while isinstance(expr, Follow | Where | Each | Distinct):
        if isinstance(expr, Follow):
            if not at_end:
                found = scope.value(expr)
                items = found if isinstance(found, list) else [found]
                passed = [one for one in items if isinstance(one, Entity)] + passed
            at_end = False
        expr = expr.base
    return list(dict.fromkeys(passed))


def describe(world: World, item: Value, place: int = 0, value: Value = None, counts: bool = True) -> Evidence:
    """An item as evidence.

    Args:
        place: where in its array, for an item that is no entity.
        value: what it added.
    """
    if not isinstance(item, Entity):
        text = json.dumps(plain(item), ensure_ascii=False)
        name = text if len(text) <= ITEM_CHARACTERS else text[: ITEM_CHARACTERS - 1] + "…"
        return Evidence("item", place, name, value=value, counts=counts)
    time = world.schema.classes[item.cls].time_field
    at = world.value(item, time, DATETIME) if time else None
    keys = tuple(world.keys(item)[:KEYS_MAX])
    return Evidence(
        item.cls,
        item.id,
        name_of(world, item),
        keys,
        at if isinstance(at, int) else None,
        value if not isinstance(value, Entity) else None,
        counts,
    )


def name_of(world: World, entity: Entity) -> str | None:
    """What people call an entity; None if it has no name."""
    for path in name_fields(world.schema, entity.cls):
        found = world.value(entity, path, STRING)
        if isinstance(found, str) and found:
            return found
    return None


def name_fields(schema: Schema, cls: str) -> tuple[str, ...]:
    """The fields that may name an entity, most telling first."""
    return NAMES.get(cls) or schema.classes[cls].shape.naming


def ranked(world: World, found: Iterable[Counted]) -> list[Counted]:
    """Each item once, the latest or largest first."""
    once: dict[Any, Counted] = {}
    for place, one in enumerate(found):
        once.setdefault(one.item if isinstance(one.item, Entity) else place, one)

    def weight(one: Counted) -> tuple[Any, ...]:
        time = None
        if isinstance(one.item, Entity):
            field = world.schema.classes[one.item.cls].time_field
            time = world.value(one.item, field, DATETIME) if field else None
        size = one.value if is_number(one.value) else 0
        return (-time if isinstance(time, int) else 0, -size)

    return sorted(once.values(), key=weight)


def most_telling(world: World, found: Iterable[Counted]) -> tuple[tuple[Evidence, ...], int]:
    """The first ``EVIDENCE_MAX`` of them described, and how many are left out."""
    ordered = ranked(world, found)
    shown = [describe(world, one.item, at, one.value) for at, one in enumerate(ordered[:EVIDENCE_MAX])]
    return tuple(shown), len(ordered) - len(shown)
