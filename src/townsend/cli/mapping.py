"""Mappings: which field of a vendor's row becomes which of ours, and what becomes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from townsend.cli.options import AsJson, ProjectFolder
from townsend.cli.output import Output
from townsend.cli.streams import raise_last

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(help="What becomes of a source's fields: look, and find gaps.", no_args_is_help=True)
    group.command("show")(mapping_show)
    group.command("gaps")(mapping_gaps)
    app.add_typer(group, name="mapping")


def mapping_show(
    source: Annotated[str, typer.Argument(metavar="SOURCE")],
    table: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="All if none is named.")] = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Show what a source's fields become, with what the project changes of it."""
    from townsend.problem import Invalid
    from townsend.project.mappings import lines_of, tables_of
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened:
        tables = tables_of(opened, source)
        if table is not None and table not in tables:
            raise Invalid(
                "mapping.table",
                f"{source}: there is no table {table!r}; it has {', '.join(tables)}",
                got=table,
            )
        found = [
            line
            for name in tables
            if table in (None, name)
            for line in lines_of(opened, source, tables[name])
        ]
    if as_json:
        out.rows(line.to_json() for line in found)
        return
    if not tables:
        out.line(f"The rows of {source} come as they are: nothing is mapped.")
        return
    out.table(
        ["table", "class", "field", "from", "said by"],
        [[one.table, one.cls, one.target, _words(one.spec), one.said_by] for one in found],
    )


def _words(spec: Any) -> str:
    if spec is None:
        return "– left out"
    if isinstance(spec, str):
        return spec
    return json.dumps(spec, ensure_ascii=False)


def mapping_gaps(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]...", help="All if none is named.")
    ] = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Read the first rows of each stream and list the fields that become nothing, the most filled first."""
    from townsend.project.preview import preview
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened, opened.connected(), out.progress("Looking …") as update:
        found = preview(opened, sources or [], 0, progress=update)
    gaps = [(one, gap) for one in found for gap in one.gaps]
    if as_json:
        out.rows({"source": one.source, "stream": one.stream, **gap.to_json()} for one, gap in gaps)
    elif gaps:
        out.table(
            ["source", "table", "field", "filled", "of rows", "percent"],
            [
                [one.source, gap.table, gap.field, gap.filled, gap.rows, round(gap.percent)]
                for one, gap in gaps
            ],
        )
        out.note("note: map a field by a line in mappings/SOURCE.yaml; `townsend mapping show` has examples")
    else:
        out.line("Every field that came is mapped.")
    raise_last(out, [one.problem for one in found if one.problem is not None])
