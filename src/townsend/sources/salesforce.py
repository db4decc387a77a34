"""The Salesforce source: accounts, people, opportunities, campaigns and what ties them together.

Each object is a stream. What changed since the last pull is read by ``SystemModstamp`` with an overlap,
deleted rows included, by REST or in bulk, whichever needs fewer calls. Every field that the mapping uses
and the org describes is read, and every field of the org's own. An object that the org does not have, or
that the app's user may not see, is a note and not a failure. Nothing is ever written to the org.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

from townsend.clock import Clock
from townsend.problem import Invalid
from townsend.sources.contract import Cursor, Page, check_settings, since_of
from townsend.sources.instance import Instance
from townsend.sources.mapping import Mapper, Table, load_tables
from townsend.sources.salesforce_objects import Described, described, instant, written
from townsend.sources.salesforce_read import Position, changes
from townsend.vendors.keys import SOURCES
from townsend.vendors.salesforce import API_VERSION, Org, OrgFault, to18

__all__ = ["SalesforceSource"]

# Things referred to come first.
STREAMS = (
    "Account",
    "Contact",
    "Lead",
    "AccountContactRelation",
    "Campaign",
    "CampaignMember",
    "Opportunity",
    "OpportunityContactRole",
)
PEOPLE = frozenset({"Contact", "Lead"})
# Deleted rows stay readable so long, unless somebody empties the recycle bin.
DELETED_KEPT = timedelta(days=15)
GROUP = "salesforce"
QUANTITY, FRACTION = "TotalOpportunityQuantity", "FractionalQuantity"
_NOT_THERE = frozenset(
    {"NOT_FOUND", "INVALID_TYPE", "INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY"}
)
_INSTEAD = {
    "AccountContactRelation": "people belong to the account of their contact record only",
}


class SalesforceSource:
    """One org.

    Args:
        name: what the project calls it.
        settings: ``base_url``, ``client_id``, ``client_secret``; ``org_id``, ``since``, ``api_version``.
        clock: the time of waits.
        transport: how to reach the host, for tests.

    Raises:
        Invalid: ``settings.key``, ``settings.missing``, ``settings.url``, ``source.since``.
    """

    KEYS = SOURCES["salesforce"]

    def __init__(
        self,
        name: str,
        settings: Mapping[str, Any],
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        check_settings(name, settings, self.KEYS)
        self.name = name
        # What is kept of the settings holds no secret.
        self._since = {key: settings[key] for key in ("since",) if key in settings}
        self._wanted = to18(str(settings["org_id"]).strip()) if settings.get("org_id") else None
        self._least(clock.now())
        self._clock = clock
        self._tables: Mapping[str, Table] = load_tables("salesforce")
        self._instance: Instance | None = None
        self._notes: dict[str, list[str]] = {}
        self._org = Org(
            name,
            str(settings["base_url"]),
            str(settings["client_id"]),
            str(settings["client_secret"]),
            clock,
            api_version=str(settings.get("api_version", API_VERSION)).removeprefix("v"),
            transport=transport,
        )

    def streams(self) -> Sequence[str]:
        return STREAMS

    def notes(self, stream: str) -> Sequence[str]:
        return tuple(self._notes.get(stream, ()))

    def close(self) -> None:
        self._org.close()

    @property
    def calls(self) -> int:
        """Calls made so far."""
        return self._org.calls

    def pull(self, stream: str, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
        """Pages of one object's rows; a person's merge is an event beside the rows.

        Raises:
            Invalid: ``source.credentials``, ``source.org``, ``source.refused``.
            Unavailable: ``source.unreachable``, ``source.job``, ``vendor.quota``.
        """
        notes = self._notes[stream] = []
        instance = self._known_instance()
        for attempt in (1, 2):
            try:
                for page in self._pull(stream, instance, cursor, now, notes):
                    yield page
                    cursor = page.cursor or cursor
                break
            except OrgFault as fault:
                if fault.said == "INVALID_FIELD" and attempt == 1:
                    # A field vanished since it was described: ask again what there is.
                    notes.clear()
                    continue
                if fault.said not in _NOT_THERE:
                    raise
                more = f"; {_INSTEAD[stream]}" if stream in _INSTEAD else ""
                notes.append(
                    f"the org has no {stream}, or the app's user may not read it ({fault.said}){more}"
                )
                break
        if usage := self._org.usage():
            notes.append(usage)

    def _pull(
        self, stream: str, instance: Instance, cursor: Cursor | None, now: datetime, notes: list[str]
    ) -> Iterator[Page]:
        table = self._tables[stream]
        about = described(self._org.describe(stream))
        fields = about.chosen([*table.sources, "MasterRecordId"])
        also = {name: f"{GROUP}.{name}" for name in about.custom}
        # Somebody may be called Null: the org leaves out what is not there, and writes no word for it.
        mapper = Mapper(table, instance, also=also, null=None)
        last = cursor.get("read") if isinstance(cursor, dict) else None
        _note_gaps(about, last, now, notes)
        position = Position.of(cursor)
        for chunk in changes(self._org, self._clock, about, fields, position, self._least(now)):
            reached = {**chunk.position.cursor(), "read": written(now)}
            if stream == "Opportunity":
                _keep_fractions(chunk.rows)
            merges = _merges(chunk.rows, about, instance) if stream in PEOPLE else []
            yield Page(table.cls, mapper.rows(chunk.rows), None if merges else reached)
            if merges:
                yield Page("event", merges, reached)

    def _least(self, now: datetime) -> str | None:
        return written(since_of(self.name, self._since, "", now)) if self._since else None

    def _known_instance(self) -> Instance:
        """The org whose ids these are; credentials of another org than the settings name are refused."""
        if self._instance is None:
            wanted = self._wanted
            found = self._org.org_id(required=wanted is None)
            if wanted is not None and found is not None and found != wanted:
                raise Invalid(
                    "source.org",
                    f"sources.{self.name}: the credentials lead to the org {found}, org_id names {wanted}; "
                    "correct the one or the other, since the ids of records are only unique within an org",
                    source=self.name,
                    found=found,
                )
            self._instance = Instance(str(found or wanted), "Salesforce", to18)
        return self._instance


def _note_gaps(about: Described, last: str | None, now: datetime, notes: list[str]) -> None:
    """Say what cannot be seen from here; ``last`` is when the object was read last."""
    if about.stamp is None:
        notes.append(f"{about.name} does not tell when a row changed; it is read whole each time")
    if not about.deletes:
        notes.append(f"{about.name} does not tell which rows were deleted")
    elif last is not None and now - instant(last) > DELETED_KEPT:
        notes.append(
            f"nothing was read for more than {DELETED_KEPT.days} days; rows deleted early in that time may "
            "have left the org's recycle bin unseen. Compare the number of rows with a report of the org"
        )


def _keep_fractions(rows: Sequence[dict[str, Any]]) -> None:
    # XDM's quantity is a whole number, the org's need not be; such a one goes below the group.
    for row in rows:
        quantity = row.get(QUANTITY)
        if isinstance(quantity, Decimal) and quantity != quantity.to_integral_value():
            row[FRACTION] = row.pop(QUANTITY)


def _merges(rows: Sequence[Mapping[str, Any]], about: Described, instance: Instance) -> list[dict[str, Any]]:
    """Merges of people as events: the losing record is deleted and names the one that stayed."""
    found = []
    for row in rows:
        kept = row.get("MasterRecordId")
        if kept and row.get("IsDeleted"):
            lost = instance.key(row["Id"])
            found.append(
                {
                    "_id": f"merge:{lost['sourceKey']}",
                    "timestamp": row.get("LastModifiedDate") or row.get(about.stamp or ""),
                    "eventType": "leadOperation.mergeLeads",
                    "producedBy": "salesforce",
                    "personKey": instance.key(kept),
                    "leadOperation": {"mergeLeads": {"sourceKeys": [lost], "mergedInCRM": True}},
                }
            )
    return found
