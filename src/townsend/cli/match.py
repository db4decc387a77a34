"""Matches: what waits to be looked at, and deciding on it."""

from __future__ import annotations

import getpass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townsend.cli.options import AsJson, Now, ProjectFolder, instant
from townsend.cli.output import Output

if TYPE_CHECKING:
    from townsend.store.facts_matches import Verdict

__all__ = ["register"]

SHOWN = 50


class State(StrEnum):
    """Of which state; all for every one."""

    review = "review"
    accepted = "accepted"
    confirmed = "confirmed"
    rejected = "rejected"
    outranked = "outranked"
    all = "all"


class Of(StrEnum):
    """What is matched."""

    lead = "lead"
    account = "account"
    related = "related"


Left = Annotated[str, typer.Argument(metavar="ID|LEFT", help="A match's id; or a person or an account.")]
Right = Annotated[str | None, typer.Argument(metavar="[RIGHT]", help="The account, if LEFT is a name.")]
Kind = Annotated[Of | None, typer.Option("--of", help="What is matched: lead, account or related.")]
Note = Annotated[str | None, typer.Option("--note", help="Why.")]
By = Annotated[str | None, typer.Option("--by", help="Who decides.", show_default="you")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    match = typer.Typer(
        help="Leads and accounts, accounts and their doubles: look and decide.", no_args_is_help=True
    )
    match.command("ls")(match_ls)
    match.command("confirm")(match_confirm)
    match.command("reject")(match_reject)
    app.add_typer(match, name="match")


def match_ls(
    state: Annotated[State, typer.Option("--state", help="Which of them.")] = State.review,
    of: Kind = None,
    now: Now = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """List matches with their reasons; those that wait for somebody if nothing else is said."""
    from townsend.project.matching import engine_of, matches
    from townsend.project.project import Project

    out = Output(as_json)
    wanted = None if state is State.all else state.value
    with Project(project) as opened, out.progress("Matching …"):
        engine = engine_of(opened)
        found = matches(
            opened,
            opened.unified(instant(now, "--now")),
            wanted,
            of.value if of else None,
            None if as_json else SHOWN + 1,
        )
    if as_json:
        out.rows(one.to_json() for one in found)
        return
    out.table(
        ["id", "state", "score", "left", "right", "why"],
        [
            [
                one.id,
                one.state,
                "–" if one.score is None else f"{one.score:.3f}",
                one.left["name"] or one.left["key"],
                one.right["name"] or one.right["key"],
                one.why(),
            ]
            for one in found[:SHOWN]
        ],
    )
    if len(found) > SHOWN:
        out.line(f"the {SHOWN} likeliest; all with --json")
    if not found:
        out.line("Nothing waits to be looked at." if state is State.review else "There is none.")
    out.note(f"found by {engine}" if engine else "matching is off; write `matching:` into townsend.yaml")


def match_confirm(
    left: Left,
    right: Right = None,
    of: Kind = None,
    note: Note = None,
    by: By = None,
    now: Now = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Say that a match is right: it holds from now on, whatever its score becomes."""
    _decide("confirmed", left, right, of, note, by, now, project, as_json)


def match_reject(
    left: Left,
    right: Right = None,
    of: Kind = None,
    note: Note = None,
    by: By = None,
    now: Now = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Say that a match is wrong: it is taken away and never proposed again."""
    _decide("rejected", left, right, of, note, by, now, project, as_json)


def _decide(
    verdict: Verdict,
    left: str,
    right: str | None,
    of: Of | None,
    note: str | None,
    by: str | None,
    now: str | None,
    project: Path,
    as_json: bool,
) -> None:
    from townsend.project.decisions import decide
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened, out.progress("Deciding …"):
        done = decide(
            opened,
            verdict,
            left,
            right,
            kind=of.value if of else None,
            who=by or getpass.getuser(),
            note=note,
            now=instant(now, "--now"),
        )
    if as_json:
        out.row(done.to_json())
        return
    out.line(f"{done.id} is {done.verdict}; it takes effect with the next question")
    for text in done.notes:
        out.note(f"note: {text}")
