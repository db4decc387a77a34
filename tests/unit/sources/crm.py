"""A rehearsal org with a connector to it, as tests of the Salesforce source use them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.sources.wire import NOON, TestClock, Wire

from townsend.rehearsal.company import generate
from townsend.rehearsal.salesforce.org import Org
from townsend.rehearsal.times import ms_of
from townsend.sources.contract import Page
from townsend.sources.salesforce import SalesforceSource

__all__ = ["COMPANY", "SECRET", "Crm", "crm", "ids"]

SECRET = "s3cret-of-the-app"
COMPANY = generate(7, 300, ms_of(NOON))


@dataclass
class Crm:
    """An org with a connector to it, and what was pulled so far."""

    org: Org
    clock: TestClock
    wire: Wire
    source: SalesforceSource
    settings: dict[str, Any]
    cursors: dict[str, Any] = field(default_factory=dict)

    def pull(self, stream: str) -> list[Page]:
        """Everything new of a stream; the cursor moves on."""
        pages = []
        for page in self.source.pull(stream, self.cursors.get(stream), self.clock.now()):
            pages.append(page)
            if page.cursor is not None:
                self.cursors[stream] = page.cursor
        return pages

    def rows(self, stream: str) -> list[dict[str, Any]]:
        return [dict(row) for page in self.pull(stream) if page.cls != "event" for row in page.rows]

    def change(self, sobject: str, record_id: str | None = None, **fields: Any) -> str:
        """Change or make a record as a colleague in the CRM would, a minute later."""
        self.clock.sleep(60)
        return self.org.upsert(sobject, fields, ms_of(self.clock.now()), record_id)


def crm(secret: str = SECRET, folder: Path | None = None, **settings: Any) -> Crm:
    """A new org and a source that reads it; a setting that is None is left out."""
    clock = TestClock()
    org = Org(0, lambda: COMPANY, ("app", secret), 7, None)
    org.base_url = "https://bodea.my.salesforce.test"
    wire = Wire(org.answer, clock)
    given = {"type": "salesforce", "base_url": org.base_url, "client_id": "app", "client_secret": secret}
    given = {key: value for key, value in (given | settings).items() if value is not None}
    return Crm(org, clock, wire, SalesforceSource("crm_1", given, clock, wire, folder), given)


def ids(rows: Iterable[dict[str, Any]], key: str) -> list[str]:
    """The record ids of rows, by the path of their key, sorted."""
    found = []
    for row in rows:
        value: Any = row
        for name in key.split("."):
            value = value[name]
        found.append(value["sourceID"])
    return sorted(found)
