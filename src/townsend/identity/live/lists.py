"""A set of numbers for each number: arrays for what was there at the start, sets for what changed since.

A million records name two million identities; as sets of Python's that would take a gigabyte. Only the few
numbers that something happens to get a set.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix

from townsend.identity.moment import Ints

__all__ = ["Lists", "Times"]

_NONE: tuple[int, ...] = ()
_NO_TIMES: Mapping[int, int] = {}


class Lists:
    """Number to other numbers.

    Args:
        first: for each pair, the number that has the other …
        second: … and the other. No pair twice.
    """

    def __init__(self, first: Ints, second: Ints) -> None:
        size = max(int(first.max()), int(second.max())) + 1 if len(first) else 0
        matrix = coo_matrix((np.ones(len(first), np.int8), (first, second)), shape=(size, size)).tocsr()
        self._starts = _view(matrix.indptr.astype(np.int64))
        self._values = _view(matrix.indices.astype(np.int32))
        self._size = size
        self._changed: dict[int, set[int]] = {}

    @classmethod
    def empty(cls) -> Lists:
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64))

    def of(self, number: int) -> Collection[int]:
        """The numbers of a number, to be read at once."""
        found = self._changed.get(number)
        if found is not None:
            return found
        if number >= self._size:
            return _NONE
        start, end = self._starts[number], self._starts[number + 1]
        return _NONE if start == end else self._values[start:end].tolist()

    def count(self, number: int) -> int:
        """How many numbers a number has."""
        found = self._changed.get(number)
        if found is not None:
            return len(found)
        return 0 if number >= self._size else self._starts[number + 1] - self._starts[number]

    def add(self, number: int, other: int) -> None:
        self._own(number).add(other)

    def discard(self, number: int, other: int) -> None:
        self._own(number).discard(other)

    def put(self, number: int, others: Collection[int]) -> None:
        """Let a number have these and no others."""
        self._changed[number] = set(others)

    def pairs(self) -> tuple[Ints, Ints]:
        """All pairs, ascending."""
        starts, values = np.asarray(self._starts), np.asarray(self._values)
        first = np.repeat(np.arange(self._size, dtype=np.int64), np.diff(starts))
        second = values.astype(np.int64)
        if self._changed:
            gone = np.zeros(self._size, bool)
            gone[[number for number in self._changed if number < self._size]] = True
            kept = ~gone[first]
            new = [(number, other) for number, others in self._changed.items() for other in others]
            more = np.array(new, np.int64).reshape(-1, 2)
            first = np.concatenate([first[kept], more[:, 0]])
            second = np.concatenate([second[kept], more[:, 1]])
            order = np.lexsort((second, first))
            first, second = first[order], second[order]
        return first, second

    def _own(self, number: int) -> set[int]:
        found = self._changed.get(number)
        if found is None:
            found = self._changed[number] = set(self.of(number))
        return found


class Times:
    """Pairs of numbers, found from either of them, and a time for each.

    Args:
        first: for each pair, one number …
        second: … and another; no pair twice, in either order …
        at_ms: … and the time.
    """

    def __init__(self, first: Ints, second: Ints, at_ms: Ints) -> None:
        near, far = np.concatenate([first, second]), np.concatenate([second, first])
        order = np.argsort(near, kind="stable")
        size = int(near.max()) + 1 if len(near) else 0
        self._starts = _view(np.searchsorted(near[order], np.arange(size + 1)).astype(np.int64))
        self._values = _view(far[order].astype(np.int32))
        self._at_ms = _view(np.concatenate([at_ms, at_ms])[order].astype(np.int64))
        self._size = size
        self._changed: dict[int, dict[int, int]] = {}

    @classmethod
    def empty(cls) -> Times:
        none = np.zeros(0, np.int64)
        return cls(none, none, none)

    def of(self, number: int) -> Mapping[int, int]:
        """The numbers met with a number, and when."""
        found = self._changed.get(number)
        if found is not None:
            return found
        if number >= self._size:
            return _NO_TIMES
        start, end = self._starts[number], self._starts[number + 1]
        if start == end:
            return _NO_TIMES
        return dict(zip(self._values[start:end].tolist(), self._at_ms[start:end].tolist(), strict=True))

    def put(self, one: int, other: int, at_ms: int | None) -> None:
        """Let a pair have a time; None takes the pair away."""
        for near, far in ((one, other), (other, one)):
            found = self._changed.get(near)
            if found is None:
                found = self._changed[near] = dict(self.of(near))
            if at_ms is None:
                found.pop(far, None)
            else:
                found[far] = at_ms

    def pairs(self) -> tuple[Ints, Ints, Ints]:
        """All pairs, the smaller number first, ascending."""
        starts, values = np.asarray(self._starts), np.asarray(self._values).astype(np.int64)
        near = np.repeat(np.arange(self._size, dtype=np.int64), np.diff(starts))
        kept = near < values
        if self._changed:
            gone = np.zeros(self._size, bool)
            gone[[number for number in self._changed if number < self._size]] = True
            kept &= ~(gone[near] | gone[values])
        new = {
            (min(near, far), max(near, far)): at_ms
            for near, found in self._changed.items()
            for far, at_ms in found.items()
        }
        more = np.array([(*pair, at_ms) for pair, at_ms in new.items()], np.int64).reshape(-1, 3)
        columns = [near[kept], values[kept], np.asarray(self._at_ms)[kept]]
        first, second, at = (np.concatenate([old, more[:, at]]) for at, old in enumerate(columns))
        order = np.lexsort((second, first))
        return first[order], second[order], at[order]


def _view(numbers: npt.NDArray[Any]) -> memoryview:
    """An array whose single numbers are Python's own, which takes half as long."""
    return memoryview(numbers.data)
