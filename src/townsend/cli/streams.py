"""How what was pulled is shown, and how a command ends that has brought rows in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from townsend.cli.output import Output

if TYPE_CHECKING:
    from townsend.problem import Problem
    from townsend.project.pull import StreamReport

__all__ = ["end_with", "raise_last", "show_streams"]


def show_streams(out: Output, streams: Sequence[StreamReport]) -> None:
    """What each stream brought, then what is to be said about it."""
    if out.as_json:
        out.rows(stream.to_json() for stream in streams)
        return
    if streams:
        out.table(
            ["source", "stream", "class", "rows", "new", "unchanged", "deleted", "quarantined", "calls"],
            [
                [
                    s.source,
                    s.stream,
                    s.cls,
                    s.accepted.rows,
                    s.accepted.accepted,
                    s.accepted.unchanged,
                    s.deleted,
                    s.accepted.quarantined,
                    s.calls,
                ]
                for s in streams
            ],
        )
    for stream in streams:
        for note in stream.notes:
            out.note(f"note: {stream.source}.{stream.stream}: {note}")


def raise_last(out: Output, problems: Sequence[Problem]) -> None:
    """End as the last source that failed says; the others before it are told first."""
    for problem in problems[:-1]:
        out.note(f"{problem.text}  [{problem.code}]")
    if problems:
        raise problems[-1]


def end_with(out: Output, quarantined: int) -> None:
    """End with 3 if rows were quarantined."""
    if quarantined:
        rows = "1 row was" if quarantined == 1 else f"{quarantined:,} rows were"
        out.note(f"{rows} quarantined; see `townsend quarantine ls`")
        raise typer.Exit(3)
