"""A cluster in which a namespace that should be unique is not, kept so that a change does not start anew.

The rule is ``graph.optimise``'s. Identities keep their places in the order of their texts, links lie in
arrays; so a change in a cluster of twenty thousand sorts numbers and joins sets, and looks up nothing else.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from townsend.identity.graph import Identity
from townsend.identity.moment import Ints

__all__ = ["Torn"]

# Of a link's weight and of a namespace's place: more than any rules have.
_FREE = -1
_WEIGHTS = 1 << 20


class Torn:
    """The links of one cluster, and its parts without those that must go.

    Args:
        weigh: gives the priority of a number's namespace, and a bit for it if it is unique; else 0.

    Attributes:
        place: numbers to their places in arrays.
        removed: the links left out, as rows of two numbers and a time.
    """

    def __init__(self, weigh: Callable[[int], tuple[int, int]]) -> None:
        self._weigh = weigh
        self.place: dict[int, int] = {}
        self._numbers = array("q")
        self._priority: list[int] = []
        self._bits: list[int] = []
        self._rank = array("q")
        self._texts: list[Identity] = []
        self._beside: list[dict[int, int]] = []
        self._first = array("q")
        self._second = array("q")
        self._seen = array("q")
        self._weight = array("q")
        self._free: list[int] = []
        self._part: Ints = np.zeros(0, np.int64)
        self.removed: Ints = np.zeros((0, 3), np.int64)

    def add(self, identities: Mapping[int, Identity]) -> None:
        """Take up numbers, without links at first."""
        for number in sorted(identities, key=identities.__getitem__):
            priority, bit = self._weigh(number)
            self.place[number] = len(self._numbers)
            self._numbers.append(number)
            self._priority.append(priority)
            self._bits.append(bit)
            self._beside.append({})
        old = len(self._rank)
        new = sorted(identities.values())
        if not old:
            self._texts = new
            self._rank.extend(range(len(new)))
            return
        ranks = np.asarray(self._rank, np.int64)
        for identity in new:
            rank = bisect_left(self._texts, identity)
            self._texts.insert(rank, identity)
            ranks[ranks >= rank] += 1
            ranks = np.append(ranks, rank)
        self._rank = array("q", ranks.tobytes())

    def drop(self, numbers: Iterable[int]) -> None:
        """Let numbers go, and their links; what is left of them is a gap in the order."""
        for number in numbers:
            place = self.place.pop(number)
            for other in list(self._beside[place]):
                self._unlink(place, other)

    def link(self, number: int, links: Mapping[int, int]) -> None:
        """Let a number have these links and no others, with the time of each; both ends are taken up."""
        place = self.place[number]
        beside = self._beside[place]
        places = {self.place[other]: at_ms for other, at_ms in links.items()}
        for other in [one for one in beside if one not in places]:
            self._unlink(place, other)
        for other, at_ms in places.items():
            slot = beside.get(other)
            if slot is not None:
                self._seen[slot] = at_ms
                continue
            weight = self._priority[place] + self._priority[other]
            if self._free:
                slot = self._free.pop()
                self._first[slot], self._second[slot] = place, other
                self._seen[slot], self._weight[slot] = at_ms, weight
            else:
                slot = len(self._first)
                self._first.append(place)
                self._second.append(other)
                self._seen.append(at_ms)
                self._weight.append(weight)
            beside[other] = self._beside[other][place] = slot

    def _unlink(self, place: int, other: int) -> None:
        slot = self._beside[place].pop(other)
        del self._beside[other][place]
        self._first[slot] = _FREE
        self._free.append(slot)

    def parts(self, dirty: Iterable[int]) -> list[list[int]]:
        """The parts that are others than before, or have some of these numbers; sets ``removed``."""
        first, second = np.asarray(self._first, np.int64), np.asarray(self._second, np.int64)
        slots = np.flatnonzero(first >= 0)
        first, second = first[slots], second[slots]
        seen, weight = np.asarray(self._seen, np.int64)[slots], np.asarray(self._weight, np.int64)[slots]
        order = self._order(first, second, seen, weight)
        parents, lost = _joined(first[order].tolist(), second[order].tolist(), list(self._bits))
        gone = order[lost]
        self.removed = self._triples(first[gone], second[gone], seen[gone])
        before, self._part = self._part, _firsts(np.array(parents, np.int64))
        changed = np.flatnonzero(self._part[: len(before)] != before)
        touched = np.zeros(len(parents), bool)
        touched[changed] = touched[before[changed]] = touched[len(before) :] = True
        touched[[self.place[number] for number in dirty]] = True
        told = np.zeros(len(parents), bool)
        told[self._part[touched]] = True
        found: dict[int, list[int]] = {}
        for place in np.flatnonzero(told[self._part]).tolist():
            number = self._numbers[place]
            if self.place.get(number) == place:
                found.setdefault(int(self._part[place]), []).append(number)
        return list(found.values())

    def _order(self, first: Ints, second: Ints, seen: Ints, weight: Ints) -> Ints:
        """In which order links are tried: see ``optimise``."""
        if not len(first):
            return np.zeros(0, np.int64)
        rank = np.asarray(self._rank, np.int64)
        near, far = rank[first], rank[second]
        pair = (np.minimum(near, far) << 32) | np.maximum(near, far)
        late = np.where(seen == seen.max(), weight, weight + _WEIGHTS)
        by_pair = np.argsort(pair)
        return by_pair[np.lexsort((-seen[by_pair], late[by_pair]))]

    def _triples(self, first: Ints, second: Ints, seen: Ints) -> Ints:
        """Links as rows of two numbers and a time, the identity that comes first in order first."""
        rank, numbers = np.asarray(self._rank, np.int64), np.asarray(self._numbers, np.int64)
        turned = rank[first] > rank[second]
        one, other = np.where(turned, second, first), np.where(turned, first, second)
        return np.stack([numbers[one], numbers[other], seen], axis=1)


def _firsts(parents: Ints) -> Ints:
    """The first place of the set of each place, given parents."""
    while True:
        above = parents[parents]
        if np.array_equal(above, parents):
            break
        parents = above
    first = np.full(len(parents), len(parents))
    np.minimum.at(first, parents, np.arange(len(parents)))
    return np.asarray(first[parents])


def _joined(first: Sequence[int], second: Sequence[int], bits: list[int]) -> tuple[list[int], list[int]]:
    """Sets of places after all links in order, as parents; and which links were left out."""
    parents = list(range(len(bits)))
    sizes = [1] * len(bits)
    lost: list[int] = []
    for at, (one, other) in enumerate(zip(first, second, strict=True)):
        while parents[one] != one:
            parents[one] = one = parents[parents[one]]
        while parents[other] != other:
            parents[other] = other = parents[parents[other]]
        if one == other:
            continue
        # Two sets with one unique namespace have two values of it: a value is in one set only.
        if bits[one] & bits[other]:
            lost.append(at)
            continue
        if sizes[one] < sizes[other]:
            one, other = other, one
        parents[other] = one
        sizes[one] += sizes[other]
        bits[one] |= bits[other]
    return parents, lost
