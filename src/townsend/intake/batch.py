"""Rows on their way in: one bounded lot, flat, in whatever types the reader found.

Readers of JSON, CSV and Parquet all end here, and everything after reads only this: columns by
dotted path, each with the kind of value it holds, as SQL over one relation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

from townsend.store.quarantine import Refusal

__all__ = ["Batch", "Column", "Kind"]

Kind = Literal[
    "string",  # text
    "text",  # a CSV cell: text that may spell a value of any type
    "boolean",
    "integer",
    "numeral",  # text that spells a JSON number
    "decimal",
    "double",
    "timestamp",
    "date",
    "document",  # canonical JSON text of an array or map, already checked
    "nested",  # a Parquet list, struct or map
    "json",  # JSON text of any type, one by one
    "other",
]


@dataclass(frozen=True, slots=True)
class Column:
    """A declared field as it came.

    Args:
        path: dotted path.
        kind: what its values are.
        sql: an expression over the batch's relation.
    """

    path: str
    kind: Kind
    sql: str


@dataclass
class Batch:
    """One lot of rows.

    Args:
        relation: what to select from.
        rows: rows in the lot, refused ones too.
        columns: declared fields.
        place: an ordinal to ``file:line``.
        raw: ordinals to rows as JSON text.
        extra: an expression giving the undeclared fields as JSON text.
        nulls: an expression giving the paths that came as null, ``VARCHAR[]``.
        undeclared: paths of undeclared fields.
        refused: rows the reader could not make columns of.
        tables: what must be registered while the relation is read.
        form: ``text`` if values came as text only, so that text may spell numbers.
        ordinal: the column of the relation that numbers the rows.
        notes: what a person should know about how the rows were read.
    """

    relation: str
    rows: int
    columns: Sequence[Column]
    place: Callable[[int], str]
    raw: Callable[[Sequence[int]], Mapping[int, str]]
    extra: str | None = None
    nulls: str | None = None
    undeclared: frozenset[str] = frozenset()
    refused: list[Refusal] = field(default_factory=list)
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    form: Literal["typed", "text"] = "typed"
    ordinal: str = '"@row"'
    notes: list[str] = field(default_factory=list)
