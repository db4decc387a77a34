"""The public client ``simple-salesforce`` works against the rehearsal orgs as it is.

It only speaks https to salesforce.com, so a transport adapter leads these addresses to this machine.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)

from townsend.clock import AcceleratedClock
from townsend.rehearsal import Server, start

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class ToThisMachine(HTTPAdapter):
    """Sends every call to one server, whatever host it names."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url

    def send(self, request: requests.PreparedRequest, *more: Any, **named: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        request.url = self._base_url + parts.path + (f"?{parts.query}" if parts.query else "")
        return super().send(request, *more, **named)


def session_to(server: Server) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", ToThisMachine(server.base_url))
    return session


@pytest.fixture(scope="module")
def crm() -> Iterator[Server]:
    first, second = start(["salesforce"], clock=AcceleratedClock(240, NOON), seed=7, size=300, anchor=NOON)
    yield first
    first.stop()
    second.stop()


def logged_in(server: Server, secret: str | None = None) -> Salesforce:
    return Salesforce(
        consumer_key=server.client_id,
        consumer_secret=secret or server.client_secret,
        domain="bodea.my",
        session=session_to(server),
        version="67.0",
    )


@pytest.fixture
def client(crm: Server) -> Salesforce:
    return logged_in(crm)


def test_client_credentials_log_in(crm: Server, client: Salesforce) -> None:
    assert crm.extra["org_id"][:15] == client.session_id[:15]


def test_wrong_credentials_are_told(crm: Server) -> None:
    with pytest.raises(SalesforceAuthenticationFailed):
        logged_in(crm, "wrong")


def test_a_query_gives_the_story(client: Salesforce) -> None:
    found = client.query(
        "SELECT Name, Amount, Account.Name FROM Opportunity WHERE Name = 'Opportunity 1' AND IsWon = true"
    )
    (row,) = found["records"]

    assert ("Opportunity 1", 200_000, "Townsend") == (row["Name"], row["Amount"], row["Account"]["Name"])


def test_pages_are_followed_to_the_end(crm: Server, client: Salesforce) -> None:
    client.headers["Sforce-Query-Options"] = "batchSize=200"
    expected = client.query("SELECT COUNT() FROM CampaignMember")["totalSize"]
    found = client.query_all("SELECT Id FROM CampaignMember")["records"]
    contacts = list(client.query_all_iter("SELECT Id FROM Contact"))

    assert expected == len({row["Id"] for row in found})
    assert client.query("SELECT COUNT() FROM Contact")["totalSize"] == len(contacts)


def test_deleted_rows_come_when_asked_for(client: Salesforce) -> None:
    live = client.query_all("SELECT Id FROM Contact")["records"]
    everything = client.query_all("SELECT Id, IsDeleted FROM Contact", include_deleted=True)["records"]

    assert len(everything) - len(live) == sum(row["IsDeleted"] for row in everything) > 0


def test_describe_names_fields_and_types(client: Salesforce) -> None:
    fields = {field["name"]: field["type"] for field in client.Account.describe()["fields"]}
    names = {sobject["name"] for sobject in client.describe()["sobjects"]}

    assert ("id", "currency", "datetime") == (
        fields["Id"],
        fields["AnnualRevenue"],
        fields["SystemModstamp"],
    )
    assert {"Account", "Contact", "Lead", "AccountContactRelation"} <= names


def test_a_record_is_made_read_changed_and_deleted(client: Salesforce) -> None:
    made = client.Account.create({"Name": "Visitors"})
    client.Account.update(made["id"], {"Name": "Guests"})
    read = client.Account.get(made["id"])
    client.Account.delete(made["id"])

    assert made["success"] is True
    assert "Guests" == read["Name"]
    with pytest.raises(SalesforceResourceNotFound):
        client.Account.get(made["id"])


def test_replication_tells_what_was_deleted(client: Salesforce) -> None:
    rows = client.query_all("SELECT Id, MasterRecordId FROM Contact", include_deleted=True)["records"]
    merged = [row["Id"] for row in rows if row["MasterRecordId"]]
    found = client.Contact.deleted(NOON - timedelta(days=10), NOON)

    assert merged
    assert set(merged) <= {row["id"] for row in found["deletedRecords"]}


@pytest.mark.slow
def test_bulk_queries_give_the_same_rows(client: Salesforce) -> None:
    expected = sorted(row["Id"] for row in client.query_all("SELECT Id FROM Account")["records"])
    pages = list(client.bulk2.Account.query("SELECT Id, Name FROM Account", max_records=10))
    rows = [row for page in pages for row in csv.DictReader(io.StringIO(page))]

    assert len(pages) > 1
    assert expected == sorted(row["Id"] for row in rows)


def test_limits_count_down(client: Salesforce) -> None:
    before = client.limits()["DailyApiRequests"]
    client.query("SELECT Id FROM Account LIMIT 1")
    after = client.limits()["DailyApiRequests"]

    assert before["Max"] == after["Max"] == 100_000
    assert after["Remaining"] < before["Remaining"]


@pytest.mark.parametrize("soql", ["SELECT Nope FROM Account", "SELECT FROM Account", "SELECT Id FROM Nope"])
def test_a_wrong_query_is_refused(client: Salesforce, soql: str) -> None:
    with pytest.raises(SalesforceMalformedRequest):
        client.query(soql)


def test_a_session_that_ended_is_told(crm: Server, client: Salesforce) -> None:
    crm.state.forget_tokens()
    client._salesforce_login_partial = None

    with pytest.raises(SalesforceExpiredSession):
        client.query("SELECT Id FROM Account LIMIT 1")


def test_a_used_up_quota_is_told(crm: Server, client: Salesforce, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crm.state, "daily_calls_max", 1)
    with pytest.raises(SalesforceRefusedRequest, match="REQUEST_LIMIT_EXCEEDED"):
        client.query("SELECT Id FROM Account LIMIT 1")
