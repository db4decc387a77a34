"""Large CSV files as tables of texts, a bounded number of rows at a time; the rows are those of ``csv_rows``.

What the fast reader cannot take (two columns of one name, a cell larger than a block, a quote that never
ends) is read again row by row from the file's beginning: a row that comes twice changes nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO, Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

__all__ = ["cell_tables", "csv_rows"]

CELL_BYTES_MAX = 64 * 1024 * 1024
BLOCK_BYTES = 12 << 20
ROWS_AT_ONCE = 20_000  # read row by row


def csv_rows(file: IO[bytes]) -> Iterator[dict[str, str]]:
    """The rows of a file; cells may hold line feeds, lone carriage returns and NUL."""
    csv.field_size_limit(CELL_BYTES_MAX)
    reader = csv.reader(_lines(file))
    header = next(reader, None)
    if header is None:
        return
    for cells in reader:
        if cells:
            yield dict(zip(header, cells, strict=False))


def cell_tables(file: IO[bytes]) -> Iterator[pa.Table]:
    """The same rows as tables of texts; an empty cell is null."""
    csv.field_size_limit(CELL_BYTES_MAX)
    names = next(csv.reader(_lines(file)), None)
    file.seek(0)
    if names is None:
        return
    if len(set(names)) == len(names) > 1:
        try:
            yield from _fast(file, names)
            return
        except pa.ArrowInvalid:
            file.seek(0)
    rows = csv_rows(file)
    while some := list(islice(rows, ROWS_AT_ONCE)):
        yield _table(list(dict.fromkeys(names)), some)


def _fast(file: IO[bytes], names: Sequence[str]) -> Iterator[pa.Table]:
    ragged: list[str] = []

    def odd(row: Any) -> str:
        ragged.append(row.text)
        return "skip"

    reader = arrow_csv.open_csv(
        _Clean(file),
        read_options=arrow_csv.ReadOptions(
            column_names=list(names), skip_rows_after_names=1, block_size=BLOCK_BYTES, use_threads=False
        ),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=odd),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
        ),
    )
    for batch in reader:
        if batch.num_rows:
            yield pa.Table.from_batches([batch])
    if ragged:
        # Cells are told by their place; those that a row lacks are absent, what it has too many is left out.
        found = [
            dict(zip(names, next(csv.reader(io.StringIO(text, newline=""))), strict=False)) for text in ragged
        ]
        yield _table(names, found)


def _table(names: Sequence[str], rows: Sequence[dict[str, str]]) -> pa.Table:
    return pa.table({name: pa.array([row.get(name) or None for row in rows], pa.string()) for name in names})


class _Clean:
    """The bytes of a file as ``_lines`` would have them, read in pieces of whole lines."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = b""
        self._first = True

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes; none at the end."""
        if not self._left:
            piece = self._file.read(max(size, 1 << 20) if size >= 0 else -1)
            if piece and not piece.endswith(b"\n"):
                piece += self._file.readline()
            self._left = self._cleaned(piece)
        if size < 0 or size >= len(self._left):
            found, self._left = self._left, b""
        else:
            found, self._left = self._left[:size], self._left[size:]
        return found

    def _cleaned(self, piece: bytes) -> bytes:
        if self._first:
            piece, self._first = piece.removeprefix(b"\xef\xbb\xbf"), False
        if not piece.isascii():
            try:
                piece.decode()
            except UnicodeDecodeError:
                piece = piece.decode("utf-8", "replace").encode()
        if b"\0" in piece:
            piece = piece.replace(b"\0", b"")
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b" ")
        return piece

    def close(self) -> None:
        """The file belongs to whoever opened it."""


def _lines(file: IO[bytes]) -> Iterator[str]:
    # Only the line feed ends a line here: a carriage return inside a cell is text.
    for n, raw in enumerate(file):
        line = raw.decode("utf-8-sig" if n == 0 else "utf-8", "replace")
        if "\0" in line:
            line = line.replace("\0", "")
        if "\r" in line:
            ends = "\n" if line.endswith("\r\n") else ""
            line = (line[:-2] + ends if ends else line).replace("\r", " ")
        yield line
