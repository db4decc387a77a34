"""How a sequence of events stands: each step's events, the choice that meets it, or where it breaks off."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from townsend.audiences.core import Chain, Step
from townsend.audiences.explain.evidence import Counted, describe, most_telling
from townsend.audiences.explain.tree import Condition, Finding, Wanted
from townsend.audiences.reference.chains import Met, endings, met_by, opened, starts
from townsend.audiences.reference.scope import Scope
from townsend.audiences.reference.values import Entity

__all__ = ["NEAR_MISSES", "fitting", "steps_of"]

NEAR_MISSES = 3  # events outside a step's window that are shown when the step is not met


class Reach(NamedTuple):
    """One step: the events that pass, where it can begin, when it can end."""

    met: list[Met]
    begins: list[int]
    ends: list[int]

    @property
    def times(self) -> list[int]:
        return [one.ms for one in self.met]


def fitting(node: Chain, step: Step, scope: Scope) -> list[Entity]:
    """The events that pass a step's conditions, in whatever order."""
    return [met.item for met in met_by(step, node, scope.items(node.base), scope)]


def steps_of(node: Chain, scope: Scope, text: str, needed: bool) -> tuple[Condition, ...]:
    """One condition for each step.

    Args:
        text: the definition's text; a step shows its condition as written.
        needed: whether findings should say what is missing.
    """
    reaches = _reaches(node, scope)
    whole = len(reaches) == len(node.steps) and bool(reaches[-1].ends)
    picked = _choice(node, reaches) if whole else []
    found = []
    for at, step in enumerate(node.steps):
        passing = reaches[at].met if at < len(reaches) else met_by(step, node, scope.items(node.base), scope)
        holds = at < len(reaches) and bool(reaches[at].ends)
        shown, more = most_telling(
            scope.world, [Counted(one.item) for one in (picked[at] if whole else passing)]
        )
        missing: tuple[Finding, ...] = ()
        if not holds and needed:
            anytime = met_by(replace(step, when=None), node, scope.items(node.base), scope)
            missed = [one for one in anytime if one not in passing]
            missing = (_finding(at, step, scope, len(passing), missed),)
            shown += tuple(
                describe(scope.world, one.item, counts=False) for one in reversed(missed[-NEAR_MISSES:])
            )
        label = f"{step.label}: {text[step.what.at.start : step.what.at.end]}".strip()
        wanted = Wanted(">=", step.count)
        found.append(Condition("step", label, holds, len(passing), wanted, missing, shown, more))
    return tuple(found)


def _finding(at: int, step: Step, scope: Scope, passing: int, missed: Sequence[Met]) -> Finding:
    facts = {
        "label": step.label,
        "found": passing,
        "wanted": step.count,
        "short": max(0, step.count - passing),
    }
    if step.where is not None and not scope.holds(step.where):
        return Finding("chain.where", facts)
    if passing >= step.count and at > 0:
        return Finding("chain.order", facts)
    if missed:
        return Finding("chain.window", {**facts, "outside": len(missed), "latest_ms": missed[-1].ms})
    return Finding("chain.events", facts)


def _reaches(node: Chain, scope: Scope) -> list[Reach]:
    """The steps up to the first that can't be met, that one included."""
    items = scope.items(node.base)
    reaches: list[Reach] = []
    before: Sequence[int] | None = None
    for step in node.steps:
        met = met_by(step, node, items, scope)
        if step.where is not None and not scope.holds(step.where):
            return [*reaches, Reach(met, [], [])]
        times = [one.ms for one in met]
        begins = starts(times, before, step.gap)
        before = endings(times, begins, step.count)
        reaches.append(Reach(met, begins, before))
        if not before:
            break
    return reaches


def _choice(node: Chain, reaches: Sequence[Reach]) -> list[list[Met]]:
    """Events for each step, as late as they can be, found from the end backwards."""
    found: list[list[Met]] = []
    allowed: Sequence[int] = reaches[-1].ends
    for step, reach in zip(reversed(node.steps), reversed(reaches), strict=True):
        end = allowed[-1]
        last = bisect_right(reach.times, end) - 1
        first = last if step.count == 1 else max(at for at in reach.begins if at <= last - step.count + 1)
        found.append([reach.met[first], *reach.met[last - step.count + 2 : last + 1]][: step.count])
        place = len(reaches) - len(found)
        if place:
            begin = reach.met[first].ms
            allowed = [one for one in reaches[place - 1].ends if _may_follow(step, one, begin)]
    return found[::-1]


def _may_follow(step: Step, end: int, begin: int) -> bool:
    if step.gap is None:
        return end < begin
    return any(low <= begin and (high is None or begin < high) for low, high in opened(step.gap, end))
