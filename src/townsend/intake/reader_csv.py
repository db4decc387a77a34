"""CSV files: a header of dotted paths, one row a line, every value a text that may spell another type.

An empty cell is absent; ``\\N``, ``NULL`` and ``null`` are null. The delimiter is the one of ``, ; tab |``
that the header has most of. UTF-8, with or without byte order mark, UTF-16 with one, else Windows-1252.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from townsend.intake.batch import Batch, Column
from townsend.intake.csv_text import Layout, RowLines
from townsend.intake.items import json_text
from townsend.intake.undeclared import document_sql, grown, paths_of
from townsend.model import EntityClass, Shape
from townsend.problem import Invalid
from townsend.store.facts_schema import identifier
from townsend.store.quarantine import Refusal

__all__ = ["NULLS", "ROWS_PER_LOT", "check_names", "csv_batches", "ragged"]

ROWS_PER_LOT = 200_000
NULLS = ("\\N", "NULL", "null")
RELATION = "townsend_rows"
_BLOCK = 8 << 20
_TOKENS = ", ".join(f"'{token}'" for token in NULLS)


def csv_batches(path: Path, cls: EntityClass, layout: Layout) -> Iterator[Batch]:
    """The rows of a file in lots.

    Raises:
        Invalid: ``file.column`` for a header that names an object; ``file.unreadable``.
    """
    names, encoding = layout.names, layout.encoding
    if not names:
        return
    _check_objects(path, names, cls.shape)
    lines = RowLines(path, layout)
    odd_rows: list[Any] = []

    def odd(row: Any) -> str:
        odd_rows.append(row)
        return "skip"

    try:
        reader = arrow_csv.open_csv(
            pa.input_stream(str(path), compression="gzip" if path.suffix.lower() == ".gz" else None),
            read_options=arrow_csv.ReadOptions(
                encoding=encoding,
                column_names=list(names),
                skip_rows_after_names=1,
                block_size=_BLOCK,
                use_threads=False,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=layout.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=True,
                invalid_row_handler=odd,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
        yield from _lots(reader, path, cls, names, odd_rows, lines)
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return
        raise Invalid(
            "file.unreadable",
            f"{path}: expected a CSV file in {encoding}, but it can't be read as one ({error}); "
            "write it again",
            path=str(path),
        ) from error


def _lots(
    reader: Any,
    path: Path,
    cls: EntityClass,
    names: Sequence[str],
    odd_rows: list[Any],
    lines: RowLines,
) -> Iterator[Batch]:
    pending: list[pa.RecordBatch] = []
    schema = pa.schema([(name, pa.string()) for name in names])
    first = odd = waiting = 0

    def lot() -> Batch:
        nonlocal first, odd, waiting
        table = pa.Table.from_batches(pending, schema=schema)
        refused = [
            ragged(f"{path}:{lines.ragged(odd + n)}", row.expected_columns, row.actual_columns, row.text)
            for n, row in enumerate(odd_rows)
        ]
        batch = _batch(table, path, cls, names, lines, first, refused)
        first, odd, waiting = first + table.num_rows, odd + len(odd_rows), 0
        pending.clear()
        odd_rows.clear()
        return batch

    for part in reader:
        pending.append(part)
        waiting += part.num_rows
        if waiting >= ROWS_PER_LOT:
            yield lot()
    if waiting or odd_rows:
        yield lot()


def _batch(
    table: pa.Table,
    path: Path,
    cls: EntityClass,
    names: Sequence[str],
    lines: RowLines,
    first: int,
    refused: list[Refusal],
) -> Batch:
    """A lot of whole rows, the first of which is the file's row ``first``, counted from 0."""
    ordinals = pa.array(np.arange(table.num_rows), pa.int64())
    table = table.append_column("@row", ordinals)
    shape = cls.shape
    has_null = {name for name in names if pc.any(pc.is_in(table[name], pa.array(NULLS))).as_py()}
    declared = [name for name in names if _is_declared(shape, name)]
    other = {name: _document_cell(name) for name in names if not _is_declared(shape, name)}
    tree = grown(other) if other else None
    return Batch(
        relation=RELATION,
        rows=table.num_rows + len(refused),
        columns=[Column(name, "text", _cell(name)) for name in declared],
        place=lambda ordinal: f"{path}:{lines.whole(first + ordinal)}",
        raw=lambda ordinals: _raw(table, names, ordinals),
        extra=document_sql(tree) if tree else None,
        nulls=_nulls([name for name in declared if name in has_null]),
        undeclared=paths_of(tree) if tree else frozenset(),
        refused=refused,
        tables={RELATION: table},
        form="text",
    )


def _is_declared(shape: Shape, name: str) -> bool:
    return name in shape.leaves or name in shape.arrays or name in shape.maps


def _cell(name: str) -> str:
    sql = identifier(name)
    return f"CASE WHEN {sql} NOT IN ('', {_TOKENS}) THEN {sql} END"


def _document_cell(name: str) -> str:
    sql = identifier(name)
    text = f"CAST(to_json(nfc_normalize({sql})) AS VARCHAR)"
    return f"CASE WHEN {sql} IN ({_TOKENS}) THEN 'null' WHEN {sql} <> '' THEN {text} END"


def _nulls(names: Sequence[str]) -> str | None:
    if not names:
        return None
    listed = ", ".join(
        f"CASE WHEN {identifier(name)} IN ({_TOKENS}) THEN '{name.replace(chr(39), chr(39) * 2)}' END"
        for name in sorted(names)
    )
    present = f"list_filter([{listed}], lambda path: path IS NOT NULL)"
    return f"CASE WHEN len({present}) > 0 THEN {present} END"


def _raw(table: pa.Table, names: Sequence[str], ordinals: Sequence[int]) -> dict[int, str]:
    rows = table.select(list(names)).take(pa.array(ordinals, pa.int64())).to_pylist()
    return {
        ordinal: json_text({name: None if cell in NULLS else cell for name, cell in row.items() if cell})
        for ordinal, row in zip(ordinals, rows, strict=True)
    }


def ragged(place: str, expected: int, came: int, row: str) -> Refusal:
    """Why a row with another number of cells than the header is none."""
    return Refusal(
        place,
        None,
        "csv.cells",
        f"{expected} cells, as the header has",
        f"{came} cells",
        "quote cells that hold the delimiter, and load the row again",
        row,
    )


def check_names(path: Path, names: Sequence[str]) -> None:
    """Complain about a header that names no column, or two the same.

    Raises:
        Invalid: ``file.column``.
    """
    for number, name in enumerate(names, 1):
        if not name:
            raise _wrong(path, f"column {number} has no name; name it, or take it out")
        if "\0" in name:
            raise _wrong(path, f"the name of column {number} holds a NUL character; take it out")
        if name in names[: number - 1]:
            raise _wrong(path, f"two columns are named {name!r}; rename one")


def _check_objects(path: Path, names: Sequence[str], shape: Shape) -> None:
    for name in names:
        if name in shape.objects:
            inside = min(leaf for leaf in shape.names() if leaf.startswith(name + "."))
            raise _wrong(
                path,
                f"the column {name!r} stands for an object; give a column to each of its fields, "
                f"such as {inside!r}",
            )


def _wrong(path: Path, text: str) -> Invalid:
    return Invalid("file.column", f"{path}: {text}", path=str(path))
