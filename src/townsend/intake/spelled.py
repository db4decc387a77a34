"""Numbers as they were spelled, where that says more than what is kept of them.

A number has nine places. Where one came with more, or with an exponent, its text is kept beside it, so that
nothing of what a source said is lost. A binary float has no spelling of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from townsend.intake.batch import Column
from townsend.intake.convert import FINE, NUMERAL
from townsend.model import Shape

__all__ = ["SPELLED", "spelled_sql"]

SPELLED = "@spelled"  # the column of facts that holds field to text as JSON, null for most rows
_WITH_TEXT = ("numeral", "text", "json", "decimal")


def spelled_sql(shape: Shape, columns: Sequence[Column]) -> str | None:
    """The expression for the JSON text of field to spelling; None if no column can need it."""
    parts = [
        _part(column)
        for column in columns
        if column.path in shape.leaves
        and shape.leaves[column.path].type in ("number", "integer")
        and column.kind in _WITH_TEXT
    ]
    if not parts:
        return None
    anything = f"coalesce({', '.join(parts)})" if len(parts) > 1 else parts[0]
    return f"CASE WHEN {anything} IS NOT NULL THEN '{{' || concat_ws(',', {', '.join(parts)}) || '}}' END"


def _part(column: Column) -> str:
    text = f"trim(CAST({column.sql} AS VARCHAR))"
    name = column.path.replace("'", "''")
    is_fine = f"regexp_matches({text}, '{FINE}') AND regexp_full_match({text}, '{NUMERAL}')"
    return f"CASE WHEN {is_fine} THEN '\"{name}\":\"' || {text} || '\"' END"
