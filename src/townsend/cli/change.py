"""Changing the world: what would change, taking settings into effect, delivering."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townsend.cli.options import AsJson, Now, ProjectFolder, instant
from townsend.cli.output import Output

__all__ = ["register"]

WarnOver = Annotated[
    float,
    typer.Option(
        "--warn-over", min=0.0, metavar="PERCENT", help="Say which audiences would change by more than that."
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(plan)
    app.command()(apply)
    app.command()(activate)


def plan(
    warn_over: WarnOver = 10.0,
    now: Now = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """What a settings change would do to clusters, values and members, and what waits to be delivered."""
    from townsend.cli.deliveries import show_plans
    from townsend.project.plan import plan_changes
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened, opened.connected(), out.progress("Planning …"):
        found = plan_changes(opened, instant(now, "--now"), warn_over)
    if as_json:
        out.row(found.to_json())
        return
    for line in found.lines():
        out.line(line)
    if not found.pending:
        show_plans(out, found.deliveries)


def apply(
    warn_over: WarnOver = 10.0,
    now: Now = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Take changed identity, matching and merge rules into effect."""
    from townsend.project.plan import apply_changes
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened, out.progress("Applying …"):
        found = apply_changes(opened, instant(now, "--now"), warn_over)
    if as_json:
        out.row(found.to_json())
        return
    for line in found.lines():
        out.line(line)


def activate(
    audiences: Annotated[
        list[str] | None, typer.Argument(metavar="[AUDIENCE]...", help="All if none is named.")
    ] = None,
    only_plan: Annotated[bool, typer.Option("--plan", help="Show everything, send nothing.")] = False,
    now: Now = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Deliver audiences to their destinations."""
    from townsend.cli.deliveries import show_deliveries, show_plans
    from townsend.project.deliveries import deliver_audiences, plan_audiences
    from townsend.project.project import Project

    out = Output(as_json)
    at = instant(now, "--now")
    with Project(project) as opened, opened.connected(), out.progress("Delivering …") as update:
        if only_plan:
            show_plans(out, plan_audiences(opened, audiences or [], at))
            return
        deliveries = deliver_audiences(opened, audiences or [], at, progress=update)
    show_deliveries(out, deliveries)
    if any(one.failed for one in deliveries):
        raise typer.Exit(1)
    if any(one.refused for one in deliveries):
        raise typer.Exit(3)
