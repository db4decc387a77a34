"""Clusters of numbers that hang together, as they join and part.

A cluster is a label on each of its numbers and a ring through them, so that it is listed without a search.
Joining relabels the smaller one. Parting looks from all ends of what was cut at once and stops as soon as
only one search is left, so it takes as long as the smaller part is large.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Collection, Iterable

import numpy as np

from townsend.identity.moment import Ints

__all__ = ["Clusters"]

Beside = Callable[[int], Iterable[int]]


class Clusters:
    """Every number is in one cluster, many of them alone.

    Args:
        labels: the cluster of each number from 0 on, as a label from 0 on.
    """

    def __init__(self, labels: Ints) -> None:
        self.label = array("i", labels.astype(np.int32).tobytes())
        self._size = array("i", np.bincount(labels).astype(np.int32).tobytes())
        self._free: list[int] = []
        order = np.argsort(labels, kind="stable").astype(np.int32)
        sorted_labels = labels[order]
        starts = np.ones(len(order), bool)
        starts[1:] = sorted_labels[1:] != sorted_labels[:-1]
        following = np.empty(len(order), np.int32)
        if len(order):
            following[:-1] = order[1:]
            ends = np.append(np.flatnonzero(starts)[1:], len(order)) - 1
            following[ends] = order[starts]
        after, before = np.empty_like(following), np.empty_like(following)
        after[order], before[following] = following, order
        self._after = array("i", after.tobytes())
        self._before = array("i", before.tobytes())

    def grow(self, size: int) -> None:
        """Let there be so many numbers, new ones alone."""
        for number in range(len(self.label), size):
            self.label.append(len(self._size))
            self._size.append(1)
            self._after.append(number)
            self._before.append(number)

    def members(self, number: int) -> list[int]:
        """All numbers of a number's cluster, itself first."""
        after, found = self._after, [number]
        one = after[number]
        while one != number:
            found.append(one)
            one = after[one]
        return found

    def size(self, number: int) -> int:
        return self._size[self.label[number]]

    def by_label(self, rows: Ints) -> dict[int, Ints]:
        """Rows of numbers, by the label of the cluster that the first number of each is in."""
        labels = np.asarray(self.label)[rows[:, 0]]
        order = np.argsort(labels, kind="stable")
        found, starts = np.unique(labels[order], return_index=True)
        return dict(zip(found.tolist(), np.split(rows[order], starts[1:]), strict=True)) if len(rows) else {}

    def join(self, one: int, other: int) -> int | None:
        """Make the clusters of two numbers one; gives the label that is no more, None if they were one."""
        label = self.label
        kept, lost = label[one], label[other]
        if kept == lost:
            return None
        if self._size[kept] < self._size[lost]:
            one, other, kept, lost = other, one, lost, kept
        for number in self.members(other):
            label[number] = kept
        after, before = self._after, self._before
        behind, last = after[one], before[other]
        after[one], before[other] = other, one
        after[last], before[behind] = behind, last
        self._size[kept] += self._size[lost]
        self._size[lost] = 0
        self._free.append(lost)
        return lost

    def part(self, ends: Collection[int], beside: Beside) -> None:
        """Take apart what does not hang together any more.

        Args:
            ends: ends of links that were cut, in one cluster; each part but one has an end at least.
            beside: the numbers that a number is linked with now.
        """
        searches = _Searches(ends)
        while searches.going > 1:
            done = searches.step(beside)
            if done is not None and searches.going:
                self._leave(done)

    def _leave(self, numbers: list[int]) -> None:
        """Make some numbers of a cluster, not all, a cluster of their own."""
        after, before, label = self._after, self._before, self.label
        self._size[label[numbers[0]]] -= len(numbers)
        if self._free:
            new = self._free.pop()
            self._size[new] = len(numbers)
        else:
            new = len(self._size)
            self._size.append(len(numbers))
        for number in numbers:
            behind, ahead = before[number], after[number]
            after[behind], before[ahead] = ahead, behind
            label[number] = new
        last = numbers[-1]
        for number in numbers:
            after[last], before[number] = number, last
            last = number


class _Search:
    """What was reached from some ends, and from where to go on."""

    __slots__ = ("found", "open", "queued")

    def __init__(self, end: int) -> None:
        self.found = [end]
        self.open = [end]
        self.queued = True


class _Searches:
    """Searches that take turns and become one where they meet."""

    def __init__(self, ends: Collection[int]) -> None:
        self._by: dict[int, _Search] = {end: _Search(end) for end in ends}
        self._queue = deque(self._by.values())
        self.going = len(self._queue)

    def step(self, beside: Beside) -> list[int] | None:
        """One number further; all of a part if it is complete now."""
        search = self._queue.popleft()
        if not search.queued:
            return None
        search.queued = False
        number = search.open.pop()
        by = self._by
        for other in beside(number):
            met = by.get(other)
            if met is None:
                by[other] = search
                search.found.append(other)
                search.open.append(other)
            elif met is not search:
                search = self._meet(search, met)
        if not search.open:
            self.going -= 1
            # It may stand in the queue, having met the one whose turn it was.
            search.queued = False
            return search.found
        if not search.queued:
            search.queued = True
            self._queue.append(search)
        return None

    def _meet(self, one: _Search, other: _Search) -> _Search:
        """The two as one: the larger, which may stand in the queue, or may not."""
        self.going -= 1
        if len(one.found) < len(other.found):
            one, other = other, one
        for number in other.found:
            self._by[number] = one
        one.found += other.found
        one.open += other.open
        other.queued = False
        return one
