"""Values while a definition is evaluated: what they are, when two are the same, how they are read.

Null is None. Numbers are int or Decimal, instants int (epoch milliseconds), array items and maps are dicts
as JSON gave them. A list is always a Python list, and never stands for null.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Hashable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from townsend.audiences.reference import numbers
from townsend.model import LeafType

__all__ = [
    "Entity",
    "Groups",
    "Json",
    "Value",
    "dig",
    "identity",
    "instant_from",
    "items_of",
    "lowered",
    "number_from",
    "parse_json",
    "present",
    "read",
    "same",
    "uppered",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SPELLED_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
SPELLED_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?", re.ASCII | re.IGNORECASE
)
DIGITS_MAX = 4_000  # of a JSON number; longer ones are beyond every limit of size


class Entity(NamedTuple):
    """One unified entity, relation row or event, by its class and its id there."""

    cls: str
    id: int


class Groups(NamedTuple):
    """A map whose keys may be anything: each key once, with its value, in an order of its own."""

    entries: tuple[tuple[Any, Any], ...]

    def has(self, key: Value) -> bool:
        return any(same(key, one) for one, _ in self.entries)

    def get(self, key: Value) -> Any:
        """The value of a key; None if there is none."""
        return next((value for one, value in self.entries if same(key, one)), None)


Json: TypeAlias = "bool | int | Decimal | str | dict[str, Any] | list[Any] | None"
Value: TypeAlias = "bool | int | Decimal | str | Entity | Groups | Mapping[str, Any] | list[Any] | None"


def items_of(value: Value) -> list[Any]:
    """The items of a list; none for null, or for an undeclared value that is no array."""
    return value if isinstance(value, list) else []


def present(value: Value) -> bool:
    """A value in Boolean position."""
    if isinstance(value, bool):
        return value
    if isinstance(value, list):
        return bool(value)
    return value is not None


def identity(value: Value) -> Hashable:
    """Something equal exactly for values that are the same: ``3`` is ``3.0``, but ``true`` is not ``1``."""
    match value:
        case bool():
            return ("boolean", value)
        case int() | Decimal():
            return ("number", value)
        case Entity():
            return ("entity", value.cls, value.id)
        case Groups():
            return ("groups", frozenset((identity(key), identity(v)) for key, v in value.entries))
        case Mapping():
            return ("object", frozenset((key, identity(v)) for key, v in value.items() if v is not None))
        case list():
            return ("list", tuple(identity(item) for item in value))
        case _:
            return value


def same(left: Value, right: Value) -> bool:
    """Whether two present values are equal; null equals nothing."""
    return left is not None and right is not None and identity(left) == identity(right)


def lowered(text: str) -> str:
    """Unicode's simple lower-casing: each character becomes one character, without regard to its place.

    >>> lowered("ΣΑΣ İ")
    'σασ i'
    """
    if text.isascii():
        return text.lower()
    # The one character whose full lower-casing is two (SpecialCasing.txt); a lone sigma is never final.
    return "".join("i" if char == "İ" else char.lower() for char in text)


def uppered(text: str) -> str:
    """Unicode's simple upper-casing: each character becomes one character.

    >>> uppered("straße ŋ ᾳ")
    'STRAẞE Ŋ ᾼ'
    """
    return "".join(_upper(char) for char in text) if not text.isascii() else text.upper()


def _upper(char: str) -> str:
    if char == "ß":
        return "ẞ"
    # Where the full mapping takes several characters, the simple one is that of titles, or none.
    return next((one for one in (char.upper(), char.title()) if len(one) == 1), char)


def dig(value: Any, path: str) -> Json:
    """What stands at a dotted path in a JSON object; None where a step is missing or no object."""
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value  # type: ignore[no-any-return]


def parse_json(text: str) -> Json:
    """JSON with exact numbers; NaN and infinities are null."""
    return json.loads(text, parse_float=_decimal, parse_int=_integer, parse_constant=lambda _: None)  # type: ignore[no-any-return]


def _decimal(digits: str) -> Decimal | None:
    return Decimal(digits) if len(digits) <= DIGITS_MAX else None


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= DIGITS_MAX else None


def read(value: Value, kind: LeafType) -> Value:
    """An undeclared value as a scalar of that type, null where it can't be; see ``core.Coerce``.

    Whole numbers are not asked of ``integer``: 3.5 stays 3.5 and is simply no integer's equal.
    """
    match kind:
        case "string":
            return value if isinstance(value, str) else None
        case "boolean":
            if isinstance(value, str):
                return {"true": True, "false": False}.get(value.lower())
            return value if isinstance(value, bool) else None
        case "integer" | "number":
            return number_from(value)
        case "datetime" | "date":
            return instant_from(value)


def number_from(value: Value) -> int | Decimal | None:
    """A JSON number, or text that spells one; spaces around it don't matter."""
    if isinstance(value, str):
        text = value.strip(" \t\r\n")
        return numbers.rounded(Decimal(text)) if SPELLED_NUMBER.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return numbers.rounded(value)


def instant_from(value: Value) -> int | None:
    """Epoch milliseconds from a JSON number or ISO 8601 text, UTC if without offset; finer is floored."""
    if isinstance(value, str):
        if not SPELLED_INSTANT.fullmatch(value):
            return None
        try:
            moment = datetime.fromisoformat(value.upper())
        except ValueError:
            return None
        return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // timedelta(
            milliseconds=1
        )
    number = number_from(value)
    return None if number is None else math.floor(number)
