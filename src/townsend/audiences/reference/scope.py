"""Where an expression is evaluated: a world, and what each variable is bound to.

Everything that depends on now passes through the methods at the end (``follow``, ``everyone``, ``lies``,
``today``, ``age``), so that an observer can tell until when an answer holds.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from decimal import Decimal
from typing import Any, Self, TypeVar

from townsend.audiences import instants
from townsend.audiences.core import Expr, Tail, Unit
from townsend.audiences.reference.numbers import is_number
from townsend.audiences.reference.values import Entity, Value, items_of
from townsend.audiences.reference.world import World
from townsend.audiences.walk import tail_parts
from townsend.model import Relationship
from townsend.problem import Broken

__all__ = ["Rule", "Scope", "Seen", "Undecided"]

Found = TypeVar("Found")
Rule = Callable[[Any, "Scope"], Value]


class Undecided(Exception):
    """Nobody can say what an expression is worth: it needs an amount for which there is no rate of exchange.

    Whatever is computed from such an amount is undecided too. Only what another part settles is not:
    conditions put together, and tests of the items of a list.

    Args:
        owner: the entity or item that has the amount.
        path: the amount's field.
        mark: what the amount was, and when, such as ``100 CHF 2026-03-01``.
    """

    def __init__(self, owner: Value, path: str, mark: str) -> None:
        super().__init__(f"{path}: {mark}")
        self.owner = owner
        self.path = path
        self.mark = mark


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
        """What an expression is worth here.

        Raises:
            Undecided: nobody can say.
        """
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

    def asked(self, expr: Expr) -> bool | Undecided:
        """Whether a condition is met here, or that nobody can say."""
        try:
            return self.holds(expr)
        except Undecided as undecided:
            return undecided

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

    def bind(self, var: int, item: Value) -> Self:
        """The same with one variable bound."""
        inner = self.again()
        inner.bound = {**self.bound, var: item}
        return inner

    def root(self, entity: Entity, policy: str | None) -> Self:
        """A fresh scope about another root entity, for a definition used inside this one under its policy."""
        inner = self.again()
        inner.bound = {0: entity}
        inner.world = self.world.under(policy)
        return inner

    def once(self, _key: Hashable, make: Callable[[], Found]) -> Found:
        """What ``make`` finds; who is asked often may keep it."""
        return make()

    def again(self) -> Self:
        """A copy, of which there are many: one an item."""
        inner = object.__new__(type(self))
        inner.__dict__.update(self.__dict__)
        return inner

    # -------------------------------------------------------- what depends on now

    def follow(
        self, entity: Entity, relationship: Relationship, via: str | None, retired: bool
    ) -> list[Entity]:
        """What a relationship leads to now."""
        return list(self.world.follow(entity, relationship, via, retired))

    def lies(self, tail: Tail, ms: int | None) -> bool:
        """Whether an instant lies where the tail says now."""
        for part in tail_parts(tail):
            self.value(part)  # what is undecided in it counts, whatever the rest says
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


class Seen(Scope):
    """The same for an onlooker: what nobody can say is null to them, and no condition is met by it."""

    def value(self, expr: Expr) -> Value:
        try:
            return self._inside().value(expr)
        except Undecided:
            return None

    def asked(self, expr: Expr) -> bool | Undecided:
        return self._inside().asked(expr)

    def _inside(self) -> Scope:
        return Scope(self.world, self.rules, self.bound)
