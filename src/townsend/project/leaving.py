"""Who leaves an audience by time alone until an instant, when, and whether they are back by then.

Batch answers first, now and then, and tells who is out at the end. Members are then examined one by one, by
the rules of explanations: those first, and as many of the others, who may leave and return, as there is room.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from townsend.activation.membership import holders
from townsend.audiences import answers
from townsend.audiences.core import Definition
from townsend.audiences.explain.around import world_around
from townsend.audiences.explain.changes import next_flip
from townsend.audiences.explain.tree import iso
from townsend.audiences.reference import Entity, StoreWorld, World, holds
from townsend.intake.rules import epoch_ms
from townsend.problem import Invalid

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.project.project import Project

__all__ = ["EXAMINED_MAX", "Fate", "Leaving", "leaving_of"]

EXAMINED_MAX = 5_000  # members looked at one by one; the instants of more are not searched
TOGETHER = 100  # of them whose events are read at one go
SEARCHES_MAX = 5  # how often a search that gave up goes on from where it stopped
WORLDS_MAX = 100  # instants at which who is who changes; a later one is not searched
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Fate:
    """What becomes of a member, in epoch ms.

    Args:
        leaves: the first instant at which it is out; None if it never is, or nobody found out …
        returns: … and the first after that at which it is in again, if that is before the end.
    """

    leaves: int | None = None
    returns: int | None = None


@dataclass(frozen=True)
class Leaving:
    """Who leaves, and what it took to find out.

    Args:
        of: the class.
        members: how many are in now …
        staying: … and how many of them at the end.
        leavers: by id, when; ``leaves`` is None if that was not found.
        examined: how many were looked at one by one.
        unexamined: how many of those who are in at the end were not.
        until: the end of the time that was asked about.
    """

    unified: Unified
    of: str
    members: int
    staying: int
    leavers: dict[int, Fate]
    examined: int
    unexamined: int
    until: datetime

    def rows(self, most: int | None = None) -> list[dict[str, Any]]:
        """Soonest first: ``{"id", "class", "identities", "leaves_at", "returns_at"}`` each."""

        def soonest(one: tuple[int, Fate]) -> tuple[bool, int | None, int]:
            return one[1].leaves is None, one[1].leaves, one[0]

        order = sorted(self.leavers.items(), key=soonest)[:most]
        known = {row["id"]: row for row in answers.rows(self.unified, self.of, [one for one, _ in order])}
        return [
            {**known[one], "leaves_at": _said(fate.leaves), "returns_at": _said(fate.returns)}
            for one, fate in order
        ]

    def notes(self) -> list[str]:
        """How many were examined, and what is not known."""
        end = iso(epoch_ms(self.until))
        found = [
            f"{self.examined:,} of {self.members:,} members were examined one by one; "
            f"{self.staying:,} are in at {end}"
        ]
        unsearched = sum(fate.leaves is None for fate in self.leavers.values())
        if unsearched:
            found.append(
                f"{unsearched:,} leave by then at an instant that was not searched for (leaves_at is null); "
                "ask for less time"
            )
        if self.unexamined:
            found.append(
                f"{self.unexamined:,} who are in at {end} were not examined; whoever of them leaves and "
                "returns before is not listed"
            )
        return found


def _said(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)


def leaving_of(project: Project, name: str, until: datetime, now: datetime | None = None) -> Leaving:
    """Who is in an audience now and leaves it until an instant if no fact changes, and when.

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
    here, there = (project.unified(at, policy=audience.policy) for at in (start, until))
    before = [int(one) for one in project.members_in(audience, here).ids]
    after = {int(one) for one in project.members_in(audience, there).ids}
    then = holders(there, audience.of)(before)
    gone = [one for one in before if then.get(one) not in after]
    others = [one for one in before if then.get(one) in after]
    examined = [*gone, *others][:EXAMINED_MAX]
    fates = _Search(project, definition, epoch_ms(until)).fates(here, examined)
    leavers = {one: fates.get(one, Fate()) for one in gone}
    leavers |= {one: fates[one] for one in others if one in fates and fates[one].leaves is not None}
    unexamined = len(before) - max(len(gone), len(examined))
    return Leaving(here, audience.of, len(before), len(others), leavers, len(examined), unexamined, until)


class _Search:
    """The first instants at which each of some members is out, and in again."""

    def __init__(self, project: Project, definition: Definition, until_ms: int) -> None:
        self._project = project
        self._definition = definition
        self._until_ms = until_ms

    def fates(self, unified: Unified, ids: Iterable[int]) -> dict[int, Fate]:
        """By id; from one instant at which who is who changes to the next."""
        fates = {one: Fate() for one in ids}
        now_held_by: dict[int, int | None] = {one: one for one in fates}
        for _ in range(WORLDS_MAX):
            until_ms = unified.until_ms
            open_ended = self._follow(unified, now_held_by, fates)
            if not open_ended or until_ms is None or until_ms > self._until_ms:
                break
            at = EPOCH + timedelta(milliseconds=until_ms)
            unified = self._project.unified(at, policy=unified.policy)
            now_held_by = self._renewed(unified, open_ended, fates)
        return fates

    def _follow(
        self, unified: Unified, held_by: Mapping[int, int | None], fates: Mapping[int, Fate]
    ) -> dict[int, int | None]:
        """Go on in one world; whose fate is not known at its end, by the number that is followed."""
        found: dict[int, int | None] = {n: entity for n, entity in held_by.items() if entity is None}
        known = [(number, entity) for number, entity in held_by.items() if entity is not None]
        for at in range(0, len(known), TOGETHER):
            some = known[at : at + TOGETHER]
            world = world_around(self._definition, unified, [entity for _, entity in some])
            found |= {
                number: entity for number, entity in some if self._goes_on(world, entity, fates[number])
            }
        return found

    def _goes_on(self, world: StoreWorld, entity: int, fate: Fate) -> bool:
        """Look for the next instants in a world; whether there may be more after its end."""
        at: World = world
        searches = 0
        while searches < SEARCHES_MAX:
            flip = next_flip(self._definition, at, Entity(self._definition.of, entity), None)
            if flip.world is None:
                reached = flip.searched_until_ms
                if reached is None or reached == world.until_ms:
                    return True
                at, searches = world.at(reached), searches + 1
            elif not self._note(fate, flip.world.now_ms):
                return False
            else:
                at = flip.world
        return False

    def _note(self, fate: Fate, ms: int) -> bool:
        """Write down that the answer is another one; whether more is to be found out."""
        if ms > self._until_ms:
            return False
        if fate.leaves is None:
            fate.leaves = ms
            return True
        fate.returns = ms
        return False

    def _renewed(
        self, unified: Unified, held_by: Mapping[int, int | None], fates: Mapping[int, Fate]
    ) -> dict[int, int | None]:
        """Who holds each number as the world becomes another; who is in or out by that is noted."""
        of = self._definition.of
        holding = holders(unified, of)(held_by)
        known = {number: holding.get(number) for number in held_by}
        world = world_around(self._definition, unified, [one for one in known.values() if one is not None])
        still: dict[int, int | None] = {}
        for number, holder in known.items():
            is_in = holder is not None and holds(self._definition, world, Entity(of, holder))
            was_in = fates[number].leaves is None
            if is_in == was_in or self._note(fates[number], unified.now_ms):
                still[number] = holder
        return still
