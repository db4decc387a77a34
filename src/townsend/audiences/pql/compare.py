"""Comparisons, membership and tests of text.

A list beside a scalar means "for some item", in the negative forms too; a list beside a list is compared
whole, as sets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, cast

import re2

from townsend.audiences import core
from townsend.audiences.core import (
    AnyType,
    Const,
    EntityType,
    Expr,
    GroupsType,
    Item,
    ItemType,
    ListOf,
    ListType,
    MapType,
    ObjectType,
    RecordType,
    Span,
)
from townsend.audiences.pql import tree
from townsend.audiences.pql.coerce import as_group, as_items_of, number, pair
from townsend.audiences.pql.context import Context, Scope
from townsend.audiences.pql.groups import per_key
from townsend.audiences.pql.kinds import as_text, group, item_type, truth
from townsend.audiences.reference.texts import TextOp
from townsend.audiences.reference.values import number_from

__all__ = [
    "SET_TESTS",
    "TEXT_TESTS",
    "check_regex",
    "compare",
    "for_some",
    "infix",
    "member_of",
    "set_test",
    "text_test",
]

CompareOp = Literal["=", "!=", "<", "<=", ">", ">="]
SetOp = Literal["intersects", "subsetOf", "supersetOf", "equal", "unequal"]

TEXT_TESTS = (
    "equals",
    "notEqualTo",
    "startsWith",
    "doesNotStartWith",
    "endsWith",
    "doesNotEndWith",
    "contains",
    "doesNotContain",
    "like",
    "matches",
)
SET_TESTS = ("intersects", "subsetOf", "supersetOf")


def compare(ctx: Context, node: tree.Compare, scope: Scope) -> Expr:
    """``= != < <= > >=``."""
    for side, other in ((node.left, node.right), (node.right, node.left)):
        if isinstance(side, tree.Name) and side.name == "null" and "null" not in scope.variables:
            shown = ctx.text[other.at.start : other.at.end]
            wanted = "isNull" if node.op == "=" else "isNotNull"
            raise ctx.wrong("pql.null", f"nothing equals null; write {shown}.{wanted}()", side)
    return compared(
        ctx, node.op, ctx.value(ctx, node.left, scope), ctx.value(ctx, node.right, scope), scope, node.at
    )


def compared(ctx: Context, op: CompareOp, left: Expr, right: Expr, scope: Scope, at: Span) -> Expr:
    """Two values side by side."""
    if isinstance(left.type, ListType) and _is_whole(right, left):
        return _lists(ctx, op, left, right, at)
    if isinstance(right.type, ListType) and _is_whole(left, right):
        return _lists(ctx, op, left, right, at)
    if isinstance(left.type, ListType):
        return for_some(left, scope, at, lambda item, inner: compared(ctx, op, item, right, inner, at))
    if isinstance(right.type, ListType):
        return for_some(right, scope, at, lambda item, inner: compared(ctx, op, left, item, inner, at))
    if op in ("=", "!="):
        left, right = _by_content(ctx, left, right) or pair(ctx, left, right)
        return core.Compare(op, left, right, at=at)
    return core.Compare(op, *_ordered(ctx, left, right, op), at=at)


def for_some(items: Expr, scope: Scope, at: Span, test: Callable[[Expr, Scope], Expr]) -> Expr:
    """That some item of a list passes; names mean the same inside."""
    item = Item(scope.depth, item_type(items), items.at)
    cond = truth(test(item, replace(scope, depth=scope.depth + 1)))
    return core.Some("exists", items, scope.depth, cond, at=at)


def _is_whole(other: Expr, one: Expr) -> bool:
    """Whether a list beside ``other`` is compared as a whole; an undeclared value may be a list, too."""
    if isinstance(other.type, AnyType):
        return isinstance(one, ListOf)
    return isinstance(other.type, ListType)


def _lists(ctx: Context, op: CompareOp, left: Expr, right: Expr, at: Span) -> Expr:
    if op not in ("=", "!="):
        raise ctx.wrong("pql.type", "two lists can be equal or not, but have no order", at)
    return set_test(ctx, "equal" if op == "=" else "unequal", left, right, at)


def _by_content(ctx: Context, left: Expr, right: Expr) -> tuple[Expr, Expr] | None:
    """Two entities of a class, two objects, two maps; None if they are something else."""
    structured = (EntityType, ObjectType, MapType, ItemType, RecordType, GroupsType)
    if not (isinstance(left.type, structured) and isinstance(right.type, structured)):
        return None
    entities = isinstance(left.type, EntityType) or isinstance(right.type, EntityType)
    if entities and left.type != right.type:
        raise ctx.wrong(
            "pql.type", f"{as_text(left.type)} is never {as_text(right.type)}; compare their fields", right.at
        )
    return left, right


def _ordered(ctx: Context, left: Expr, right: Expr, op: str) -> tuple[Expr, Expr]:
    """Numbers or instants; two undeclared values are read as numbers."""
    sides = [left, right]
    for at, side in enumerate(sides):
        other = sides[1 - at]
        spelled = isinstance(side, Const) and group(side.type) == "string"
        if spelled and isinstance(other.type, AnyType) and number_from(cast(Const, side).value) is not None:
            sides[at] = number(ctx, side, op)
    left, right = sides
    if isinstance(left.type, AnyType) and isinstance(right.type, AnyType):
        return number(ctx, left, op), number(ctx, right, op)
    left, right = pair(ctx, left, right)
    if group(left.type) not in ("number", "instant"):
        raise ctx.wrong("pql.type", f"{op} compares numbers and instants, not {as_text(left.type)}", left.at)
    return left, right


# ---------------------------------------------------------------- membership


def infix(ctx: Context, node: tree.Infix, scope: Scope) -> Expr:
    """``in notIn like matches`` and arithmetic."""
    left, right = ctx.value(ctx, node.left, scope), ctx.value(ctx, node.right, scope)
    match node.op:
        case "in" | "notIn":
            return member_of(ctx, left, right, node.op == "notIn", scope, node.at)
        case "like" | "matches":
            return text_test(ctx, node.op, left, right, True, scope, node.at)
    maps = per_key(ctx, node.op, left, right, node.at)
    if maps is not None:
        return maps
    return core.Arithmetic(
        node.op, number(ctx, left, f"“{node.op}”"), number(ctx, right, f"“{node.op}”"), at=node.at
    )


def member_of(ctx: Context, subject: Expr, items: Expr, negated: bool, scope: Scope, at: Span) -> Expr:
    """``V in LIST`` and ``LIST.includes(V)``."""
    word = "notIn" if negated else "in"
    if not isinstance(items.type, ListType | AnyType):
        raise ctx.wrong("pql.type", f"{word} needs a list, got {as_text(items.type)}", items.at)
    if isinstance(subject.type, ListType):
        return for_some(
            subject, scope, at, lambda item, inner: member_of(ctx, item, items, negated, inner, at)
        )
    kind = item_type(items)
    goal = group(kind)
    if (isinstance(subject.type, AnyType) and goal is not None) or (
        isinstance(subject, Const) and goal is not None and not isinstance(items, ListOf)
    ):
        subject = as_group(ctx, subject, goal, word)
    return core.In(subject, as_items_of(ctx, items, subject.type, word), negated, at=at)


def set_test(ctx: Context, op: SetOp, left: Expr, right: Expr, at: Span) -> Expr:
    """Two lists as sets."""
    for side in (left, right):
        if not isinstance(side.type, ListType | AnyType):
            raise ctx.wrong("pql.type", f"{op} needs two lists, got {as_text(side.type)}", side.at)
    if isinstance(left, ListOf) and not isinstance(right, ListOf):
        left = as_items_of(ctx, left, item_type(right), op)
    else:
        right = as_items_of(ctx, right, item_type(left), op)
    return core.SetTest(op, left, right, at=at)


# ---------------------------------------------------------------- text


def text_test(
    ctx: Context, op: str, subject: Expr, pattern: Expr, case: bool, scope: Scope, at: Span
) -> Expr:
    """``equals``, ``contains`` and the like; ``equals`` of something else than text is ``=``."""
    if isinstance(subject.type, ListType):
        return for_some(subject, scope, at, lambda i, inner: text_test(ctx, op, i, pattern, case, inner, at))
    if isinstance(pattern.type, ListType):
        return for_some(pattern, scope, at, lambda i, inner: text_test(ctx, op, subject, i, case, inner, at))
    if op in ("equals", "notEqualTo") and not _both_text(subject, pattern):
        return compared(ctx, "=" if op == "equals" else "!=", subject, pattern, scope, at)
    subject, pattern = as_group(ctx, subject, "string", op), as_group(ctx, pattern, "string", op)
    if op == "matches" and isinstance(pattern, Const):
        check_regex(ctx, str(pattern.value), pattern.at)
    return core.Text(cast(TextOp, op), subject, pattern, case, at=at)


def _both_text(left: Expr, right: Expr) -> bool:
    groups = {group(left.type), group(right.type)}
    undeclared = isinstance(left.type, AnyType) or isinstance(right.type, AnyType)
    return groups == {"string"} or (undeclared and groups == {"string", None})


def case_of(ctx: Context, name: str, args: Sequence[tree.Node]) -> bool:
    """The ``caseSensitive`` argument of a test of text, true if it is left out."""
    if len(args) < 2:
        return True
    flag = args[1]
    if isinstance(flag, tree.Literal) and isinstance(flag.value, bool):
        return flag.value
    raise ctx.wrong("pql.arguments", f"the second argument of {name} is true or false (with case?)", flag)


def check_regex(ctx: Context, pattern: str, at: Span) -> bool:
    """Whether RE2 can read an expression; if not, that is refused, or warned of where nothing is."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
        return True
    except re2.error as error:
        reason = error.args[0] if error.args else "not readable"
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        message = (
            f"the regular expression can't be read: {reason}; look-around and back references don't exist"
        )
        if ctx.strict:
            raise ctx.wrong("pql.regex", message, at) from None
        ctx.warn("pql.regex", f"{message}; it matches nothing", at)
        return False
