"""Who leaves an audience by time alone until an instant, and when.

Batch answers first, now and then: whoever is still in at the end is not looked at again (somebody who leaves
and is back by then stays unlisted). Only the others are examined one by one, by the rules of explanations.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from townsend.activation.membership import holders
from townsend.audiences import answers
from townsend.audiences.core import Definition
from townsend.audiences.explain.changes import next_flip
from townsend.audiences.explain.tree import iso
from townsend.audiences.reference import Entity, StoreWorld, holds
from townsend.intake.rules import epoch_ms
from townsend.problem import Invalid

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.project.project import Project

__all__ = ["EXAMINED_MAX", "Leaving", "leaving_of"]

EXAMINED_MAX = 5_000  # members looked at one by one; the instants of more are not searched
TOGETHER = 100  # of them whose events are read at one go
SEARCHES_MAX = 5  # how often a search that gave up goes on from where it stopped
WORLDS_MAX = 100  # instants at which who is who changes; a later one is not searched
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Leaving:
    """Who leaves, and what it took to find out.

    Args:
        of: the class.
        members: how many are in now.
        leavers: by id, the first instant at which it is out, in epoch ms; None if that was not found.
        examined: how many were looked at one by one.
        until: the end of the time that was asked about.
    """

    unified: Unified
    of: str
    members: int
    leavers: dict[int, int | None]
    examined: int
    until: datetime

    def rows(self, most: int | None = None) -> list[dict[str, Any]]:
        """``{"id", "class", "identities", "leaves_at"}`` each, soonest first; the first ``most`` of them."""
        order = sorted(self.leavers.items(), key=lambda one: (one[1] is None, one[1], one[0]))[:most]
        known = {row["id"]: row for row in answers.rows(self.unified, self.of, [one for one, _ in order])}
        return [{**known[one], "leaves_at": None if ms is None else iso(ms)} for one, ms in order]

    def notes(self) -> list[str]:
        """How many were examined, and whose instant is not known."""
        end = iso(epoch_ms(self.until))
        found = [
            f"{self.examined:,} of {self.members:,} members were examined one by one; "
            f"{self.members - len(self.leavers):,} are in at {end}"
        ]
        open_ended = sum(ms is None for ms in self.leavers.values())
        if open_ended:
            found.append(
                f"{open_ended:,} leave by then at an instant that was not searched for (leaves_at is null); "
                "ask for less time"
            )
        return found


def leaving_of(project: Project, name: str, until: datetime, now: datetime | None = None) -> Leaving:
    """Who is in an audience now and will be out at ``until`` if no fact changes, and when each leaves first.

    Raises:
        Invalid: ``audience.unknown``; ``audience.listed`` for a list, which knows no time; ``leaving.until``
            if ``until`` is not after ``now``.
    """
    audience = project.audience(name)
    if audience.pql is None:
        raise Invalid("audience.listed", f"{name} is a list of values; nobody leaves it by time alone")
    start = now or project.clock.now()
    if until <= start:
        raise Invalid(
            "leaving.until",
            f"expected an instant after {iso(epoch_ms(start))}, got {iso(epoch_ms(until))}; "
            "for what has been, see `townsend audience diff --from … --to …`",
        )
    definition = project.resolve(audience.pql, audience.of, strict=False, name=name).definition
    here, there = project.unified(start), project.unified(until)
    before = [int(one) for one in project.members_in(audience, here).ids]
    after = {int(one) for one in project.members_in(audience, there).ids}
    then = holders(there, audience.of)(before)
    gone = [one for one in before if then.get(one) not in after]
    examined = gone[:EXAMINED_MAX]
    found = _Search(project, definition, epoch_ms(until)).exits(here, examined)
    leavers = {one: found.get(one) for one in gone}
    return Leaving(here, audience.of, len(before), leavers, len(examined), until)


class _Look(NamedTuple):
    """When a member is out first; if not ``whole``, the search was given up before the world's end."""

    ms: int | None
    whole: bool = True


class _Search:
    """The first instant at which each of some members is out."""

    def __init__(self, project: Project, definition: Definition, until_ms: int) -> None:
        self._project = project
        self._definition = definition
        self._until_ms = until_ms

    def exits(self, unified: Unified, ids: Iterable[int]) -> dict[int, int]:
        """By id; from one instant at which who is who changes to the next."""
        found: dict[int, int] = {}
        now_held_by = {one: one for one in ids}
        for _ in range(WORLDS_MAX):
            world, until_ms = StoreWorld(unified), unified.until_ms
            looks = self._looks(world, sorted(set(now_held_by.values())))
            left = {}
            for one, entity in now_held_by.items():
                ms, whole = looks[entity]
                if ms is not None:
                    found[one] = ms
                elif whole:
                    left[one] = entity
            if not left or until_ms is None or until_ms > self._until_ms:
                break
            unified = self._project.unified(EPOCH + timedelta(milliseconds=until_ms))
            now_held_by = self._still_in(unified, left, found)
        return found

    def _still_in(self, unified: Unified, held_by: dict[int, int], found: dict[int, int]) -> dict[int, int]:
        """Who holds each number as the world becomes another; those who are out by that are ``found``."""
        world = StoreWorld(unified)
        holding = holders(unified, self._definition.of)(held_by.values())
        still: dict[int, int] = {}
        for one, entity in held_by.items():
            holder = holding.get(entity)
            if holder is not None and holds(self._definition, world, Entity(self._definition.of, holder)):
                still[one] = holder
            else:
                found[one] = unified.now_ms
        return still

    def _looks(self, world: StoreWorld, entities: list[int]) -> dict[int, _Look]:
        found: dict[int, _Look] = {}
        for at in range(0, len(entities), TOGETHER):
            some = entities[at : at + TOGETHER]
            world.expect(some)
            found |= {one: self._look(world, one) for one in some}
        return found

    def _look(self, world: StoreWorld, entity: int) -> _Look:
        """When a member is out first, as far as this world goes."""
        at: Any = world
        for _ in range(SEARCHES_MAX):
            flip = next_flip(self._definition, at, Entity(self._definition.of, entity), None)
            if flip.world is not None:
                return _Look(flip.world.now_ms)
            reached = flip.searched_until_ms
            if reached is None or reached == world.until_ms:
                return _Look(None)
            at = world.at(reached)
        return _Look(None, whole=False)
