"""What a source is: one class that hands out pages of XDM-shaped rows, and where it stands after each.

A source knows its vendor's words; checking, storing, counting, reports and progress are done around it.
It keeps nothing itself: pulling again from a page's cursor repeats at most that page's rows, and a row
that comes twice changes nothing.

Beyond ``Source`` a source offers what its vendor makes possible: ``Metered`` what it calls, ``Budgeted`` what
is left of a day's calls, ``Estimating`` what a pull would cost, ``Counting`` how many records there are,
``Concurrent`` which streams may be read at the same time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from townsend.clock import Clock
from townsend.problem import Invalid
from townsend.vendors.keys import COMMON
from townsend.vendors.settings import Keys

__all__ = [
    "OTHERS",
    "Budget",
    "Budgeted",
    "Concurrent",
    "Counting",
    "Cursor",
    "Estimate",
    "Estimating",
    "Metered",
    "Page",
    "Source",
    "SourceKind",
    "check_settings",
    "since_of",
]

# JSON-compatible; only the source that made it reads it.
Cursor = Any

# Stands for the streams that are not named where a setting is said by stream.
OTHERS = "others"

_SPAN = re.compile(r"(\d+)\s*(day|week|month|year)s?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one class.

    Args:
        cls: the class's name in the schema.
        rows: nested, XDM-shaped; JSON types, also ``Decimal`` and aware ``datetime``.
        cursor: where to go on once these rows, and all pages before, are durable; None leaves the cursor.
        present: source keys of all live records of the class that the stream has at the vendor; what it
            brought before and is not among them is gone there and retired here. None says nothing.
    """

    cls: str
    rows: Sequence[Mapping[str, Any]]
    cursor: Cursor | None = None
    present: frozenset[str] | None = None


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


@runtime_checkable
class Metered(Protocol):
    """A source that counts its calls.

    Attributes:
        calls: made since it was opened, by the thread that asks; only ever grows.
    """

    @property
    def calls(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Budget:
    """Calls that a vendor allows in a day.

    Args:
        used: spent so far, by anybody, as the vendor or we ourselves counted.
        most: allowed in all.
    """

    used: int
    most: int


@runtime_checkable
class Budgeted(Protocol):
    """A source whose vendor allows so many calls a day."""

    def budget(self) -> Budget | None:
        """What is known of the day's calls without a call; None if nothing is yet."""
        ...


@dataclass(frozen=True, slots=True)
class Estimate:
    """What pulling a stream would bring and cost, as far as that is known before.

    Args:
        rows: about how many; None if nobody can say.
        calls: about how many; None if nobody can say.
        since: the instant from which it is read; None for everything.
        note: what a person should know, such as how the calls come about.
    """

    rows: int | None = None
    calls: int | None = None
    since: datetime | None = None
    note: str | None = None


@runtime_checkable
class Estimating(Protocol):
    """A source that can say beforehand what a pull would cost."""

    def estimate(self, stream: str, cursor: Cursor | None, now: datetime) -> Estimate:
        """What ``pull`` with the same arguments would bring and cost.

        It calls nobody, or makes two calls at most that read no records, such as a describe and a count.
        """
        ...


@runtime_checkable
class Counting(Protocol):
    """A source that can say how many records there are, so that ours can be compared with them."""

    def count(self, stream: str) -> Mapping[str, int]:
        """Live records of a stream at the vendor, by class; a class that cannot be counted is not named.

        What is counted is what ``pull`` without a cursor would bring, deleted records left out, in as few
        calls as the vendor allows. Associations (list members, roles) are records of their own class.

        Raises:
            Invalid, Unavailable: as ``pull`` does.
        """
        ...


@runtime_checkable
class Concurrent(Protocol):
    """A source whose streams may be pulled at the same time, each in a thread of its own."""

    def needs(self, stream: str) -> Collection[str]:
        """Earlier streams that must have been pulled to their end before this one begins."""
        ...

    def prepare(self, stream: str, cursor: Cursor | None, now: datetime) -> None:
        """Ask the vendor for what takes it a while, so that ``pull`` with the same arguments finds it done.

        It is called for all streams in order, before any is pulled, and reads no records. ``pull`` does as
        well without it.

        Raises:
            Invalid, Unavailable: as ``pull`` does, which raises them again.
        """
        ...


@dataclass(frozen=True)
class SourceKind:
    """A kind of source, as ``type:`` in the settings names it.

    Ours and those of other packages are the same: theirs are found by the entry point group
    ``townsend.sources``, whose name is the type and whose object is one of these.

    Args:
        keys: settings it needs and knows besides those that every source may have.
        open: makes a source of a name, its settings (variables filled in), the clock in which it waits and
            the project's folder, to which paths are relative. It calls nobody.
    """

    keys: Keys
    open: Callable[[str, Mapping[str, Any], Clock, Path], Source]


def check_settings(name: str, settings: Mapping[str, Any], keys: Keys) -> None:
    """Complain about settings of a source that are unknown or missing.

    Raises:
        Invalid: ``settings.key`` with a suggestion, ``settings.missing``.
    """
    # `mapping` is what the project says of it, put there by the project and not by hand.
    keys.check(f"sources.{name}", settings, (*COMMON["sources"], "mapping"))


def since_of(
    name: str, settings: Mapping[str, Any], default: str, now: datetime, stream: str | None = None
) -> datetime:
    """The instant from which a source is read: an ISO date, or a span before ``now``.

    Args:
        name: the source.
        settings: its settings; ``since`` counts, one for all streams or one a stream, as in
            ``since: {activities: 6 months, others: 25 months}``.
        default: the span if there is none, such as ``25 months``.
        stream: which stream it is about; None for one that is not named.

    Raises:
        Invalid: ``source.since``.

    >>> since_of("m", {"since": "7 months"}, "25 months", datetime(2026, 11, 30, tzinfo=UTC))
    datetime.datetime(2026, 4, 30, 0, 0, tzinfo=datetime.timezone.utc)
    """
    value = settings.get("since", default)
    if isinstance(value, Mapping):
        value = value[stream] if stream in value else value.get(OTHERS, default)
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
