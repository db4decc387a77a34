"""What reading by the time of change cannot see: rows deleted for good, fields that came or went.

Deleted rows stay in the org's recycle bin for 15 days, unless somebody empties it. Who reads more often
sees each of them; who paused longer compares ids, which needs no more than a list of them. Rows that tie
records together may be deleted without passing through the bin, so theirs are compared now and then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from townsend.clock import Clock
from townsend.sources.salesforce_objects import Described, instant, written
from townsend.sources.salesforce_read import Position, changes
from townsend.vendors.salesforce import Org

__all__ = ["Seen", "field_notes", "ids"]

DELETED_KEPT = timedelta(days=15)
COMPARED_EVERY = timedelta(days=7)
PAST_THE_BIN = frozenset({"AccountContactRelation"})
FIELDS_NAMED = 8  # in one note; the others are counted
# Fields without which an object is of little use: said if the app's user may not see them.
NEEDED = {
    "Account": ("Name",),
    "Contact": ("AccountId", "Email"),
    "Lead": ("Email",),
    "AccountContactRelation": ("AccountId", "ContactId"),
    "CampaignMember": ("CampaignId", "LeadId", "ContactId"),
    "Opportunity": ("AccountId", "Amount", "IsWon", "IsClosed"),
    "OpportunityContactRole": ("OpportunityId", "ContactId"),
}


@dataclass(frozen=True)
class Seen:
    """What was seen of an object until now, as its cursor keeps it.

    Args:
        read: when it was read last.
        compared: when its ids were compared last, or all of it was read.
        fields: what was asked for then.
    """

    read: str | None = None
    compared: str | None = None
    fields: tuple[str, ...] | None = None

    @classmethod
    def of(cls, cursor: Any) -> Seen:
        """Out of a stored cursor; what it does not say is None."""
        if not isinstance(cursor, dict):
            return cls()
        fields = cursor.get("fields")
        return cls(cursor.get("read"), cursor.get("compared"), None if fields is None else tuple(fields))

    def cursor(self) -> dict[str, Any]:
        """What is stored; JSON-compatible."""
        found = {"read": self.read, "compared": self.compared, "fields": self.fields and list(self.fields)}
        return {name: value for name, value in found.items() if value is not None}

    def now(self, now: datetime, fields: Sequence[str], *, compared: bool) -> Seen:
        """After it was read, and compared if it was."""
        at = written(now)
        return replace(self, read=at, compared=at if compared else self.compared, fields=tuple(fields))

    def why_compare(self, about: Described, now: datetime) -> str | None:
        """Why ids have to be compared, in words for a person; None if they need not be."""
        if self.read is None:
            return None
        if about.deletes and now - instant(self.read) > DELETED_KEPT:
            return (
                f"nothing was read for more than {DELETED_KEPT.days} days, and rows deleted early in that "
                "time may have left the org's recycle bin"
            )
        told = about.deletes and about.name not in PAST_THE_BIN
        if told or (self.compared is not None and now - instant(self.compared) <= COMPARED_EVERY):
            return None
        return f"{about.name} does not tell all rows that were deleted"


def ids(org: Org, clock: Clock, about: Described, key: Callable[[str], str]) -> frozenset[str]:
    """The keys of all live rows of an object."""
    fields = [name for name in ("Id", "IsDeleted") if name in about.types]
    bare = replace(about, types={name: about.types[name] for name in fields}, stamp=None)
    return frozenset(
        key(row["Id"])
        for chunk in changes(org, clock, bare, fields, Position(), None)
        for row in chunk.rows
        if not row.get("IsDeleted")
    )


def field_notes(about: Described, fields: Sequence[str], before: Sequence[str] | None) -> Iterator[str]:
    """What to say of fields that cannot be seen, came or went.

    Args:
        fields: those asked for now.
        before: those asked for the last time; None at the first.
    """
    if about.stamp is None:
        yield f"{about.name} does not tell when a row changed; it is read whole each time"
    if before is None:
        if hidden := [name for name in NEEDED.get(about.name, ()) if name not in about.types]:
            yield f"the app's user may not see {_named(hidden)} of {about.name}; grant it read access"
        if "CurrencyIsoCode" in fields:
            yield (
                "the org keeps several currencies: each amount comes in its record's own. The org's dated "
                "rates are not read; Townsend converts by `rates` in townsend.yaml"
            )
        return
    if gone := [name for name in before if name not in fields]:
        yield (
            f"{_named(gone)} of {about.name} can no longer be read: removed, or hidden from the app's user. "
            "Rows that change from now on come without"
        )
    if new := [name for name in fields if name not in before]:
        yield (
            f"{_named(new)} of {about.name} can be read now; rows that did not change since then lack it "
            "until `townsend sync --full` reads them again"
        )


def _named(names: Sequence[str]) -> str:
    if len(names) <= FIELDS_NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:FIELDS_NAMED])} and {len(names) - FIELDS_NAMED:,} more fields"
