"""Asking: ad-hoc queries and saved audiences."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from townsend.cli.definition import show
from townsend.cli.options import (
    AsJson,
    AsOf,
    Because,
    Engine,
    Now,
    Policy,
    ProjectFolder,
    Slow,
    days_after,
    instant,
)
from townsend.cli.output import Output
from townsend.cli.shown import SHOWN, identities, show_answer, show_sizes
from townsend.problem import Invalid

__all__ = ["register"]

Name = Annotated[str, typer.Argument(metavar="AUDIENCE")]
CONDITION = re.compile(r"-(?!-).*[\s<>=(]", re.DOTALL)  # begins like an option, and is none
DAYS = 7  # that `leaving` looks ahead


class Asking(TyperCommand):
    """A command whose argument may begin with a minus: ``townsend query '-b2b.personScore < -5'``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Options and arguments; what can only be a condition is moved behind ``--``."""
        valued = {name for one in self.params if not getattr(one, "is_flag", True) for name in one.opts}
        for at, word in enumerate(args):
            if word == "--":
                break
            if CONDITION.match(word) and (at == 0 or args[at - 1] not in valued):
                args = [*args[:at], *args[at + 1 :], "--", word]
                break
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(cls=Asking)(query)
    group = typer.Typer(help="Saved audiences: audiences/*.yaml.", no_args_is_help=True)
    for name, command in (
        ("ls", ls),
        ("show", show),
        ("members", members),
        ("count", count),
        ("check", check),
        ("explain", explain),
        ("history", history),
        ("diff", diff),
        ("leaving", leaving),
    ):
        group.command(name)(command)
    app.add_typer(group, name="audience")


def query(
    pql: Annotated[str, typer.Argument(metavar="PQL", help="A condition about one entity.")],
    of: Annotated[str, typer.Option("--of", help="person, account, opportunity …")] = "person",
    only_count: Annotated[bool, typer.Option("--count", help="Only how many.")] = False,
    because: Because = False,
    sizes: Annotated[bool, typer.Option("--preview", help="About how many, by condition.")] = False,
    engine: Engine = "auto",
    slow: Slow = False,
    policy: Policy = None,
    now: Now = None,
    as_of: AsOf = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Who meets a condition now, or at another instant."""
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened:
        if sizes:
            world = opened.unified(instant(now, "--now"), instant(as_of, "--as-of"), policy)
            show_sizes(out, opened.resolve(pql, of, strict=True).definition, world)
            return
        start, fixed = instant(now, "--now"), instant(as_of, "--as-of")
        answer = opened.ask(pql, of, now=start, as_of=fixed, engine=engine, slow=slow, policy=policy)
        show_answer(out, answer, only_count, because, slow)


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
        ["audience", "of", "members", "goes to", "description"],
        [[r["name"], r["of"], r["members"], ", ".join(r["to"]), r["description"]] for r in rows],
    )


def members(
    name: Name,
    because: Because = False,
    now: Now = None,
    as_of: AsOf = None,
    engine: Engine = "auto",
    slow: Slow = False,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Who is in an audience."""
    _show_audience(name, now, as_of, engine, slow, project, Output(as_json), because=because)


def count(
    name: Name,
    now: Now = None,
    as_of: AsOf = None,
    engine: Engine = "auto",
    slow: Slow = False,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """How many are in an audience."""
    _show_audience(name, now, as_of, engine, slow, project, Output(as_json), only_count=True)


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
            wrong = any(finding["level"] == "error" for finding in findings)
            failed = failed or wrong
            if as_json:
                out.row({"audience": one, "ok": not wrong, "findings": findings})
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


def diff(
    first: Annotated[str, typer.Argument(metavar="AUDIENCE", help="A name, or the path of a .yaml file.")],
    second: Annotated[str | None, typer.Argument(metavar="[OTHER]", help="Another of the kind.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="ISO", help="The first instant.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="ISO", help="The second; else --now.")] = None,
    now: Now = None,
    engine: Engine = "auto",
    slow: Slow = False,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Who is in one answer and not in the other: two audiences, or one at two instants."""
    from townsend.project.diff import difference
    from townsend.project.project import Project

    if (second is None) == (start is None) or (end is not None and start is None):
        text = "compare with OTHER, or with another instant: `diff A B` or `diff A --from ISO [--to ISO]`"
        raise Invalid("option.diff", text)
    out = Output(as_json)
    at = instant(now, "--now")
    one, two = (at, at) if start is None else (instant(start, "--from"), instant(end, "--to") or at)
    with Project(project) as opened:
        found = difference(opened, first, second, start=one, end=two, engine=engine, slow=slow)
        if as_json:
            out.rows(found.rows())
        else:
            rows = found.rows(SHOWN)
            out.table(
                ["change", "id", "identities"],
                [[row["change"], str(row["id"]), identities(row["identities"])] for row in rows],
            )
            out.line(found.summary())
    for note in found.notes():
        out.note(f"note: {note}")


def leaving(
    name: Name,
    until: Annotated[str | None, typer.Option("--until", metavar="ISO", help="Until when.")] = None,
    days: Annotated[int | None, typer.Option("--days", min=1, help="Or so many days; 7.")] = None,
    now: Now = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Who will leave an audience by time alone, and when."""
    from townsend.project.leaving import leaving_of
    from townsend.project.project import Project

    if until is not None and days is not None:
        raise Invalid("option.until", "give either --until or --days, not both")
    out = Output(as_json)
    with Project(project) as opened:
        start = instant(now, "--now") or opened.clock.now()
        end = instant(until, "--until") or days_after(start, DAYS if days is None else days)
        with out.progress("Looking for the instants …"):
            found = leaving_of(opened, name, end, start)
        if as_json:
            out.rows(found.rows())
        else:
            rows = found.rows(SHOWN)
            out.table(
                ["leaves at", "returns at", "id", "identities"],
                [
                    [row["leaves_at"], row["returns_at"], str(row["id"]), identities(row["identities"])]
                    for row in rows
                ],
            )
            out.line(f"{len(found.leavers):,} of {found.members:,} leave")
    for note in found.notes():
        out.note(f"note: {note}")


def _show_audience(
    name: str,
    now: str | None,
    as_of: str | None,
    engine: str,
    slow: bool,
    project: Path,
    out: Output,
    *,
    only_count: bool = False,
    because: bool = False,
) -> None:
    from townsend.project.project import Project

    with Project(project) as opened:
        answer = opened.members(
            name, now=instant(now, "--now"), as_of=instant(as_of, "--as-of"), engine=engine, slow=slow
        )
        show_answer(out, answer, only_count, because, slow)
