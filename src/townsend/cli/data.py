"""Bringing facts in: files, sources, the whole run, and rows that could not be taken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from townsend.cli.options import AsJson, Now, ProjectFolder, instant
from townsend.cli.output import Output

if TYPE_CHECKING:
    from townsend.problem import Problem

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(load)
    app.command()(sync)
    app.command()(run)
    quarantine = typer.Typer(
        help="Rows that could not be taken: look, mend, take again.", no_args_is_help=True
    )
    quarantine.command("ls")(quarantine_ls)
    quarantine.command("show")(quarantine_show)
    quarantine.command("replay")(quarantine_replay)
    app.add_typer(quarantine, name="quarantine")


def load(
    cls: Annotated[
        str, typer.Argument(metavar="CLASS", help="account, person, opportunity, event, account_xref …")
    ],
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help=".ndjson .jsonl .json (.gz) .parquet .csv")
    ],
    source: Annotated[str, typer.Option("--source", help="The source they come from.")] = "files",
    again: Annotated[bool, typer.Option("--again", help="Take a file that was already taken.")] = False,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Load XDM-shaped rows from files."""
    from townsend.project.project import Project
    from townsend.project.pull import load_into

    out = Output(as_json)
    with Project(project) as opened, out.progress(f"Loading {cls} …") as update:
        reports = load_into(opened, cls, paths, source, again=again, progress=update)
    for report in reports:
        if as_json:
            out.row(report.to_json())
        elif report.skipped:
            out.line(f"{report.path}: already taken, nothing to do (--again takes it again)")
        else:
            out.line(f"{report.path}: {report.accepted.sentence()}")
        for note in () if report.skipped and not as_json else report.accepted.notes:
            out.note(f"note: {note}")
    _end(out, sum(report.accepted.quarantined for report in reports))


def sync(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]...", help="All if none is named.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything again, not only what changed.")
    ] = False,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Pull what changed from the sources."""
    from townsend.project.project import Project
    from townsend.project.pull import failures, pull_sources

    out = Output(as_json)
    with Project(project) as opened, opened.connected(), out.progress("Pulling …") as update:
        streams = pull_sources(opened, sources or [], full=full, progress=update)
    _show_streams(out, streams)
    _raise(out, failures(streams))
    _end(out, sum(stream.accepted.quarantined for stream in streams))


def run(project: ProjectFolder = Path(), now: Now = None, as_json: AsJson = False) -> None:
    """Pull, unify, evaluate and deliver, once."""
    from townsend.cli.deliveries import show_deliveries
    from townsend.project.project import Project
    from townsend.project.run import run_once

    out = Output(as_json)
    with Project(project) as opened, opened.connected(), out.progress("Running …") as update:
        done = run_once(opened, instant(now, "--now"), progress=update)
    if as_json:
        out.row(done.to_json())
    else:
        _show_streams(out, done.streams)
        out.table(
            ["audience", "of", "members", "entered", "left"],
            [[one.name, one.of, one.members, one.entered, one.left] for one in done.audiences],
        )
        if done.deliveries:
            show_deliveries(out, done.deliveries)
        for note in done.notes:
            out.note(f"note: {note}")
    _raise(out, done.failed)
    if done.refusals:
        raise typer.Exit(3)


def quarantine_ls(project: ProjectFolder = Path(), as_json: AsJson = False) -> None:
    """List the rows that could not be taken."""
    from townsend.project.project import Project
    from townsend.store import quarantine as rows

    out = Output(as_json)
    with Project(project) as opened:
        found = rows.ls(opened.facts)
    if as_json:
        out.rows(row.to_json() for row in found)
        return
    out.table(
        ["id", "class", "source", "place", "field", "code", "replayed"],
        [[r.id, r.cls, r.source, r.place, r.path or "", r.code, r.replayed_ms is not None] for r in found],
    )
    if not found:
        out.line("Nothing is in quarantine.")


def quarantine_show(
    row_id: Annotated[int, typer.Argument(metavar="ID")],
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Show one row, what was expected of it, and what came."""
    from townsend.profiles.values import instant as instant_at
    from townsend.project.project import Project
    from townsend.store import quarantine as rows

    out = Output(as_json)
    with Project(project) as opened:
        row = rows.show(opened.facts, row_id)
    if as_json:
        out.row(row.to_json())
        return
    for name, value in row.to_json().items():
        if value is not None:
            shown = instant_at(value).isoformat(timespec="seconds") if name.endswith("_ms") else value
            out.line(f"{name.removesuffix('_ms'):<10} {shown}")


def quarantine_replay(
    ids: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="All if none is named.")] = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Try rows again, after the schema or the row was mended."""
    from townsend.project.project import Project
    from townsend.project.pull import replay_rows

    out = Output(as_json)
    with Project(project) as opened:
        accepted = replay_rows(opened, ids)
    if as_json:
        out.row(accepted.to_json())
    else:
        out.line(accepted.sentence())
    _end(out, accepted.quarantined)


def _show_streams(out: Output, streams: list[Any]) -> None:
    if out.as_json:
        out.rows(stream.to_json() for stream in streams)
        return
    if streams:
        out.table(
            ["source", "stream", "class", "rows", "new", "unchanged", "quarantined"],
            [
                [
                    s.source,
                    s.stream,
                    s.cls,
                    s.accepted.rows,
                    s.accepted.accepted,
                    s.accepted.unchanged,
                    s.accepted.quarantined,
                ]
                for s in streams
            ],
        )
    for stream in streams:
        for note in stream.notes:
            out.note(f"note: {stream.source}.{stream.stream}: {note}")


def _raise(out: Output, problems: list[Problem]) -> None:
    """End as the last source that failed says; the others before it are told first."""
    for problem in problems[:-1]:
        out.note(f"{problem.text}  [{problem.code}]")
    if problems:
        raise problems[-1]


def _end(out: Output, quarantined: int) -> None:
    if quarantined:
        rows = "1 row was" if quarantined == 1 else f"{quarantined:,} rows were"
        out.note(f"{rows} quarantined; see `townsend quarantine ls`")
        raise typer.Exit(3)
