"""Bringing facts into a project: files given by hand, and what its sources hand out.

A source's cursor is stored in the transaction that stores the rows it covers, so a crash anywhere
repeats at most one page, and repeating changes nothing. A source that fails keeps what it brought
until then, and the others are pulled all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from townsend.intake import Accepted, FileReport, IntakeRules, SourceTraits, accept_rows, load_files, replay
from townsend.intake.reasons import XREF
from townsend.problem import Broken, Invalid, Problem
from townsend.project.ahead import Reader, Step
from townsend.sources import FilesSource, Source, open_source

if TYPE_CHECKING:
    from townsend.project.project import Project
    from townsend.project.rules import Rules

__all__ = [
    "StreamReport",
    "failures",
    "intake_rules",
    "load_into",
    "opened_source",
    "pull_sources",
    "replay_rows",
    "traits_of",
]

SOURCES_AT_ONCE = 8  # sources read at the same time

Progress = Callable[[str], None]


@dataclass
class StreamReport:
    """What one stream of one source brought.

    Args:
        cls: the class of the rows; empty if there were none.
        problem: why the source was left before its end; what is counted was kept.
    """

    source: str
    stream: str
    cls: str
    accepted: Accepted
    notes: list[str] = field(default_factory=list)
    problem: Problem | None = None

    def to_json(self) -> dict[str, Any]:
        problem = self.problem
        return {
            "source": self.source,
            "stream": self.stream,
            "class": self.cls,
            **self.accepted.to_json(),
            "notes": self.notes,
            **({"problem": {"code": problem.code, "message": problem.text}} if problem else {}),
        }


def failures(reports: Sequence[StreamReport]) -> list[Problem]:
    """Why sources could not be pulled to their end, one problem a source."""
    return [report.problem for report in reports if report.problem is not None]


def load_into(
    project: Project, cls: str, paths: Sequence[Path], source: str, *, again: bool, progress: Progress
) -> list[FileReport]:
    """Load files of one class under a source's name.

    Raises:
        Invalid: ``class.unknown``; ``file.missing`` for a path that does not exist, ``file.unreadable``.
    """
    for path in paths:
        _check_readable(path)
    return load_files(
        project.facts,
        intake_rules(project),
        cls,
        list(paths),
        traits_of(project, source),
        now=project.clock.now(),
        again=again,
        progress=progress,
    )


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            return
    except (FileNotFoundError, NotADirectoryError):
        raise Invalid("file.missing", f"{path}: there is no such file", path=str(path)) from None
    except OSError as error:
        what = "is a folder, not a file" if path.is_dir() else f"cannot be read: {error.strerror}"
        raise Invalid("file.unreadable", f"{path} {what}", path=str(path)) from None


def pull_sources(
    project: Project, names: Sequence[str], *, full: bool = False, progress: Progress
) -> list[StreamReport]:
    """Pull what changed from the sources of those names, from all that can be pulled if none is named.

    Args:
        full: read everything again, not only what changed; files are taken again.

    Returns:
        What each stream brought, in order. A source that could not be pulled to its end has a report
        with its ``problem``; the others were pulled all the same.

    Raises:
        Invalid: ``settings.unknown`` for a name, ``settings.*`` for a source that can't be opened so;
            nothing was pulled then.
    """
    chosen = names or [name for name, body in project.settings.sources.items() if body["type"] != "inlet"]
    sources = [opened_source(project, name) for name in dict.fromkeys(chosen)]
    rules = intake_rules(project)
    reports: list[StreamReport] = []
    readers: dict[str, Reader] = {}
    with ExitStack() as stack:
        for at, source in enumerate(sources):
            for coming in sources[at : at + SOURCES_AT_ONCE]:
                if coming.name not in readers and not isinstance(coming, FilesSource):
                    readers[coming.name] = stack.enter_context(_reader(project, coming, full))
            try:
                if isinstance(source, FilesSource):
                    _pull_files(project, source, reports, full, progress)
                else:
                    _pull_streams(project, source.name, readers[source.name], rules, reports, progress)
            except Broken:
                raise
            except Problem as problem:
                _note_failure(reports, source.name, problem)
    return reports


def opened_source(project: Project, name: str) -> FilesSource | Source:
    """A source of a project, its settings checked; nothing is called yet.

    Raises:
        Invalid: ``settings.*``, ``class.unknown``.
    """
    source = open_source(name, project.connection("sources", name), project.clock, folder=project.folder)
    traits_of(project, name)
    for cls in source.classes if isinstance(source, FilesSource) else ():
        _check_class(project, name, cls)
    return source


def _check_class(project: Project, source: str, cls: str) -> None:
    """Complain about a class that rows cannot be of, also where no file is there yet."""
    try:
        if cls != XREF:
            project.schema.entity_class(cls)
    except Invalid as problem:
        raise Invalid(problem.code, f"sources.{source}: {problem.text}", source=source, got=cls) from None


def _reader(project: Project, source: Source, full: bool) -> Reader:
    known = [] if full else source.streams()
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
    for cls, paths in source.files().items():
        report = StreamReport(source.name, "files", cls, Accepted())
        reports.append(report)
        skipped = 0
        # File by file, so that what came before an unreadable one is counted.
        for path in paths:
            progress(f"{source.name}: {path.name}")
            for loaded in load_into(project, cls, [path], source.name, again=full, progress=progress):
                if loaded.skipped:
                    skipped += 1
                else:
                    report.accepted += loaded.accepted
        if skipped:
            files = "1 file was" if skipped == 1 else f"{skipped:,} files were"
            report.notes.append(f"{files} already taken")
        report.notes += source.notes(cls)


def _pull_streams(
    project: Project,
    name: str,
    steps: Iterable[Step],
    rules: IntakeRules,
    reports: list[StreamReport],
    progress: Progress,
) -> None:
    traits = traits_of(project, name)
    by_class: dict[str, StreamReport] = {}
    for stream, page, notes in ((step.stream, step.page, step.notes) for step in steps):
        if page is None:
            _end_stream(reports, name, stream, by_class, notes)
            by_class = {}
            continue
        report = by_class.get(page.cls)
        if report is None:
            report = by_class[page.cls] = StreamReport(name, stream, page.cls, Accepted())
            reports.append(report)
        report.accepted += accept_rows(
            project.facts,
            rules,
            page.cls,
            page.rows,
            traits,
            now=project.clock.now(),
            cursor=None if page.cursor is None else (stream, page.cursor),
            place=f"{name}.{stream}",
        )
        progress(f"{name}: {stream}: {report.accepted.rows:,} rows")


def _end_stream(
    reports: list[StreamReport],
    source: str,
    stream: str,
    by_class: Mapping[str, StreamReport],
    notes: Sequence[str],
) -> None:
    for report in by_class.values():
        report.notes += report.accepted.notes
    if notes and not by_class:
        reports.append(StreamReport(source, stream, "", Accepted()))
    if notes:
        next(iter(by_class.values()), reports[-1]).notes += notes


def replay_rows(project: Project, ids: Sequence[int] | None) -> Accepted:
    """Take quarantined rows again, all of them if no ids are given."""
    return replay(project.facts, intake_rules(project), ids, now=project.clock.now())


def intake_rules(project: Project, rules: Rules | None = None) -> IntakeRules:
    """How rows are checked and their identities found, by the rules in effect or by these."""
    identity = (rules or project.rules).identity
    return IntakeRules(
        schema=project.schema,
        priority=tuple(namespace.code for namespace in identity.person),
        identity_fields=identity.fields,
        blocked=identity.blocked_values(),
        open=project.settings.open,
        future_ms=project.settings.limits.future_ms,
    )


def traits_of(project: Project, source: str) -> SourceTraits:
    """What the settings say of a source's rows; a source not configured has the usual traits.

    Raises:
        Invalid: ``settings.choice``, ``settings.currency``.
    """
    body = project.settings.sources.get(source, {})
    currency = body.get("currency")
    if currency is not None and not re.fullmatch(r"[A-Z]{3}", str(currency)):
        raise Invalid(
            "settings.currency",
            f"sources.{source}.currency: expected an ISO 4217 code such as USD, got {currency!r}",
            source=source,
        )
    return SourceTraits(
        name=source,
        currency=currency,
        rows="patch" if _choice(source, body, "rows", ("whole", "patch")) == "patch" else "whole",
        mode="snapshot" if _choice(source, body, "mode", ("delta", "snapshot")) == "snapshot" else "delta",
    )


def _choice(source: str, body: Mapping[str, Any], key: str, choices: tuple[str, str]) -> str:
    """The value of a key, the first choice if there is none."""
    value = body.get(key, choices[0])
    if value not in choices:
        raise Invalid(
            "settings.choice",
            f"sources.{source}.{key}: expected {' or '.join(choices)}, got {value!r}",
            source=source,
            got=str(value),
        )
    return str(value)
