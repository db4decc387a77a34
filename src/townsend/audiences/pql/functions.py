"""Functions of text and of time, called by name: ``lowerCase(x)``, ``addDays(t, 3)``, ``getUrlPath(x)``.

Most come from the sister library of PQL; some only say in another way what the language has already, and
resolve to that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

import re2

from townsend.audiences import core
from townsend.audiences.core import INTEGER, STRING, AnyType, Const, Expr, Item, ListType, Span, Unit
from townsend.audiences.pql import tree
from townsend.audiences.pql.coerce import CANONICAL, as_group, number
from townsend.audiences.pql.compare import check_regex, text_test
from townsend.audiences.pql.context import Context, Scope
from townsend.audiences.pql.kinds import as_text, group, item_type, listed

__all__ = ["FUNCTIONS_OF_SCALARS", "regex_group"]

Function = Callable[[Context, tree.Call, Scope], Expr]
TextOp = Literal["lowerCase", "upperCase", "length", "concat", "indexOf", "lastIndexOf"]
CONCAT_MAX = 100  # texts put together at once


def _values(ctx: Context, node: tree.Call, scope: Scope) -> list[Expr]:
    return [ctx.value(ctx, arg, scope) for arg in node.args]


def _scalar(ctx: Context, node: tree.Call, value: Expr) -> Expr:
    if isinstance(value.type, ListType):
        message = f"{node.name} takes one value, got a list; write it for each item: list.map({node.name}(…))"
        raise ctx.wrong("pql.type", message, value.at)
    return value


def _text(op: TextOp) -> Function:
    def function(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
        args = (_scalar(ctx, node, value) for value in _values(ctx, node, scope))
        words = tuple(as_group(ctx, arg, "string", op) for arg in args)
        counted = op in ("length", "indexOf", "lastIndexOf")
        return core.TextFunction(op, words, INTEGER if counted else STRING, node.at)

    return function


def _url_part(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
    subject = as_group(ctx, _scalar(ctx, node, *_values(ctx, node, scope)), "string", node.name)
    return core.RegexGroup(subject, core.URL_PARTS[node.name], 1, at=node.at)


def regex_group(ctx: Context, node: tree.Call, base: Expr, _: Scope) -> Expr:
    """``S.regexGroup("expression", n)``."""
    pattern, number_ = node.args
    if not isinstance(pattern, tree.Literal) or not isinstance(pattern.value, str):
        raise ctx.wrong("pql.arguments", "regexGroup takes a regular expression as a string", pattern)
    if not isinstance(number_, tree.Literal) or type(number_.value) is not int or number_.value < 0:
        raise ctx.wrong("pql.arguments", "regexGroup takes the number of a group, 0 being all", number_)
    subject = as_group(ctx, base, "string", "regexGroup")
    if check_regex(ctx, pattern.value, pattern.at):
        groups = re2.compile(pattern.value).groups
        if number_.value > groups:
            raise ctx.wrong("pql.arguments", f"the expression has {groups} groups", number_)
    return core.RegexGroup(subject, pattern.value, number_.value, at=node.at)


def _tested(op: str, other: str | None, case: bool = True) -> Function:
    """A test of text by another name; against ``other`` if it takes one text only."""

    def function(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
        values = _values(ctx, node, scope)
        pattern = values[1] if other is None else Const(other, STRING, node.at)
        return text_test(ctx, op, values[0], pattern, case, scope, node.at)

    return function


def _any_ignoring_case(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
    subject, *patterns = _values(ctx, node, scope)
    tests = (text_test(ctx, "equals", subject, one, False, scope, node.at) for one in patterns)
    return core.Or(tuple(tests), at=node.at)


# ---------------------------------------------------------------- time


def _instants(ctx: Context, node: tree.Call, scope: Scope) -> list[Expr]:
    return [
        as_group(ctx, _scalar(ctx, node, value), "instant", node.name) for value in _values(ctx, node, scope)
    ]


def _added(unit: Unit) -> Function:
    def function(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
        value, count = _values(ctx, node, scope)
        instant = as_group(ctx, _scalar(ctx, node, value), "instant", node.name)
        return core.Shifted(instant, number(ctx, count, node.name), unit, at=node.at)

    return function


def _elapsed(unit: Unit) -> Function:
    def function(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
        first, *second = _instants(ctx, node, scope)
        return core.Elapsed(unit, first, second[0] if second else None, at=node.at)

    return function


def _part(part: str) -> Function:
    def function(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
        (value,) = _instants(ctx, node, scope)
        return core.DatePart(part, value, at=node.at)  # type: ignore[arg-type]

    return function


def _instant(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
    """Text read as an instant."""
    (value,) = _values(ctx, node, scope)
    if group(value.type) == "string" and not isinstance(value, Const):
        return core.Coerce(value, CANONICAL["instant"], at=node.at)
    return replace(as_group(ctx, _scalar(ctx, node, value), "instant", node.name), at=node.at)


def _between(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
    value, first, second = _instants(ctx, node, scope)
    return core.Occurs(value, core.Between(core.InstantOf(first), core.InstantOf(second)), at=node.at)


def _order(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
    """-1, 0 or 1; null if a side is."""
    first, second = _instants(ctx, node, scope)
    worth: Expr = Const(None, INTEGER, node.at)
    for op, sign in ((">", 1), ("=", 0), ("<", -1)):
        test = core.Compare(op, first, second, at=node.at)  # type: ignore[arg-type]
        worth = core.Conditional(test, Const(sign, INTEGER, node.at), worth, INTEGER, node.at)
    return worth


# ---------------------------------------------------------------- counts with nulls


def _list(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
    (base,) = _values(ctx, node, scope)
    if not isinstance(base.type, ListType | AnyType):
        raise ctx.wrong("pql.type", f"{node.name} needs a list, got {as_text(base.type)}", base.at)
    return base


def _missing(base: Expr, scope: Scope, at: Span) -> Expr:
    """The nulls of a list."""
    item = Item(scope.depth, item_type(base), at)
    return core.Where(base, scope.depth, core.IsNull(item, False, at=at), listed(base), at)


def _count_all(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
    return core.Count(_list(ctx, node, scope), at=node.at)


def _count_missing(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
    return core.Count(_missing(_list(ctx, node, scope), scope, node.at), at=node.at)


def _count_distinct(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
    base = _list(ctx, node, scope)
    one, none = Const(1, INTEGER, node.at), Const(0, INTEGER, node.at)
    missing = core.Truth(_missing(base, scope, node.at), at=node.at)
    null = core.Conditional(missing, one, none, INTEGER, node.at)
    return core.Arithmetic(
        "+", core.Count(core.Distinct(base, listed(base), node.at), at=node.at), null, at=node.at
    )


FUNCTIONS_OF_SCALARS: Mapping[str, tuple[Function, int, int]] = {
    "lowerCase": (_text("lowerCase"), 1, 1),
    "upperCase": (_text("upperCase"), 1, 1),
    "length": (_text("length"), 1, 1),
    "concat": (_text("concat"), 1, CONCAT_MAX),
    "indexOf": (_text("indexOf"), 2, 2),
    "lastIndexOf": (_text("lastIndexOf"), 2, 2),
    "isEmpty": (_tested("equals", ""), 1, 1),
    "isNotEmpty": (_tested("notEqualTo", ""), 1, 1),
    "equalsIgnoreCase": (_tested("equals", None, case=False), 2, 2),
    "notEqualWithIgnoreCase": (_tested("notEqualTo", None, case=False), 2, 2),
    "equalsAnyIgnoreCase": (_any_ignoring_case, 2, 1_000),
    **dict.fromkeys(core.URL_PARTS, (_url_part, 1, 1)),
    "addSeconds": (_added("second"), 2, 2),
    "addMinutes": (_added("minute"), 2, 2),
    "addHours": (_added("hour"), 2, 2),
    "addDays": (_added("day"), 2, 2),
    "addMonths": (_added("month"), 2, 2),
    "addYears": (_added("year"), 2, 2),
    "age": (_elapsed("year"), 1, 1),
    "ageInMonths": (_elapsed("month"), 1, 1),
    "ageInDays": (_elapsed("day"), 1, 1),
    "dateDiff": (_elapsed("day"), 2, 2),
    "diffInSeconds": (_elapsed("second"), 2, 2),
    "compareDates": (_order, 2, 2),
    "dateBetween": (_between, 3, 3),
    "toDateTime": (_instant, 1, 1),
    "stringToDate": (_instant, 1, 1),
    "dayOfWeek": (_part("weekday"), 1, 1),
    "dayOfMonth": (_part("day"), 1, 1),
    "dayOfYear": (_part("yearday"), 1, 1),
    "extractYears": (_part("year"), 1, 1),
    "extractMonths": (_part("month"), 1, 1),
    "extractDays": (_part("day"), 1, 1),
    "extractHours": (_part("hour"), 1, 1),
    "extractMinutes": (_part("minute"), 1, 1),
    "extractSeconds": (_part("second"), 1, 1),
    "countWithNull": (_count_all, 1, 1),
    "countOnlyNull": (_count_missing, 1, 1),
    "distinctCountWithNull": (_count_distinct, 1, 1),
}
