"""When an answer changes by time alone: found exactly, by noting until when everything looked at holds.

Between two facts nothing happens, so an answer can only change where a window's edge passes an instant, a
relation begins or ends, an event or a person comes into being, or the calendar turns. While evaluating we
note the nearest of these; until then the same evaluation gives the same answer. Then we look again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from townsend.audiences import instants
from townsend.audiences.core import And, Definition, Expr, Not, Or, Tail, Unit
from townsend.audiences.explain.enough import WATCHED
from townsend.audiences.reference.scope import Scope, Undecided
from townsend.audiences.reference.values import Entity
from townsend.audiences.reference.world import World
from townsend.model import Relationship

__all__ = ["LOOKS_MAX", "Flip", "Renew", "changed", "next_flip"]

LOOKS_MAX = 500  # instants at which the answer is tried before the search gives up and says so


UNITS: dict[str, Unit] = {"year": "year", "month": "month", "day": "day"}


Settled = dict[tuple[object, ...], tuple[bool | Undecided, Expr]]
# Makes the world anew for an instant at which who is who may be different, and tells who an entity is there.
Renew = Callable[[int, Entity], tuple[World, Entity]]


class Flip(NamedTuple):
    """The world at the first instant of another answer, if any, and who the entity is there; how far an
    unfinished search went."""

    world: World | None
    searched_until_ms: int | None
    entity: Entity | None = None


class Nearest:
    """The nearest instant noted so far."""

    ms: int | None = None

    def note(self, ms: int | None) -> None:
        if ms is not None and (self.ms is None or ms < self.ms):
            self.ms = ms


class WatchedScope(Scope):
    """A scope that notes until when what it saw holds.

    What can never change by time alone is ``settled``: it is remembered from one look to the next.
    """

    nearest: Nearest
    settled: Settled

    def holds(self, expr: Expr) -> bool:
        # Only entities are certain to be told apart: 1 and true are equal, and items may not be hashable.
        entities = all(isinstance(one, Entity) for one in self.bound.values())
        key = (id(expr), *self.bound.items()) if entities else ()
        if key in self.settled:
            return _said(self.settled[key][0])
        inner = self.afresh()
        answer: bool | Undecided
        try:
            answer = inner._one_decides(expr) if isinstance(expr, And | Or) else Scope.holds(inner, expr)
        except Undecided as undecided:
            answer = undecided
        if inner.nearest.ms is not None:
            self.nearest.note(inner.nearest.ms)
        elif key:
            self.settled[key] = answer, expr  # held, so that its id stays its own
        return _said(answer)

    def _one_decides(self, expr: And | Or) -> bool:
        """As long as one part decides nothing else matters, so the one that does so for longest is noted."""
        decisive, longest, others = isinstance(expr, Or), Nearest(), Nearest()
        decided, unsure = False, None
        for item in expr.items:
            inner = self.afresh()
            answer = inner.asked(item)
            if answer is not decisive:
                others.note(inner.nearest.ms)
                unsure = answer if isinstance(answer, Undecided) else unsure
                continue
            if inner.nearest.ms is None:
                return decisive
            if not decided or (longest.ms is not None and inner.nearest.ms > longest.ms):
                longest = inner.nearest
            decided = True
        self.nearest.note(longest.ms if decided else others.ms)
        if unsure is not None and not decided:
            raise unsure
        return decisive if decided else not decisive

    def afresh(self) -> WatchedScope:
        """The same with nothing noted yet."""
        inner = self.again()
        inner.nearest = Nearest()
        return inner

    def follow(
        self, entity: Entity, relationship: Relationship, via: str | None, retired: bool
    ) -> list[Entity]:
        self.nearest.note(self.world.next_follow(entity, relationship, via))
        return super().follow(entity, relationship, via, retired)

    def lies(self, tail: Tail, ms: int | None) -> bool:
        if ms is not None:
            self.nearest.note(instants.next_flip(tail, ms, self.world.now_ms, self.number))
        return super().lies(tail, ms)

    def everyone(self, cls: str) -> list[Entity]:
        self.nearest.note(self.world.next_birth(cls))
        return super().everyone(cls)

    def today(self, part: str) -> int:
        self.nearest.note(instants.start_of(self.world.now_ms, UNITS[part], 1))
        return super().today(part)

    def age(self, ms: int, unit: Unit) -> int | None:
        found = super().age(ms, unit)
        self.nearest.note(ms if found is None else instants.shift(ms, found + 1, unit))
        return found


def _said(answer: bool | Undecided) -> bool:
    if isinstance(answer, Undecided):
        raise answer.with_traceback(None)
    return answer


def next_flip(definition: Definition, world: World, entity: Entity, renew: Renew | None) -> Flip:
    """When membership changes next if no fact does.

    Args:
        world: at the instant from which to look.
        renew: makes the world anew for an instant at or after ``world.until_ms``; None ends the search there.
    """
    settled: Settled = {}
    first, nearest = _look(definition, world, entity, settled)
    for _ in range(LOOKS_MAX):
        until = world.until_ms
        if until is not None and (nearest is None or nearest >= until):
            if renew is None:
                return Flip(None, until)
            world, entity = renew(until, entity)
            settled.clear()
        elif nearest is None:
            return Flip(None, None)
        else:
            world = world.at(nearest)
        holds, nearest = _look(definition, world, entity, settled)
        if holds != first:
            return Flip(world, None, entity)
    return Flip(None, world.now_ms)


def _look(definition: Definition, world: World, entity: Entity, settled: Settled) -> tuple[bool, int | None]:
    nearest = Nearest()
    born = world.born(entity)
    if born is None:
        return False, None
    if born > world.now_ms:
        return False, born
    scope = WatchedScope(world, WATCHED, {0: entity})
    scope.nearest, scope.settled = nearest, settled
    return scope.asked(definition.condition) is True, nearest.ms


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
