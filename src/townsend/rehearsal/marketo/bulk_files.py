"""The files of bulk extracts: leads, activities and program members as CSV, TSV or SSV.

Rows end in a line feed, quotes are doubled, an empty value is the word ``null``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from townsend.rehearsal import times
from townsend.rehearsal.marketo.activities import Activities, Activity
from townsend.rehearsal.marketo.people import Lead

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ACTIVITY_COLUMNS", "FORMATS", "activity_file", "lead_file", "table"]

FORMATS = {"CSV": ",", "TSV": "\t", "SSV": ";"}
ACTIVITY_COLUMNS = (
    "marketoGUID", "leadId", "activityDate", "activityTypeId", "campaignId", "primaryAttributeValueId",
    "primaryAttributeValue", "attributes",
)  # fmt: skip
_encode = msgspec.json.Encoder().encode


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], form: str) -> bytes:
    """Rows under a head; booleans are words unless they come as numbers."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=FORMATS[form], lineterminator="\n")
    writer.writerow(head)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    if value is None or value == "":
        return "null"
    return str(value).lower() if isinstance(value, bool) else value


def lead_file(leads: Sequence[Lead], names: Sequence[str], head: Sequence[str], form: str) -> bytes:
    """Leads in the order given."""
    return table(head, ([lead.get(name) for name in names] for lead in leads), form)


def activity_file(
    activities: Activities,
    positions: NDArray[np.int64],
    columns: Sequence[str],
    head: Sequence[str],
    form: str,
) -> bytes:
    """Activities in the order of their positions."""
    whole = tuple(columns) == ACTIVITY_COLUMNS and form == "CSV"
    rows = activities.many(positions)
    if whole:
        lines = [",".join(head), *map(_line, rows)]
        return ("\n".join(lines) + "\n").encode()
    return table(head, ([_value(row, name) for name in columns] for row in rows), form)


def _line(row: Activity) -> str:
    """One line of all columns; by hand, since files of ten thousand rows are made while one waits."""
    told = row.told
    primary = "null" if told.primary is None else _quoted(told.primary)
    number = "null" if told.primary_id is None else told.primary_id
    attributes = _encode(told.attributes).decode().replace('"', '""')
    who = f"{row.id},{row.lead},{times.text(row.at_ms)},{row.type},{told.campaign}"
    return f'{who},{number},{primary},"{attributes}"'


def _quoted(value: str) -> str:
    special = '"' in value or "," in value or "\n" in value
    return '"' + value.replace('"', '""') + '"' if special else value or "null"


def _value(row: Activity, name: str) -> Any:
    if name == "marketoGUID":
        return row.id
    if name == "leadId":
        return row.lead
    if name == "activityDate":
        return times.text(row.at_ms)
    if name == "activityTypeId":
        return row.type
    if name == "campaignId":
        return row.told.campaign
    if name == "primaryAttributeValueId":
        return row.told.primary_id
    if name == "primaryAttributeValue":
        return row.told.primary
    return _encode(row.told.attributes).decode()
