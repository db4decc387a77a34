"""Until when a condition over many items keeps its answer, without a look at each instant at which one moves.

Such conditions ask whether *enough* items pass. Who has three visits and needs one leaves with the last of
them; who has none enters with the first. So of the instants at which single items start or cease to pass
only one matters. A sequence holds as long as the events chosen for it do, and no event can break it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from townsend.audiences import instants
from townsend.audiences.core import (
    DATETIME,
    Chain,
    Compare,
    Const,
    Count,
    Expr,
    Some,
    Step,
    Tail,
    Truth,
    Where,
)
from townsend.audiences.explain.sequences import choice, reached
from townsend.audiences.reference.chains import Met
from townsend.audiences.reference.evaluate import RULES
from townsend.audiences.reference.numbers import is_number
from townsend.audiences.reference.scope import Rule, Scope, Undecided
from townsend.audiences.reference.values import Entity, Value

if TYPE_CHECKING:
    from townsend.audiences.explain.changes import WatchedScope

__all__ = ["WATCHED"]

TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
NEVER = math.inf


def some(node: Some, scope: WatchedScope) -> bool:
    """``exists`` and ``none`` need one that passes, ``forall`` none that fails."""
    if node.quantifier == "one":
        return _plainly(node, scope)
    found = _enough(scope, node.base, node.var, node.cond, 1, passing=node.quantifier != "forall")
    if found is None:
        return _plainly(node, scope)
    return found is (node.quantifier == "exists")


def truth(node: Truth, scope: WatchedScope) -> bool:
    """A filtered list in Boolean position: one that passes."""
    found = None
    if isinstance(node.value, Where):
        found = _enough(scope, node.value.base, node.value.var, node.value.cond, 1)
    return _plainly(node, scope) if found is None else found


def compare(node: Compare, scope: WatchedScope) -> bool:
    """How many pass, held against a number."""
    op, counted, number = node.op, node.left, node.right
    if isinstance(counted, Const):
        op, counted, number = TURNED.get(op, op), number, counted  # type: ignore[assignment]
    found = None
    if isinstance(counted, Count) and isinstance(counted.base, Where) and isinstance(number, Const):
        at_least = _at_least(op, number.value)
        if at_least is not None:
            where = counted.base
            found = _enough(scope, where.base, where.var, where.cond, at_least)
    if found is None:
        return _plainly(node, scope)
    return found is (op in (">", ">="))


def _at_least(op: str, number: Value) -> int | None:
    """How many items decide a comparison; None if no number of them does."""
    if op not in TURNED or not is_number(number):
        return None
    return math.floor(number) + 1 if op in (">", "<=") else math.ceil(number)


def _enough(
    scope: WatchedScope, base: Expr, var: int, cond: Expr, wanted: int, passing: bool = True
) -> bool | None:
    """Whether so many items pass (or, not ``passing``, fail); None if nobody can say of some of them."""
    outside = scope.afresh()
    good: list[float] = []
    bad: list[float] = []
    for item in outside.items(base):
        inner = scope.afresh().bind(var, item)
        answer = inner.asked(cond)
        if isinstance(answer, Undecided):
            return None
        (good if answer is passing else bad).append(NEVER if inner.nearest.ms is None else inner.nearest.ms)
    scope.nearest.note(outside.nearest.ms)
    if len(good) >= wanted:
        # As many as are needed hold out until then.
        _note(scope, sorted(good, reverse=True)[wanted - 1] if wanted > 0 else NEVER)
        return True
    if len(good) + len(bad) >= wanted:
        # Fewer than are missing can have changed before.
        _note(scope, sorted(bad)[wanted - len(good) - 1])
    return False


# ---------------------------------------------------------------- sequences


class _Tried(NamedTuple):
    """An event, whether it is what a step asks for, and whether it lies in the step's window too."""

    met: Met
    fits: bool
    passes: bool
    scope: WatchedScope

    def until(self, when: Tail | None) -> int | None:
        """The first instant at which it may pass no longer, or pass at last."""
        noted = self.scope.afresh().nearest
        noted.note(self.scope.nearest.ms)
        if self.fits and when is not None:
            noted.note(instants.next_flip(when, self.met.ms, self.scope.world.now_ms, self.scope.number))
        return noted.ms


def chain(node: Chain, scope: WatchedScope) -> bool:
    """A sequence holds as long as the events chosen for it do; else until another event may count."""
    outside = scope.afresh()
    wheres = [scope.afresh() for _ in node.steps]
    try:
        items = outside.items(node.base)
        tried = [_tried(node, step, items, scope) for step in node.steps]
        outer = [
            step.where is None or inner.holds(step.where)
            for step, inner in zip(node.steps, wheres, strict=True)
        ]
    except Undecided:
        return _plainly(node, scope)
    scope.nearest.note(outside.nearest.ms)
    mets = [sorted(one.met for one in found if one.passes) for found in tried]
    reaches = reached(node, mets, outer)
    holds = len(reaches) == len(node.steps) and bool(reaches[-1].ends)
    chosen = {(at, met) for at, step in enumerate(choice(node, reaches)) for met in step} if holds else set()
    for at, step in enumerate(node.steps):
        for one in tried[at]:
            if (at, one.met) in chosen if holds else not one.passes:
                scope.nearest.note(one.until(step.when))
        if outer[at] is holds:
            scope.nearest.note(wheres[at].nearest.ms)
    return holds


def _tried(node: Chain, step: Step, items: Sequence[Value], scope: WatchedScope) -> list[_Tried]:
    found = []
    for item in items:
        ms = scope.world.value(item, node.time, DATETIME) if isinstance(item, Entity) else None
        if isinstance(item, Entity) and isinstance(ms, int):
            inner = scope.afresh().bind(node.var, item)
            fits = inner.holds(step.what)
            passes = fits and (step.when is None or Scope.lies(inner, step.when, ms))
            found.append(_Tried(Met(ms, item), fits, passes, inner))
    return found


# ---------------------------------------------------------------- the rules


def _note(scope: WatchedScope, ms: float) -> None:
    scope.nearest.note(None if ms == NEVER else int(ms))


def _plainly(node: Expr, scope: WatchedScope) -> bool:
    """Whatever is looked at counts."""
    return RULES[type(node)](node, scope) is True


# Only a watched scope is ever asked by these.
_OWN: dict[type, Any] = {Some: some, Truth: truth, Compare: compare, Chain: chain}
WATCHED: Mapping[type, Rule] = {**RULES, **_OWN}
