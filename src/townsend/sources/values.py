"""Values as vendors write them, read as the type that is declared; what can't be read stays as it came."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from townsend.model import LeafType

__all__ = ["READERS", "absent", "instant_text"]

_BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
# Marketo's asset interface writes both; the offset says nothing more than the Z.
_BOTH = re.compile(r"Z\+0000$")


def absent(value: Any, null: str | None = "null") -> bool:
    """Whether a vendor's value says that there is none: null, blank, or the vendor's word for it.

    >>> absent("null"), absent(" "), absent(0), absent(False)
    (True, True, False, False)
    """
    return value is None or (isinstance(value, str) and (value == null or not value or value.isspace()))


def instant_text(value: Any) -> Any:
    """An instant as ISO 8601 with an offset; ``2026-01-02T03:04:05Z+0000`` is one too.

    >>> instant_text("2026-01-02T03:04:05Z+0000")
    '2026-01-02T03:04:05Z'
    """
    if isinstance(value, str):
        return _BOTH.sub("Z", value.strip())
    return value


def _day(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _text(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal | datetime | date):
        return str(value)
    return value


def _boolean(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    return _BOOLEANS.get(str(value).strip().lower(), value)


def _number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        number = Decimal(value.strip())
    except InvalidOperation:
        return value
    return number if number.is_finite() else value


def _integer(value: Any) -> Any:
    number = _number(value)
    if isinstance(number, Decimal | float) and number == int(number):
        return int(number)
    return number


READERS: Mapping[LeafType, Callable[[Any], Any]] = {
    "string": _text,
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "datetime": instant_text,
    "date": _day,
}
