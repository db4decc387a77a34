"""Text that breaks where it may, if it doesn't fit a line.

A document is text, a place to break, a group (whose places break all together or not at all), a fill (whose
places break one by one) or an indented part. Pure, and linear in the size of what is laid out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["LINE", "Doc", "Fill", "Group", "Line", "Nest", "flat", "joined", "laid"]

INDENT = 2


@dataclass(frozen=True, slots=True)
class Line:
    """A place to break; ``flat`` stands there if it does not."""

    flat: str = ""


@dataclass(frozen=True, slots=True)
class Nest:
    """Lines inside are indented once more."""

    doc: Doc


@dataclass(frozen=True, slots=True)
class Group:
    """On one line if it fits; else every place to break directly inside breaks."""

    doc: Doc


@dataclass(frozen=True, slots=True)
class Fill:
    """Items with a comma between them, as many on a line as fit."""

    items: tuple[Doc, ...]


Doc: TypeAlias = "str | Line | Nest | Group | Fill | tuple[Doc, ...]"
LINE = Line(" ")


def joined(docs: Iterable[Doc], between: Doc) -> Doc:
    """Documents with something between them."""
    found: list[Doc] = []
    for doc in docs:
        if found:
            found.append(between)
        found.append(doc)
    return tuple(found)


def flat(doc: Doc) -> str:
    """Everything on one line."""
    return laid(doc, width=None)


def laid(doc: Doc, width: int | None) -> str:
    """The document as text, lines no longer than ``width`` where that can be; None is one line."""
    out: list[str] = []
    column = 0
    waiting: list[tuple[int, bool, Doc]] = [(0, width is None, doc)]
    while waiting:
        indent, one_line, node = waiting.pop()
        match node:
            case str():
                out.append(node)
                column += len(node)
            case Line(text):
                if one_line:
                    out.append(text)
                    column += len(text)
                else:
                    out.append("\n" + " " * indent)
                    column = indent
            case Nest(inner):
                waiting.append((indent + INDENT, one_line, inner))
            case Group(inner):
                fits = one_line or _fits(inner, (width or 0) - column)
                waiting.append((indent, fits, inner))
            case Fill(items):
                column = _filled(out, items, indent, column, None if one_line else width)
            case _:
                waiting += [(indent, one_line, part) for part in reversed(node)]
    return "".join(out)


def _fits(doc: Doc, room: int) -> bool:
    """Whether a document on one line takes no more than that many characters; looks no further."""
    waiting: list[Doc] = [doc]
    while waiting:
        node = waiting.pop()
        match node:
            case str():
                room -= len(node)
            case Line(text):
                room -= len(text)
            case Nest(inner) | Group(inner):
                waiting.append(inner)
            case Fill(items):
                room -= 2 * (len(items) - 1)
                waiting += reversed(items)
            case _:
                waiting += reversed(node)
        if room < 0:
            return False
    return True


def _filled(out: list[str], items: Sequence[Doc], indent: int, column: int, width: int | None) -> int:
    for at, item in enumerate(items):
        text = flat(item)
        if at and width is not None and column + len(text) + 3 > width:
            out.append(",\n" + " " * indent)
            column = indent
        elif at:
            out.append(", ")
            column += 2
        out.append(text)
        column += len(text)
    return column
