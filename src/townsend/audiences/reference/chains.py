"""Windows, and sequences of events by exact existence.

A sequence holds if *some* choice of events meets it. Only the times of events matter, so it is enough to
know, after each step, every time at which the step's latest event can lie; no choice is made too early.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from townsend.audiences.core import DATETIME, Chain, Const, Gap, InstantOf, Occurs, Step, Window
from townsend.audiences.instants import interval
from townsend.audiences.reference.scope import Rule, Scope, Undecided
from townsend.audiences.reference.values import Entity, Value

__all__ = ["RULES", "Met", "endings", "met_by", "opened", "starts"]


class Met(NamedTuple):
    """An item that passes a step's conditions, and when it happened."""

    ms: int
    item: Entity


def occurs(node: Occurs, scope: Scope) -> bool:
    """An instant lies where the tail says."""
    return scope.lies(node.tail, scope.instant(node.value))


def chain(node: Chain, scope: Scope) -> bool:
    """Whether all steps can be met in order."""
    items = scope.items(node.base)
    unsure: list[Undecided] = []
    if _in_order(node, items, scope, unsure):
        return True
    # More events never make a sequence fail, so nobody can say if those in doubt would complete it.
    if unsure and _in_order(node, items, scope, None):
        raise unsure[0]
    return False


def _in_order(node: Chain, items: Sequence[Value], scope: Scope, unsure: list[Undecided] | None) -> bool:
    """Whether all steps can be met; what is in doubt is noted in ``unsure``, or counts if that is None."""
    reachable: Sequence[int] | None = None  # times at which the step before can have ended
    for step in node.steps:
        if step.where is not None and not _counts(scope.asked(step.where), unsure):
            return False
        times = [met.ms for met in _met(step, node, items, scope, unsure)]
        reachable = endings(times, starts(times, reachable, step.gap), step.count)
        if not reachable:
            return False
    return True


def met_by(step: Step, node: Chain, items: Sequence[Value], scope: Scope) -> list[Met]:
    """The items that surely pass a step's conditions, by time; those without a time take no part."""
    return _met(step, node, items, scope, [])


def _met(
    step: Step, node: Chain, items: Sequence[Value], scope: Scope, unsure: list[Undecided] | None
) -> list[Met]:
    found = []
    for item in items:
        if not isinstance(item, Entity):
            continue
        ms = scope.world.value(item, node.time, DATETIME)
        if not isinstance(ms, int):
            continue
        inner = scope.bind(node.var, item)
        # What it is comes first: the window of an event that is something else never matters.
        what = inner.asked(step.what)
        if what is False:
            continue
        when = _lies(step, inner, ms)
        if when is not False and all(_counts(one, unsure) for one in (what, when)):
            found.append(Met(ms, item))
    return sorted(found)


def _lies(step: Step, scope: Scope, ms: int) -> bool | Undecided:
    try:
        return step.when is None or scope.lies(step.when, ms)
    except Undecided as undecided:
        return undecided


def _counts(found: bool | Undecided, unsure: list[Undecided] | None) -> bool:
    if not isinstance(found, Undecided):
        return found
    if unsure is None:
        return True
    unsure.append(found)
    return False


def starts(times: Sequence[int], before: Sequence[int] | None, gap: Gap | None) -> list[int]:
    """Places in ``times`` (ascending) where a step's earliest event can be.

    Args:
        times: of the events that pass the step's conditions.
        before: when the step before can have ended, ascending; None for the first step.
        gap: how long after.
    """
    if before is None:
        return list(range(len(times)))
    if not before:
        return []
    if gap is None:
        return list(range(bisect_left(times, before[0] + 1), len(times)))
    allowed: set[int] = set()
    for end in before:
        for low, high in opened(gap, end):
            allowed.update(
                range(bisect_left(times, low), len(times) if high is None else bisect_left(times, high))
            )
    return sorted(allowed)


def opened(gap: Gap, end: int) -> list[tuple[int, int | None]]:
    """When a step with that gap may begin after one that ended then: strictly later, half-open intervals."""
    window = Window(gap.op, gap.number, gap.unit, "after", InstantOf(Const(end, DATETIME)))
    found = interval(window, end, lambda _: end)
    later = [(end + 1 if low is None else max(low, end + 1), high) for low, high in found]
    return [(low, high) for low, high in later if high is None or low < high]


def endings(times: Sequence[int], starts: Sequence[int], count: int) -> list[int]:
    """When a step can end that begins at one of ``starts`` and takes ``count`` distinct events.

    One event ends where it begins. With more, any event from the last needed one on may be the latest.
    """
    if not starts:
        return []
    if count == 1:
        return sorted({times[at] for at in starts})
    return sorted(set(times[starts[0] + count - 1 :]))


RULES: dict[type, Rule] = {Occurs: occurs, Chain: chain}
