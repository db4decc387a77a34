"""What a delivery would do: whom it adds and removes, whom it leaves out and why, and what that takes.

Planning reads the ledger and calls nobody. People whom the destination must be asked about first are
planned as additions; the answers may leave some of them out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from townsend.activation.compare import Called, Differences, called, differences, unknown_there
from townsend.activation.contract import Destination
from townsend.activation.drift import check_due
from townsend.activation.order import Order
from townsend.store.state import State
from townsend.store.state_targets import Target

__all__ = ["RESOLUTION_MS", "ActivationPlan", "Change", "Forecast", "compare", "people", "plan_order"]

RESOLUTION_MS = 30 * 86_400_000  # how long an answer to a look-up is believed
SHOWN = 20  # changes of each kind that the machine form lists


@dataclass(frozen=True, slots=True)
class Forecast:
    """Calls a delivery takes, and seconds at the rate the vendor allows."""

    calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Change:
    """One person to be added or removed; None for an identifier found there that is nobody's.

    Args:
        identifiers: what the destination calls them; none yet if it has to be asked.
    """

    entity: int | None
    identifiers: tuple[str, ...]


@dataclass(frozen=True)
class ActivationPlan:
    """What would change for one activation, counted in people.

    Args:
        wanted: people who should be there.
        unchanged: of these, who is there already.
        excluded: who of the audience is left out, and why.
        open: operations of an earlier delivery that have no answer yet.
        flags: what a person should know.
    """

    audience: str
    destination: str
    name: str
    wanted: int
    adds: tuple[Change, ...]
    removes: tuple[Change, ...]
    unchanged: int
    excluded: Mapping[int, str]
    forecast: Forecast
    paused: bool = False
    mapped: bool = True
    open: int = 0
    flags: tuple[str, ...] = field(default=())

    def excluded_by_reason(self) -> dict[str, int]:
        """How many are left out for each reason."""
        return dict(Counter(self.excluded.values()))

    def to_json(self) -> dict[str, Any]:
        """The plan for a machine; of the changes the first few."""
        return {
            "audience": self.audience,
            "destination": self.destination,
            "name": self.name,
            "paused": self.paused,
            "mapped": self.mapped,
            "wanted": self.wanted,
            "add": len(self.adds),
            "remove": len(self.removes),
            "unchanged": self.unchanged,
            "excluded": len(self.excluded),
            "excluded_by_reason": dict(sorted(self.excluded_by_reason().items())),
            "open": self.open,
            "forecast": {"calls": self.forecast.calls, "seconds": round(self.forecast.seconds, 3)},
            "flags": list(self.flags),
            "added_ids": [one.entity for one in self.adds[:SHOWN]],
            "removed_ids": [one.entity for one in self.removes[:SHOWN]],
        }


def plan_order(order: Order, destination: Destination, state: State, now_ms: int) -> ActivationPlan:
    """Compare an order with what the destination confirmed. Sends and asks nothing."""
    target = state.targets.get(destination.name, order.audience)
    meant = _meant(order, destination, state, now_ms)
    found = compare(order, destination, state, meant, now_ms, target)
    asking = [Change(one, ()) for one in meant.asking]
    adds = [*_changes((name, wish.entity) for name, wish in found.adds.items()), *asking]
    removes = _changes((name, row.entity) for name, row in found.removes.items())
    there = {wish.entity for wish in found.there.values()}
    wanted = {wish.entity for wish in meant.wishes.values()} | set(meant.asking)
    added = {one.entity for one in adds}
    return ActivationPlan(
        order.audience,
        destination.name,
        order.name,
        len(wanted),
        tuple(adds),
        tuple(one for one in removes if one.entity is None or one.entity not in wanted),
        len(there - added),
        {**order.excluded, **meant.without},
        _forecast(order, destination, state, meant, found, target, now_ms),
        order.paused,
        order.mapped,
        len(state.outbox.open(destination.name, order.audience)),
        tuple(_flags(order, destination, found, target, len(wanted))),
    )


def compare(
    order: Order, destination: Destination, state: State, meant: Called, now_ms: int, target: Target | None
) -> Differences:
    """What must be said, with an order already in the destination's words.

    An audience that no longer goes there wants nobody there; whether they are taken out is the
    destination's ``on_unmap``.
    """
    keeps = not order.mapped and destination.on_unmap == "keep"
    return differences(
        meant.wishes,
        state.ledger.of(destination.name, order.audience),
        state.outbox.refused(destination.name, order.audience),
        now_ms=now_ms,
        since_ms=target.created_ms if target else 0,
        can_remove=destination.can.remove and not keeps,
    )


def people(changes: Iterable[tuple[str, int | None]]) -> int:
    """How many people these (identifier, entity) are; nobody's identifiers count each."""
    return len({name if entity is None else entity for name, entity in changes})


def _meant(order: Order, destination: Destination, state: State, now_ms: int) -> Called:
    known = state.targets.resolutions(destination.name, now_ms - RESOLUTION_MS)
    refused = state.outbox.refused(destination.name, order.audience)
    return called(order, destination, known, unknown_there(refused, now_ms))


def _changes(pairs: Iterable[tuple[str, int | None]]) -> list[Change]:
    together: dict[int, list[str]] = {}
    alone: list[Change] = []
    for name, entity in pairs:
        if entity is None:
            alone.append(Change(None, (name,)))
        else:
            together.setdefault(entity, []).append(name)
    return [Change(entity, tuple(names)) for entity, names in sorted(together.items())] + alone


def _forecast(
    order: Order,
    destination: Destination,
    state: State,
    meant: Called,
    found: Differences,
    target: Target | None,
    now_ms: int,
) -> Forecast:
    limits, can = destination.limits, destination.can
    calls = math.ceil(len(meant.lookups) / limits.lookups_per_call)
    for changes, more in (
        ([(name, wish.entity) for name, wish in found.adds.items()], len(meant.asking)),
        ([(name, row.entity) for name, row in found.removes.items()], 0),
    ):
        parcels = (people(changes) if can.together else len(changes)) + more
        calls += math.ceil(parcels / limits.per_call)
    wait = 0.0
    makes = target is None and bool(meant.wishes or meant.asking)
    if makes or (target is not None and order.mapped and target.name != order.name and can.rename):
        calls += 1
        wait = limits.first_s if makes else 0.0
    if target is not None and can.read_back and check_due(order, destination, state, now_ms):
        calls += 1 + len(state.ledger.of(destination.name, order.audience)) // limits.per_call
    return Forecast(calls, limits.seconds(calls) + wait if calls else 0.0)


def _flags(
    order: Order, destination: Destination, found: Differences, target: Target | None, wanted: int
) -> list[str]:
    flags = []
    if 0 < wanted < destination.limits.least:
        flags.append(too_small(wanted, destination.limits.least))
    if found.refused:
        flags.append(stays_refused(len(found.refused)))
    if not order.mapped:
        what = "they are taken out" if destination.on_unmap == "remove" else "they stay there"
        flags.append(f"the audience no longer goes there; {what}")
    elif target is not None and target.name != order.name:
        does = "is renamed" if destination.can.rename else "keeps its name there"
        flags.append(
            f"called {target.name!r} there; {does}, now {order.name!r}"
            if destination.can.rename
            else f"called {target.name!r} there; it {does}"
        )
    if not destination.can.remove and any(row.confirmed for row in found.removes.values()):
        flags.append("the destination has no removal: who leaves stays there")
    return flags


def too_small(members: int, least: int) -> str:
    """What to say of a list below the vendor's minimum."""
    noun = "member" if members == 1 else "members"
    return f"{members:,} {noun}: the vendor uses a list from {least:,} on; delivered all the same"


def stays_refused(identifiers: int) -> str:
    """What to say of earlier refusals."""
    return f"{identifiers:,} identifiers were refused before and are not sent again until something changes"
