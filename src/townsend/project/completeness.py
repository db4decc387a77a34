"""Whether everything is there: records at the source against records here, object by object.

The source counts in as few calls as its vendor allows. Here a record counts for the stream that brought it,
unless its current version is deleted; rows in quarantine are told beside it, since they are missing too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from townsend.problem import Problem
from townsend.project.pull import chosen_sources, opened_source
from townsend.sources import FilesSource
from townsend.sources.contract import Counting, Metered
from townsend.store.facts import Facts
from townsend.store.facts_schema import identifier

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = ["Compared", "compare", "count_here"]


@dataclass(frozen=True)
class Compared:
    """One class of one stream.

    Args:
        theirs: records at the source; None if it cannot say, for the reason in ``note``.
        ours: live records here that the stream brought.
        waiting: rows of the stream and class in quarantine.
        calls: made to count the stream; None if nobody counts them.
    """

    source: str
    stream: str
    cls: str
    theirs: int | None
    ours: int | None
    waiting: int = 0
    calls: int | None = None
    note: str | None = None

    @property
    def missing(self) -> int | None:
        """Records that are there and not here; below zero if there are more here."""
        return None if self.theirs is None or self.ours is None else self.theirs - self.ours

    def to_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "stream": self.stream,
            "class": self.cls,
            "theirs": self.theirs,
            "ours": self.ours,
            "missing": self.missing,
            "waiting": self.waiting,
            "calls": self.calls,
            "note": self.note,
        }


def compare(project: Project, names: Sequence[str], *, progress: Callable[[str], None]) -> list[Compared]:
    """Every stream of these sources, of all that can be pulled if none is named.

    A source that cannot be asked is told in a note, and the others are asked all the same.

    Raises:
        Invalid: as ``pull_sources``.
    """
    found: list[Compared] = []
    for name in chosen_sources(project, names):
        source = opened_source(project, name)
        try:
            if isinstance(source, FilesSource):
                continue
            if not isinstance(source, Counting):
                found.append(Compared(name, "", "", None, None, note="the source cannot count its records"))
                continue
            for stream in source.streams():
                progress(f"{name}: counting {stream}")
                found += _stream(project, source, name, stream)
        finally:
            source.close()
    return found


def _stream(project: Project, source: Counting, name: str, stream: str) -> list[Compared]:
    before = source.calls if isinstance(source, Metered) else None
    try:
        counts = source.count(stream)
    except Problem as problem:
        return [Compared(name, stream, "", None, None, note=problem.text)]
    calls = source.calls - before if isinstance(source, Metered) and before is not None else None
    if not counts:
        return [Compared(name, stream, "", None, None, calls=calls, note="the vendor does not count these")]
    return [
        Compared(
            name,
            stream,
            cls,
            theirs,
            count_here(project.facts, name, stream, cls),
            _waiting(project.facts, name, stream, cls),
            calls if at == 0 else None,
        )
        for at, (cls, theirs) in enumerate(counts.items())
    ]


def count_here(facts: Facts, source: str, stream: str, cls: str) -> int:
    """Live records of a class that a stream brought."""
    if not facts.columns(cls):
        return 0
    table = f"facts.{identifier(cls)}"
    row = facts.one(
        f"""
        WITH brought AS (
            SELECT DISTINCT f.key FROM {table} f JOIN facts.take t ON t.id = f.take
            WHERE t.source = $source AND t.path = $place)
        SELECT count(*) FROM (
            SELECT deleted FROM {table} WHERE key IN (SELECT key FROM brought)
            QUALIFY row_number() OVER (
                PARTITION BY key
                ORDER BY coalesce(own_ms, accepted_ms) DESC, accepted_ms DESC, hash DESC) = 1)
        WHERE deleted IS NOT TRUE
        """,
        {"source": source, "place": f"{source}.{stream}"},
    )
    assert row is not None
    return int(row[0])


def _waiting(facts: Facts, source: str, stream: str, cls: str) -> int:
    row = facts.one(
        "SELECT count(*) FROM facts.quarantine WHERE replayed_ms IS NULL AND source = ? AND class = ? "
        "AND starts_with(place, ?)",
        [source, cls, f"{source}.{stream}:"],
    )
    assert row is not None
    return int(row[0])
