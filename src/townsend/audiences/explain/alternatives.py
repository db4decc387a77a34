"""Items that did not count, the closest first: where somebody would look for what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from townsend.audiences.core import Distinct, Each, Expr, Follow, Where
from townsend.audiences.explain.evidence import describe
from townsend.audiences.explain.tree import Alternative, Condition
from townsend.audiences.reference.numbers import is_number
from townsend.audiences.reference.scope import Scope
from townsend.audiences.reference.world import World

__all__ = ["ALTERNATIVES_MAX", "CANDIDATES_MAX", "closeness", "left_out", "nearest"]

ALTERNATIVES_MAX = 3  # items shown with their own conditions
CANDIDATES_MAX = 50  # items compared to find those
NEARLY = 0.9  # of a condition: the most that an unmet number can be worth


def left_out(base: Expr, scope: Scope) -> tuple[Where | None, list[Any]]:
    """The filter of a list, the innermost path's last one, and the items that it leaves out."""
    while isinstance(base, Follow | Each | Distinct):
        base = base.base
    if not isinstance(base, Where):
        return None, []
    items = scope.items(base.base)
    return base, [one for one in items if not scope.bind(base.var, one).holds(base.cond)]


def nearest(
    found: Condition, items: Sequence[Any], about: Callable[[Any], Condition], world: World
) -> Condition:
    """The condition with the items that came closest to counting."""
    tried = [(at, one, about(one)) for at, one in enumerate(items[:CANDIDATES_MAX])]
    tried.sort(key=lambda one: -closeness(one[2]))
    shown = tuple(
        Alternative(describe(world, item, at, counts=False), condition)
        for at, item, condition in tried[:ALTERNATIVES_MAX]
    )
    return replace(found, alternatives=shown, more_alternatives=len(items) - len(shown))


def closeness(condition: Condition) -> float:
    """How much of a condition is met, from 0 to 1; a number counts by how near it came."""
    if condition.holds:
        return 1.0
    if condition.kind == "any" and condition.parts:
        return max(map(closeness, condition.parts))
    if condition.kind in ("all", "segment", "chain") and condition.parts:
        return sum(map(closeness, condition.parts)) / len(condition.parts)
    found, wanted = condition.measured, condition.wanted
    if wanted is None or wanted.op not in (">", ">=") or not is_number(found) or not is_number(wanted.value):
        return 0.0
    return NEARLY * float(found) / float(wanted.value) if 0 < found < wanted.value else 0.0
