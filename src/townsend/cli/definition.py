"""A saved audience's definition: as written, laid out, as a tree, in words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townsend.cli.options import AsJson, ProjectFolder
from townsend.cli.output import Output

if TYPE_CHECKING:
    from townsend.project.audiencefile import AudienceFile

__all__ = ["show"]

Name = Annotated[str, typer.Argument(metavar="AUDIENCE")]


def show(
    name: Name,
    words: Annotated[bool, typer.Option("--words", help="In words instead of PQL.")] = False,
    lang: Annotated[str, typer.Option("--lang", help="en, de or zh, for --words.")] = "en",
    formatted: Annotated[bool, typer.Option("--format", help="PQL laid out in one way.")] = False,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """Show an audience's definition."""
    from townsend.project.definitions import laid_out, said, to_json
    from townsend.project.project import Project

    out = Output(as_json)
    with Project(project) as opened:
        audience = opened.audience(name)
        row = {**opened.audience_row(audience), "json": to_json(audience)}
        sentences = said(opened, audience, lang) if words else []
        text = laid_out(audience) if formatted else audience.pql
    if as_json:
        out.row({**row, "words": sentences} if words else row)
        return
    out.line(f"{audience.name} ({audience.of}, version {audience.version})")
    out.line(audience.description.strip())
    out.line()
    out.line("\n".join(sentences) or (text or _listed(audience)).strip())
    for activation in audience.activate:
        out.line(f"→ {activation.to}{' (paused)' if activation.paused else ''}")


def _listed(audience: AudienceFile) -> str:
    members = audience.members
    return "" if members is None else f"members: the values of {members.file}, by {members.by}"
