"""A CSV file as text: its encoding, its header, and the line on which each of its rows begins.

Lines are needed for messages only, so they are looked for when the first row is refused.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

__all__ = ["RowLines", "encoding_of", "header_of", "opened"]

DELIMITERS = ",;\t|"
CELL_LENGTH_MAX = 1 << 30


def encoding_of(path: Path) -> str:
    """UTF-16 if the file says so by its first bytes, UTF-8 if it is that throughout, else Windows-1252."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with opened(path) as file:
        first = True
        while chunk := file.read(1 << 20):
            if first and chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                return "utf-16"
            first = False
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                return "cp1252"
    return "utf-8"


def header_of(path: Path, encoding: str) -> tuple[list[str], str]:
    """The names in the first line that is not empty, and the delimiter between them."""
    with _text(path, encoding) as text:
        line = next((row for row in text if row.strip()), "")
    outside = "".join(line.split('"')[::2])
    delimiter = max(DELIMITERS, key=outside.count)
    names = next(iter(csv.reader([line], delimiter=delimiter)), [])
    return [name.strip() for name in names], delimiter


class RowLines:
    """On which line each row begins, rows with the right number of cells apart from the others.

    Args:
        path: the file.
        encoding: as ``encoding_of`` found it.
        delimiter: as ``header_of`` found it.
        width: how many cells a row should have.
    """

    def __init__(self, path: Path, encoding: str, delimiter: str, width: int) -> None:
        self._path = path
        self._encoding = encoding
        self._delimiter = delimiter
        self._width = width

    def whole(self, n: int) -> int:
        """The line of the ``n``-th row, from 0, of those with the right number of cells."""
        return self._lines[0][n]

    def ragged(self, n: int) -> int:
        """The line of the ``n``-th row, from 0, of the others."""
        return self._lines[1][n]

    @cached_property
    def _lines(self) -> tuple[array[int], array[int]]:
        whole, ragged = array("q"), array("q")
        # The module's own limit is 128 KiB a cell; a cell may hold a whole document.
        limit = csv.field_size_limit(CELL_LENGTH_MAX)
        try:
            with _text(self._path, self._encoding) as text:
                rows = csv.reader(text, delimiter=self._delimiter)
                begins, header = 1, True
                for row in rows:
                    if row and header:
                        header = False
                    elif row:
                        (whole if len(row) == self._width else ragged).append(begins)
                    begins = rows.line_num + 1
        finally:
            csv.field_size_limit(limit)
        return whole, ragged


@contextmanager
def _text(path: Path, encoding: str) -> Iterator[io.TextIOWrapper]:
    with opened(path) as file:
        yield io.TextIOWrapper(file, "utf-8-sig" if encoding == "utf-8" else encoding, newline="")


def opened(path: Path) -> BinaryIO:
    """The file's bytes, unpacked if its name ends in ``.gz``."""
    if path.suffix.lower() == ".gz":
        return cast("BinaryIO", gzip.open(path, "rb"))
    return path.open("rb")
