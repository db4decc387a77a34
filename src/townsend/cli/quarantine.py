"""Rows that could not be taken: how many and why, one in full, taken again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from townsend.cli.options import AsJson, ProjectFolder
from townsend.cli.output import Output
from townsend.cli.streams import end_with

__all__ = ["register"]

SHOWN = 50

Source = Annotated[str | None, typer.Option("--source", help="Only rows of this source.")]
Code = Annotated[str | None, typer.Option("--code", help="Only rows refused with this code.")]
Class = Annotated[str | None, typer.Option("--class", help="Only rows of this class.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(help="Rows that could not be taken: look, mend, take again.", no_args_is_help=True)
    group.command("ls")(quarantine_ls)
    group.command("show")(quarantine_show)
    group.command("replay")(quarantine_replay)
    app.add_typer(group, name="quarantine")


def quarantine_ls(
    source: Source = None,
    code: Code = None,
    cls: Class = None,
    rows: Annotated[
        int, typer.Option("--rows", min=0, help="How many rows to list below the counts; 0 for none.")
    ] = SHOWN,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Count the rows that could not be taken by reason, and list the oldest."""
    from townsend.project.project import Project
    from townsend.store import quarantine as kept
    from townsend.store.quarantine import Wanted

    out = Output(as_json)
    wanted = Wanted(source, code, cls)
    with Project(project) as opened:
        kinds = kept.counts(opened.facts, wanted)
        found = kept.ls(opened.facts, wanted, most=None if as_json else rows)
    if as_json:
        out.rows(row.to_json() for row in found)
        return
    total = sum(kind.rows for kind in kinds)
    if not total:
        out.line("Nothing is in quarantine." if wanted == Wanted() else "No such row is in quarantine.")
        return
    out.table(
        ["rows", "code", "source", "class", "field", "such as"],
        [[k.rows, k.code, k.source, k.cls, k.path or "", k.example] for k in kinds],
    )
    if found:
        out.line()
        out.table(
            ["id", "class", "source", "place", "field", "code"],
            [[r.id, r.cls, r.source, r.place, r.path or "", r.code] for r in found],
        )
    if len(found) < total:
        out.note(
            f"note: {total - len(found):,} more; --source, --code, --class and --rows choose, --json has all"
        )


def quarantine_show(
    row_id: Annotated[int, typer.Argument(metavar="ID")],
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Show one row, where it stood, what was expected of it, and what came."""
    from townsend.profiles.values import instant as instant_at
    from townsend.project.project import Project
    from townsend.store import quarantine as kept

    out = Output(as_json)
    with Project(project) as opened:
        row = kept.show(opened.facts, row_id)
    if as_json:
        out.row(row.to_json())
        return
    for name, value in row.to_json().items():
        if value is not None and name != "row":
            shown = instant_at(value).isoformat(timespec="seconds") if name.endswith("_ms") else value
            out.line(f"{name.removesuffix('_ms'):<10} {shown}")
    out.line("row")
    for line in _spread(row.row):
        out.line("  " + line)


def _spread(text: str) -> list[str]:
    """A row as it came, one field a line if it is JSON."""
    try:
        value: Any = json.loads(text)
    except ValueError:
        return text.splitlines() or [""]
    return json.dumps(value, ensure_ascii=False, indent=2).splitlines()


def quarantine_replay(
    ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", help="All that the options name if none is.")
    ] = None,
    source: Source = None,
    code: Code = None,
    cls: Class = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Try rows again, after the schema was mended."""
    from townsend.problem import Invalid
    from townsend.project.load import replay_rows
    from townsend.project.project import Project
    from townsend.store.quarantine import Wanted

    wanted = Wanted(source, code, cls)
    if ids and wanted != Wanted():
        raise Invalid(
            "option.clash", "name rows by their ids, or choose them by --source, --code and --class"
        )
    out = Output(as_json)
    with Project(project) as opened, out.progress("Taking again …") as update:
        accepted = replay_rows(opened, ids or None, wanted, progress=update)
    if as_json:
        out.row(accepted.to_json())
    else:
        out.line(accepted.sentence())
    end_with(out, accepted.quarantined)
