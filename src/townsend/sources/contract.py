"""What a source is: one class that hands out pages of XDM-shaped rows, and where it stands after each.

A source knows its vendor's words; checking, storing, counting, reports and progress are done around it.
It keeps nothing itself: pulling again from a page's cursor repeats at most that page's rows, and a row
that comes twice changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Protocol

from townsend.problem import Invalid
from townsend.vendors.keys import COMMON
from townsend.vendors.settings import Keys

__all__ = ["Cursor", "Page", "Source", "check_settings", "since_of"]

# JSON-compatible; only the source that made it reads it.
Cursor = Any

_SPAN = re.compile(r"(\d+)\s*(day|week|month|year)s?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one class.

    Args:
        cls: the class's name in the schema.
        rows: nested, XDM-shaped; JSON types, also ``Decimal`` and aware ``datetime``.
        cursor: where to go on once these rows, and all pages before, are durable; None leaves the cursor.
    """

    cls: str
    rows: Sequence[Mapping[str, Any]]
    cursor: Cursor | None = None


class Source(Protocol):
    """A system that facts come from.

    Attributes:
        name: what the project calls it.
    """

    name: str

    def streams(self) -> Sequence[str]:
        """What can be pulled, in the order it should be: things referred to come first."""
        ...

    def pull(self, stream: str, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
        """Pages of what is new since ``cursor``, or of everything; a full stream's last page has a cursor.

        Raises:
            Invalid: ``source.credentials``, ``source.rights``, ``source.request``.
            Unavailable: ``source.unreachable``, ``source.busy``, ``vendor.quota``. Pages before it count.
        """
        ...

    def notes(self, stream: str) -> Sequence[str]:
        """What a person should know about the last pull of a stream, such as that it is not offered there."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def check_settings(name: str, settings: Mapping[str, Any], keys: Keys) -> None:
    """Complain about settings of a source that are unknown or missing.

    Raises:
        Invalid: ``settings.key`` with a suggestion, ``settings.missing``.
    """
    keys.check(f"sources.{name}", settings, COMMON["sources"])


def since_of(name: str, settings: Mapping[str, Any], default: str, now: datetime) -> datetime:
    """The instant from which a source is read: an ISO date, or a span before ``now``.

    Args:
        name: the source.
        settings: its settings; ``since`` counts.
        default: the span if there is none, such as ``25 months``.

    Raises:
        Invalid: ``source.since``.

    >>> since_of("m", {"since": "7 months"}, "25 months", datetime(2026, 11, 30, tzinfo=UTC))
    datetime.datetime(2026, 4, 30, 0, 0, tzinfo=datetime.timezone.utc)
    """
    value = settings.get("since", default)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    found = _SPAN.fullmatch(str(value).strip().lower())
    if found:
        return _before(now, int(found[1]), found[2])
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        raise Invalid(
            "source.since",
            f"sources.{name}: since: expected a date such as 2025-01-31 or a span such as 25 months, "
            f"got {value!r}",
            source=name,
            got=str(value),
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _before(now: datetime, count: int, unit: str) -> datetime:
    ordinal = now.toordinal()
    if unit in ("day", "week"):
        days = count * (7 if unit == "week" else 1)
        return datetime.combine(date.fromordinal(max(1, ordinal - days)), now.timetz())
    months = max(12, now.year * 12 + now.month - 1 - count * (12 if unit == "year" else 1))
    year, month = divmod(months, 12)
    # The last day that the month has; reading a day or two more than asked for does no harm.
    for day in range(now.day, 0, -1):
        try:
            return now.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    raise AssertionError("every month has a first day")
