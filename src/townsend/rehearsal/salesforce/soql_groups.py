"""SOQL's aggregates: counts, sums and extremes, of all rows or of groups of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from townsend.rehearsal.salesforce.soql_parts import Lookup, Malformed, Path, Row

__all__ = ["FUNCTIONS", "Aggregate", "checked", "grouped"]

_NUMBERS = {"currency", "double", "percent", "int"}
FUNCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "COUNT": len,
    "COUNT_DISTINCT": lambda values: len(set(values)),
    "SUM": lambda values: sum(values) if values else None,
    "AVG": lambda values: sum(values) / len(values) if values else None,
    "MIN": lambda values: min(values, default=None),
    "MAX": lambda values: max(values, default=None),
}
GROUPS_MAX = 2_000


@dataclass(frozen=True)
class Aggregate:
    """One column of an answer in groups: a function of a field, or a field that is grouped by."""

    name: str
    path: Path
    function: str | None = None


def checked(columns: Sequence[Aggregate], by: Sequence[Path]) -> Sequence[Aggregate]:
    """Columns that fit what is grouped by; those without a name are called ``expr0`` and so on.

    Raises:
        QueryFault: a field is neither grouped by nor in a function, or a function does not fit its field.
    """
    found: list[Aggregate] = []
    grouped_by = {path.text for path in by}
    unnamed = 0
    for column in columns:
        if column.function is None and column.path.text not in grouped_by:
            raise Malformed(f"Field must be grouped or aggregated: {column.path.text}")
        if column.function in {"SUM", "AVG"} and column.path.field.type not in _NUMBERS:
            raise Malformed(f"field {column.path.text} does not support aggregate operator {column.function}")
        name = column.name
        if not name:
            name, unnamed = f"expr{unnamed}", unnamed + 1
        found.append(Aggregate(name, column.path, column.function))
    return found


def grouped(
    rows: Sequence[Row], columns: Sequence[Aggregate], by: Sequence[Path], look: Lookup
) -> list[dict[str, Any]]:
    """One record a group, in the order in which groups are met; without groups one of all rows."""
    groups: dict[tuple[Any, ...], list[Row]] = {} if by else {(): list(rows)}
    for row in rows if by else ():
        groups.setdefault(tuple(look(row, path) for path in by), []).append(row)
    if len(groups) > GROUPS_MAX:
        raise Malformed("Aggregate query does not support queryMore(), use LIMIT to restrict the results")
    names = [path.text for path in by]
    records = []
    for values, members in groups.items():
        record: dict[str, Any] = {"attributes": {"type": "AggregateResult"}}
        for column in columns:
            if column.function is None:
                record[column.name] = values[names.index(column.path.text)]
            else:
                held = [value for row in members if (value := look(row, column.path)) is not None]
                record[column.name] = FUNCTIONS[column.function](held)
        records.append(record)
    return records
