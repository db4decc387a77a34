"""The Salesforce source: accounts, people, opportunities, campaigns and what ties them together.

Each object is a stream. What changed since the last pull is read by ``SystemModstamp`` with an overlap,
deleted rows included, by REST or in bulk, whichever needs fewer calls. Every field that the mapping uses
and the org describes is read, and every field of the org's own. An object that the org does not have, or
that the app's user may not see, is a note and not a failure. Objects of the org's own are streams as soon
as the project maps them. Nothing is ever written to the org.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from townsend.clock import Clock
from townsend.model import builtin_schema
from townsend.problem import Invalid
from townsend.sources.contract import OTHERS, Budget, Cursor, Estimate, Page, check_settings, since_of
from townsend.sources.instance import Instance
from townsend.sources.mapping import Mapper, Table, load_tables
from townsend.sources.salesforce_gaps import Seen, field_notes, ids
from townsend.sources.salesforce_objects import Described, described, instant, written
from townsend.sources.salesforce_read import Chunk, Position, changes
from townsend.sources.salesforce_rows import keep_fractions, merges
from townsend.sources.salesforce_size import estimate, records
from townsend.sources.watch import watched
from townsend.vendors.keys import SOURCES
from townsend.vendors.salesforce import API_VERSION, Org, OrgFault, to18
from townsend.vendors.salesforce_login import login_of

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
GROUP = "salesforce"
_OBJECT = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_AUDIT = {
    "extSourceSystemAudit.createdDate": "CreatedDate",
    "extSourceSystemAudit.lastUpdatedDate": "LastModifiedDate",
}
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
        settings: ``base_url``, ``client_id``, and ``client_secret`` or ``username`` and ``private_key``;
            ``audience``, ``org_id``, ``since``, ``api_version``; ``mapping``.
        clock: the time of waits.
        transport: how to reach the host, for tests.
        folder: what the path of ``private_key`` is relative to.

    Raises:
        Invalid: ``settings.key``, ``settings.missing``, ``settings.url``, ``settings.private_key``,
            ``source.since``, ``mapping.table``.
    """

    KEYS = SOURCES["salesforce"]

    def __init__(
        self,
        name: str,
        settings: Mapping[str, Any],
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
        folder: Path | None = None,
    ) -> None:
        check_settings(name, settings, self.KEYS)
        self.name = name
        # What is kept of the settings holds no secret.
        self._since = {key: settings[key] for key in ("since",) if key in settings}
        self._wanted = to18(str(settings["org_id"]).strip()) if settings.get("org_id") else None
        self._least(clock.now())
        self._clock = clock
        tables = load_tables("salesforce", settings.get("mapping"))
        self._tables: Mapping[str, Table] = {
            stream: table if stream in STREAMS else _own(table) for stream, table in tables.items()
        }
        self._instance: Instance | None = None
        self._knowing = threading.Lock()
        self._notes: dict[str, list[str]] = {}
        self._org = Org(
            name,
            str(settings["base_url"]),
            login_of(name, settings, folder),
            clock,
            api_version=str(settings.get("api_version", API_VERSION)).removeprefix("v"),
            transport=transport,
        )

    def streams(self) -> Sequence[str]:
        """The objects that ship with a mapping, then those that only the project maps."""
        return (*STREAMS, *(stream for stream in self._tables if stream not in STREAMS))

    def needs(self, stream: str) -> Collection[str]:  # noqa: ARG002  no object needs another
        """Objects are read at the same time, and their bulk jobs run together."""
        return ()

    def prepare(self, stream: str, cursor: Cursor | None, now: datetime) -> None:  # noqa: ARG002
        """See once that the credentials lead to the right org; jobs are begun by each object's own pull."""
        self._known_instance()

    def notes(self, stream: str) -> Sequence[str]:
        return tuple(self._notes.get(stream, ()))

    def close(self) -> None:
        self._org.close()

    @property
    def calls(self) -> int:
        """Calls that the thread that asks has made."""
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

    def estimate(self, stream: str, cursor: Cursor | None, now: datetime) -> Estimate:
        """What a pull would bring and cost, by a describe and a count."""
        try:
            about = described(self._org.describe(stream))
        except OrgFault as fault:
            if fault.said in _NOT_THERE:
                return Estimate(0, 1, note="the org has no such object, or does not show it")
            raise
        stamp = Position.of(cursor).stamp or self._least(now, stream)
        return estimate(self._org, about, None if stamp is None else instant(stamp))

    def count(self, stream: str) -> Mapping[str, int]:
        """Live rows of an object, by a describe and a count; none if the org has no such object.

        Raises:
            Invalid, Unavailable: as ``pull``.
        """
        try:
            about = described(self._org.describe(stream))
            least = self._least(self._clock.now(), stream)
            return {self._tables[stream].cls: records(self._org, about, least, deleted=False)}
        except OrgFault as fault:
            if fault.said in _NOT_THERE:
                return {}
            raise

    def budget(self) -> Budget | None:
        """The org's calls of 24 hours, by all its programs together, as its last answer told."""
        return None if self._org.used is None else Budget(*self._org.used)

    def _pull(
        self, stream: str, instance: Instance, cursor: Cursor | None, now: datetime, notes: list[str]
    ) -> Iterator[Page]:
        table = self._tables[stream]
        about = described(self._org.describe(stream))
        # Whoever looks for what is not mapped wants to see all that there is.
        looking = (watch := watched()) is not None and watch.rows
        fields = about.chosen(about.types if looking else [*table.sources, "MasterRecordId"])
        also = {name: f"{GROUP}.{name}" for name in about.custom if name not in table.sources}
        # Somebody may be called Null: the org leaves out what is not there, and writes no word for it.
        mapper = Mapper(table, instance, also=also, null=None)
        seen, least, position = Seen.of(cursor), self._least(now, stream), Position.of(cursor)
        notes.extend(field_notes(about, fields, seen.fields))
        why = seen.why_compare(about, now)
        # What was seen counts only once the ids are compared too, so that a crash before compares them again.
        after = (seen if why else seen.now(now, fields, compared=False)).cursor()
        live: set[str] = set()
        for chunk in changes(self._org, self._clock, about, fields, position, least):
            position = chunk.position
            live.update(_key(instance, row["Id"]) for row in chunk.rows if not row.get("IsDeleted"))
            yield from _pages(stream, about, mapper, instance, chunk, {**position.cursor(), **after})
        whole = cursor is None and least is None
        if why or whole:
            # A reading of everything says by itself which rows there are.
            present = (
                frozenset(live) if whole else ids(self._org, self._clock, about, partial(_key, instance))
            )
            if why:
                notes.append(f"{why}; the ids of all its rows were compared")
            done = {**position.cursor(), **seen.now(now, fields, compared=True).cursor()}
            yield Page(table.cls, [], done, present)

    def _least(self, now: datetime, stream: str | None = None) -> str | None:
        """The instant from which a stream is read; None for all of it."""
        since = self._since.get("since")
        if since is None or (isinstance(since, Mapping) and stream not in since and OTHERS not in since):
            return None
        return written(since_of(self.name, self._since, "", now, stream))

    def _known_instance(self) -> Instance:
        """The org whose ids these are; credentials of another org than the settings name are refused."""
        with self._knowing:
            if self._instance is None:
                self._instance = self._found_instance()
            return self._instance

    def _found_instance(self) -> Instance:
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
        return Instance(str(found or wanted), "Salesforce", to18)


def _key(instance: Instance, record_id: str) -> str:
    return instance.key(record_id)["sourceKey"]


def _pages(
    stream: str, about: Described, mapper: Mapper, instance: Instance, chunk: Chunk, reached: Cursor
) -> Iterator[Page]:
    """Rows as pages; the cursor comes with the last, so that a crash before loses no merge."""
    if stream == "Opportunity":
        keep_fractions(chunk.rows)
    merged = merges(chunk.rows, about.stamp, instance) if stream in PEOPLE else []
    yield Page(mapper.cls, mapper.rows(chunk.rows), None if merged else reached)
    if merged:
        yield Page("event", merged, reached)


def _own(table: Table) -> Table:
    """A table of the project's own for one of the org's objects, with what every record of an org has."""
    if not _OBJECT.fullmatch(table.name):
        raise Invalid(
            "mapping.table",
            f"{table.name}: expected the name of an object of the org, such as Contract__c",
            got=table.name,
        )
    entity = (table.schema or builtin_schema()).entity_class(table.cls)
    if entity.is_event:
        return table
    audit = {target: name for target, name in _AUDIT.items() if target in entity.shape.leaves}
    return replace(table, fields={"isDeleted": "IsDeleted", **audit, **table.fields})
