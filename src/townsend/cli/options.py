"""The options every command shares, declared once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from townsend.problem import Invalid

__all__ = ["AsJson", "AsOf", "Now", "ProjectFolder", "instant"]

ProjectFolder = Annotated[
    Path, typer.Option("--project", "-p", help="The project's folder.", metavar="DIR", show_default="here")
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine form on stdout; NDJSON for lists.")]
Now = Annotated[
    str | None,
    typer.Option("--now", help="The evaluation instant, ISO 8601. Default: the clock.", metavar="ISO"),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", help="As the sources' own times had it at that instant, ISO 8601.", metavar="ISO"
    ),
]


def instant(text: str | None, option: str) -> datetime | None:
    """The aware UTC instant that an ISO 8601 text names; a text without an offset is UTC.

    Raises:
        Invalid: ``option.instant``.
    """
    if text is None:
        return None
    try:
        value = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Invalid(
            "option.instant",
            f"{option}: expected an instant such as 2026-11-22T12:00:00Z, got {text!r}",
            option=option,
        ) from None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
