"""``occurs``, its tails, and sequences of events."""

from __future__ import annotations

from collections.abc import Mapping

from townsend.audiences import core
from townsend.audiences.core import (
    Calendar,
    EntityType,
    Expr,
    ListType,
    Now,
    Tail,
    TimeRef,
)
from townsend.audiences.pql import tree
from townsend.audiences.pql.coerce import as_group, number
from townsend.audiences.pql.compare import for_some
from townsend.audiences.pql.context import Context, Scope
from townsend.audiences.pql.kinds import as_text, truth

__all__ = ["COUNT_MAX", "STEPS_MAX", "chain", "occurs"]

STEPS_MAX = 20
COUNT_MAX = 100_000  # events that one step may ask for


def occurs(ctx: Context, node: tree.Occurs, scope: Scope) -> Expr:
    """``T occurs TAIL``; of a list of instants, some of them."""
    value = ctx.value(ctx, node.value, scope)
    where = tail(ctx, node.tail, scope)
    if isinstance(value.type, ListType):
        return for_some(
            value,
            scope,
            node.at,
            lambda item, _: core.Occurs(as_group(ctx, item, "instant", "occurs"), where, at=node.at),
        )
    return core.Occurs(as_group(ctx, value, "instant", "occurs"), where, at=node.at)


def tail(ctx: Context, node: tree.TailNode, scope: Scope) -> Tail:
    """What follows ``occurs``, or stands in ``WHEN(…)``."""
    match node:
        case tree.TailWindow(op, count, unit, direction, ref):
            return core.Window(op, count, unit, _direction(ctx, direction, node.at), time(ctx, ref, scope))
        case tree.TailSide(direction, ref):
            return core.Side(_direction(ctx, direction, node.at), time(ctx, ref, scope))
        case tree.TailDuring(ref):
            return core.During(time(ctx, ref, scope))
        case tree.TailBetween(first, second):
            return core.Between(time(ctx, first, scope), time(ctx, second, scope))


def _direction(ctx: Context, word: str, at: core.Span) -> core.Direction:
    if word == "from":
        ctx.warn("pql.from", "“from” as a direction of time is read as “after”", at)
        return "after"
    return "before" if word == "before" else "after"


def time(ctx: Context, node: tree.TimeNode, scope: Scope) -> TimeRef:
    """What a window is measured from."""
    match node:
        case tree.Now():
            return Now()
        case tree.Relative(offset, unit):
            return Calendar(offset, unit)
        case tree.Instant(tree.Call(None, "date") as call):
            if len(call.args) != 3 or call.named:
                raise ctx.wrong("pql.arguments", "date takes a year, a month and a day", call)
            year, month, day = (number(ctx, ctx.value(ctx, arg, scope), "date") for arg in call.args)
            return core.DateOf(year, month, day)
        case tree.Instant(value):
            return core.InstantOf(as_group(ctx, ctx.value(ctx, value, scope), "instant", "a time"))


# ---------------------------------------------------------------- sequences


def chain(ctx: Context, node: tree.Chain, scope: Scope) -> Expr:
    """``chain(xEvent, timestamp, [A: WHAT(…) WHEN(…) …, …])``.

    Raises:
        Invalid: ``pql.chain``.
    """
    base = ctx.value(ctx, node.array, scope)
    item = base.type.item if isinstance(base.type, ListType) else None
    time_field = ctx.schema.classes[item.cls].time_field if isinstance(item, EntityType) else None
    if not isinstance(base.type, ListType) or time_field is None:
        raise ctx.wrong("pql.chain", f"chain goes over events, got {as_text(base.type)}", node.array)
    if _dotted(node.time) != time_field:
        raise ctx.wrong("pql.chain", f"events are put in order by {time_field}; write it here", node.time)
    if len(node.steps) > STEPS_MAX:
        raise ctx.wrong("pql.chain", f"a chain has at most {STEPS_MAX} steps", node.steps[STEPS_MAX])
    var, inner = scope.inside(base.type.item, node.at)
    steps = tuple(_step(ctx, step, scope, inner, first=at == 0) for at, step in enumerate(node.steps))
    return core.Chain(base, var, time_field, steps, at=node.at)


def _step(ctx: Context, node: tree.Step, outer: Scope, inner: Scope, first: bool) -> core.Step:
    parts: dict[str, tree.Part] = {}
    for part in node.parts:
        if part.kind in parts:
            raise ctx.wrong("pql.chain", f"step {node.label} says {part.kind.upper()} twice", part)
        parts[part.kind] = part
    if first and "gap" in parts:
        message = "the first step has no step before it; put GAP on a later one, or use WHEN"
        raise ctx.wrong("pql.chain", message, parts["gap"])
    what = truth(ctx.value(ctx, node.what, inner))
    when = tail(ctx, parts["when"].value, inner) if "when" in parts else None  # type: ignore[arg-type]
    where = truth(ctx.value(ctx, parts["where"].value, outer)) if "where" in parts else None
    return core.Step(node.label, what, when, _count(ctx, parts), _gap(parts), where)


def _count(ctx: Context, parts: Mapping[str, tree.Part]) -> int:
    part = parts.get("count")
    if part is None:
        return 1
    assert isinstance(part.value, int)
    if part.value == 0:
        message = "COUNT(0) asks for nothing; for “never” write not (chain(…))"
        raise ctx.wrong("pql.chain", message, part)
    if part.value > COUNT_MAX:
        raise ctx.wrong("pql.chain", f"COUNT is at most {COUNT_MAX:,}", part)
    return part.value


def _gap(parts: Mapping[str, tree.Part]) -> core.Gap | None:
    part = parts.get("gap")
    return core.Gap(*part.value) if part is not None and isinstance(part.value, tuple) else None


def _dotted(node: tree.Node) -> str | None:
    """A name or path as it was written; None for anything else."""
    if isinstance(node, tree.Name):
        return node.name
    if isinstance(node, tree.Member):
        before = _dotted(node.target)
        return None if before is None else f"{before}.{node.name}"
    return None
