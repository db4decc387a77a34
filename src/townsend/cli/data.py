"""Bringing facts in: files given by hand, and the whole run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townsend.cli.options import AsJson, Now, ProjectFolder, instant
from townsend.cli.output import Output
from townsend.cli.streams import end_with, raise_last, show_streams

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(load)
    app.command()(run)


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
    from townsend.project.load import load_into
    from townsend.project.matching import find_new
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened, out.progress(f"Loading {cls} …") as update:
        reports = load_into(opened, cls, paths, source, again=again, progress=update)
        update("Matching …")
        find_new(opened)
    for report in reports:
        if as_json:
            out.row(report.to_json())
        elif report.skipped:
            out.line(f"{report.path}: already taken, nothing to do (--again takes it again)")
        else:
            out.line(f"{report.path}: {report.accepted.sentence()}")
        for note in () if report.skipped and not as_json else report.accepted.notes:
            out.note(f"note: {note}")
    end_with(out, sum(report.accepted.quarantined for report in reports))


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
        show_streams(out, done.streams)
        out.table(
            ["audience", "of", "members", "entered", "left"],
            [[one.name, one.of, one.members, one.entered, one.left] for one in done.audiences],
        )
        if done.deliveries:
            show_deliveries(out, done.deliveries)
        for note in done.notes:
            out.note(f"note: {note}")
    raise_last(out, done.failed)
    if done.refusals:
        raise typer.Exit(3)
