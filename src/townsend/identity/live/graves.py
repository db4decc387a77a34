"""Retired entities: retired records that belong to nobody, with what they name among themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from townsend.identity.live.known import Known

__all__ = ["Graves"]


class Graves:
    """The retired entities of a class.

    Args:
        known: all facts.
        entity: numbers to retired entities.
        is_taken: whether a live entity has a number.
    """

    def __init__(self, known: Known, entity: Mapping[int, int], is_taken: Callable[[int], bool]) -> None:
        self.known, self.entity, self._is_taken = known, dict(entity), is_taken
        self._members: dict[int, set[int]] = {}
        for number, one in self.entity.items():
            self._members.setdefault(one, set()).add(number)

    def settle(self, numbers: set[int]) -> dict[int, tuple[int, int]]:
        """Find the retired entities around these numbers."""
        known, before = self.known, dict[int, int]()
        numbers = {one for one in numbers if one in self.entity or known.is_buried(one)}
        for number in numbers:
            for one in self._members.pop(self.entity.get(number, -1), ()):
                before[one] = self.entity.pop(one)
        done: set[int] = set()
        moves = {}
        for number in numbers | before.keys():
            group = self._grave(number, done)
            for one in group:
                for other in self._members.pop(self.entity.get(one, -1), ()):
                    before[other] = self.entity.pop(other)
            if group:
                first = min(group)
                self._members[first] = set(group)
                self.entity.update(dict.fromkeys(group, first))
        for one in before.keys() | done:
            was, now = before.get(one, -1), self.entity.get(one, -1)
            if was != now:
                moves[one] = (was, now)
        return moves

    def _grave(self, number: int, done: set[int]) -> list[int]:
        """The retired records, and what they name, that hang together with a number."""
        if number in done or self._is_taken(number) or not self.known.is_buried(number):
            return []
        found, waiting = [], [number]
        done.add(number)
        while waiting:
            one = waiting.pop()
            found.append(one)
            for other in self.known.buried_beside(one, self._is_taken):
                if other not in done:
                    done.add(other)
                    waiting.append(other)
        # What only records name that belong to somebody is no retired record's.
        return found if any(self.known.is_dead(one) for one in found) else []
