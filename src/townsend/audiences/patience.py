"""Slow answers ask first: how long the reference evaluator would take, told by a small sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from townsend.audiences import reference
from townsend.audiences.batch.run import Ids
from townsend.audiences.core import Definition
from townsend.clock import stopwatch
from townsend.problem import Invalid

if TYPE_CHECKING:
    from townsend.profiles import Unified

__all__ = ["UNASKED", "ask_first", "spoken"]

UNASKED = 50_000  # how many entities are looked at one by one without asking first
SAMPLED = 200
SECONDS_MAX = 1.0  # that the sample may take
MINUTE, HOUR = 60, 3_600


def ask_first(
    definition: Definition,
    unified: Unified,
    among: Ids,
    unasked: int | None,
    seconds: Callable[[], float] = stopwatch,
) -> None:
    """Nothing, if the reference evaluator may look at so many entities; else say how long it would take.

    Args:
        among: whom it would look at.
        unasked: how many it may look at unasked; None is any number.
        seconds: reads a clock that only goes forward.

    Raises:
        Invalid: ``engine.slow`` with the estimate.
    """
    if unasked is None or len(among) <= unasked:
        return
    places = np.linspace(0, len(among) - 1, min(SAMPLED, len(among)), dtype=np.int64)
    first, *others = among[np.unique(places)].tolist()
    world = reference.StoreWorld(unified)
    started = seconds()
    # What is read once, whoever it is for, is paid with the first.
    reference.members(definition, world, among=[first])
    once = seconds()
    looked_at = 0
    for one in others:
        reference.members(definition, world, among=[one])
        looked_at += 1
        if seconds() - once > SECONDS_MAX:
            break
    each = (seconds() - once) / max(1, looked_at)
    found = spoken(once - started + each * len(among))
    raise Invalid(
        "engine.slow",
        f"this would look at entities one by one: about {found} for {len(among):,} of class {definition.of}; "
        "repeat with --slow (in Python slow=True) to start it, or estimate with `query --preview`",
        entities=len(among),
    )


def spoken(seconds: float) -> str:
    """A length of time as one says it, in whole seconds, minutes or hours, rounded up.

    >>> spoken(0.2), spoken(61), spoken(9_000)
    ('1 s', '2 min', '3 h')
    """
    for size, unit in ((1, "s"), (MINUTE, "min")):
        if seconds <= MINUTE * size:
            return f"{max(1, -int(-seconds // size))} {unit}"
    return f"{-int(-seconds // HOUR):,} h"
