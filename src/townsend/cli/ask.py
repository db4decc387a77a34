"""Asking: ad-hoc queries and saved audiences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from townsend.cli.options import AsJson, AsOf, Now, ProjectFolder, instant
from townsend.cli.output import Output

if TYPE_CHECKING:
    from townsend.project.project import Answer

__all__ = ["register"]

Engine = Annotated[str, typer.Option("--engine", help="auto, batch or reference.")]
Name = Annotated[str, typer.Argument(metavar="AUDIENCE")]
SHOWN = 50


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(query)
    group = typer.Typer(help="Saved audiences: audiences/*.yaml.", no_args_is_help=True)
    for name, command in (
        ("ls", ls),
        ("show", show),
        ("members", members),
        ("count", count),
        ("check", check),
        ("explain", explain),
        ("history", history),
    ):
        group.command(name)(command)
    app.add_typer(group, name="audience")


def query(
    pql: Annotated[str, typer.Argument(metavar="PQL", help="A condition about one entity.")],
    of: Annotated[str, typer.Option("--of", help="person, account, opportunity …")] = "person",
    only_count: Annotated[bool, typer.Option("--count", help="Only how many.")] = False,
    engine: Engine = "auto",
    now: Now = None,
    as_of: AsOf = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Who meets a condition now, or at another instant."""
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened:
        answer = opened.ask(
            pql, of, now=instant(now, "--now"), as_of=instant(as_of, "--as-of"), engine=engine
        )
        _show_answer(out, answer, only_count)


def ls(project: ProjectFolder = Path(), as_json: AsJson = False) -> None:
    """List the audiences, with the members counted at the last run."""
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened:
        rows = [opened.audience_row(one) for one in opened.audiences().values()]
    if as_json:
        out.rows(rows)
        return
    out.table(
        ["audience", "of", "members", "goes to", "owner", "description"],
        [[r["name"], r["of"], r["members"], ", ".join(r["to"]), r["owner"], r["description"]] for r in rows],
    )


def show(name: Name, project: ProjectFolder = Path(), as_json: AsJson = False) -> None:
    """Show an audience's definition."""
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened:
        audience = opened.audience(name)
        row = opened.audience_row(audience)
    if as_json:
        out.row(row)
        return
    out.line(f"{audience.name} ({audience.of}, version {audience.version})")
    out.line(audience.description.strip())
    out.line()
    out.line((audience.pql or f"members: {audience.members}").strip())
    for activation in audience.activate:
        out.line(f"→ {activation.to}{' (paused)' if activation.paused else ''}")


def members(
    name: Name,
    now: Now = None,
    as_of: AsOf = None,
    engine: Engine = "auto",
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Who is in an audience."""
    _show_audience(name, now, as_of, engine, project, Output(as_json), only_count=False)


def count(
    name: Name,
    now: Now = None,
    as_of: AsOf = None,
    engine: Engine = "auto",
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """How many are in an audience."""
    _show_audience(name, now, as_of, engine, project, Output(as_json), only_count=True)


def check(
    name: Annotated[str | None, typer.Argument(metavar="[AUDIENCE]", help="All if none is named.")] = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Check definitions without running them."""
    from townsend.project.project import Project

    out = Output(as_json)
    failed = False
    with Project(project) as opened:
        names = [name] if name else list(opened.audiences())
        for one in names:
            findings = opened.check(one)
            failed = failed or any(finding["level"] == "error" for finding in findings)
            if as_json:
                out.row({"audience": one, "ok": not findings, "findings": findings})
            elif not findings:
                out.line(f"{one}: ok")
            for finding in () if as_json else findings:
                out.line(f"{one}: {finding['level']}: {finding['message']}")
    if failed:
        raise typer.Exit(2)


def explain(
    name: Name,
    who: Annotated[str, typer.Argument(metavar="WHO", help="An id, an e-mail or namespace:value.")],
    now: Now = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Why somebody is in an audience, or what is missing; and when that changes."""
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened:
        explanation = opened.explain(name, who, now=instant(now, "--now"))
    if as_json:
        out.row(explanation.to_json())
        return
    for line in explanation.lines():
        out.line(line)


def history(name: Name, project: ProjectFolder = Path(), as_json: AsJson = False) -> None:
    """Who entered and left, when we learned it, and by which version."""
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened:
        rows = opened.history(name)
    if as_json:
        out.rows(rows)
        return
    out.table(
        ["at", "change", "id", "who", "version", "cause"],
        [[r["at"], r["change"], r["id"], r["who"], r["version"], r["cause"]] for r in rows],
    )


def _show_audience(
    name: str,
    now: str | None,
    as_of: str | None,
    engine: str,
    project: Path,
    out: Output,
    *,
    only_count: bool,
) -> None:
    from townsend.project.project import Project

    with Project(project) as opened:
        answer = opened.members(
            name, now=instant(now, "--now"), as_of=instant(as_of, "--as-of"), engine=engine
        )
        _show_answer(out, answer, only_count)


def _show_answer(out: Output, answer: Answer, only_count: bool) -> None:
    if only_count:
        if out.as_json:
            out.row({"count": len(answer.ids)})
        else:
            out.line(f"{len(answer.ids):,}")
    elif out.as_json:
        out.rows(answer.rows())
    else:
        rows = answer.rows(SHOWN)
        out.table(["id", "identities"], [[str(row["id"]), _identities(row["identities"])] for row in rows])
        more = len(answer.ids) - len(rows)
        out.line(f"{len(answer.ids):,} {answer.of}{f', {more:,} more with --json' if more else ''}")
    for note in answer.notes:
        out.note(f"note: {note}")
    if answer.undecided:
        out.note(f"undecided: {answer.undecided}")


def _identities(identities: dict[str, Any]) -> str:
    return "; ".join(f"{space} {', '.join(values)}" for space, values in identities.items())
