"""What is known about who is whom in one class, number by number, and what is beside what.

Numbers are positions in arrays. Nothing is judged here but what one number's own facts decide: whether a
record takes part, whether a value joins too many records, which links a number has.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Mapping

import numpy as np

from townsend.identity.graph import Identity
from townsend.identity.links import PAIRWISE_MAX
from townsend.identity.live.changes import Claim
from townsend.identity.live.lists import Lists, Times
from townsend.identity.moment import Ints

__all__ = ["DELETED", "JOINS", "KNOWN", "LIVE", "LOST", "NEVER", "Known", "Texts"]

Texts = Callable[[Iterable[int]], Mapping[int, Identity]]

NEVER = (1 << 63) - 1
# Of a key: a record has it; its current version is retired; it went into another record that is there.
KNOWN, DELETED, LOST = 1, 2, 4
LIVE = KNOWN
# Which of these keys take part in linking, by their marks.
JOINS = bytes(bool(marks & KNOWN and (marks & LOST or not marks & DELETED)) for marks in range(8))


class Known:
    """All facts of one class.

    Attributes:
        bound: how many records a value may join.
        blocked: numbers that never link.
        marks: of each number, ``KNOWN``, ``DELETED`` and ``LOST``.
        seen: of each record, when its current version is from.
        since: of each number, when the first event was that belongs to it; ``NEVER`` for none.
        count: how many records each number joins.
        named: records to what their current versions name.
        owners: values to the records that take part and name them.
        buried: values to the records that take no part and name them.
        met: pairs of numbers met in events, and when last.
        into: losing keys to what they went into, and when.
        fed: keys to the losing keys that went into them.
        followed: losing keys that end at a record that is there.
        joined: links by merges, kept and lost, and when.
        joins: numbers to the numbers they have such links with.
        claims: what master data says of keys.
        golden: keys to the golden record they belong to now, and when that was said.
        groups: golden records to their keys.
        stars: golden records to those of their keys that link: the one in the middle, and the others.
    """

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.blocked: set[int] = set()
        self.marks = bytearray()
        self.seen = array("q")
        self.since = array("q")
        self.count = array("i")
        self.named = Lists.empty()
        self.owners = Lists.empty()
        self.buried: dict[int, set[int]] = {}
        self.met = Times.empty()
        self.into: dict[int, tuple[int, int]] = {}
        self.fed: dict[int, set[int]] = {}
        self.followed: set[int] = set()
        self.joined: dict[tuple[int, int], int] = {}
        self.joins: dict[int, set[int]] = {}
        self.claims: dict[int, tuple[Claim, ...]] = {}
        self.golden: dict[int, tuple[str, int]] = {}
        self.groups: dict[str, set[int]] = {}
        self.stars: dict[str, tuple[int, frozenset[int]]] = {}

    def grow(self, size: int) -> None:
        """Let there be so many numbers."""
        more = size - len(self.marks)
        if more > 0:
            self.marks.extend(bytes(more))
            self.seen.extend([0] * more)
            self.since.extend([NEVER] * more)
            self.count.extend([0] * more)

    def fill(self, named: tuple[Ints, Ints], met: tuple[Ints, Ints, Ints]) -> None:
        """Write down what all records name, and what events bring together, once marks are set.

        Args:
            named: records and what they name.
            met: pairs of numbers, the smaller first, and when last.
        """
        owner, name = named
        joins = np.frombuffer(JOINS, np.uint8)[np.frombuffer(self.marks, np.uint8)].astype(bool)
        counts = joins[owner]
        self.named, self.met = Lists(owner, name), Times(*met)
        self.owners = Lists(name[counts], owner[counts])
        for key, one in zip(owner[~counts].tolist(), name[~counts].tolist(), strict=True):
            self.buried.setdefault(one, set()).add(key)
        # How many records each value joins: those that have it, and those met with it in an event.
        size = len(self.marks)
        many = np.bincount(name[counts], minlength=size) + joins
        for key, other in (met[:2], met[1::-1]):
            own = joins[key]
            acting = np.zeros(size, bool)
            acting[key[own]] = True
            said = ((owner << 32) | name)[acting[owner]]
            # NumPy's own choice hashes all of them first.
            named_too = np.isin((key[own] << 32) | other[own], said, kind="sort")
            many += np.bincount(other[own][~named_too], minlength=size)
        self.count = array("i", many.astype(np.int32).tobytes())

    def shine(self, texts: Texts) -> None:
        """Gather golden records out of what master data says of keys, and find who links in them."""
        for key, (golden, _) in self.golden.items():
            self.groups.setdefault(golden, set()).add(key)
        several = {golden: keys for golden, keys in self.groups.items() if len(keys) > 1}
        found = texts({key for keys in several.values() for key in keys})
        for golden, keys in several.items():
            there = [key for key in keys if not self.is_gone(key)]
            if len(there) > 1:
                first = min(there, key=lambda key: found[key][1])
                self.stars[golden] = (first, frozenset(there) - {first})

    # ------------------------------------------------------------ one number

    def is_joining(self, number: int) -> bool:
        """Whether it is the key of a record that takes part."""
        return bool(JOINS[self.marks[number]])

    def is_there(self, number: int) -> bool:
        """Whether it is the key of a record that is not retired."""
        return self.marks[number] & ~LOST == LIVE

    def is_crowded(self, number: int) -> bool:
        """Whether it joins too many records to link them."""
        return self.count[number] > self.bound

    def is_alive(self, number: int) -> bool:
        """Whether a record that takes part, or an event, speaks of it."""
        return bool(
            JOINS[self.marks[number]]
            or self.owners.count(number)
            or self.since[number] < NEVER
            or self.met.of(number)
        )

    def is_gone(self, number: int) -> bool:
        """Whether only records that take no part speak of it."""
        spoken = bool(self.marks[number] & KNOWN) or number in self.buried
        return spoken and not self.is_alive(number)

    def is_buried(self, number: int) -> bool:
        """Whether a record that takes no part has it, or names it."""
        return number in self.buried or self.is_dead(number)

    def is_dead(self, number: int) -> bool:
        """Whether it is the key of a record that takes no part."""
        marks = self.marks[number]
        return bool(marks & KNOWN and not JOINS[marks])

    def buries(self, number: int) -> bool:
        """Whether it keeps somebody from existing by events alone: a retired record's, and no other's."""
        return self.is_buried(number) and not self.owners.count(number)

    # ------------------------------------------------------------ links

    def beside(self, number: int) -> list[int]:
        """The numbers it is linked with, enough of them for all that hang together to be reached."""
        count, bound = self.count, self.bound
        found: list[int] = []
        if JOINS[self.marks[number]]:
            found += [other for other in self.named.of(number) if count[other] <= bound]
        if count[number] <= bound:
            found += self.owners.of(number)
            found += [other for other in self.met.of(number) if count[other] <= bound]
        if number in self.joins:
            found += self.joins[number]
        if number in self.golden:
            found += self._star(number)
        return found

    def links(self, number: int) -> dict[int, int]:
        """All numbers it is linked with, what one record names pairwise, and when each was last seen."""
        found: dict[int, int] = {}
        count, bound = self.count, self.bound
        if JOINS[self.marks[number]]:
            self._pairs_in(number, number, found)
        if count[number] <= bound:
            for owner in self.owners.of(number):
                self._pairs_in(owner, number, found)
            for other, at_ms in self.met.of(number).items():
                if count[other] <= bound:
                    found[other] = max(found.get(other, at_ms), at_ms)
        for other in self.joins.get(number, ()):
            for pair in ((number, other), (other, number)):
                if pair in self.joined:
                    at_ms = self.joined[pair]
                    found[other] = max(found.get(other, at_ms), at_ms)
        for other in self._star(number):
            golden, said_ms = self.golden[number]
            at_ms = self.golden[other][1] if number == self.stars[golden][0] else said_ms
            found[other] = max(found.get(other, at_ms), at_ms)
        return found

    def _pairs_in(self, owner: int, number: int, found: dict[int, int]) -> None:
        """The links of a number inside a record that has it."""
        count, bound, at_ms = self.count, self.bound, self.seen[owner]
        others = [other for other in self.named.of(owner) if count[other] <= bound]
        if number != owner:
            others = [*others, owner] if len(others) <= PAIRWISE_MAX else [owner]
        for other in others:
            if other != number:
                found[other] = max(found.get(other, at_ms), at_ms)

    def _star(self, number: int) -> Collection[int]:
        """The others of a golden record: all for the one in the middle, that one for the rest."""
        said = self.golden.get(number)
        star = self.stars.get(said[0]) if said else None
        if star is None:
            return ()
        if star[0] == number:
            return star[1]
        return (star[0],) if number in star[1] else ()

    def buried_beside(self, number: int, taken: Callable[[int], bool]) -> list[int]:
        """What a retired record names, or the retired records that name it, as far as nobody has them."""
        found: list[int] = []
        if self.is_dead(number):
            found += [other for other in self.named.of(number) if not taken(other)]
        found += [owner for owner in self.buried.get(number, ()) if not taken(owner)]
        return found
