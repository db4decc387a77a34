"""Reading one kind of value as another, where that is sure to be meant.

An undeclared value takes its type from what stands beside it. Text is read as a number, as true or false, or
as an instant if a literal spells one, or if it stands right of such a value; anything else is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from townsend.audiences import core
from townsend.audiences.core import (
    ANY,
    BOOLEAN,
    DATETIME,
    INTEGER,
    NUMBER,
    STRING,
    AnyType,
    Const,
    Expr,
    ListOf,
    ListType,
    ScalarType,
    Type,
)
from townsend.audiences.pql import tree
from townsend.audiences.pql.context import Context
from townsend.audiences.pql.kinds import Group, as_text, group, item_type
from townsend.audiences.reference import numbers
from townsend.audiences.reference.values import read

__all__ = ["CANONICAL", "as_group", "as_items_of", "literal", "number", "pair", "unified"]

CANONICAL: dict[Group, ScalarType] = {
    "string": STRING,
    "boolean": BOOLEAN,
    "number": NUMBER,
    "instant": DATETIME,
}


def literal(ctx: Context, node: tree.Literal) -> Const:
    """A string, number or boolean as it was written; numbers have nine places.

    Raises:
        Invalid: ``pql.number``, a number that does not fit 64 bits.
    """
    value = node.value
    if isinstance(value, bool):
        return Const(value, BOOLEAN, node.at)
    if isinstance(value, str):
        return Const(value, STRING, node.at)
    fitted = numbers.rounded(value)
    if fitted is None:
        raise ctx.wrong("pql.number", "numbers are smaller than 2^63", node)
    return Const(fitted, INTEGER if isinstance(fitted, int) else NUMBER, node.at)


def as_group(ctx: Context, expr: Expr, wanted: Group, what: str) -> Expr:
    """A value that has to be of one group of scalars.

    Args:
        what: who wants it, for the message: "arithmetic", "contains".

    Raises:
        Invalid: ``pql.type``.
    """
    if isinstance(expr.type, AnyType):
        return core.Coerce(expr, CANONICAL[wanted], at=expr.at)
    if group(expr.type) == wanted:
        return expr
    if isinstance(expr, Const) and group(expr.type) == "string":
        return _spelled(ctx, expr, wanted)
    hint = "; a list needs .exists(…), .sum(…) or the like" if isinstance(expr.type, ListType) else ""
    expected = as_text(CANONICAL[wanted])
    raise ctx.wrong("pql.type", f"{what} needs {expected}, got {as_text(expr.type)}{hint}", expr.at)


def number(ctx: Context, expr: Expr, what: str) -> Expr:
    """A value that has to be a number; see ``as_group``."""
    return as_group(ctx, expr, "number", what)


def pair(ctx: Context, left: Expr, right: Expr) -> tuple[Expr, Expr]:
    """Two scalars to be compared, read as one kind; two undeclared values stay as they are.

    Raises:
        Invalid: ``pql.type`` if they can never be equal.
    """
    mine, other = group(left.type), group(right.type)
    if mine == other and (mine is not None or left.type == right.type):
        return left, right
    if isinstance(left.type, AnyType) and (other or _has_content(right.type)):
        return (core.Coerce(left, CANONICAL[other], at=left.at) if other else left), right
    if isinstance(right.type, AnyType) and (mine or _has_content(left.type)):
        return left, (core.Coerce(right, CANONICAL[mine], at=right.at) if mine else right)
    if mine and other == "string":
        return left, _from_text(ctx, right, mine)
    if other and mine == "string" and isinstance(left, Const):
        return _spelled(ctx, left, other), right
    hint = f'; write "{right.value}"' if mine == "string" and isinstance(right, Const) else ""
    raise ctx.wrong(
        "pql.type", f"{as_text(left.type)} can't be compared with {as_text(right.type)}{hint}", right.at
    )


def as_items_of(ctx: Context, items: Expr, wanted: Type, what: str) -> Expr:
    """A list whose items are to be compared with values of a type; literals are read as that type."""
    kind = item_type(items)
    if isinstance(items, ListOf) and (goal := group(wanted)) is not None:
        read_ = tuple(as_group(ctx, item, goal, what) for item in items.items)
        return replace(items, items=read_, type=ListType(CANONICAL[goal]))
    if isinstance(kind, AnyType) or isinstance(wanted, AnyType) or kind == wanted:
        return items
    if group(kind) != group(wanted) or group(kind) is None:
        raise ctx.wrong(
            "pql.type", f"{what}: {as_text(wanted)} is never among {as_text(kind)} values", items.at
        )
    return items


def unified(exprs: Sequence[Expr]) -> tuple[tuple[Expr, ...], Type] | None:
    """Several values as one kind; undeclared ones are read as what the others are. None if they differ."""
    types = [expr.type for expr in exprs if not isinstance(expr.type, AnyType)]
    if not types:
        return tuple(exprs), ANY
    goals = {group(type_) for type_ in types}
    (goal,) = goals if len(goals) == 1 else (None,)
    if goal is None:
        same = len(types) == len(exprs) and all(type_ == types[0] for type_ in types)
        return (tuple(exprs), types[0]) if same else None
    read_ = (
        core.Coerce(expr, CANONICAL[goal], at=expr.at) if isinstance(expr.type, AnyType) else expr
        for expr in exprs
    )
    kind = types[0] if len(types) == len(exprs) and len(set(types)) == 1 else CANONICAL[goal]
    return tuple(read_), kind


def _has_content(type_: Type) -> bool:
    """Objects, maps and items are compared by their content, and an undeclared value may be one."""
    return isinstance(type_, AnyType | core.ObjectType | core.MapType | core.ItemType)


def _from_text(ctx: Context, expr: Expr, wanted: Group) -> Expr:
    if isinstance(expr, Const):
        return _spelled(ctx, expr, wanted)
    return core.Coerce(expr, CANONICAL[wanted], at=expr.at)


def _spelled(ctx: Context, const: Const, wanted: Group) -> Const:
    kind = CANONICAL[wanted]
    found = read(const.value, kind.name)
    if isinstance(found, Decimal) and found == found.to_integral_value():
        return Const(int(found), INTEGER, const.at)
    if isinstance(found, bool | int | Decimal):
        return Const(found, kind, const.at)
    ways = {"boolean": "write true or false", "instant": "write it like 2026-03-18T12:00:00Z"}
    hint = f"; {ways[wanted]}" if wanted in ways else ""
    raise ctx.wrong("pql.type", f"expected {as_text(kind)}, got the text {const.value!r}{hint}", const.at)
