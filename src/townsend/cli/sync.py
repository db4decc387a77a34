"""Pulling from the sources: what it would cost, what rows would become, doing it, and whether all came."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from townsend.cli.options import AsJson, ProjectFolder
from townsend.cli.output import Output
from townsend.cli.streams import end_with, raise_last, show_streams

if TYPE_CHECKING:
    from townsend.project.outlook import Outlook
    from townsend.project.preview import StreamPreview
    from townsend.project.project import Project
    from townsend.project.since import Since

__all__ = ["register", "show_preview"]

Sources = Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]...", help="All if none is named.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(sync)


def sync(
    sources: Sources = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything again, not only what changed.")
    ] = False,
    since: Annotated[
        list[str] | None,
        typer.Option(
            "--since",
            metavar="[SOURCE[.STREAM]=]WHEN",
            help="Read again from a date, or a span ago such as 6 months. Its cost is told first.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be pulled, and store nothing.")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show a few rows beside what they become, and store nothing.")
    ] = False,
    rows: Annotated[int, typer.Option("--rows", min=1, help="How many rows --preview shows.")] = 3,
    check: Annotated[
        bool, typer.Option("--check", help="Count records at the sources and here, and store nothing.")
    ] = False,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Pull what changed from the sources."""
    from townsend.problem import Invalid
    from townsend.project.project import Project
    from townsend.project.since import read_since

    if dry_run + preview + check > 1:
        raise Invalid("option.clash", "give one of --dry-run, --preview and --check")
    out = Output(as_json)
    names = sources or []
    with Project(project) as opened:
        again = read_since(since or [], list(opened.settings.sources), opened.clock.now())
        if dry_run:
            _dry_run(out, opened, names, full, again)
        elif preview:
            _preview(out, opened, names, rows, again if since else None)
        elif check:
            _check(out, opened, names)
        else:
            _pull(out, opened, names, full, again)


def _pull(out: Output, project: Project, names: Sequence[str], full: bool, since: Since) -> None:
    from townsend.project.matching import find_new
    from townsend.project.outlook import outlook
    from townsend.project.pull import failures, pull_sources

    with project.connected():
        with out.progress("Asking what that costs …"):
            expected = outlook(project, names, full, since, costly=True)
        for one in expected:
            # A first reading of which nobody knows anything is not worth a line.
            if one.stands is not None or one.calls is not None:
                what = "read" if one.stands is None else "read again"
                out.note(f"{one.source}.{one.stream}: {what}{_from(one)}: {_cost(one)}")
        with out.progress("Pulling …") as update:
            streams = pull_sources(project, names, full=full, since=since, progress=update)
            update("Matching …")
            find_new(project)
    show_streams(out, streams)
    raise_last(out, failures(streams))
    end_with(out, sum(stream.accepted.quarantined for stream in streams))


def _from(one: Outlook) -> str:
    return f" from {one.since:%Y-%m-%d}" if one.since is not None else ""


def _cost(one: Outlook) -> str:
    """What it is expected to bring and to cost, in words."""
    counts = ((one.rows, "row"), (one.calls, "call"))
    told = [
        f"about {count:,} {what}{'' if count == 1 else 's'}" for count, what in counts if count is not None
    ]
    basis = " (as the last time)" if one.basis == "history" else ""
    return (", ".join(told) or "nobody can say what it costs") + basis + (f"; {one.note}" if one.note else "")


def _dry_run(out: Output, project: Project, names: Sequence[str], full: bool, since: Since) -> None:
    from townsend.project.outlook import outlook

    with project.connected(), out.progress("Asking what that costs …"):
        found = outlook(project, names, full, since)
    if out.as_json:
        out.rows(one.to_json() for one in found)
        return
    out.table(
        ["source", "stream", "what", "from", "rows", "calls", "as told by"],
        [
            [
                one.source,
                one.stream,
                "all" if one.full else "changes",
                (one.since or "the beginning") if one.full else one.stands,
                one.rows,
                one.calls,
                {"source": "the source", "history": "earlier pulls", None: None}[one.basis],
            ]
            for one in found
        ],
    )
    for one in found:
        if one.note:
            out.note(f"note: {one.source}.{one.stream}: {one.note}")
    calls = [one.calls for one in found if one.calls is not None]
    out.line(f"about {sum(calls):,} calls where it is known; nothing was stored")


def _preview(out: Output, project: Project, names: Sequence[str], rows: int, since: Since | None) -> None:
    from townsend.project.preview import preview

    with project.connected(), out.progress("Looking …") as update:
        found = preview(project, names, rows, since, progress=update)
    show_preview(out, found)
    raise_last(out, [one.problem for one in found if one.problem is not None])


def show_preview(out: Output, found: Sequence[StreamPreview]) -> None:
    """Rows beside what they became, then what of them is not mapped."""
    from townsend.project.flat import flat

    if out.as_json:
        out.rows(one.to_json() for one in found)
        return
    for one in found:
        for sample in one.samples:
            out.line()
            out.table(
                ["field there", "value there", "field here", "value here"],
                _beside(flat(sample.row), flat(sample.mapped)),
                title=f"{one.source}.{one.stream}: {sample.table} → {sample.cls}",
            )
            if sample.left:
                out.line(f"not mapped: {', '.join(sample.left)}")
        for note in one.notes:
            out.note(f"note: {one.source}.{one.stream}: {note}")
    out.note("note: nothing was stored; `townsend mapping gaps` counts what is not mapped")


def _beside(there: dict[str, Any], here: dict[str, Any]) -> list[list[Any]]:
    """Two lists of fields beside each other, the shorter one filled up."""
    left, right = list(there.items()), list(here.items())
    longest = max(len(left), len(right))
    left += [("", "")] * (longest - len(left))
    right += [("", "")] * (longest - len(right))
    return [[a, _short(one), b, _short(other)] for (a, one), (b, other) in zip(left, right, strict=True)]


def _short(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _check(out: Output, project: Project, names: Sequence[str]) -> None:
    from townsend.project.completeness import compare

    with project.connected(), out.progress("Counting …") as update:
        found = compare(project, names, progress=update)
    if out.as_json:
        out.rows(one.to_json() for one in found)
    else:
        out.table(
            ["source", "stream", "class", "there", "here", "missing", "in quarantine", "calls", ""],
            [
                [o.source, o.stream, o.cls, o.theirs, o.ours, o.missing, o.waiting, o.calls, o.note or ""]
                for o in found
            ],
        )
    if any(one.missing for one in found):
        out.note("note: the numbers differ; `townsend sync` brings what changed since, --full everything")
        raise typer.Exit(3)
