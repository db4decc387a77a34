"""Privacy requests: everything held about a person, and its erasure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townsend.cli.options import AsJson, Now, ProjectFolder, instant
from townsend.cli.output import Output

__all__ = ["register"]

Who = Annotated[str, typer.Argument(metavar="WHO", help="An id, an e-mail or namespace:value.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(erase)
    app.command()(access)


def erase(who: Who, now: Now = None, project: ProjectFolder = Path(), as_json: AsJson = False) -> None:
    """Erase a person: facts, state and delivered lists; prints the proof."""
    from townsend.project.privacy import erase_person
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened, opened.connected(), out.progress("Erasing …") as update:
        report = erase_person(opened, who, instant(now, "--now"), progress=update)
    if as_json:
        out.row(report.to_json())
    else:
        for line in report.lines():
            out.line(line)
    if report.open_deliveries:
        out.note(
            f"{report.open_deliveries} removals wait for their destination; `townsend activate` sends them"
        )
        raise typer.Exit(3)


def access(who: Who, now: Now = None, project: ProjectFolder = Path(), as_json: AsJson = False) -> None:
    """Everything held about a person, as JSON."""
    from townsend.project.privacy import access_person
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened:
        report = access_person(opened, who, instant(now, "--now"))
    out.row(report, indent=None if as_json else 2)
