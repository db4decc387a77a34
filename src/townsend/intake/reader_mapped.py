"""Files whose rows are not ours yet: each row as it stands in the file is handed to a mapping first.

CSV cells are texts, those that are empty or a word for null are left out. A row that cannot be read is
refused with its line, as in files that need no mapping; what becomes of the others is checked as usual.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from pyarrow import parquet

from townsend.intake.batch import Batch
from townsend.intake.csv_text import Layout, rows_of
from townsend.intake.flatten import Flattener
from townsend.intake.items import decoder, row_text
from townsend.intake.reader_csv import NULLS, ragged
from townsend.intake.reader_parquet import plain_copy
from townsend.intake.reading import Reading
from townsend.intake.rows import Line, line_batches
from townsend.intake.rules import IntakeRules
from townsend.model import EntityClass
from townsend.problem import Invalid
from townsend.store.quarantine import Refusal

__all__ = ["from_csv", "from_lines", "from_parquet", "mapped_batches"]

# A row of a file with its place, or why it is none.
Record = tuple[str, Mapping[str, Any]] | Refusal
_ROWS_AT_ONCE = 10_000
_REMEDY = "correct the row and load it again"


def mapped_batches(
    cls: EntityClass, rules: IntakeRules, records: Iterator[Record], reading: Reading
) -> Iterator[Batch]:
    """Rows of the class as lots."""
    assert reading.make is not None
    make = reading.make
    refused: list[Refusal] = []

    def lines() -> Iterator[Line]:
        ordinal = 0
        for record in records:
            if isinstance(record, Refusal):
                refused.append(record)
                continue
            place, row = record
            for made in make(row):
                ordinal += 1
                yield ordinal, place, row_text(made)

    for batch in line_batches(cls, rules.open, lines()):
        yield replace(batch, rows=batch.rows + len(refused), refused=[*batch.refused, *refused])
        refused.clear()
    if refused:
        rest = Flattener(cls, rules.open).batch(rows=len(refused), place=str, raw=dict)
        yield replace(rest, refused=refused)


def from_csv(path: Path, layout: Layout) -> Iterator[Record]:
    """The rows of a CSV file by the names in its header."""
    names = layout.names
    for line, cells in rows_of(path, layout):
        if len(cells) != len(names):
            yield ragged(f"{path}:{line}", len(names), len(cells), layout.delimiter.join(cells))
        else:
            found = zip(names, cells, strict=True)
            yield f"{path}:{line}", {name: cell for name, cell in found if cell and cell not in NULLS}


def from_lines(lines: Iterator[Line]) -> Iterator[Record]:
    """The objects of a JSON file."""
    for _, place, text in lines:
        try:
            row = decoder.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            row, came = None, str(error)
        else:
            came = f"a {type(row).__name__}"
        if isinstance(row, dict):
            yield place, row
        else:
            raw = text.decode("utf-8", "backslashreplace")
            yield Refusal(place, None, "row.syntax", "one JSON object", f"{raw[:40]} ({came})", _REMEDY, raw)


def from_parquet(path: Path) -> Iterator[Record]:
    """The rows of a Parquet file; an instant without a time zone is one in UTC.

    Raises:
        Invalid: ``file.unreadable``.
    """
    with plain_copy(path) as plain:
        try:
            file = parquet.ParquetFile(plain)
        except pa.ArrowInvalid as error:
            raise Invalid(
                "file.unreadable",
                f"{path}: expected a Parquet file, but it can't be read as one ({error}); write it again",
                path=str(path),
            ) from error
        with file:
            number = 0
            for batch in file.iter_batches(_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}:row {number}", {name: _aware(value) for name, value in row.items()}


def _aware(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _aware(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_aware(inner) for inner in value]
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
