"""The options every command shares, declared once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from townsend.clock import instant_of

__all__ = [
    "AsJson",
    "AsOf",
    "Because",
    "Engine",
    "Now",
    "Policy",
    "ProjectFolder",
    "Slow",
    "days_after",
    "instant",
]

ProjectFolder = Annotated[
    Path, typer.Option("--project", "-p", help="The project's folder.", metavar="DIR", show_default="here")
]
Engine = Annotated[str, typer.Option("--engine", help="auto, batch or reference.")]
Because = Annotated[bool, typer.Option("--because", help="With the records by which each qualifies.")]
Slow = Annotated[bool, typer.Option("--slow", help="Start also what says that it takes long.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine form on stdout; NDJSON for lists.")]
Policy = Annotated[
    str | None,
    typer.Option("--policy", metavar="NAME", help="See the facts under this merge policy of the settings."),
]
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
    return None if text is None else instant_of(text, option)


def days_after(start: datetime, days: int) -> datetime:
    """So many days later, at most the last day that can be named."""
    try:
        return start + timedelta(days=days)
    except OverflowError:
        return datetime(9999, 12, 31, tzinfo=UTC)
