"""What an org says of an object, and the queries that follow from it. Pure: no calls, no clocks.

Field lists differ from org to org and from right to right, so a field is asked for only if the org
describes it; a field that is missing reads as absent, never as an error.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

__all__ = ["OVERLAP", "Described", "described", "instant", "query", "readers", "written"]

# Commits become visible late: what changed shortly before the last row read is read again.
OVERLAP = timedelta(minutes=10)
STAMPS = ("SystemModstamp", "LastModifiedDate", "CreatedDate", "LoginTime")
# Compound values repeat other fields and can't be had in bulk; files are no facts.
NOT_READ = frozenset({"address", "location", "base64", "complexvalue"})


@dataclass(frozen=True)
class Described:
    """An object as the org describes it.

    Args:
        types: field type by field name, of the fields that can be read as one value.
        custom: names of the org's own fields among them, sorted.
        stamp: the field that says when a row changed last, None if there is none.
        deletes: whether a query of it can tell deleted rows.
    """

    name: str
    types: Mapping[str, str]
    custom: tuple[str, ...]
    stamp: str | None
    deletes: bool

    def chosen(self, mapped: Collection[str]) -> list[str]:
        """The fields to ask for: Id, the stamp, what the mapping uses, and the org's own."""
        wanted = {*mapped, *self.custom, "IsDeleted"}
        if self.stamp:
            wanted.add(self.stamp)
        return ["Id", *sorted(name for name in wanted if name in self.types and name != "Id")]


def described(answer: Mapping[str, Any]) -> Described:
    """An object out of the org's answer to ``describe``."""
    fields = [field for field in answer["fields"] if str(field["type"]).lower() not in NOT_READ]
    types = {str(field["name"]): str(field["type"]).lower() for field in fields}
    return Described(
        name=str(answer["name"]),
        types=types,
        custom=tuple(sorted(str(field["name"]) for field in fields if field.get("custom"))),
        stamp=next((name for name in STAMPS if name in types), None),
        deletes="IsDeleted" in types,
    )


def query(about: Described, fields: Collection[str], since: datetime | None, *, ordered: bool) -> str:
    """The SOQL of rows that changed at or after ``since``, all if None; oldest change first if ordered.

    >>> about = Described("Account", {"Id": "id", "SystemModstamp": "datetime"}, (), "SystemModstamp", True)
    >>> query(about, ["Id"], datetime(2026, 1, 2, tzinfo=UTC), ordered=True)
    'SELECT Id FROM Account WHERE SystemModstamp >= 2026-01-02T00:00:00.000Z ORDER BY SystemModstamp, Id'
    """
    text = f"SELECT {', '.join(fields)} FROM {about.name}"
    if since is not None and about.stamp:
        text += f" WHERE {about.stamp} >= {written(since)}"
    if ordered and about.stamp:
        text += f" ORDER BY {about.stamp}, Id"
    return text


def written(at: datetime) -> str:
    """An instant as SOQL and our cursors write it, to the millisecond.

    >>> written(datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC))
    '2026-01-02T03:04:05.678Z'
    """
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(text: str) -> datetime:
    """An instant as the org or our cursors write it.

    Raises:
        ValueError: it is none.

    >>> instant("2026-01-02T03:04:05.000+0000") == instant("2026-01-02T03:04:05.000Z")
    True
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return at.astimezone(UTC)


def readers(about: Described, fields: Collection[str]) -> list[tuple[str, Callable[[str], Any] | None]]:
    """How the text of a bulk file's column is read, per field; None where it is a text anyway.

    An empty cell means no value; every other text is meant, ``NA`` and ``null`` too.
    """
    return [(name, _READERS.get(about.types.get(name, "string"))) for name in fields]


def _whole(text: str) -> int | Decimal:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number


_READERS: dict[str, Callable[[str], Any]] = {
    "boolean": lambda text: text.lower() == "true",
    "int": _whole,
    "long": _whole,
    "double": _whole,
    "currency": _whole,
    "percent": _whole,
}
