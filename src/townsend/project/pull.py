"""Pulling: what a project's sources hand out, into its store.

A source's cursor is stored in the transaction that stores the rows it covers, so a crash anywhere
repeats at most one page, and repeating changes nothing. A source that fails keeps what it brought
until then, and the others are pulled all the same. Each pull of a stream is written down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from townsend.intake import Accepted, IntakeRules, accept_rows
from townsend.model import XREF
from townsend.problem import Broken, Invalid, Problem
from townsend.project.ahead import Reader
from townsend.project.gone import with_gone
from townsend.project.load import intake_rules, traits_of
from townsend.project.mappings import changed_tables, mapping_changes
from townsend.project.meter import Meter
from townsend.project.pullfiles import take_files
from townsend.project.since import Since, check_since
from townsend.sources import FilesSource, Page, Source, open_source
from townsend.store.pulls import last_pulls, note_pull

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = ["StreamReport", "chosen_sources", "failures", "opened_source", "pull_sources"]

SOURCES_AT_ONCE = 8  # sources read at the same time

Progress = Callable[[str], None]


@dataclass
class StreamReport:
    """What one stream of one source brought.

    Args:
        cls: the class of the rows; empty if there were none.
        deleted: rows among them that say that a record is gone.
        calls: made for the whole stream, told with its first class; None if nobody counts them.
        problem: why the source was left before its end; what is counted was kept.
    """

    source: str
    stream: str
    cls: str
    accepted: Accepted
    notes: list[str] = field(default_factory=list)
    deleted: int = 0
    calls: int | None = None
    problem: Problem | None = None

    def to_json(self) -> dict[str, Any]:
        problem = self.problem
        return {
            "source": self.source,
            "stream": self.stream,
            "class": self.cls,
            **self.accepted.to_json(),
            "deleted": self.deleted,
            "calls": self.calls,
            "notes": self.notes,
            **({"problem": {"code": problem.code, "message": problem.text}} if problem else {}),
        }


def failures(reports: Sequence[StreamReport]) -> list[Problem]:
    """Why sources could not be pulled to their end, one problem a source."""
    return [report.problem for report in reports if report.problem is not None]


def chosen_sources(project: Project, names: Sequence[str]) -> list[str]:
    """The sources of those names once each, all that can be pulled if none is named."""
    pulled = [name for name, body in project.settings.sources.items() if body["type"] != "inlet"]
    return list(dict.fromkeys(names or pulled))


def pull_sources(
    project: Project,
    names: Sequence[str],
    *,
    full: bool = False,
    since: Since | None = None,
    progress: Progress,
) -> list[StreamReport]:
    """Pull what changed from the sources of those names, from all that can be pulled if none is named.

    Args:
        full: read everything again, not only what changed; files are taken again.
        since: streams that are read again, and from when on.

    Returns:
        What each stream brought, in order. A source that could not be pulled to its end has a report
        with its ``problem``; the others were pulled all the same.

    Raises:
        Invalid: ``settings.unknown`` for a name, ``settings.*`` for a source that can't be opened so;
            nothing was pulled then.
    """
    again = since or Since()
    sources = [opened_source(project, name, again) for name in chosen_sources(project, names)]
    rules = intake_rules(project)
    reports: list[StreamReport] = []
    readers: dict[str, Reader] = {}
    with ExitStack() as stack:
        for at, source in enumerate(sources):
            for coming in sources[at : at + SOURCES_AT_ONCE]:
                if coming.name not in readers and not isinstance(coming, FilesSource):
                    readers[coming.name] = stack.enter_context(_reader(project, coming, full, again))
            try:
                if isinstance(source, FilesSource):
                    _pull_files(project, source, reports, full, progress)
                else:
                    streams = _Streams(project, source.name, full, again, rules, reports, progress)
                    streams.take(readers[source.name])
            except Broken:
                raise
            except Problem as problem:
                _note_failure(reports, source.name, problem)
    return reports


def opened_source(project: Project, name: str, since: Since | None = None) -> FilesSource | Source:
    """A source of a project, its settings checked; nothing is called yet.

    Raises:
        Invalid: ``settings.*``, ``class.unknown``, ``mapping.*``, ``source.since``, ``option.since``.
    """
    settings = (since or Since()).settings(name, project.connection("sources", name))
    changes = mapping_changes(project, name)
    if changes is not None:
        settings["mapping"] = changes
    source = open_source(name, settings, project.clock, folder=project.folder)
    traits_of(project, name)
    if isinstance(source, FilesSource):
        for cls in source.classes:
            _check_class(project, name, cls)
    else:
        check_since(name, settings, source.streams(), project.clock.now())
    return source


def _check_class(project: Project, source: str, cls: str) -> None:
    """Complain about a class that rows cannot be of, also where no file is there yet."""
    try:
        if cls != XREF:
            project.schema.entity_class(cls)
    except Invalid as problem:
        raise Invalid(problem.code, f"sources.{source}: {problem.text}", source=source, got=cls) from None


def _reader(project: Project, source: Source, full: bool, since: Since) -> Reader:
    known = [] if full else [one for one in source.streams() if not since.rereads(source.name, one)]
    return Reader(
        source, {stream: project.facts.cursor(source.name, stream) for stream in known}, project.clock
    )


def _note_failure(reports: list[StreamReport], source: str, problem: Problem) -> None:
    if not reports or reports[-1].source != source:
        reports.append(StreamReport(source, "", "", Accepted()))
    reports[-1].problem = problem


def _pull_files(
    project: Project, source: FilesSource, reports: list[StreamReport], full: bool, progress: Progress
) -> None:
    for cls, files in source.files().items():
        taken = take_files(project, source, cls, files, full, progress)
        report = StreamReport(source.name, "files", cls, taken.accepted, taken.notes)
        report.problem = taken.problem
        reports.append(report)


class _Streams:
    """Takes the pages of one source, stream by stream."""

    def __init__(
        self,
        project: Project,
        name: str,
        full: bool,
        since: Since,
        rules: IntakeRules,
        reports: list[StreamReport],
        progress: Progress,
    ) -> None:
        self._project = project
        self._name = name
        self._full = full
        self._since = since
        self._rules = rules
        self._traits = traits_of(project, name)
        self._reports = reports
        self._progress = progress
        self._last = last_pulls(project.facts)

    def take(self, steps: Reader) -> None:
        """Everything that it reads; what it raises is written down first."""
        facts, clock = self._project.facts, self._project.clock
        meter: Meter | None = None
        by_class: dict[str, StreamReport] = {}
        try:
            for step in steps:
                meter = meter or self._meter(step.stream, step.begun)
                meter.calls = step.calls
                if step.page is not None:
                    self._take_page(step.stream, step.page, meter, by_class)
                    continue
                meter.tables = step.tables
                notes = [*step.notes, *self._changed(step.stream, meter, step.tables)]
                self._end(step.stream, by_class, meter, notes)
                note_pull(facts, meter.pull(clock.now(), budget=step.budget))
                meter, by_class = None, {}
        except Problem as problem:
            if steps.stream is not None and steps.begun is not None:
                meter = meter or self._meter(steps.stream, steps.begun)
                note_pull(facts, meter.pull(clock.now(), problem=problem))
            raise

    def _again(self, stream: str) -> bool:
        """Whether it is read again because somebody asked for it."""
        return self._full or self._since.rereads(self._name, stream)

    def _meter(self, stream: str, begun: datetime) -> Meter:
        last = self._last.get((self._name, stream), {})
        full = last.get("full")
        expected = full.rows if full is not None else None
        if self._since.rereads(self._name, stream):
            return Meter(self._name, stream, "since", begun)
        if self._full or self._project.facts.cursor(self._name, stream) is None:
            return Meter(self._name, stream, "full", begun, expected)
        return Meter(self._name, stream, "changes", begun)

    def _take_page(self, stream: str, page: Page, meter: Meter, by_class: dict[str, StreamReport]) -> None:
        report = by_class.get(page.cls)
        if report is None:
            report = by_class[page.cls] = StreamReport(self._name, stream, page.cls, Accepted())
            self._reports.append(report)
        page, told = with_gone(self._project, self._name, stream, page, asked=self._again(stream))
        report.notes += told
        accepted = accept_rows(
            self._project.facts,
            self._rules,
            page.cls,
            page.rows,
            self._traits,
            now=self._project.clock.now(),
            cursor=None if page.cursor is None else (stream, page.cursor),
            place=f"{self._name}.{stream}",
        )
        report.accepted += accepted
        report.deleted += meter.counts(accepted, page.rows)
        self._progress(meter.text(self._project.clock.now()))

    def _changed(self, stream: str, meter: Meter, tables: Mapping[str, str]) -> list[str]:
        full = self._last.get((self._name, stream), {}).get("full")
        if meter.kind == "full" or full is None:
            return []
        return changed_tables(self._name, full.tables, tables)

    def _end(
        self, stream: str, by_class: dict[str, StreamReport], meter: Meter, notes: Sequence[str]
    ) -> None:
        for report in by_class.values():
            report.notes += report.accepted.notes
        if notes and not by_class:
            by_class[""] = StreamReport(self._name, stream, "", Accepted())
            self._reports.append(by_class[""])
        for report in list(by_class.values())[:1]:
            report.notes += notes
            report.calls = meter.calls
