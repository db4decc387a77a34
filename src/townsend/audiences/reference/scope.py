"""Where an expression is evaluated: a world, and what each variable is bound to.

Everything that depends on now passes through the methods at the end (``follow``, ``everyone``, ``lies``,
``today``, ``age``), so that an observer can tell until when an answer holds.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from townsend.audiences import instants
from townsend.audiences.core import Expr, Tail, Unit
from townsend.audiences.reference.numbers import is_number
from townsend.audiences.reference.values import Entity, Value, items_of
from townsend.audiences.reference.world import World
from townsend.model import Relationship
from townsend.problem import Broken

__all__ = ["Rule", "Scope"]

Rule = Callable[[Any, "Scope"], Value]


class Scope:
    """One evaluation.

    Args:
        world: the facts at an instant.
        rules: how each node of ``core`` is evaluated.
        bound: value by variable; 0 is the root entity.
    """

    def __init__(self, world: World, rules: Mapping[type, Rule], bound: Mapping[int, Value]) -> None:
        self.world = world
        self.rules = rules
        self.bound = bound

    def value(self, expr: Expr) -> Value:
        """What an expression is worth here."""
        rule = self.rules.get(type(expr))
        if rule is None:
            raise Broken(
                "evaluate.node",
                f"no rule for {type(expr).__name__}; the reference evaluator needs one for every node",
                node=type(expr).__name__,
            )
        return rule(expr, self)

    def holds(self, expr: Expr) -> bool:
        """Whether a condition is met here."""
        return self.value(expr) is True

    def items(self, expr: Expr) -> list[Any]:
        """The items of a list expression; none if it is null."""
        return items_of(self.value(expr))

    def number(self, expr: Expr) -> int | Decimal | None:
        """The number an expression is worth; None for anything else."""
        found = self.value(expr)
        return found if is_number(found) else None

    def instant(self, expr: Expr) -> int | None:
        """The instant an expression is worth; None for anything else."""
        found = self.value(expr)
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def bind(self, var: int, item: Value) -> Scope:
        """The same with one variable bound."""
        inner = copy.copy(self)
        inner.bound = {**self.bound, var: item}
        return inner

    def root(self, entity: Entity) -> Scope:
        """A fresh scope about another root entity, for a definition used inside this one."""
        inner = copy.copy(self)
        inner.bound = {0: entity}
        return inner

    # -------------------------------------------------------- what depends on now

    def follow(
        self, entity: Entity, relationship: Relationship, via: str | None, retired: bool
    ) -> list[Entity]:
        """What a relationship leads to now."""
        return list(self.world.follow(entity, relationship, via, retired))

    def lies(self, tail: Tail, ms: int | None) -> bool:
        """Whether an instant lies where the tail says now."""
        return instants.holds(tail, ms, self.world.now_ms, self.number)

    def everyone(self, cls: str) -> list[Entity]:
        """Every entity of a class now."""
        return list(self.world.entities(cls))

    def today(self, part: str) -> int:
        """A part of the date of now: ``year``, ``month`` or ``day``."""
        return instants.part_of(self.world.now_ms, part)

    def age(self, ms: int, unit: Unit) -> int | None:
        """Whole units from an instant to now; None before it."""
        return instants.over(ms, self.world.now_ms, unit) if ms <= self.world.now_ms else None
