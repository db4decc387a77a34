"""How numbers, strings and units are spelled, both ways."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from townsend.audiences.core import Unit

__all__ = ["number_from", "number_text", "unescaped", "unit_from", "units"]

DIGITS_MAX = 1_000  # of a whole number; a longer one is far beyond every limit, whatever it is
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_SINGULAR: dict[str, Unit] = {"centuries": "century", "millennia": "millennium", "decades": "decade"}
_PLURAL = {"century": "centuries", "millennium": "millennia"}


def number_from(text: str) -> int | Decimal:
    """The number that the grammar's terminal spells, exact."""
    if text.isdigit() and len(text) <= DIGITS_MAX:
        return int(text)
    try:
        return Decimal(text)
    except InvalidOperation:  # pragma: no cover - the terminal admits only numbers
        return Decimal(0)


def number_text(value: int | Decimal) -> str:
    """A number with its digits, unless zeros would fill the line."""
    if isinstance(value, int):
        return str(value)
    short = -15 <= value.adjusted() <= 25 and len(value.as_tuple().digits) <= 40
    return f"{value:f}" if short else str(value)


def unescaped(text: str) -> str:
    """What stands between the quotes of a string literal."""

    def one(found: re.Match[str]) -> str:
        inner = found[1]
        return chr(int(inner[1:], 16)) if len(inner) == 5 else _ESCAPES.get(inner, inner)

    found = _ESCAPE.sub(one, text)
    if not _SURROGATE.search(found):
        return found
    # Two halves of one character become it; a half alone is no character.
    return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def unit_from(word: str) -> Unit:
    """The unit that a word names, in singular or plural."""
    text = word.lower()
    return _SINGULAR.get(text) or text.removesuffix("s")  # type: ignore[return-value]


def units(count: int, unit: str) -> str:
    """A unit behind its number."""
    return unit if count == 1 else _PLURAL.get(unit, unit + "s")
