"""Conditions that count one entity's own events: which events, in which stretch of time, and how many.

``exists``, ``none``, a count against a whole number and a sequence of one step all come to this. Conditions
that differ only in time and number ask for events of one kind, which are read once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from townsend.audiences import instants
from townsend.audiences.batch.frame import Lowering
from townsend.audiences.batch.times import low_known
from townsend.audiences.core import (
    Chain,
    Compare,
    Const,
    Count,
    Expr,
    Field,
    Follow,
    Item,
    Occurs,
    Some,
    Tail,
    Truth,
    Where,
)
from townsend.audiences.walk import conjuncts, free, tail_parts
from townsend.model import Inverse

__all__ = ["Counted", "Kind", "counted", "holding"]

MOST = 2**31 - 1  # no entity has more events; larger numbers are left to exact arithmetic
FLIPPED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
COMPARED: dict[str, Callable[[npt.NDArray[np.int64], int], npt.NDArray[np.bool_]]] = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
Places: TypeAlias = npt.NDArray[np.integer]


class Kind(NamedTuple):
    """Events of an entity that meet some conditions, apart from when they were.

    Args:
        follow: the relationship from the entity, ``Item(0)``.
        var: the event in the conditions.
    """

    follow: Follow
    var: int
    conditions: tuple[Expr, ...]


class Counted(NamedTuple):
    """How many events of a kind, from ``since`` and before ``until`` (milliseconds), against a number."""

    kind: Kind
    since: int
    until: int
    op: str
    number: int


def counted(low: Lowering, leaf: Expr) -> Counted | None:
    """The leaf as a count of events; None if it is something else."""
    match leaf:
        case Truth(value):
            return _of_list(low, value, [], None, ">=", 1)
        case Some("exists", base, var, cond):
            return _of_list(low, base, [(var, cond)], None, ">=", 1)
        case Some("none", base, var, cond):
            return _of_list(low, base, [(var, cond)], None, "=", 0)
        case Compare(op, Count(base), Const(value)) if (whole := _whole(value)) is not None:
            return _of_list(low, base, [], None, op, whole)
        case Compare(op, Const(value), Count(base)) if (whole := _whole(value)) is not None:
            return _of_list(low, base, [], None, FLIPPED[op], whole)
        case Chain(base, var, time, (step,)) if step.where is None and time == _time_of(low, base):
            return _of_list(low, base, [(var, step.what)], step.when, ">=", step.count)
        case _:
            return None


def _whole(value: str | int | Decimal | bool | None) -> int | None:
    if value is None or isinstance(value, bool | str):
        return None
    return int(value) if value == int(value) and -MOST <= value <= MOST else None


def _of_list(
    low: Lowering, base: Expr, conditions: list[tuple[int, Expr]], when: Tail | None, op: str, number: int
) -> Counted | None:
    while isinstance(base, Where):
        conditions = [(base.var, base.cond), *conditions]
        base = base.base
    time = _time_of(low, base)
    variables = {var for var, _ in conditions} or {1}
    if time is None or len(variables) > 1:
        return None
    assert isinstance(base, Follow)
    (var,) = variables
    windows = [] if when is None else [_stretch(low, when)]
    kept: list[Expr] = []
    for one in (inner for _, cond in conditions for inner in conjuncts(cond)):
        window = _window(low, one, var, time)
        if window is not None:
            windows.append(window)
        elif free(one) <= {var}:
            kept.append(one)
        else:
            return None
    bounds = [one for one in windows if one is not None]
    if len(bounds) < len(windows):
        return None
    since = max((one[0] for one in bounds), default=-instants.FARTHEST)
    # No event is later than now.
    until = min((one[1] for one in bounds), default=instants.FARTHEST)
    return Counted(Kind(base, var, tuple(kept)), since, min(until, low.tables.now_ms + 1), op, number)


def _time_of(low: Lowering, base: Expr) -> str | None:
    """The time of a list that is the events which name the entity itself; None if it is another list."""
    while isinstance(base, Where):
        base = base.base
    if not isinstance(base, Follow) or not isinstance(base.base, Item) or base.base.var != 0:
        return None
    far = base.relationship.far
    if (
        not isinstance(base.relationship.plan, Inverse)
        or not low.tables.is_event(far)
        or base.via is not None
    ):
        return None
    return low.tables.schema.classes[far].time_field


def _window(low: Lowering, cond: Expr, var: int, time: str) -> tuple[int, int] | None:
    """The one stretch in which an event must lie for a condition; None if it is another condition."""
    if not isinstance(cond, Occurs) or not isinstance(cond.value, Field):
        return None
    value = cond.value
    if value.path != time or not isinstance(value.base, Item) or value.base.var != var:
        return None
    return _stretch(low, cond.tail)


def _stretch(low: Lowering, tail: Tail) -> tuple[int, int] | None:
    if any(free(part) for part in tail_parts(tail)):
        return None
    found = instants.interval(tail, low.tables.now_ms, low_known(low))
    if len(found) > 1:
        return None
    if not found:
        return 0, 0
    since, until = found[0]
    return -instants.FARTHEST if since is None else since, instants.FARTHEST if until is None else until


def holding(
    asked: Iterable[Counted], places: Places, times: npt.NDArray[np.int64], size: int
) -> Iterable[npt.NDArray[np.bool_]]:
    """Which entities meet each condition on events of one kind.

    Args:
        places: the entity of each event, from 0; ``size`` stands for one of no interest.
        times: of the events, in milliseconds.
        size: how many entities there are.

    Returns:
        For each condition in order, one truth value an entity.
    """
    ascending = bool(np.all(times[1:] >= times[:-1]))
    if not ascending:
        order = np.argsort(times, kind="stable")
        places, times = places[order], times[order]
    counts: dict[tuple[int, int], npt.NDArray[np.int64]] = {}
    wanted = list(asked)
    for until in {one.until for one in wanted}:
        stop = end = int(np.searchsorted(times, until))
        known = np.zeros(size + 1, np.int64)
        # A longer window holds all of a shorter one with the same end.
        for since in sorted({one.since for one in wanted if one.until == until}, reverse=True):
            start = min(int(np.searchsorted(times, since)), end)
            known = known + np.bincount(places[start:stop], minlength=size + 1)
            counts[since, until], stop = known, start
    for one in wanted:
        yield COMPARED[one.op](counts[one.since, one.until][:size], one.number)
