"""Filters, quantifiers, totals, and the scopes that brackets and lambdas open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from townsend.audiences import core
from townsend.audiences.core import (
    BOOLEAN,
    NUMBER,
    STRING,
    AnyType,
    Const,
    EntityType,
    Expr,
    GroupsType,
    Item,
    ListOf,
    ListType,
    MapType,
    Span,
    Type,
)
from townsend.audiences.pql import tree
from townsend.audiences.pql.coerce import CANONICAL, as_group, literal, number, unified
from townsend.audiences.pql.context import Context, Scope
from townsend.audiences.pql.groups import entry, record
from townsend.audiences.pql.kinds import as_text, group, item_type, listed, truth
from townsend.audiences.pql.paths import each

__all__ = [
    "ITEMS_MAX",
    "aggregate",
    "any_tuple",
    "bracket",
    "count",
    "deleted",
    "distinct",
    "filtered",
    "list_literal",
    "mapped",
    "prefix_aggregate",
    "quantified",
    "quantifier",
    "select",
]

ITEMS_MAX = 10_000  # of a list literal

Quantified = Literal["exists", "forall", "none", "one"]
AggregateOp = Literal["sum", "average", "min", "max"]
_QUANTIFIERS: dict[str, Quantified] = {
    "exists": "exists",
    "some": "exists",
    "forall": "forall",
    "all": "forall",
    "none": "none",
    "one": "one",
}


def list_literal(ctx: Context, node: tree.List, scope: Scope) -> Expr:
    """``["US", "CA"]``: values of one kind, or a mixture to be compared by content.

    Raises:
        Invalid: ``pql.size``, too many items; ``pql.type``, items that are lists or objects.
    """
    if len(node.items) > ITEMS_MAX:
        message = f"a list has at most {ITEMS_MAX:,} items, got {len(node.items):,}; use a list audience"
        raise ctx.wrong("pql.size", message, node)
    items = [
        literal(ctx, one) if isinstance(one, tree.Literal) else ctx.value(ctx, one, scope)
        for one in node.items
    ]
    for item in items:
        if not isinstance(item.type, core.ScalarType | AnyType):
            raise ctx.wrong("pql.type", f"a list literal holds scalars, got {as_text(item.type)}", item.at)
    found, kind = unified(items) or (tuple(items), core.ANY)
    return ListOf(found, ListType(kind), node.at)


def bracket(ctx: Context, node: tree.Bracket, scope: Scope) -> Expr:
    """``M["key"]`` of a map, ``A[condition]`` of a list."""
    base = ctx.value(ctx, node.target, scope)
    key = node.inner
    if isinstance(base.type, GroupsType):
        return entry(ctx, base, ctx.value(ctx, key, scope), node.at)
    if isinstance(base.type, MapType):
        return core.Dig(base, as_group(ctx, ctx.value(ctx, key, scope), "string", "a map"), at=node.at)
    if isinstance(base.type, AnyType) and isinstance(key, tree.Literal) and isinstance(key.value, str):
        return core.Dig(base, Const(key.value, STRING, key.at), at=node.at)
    if isinstance(key, tree.Literal) and not isinstance(key.value, bool):
        message = (
            f"brackets of {as_text(base.type)} hold a condition about an item; for the first, write .head()"
        )
        raise ctx.wrong("pql.type", message, key)
    return filtered(ctx, base, key, scope, node.at)


def over(ctx: Context, base: Expr, what: str, at: Span) -> Expr:
    """A list to go over; an undeclared value may turn out to be one.

    Raises:
        Invalid: ``pql.type``.
    """
    if isinstance(base.type, ListType | AnyType):
        return base
    hint = "; write the condition about its fields" if isinstance(base.type, EntityType) else ""
    raise ctx.wrong("pql.type", f"{what} needs a list, got {as_text(base.type)}{hint}", at)


def opened(ctx: Context, base: Expr, body: tree.Node, scope: Scope) -> tuple[int, Expr]:
    """A body about each item, and the variable the item is; ``(X) => …`` names it, too."""
    var, inner = scope.inside(item_type(base), base.at)
    if isinstance(body, tree.Lambda):
        if len(body.names) != 1:
            raise ctx.wrong("pql.arguments", "here a lambda has one parameter: the item", body)
        inner = inner.with_value(body.names[0], inner.item)
        body = body.body
    return var, ctx.value(ctx, body, inner)


def filtered(ctx: Context, base: Expr, body: tree.Node, scope: Scope, at: Span) -> Expr:
    """``A[condition]`` and ``A.filter(condition)``."""
    over(ctx, base, "[…]", at)
    var, cond = opened(ctx, base, body, scope)
    return core.Where(base, var, truth(cond), listed(base), at)


def quantified(ctx: Context, word: str, base: Expr, body: tree.Node, scope: Scope, at: Span) -> Expr:
    """``A.exists(condition)`` and its kin."""
    over(ctx, base, word, at)
    var, cond = opened(ctx, base, body, scope)
    return core.Some(_QUANTIFIERS[word], base, var, truth(cond), at=at)


def mapped(ctx: Context, base: Expr, body: tree.Node, scope: Scope, at: Span) -> Expr:
    """``A.map(expression)``."""
    over(ctx, base, "map", at)
    var, value = opened(ctx, base, body, scope)
    return each(base, var, value, at)


def count(ctx: Context, base: Expr, scope: Scope, at: Span) -> Expr:
    """``A.count()``: how many items; of plain values, those that are not missing."""
    base = over(ctx, base, "count", at)
    kind = item_type(base)
    if isinstance(kind, core.ScalarType | AnyType):
        there = core.IsNull(Item(scope.depth, kind, at), True, at=at)
        base = core.Where(base, scope.depth, there, listed(base), at)
    return core.Count(base, at=at)


def distinct(ctx: Context, base: Expr, at: Span) -> Expr:
    """``A.distinct()``."""
    return core.Distinct(over(ctx, base, "distinct", at), listed(base), at)


def aggregate(
    ctx: Context, op: AggregateOp, base: Expr, body: tree.Node | None, scope: Scope, at: Span
) -> Expr:
    """``A.sum(expression)``, or ``A.sum()`` of the items themselves."""
    over(ctx, base, op, at)
    if body is None:
        return totalled(ctx, op, base, scope.depth, Item(scope.depth, item_type(base), at), at)
    var, value = opened(ctx, base, body, scope)
    return totalled(ctx, op, base, var, value, at)


def totalled(ctx: Context, op: AggregateOp, base: Expr, var: int, body: Expr, at: Span) -> Expr:
    """An aggregate of numbers; ``min`` and ``max`` also of instants."""
    if op in ("min", "max") and group(body.type) == "instant":
        return core.Aggregate(op, base, var, body, CANONICAL["instant"], at)
    if isinstance(body.type, ListType):
        message = f"{op} takes one number for each item, got a list; take a total of it first"
        raise ctx.wrong("pql.type", message, body.at)
    body = number(ctx, body, op)
    kind = body.type if op in ("min", "max") else NUMBER
    return core.Aggregate(op, base, var, body, kind, at)


def deleted(ctx: Context, path: Expr, at: Span) -> Expr:
    """``deleted(path)``: the same path, retired rows of its last step included."""
    from dataclasses import replace

    match path:
        case core.Follow():
            return replace(path, retired=True, at=at)
        case core.Where(base):
            return replace(path, base=deleted(ctx, base, base.at), at=at)
    raise ctx.wrong("pql.arguments", "deleted takes a path of relationships: deleted(listMemberships)", at)


# ---------------------------------------------------------------- variables


def select(ctx: Context, node: tree.Select, scope: Scope) -> Expr:
    """``select V from A where C``: a filter; with several variables, a list of objects with their names."""
    if len(node.variables) > 1:
        return _tuples(ctx, node.variables, scope, node.at)
    (variable,) = node.variables
    base, var, cond = _variable(ctx, variable, scope)
    return base if variable.condition is None else core.Where(base, var, cond, listed(base), node.at)


def quantifier(ctx: Context, node: tree.Quantifier, scope: Scope) -> Expr:
    """``exists V from A where C`` and its kin; several clauses must hold together."""
    word = _QUANTIFIERS[node.kind]
    if word == "one" and len(node.variables) > 1:
        tuples = _tuples(ctx, node.variables, scope, node.at)
        return core.Some("one", tuples, scope.depth, Const(True, BOOLEAN, node.at), at=node.at)
    if word == "none":
        return core.Not(_some(ctx, "exists", node.variables, scope, node.at), at=node.at)
    return _some(ctx, word, node.variables, scope, node.at)


def _some(ctx: Context, word: Quantified, variables: Sequence[tree.Variable], scope: Scope, at: Span) -> Expr:
    first, *others = variables
    base = over(ctx, ctx.value(ctx, first.source, scope), first.name, first.at)
    var, inner = scope.named(first.name, item_type(base), first.at)
    parts = []
    if first.condition is not None:
        parts.append(truth(ctx.value(ctx, first.condition, inner)))
    if others:
        parts.append(_some(ctx, word, others, inner, at))
    cond: Expr = Const(True, BOOLEAN, at) if not parts else parts[0]
    if len(parts) > 1:
        cond = core.And(tuple(parts), at=at)
    return core.Some(word, base, var, truth(cond), at=at)


def any_tuple(ctx: Context, node: tree.Select, scope: Scope) -> Expr:
    """``select`` with several variables in Boolean position: whether any tuple is there."""
    return _some(ctx, "exists", node.variables, scope, node.at)


def _tuples(ctx: Context, variables: Sequence[tree.Variable], scope: Scope, at: Span) -> Expr:
    """One object for each choice of items that meets the conditions, named like the variables."""
    names = [variable.name for variable in variables]

    def made(inner: Scope) -> Expr:
        return record(ctx, names, [inner.variables[name] for name in names], at)

    return _nested(ctx, variables, scope, at, made)


def _nested(
    ctx: Context, variables: Sequence[tree.Variable], scope: Scope, at: Span, made: Callable[[Scope], Expr]
) -> Expr:
    """What ``made`` gives for each choice of items, one variable inside the other."""
    first, *others = variables
    base, var, cond = _variable(ctx, first, scope)
    if first.condition is not None:
        base = core.Where(base, var, cond, listed(base), first.at)
    _, inner = scope.named(first.name, item_type(base), first.at)
    body = _nested(ctx, others, inner, at, made) if others else made(inner)
    return each(base, var, body, at)


def _variable(ctx: Context, node: tree.Variable, scope: Scope) -> tuple[Expr, int, Expr]:
    base = over(ctx, ctx.value(ctx, node.source, scope), node.name, node.at)
    var, inner = scope.named(node.name, item_type(base), node.at)
    if node.condition is None:
        return base, var, Const(True, BOOLEAN, node.at)
    return base, var, truth(ctx.value(ctx, node.condition, inner))


def prefix_aggregate(ctx: Context, node: tree.PrefixAggregate, scope: Scope) -> Expr:
    """``sum E over V from A where C``; without E, of the items themselves."""
    if len(node.variables) > 1:
        return _total_of_tuples(ctx, node, scope)
    (variable,) = node.variables
    base, var, cond = _variable(ctx, variable, scope)
    if variable.condition is not None:
        base = core.Where(base, var, cond, listed(base), variable.at)
    kind: Type = item_type(base)
    _, inner = scope.named(variable.name, kind, variable.at)
    value = Item(var, kind, node.at) if node.value is None else ctx.value(ctx, node.value, inner)
    return totalled(ctx, node.op, base, var, value, node.at)


def _total_of_tuples(ctx: Context, node: tree.PrefixAggregate, scope: Scope) -> Expr:
    value = node.value
    if value is None:
        message = f"{node.op} over several variables needs to know of what: {node.op} V.x over V from …"
        raise ctx.wrong("pql.arguments", message, node)
    numbers = _nested(ctx, node.variables, scope, node.at, lambda inner: ctx.value(ctx, value, inner))
    item = Item(scope.depth, item_type(numbers), node.at)
    return totalled(ctx, node.op, numbers, scope.depth, item, node.at)
