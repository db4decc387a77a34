"""Clusters as unique namespaces split them, and what is kept of those that are split."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence

from townsend.identity.live.clusters import Clusters
from townsend.identity.live.known import Known, Texts
from townsend.identity.live.torn import Torn
from townsend.identity.moment import Ints
from townsend.identity.rules import IdentityRules

__all__ = ["Parts"]


class Parts:
    """The parts of clusters.

    Args:
        rules: priorities and unique namespaces; None if nothing splits clusters of this class.
        places: the place of each number's namespace in the rules, from 1; 0 for others.
        removed: labels of clusters that are split, to the links left out, as rows of two numbers and a time.
        texts: looks up identities of numbers.
    """

    def __init__(
        self, rules: IdentityRules | None, places: array[int], removed: Mapping[int, Ints], texts: Texts
    ) -> None:
        self.places, self.removed, self.texts = places, dict(removed), texts
        self._torn: dict[int, Torn] = {}
        namespaces = rules.person if rules else ()
        self.splits = any(namespace.unique for namespace in namespaces)
        self._bits = [0] * (len(namespaces) + 1)
        for at, namespace in enumerate(namespaces, 1):
            self._bits[at] = 1 << at if namespace.unique else 0

    def hand_over(self, lost: int, kept: int) -> None:
        """A cluster goes into another: what is known of its links goes along, the smaller one's anew."""
        self.removed.pop(lost, None)
        torn = self._torn.pop(lost, None)
        if torn is not None and kept not in self._torn:
            self._torn[kept] = torn

    def of(self, known: Known, clusters: Clusters, members: list[int], dirty: set[int]) -> list[list[int]]:
        """The parts of a cluster that may be others than before, about some numbers being dirty."""
        label = clusters.label[members[0]]
        if not (self.splits and self._is_ambiguous(members)):
            self._torn.pop(label, None)
            self.removed.pop(label, None)
            return [members]
        torn = self._torn.get(label)
        if torn is None:
            torn = self._torn[label] = Torn(self._weigh)
        here = set(members)
        torn.drop(torn.place.keys() - here)
        new = here - torn.place.keys()
        if new:
            torn.add(self.texts(new))
        for number in new | (dirty & here):
            torn.link(number, known.links(number))
        parts = torn.parts(dirty & here)
        self.removed[label] = torn.removed
        return parts

    def _is_ambiguous(self, members: Sequence[int]) -> bool:
        """Whether a cluster has two values of a unique namespace."""
        bits, places, found = self._bits, self.places, 0
        for number in members:
            bit = bits[places[number]]
            if bit & found:
                return True
            found |= bit
        return False

    def _weigh(self, number: int) -> tuple[int, int]:
        place = self.places[number]
        return place or len(self._bits), self._bits[place]
