"""Records and merges written into what is known, and what they mean for links: which came, which went.

All changes of one batch are written first; what follows is drawn once, so their order does not matter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from townsend.identity.links import Merges
from townsend.identity.live.changes import Version
from townsend.identity.live.known import DELETED, JOINS, KNOWN, LIVE, LOST, Known
from townsend.identity.merging import is_followed, replayed

__all__ = ["Taking"]

_NONE: frozenset[int] = frozenset()


class Taking:
    """One batch of changes on its way in.

    Attributes:
        dirty: numbers about which something may be different.
        cut: ends of links that went; there may be others between them.
        fresh: ends of links that came …
        named: … of records and what they name, which count unless that is crowded …
        met: … and of events, which count unless either is.
        crowded: numbers that join more or fewer records than before, and whether they were crowded.
    """

    def __init__(self, known: Known) -> None:
        self.known = known
        self.dirty: set[int] = set()
        self.cut: set[tuple[int, int]] = set()
        self.fresh: list[tuple[int, int]] = []
        self.named: list[tuple[int, int]] = []
        self.met: list[tuple[int, int]] = []
        self.crowded: dict[int, bool] = {}
        self._before: dict[int, tuple[int, frozenset[int]]] = {}
        self._ends: set[int] = set()

    def links(self) -> list[tuple[int, int]]:
        """Ends of links that came and count."""
        crowded = self.known.is_crowded
        return [
            *self.fresh,
            *(pair for pair in self.named if not crowded(pair[1])),
            *(pair for pair in self.met if not (crowded(pair[0]) or crowded(pair[1]))),
        ]

    def weigh(self, numbers: Iterable[int], by: int) -> None:
        """Let these join one record more, or one less."""
        count, bound, crowded = self.known.count, self.known.bound, self.crowded
        for one in numbers:
            if one not in crowded:
                crowded[one] = count[one] > bound
            count[one] += by

    # ------------------------------------------------------------ records

    def record(self, key: int, version: Version | None) -> None:
        """A record's current version; None for none any more."""
        known = self.known
        self._remember(key)
        marks = known.marks[key]
        lost = LOST if key in known.followed else 0
        now = 0 if version is None else KNOWN | lost | (DELETED if version.deleted else 0)
        if (marks & ~LOST == LIVE) != (now & ~LOST == LIVE):
            self._ends.add(key)
        known.marks[key] = now
        known.seen[key] = 0 if version is None else version.seen_ms
        named = () if version is None else version.named
        known.named.put(key, {one for one in named if one != key and one not in known.blocked})

    def settle(self, merges: Merges | None) -> None:
        """Draw the conclusions from all records, and from all merges if they are others than before."""
        if merges is None:
            self._follow_ends()
        else:
            self._replay(merges)
        for key, (marks, named) in self._before.items():
            now, says = self.known.marks[key], frozenset(self.known.named.of(key))
            self.dirty.add(key)
            self.dirty |= named | says
            if JOINS[marks] and JOINS[now]:
                self._let_go(key, named - says)
                self._take_up(key, says - named)
            elif JOINS[marks]:
                self._let_go(key, named)
                self.weigh({key, *self.known.met.of(key)} - named, -1)
            elif JOINS[now]:
                self._take_up(key, says)
                self.weigh({key, *self.known.met.of(key)} - says, 1)
            self._bury(
                key,
                named if marks & KNOWN and not JOINS[marks] else _NONE,
                says if now & KNOWN and not JOINS[now] else _NONE,
            )

    def _remember(self, key: int) -> None:
        if key not in self._before:
            self._before[key] = (self.known.marks[key], frozenset(self.known.named.of(key)))

    def _let_go(self, key: int, named: Collection[int]) -> None:
        met = self.known.met.of(key)
        for one in named:
            self.known.owners.discard(one, key)
            self.cut.add((key, one))
        # What was met in an event as well still counts, unless the record itself does no more.
        self.weigh([one for one in named if one not in met or not self.known.is_joining(key)], -1)

    def _take_up(self, key: int, named: Collection[int]) -> None:
        met, was = self.known.met.of(key), JOINS[self._before[key][0]]
        for one in named:
            self.known.owners.add(one, key)
            self.named.append((key, one))
        self.weigh([one for one in named if one not in met or not was], 1)

    def _bury(self, key: int, named: frozenset[int], says: frozenset[int]) -> None:
        buried = self.known.buried
        for one in named - says:
            buried[one].discard(key)
            if not buried[one]:
                del buried[one]
        for one in says - named:
            buried.setdefault(one, set()).add(key)

    # ------------------------------------------------------------ merges

    def _replay(self, merges: Merges) -> None:
        known = self.known
        known.into, links = replayed(merges)
        known.fed = {}
        for lost, (kept, _) in known.into.items():
            known.fed.setdefault(kept, set()).add(lost)
        followed = {lost for lost in known.into if is_followed(lost, known.into, known.is_there)}
        wanted = {(kept, lost): at_ms for kept, lost, at_ms in links}
        wanted |= {(known.into[lost][0], lost): known.into[lost][1] for lost in followed}
        for pair in known.joined.keys() | wanted.keys():
            self._join(pair, wanted.get(pair))
        for lost in followed ^ known.followed:
            self._turn(lost)

    def _follow_ends(self) -> None:
        """Records came or went at which merges end."""
        known = self.known
        for end in self._ends:
            waiting = [] if end in known.into else list(known.fed.get(end, ()))
            while waiting:
                lost = waiting.pop()
                waiting += known.fed.get(lost, ())
                kept, at_ms = known.into[lost]
                if known.is_there(end) != (lost in known.followed):
                    self._join((kept, lost), at_ms if known.is_there(end) else None)
                    self._turn(lost)

    def _turn(self, lost: int) -> None:
        """Let a losing key end at a record that is there if it did not, and the other way round."""
        self.known.followed ^= {lost}
        if self.known.marks[lost] & KNOWN:
            self._remember(lost)
            self.known.marks[lost] ^= LOST

    def _join(self, pair: tuple[int, int], at_ms: int | None) -> None:
        """Let a link by a merge be there, or not."""
        known, (kept, lost) = self.known, pair
        if known.joined.get(pair) == at_ms:
            return
        self.dirty |= {kept, lost}
        if at_ms is not None:
            known.joined[pair] = at_ms
            known.joins.setdefault(kept, set()).add(lost)
            known.joins.setdefault(lost, set()).add(kept)
            self.fresh.append(pair)
            return
        del known.joined[pair]
        self.cut.add(pair)
        if (lost, kept) not in known.joined:
            for near, far in ((kept, lost), (lost, kept)):
                known.joins[near].discard(far)
                if not known.joins[near]:
                    del known.joins[near]
