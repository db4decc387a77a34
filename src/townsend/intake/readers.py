"""Files into lots of rows: NDJSON, JSON, Parquet and CSV, each also compressed with gzip.

The kind is told by the file's name. Every row has a place that its messages name.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, NoReturn

from townsend.intake.batch import Batch
from townsend.intake.csv_text import layout_of, opened, refuse_page
from townsend.intake.reader_csv import check_names, csv_batches
from townsend.intake.reader_mapped import from_csv, from_lines, from_parquet, mapped_batches
from townsend.intake.reader_parquet import parquet_batches
from townsend.intake.reading import AS_IT_IS, Reading
from townsend.intake.rows import Line, line_batches
from townsend.intake.rules import IntakeRules
from townsend.model import EntityClass
from townsend.problem import Invalid
from townsend.store.facts import Facts

__all__ = ["KINDS", "kind_of", "read_file", "readable"]

KINDS = {
    ".ndjson": "lines",
    ".jsonl": "lines",
    ".json": "json",
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
}
_CHUNK = 1 << 20
_BOM = b"\xef\xbb\xbf"


def read_file(
    facts: Facts, path: Path, cls: EntityClass, rules: IntakeRules, reading: Reading = AS_IT_IS
) -> Iterator[Batch]:
    """The rows of a file.

    Raises:
        Invalid: ``file.kind``, ``file.missing``, ``file.unreadable``, ``file.page``, ``file.column``.
    """
    kind = kind_of(path)
    with readable(path):
        if kind != "parquet":
            refuse_page(path)
        if kind == "csv":
            yield from _csv(path, cls, rules, reading)
        elif kind == "parquet" and reading.make is not None:
            yield from mapped_batches(cls, rules, from_parquet(path), reading)
        elif kind == "parquet":
            yield from parquet_batches(facts, path, cls)
        else:
            with opened(path) as file:
                lines = _lines(file, path) if kind == "lines" else _items(file, path)
                if reading.make is not None:
                    yield from mapped_batches(cls, rules, from_lines(lines), reading)
                else:
                    yield from line_batches(cls, rules.open, lines)


def _csv(path: Path, cls: EntityClass, rules: IntakeRules, reading: Reading) -> Iterator[Batch]:
    layout = layout_of(path, reading)
    check_names(path, layout.names)
    if reading.make is not None:
        batches = mapped_batches(cls, rules, from_csv(path, layout), reading)
    else:
        batches = csv_batches(path, cls, layout)
    for batch in batches:
        if layout.guessed:
            batch.notes.append(
                f"{reading.name or path} is not in UTF-8 and was read as Windows-1252; if letters came out "
                "wrong, say its `encoding` in the source's settings and load it again"
            )
        yield batch


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """What goes wrong in opening or unpacking that file, in words.

    Raises:
        Invalid: ``file.missing``, ``file.unreadable``.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise Invalid("file.missing", f"{path}: there is no such file", path=str(path)) from error
    except IsADirectoryError as error:
        raise Invalid(
            "file.unreadable", f"{path}: expected a file, got a folder; name its files", path=str(path)
        ) from error
    except PermissionError as error:
        raise Invalid(
            "file.unreadable", f"{path}: the file may not be read; check its permissions", path=str(path)
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Invalid(
            "file.unreadable",
            f"{path}: the compressed file is cut off or damaged ({error}); get it again and load it again, "
            "rows taken already are not taken twice",
            path=str(path),
        ) from error
    except UnicodeDecodeError as error:
        raise Invalid(
            "file.unreadable",
            f"{path}: as {error.encoding} the text can't be read ({error.reason}); say its `encoding` in the "
            "source's settings, or save it as UTF-8",
            path=str(path),
        ) from error


def kind_of(path: Path) -> str:
    """Which reader a file needs.

    Raises:
        Invalid: ``file.kind``.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    if not suffixes or suffixes[-1] not in KINDS:
        raise Invalid(
            "file.kind",
            f"{path}: expected a file named {', '.join(KINDS)}, or one of these with .gz behind; rename it",
            path=str(path),
        )
    return KINDS[suffixes[-1]]


def _lines(file: BinaryIO, path: Path) -> Iterator[Line]:
    for number, line in enumerate(file, 1):
        text = line.removeprefix(_BOM).strip() if number == 1 else line.strip()
        if text:
            yield number, f"{path}:{number}", text


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_scanner = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)


def _items(file: BinaryIO, path: Path) -> Iterator[Line]:
    """Objects of a JSON file: an array of them, a single one, or one after another."""
    text = _Text(file, path)
    in_array = text.peek() == "["
    if in_array:
        text.skip(1)
    ordinal = 0
    while (first := text.peek()) and not (in_array and first == "]"):
        if in_array and ordinal and first == ",":
            text.skip(1)
            text.peek()
        ordinal += 1
        place = f"{path}:{text.line}"
        item = text.item(array=in_array)
        yield ordinal, place, item.encode("utf-8", "surrogateescape")


class _Text:
    """A text read on demand, with the number of the line it stands at."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._pending = b""
        self._text = ""
        self._at = 0
        self._ended = False
        self.line = 1
        self._read()
        self._text = self._text.removeprefix("\ufeff")

    def _read(self) -> bool:
        chunk = self._file.read(max(_CHUNK, len(self._text)))
        data = self._pending + chunk
        # A character may be cut at the end of a chunk.
        cut = len(data) if not chunk else _whole(data)
        self._pending = data[cut:]
        self._text = self._text[self._at :] + data[:cut].decode("utf-8", "surrogateescape")
        self._at = 0
        self._ended = not chunk
        return bool(chunk)

    def skip(self, count: int) -> None:
        self.line += self._text.count("\n", self._at, self._at + count)
        self._at += count

    def peek(self) -> str:
        """The next character that is no blank; empty at the end."""
        while True:
            rest = self._text[self._at : self._at + 4096]
            blank = len(rest) - len(rest.lstrip())
            self.skip(blank)
            if blank < len(rest):
                return rest[blank]
            if self._at >= len(self._text) and not self._read():
                return ""

    def item(self, *, array: bool) -> str:
        """The text of the next value; of what is no JSON, the line (in an array, all that is left)."""
        while True:
            try:
                end = _scanner.raw_decode(self._text, self._at)[1]
            except (ValueError, RecursionError):
                if not self._ended and self._read():
                    continue
                end = self._end_of_broken(array)
            # A number may go on in the next chunk; an object can't.
            if end == len(self._text) and not self._ended and self._read():
                continue
            found = self._text[self._at : end]
            self.skip(len(found))
            return found

    def _end_of_broken(self, array: bool) -> int:
        if array:
            return len(self._text)
        newline = self._text.find("\n{", self._at + 1)
        return len(self._text) if newline < 0 else newline


def _whole(data: bytes) -> int:
    """How many of the bytes end with a whole character."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) if size == back else len(data) - back
        if byte < 0x80:
            break
    return len(data)
