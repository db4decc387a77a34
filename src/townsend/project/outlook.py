"""What a pull would bring and cost, told before it runs; nothing is stored, no record is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from townsend.problem import Problem
from townsend.project.pull import chosen_sources, opened_source
from townsend.project.since import Since
from townsend.sources import FilesSource, Source
from townsend.sources.contract import Estimate, Estimating
from townsend.store.pulls import Pull, last_pulls

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = ["Outlook", "outlook"]


@dataclass(frozen=True)
class Outlook:
    """One stream, as it would be pulled.

    Args:
        full: it is read from its beginning, not from where it stands.
        stands: when its position was stored last; None if it has none.
        since: the instant from which it is read; None if nobody can say, or from the very beginning.
        rows: about how many will come; None if nobody can say. So with ``calls``.
        basis: ``source`` if the source said so, ``history`` if earlier pulls do; None if nobody can say.
    """

    source: str
    stream: str
    full: bool
    stands: datetime | None = None
    since: datetime | None = None
    rows: int | None = None
    calls: int | None = None
    basis: str | None = None
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def outlook(
    project: Project,
    names: Sequence[str],
    full: bool,
    since: Since | None = None,
    *,
    costly: bool = False,
) -> list[Outlook]:
    """What ``pull_sources`` with the same arguments would do, stream by stream.

    Args:
        costly: only streams that are read for the first time, or again because somebody asks for it; the
            others are not looked at.

    Raises:
        Invalid: as ``pull_sources``.
    """
    again = since or Since()
    sources = [opened_source(project, name, again) for name in chosen_sources(project, names)]
    found: list[Outlook] = []
    try:
        for source in sources:
            if isinstance(source, FilesSource):
                if costly:
                    continue
                for cls, paths in source.files().items():
                    files = "1 file" if len(paths) == 1 else f"{len(paths):,} files"
                    note = f"{files}; those taken before are {'taken again' if full else 'left alone'}"
                    found.append(Outlook(source.name, cls, full, calls=0, basis="source", note=note))
            else:
                found += _streams(project, source, full, again, costly)
    finally:
        for source in sources:
            source.close()
    return found


def _streams(project: Project, source: Source, full: bool, since: Since, costly: bool) -> list[Outlook]:
    pulls = last_pulls(project.facts)
    found: list[Outlook] = []
    reachable = True
    for stream in source.streams():
        before = pulls.get((source.name, stream), {})
        asked = full or since.rereads(source.name, stream)
        if costly and before and not asked:
            continue
        cursor, at_ms = _position(project, source.name, stream)
        anew = asked or cursor is None
        said = Estimate()
        if reachable and isinstance(source, Estimating):
            try:
                said = source.estimate(stream, None if anew else cursor, project.clock.now())
            except Problem as problem:
                # Who does not answer once is not asked again, stream after stream.
                reachable, said = False, Estimate(note=f"no estimate: {problem.text}")
        estimate, basis = _known(said, before.get("full" if anew else "part"))
        stands = None if at_ms is None else datetime.fromtimestamp(at_ms / 1_000, UTC)
        found.append(
            Outlook(
                source.name,
                stream,
                anew,
                stands,
                estimate.since,
                estimate.rows,
                estimate.calls,
                basis,
                estimate.note,
            )
        )
    return found


def _position(project: Project, source: str, stream: str) -> tuple[Any, int | None]:
    row = project.facts.one(
        "SELECT at_ms FROM facts.cursor WHERE source = ? AND stream = ?", [source, stream]
    )
    return project.facts.cursor(source, stream), None if row is None else row[0]


def _known(said: Estimate, before: Pull | None) -> tuple[Estimate, str | None]:
    """What the source said, else what the last pull of that kind was."""
    if said.calls is not None:
        return said, "source"
    if before is None:
        return said, None
    return replace(said, rows=before.rows, calls=before.calls), "history"
