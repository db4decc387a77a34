"""Who may answer differently since the last time: by what changed in the facts, and by the passing of time.

Leaves share paths and clocks, so each is followed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from pyroaring import BitMap

from townsend.audiences.batch.tables import Tables
from townsend.audiences.calendar import start_of
from townsend.audiences.live.backwards import Ids, backwards
from townsend.audiences.live.dependencies import Clock, Path, Reads
from townsend.audiences.live.sweep import began, born, passed

__all__ = ["Search", "Touched"]

Touched: TypeAlias = Mapping[str, Ids]
"""By class, the entities that changed: those whose row or place in the identity graph is another one, both
ends of changed pairs, whom a changed row named and names now, and new events by their row."""

MANY = 200_000  # of so many changed entities the paths are not walked: asking everybody costs no more


class Search:
    """The search for one step from a world to the next.

    Args:
        tables: of the new world.
        touched: what changed in the facts.
        before_ms: the instant of the world before; the same as now if None.
        reads: what is going to be asked for.
    """

    def __init__(
        self, tables: Tables, touched: Touched, before_ms: int | None, now_ms: int, reads: Iterable[Reads]
    ) -> None:
        self._tables = tables
        self._touched = {cls: ids for cls, ids in touched.items() if len(ids)}
        self._before_ms = now_ms if before_ms is None else before_ms
        self._now_ms = now_ms
        clocks = {clock for one in reads for clock in one.clocks}
        self._passed = passed(tables, clocks, self._before_ms, now_ms) if self._moved else {}
        self._walked: dict[tuple[str, Path], BitMap | None] = {}
        self._clocked: dict[Clock, BitMap | None] = {}
        self._born: dict[str, Ids] = {}

    @property
    def changed(self) -> bool:
        """Whether facts did."""
        return bool(self._touched)

    @property
    def _moved(self) -> bool:
        return self._before_ms != self._now_ms

    def by_facts(self, reads: Reads) -> BitMap | None:
        """Whom changed facts concern; None for everybody."""
        if reads.anywhere & self._touched.keys():
            return None
        found = BitMap()
        for path in reads.paths if self._touched else ():
            some = self._walk("facts", path, self._touched.get(self._end(path, reads)))
            if some is None:
                return None
            found |= some
        return found

    def by_time(self, reads: Reads) -> BitMap | None:
        """Whom the passing of time concerns; None for everybody."""
        if not self._moved:
            return BitMap()
        turned = any(start_of(self._before_ms, one) != start_of(self._now_ms, one) for one in reads.turns)
        if reads.volatile or reads.anywhere or turned:
            return None
        found = BitMap()
        for clock in reads.clocks:
            if clock not in self._clocked:
                self._clocked[clock] = self._back(clock.path, self._passed.get(clock))
            some = self._clocked[clock]
            if some is None:
                return None
            found |= some
        for path in reads.paths:
            some, other = self._walk("born", path, self._births(self._end(path, reads))), self._begun(path)
            if some is None or other is None:
                return None
            found |= some | other
        return found

    def _births(self, cls: str) -> Ids:
        if cls not in self._born:
            self._born[cls] = born(self._tables, cls, self._before_ms, self._now_ms)
        return self._born[cls]

    def _begun(self, path: Path) -> BitMap | None:
        """Those from whom a path goes over a pair that begins or ends to count, at its last step."""
        key = "begun", path
        if key not in self._walked:
            near = began(self._tables, path[-1], self._before_ms, self._now_ms) if path else None
            self._walked[key] = self._back(path[:-1], near)
        return self._walked[key]

    def _walk(self, why: str, path: Path, ids: Ids | None) -> BitMap | None:
        key = why, path
        if key not in self._walked:
            self._walked[key] = self._back(path, ids)
        return self._walked[key]

    def _back(self, path: Path, ids: Ids | None) -> BitMap | None:
        if ids is None or not len(ids):
            return BitMap()
        return None if len(ids) > MANY else BitMap(backwards(self._tables, path, ids))

    def _end(self, path: Path, reads: Reads) -> str:
        if not path:
            return reads.of
        return self._tables.schema.relationships[path[-1].near, path[-1].name].far
