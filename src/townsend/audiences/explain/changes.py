"""When an answer changes by time alone: found exactly, by noting until when everything looked at holds.

Between two facts nothing happens, so an answer can only change where a window's edge passes an instant, a
relation begins or ends, an event or a person comes into being, or the calendar turns. While evaluating we
note the nearest of these; until then the same evaluation gives the same answer. Then we look again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from townsend.audiences import instants
from townsend.audiences.core import And, Definition, Expr, Not, Or, Tail
from townsend.audiences.reference.evaluate import RULES
from townsend.audiences.reference.scope import Scope
from townsend.audiences.reference.values import Entity
from townsend.audiences.reference.world import World
from townsend.model import Relationship

__all__ = ["LOOKS_MAX", "Flip", "changed", "next_flip"]

LOOKS_MAX = 500  # instants at which the answer is tried before the search gives up and says so


class Flip(NamedTuple):
    """The world at the first instant of another answer, if any; how far an unfinished search went."""

    world: World | None
    searched_until_ms: int | None


class Nearest:
    """The nearest instant noted so far."""

    ms: int | None = None

    def note(self, ms: int | None) -> None:
        if ms is not None and (self.ms is None or ms < self.ms):
            self.ms = ms


class WatchedScope(Scope):
    """A scope that notes until when what it saw holds."""

    nearest: Nearest

    def follow(
        self, entity: Entity, relationship: Relationship, via: str | None, retired: bool
    ) -> list[Entity]:
        self.nearest.note(self.world.next_follow(entity, relationship, via))
        return super().follow(entity, relationship, via, retired)

    def lies(self, tail: Tail, ms: int | None) -> bool:
        if ms is not None:
            self.nearest.note(instants.next_flip(tail, ms, self.world.now_ms, self.number))
        return super().lies(tail, ms)

    def today(self, part: Literal["year", "month", "day"]) -> int:
        self.nearest.note(instants.start_of(self.world.now_ms, part, 1))
        return super().today(part)


def next_flip(
    definition: Definition, world: World, entity: Entity, renew: Callable[[int], World] | None
) -> Flip:
    """When membership changes next if no fact does.

    Args:
        world: at the instant from which to look.
        renew: makes the world anew for an instant at or after ``world.until_ms``; None ends the search there.
    """
    first, nearest = _look(definition, world, entity)
    for _ in range(LOOKS_MAX):
        until = world.until_ms
        if until is not None and (nearest is None or nearest >= until):
            if renew is None:
                return Flip(None, until)
            world = renew(until)
        elif nearest is None:
            return Flip(None, None)
        else:
            world = world.at(nearest)
        holds, nearest = _look(definition, world, entity)
        if holds != first:
            return Flip(world, None)
    return Flip(None, world.now_ms)


def _look(definition: Definition, world: World, entity: Entity) -> tuple[bool, int | None]:
    nearest = Nearest()
    born = world.born(entity)
    if born is None:
        return False, None
    if born > world.now_ms:
        return False, born
    scope = WatchedScope(world, RULES, {0: entity})
    scope.nearest = nearest
    return scope.holds(definition.condition), nearest.ms


def changed(expr: Expr, before: Scope, after: Scope) -> list[Expr]:
    """The smallest conditions that hold at one of two instants only and make the difference."""
    if before.holds(expr) == after.holds(expr):
        return []
    parts: tuple[Expr, ...] = ()
    if isinstance(expr, And | Or):
        parts = expr.items
    elif isinstance(expr, Not):
        parts = (expr.item,)
    return [one for part in parts for one in changed(part, before, after)] or [expr]
