"""Values as vendors write them, read as the type that is declared; what can't be read stays as it came."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import re2

from townsend.model import LeafType

__all__ = ["READERS", "absent", "instant_text", "spellings"]

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


def spellings(spec: Mapping[str, Any], day: bool) -> Iterator[Callable[[Any], Any]]:
    """How a value is read as a mapping says: by ``match``, ``format``, ``decimal``, ``times``, in this order.

    Args:
        spec: what the mapping says of a field.
        day: dates are days, not instants.

    >>> [read("31.12.2025") for read in spellings({"format": "%d.%m.%Y"}, day=False)]
    ['2025-12-31T00:00:00+00:00']
    >>> [str(read("1.234,5")) for read in spellings({"decimal": ","}, day=False)]
    ['1234.5']
    """
    if "match" in spec:
        yield _group(str(spec["match"]))
    if "format" in spec:
        formats = spec["format"]
        yield _dated([formats] if isinstance(formats, str) else formats, day)
    if "decimal" in spec:
        yield _marked(str(spec["decimal"]))
    if "times" in spec:
        factor = Decimal(str(spec["times"]))
        yield (
            lambda value: value if isinstance(found := _number(value), str) else Decimal(str(found)) * factor
        )


def _group(pattern: str) -> Callable[[Any], Any]:
    compiled = re2.compile("(?s)" + pattern)  # a value may have several lines

    def group(value: Any) -> Any:
        found = compiled.search(str(value))
        return found and found.group(1)

    return group


def _dated(formats: Sequence[str], day: bool) -> Callable[[Any], Any]:
    def dated(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        for one in formats:
            try:
                found = datetime.strptime(value.strip(), one)  # noqa: DTZ007  a zone is given below
            except ValueError:
                continue
            aware = found if found.tzinfo else found.replace(tzinfo=UTC)
            return aware.date().isoformat() if day else aware.isoformat()
        return value

    return dated


def _marked(mark: str) -> Callable[[Any], Any]:
    other = "." if mark == "," else ","

    def marked(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        # What parts thousands stands for nothing: the other mark, blanks, apostrophes.
        plain = re.sub(r"[\s\u00a0\u202f'\u2019]", "", value).replace(other, "").replace(mark, ".")
        return value if isinstance(found := _number(plain), str) else found

    return marked


def _times(factor: Decimal) -> Callable[[Any], Any]:
    def times(value: Any) -> Any:
        found = _number(value)
        return Decimal(str(found)) * factor if isinstance(found, int | float | Decimal) else value

    return times
