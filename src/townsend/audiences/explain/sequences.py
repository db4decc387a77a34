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

__all__ = ["NEAR_MISSES", "Reach", "choice", "fitting", "looked_at", "reached", "steps_of"]

NEAR_MISSES = 3  # events outside a step's window that are shown when the step is not met


class Reach(NamedTuple):
    """One step: the events that pass, where it can begin, when it can end."""

    met: list[Met]
    begins: list[int]
    ends: list[int]

    @property
    def times(self) -> list[int]:
        return [one.ms for one in self.met]


class Looked(NamedTuple):
    """A sequence: the events that pass each step's conditions, how far they lead, a choice if to the end."""

    mets: list[list[Met]]
    reaches: list[Reach]
    picked: list[list[Met]]


def fitting(node: Chain, step: Step, scope: Scope) -> list[Entity]:
    """The events that pass a step's conditions, in whatever order."""
    return [met.item for met in met_by(step, node, scope.items(node.base), scope)]


def steps_of(node: Chain, scope: Scope, text: str, needed: bool) -> tuple[Condition, ...]:
    """One condition for each step.

    Args:
        text: the definition's text; a step shows its condition as written.
        needed: whether findings should say what is missing.
    """
    items = scope.items(node.base)
    mets, reaches, picked = looked_at(node, scope)
    found = []
    for at, step in enumerate(node.steps):
        passing = mets[at]
        holds = at < len(reaches) and bool(reaches[at].ends)
        shown, more = most_telling(
            scope.world, [Counted(one.item) for one in (picked[at] if picked else passing)]
        )
        missing: tuple[Finding, ...] = ()
        if not holds and needed:
            anytime = met_by(replace(step, when=None), node, items, scope)
            missed = [one for one in anytime if one not in passing]
            missing = (_finding(at, step, scope, len(passing), missed),)
            shown += tuple(
                describe(scope.world, one.item, counts=False) for one in reversed(missed[-NEAR_MISSES:])
            )
        label = f"{step.label}: {text[step.what.at.start : step.what.at.end]}".strip()
        wanted = Wanted(">=", step.count)
        found.append(
            Condition(
                "step",
                label,
                holds,
                measured=len(passing),
                wanted=wanted,
                missing=missing,
                evidence=shown,
                more=more,
            )
        )
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


def looked_at(node: Chain, scope: Scope) -> Looked:
    """What of a sequence is met, by events that surely pass."""

    def look() -> Looked:
        items = scope.items(node.base)
        mets = [met_by(step, node, items, scope) for step in node.steps]
        reaches = reached(node, mets, [step.where is None or scope.holds(step.where) for step in node.steps])
        whole = len(reaches) == len(node.steps) and bool(reaches[-1].ends)
        return Looked(mets, reaches, choice(node, reaches) if whole else [])

    # Only the root entity can be told apart cheaply; and inside a list a sequence is rare.
    return scope.once((id(node), scope.bound[0]), look) if scope.bound.keys() == {0} else look()


def reached(node: Chain, mets: Sequence[list[Met]], wheres: Sequence[bool]) -> list[Reach]:
    """The steps up to the first that can't be met, that one included.

    Args:
        mets: the events that pass each step's conditions, by time.
        wheres: whether each step's condition outside the event holds.
    """
    reaches: list[Reach] = []
    before: Sequence[int] | None = None
    for step, met, holds in zip(node.steps, mets, wheres, strict=True):
        if not holds:
            return [*reaches, Reach(met, [], [])]
        times = [one.ms for one in met]
        begins = starts(times, before, step.gap)
        before = endings(times, begins, step.count)
        reaches.append(Reach(met, begins, before))
        if not before:
            break
    return reaches


def choice(node: Chain, reaches: Sequence[Reach]) -> list[list[Met]]:
    """Events for each step of a sequence that is met, as late as can be, found from the end backwards."""
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
