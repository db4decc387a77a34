"""Looking: one entity, its identity graph, the state of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townsend.cli.options import AsJson, AsOf, Now, ProjectFolder, instant
from townsend.cli.output import Output

__all__ = ["register"]

Who = Annotated[str, typer.Argument(metavar="WHO", help="An id, an e-mail or namespace:value.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(show)
    graph = typer.Typer(help="Identity graphs.", no_args_is_help=True)
    graph.command("show")(graph_show)
    graph.command("simulate")(graph_simulate)
    app.add_typer(graph, name="graph")
    app.command()(status)
    app.command()(doctor)


def show(
    cls: Annotated[str, typer.Argument(metavar="CLASS")],
    who: Who,
    now: Now = None,
    as_of: AsOf = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """The unified view of one entity, with its sources."""
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened:
        view = opened.show(cls, who, now=instant(now, "--now"), as_of=instant(as_of, "--as-of"))
    if as_json:
        out.row(view.to_json())
        return
    for line in view.lines():
        out.line(line)


def graph_show(who: Who, now: Now = None, project: ProjectFolder = Path(), as_json: AsJson = False) -> None:
    """The identities of one entity, the links between them, and the reasons."""
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened:
        view = opened.graph(who, now=instant(now, "--now"))
    if as_json:
        out.row(view.to_json())
        return
    for line in view.lines():
        out.line(line)


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


def status(project: ProjectFolder = Path(), as_json: AsJson = False) -> None:
    """Freshness, sizes, quarantine, deliveries."""
    from townsend.project.project import Project
    from townsend.project.status import status_of

    out = Output(as_json)
    with Project(project) as opened:
        found = status_of(opened)
    if as_json:
        out.row(found)
        return
    out.line(f"{found['name']} in {found['folder']}")
    out.table(
        ["class", "rows", "entities"], [[r["class"], r["rows"], r["entities"]] for r in found["classes"]]
    )
    out.table(
        ["source", "stream", "last taken"],
        [[r["source"], r["stream"], r["at"]] for r in found["streams"]],
    )
    out.table(
        ["audience", "members", "destination", "confirmed", "waiting", "refused"],
        [
            [r["audience"], r["members"], r["destination"], r["confirmed"], r["waiting"], r["refused"]]
            for r in found["deliveries"]
        ],
    )
    out.line(f"quarantine: {found['quarantine']:,} rows; files taken: {found['files']:,}")
    for note in found["notes"]:
        out.note(f"note: {note}")


def doctor(project: ProjectFolder = Path(), as_json: AsJson = False) -> None:
    """Check the store, the settings and that both evaluators agree on your data."""
    from townsend.project.doctor import examine
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened, out.progress("Examining …") as update:
        findings = examine(opened, update)
    if as_json:
        out.rows(finding.to_json() for finding in findings)
    else:
        out.table(["", "check", "finding"], [[f.mark, f.check, f.text] for f in findings])
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)
