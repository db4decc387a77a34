"""A few rows of a source, the vendor's beside ours, and what of them is not mapped; nothing is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from townsend.intake.load import class_of
from townsend.intake.readers import read_file
from townsend.intake.reading import Reading
from townsend.problem import Problem
from townsend.project.load import intake_rules
from townsend.project.pull import chosen_sources, opened_source
from townsend.project.since import Since
from townsend.sources import FilesSource, Source
from townsend.sources.tables import Table
from townsend.sources.values import absent
from townsend.sources.watch import watching

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = ["LOOK_BACK", "Gap", "Sample", "StreamPreview", "preview"]

LOOK_BACK = "30 days"  # a preview reads no further back, unless it is told to


@dataclass(frozen=True)
class Sample:
    """One row: the vendor's, what it becomes, and the fields of it that become nothing."""

    table: str
    cls: str
    row: Mapping[str, Any]
    mapped: Mapping[str, Any]
    left: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "class": self.cls,
            "row": dict(self.row),
            "mapped": dict(self.mapped),
            "left": list(self.left),
        }


@dataclass(frozen=True)
class Gap:
    """A vendor's field that is mapped to nothing, and how many of the rows have a value there."""

    table: str
    field: str
    filled: int
    rows: int

    @property
    def percent(self) -> float:
        return 100 * self.filled / self.rows if self.rows else 0.0

    def to_json(self) -> dict[str, Any]:
        return {"table": self.table, "field": self.field, "filled": self.filled, "rows": self.rows}


@dataclass
class StreamPreview:
    """What a look at one stream found."""

    source: str
    stream: str
    samples: list[Sample] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problem: Problem | None = None

    def to_json(self) -> dict[str, Any]:
        problem = self.problem
        return {
            "source": self.source,
            "stream": self.stream,
            "samples": [one.to_json() for one in self.samples],
            "gaps": [one.to_json() for one in self.gaps],
            "notes": self.notes,
            **({"problem": {"code": problem.code, "message": problem.text}} if problem else {}),
        }


def preview(
    project: Project,
    names: Sequence[str],
    rows: int,
    since: Since | None = None,
    *,
    progress: Callable[[str], None],
) -> list[StreamPreview]:
    """The first page of each stream, read as from its beginning; cursors stay where they are.

    Args:
        rows: samples to show of each table.
        since: how far back to look; ``LOOK_BACK`` for sources whose kind knows ``since``.

    Raises:
        Invalid: as ``pull_sources``.
    """
    found: list[StreamPreview] = []
    for name in chosen_sources(project, names):
        source = opened_source(project, name, since or Since(LOOK_BACK))
        try:
            if isinstance(source, FilesSource):
                found += [_look_into(project, source, cls, rows) for cls in source.classes]
                continue
            for stream in source.streams():
                progress(f"{name}: {stream}")
                found.append(_look(project, source, stream, rows))
                if found[-1].problem is not None:
                    break
        finally:
            source.close()
    return found


def _look_into(project: Project, source: FilesSource, cls: str, rows: int) -> StreamPreview:
    """The first lot of the last file of a class."""
    look, rules = _Look(rows), intake_rules(project)
    found = StreamPreview(source.name, cls)
    with watching(look):
        make = source.make(cls)
        if make is None:
            found.notes.append("its files are read as they are; nothing to map")
            return found
        try:
            for file in source.files()[cls][-1:]:
                reading = Reading(source.encoding, source.delimiter, make, file.name)
                with file.fetch() as path:
                    next(read_file(project.facts, path, class_of(rules, cls), rules, reading), None)
        except Problem as problem:
            found.problem = problem
    found.samples, found.gaps = look.samples, look.gaps()
    found.notes += source.notes(cls)
    return found


def _look(project: Project, source: Source, stream: str, rows: int) -> StreamPreview:
    look = _Look(rows)
    found = StreamPreview(source.name, stream)
    with watching(look):
        try:
            pages = source.pull(stream, None, project.clock.now())
            if next((page for page in pages if page.rows), None) is None:
                found.notes.append(
                    "no rows came; `--since 25 months` looks further back, if it was not all already"
                )
        except Problem as problem:
            found.problem = problem
    found.samples, found.gaps = look.samples, look.gaps()
    found.notes += source.notes(stream)
    return found


class _Look:
    """Keeps the first rows of each table and counts the fields that become nothing."""

    rows = True

    def __init__(self, most: int) -> None:
        self.samples: list[Sample] = []
        self._most = most
        self._known: dict[str, frozenset[str]] = {}
        self._seen: Counter[str] = Counter()
        self._left: Counter[tuple[str, str]] = Counter()

    def uses(self, table: Table, own: Mapping[str, str]) -> None:
        self._known[table.name] = frozenset((*table.sources, *own))

    def saw(self, table: Table, row: Mapping[str, Any], mapped: Mapping[str, Any]) -> None:
        self._seen[table.name] += 1
        known = self._known[table.name]
        left = [name for name in row if name not in known]
        for name in left:
            self._left[table.name, name] += not absent(row[name])
        if self._seen[table.name] <= self._most:
            filled = tuple(name for name in left if not absent(row[name]))
            self.samples.append(Sample(table.name, table.cls, dict(row), dict(mapped), filled))

    def gaps(self) -> list[Gap]:
        """By table, the most filled first."""
        gaps = [Gap(table, name, count, self._seen[table]) for (table, name), count in self._left.items()]
        return sorted(gaps, key=lambda one: (one.table, -one.filled, one.field))
