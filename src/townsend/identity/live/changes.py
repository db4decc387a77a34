"""What may change about who is whom, and what follows for entities: plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from townsend.identity.graph import Identity
from townsend.identity.links import Merges

__all__ = ["Changes", "Claim", "Met", "Moves", "Version"]


@dataclass(frozen=True, slots=True)
class Version:
    """The current version of a record.

    Args:
        seen_ms: when it is from.
        named: numbers of the identities it names besides its own key; blocked ones may be among them.
        deleted: whether it retires the record.
    """

    seen_ms: int
    named: tuple[int, ...] = ()
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Met:
    """An event: the numbers of its identities, the one that it belongs to first; and its time."""

    named: tuple[int, ...]
    at_ms: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A row of master data: a golden record, when it was said, from when until when it holds."""

    golden: str
    seen_ms: int
    from_ms: int | None = None
    until_ms: int | None = None

    def holds(self, now_ms: int) -> bool:
        begun = self.from_ms is None or self.from_ms <= now_ms
        return begun and (self.until_ms is None or now_ms < self.until_ms)

    def turns(self, now_ms: int) -> list[int]:
        """The instants after now at which it begins or ends to hold."""
        return [ms for ms in (self.from_ms, self.until_ms) if ms is not None and ms > now_ms]


@dataclass(frozen=True)
class Changes:
    """What is different, in any order; all of it takes effect together.

    Args:
        numbers: identities of numbers that were never given before.
        records: keys to their current versions; None for a record that is not known any more.
        met: events that are new.
        unmet: events that were taken away; of those up to now, ``pairs`` says what is left.
        pairs: two numbers (the smaller first) to the last time at which an event up to now has both, for
            pairs of which events were taken away; None if there is no such event any more.
        acting: numbers to the time of the first event that belongs to them, for the same reason.
        merges: all merges that hold now, if they are others than before.
        claims: numbers of keys to all that master data says of them, of each row its newest version.
        now_ms: the instant, if it is a later one than before.
    """

    numbers: Mapping[int, Identity] = field(default_factory=dict)
    records: Mapping[int, Version | None] = field(default_factory=dict)
    met: Sequence[Met] = ()
    unmet: Sequence[Met] = ()
    pairs: Mapping[tuple[int, int], int | None] = field(default_factory=dict)
    acting: Mapping[int, int | None] = field(default_factory=dict)
    merges: Merges | None = None
    claims: Mapping[int, Sequence[Claim]] = field(default_factory=dict)
    now_ms: int | None = None


@dataclass(frozen=True)
class Moves:
    """What became of entities.

    Args:
        live: each number that changed its live entity, to the ids before and after; -1 is none.
        retired: the same for retired entities.
        touched: ids of live entities about which something is different, whether or not they moved.
    """

    live: Mapping[int, tuple[int, int]]
    retired: Mapping[int, tuple[int, int]]
    touched: frozenset[int]

    def after(self) -> dict[int, frozenset[int]]:
        """Each old id that lost numbers, to the ids that have these now; empty if it is no more."""
        found: dict[int, set[int]] = {}
        for before, now in self.live.values():
            if before >= 0:
                found.setdefault(before, set()).update([now] if now >= 0 else [])
        return {one: frozenset(ids) for one, ids in found.items()}

    def before(self) -> dict[int, frozenset[int]]:
        """Each id that got numbers, to the ids that had these before; empty if nobody had."""
        found: dict[int, set[int]] = {}
        for before, now in self.live.values():
            if now >= 0:
                found.setdefault(now, set()).update([before] if before >= 0 else [])
        return {one: frozenset(ids) for one, ids in found.items()}
