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
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

from townsend.intake.reading import Reading
from townsend.problem import Invalid

__all__ = ["Layout", "RowLines", "encoding_of", "header_of", "layout_of", "opened", "refuse_page", "rows_of"]

DELIMITERS = ",;\t|"
CELL_LENGTH_MAX = 1 << 30
_BEGIN = 512


@dataclass(frozen=True)
class Layout:
    """How a CSV file is written.

    Args:
        names: its header; empty if it has none.
        guessed: the encoding is one that nothing says, as that of text which is not UTF-8.
    """

    names: tuple[str, ...]
    encoding: str
    delimiter: str
    guessed: bool = False


def layout_of(path: Path, reading: Reading) -> Layout:
    """How a file is written: as its source says, else as the file looks."""
    encoding = reading.encoding or encoding_of(path)
    names, delimiter = header_of(path, encoding, reading.delimiter)
    return Layout(tuple(names), encoding, delimiter, reading.encoding is None and encoding == "cp1252")


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


def header_of(path: Path, encoding: str, delimiter: str | None = None) -> tuple[list[str], str]:
    """The names in the first line that is not empty, and the delimiter, found if none is said."""
    with _text(path, encoding) as text:
        line = next((row for row in text if row.strip()), "")
    outside = "".join(line.split('"')[::2])
    found = delimiter or max(DELIMITERS, key=outside.count)
    names = next(iter(csv.reader([line], delimiter=found)), [])
    return [name.strip() for name in names], found


def rows_of(path: Path, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Rows after the header, each with the line it begins on; blank lines are no rows."""
    # The module's own limit is 128 KiB a cell; a cell may hold a whole document.
    limit = csv.field_size_limit(CELL_LENGTH_MAX)
    try:
        with _text(path, layout.encoding) as text:
            rows = csv.reader(text, delimiter=layout.delimiter)
            begins, header = 1, True
            for row in rows:
                if row and header:
                    header = False
                elif row:
                    yield begins, row
                begins = rows.line_num + 1
    finally:
        csv.field_size_limit(limit)


class RowLines:
    """On which line each row begins, rows with the right number of cells apart from the others."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._path = path
        self._layout = layout

    def whole(self, n: int) -> int:
        """The line of the ``n``-th row, from 0, of those with the right number of cells."""
        return self._lines[0][n]

    def ragged(self, n: int) -> int:
        """The line of the ``n``-th row, from 0, of the others."""
        return self._lines[1][n]

    @cached_property
    def _lines(self) -> tuple[array[int], array[int]]:
        whole, ragged = array("q"), array("q")
        for line, row in rows_of(self._path, self._layout):
            (whole if len(row) == len(self._layout.names) else ragged).append(line)
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


def refuse_page(path: Path) -> None:
    """Complain about an HTML page, as a gateway or a login sends it in place of a file.

    Raises:
        Invalid: ``file.page``.
    """
    with opened(path) as file:
        begin = file.read(_BEGIN).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if begin.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")):
        raise Invalid(
            "file.page",
            f"{path}: expected rows, got a web page, as a gateway or a login sends it in place of a file; "
            "get the file again",
            path=str(path),
        )
