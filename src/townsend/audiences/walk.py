"""Walking resolved expressions: their parts, and which variables they refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, get_args

from townsend.audiences.core import (
    Aggregate,
    And,
    AnyType,
    Chain,
    Distinct,
    Each,
    Expr,
    Field,
    Follow,
    Grouped,
    Item,
    ListType,
    MapOf,
    Ordered,
    Ranked,
    Some,
    Tail,
    TimeRef,
    Where,
)

__all__ = [
    "chain_uses",
    "conjuncts",
    "everything",
    "free",
    "is_list",
    "parts",
    "root_of",
    "spine",
    "spine_uses",
    "tail_parts",
]

EXPRESSIONS = frozenset(get_args(Expr))
INSIDE = frozenset({*get_args(Tail), *get_args(TimeRef)})
# What is said about each item of a list, by the kind of node that says it.
BOUND: Mapping[type, tuple[str, ...]] = {
    Where: ("cond",),
    Some: ("cond",),
    Each: ("body",),
    Aggregate: ("body",),
    Ranked: ("body",),
    Grouped: ("key",),
    MapOf: ("key", "value"),
}


def is_list(expr: Expr) -> bool:
    """Whether an expression is sure to be a list."""
    return isinstance(expr.type, ListType)


def parts(node: Expr) -> Iterator[tuple[Expr, int | None]]:
    """The expressions directly inside, each with the variable that is bound there."""
    kind: type = type(node)
    bound = BOUND.get(kind)
    if bound is not None:
        yield node.base, None  # type: ignore[union-attr]
        for name in bound:
            yield getattr(node, name), node.var  # type: ignore[union-attr]
    elif isinstance(node, Chain):
        yield from _chain_parts(node)
    else:
        for name in _names_inside(kind):
            for inner in _expressions(getattr(node, name)):
                yield inner, None


def _chain_parts(node: Chain) -> Iterator[tuple[Expr, int | None]]:
    yield node.base, None
    for step in node.steps:
        yield step.what, node.var
        if step.when is not None:
            yield from ((inner, node.var) for inner in tail_parts(step.when))
        if step.where is not None:
            yield step.where, None


@cache
def _names_inside(kind: type) -> tuple[str, ...]:
    """The fields of a node that may hold expressions."""
    return tuple(one.name for one in fields(kind) if one.name not in ("type", "at", "definition"))


def everything(node: Expr) -> Iterator[Expr]:
    """The expression and all inside it; not the definitions of other audiences."""
    yield node
    for inner, _ in parts(node):
        yield from everything(inner)


def free(node: Expr) -> frozenset[int]:
    """The variables that a value depends on."""
    if isinstance(node, Item):
        return frozenset({node.var})
    found: frozenset[int] = frozenset()
    for inner, var in parts(node):
        found |= free(inner) - {var} if var is not None else free(inner)
    return found


def tail_parts(tail: Tail) -> Iterator[Expr]:
    """The expressions inside a tail."""
    return _expressions(tail)


def conjuncts(condition: Expr) -> list[Expr]:
    """The conditions that must all hold."""
    if isinstance(condition, And):
        return [inner for item in condition.items for inner in conjuncts(item)]
    return [condition]


def spine(expr: Expr) -> Iterator[Expr]:
    """A list expression, what it is made from, and so on, until something that is no list follows."""
    while True:
        yield expr
        if not isinstance(expr, Where | Each | Distinct | Follow | Ordered | Ranked):
            return
        if not is_list(expr.base) and not isinstance(expr.base.type, AnyType):
            return
        expr = expr.base


def root_of(expr: Expr) -> Expr | None:
    """What a list starts from: one entity or item; None for a literal or an undeclared value."""
    *_, last = spine(expr)
    return last.base if isinstance(last, Follow | Field) else None


def spine_uses(expr: Expr) -> frozenset[int]:
    """The variables that conditions and bodies along a list refer to, its items and its root aside."""
    found: frozenset[int] = frozenset()
    for node in spine(expr):
        if isinstance(node, Where):
            found |= free(node.cond) - {node.var}
        elif isinstance(node, Each | Ranked):
            found |= free(node.body) - {node.var}
    return found


def chain_uses(node: Chain) -> frozenset[int]:
    """The variables that the conditions on a sequence's events refer to, the events aside."""
    found: frozenset[int] = frozenset()
    for step in node.steps:
        for inner in (step.what, *(tail_parts(step.when) if step.when is not None else ())):
            found |= free(inner) - {node.var}
    return found


def _expressions(value: Any) -> Iterator[Expr]:
    kind: type = type(value)
    if kind in EXPRESSIONS:
        yield value
    elif kind is tuple:
        for one in value:
            yield from _expressions(one)
    elif kind in INSIDE:
        for name in _names_inside(kind):
            yield from _expressions(getattr(value, name))
