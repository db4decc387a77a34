"""Arrays and maps: checked item by item and written as one canonical JSON text.

Canonical: keys sorted, no blanks, text NFC, numbers as they were spelled. So two rows that say the
same have the same text, whichever kind of file they came from. Inside items, keys get their
``sourceKey`` as everywhere, and declared instants become epoch milliseconds.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from townsend.model import Array, LeafType, Shape

__all__ = [
    "Wrong",
    "array_text",
    "as_it_came",
    "canonical",
    "decoder",
    "instant_of",
    "json_text",
    "map_text",
    "plain",
    "row_text",
    "shown",
    "undeclared_in",
]

KEY_PARTS = ("sourceID", "sourceInstanceID", "sourceType")

decoder = msgspec.json.Decoder(float_hook=Decimal)

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:\.(\d+))?(Z|[+-]\d\d(?::?\d\d)?))?", re.ASCII
)
_INSTANT_MS_MAX = 253_402_300_800_000  # the end of the year 9999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Wrong(Exception):
    """A value of another type than declared: its path, what was expected, what came."""

    def __init__(self, path: str, expected: str, got: Any) -> None:
        super().__init__(path)
        self.path = path
        self.expected = expected
        self.got = shown(got)


def _other(value: Any) -> Any:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


_encoder = msgspec.json.Encoder(decimal_format="number", order="sorted", enc_hook=_other)


_row_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=_other)


def row_text(row: Mapping[str, Any]) -> bytes:
    """A program's row as JSON, to be read by ``decoder``; instants are aware, NaN is null."""
    return _row_encoder.encode(row)


def json_text(value: Any) -> str:
    """The canonical JSON text of a value of plain types."""
    return canonical(plain(value))


def canonical(value: Any) -> str:
    """The same of a value as ``decoder`` gives it: no floats, no instants."""
    text = _encoder.encode(value).decode()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def plain(value: Any) -> Any:
    """The value with floats exact and dates as text, ready to be written as JSON; NaN is null."""
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    if isinstance(value, datetime | date):
        return _other(value)
    return value


def shown(value: Any) -> str:
    """A value as a message shows it."""
    try:
        text = _encoder.encode(plain(value)).decode()
    except (TypeError, ValueError, RecursionError):
        text = as_it_came(value)
    return text if len(text) <= 80 else text[:79] + "…"


def as_it_came(value: Any) -> str:
    """What JSON can't hold, as Python spells it."""
    try:
        return repr(value)
    except RecursionError:
        return f"a {type(value).__name__} nested too deeply to be written"


def array_text(array: Array, value: Any) -> str:
    """The canonical text of an array's value.

    Raises:
        Wrong: it is no array, or an item is not what is declared.
    """
    if not isinstance(value, list | tuple):
        raise Wrong(array.path, "a list", value)
    return canonical([_item(array, item, f"{array.path}[{n}]") for n, item in enumerate(value)])


def map_text(path: str, value: Any) -> str:
    """The canonical text of a map's value.

    Raises:
        Wrong: it is no object.
    """
    if not isinstance(value, dict):
        raise Wrong(path, "an object", value)
    if path.rpartition(".")[2] == "identityMap":
        _identity_map(path, value)
    return canonical(value)


def undeclared_in(array: Array, value: Any) -> str | None:
    """The first field of an array's items that is not declared, by its path; None if all are.

    >>> from townsend.model import builtin_schema
    >>> array = builtin_schema().classes["person"].shape.arrays["personComponents"]
    >>> undeclared_in(array, [{"personType": "Lead"}, {"workEmail": {"adress": "p@bodea.example"}}])
    'personComponents.workEmail.adress'
    """
    if array.shape is None or not isinstance(value, list):
        return None
    items = (one for one in value if isinstance(one, dict))
    return next(filter(None, (_undeclared(array.shape, one, "", array.path) for one in items)), None)


def _undeclared(shape: Shape, value: Mapping[str, Any], prefix: str, at: str) -> str | None:
    for name, inner in value.items():
        path, where = f"{prefix}{name}", f"{at}.{name}"
        found: str | None = None
        if path in shape.objects:
            found = _undeclared(shape, inner, f"{path}.", where) if isinstance(inner, dict) else None
        elif path in shape.arrays:
            nested = undeclared_in(shape.arrays[path], inner)
            found = None if nested is None else where + nested.removeprefix(shape.arrays[path].path)
        elif path not in shape.leaves and path not in shape.maps:
            found = where
        if found is not None:
            return found
    return None


def _identity_map(path: str, value: Mapping[str, Any]) -> None:
    for space, entries in value.items():
        if entries is None:
            continue
        if not isinstance(entries, list | tuple):
            raise Wrong(f"{path}.{space}", "a list of objects with `id`", entries)
        for n, entry in enumerate(entries):
            if not isinstance(entry, dict) or not isinstance(entry.get("id"), str | int | None):
                raise Wrong(f"{path}.{space}[{n}]", "an object with a text `id`", entry)


def _item(array: Array, item: Any, at: str) -> Any:
    if item is None:
        return None
    if array.shape is None:
        assert array.item is not None
        return _leaf(array.item, item, at)
    if not isinstance(item, dict):
        raise Wrong(at, "an object", item)
    return _object(array.shape, item, "", at)


def _object(shape: Shape, value: Mapping[str, Any], prefix: str, at: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, inner in value.items():
        path = f"{prefix}{name}"
        where = f"{at}.{name}"
        if inner is None:
            found[name] = None
        elif path in shape.leaves:
            found[name] = _leaf(shape.leaves[path].type, inner, where)
        elif path in shape.arrays:
            if not isinstance(inner, list | tuple):
                raise Wrong(where, "a list", inner)
            nested = shape.arrays[path]
            found[name] = [_item(nested, item, f"{where}[{n}]") for n, item in enumerate(inner)]
        elif path in shape.objects:
            if not isinstance(inner, dict):
                raise Wrong(where, "an object", inner)
            found[name] = _object(shape, inner, f"{path}.", where)
        else:
            found[name] = inner
    if prefix.rstrip(".") in shape.keys or (not prefix and "sourceKey" in shape.leaves):
        _fill_key(found)
    return found


def _fill_key(key: dict[str, Any]) -> None:
    """The key's text from its parts, or its parts from the text, as ``keys`` does outside of lists."""
    parts = [key.get(name) for name in KEY_PARTS]
    text = key.get("sourceKey")
    if not text and all(parts):
        key["sourceKey"] = f"{parts[0]}@{parts[1]}.{parts[2]}"
    elif isinstance(text, str) and "@" in text:
        sid, _, tail = text.rpartition("@")
        instance, dot, kind = tail.rpartition(".")
        if dot:
            for name, found in zip(KEY_PARTS, (sid, instance, kind), strict=True):
                if key.get(name) is None:
                    key[name] = found


def _leaf(kind: LeafType, value: Any, at: str) -> Any:
    if kind == "string":
        if isinstance(value, str):
            return value
        raise Wrong(at, "text", value)
    if kind == "boolean":
        if isinstance(value, bool):
            return value
        raise Wrong(at, "true or false", value)
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if kind == "integer":
        if number and value == int(value):
            return int(value)
        raise Wrong(at, "a whole number", value)
    if kind == "number":
        if number:
            return value
        raise Wrong(at, "a number", value)
    instant = instant_of(value)
    if instant is None:
        raise Wrong(at, "an instant such as 2026-11-22T12:00:00Z", value)
    return instant - instant % 86_400_000 if kind == "date" else instant


def instant_of(value: Any) -> int | None:
    """Epoch milliseconds, floored, of an ISO 8601 text with offset, a date, or a number; None if it is none.

    A number below 10^11 is read as seconds, others as milliseconds.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        return _instant_of_number(value if isinstance(value, Decimal) else Decimal(repr(value)))
    if isinstance(value, datetime):
        value = _other(value)
    found = _ISO.fullmatch(str(value)) if isinstance(value, str | date) else None
    if found is None:
        return None
    day, minute, second, fraction, offset = found.groups()
    try:
        if minute is None:
            return _ms(datetime.fromisoformat(f"{day}T00:00:00+00:00"))
        offset = "+00:00" if offset == "Z" else f"{offset[:3]}:{offset[3:].strip(':') or '00'}"
        whole = datetime.fromisoformat(f"{day}T{minute}{second or ':00'}{offset}")
    except ValueError:
        return None
    return _ms(whole) + int((fraction or "0").ljust(3, "0")[:3])


def _instant_of_number(value: Decimal) -> int | None:
    if not value.is_finite() or abs(value) >= _INSTANT_MS_MAX:
        return None
    return math.floor(value * 1_000 if abs(value) < 100_000_000_000 else value)


def _ms(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)
