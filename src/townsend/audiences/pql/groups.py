"""Order, groups, records and maps: ``topN head intersection groupBy keys values mapEntry`` and objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from townsend.audiences import core
from townsend.audiences.core import (
    ANY,
    NUMBER,
    STRING,
    AnyType,
    EntityType,
    Expr,
    GroupsType,
    Item,
    ListOf,
    ListType,
    MapType,
    RecordType,
    Span,
    Type,
)
from townsend.audiences.pql import tree
from townsend.audiences.pql.coerce import as_group, as_items_of, number
from townsend.audiences.pql.context import Context, Scope
from townsend.audiences.pql.kinds import as_text, group, item_type, listed
from townsend.audiences.pql.paths import each

__all__ = [
    "NUMBER_MAX",
    "common",
    "contents",
    "entries_mapped",
    "entry",
    "first",
    "grouped",
    "instances",
    "keys",
    "ordered",
    "per_key",
    "ranked",
    "record",
]

NUMBER_MAX = 10_000  # items that topN and bottomN may keep
RankOp = Literal["topN", "bottomN"]
# How classes are called at the end of their XDM address.
CLASSES = {"profile": "person", "experienceevent": "event"}


def ordered(base: Expr) -> Expr:
    """A list in an order that does not depend on when its entities came."""
    match base:
        case core.Follow() | core.AllOf() if isinstance(base.type, ListType):
            return core.Ordered(base, base.type, base.at)
        case core.Where() | core.Each() | core.Distinct():
            return replace(base, base=ordered(base.base))
    return base


def ranked(ctx: Context, op: RankOp, base: Expr, var: int, body: Expr, count: tree.Node, at: Span) -> Expr:
    """``A.topN(expression, n)``: numbers or instants, the highest first."""
    if not isinstance(count, tree.Literal) or type(count.value) is not int or not count.value >= 1:
        raise ctx.wrong("pql.arguments", f"{op} keeps a number of items: {op}(…, 3)", count)
    if count.value > NUMBER_MAX:
        raise ctx.wrong("pql.arguments", f"{op} keeps at most {NUMBER_MAX:,} items", count)
    if group(body.type) != "instant":
        body = number(ctx, body, op)
    return core.Ranked(op, ordered(base), var, body, count.value, listed(base), at)


def first(base: Expr, at: Span) -> Expr:
    """``A.head()``."""
    return core.First(ordered(base), item_type(base), at)


def common(ctx: Context, left: Expr, right: Expr, at: Span) -> Expr:
    """``A.intersection(B)``."""
    for side in (left, right):
        if not isinstance(side.type, ListType | AnyType):
            raise ctx.wrong("pql.type", f"intersection needs two lists, got {as_text(side.type)}", side.at)
    if isinstance(left, ListOf) and not isinstance(right, ListOf):
        left = as_items_of(ctx, left, item_type(right), "intersection")
    else:
        right = as_items_of(ctx, right, item_type(left), "intersection")
    return core.Common(left, right, listed(left), at)


def instances(ctx: Context, node: tree.Call) -> Expr:
    """``modelInstances("account")``: a class by its name, or by its XDM address."""
    (arg,) = node.args
    if not isinstance(arg, tree.Literal) or not isinstance(arg.value, str):
        raise ctx.wrong("pql.arguments", 'modelInstances takes a class: modelInstances("account")', arg)
    last = arg.value.rstrip("/").rpartition("/")[2]
    name = CLASSES.get(last, last.replace("-", "_"))
    if name not in ctx.schema.classes:
        known = ", ".join(sorted(ctx.schema.classes))
        raise ctx.wrong("pql.arguments", f"there is no class {arg.value!r}; the classes are {known}", arg)
    return core.AllOf(name, ListType(EntityType(name)), node.at)


# ---------------------------------------------------------------- records


def record(ctx: Context, names: Sequence[str], values: Sequence[Expr], at: Span) -> Expr:
    """Values by name."""
    for name in names:
        if names.count(name) > 1:
            raise ctx.wrong("pql.arguments", f"the name {name!r} is given twice", at)
    kind = RecordType(tuple((name, value.type) for name, value in zip(names, values, strict=True)))
    return core.Record(tuple(names), tuple(values), kind, at)


# ---------------------------------------------------------------- maps


def grouped(ctx: Context, base: Expr, var: int, key: Expr, at: Span) -> Expr:
    """``A.groupBy(expression)``."""
    if isinstance(key.type, ListType | GroupsType):
        raise ctx.wrong("pql.type", f"groupBy takes one value for each item, got {as_text(key.type)}", key.at)
    kind = GroupsType(key.type, ListType(item_type(base)))
    return core.Grouped(ordered(base), var, key, kind, at)


def kinds_of(ctx: Context, base: Expr, what: str, at: Span) -> tuple[Type, Type]:
    """What the keys and the values of a map are."""
    match base.type:
        case GroupsType(key, value):
            return key, value
        case MapType() | AnyType():
            return STRING, ANY
    raise ctx.wrong("pql.type", f"{what} needs a map, got {as_text(base.type)}", at)


def entries(ctx: Context, base: Expr, what: str, at: Span) -> Expr:
    """A map as a list of records."""
    key, value = kinds_of(ctx, base, what, at)
    return core.Entries(base, ListType(RecordType((("key", key), ("value", value)))), at)


def keys(ctx: Context, base: Expr, scope: Scope, at: Span) -> Expr:
    """``M.keys()``."""
    pairs = entries(ctx, base, "keys", at)
    item = Item(scope.depth, item_type(pairs), at)
    return each(pairs, scope.depth, core.Pick(item, "key", kinds_of(ctx, base, "keys", at)[0], at), at)


def contents(ctx: Context, base: Expr, at: Span) -> Expr:
    """``M.values()``."""
    return core.Contents(base, ListType(kinds_of(ctx, base, "values", at)[1]), at)


def entry(ctx: Context, base: Expr, key: Expr, at: Span) -> Expr:
    """``M.get(key)`` of a map of known types."""
    assert isinstance(base.type, GroupsType)
    wanted = group(base.type.key)
    if wanted is not None:
        key = as_group(ctx, key, wanted, "get")
    return core.Entry(base, key, base.type.value, at)


def entries_mapped(ctx: Context, base: Expr, body: tree.Node, scope: Scope, at: Span) -> Expr:
    """``M.map((K, G) => mapEntry(K, …))``: a new map; with any other body, a list of one value an entry.

    Without names, ``this`` is what the entry holds.
    """
    pairs = entries(ctx, base, "map", at)
    var, kind = scope.depth, item_type(pairs)
    key, value = kinds_of(ctx, base, "map", at)
    item = Item(var, kind, at)
    inner = replace(scope, depth=var + 1)
    names: tuple[str, ...] = ()
    if isinstance(body, tree.Lambda):
        names, body = body.names, body.body
        if len(names) != 2:
            raise ctx.wrong("pql.arguments", "over a map, map takes (KEY, VALUE) => …", body)
        inner = inner.with_value(names[0], core.Pick(item, "key", key, at))
        inner = inner.with_value(names[1], core.Pick(item, "value", value, at))
    held = core.Pick(item, "value", value, at)
    inner = replace(inner, items=(*inner.items, held))
    if isinstance(body, tree.Call) and body.target is None and body.name == "mapEntry":
        if len(body.args) != 2:
            raise ctx.wrong("pql.arguments", f"mapEntry takes a key and a value, got {len(body.args)}", body)
        new_key, new_value = (ctx.value(ctx, arg, inner) for arg in body.args)
        made = GroupsType(new_key.type, new_value.type)
        return core.MapOf(pairs, var, new_key, new_value, made, at)
    return each(pairs, var, ctx.value(ctx, body, inner), at)


def per_key(ctx: Context, op: str, left: Expr, right: Expr, at: Span) -> Expr | None:
    """Arithmetic of two maps, for each key that both have; None if neither is one."""
    if not isinstance(left.type, GroupsType) and not isinstance(right.type, GroupsType):
        return None
    for side in (left, right):
        if not isinstance(side.type, GroupsType) or group(side.type.value) != "number":
            message = f"“{op}” needs two maps of numbers, got {as_text(side.type)}"
            raise ctx.wrong("pql.type", message, side.at)
    assert isinstance(left.type, GroupsType)
    kind = GroupsType(left.type.key, NUMBER)
    return core.PerKey(op, left, right, kind, at)  # type: ignore[arg-type]
