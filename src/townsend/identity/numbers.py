"""Sets of numbers of the dictionary, and look-ups by them.

Numbers are dense, so a set is a mask and a look-up an array: both take a step a number, where sorting
and searching take twenty. What they cost in memory is the span of the numbers, a byte or four each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from townsend.identity.moment import Ints

__all__ = ["Mask", "Places", "Span", "look_up"]

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Span:
    """All numbers from ``low`` on, ``size`` of them."""

    low: int
    size: int

    @classmethod
    def of(cls, arrays: Iterable[Ints]) -> Span:
        """The span that holds all these numbers."""
        held = [one for one in arrays if len(one)]
        if not held:
            return cls(0, 0)
        low = min(int(one.min()) for one in held)
        return cls(low, max(int(one.max()) for one in held) - low + 1)

    def mask(self, *arrays: Ints) -> Mask:
        """The set of all these numbers."""
        found = np.zeros(self.size, bool)
        for one in arrays:
            found[one - self.low] = True
        return found

    def held(self, mask: Mask, numbers: Ints) -> Mask:
        """Which of these numbers are in the set, one answer each."""
        return np.asarray(mask[numbers - self.low])

    def numbers(self, mask: Mask) -> Ints:
        """The numbers of the set, ascending."""
        return np.flatnonzero(mask) + self.low

    def places(self, nodes: Ints) -> Places:
        """Number to its place among ``nodes``, as ``at`` reads it; -1 for all others."""
        found = np.full(self.size, -1, np.int32)
        found[nodes - self.low] = np.arange(len(nodes), dtype=np.int32)
        return found

    def at(self, places: Places, numbers: Ints) -> Ints:
        """The place of each of these numbers."""
        return places[numbers - self.low].astype(np.int64)


def look_up(keys: Ints, values: Ints, wanted: Ints) -> Ints:
    """The value of each wanted key, -1 for none; ``keys`` ascending."""
    if not len(keys) or not len(wanted):
        return np.full(len(wanted), -1, np.int64)
    span = Span(int(keys[0]), int(keys[-1]) - int(keys[0]) + 1)
    if span.size > 16 * len(wanted):
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[place] == wanted, values[place], -1)
    table = np.full(span.size, -1, np.int64)
    table[keys - span.low] = values
    inside = (wanted >= span.low) & (wanted < span.low + span.size)
    found = table[np.where(inside, wanted - span.low, 0)]
    found[~inside] = -1
    return found
