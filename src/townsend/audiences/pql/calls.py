"""Functions and methods: which there are, what they take, and what to suggest for a slip."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Literal

from townsend.audiences import core
from townsend.audiences.core import AnyType, Expr, GroupsType, MapType, Span
from townsend.audiences.pql import groups, lists, tree
from townsend.audiences.pql.coerce import as_group, unified
from townsend.audiences.pql.compare import SET_TESTS, TEXT_TESTS, case_of, member_of, set_test, text_test
from townsend.audiences.pql.context import Context, Scope
from townsend.audiences.pql.functions import FUNCTIONS_OF_SCALARS, regex_group
from townsend.audiences.pql.kinds import as_text, is_condition
from townsend.audiences.pql.paths import relationship_call
from townsend.audiences.pql.segments import in_segment

__all__ = ["FUNCTIONS", "METHODS", "UNSUPPORTED", "call"]

Method = Callable[[Context, tree.Call, Expr, Scope], Expr]
Function = Callable[[Context, tree.Call, Scope], Expr]

# Names of the sister library that say nothing about who somebody is, and what to write instead.
UNSUPPORTED = {
    "currentTimeInMillis": "write … occurs before now, or ageInDays(…)",
    "getCurrentZonedDateTime": "write … occurs before now, or ageInDays(…)",
    "formatDate": "compare the parts: getYear(), getMonth(), getDayOfMonth()",
    "camelCase": "compare without case: equals(…, false)",
    "mask": "it only changes what is shown",
    "md5": "it only changes what is shown",
    "mapEntry": "it stands inside map over a map: M.map((K, G) => mapEntry(K, G.count()))",
}


def call(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
    """A function, a method, or a relationship with ``via``.

    Raises:
        Invalid: ``pql.function`` with a suggestion; ``pql.arguments``; ``pql.unsupported``.
    """
    base = scope.item if node.target is None else ctx.value(ctx, node.target, scope)
    reached = relationship_call(ctx, node, base)
    if reached is not None:
        return reached
    if node.named:
        raise ctx.wrong("pql.arguments", f"{node.name} takes no {node.named[0][0]}:", node)
    if node.target is None and node.name in FUNCTIONS:
        function, fewest, most = FUNCTIONS[node.name]
        _arity(ctx, node, fewest, most)
        return function(ctx, node, scope)
    if node.target is not None and node.name in METHODS:
        method, fewest, most = METHODS[node.name]
        _arity(ctx, node, fewest, most)
        return method(ctx, node, base, scope)
    raise _unknown(ctx, node)


def _arity(ctx: Context, node: tree.Call, fewest: int, most: int) -> None:
    if fewest <= len(node.args) <= most:
        return
    wanted = ("no" if most == 0 else str(fewest)) if fewest == most else f"{fewest} to {most}"
    noun = "argument" if wanted == "1" else "arguments"
    message = f"{node.name} takes {wanted} {noun}, got {len(node.args)}"
    raise ctx.wrong("pql.arguments", message, _name_of(ctx, node))


def _unknown(ctx: Context, node: tree.Call) -> Exception:
    name, here = node.name, _name_of(ctx, node)
    if name in UNSUPPORTED:
        return ctx.wrong("pql.unsupported", f"{name} has no place here; {UNSUPPORTED[name]}", here)
    mine, other = (FUNCTIONS, METHODS) if node.target is None else (METHODS, FUNCTIONS)
    if name in other:
        way = f"write it after a value: x.{name}(…)" if node.target is None else f"write {name}(…) alone"
        return ctx.wrong("pql.function", f"{name} does not stand here; {way}", here, suggestion=name)
    near = difflib.get_close_matches(name, [*mine, *other], 1, 0.6)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return ctx.wrong(
        "pql.function", f"there is no function {name!r}{hint}", here, suggestion=near[0] if near else None
    )


def _name_of(ctx: Context, node: tree.Call) -> Span:
    """Where the function's name stands, for the caret."""
    after = node.at.start if node.target is None else node.target.at.end
    found = ctx.text.find(node.name, after, node.at.end)
    return node.at if found < 0 else Span(found, found + len(node.name))


# ---------------------------------------------------------------- functions


def _if(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
    test = ctx.condition(ctx, node.args[0], scope)
    values = [ctx.value(ctx, arg, scope) for arg in node.args[1:]]
    found = unified(values)
    if found is None:
        kinds = " and ".join(as_text(value.type) for value in values)
        raise ctx.wrong("pql.type", f"both values of if are of one kind, got {kinds}", node)
    (then, otherwise), kind = found
    return core.Conditional(test, then, otherwise, kind, node.at)


def _deleted(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
    return lists.deleted(ctx, ctx.value(ctx, node.args[0], scope), node.at)


def _in_segment(ctx: Context, node: tree.Call, scope: Scope) -> Expr:
    return in_segment(ctx, node, scope.item, scope)


def _date(ctx: Context, node: tree.Call, _: Scope) -> Expr:
    message = "a date is a whole day; it stands after occurs: x occurs on date(2026, 3, 18)"
    raise ctx.wrong("pql.type", message, node)


def _now(part: Literal["year", "month", "day"]) -> tuple[Function, int, int]:
    return (lambda _, node, __: core.DatePart(part, None, at=node.at)), 0, 0


FUNCTIONS: Mapping[str, tuple[Function, int, int]] = {
    "if": (_if, 3, 3),
    "inSegment": (_in_segment, 1, 1),
    "deleted": (_deleted, 1, 1),
    "date": (_date, 0, 3),
    "modelInstances": (lambda ctx, node, _: groups.instances(ctx, node), 1, 1),
    **FUNCTIONS_OF_SCALARS,
    "currentYear": _now("year"),
    "currentMonth": _now("month"),
    "currentDayOfMonth": _now("day"),
}


# ---------------------------------------------------------------- methods


def _text(ctx: Context, node: tree.Call, base: Expr, scope: Scope) -> Expr:
    args = node.args
    if len(args) > 2 or (len(args) == 2 and isinstance(getattr(args[1], "value", None), str)):
        return _any_of(ctx, node, base, scope)
    pattern = ctx.value(ctx, args[0], scope)
    return text_test(ctx, node.name, base, pattern, case_of(ctx, node.name, args), scope, node.at)


def _any_of(ctx: Context, node: tree.Call, base: Expr, scope: Scope) -> Expr:
    """``equals("a", "b")``, printed once: one of them."""
    if node.name != "equals":
        raise ctx.wrong("pql.arguments", f"{node.name} takes one text, and true or false for case", node)
    ctx.warn("pql.equals", "equals with several texts is read as “one of them”; write in […]", node)
    tests = (
        text_test(ctx, "equals", base, ctx.value(ctx, arg, scope), True, scope, node.at) for arg in node.args
    )
    return core.Or(tuple(tests), at=node.at)


def _plain_text(ctx: Context, node: tree.Call, base: Expr, scope: Scope) -> Expr:
    """Tests that always regard case."""
    return text_test(ctx, node.name, base, ctx.value(ctx, node.args[0], scope), True, scope, node.at)


def _quantified(ctx: Context, node: tree.Call, base: Expr, scope: Scope) -> Expr:
    return lists.quantified(ctx, node.name, base, node.args[0], scope, node.at)


def _filter(ctx: Context, node: tree.Call, base: Expr, scope: Scope) -> Expr:
    return lists.filtered(ctx, base, node.args[0], scope, node.at)


def _map(ctx: Context, node: tree.Call, base: Expr, scope: Scope) -> Expr:
    if isinstance(base.type, GroupsType | MapType):
        return groups.entries_mapped(ctx, base, node.args[0], scope, node.at)
    return lists.mapped(ctx, base, node.args[0], scope, node.at)


def _ranked(ctx: Context, node: tree.Call, base: Expr, scope: Scope) -> Expr:
    lists.over(ctx, base, node.name, node.at)
    var, body = lists.opened(ctx, base, node.args[0], scope)
    return groups.ranked(ctx, node.name, base, var, body, node.args[1], node.at)  # type: ignore[arg-type]


def _head(ctx: Context, node: tree.Call, base: Expr, _: Scope) -> Expr:
    return groups.first(lists.over(ctx, base, "head", node.at), node.at)


def _group(ctx: Context, node: tree.Call, base: Expr, scope: Scope) -> Expr:
    lists.over(ctx, base, node.name, node.at)
    var, key = lists.opened(ctx, base, node.args[0], scope)
    return groups.grouped(ctx, base, var, key, node.at)


def _intersection(ctx: Context, node: tree.Call, base: Expr, scope: Scope) -> Expr:
    return groups.common(ctx, base, ctx.value(ctx, node.args[0], scope), node.at)


def _keys(ctx: Context, node: tree.Call, base: Expr, scope: Scope) -> Expr:
    return groups.keys(ctx, base, scope, node.at)


def _values(ctx: Context, node: tree.Call, base: Expr, _: Scope) -> Expr:
    return groups.contents(ctx, base, node.at)


def _aggregate(ctx: Context, node: tree.Call, base: Expr, scope: Scope) -> Expr:
    body = node.args[0] if node.args else None
    return lists.aggregate(ctx, node.name, base, body, scope, node.at)  # type: ignore[arg-type]


def _count(ctx: Context, node: tree.Call, base: Expr, scope: Scope) -> Expr:
    if isinstance(base.type, GroupsType | MapType):
        base = groups.contents(ctx, base, node.at)
    return lists.count(ctx, base, scope, node.at)


def _distinct(ctx: Context, node: tree.Call, base: Expr, _: Scope) -> Expr:
    return lists.distinct(ctx, base, node.at)


def _includes(ctx: Context, node: tree.Call, base: Expr, scope: Scope) -> Expr:
    return member_of(ctx, ctx.value(ctx, node.args[0], scope), base, False, scope, node.at)


def _set(ctx: Context, node: tree.Call, base: Expr, scope: Scope) -> Expr:
    return set_test(ctx, node.name, base, ctx.value(ctx, node.args[0], scope), node.at)  # type: ignore[arg-type]


def _null(ctx: Context, node: tree.Call, base: Expr, _: Scope) -> Expr:
    if is_condition(base):
        raise ctx.wrong("pql.type", "a condition is true or false, and never null", node)
    return core.IsNull(base, node.name == "isNotNull", at=node.at)


def _get(ctx: Context, node: tree.Call, base: Expr, scope: Scope) -> Expr:
    if isinstance(base.type, GroupsType):
        return groups.entry(ctx, base, ctx.value(ctx, node.args[0], scope), node.at)
    if not isinstance(base.type, MapType | AnyType):
        raise ctx.wrong("pql.type", f"get looks into a map, got {as_text(base.type)}", node)
    key = as_group(ctx, ctx.value(ctx, node.args[0], scope), "string", "get")
    return core.Dig(base, key, at=node.at)


def _date_part(ctx: Context, node: tree.Call, base: Expr, _: Scope) -> Expr:
    parts: dict[str, Literal["year", "month", "day"]] = {
        "getYear": "year",
        "getMonth": "month",
        "getDayOfMonth": "day",
    }
    return core.DatePart(parts[node.name], as_group(ctx, base, "instant", node.name), at=node.at)


METHODS: Mapping[str, tuple[Method, int, int]] = {
    **dict.fromkeys(TEXT_TESTS, (_text, 1, 2)),
    "equals": (_text, 1, 1_000),
    "like": (_plain_text, 1, 1),
    "matches": (_plain_text, 1, 1),
    **dict.fromkeys(("exists", "forall", "none", "one", "some", "all"), (_quantified, 1, 1)),
    "filter": (_filter, 1, 1),
    "map": (_map, 1, 1),
    **dict.fromkeys(("topN", "bottomN"), (_ranked, 2, 2)),
    "head": (_head, 0, 0),
    "groupBy": (_group, 1, 1),
    "intersection": (_intersection, 1, 1),
    "keys": (_keys, 0, 0),
    "values": (_values, 0, 0),
    "regexGroup": (regex_group, 2, 2),
    **dict.fromkeys(("sum", "average", "min", "max"), (_aggregate, 0, 1)),
    "count": (_count, 0, 0),
    "distinct": (_distinct, 0, 0),
    "includes": (_includes, 1, 1),
    **dict.fromkeys(SET_TESTS, (_set, 1, 1)),
    "isNull": (_null, 0, 0),
    "isNotNull": (_null, 0, 0),
    "get": (_get, 1, 1),
    "inSegment": (in_segment, 1, 1),
    **dict.fromkeys(("getYear", "getMonth", "getDayOfMonth"), (_date_part, 0, 0)),
}
