"""Pulling: what a project's sources hand out, into its store.

A source's cursor is stored in the transaction that stores the rows it covers, so a crash anywhere
repeats at most one page, and repeating changes nothing. A source that fails keeps what it brought
until then, and the others are pulled all the same. Each pull of a stream is written down. Sources, and
streams that need nothing of each other, are read side by side; one thread stores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from townsend.intake import Accepted, IntakeRules, accept_rows
from townsend.model import XREF
from townsend.problem import Broken, Invalid, Problem
from townsend.project.ahead import Ahead, Step
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
    """Why streams could not be pulled to their end."""
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
    read = [source for source in sources if not isinstance(source, FilesSource)]
    takers = {one.name: _Taker(project, one.name, full, again, rules, reports, progress) for one in read}
    with Ahead([(one, _cursors(project, one, full, again)) for one in read], project.clock) as steps:
        # Files wait for nobody: they are taken while the first answers of the others are under way.
        for source in sources:
            if isinstance(source, FilesSource):
                _pull_files(project, source, reports, full, progress)
        for source, step in steps:
            takers[source.name].take(step)
    places = {
        (source.name, stream): (at, n)
        for at, source in enumerate(sources)
        for n, stream in enumerate(source.streams() if not isinstance(source, FilesSource) else ["files"])
    }
    return sorted(reports, key=lambda report: places[report.source, report.stream])


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


def _cursors(project: Project, source: Source, full: bool, since: Since) -> dict[str, Any]:
    """Where each stream of a source goes on; those that are read from their beginning are not named."""
    known = [] if full else [one for one in source.streams() if not since.rereads(source.name, one)]
    return {stream: project.facts.cursor(source.name, stream) for stream in known}


def _pull_files(
    project: Project, source: FilesSource, reports: list[StreamReport], full: bool, progress: Progress
) -> None:
    try:
        for cls, files in source.files().items():
            taken = take_files(project, source, cls, files, full, progress)
            report = StreamReport(source.name, "files", cls, taken.accepted, taken.notes)
            report.problem = taken.problem
            reports.append(report)
    except Broken:
        raise
    except Problem as problem:
        reports.append(StreamReport(source.name, "files", "", Accepted(), problem=problem))


class _Taker:
    """Takes what one source brings; its streams may come in turns."""

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
        self._meters: dict[str, Meter] = {}
        self._found: dict[str, dict[str, StreamReport]] = {}

    def take(self, step: Step) -> None:
        """A page, or a stream's end, which is written down."""
        stream = step.stream
        if stream not in self._meters:
            self._meters[stream], self._found[stream] = self._meter(stream, step.begun), {}
        meter, by_class = self._meters[stream], self._found[stream]
        meter.calls = step.calls
        if step.page is not None:
            self._take_page(stream, step.page, meter, by_class)
            return
        meter.tables = step.tables
        notes = [] if step.problem else [*step.notes, *self._changed(stream, meter, step.tables)]
        self._end(stream, by_class, meter, notes, step.problem)
        now = self._project.clock.now()
        note_pull(self._project.facts, meter.pull(now, problem=step.problem, budget=step.budget))

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
        self,
        stream: str,
        by_class: dict[str, StreamReport],
        meter: Meter,
        notes: Sequence[str],
        problem: Problem | None,
    ) -> None:
        for report in by_class.values():
            report.notes += report.accepted.notes
        if (notes or problem) and not by_class:
            by_class[""] = StreamReport(self._name, stream, "", Accepted())
            self._reports.append(by_class[""])
        for report in list(by_class.values())[:1]:
            report.notes += notes
            report.calls = meter.calls
            report.problem = problem
