"""Identity graphs: of one entity, their health as a whole, and the rules tried on a handful of events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townsend.cli.options import AsJson, Now, ProjectFolder, instant
from townsend.cli.output import Output

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    graph = typer.Typer(help="Identity graphs.", no_args_is_help=True)
    graph.command("show")(graph_show)
    graph.command("health")(graph_health)
    graph.command("simulate")(graph_simulate)
    app.add_typer(graph, name="graph")


def graph_show(
    who: Annotated[str, typer.Argument(metavar="WHO", help="An id, an e-mail or namespace:value.")],
    now: Now = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """The identities of one entity, the links between them with their reasons, and what links nobody."""
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened:
        view = opened.graph(who, now=instant(now, "--now"))
    if as_json:
        out.row(view.to_json())
        return
    for line in view.lines():
        out.line(line)


def graph_health(now: Now = None, project: ProjectFolder = Path(), as_json: AsJson = False) -> None:
    """What links too much, hangs by one link or contradicts itself, with what to do."""
    from townsend.project.doctor import health
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened, out.progress("Examining …"):
        found = health(opened, instant(now, "--now"))
    if as_json:
        out.rows(one.to_json() for one in found)
        return
    for one in found:
        for line in one.lines():
            out.line(line)
    if not found:
        out.line("There are no identities yet.")


def graph_simulate(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="YAML: namespaces in priority order, events oldest first.")
    ],
    project: ProjectFolder = Path(),  # noqa: ARG001 - every command takes it
    as_json: AsJson = False,
) -> None:
    """What the linking rules make of a list of events."""
    from townsend.project.simulation import simulate_file

    out = Output(as_json)
    result = simulate_file(file)
    if as_json:
        out.row(result)
        return
    for graph in result["graphs"]:
        out.line("{" + ", ".join(graph) + "}")
    for first, second in result["removed"]:
        out.line(f"removed: {first} – {second}")
