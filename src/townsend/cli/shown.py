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
UNDECIDED_SHOWN = 5


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


def show_answer(
    out: Output, answer: Answer, only_count: bool, because: bool = False, slow: bool = False
) -> None:
    """Who is in, the first of them in a table; what should be said beside it on stderr.

    Args:
        because: also by which records each qualifies; of very many only if it may be ``slow``.
    """
    if only_count:
        if out.as_json:
            out.row({"count": len(answer.ids)})
        else:
            out.line(f"{len(answer.ids):,}")
    elif out.as_json:
        if because:
            answer.patient(slow)
        out.rows(answer.rows(because=because))
    else:
        rows = answer.rows(SHOWN)
        columns = [[str(row["id"]), identities(row["identities"])] for row in rows]
        if because:
            columns = [[*row, reasons] for row, reasons in zip(columns, answer.told(SHOWN), strict=True)]
        out.table(["id", "identities", *(["because"] if because else [])], columns)
        more = len(answer.ids) - len(rows)
        out.line(f"{len(answer.ids):,} {answer.of}{f', {more:,} more with --json' if more else ''}")
    for note in answer.notes:
        out.note(f"note: {note}")
    if len(answer.undecided):
        _show_undecided(out, answer)


def _show_undecided(out: Output, answer: Answer) -> None:
    """About how many nobody can say; for people also the first of them, and which rates would help."""
    from townsend.audiences import answers

    out.note(f"undecided: {len(answer.undecided)}")
    if out.as_json:
        return
    some = answers.rows(answer.unified, answer.of, answer.undecided[:UNDECIDED_SHOWN])
    for row in some:
        out.note(f"  {row['id']}  {identities(row['identities'])}")
    if len(answer.undecided) > len(some):
        out.note(f"  and {len(answer.undecided) - len(some):,} more")
    for line in answer.unified.report.lacking():
        out.note(f"  {line}")


def identities(known: dict[str, Any]) -> str:
    """By what names somebody is known, in one line."""
    return "; ".join(f"{space} {', '.join(values)}" for space, values in known.items())
