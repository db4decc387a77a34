"""The identity graph of one class, kept in memory as facts change.

After every batch it is what ``entities.resolve`` makes of all facts: which numbers are one entity, which
number names it, who is retired, which links were left out. A batch costs what it touches: the clusters of
the numbers in it, and of a value that joins too many records, or no longer does, those that name it.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Mapping

import numpy as np

from townsend.identity.graph import Identity
from townsend.identity.live import speaking
from townsend.identity.live.changes import Changes, Met, Moves
from townsend.identity.live.clusters import Clusters
from townsend.identity.live.graves import Graves
from townsend.identity.live.known import LIVE, NEVER, Known, Texts
from townsend.identity.live.parts import Parts
from townsend.identity.live.taking import Taking
from townsend.identity.moment import Ints
from townsend.identity.rules import IdentityRules
from townsend.problem import Broken

__all__ = ["LiveGraph"]


class LiveGraph:
    """Who is whom in one class at an instant; made by ``build.live_graph`` or ``snapshot.restored``.

    Args:
        rules: linking rules; under others the graph is another, to be built anew.
        splits: whether unique namespaces split clusters, as they do those of people.
        known: all facts.
        clusters: the raw cluster of each number.
        entity: the live entity of each number, -1 for none.
        retired: numbers to the retired entities that they belong to.
        places: the place of each number's namespace in the rules, from 1; 0 for others.
        removed: labels of clusters that unique namespaces split, to the links left out, as rows.
        now_ms: the instant.
        coming: events after it: time and identities.
        texts: looks up identities of numbers.
    """

    def __init__(
        self,
        rules: IdentityRules,
        splits: bool,
        known: Known,
        clusters: Clusters,
        entity: array[int],
        retired: dict[int, int],
        places: array[int],
        removed: Mapping[int, Ints],
        now_ms: int,
        coming: Iterable[tuple[int, tuple[int, ...]]],
        texts: Texts,
    ) -> None:
        self.rules, self.now_ms, self.texts = rules, now_ms, texts
        self.known, self.clusters, self.entity = known, clusters, entity
        self.parts = Parts(rules if splits else None, places, removed, texts)
        self.graves = Graves(known, retired, self._is_taken)
        self.coming = list(coming)
        heapq.heapify(self.coming)
        self._turns = [
            (ms, key) for key, said in known.claims.items() for claim in said for ms in claim.turns(now_ms)
        ]
        heapq.heapify(self._turns)
        self._blocked = rules.blocked_values()
        self._spaces = {namespace.code: at for at, namespace in enumerate(rules.person, 1)}

    # ------------------------------------------------------------ questions

    def of(self, number: int) -> int:
        """The live entity that has a number, -1 for none."""
        return self.entity[number] if 0 <= number < len(self.entity) else -1

    def retired_of(self, number: int) -> int:
        """The retired entity that has a number, -1 for none."""
        return self.graves.entity.get(number, -1)

    def members(self, entity: int) -> list[int]:
        """The numbers of a live entity, ascending; empty if there is none of that id."""
        if self.of(entity) != entity:
            return []
        return sorted(one for one in self.clusters.members(entity) if self.entity[one] == entity)

    def records(self, entity: int) -> list[int]:
        """The keys of an entity's live records, ascending."""
        return [one for one in self.members(entity) if self.known.marks[one] == LIVE]

    def first_ms(self, entity: int) -> int | None:
        """Since when an entity that is known from events alone exists; None if it has live records."""
        members = self.members(entity)
        if any(self.known.marks[one] == LIVE for one in members):
            return None
        return min((self.known.since[one] for one in members), default=None)

    def shown(self, entity: int) -> set[int]:
        """The numbers of the identities that answers list for an entity."""
        known, found = self.known, set()
        for one in self.members(entity):
            live = known.marks[one] == LIVE
            speaks = live or known.owners.count(one) or known.since[one] < NEVER or known.met.of(one)
            if speaks and not known.is_crowded(one) and not (known.marks[one] and not live):
                found.add(one)
            if live:
                # What lost its links is still what each of its records says.
                found |= {value for value in known.named.of(one) if known.is_crowded(value)}
            if known.is_crowded(one):
                found.add(one)
        return found

    def removed(self) -> Ints:
        """All links left out so that a namespace stays unique: rows of two numbers and a time."""
        found = list(self.parts.removed.values())
        return np.concatenate(found) if found else np.zeros((0, 3), np.int64)

    # ------------------------------------------------------------ changes

    def apply(self, changes: Changes) -> Moves:
        """Take changes in, all at once.

        Returns:
            What became of entities.

        Raises:
            Broken: ``identity.clock`` if the instant is earlier than the graph's.
        """
        self._grow(changes.numbers)
        taking = Taking(self.known)
        for key, version in changes.records.items():
            taking.record(key, version)
        taking.settle(changes.merges)
        keys = self._advance(taking, changes.now_ms)
        self._meet(taking, changes)
        speaking.settle_crowds(taking)
        golden: set[str] = set()
        for key in keys - changes.claims.keys():
            golden |= speaking.claim(taking, key, self.known.claims.get(key, ()), self.now_ms)
        for key, said in changes.claims.items():
            golden |= speaking.claim(taking, key, said, self.now_ms)
            for claim in said:
                for ms in claim.turns(self.now_ms):
                    heapq.heappush(self._turns, (ms, key))
        speaking.settle_golden(taking, golden, self.texts)
        self._regroup(taking)
        return self._moved(taking)

    def _grow(self, numbers: Mapping[int, Identity]) -> None:
        size = max(numbers, default=-1) + 1
        more = size - len(self.entity)
        if more > 0:
            self.known.grow(size)
            self.clusters.grow(size)
            self.entity.extend([-1] * more)
            self.parts.places.extend([0] * more)
        for number, (space, value) in numbers.items():
            self.parts.places[number] = self._spaces.get(space, 0)
            if value in self._blocked.get(space, ()):
                self.known.blocked.add(number)

    def _advance(self, taking: Taking, now_ms: int | None) -> set[int]:
        """Move the instant; gives keys of which master data says something else by now."""
        if now_ms is None:
            return set()
        if now_ms < self.now_ms:
            raise Broken(
                "identity.clock",
                f"the identity graph stands at {self.now_ms} ms and was asked for {now_ms} ms; "
                "for an earlier instant build it anew",
                now_ms=self.now_ms,
                got=now_ms,
            )
        self.now_ms = now_ms
        while self.coming and self.coming[0][0] <= now_ms:
            at_ms, named = heapq.heappop(self.coming)
            speaking.meet(taking, Met(named, at_ms))
        keys = set()
        while self._turns and self._turns[0][0] <= now_ms:
            keys.add(heapq.heappop(self._turns)[1])
        return keys

    def _meet(self, taking: Taking, changes: Changes) -> None:
        for event in changes.met:
            who = event.named[0]
            if event.at_ms < self.known.since[who]:
                speaking.acts(taking, who, event.at_ms)
            if event.at_ms <= self.now_ms:
                speaking.meet(taking, event)
            elif len(event.named) > 1:
                heapq.heappush(self.coming, (event.at_ms, event.named))
        for event in changes.unmet:
            if event.at_ms > self.now_ms and len(event.named) > 1:
                self.coming.remove((event.at_ms, event.named))
                heapq.heapify(self.coming)
        for (first, second), at_ms in changes.pairs.items():
            if not (first in self.known.blocked or second in self.known.blocked):
                speaking.pair(taking, first, second, at_ms)
        for who, since_ms in changes.acting.items():
            speaking.acts(taking, who, since_ms)

    # ------------------------------------------------------------ clusters

    def _regroup(self, taking: Taking) -> None:
        """Join the clusters that new links join, and take apart those that lost links."""
        clusters, label = self.clusters, self.clusters.label
        for one, other in taking.links():
            taking.dirty |= {one, other}
            lost = clusters.join(one, other)
            if lost is not None:
                self.parts.hand_over(lost, label[one])
        ends: dict[int, set[int]] = {}
        for one, other in taking.cut:
            taking.dirty |= {one, other}
            if label[one] == label[other]:
                ends.setdefault(label[one], set()).update((one, other))
        for cut in ends.values():
            clusters.part(cut, self.known.beside)

    def _moved(self, taking: Taking) -> Moves:
        """Find the entities of all clusters that something happened to."""
        label, entities, live = self.clusters.label, self.entity, {}
        seen: set[int] = set()
        for number in taking.dirty:
            if label[number] in seen:
                continue
            seen.add(label[number])
            members = self.clusters.members(number)
            for part in self.parts.of(self.known, self.clusters, members, taking.dirty):
                entity = self._entity(part)
                for one in part:
                    if entities[one] != entity:
                        live[one] = (entities[one], entity)
                        entities[one] = entity
        touched = {self.entity[one] for one in taking.dirty} | {one for pair in live.values() for one in pair}
        retired = self.graves.settle({*taking.dirty, *live})
        return Moves(live, retired, frozenset(touched - {-1}))

    def _entity(self, numbers: list[int]) -> int:
        """The id of numbers that hang together, -1 if they are nobody."""
        known, marks = self.known, self.known.marks
        live, smallest = False, NEVER
        for one in numbers:
            if marks[one] == LIVE:
                live = True
            if one < smallest and known.is_alive(one):
                smallest = one
        if live:
            return smallest
        since = min(known.since[one] for one in numbers)
        return -1 if since == NEVER or any(map(known.buries, numbers)) else smallest

    def _is_taken(self, number: int) -> bool:
        return self.entity[number] >= 0
