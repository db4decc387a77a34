"""Answers on the terminal or for a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from townsend.cli.output import Output

if TYPE_CHECKING:
    from townsend.audiences.core import Definition
    from townsend.profiles import Unified
    from townsend.project.project import Answer

__all__ = ["SHOWN", "identities", "show_answer", "show_sizes"]

SHOWN = 50


def show_sizes(out: Output, definition: Definition, world: Unified) -> None:
    """How many meet each condition, about."""
    from townsend.audiences.preview import preview

    found = preview(definition, world)
    if out.as_json:
        out.rows(found.rows())
        return
    out.table(
        ["condition", "members", "±"],
        [[row["condition"], row["members"], row["error"] or None] for row in found.rows()],
    )
    if found.sample is not None:
        out.line(f"estimated from a sample: {found.sample}")


def show_answer(out: Output, answer: Answer, only_count: bool) -> None:
    """Who is in, the first of them in a table; what should be said beside it on stderr."""
    if only_count:
        if out.as_json:
            out.row({"count": len(answer.ids)})
        else:
            out.line(f"{len(answer.ids):,}")
    elif out.as_json:
        out.rows(answer.rows())
    else:
        rows = answer.rows(SHOWN)
        out.table(["id", "identities"], [[str(row["id"]), identities(row["identities"])] for row in rows])
        more = len(answer.ids) - len(rows)
        out.line(f"{len(answer.ids):,} {answer.of}{f', {more:,} more with --json' if more else ''}")
    for note in answer.notes:
        out.note(f"note: {note}")
    if answer.undecided:
        out.note(f"undecided: {answer.undecided}")


def identities(known: dict[str, Any]) -> str:
    """By what names somebody is known, in one line."""
    return "; ".join(f"{space} {', '.join(values)}" for space, values in known.items())
