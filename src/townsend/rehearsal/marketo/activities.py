"""Every activity of an instance: the generated history, then what happened since, in order of arrival.

Positions count both together. What arrives late carries an old instant at a new position, as visits do that
are attached to a lead only when it becomes known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townsend.rehearsal.company import Company
from townsend.rehearsal.marketo.details import Details, Told
from townsend.rehearsal.marketo.history import history
from townsend.rehearsal.marketo.people import People

__all__ = ["Activities", "Activity", "written"]

FIRST_ID = 100_001


class Activity(NamedTuple):
    """One activity; ``told`` has the attributes."""

    id: int
    lead: int
    at_ms: int
    type: int
    told: Told


@dataclass(slots=True)
class _Later:
    lead: int
    at_ms: int
    arrived_ms: int
    type: int
    told: Told


class Activities:
    """Activities by position, from 0."""

    def __init__(self, company: Company, people: People, i: int) -> None:
        self._past = history(company, people, i)
        self._details = Details(company, i)
        self._later: list[_Later] = []

    def __len__(self) -> int:
        return len(self._past) + len(self._later)

    def add(self, kind: int, lead: int, at_ms: int, told: Told, arrived_ms: int | None = None) -> None:
        """Note an activity that happens now, or arrives now with an older instant."""
        self._later.append(_Later(lead, at_ms, at_ms if arrived_ms is None else arrived_ms, kind, told))

    @property
    def last_id(self) -> int:
        """The id of the activity that was noted last."""
        return FIRST_ID + len(self) - 1

    def drop_lead(self, lead: int) -> None:
        """A deleted lead's activities go with it; its deletion stays."""
        past = self._past
        # Type 0 exists nowhere: positions must not move under open tokens.
        past.type[past.lead == lead] = 0
        for one in self._later:
            if one.lead == lead and one.type != 37:
                one.type = 0

    def since(self, at_ms: int) -> int:
        """The first position that arrived at or after an instant."""
        start = int(np.searchsorted(self._past.at_ms, at_ms, side="left"))
        if start < len(self._past):
            return start
        return start + next(
            (k for k, one in enumerate(self._later) if one.arrived_ms >= at_ms), len(self._later)
        )

    def scan(
        self, start: int, end: int, types: Collection[int], leads: Collection[int] | None, most: int
    ) -> tuple[list[Activity], int]:
        """Up to ``most`` activities of some types from a stretch of positions, and where to go on."""
        found: list[Activity] = []
        for position in self._positions(start, end, types, leads):
            found.append(self.at(position))
            if len(found) == most:
                return found, position + 1
        return found, min(end, len(self))

    def _positions(
        self, start: int, end: int, types: Collection[int], leads: Collection[int] | None
    ) -> Iterator[int]:
        past = self._past
        fits = np.isin(past.type[start:end], list(types))
        if leads is not None:
            fits &= np.isin(past.lead[start:end], list(leads))
        yield from (np.flatnonzero(fits) + start).tolist()
        for k in range(max(0, start - len(past)), min(end - len(past), len(self._later))):
            one = self._later[k]
            if one.type in types and (leads is None or one.lead in leads):
                yield len(past) + k

    def seen(self, by_ms: int) -> int:
        """How many positions can be read of what arrived by an instant."""
        hidden = 0
        for one in reversed(self._later):
            if one.arrived_ms <= by_ms:
                break
            hidden += 1
        return len(self) - hidden

    def between(
        self, start_ms: int, end_ms: int, types: Collection[int] | None, seen_ms: int
    ) -> NDArray[np.int64]:
        """The positions of activities with an instant from ``start_ms`` to before ``end_ms``, by instant.

        Args:
            seen_ms: what arrived later than this is left out.
        """
        past = self._past
        low, high = np.searchsorted(past.at_ms, [start_ms, end_ms], side="left").tolist()
        kinds = past.type[low:high]
        fits = np.isin(kinds, list(types)) if types else (kinds != 0) & (kinds != 37)
        later = [
            len(past) + k
            for k, one in enumerate(self._later)
            if start_ms <= one.at_ms < end_ms
            and one.arrived_ms <= seen_ms
            and (one.type in types if types else one.type not in {0, 37})
        ]
        return np.concatenate([np.flatnonzero(fits) + low, np.array(later, dtype=np.int64)])

    def at(self, position: int) -> Activity:
        """The activity at a position."""
        past = self._past
        if position >= len(past):
            one = self._later[position - len(past)]
            return Activity(FIRST_ID + position, one.lead, one.at_ms, one.type, one.told)
        at_ms, lead, kind = int(past.at_ms[position]), int(past.lead[position]), int(past.type[position])
        told = self._details.tell(kind, lead, at_ms, int(past.draw[position]), int(past.page[position]))
        return Activity(FIRST_ID + position, lead, at_ms, kind, told)

    def many(self, positions: NDArray[np.int64]) -> list[Activity]:
        """The activities at positions, in their order; faster than one by one."""
        past = self._past
        early = positions[positions < len(past)]
        columns = (past.at_ms, past.lead, past.type, past.draw, past.page)
        tell = self._details.tell
        found = [
            Activity(FIRST_ID + position, lead, at_ms, kind, tell(kind, lead, at_ms, draw, page))
            for position, at_ms, lead, kind, draw, page in zip(
                early.tolist(), *(column[early].tolist() for column in columns), strict=True
            )
        ]
        return found + [self.at(position) for position in positions[positions >= len(past)].tolist()]


def written(activity: Activity, at: str) -> dict[str, Any]:
    """An activity as REST writes it."""
    told = activity.told
    found: dict[str, Any] = {
        "id": activity.id,
        "marketoGUID": str(activity.id),
        "leadId": activity.lead,
        "activityDate": at,
        "activityTypeId": activity.type,
        "campaignId": told.campaign,
    }
    if told.primary_id is not None:
        found["primaryAttributeValueId"] = told.primary_id
    if told.primary is not None:
        found["primaryAttributeValue"] = told.primary
    return found | {"attributes": [{"name": name, "value": value} for name, value in told.attributes.items()]}
