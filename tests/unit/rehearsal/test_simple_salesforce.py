"""The public client ``simple-salesforce`` works against the rehearsal orgs as it is.

It only speaks https to salesforce.com, so a transport adapter leads these addresses to this machine.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
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

from townsend.clock import AcceleratedClock, SystemClock
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


@pytest.fixture(scope="module")
def today() -> Iterator[Server]:
    """A server in the machine's own time: the client dates its statements by it."""
    first, second = start(["salesforce"], clock=SystemClock(), seed=7, size=0, anchor=NOON)
    yield first
    first.stop()
    second.stop()


def keyed(server: Server, **more: str) -> Salesforce:
    given = {"username": server.extra["username"], "privatekey": server.state.private_key}
    return Salesforce(
        consumer_key=server.client_id, session=session_to(server), version="67.0", **(given | more)
    )


@pytest.mark.parametrize("domain", ["login", "test"])
def test_a_signed_statement_logs_in(today: Server, domain: str) -> None:
    found = keyed(today, domain=domain).query("SELECT COUNT() FROM Contact")

    assert len(today.state.tables.rows("Contact")) == found["totalSize"]


@pytest.mark.parametrize("wrong", [{"username": "nobody@bodea.example"}, {"domain": "elsewhere"}])
def test_a_statement_for_somebody_else_is_refused(today: Server, wrong: dict[str, str]) -> None:
    with pytest.raises(SalesforceAuthenticationFailed, match="invalid_grant"):
        keyed(today, **wrong)


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


def test_replication_tells_what_changed(client: Salesforce) -> None:
    made = client.Account.create({"Name": "Changed"})["id"]
    # Seconds are ignored, so the minute has to be over; at this clock's pace it is in half a second.
    for _ in range(100):
        found = client.Account.updated(NOON - timedelta(days=10), NOON + timedelta(days=9))
        if made in found["ids"]:
            break
        sleep(0.02)
    client.Account.delete(made)

    assert made in found["ids"]


def test_an_object_tells_what_it_is(client: Salesforce) -> None:
    about = client.Contract__c.metadata()["objectDescribe"]

    assert ("Contract__c", "a00", True) == (about["name"], about["keyPrefix"], about["custom"])


def test_an_object_of_the_org_s_own_has_fields_of_its_own(client: Salesforce) -> None:
    fields = {field["name"]: field for field in client.Contract__c.describe()["fields"]}
    (row,) = client.query(
        "SELECT Account__r.Name, Value__c, Number__c FROM Contract__c WHERE Name LIKE '%Opportunity 1'"
    )["records"]

    assert (True, ["Account"], "Account__r") == (
        fields["Account__c"]["custom"],
        fields["Account__c"]["referenceTo"],
        fields["Account__c"]["relationshipName"],
    )
    assert ("Townsend", 200_000) == (row["Account__r"]["Name"], row["Value__c"])


def test_an_external_id_finds_makes_and_changes_a_record(client: Salesforce) -> None:
    made = client.Contract__c.upsert("Number__c/X-1", {"Name": "First"})
    changed = client.Contract__c.upsert("Number__c/X-1", {"Name": "Second"})
    found = client.Contract__c.get_by_custom_id("Number__c", "X-1")
    client.Contract__c.delete(found["Id"])

    assert (201, 200, "Second") == (made, changed, found["Name"])
    with pytest.raises(SalesforceResourceNotFound):
        client.Contract__c.get_by_custom_id("Number__c", "X-1")


def test_rows_come_sorted_and_limited(client: Salesforce) -> None:
    by_amount = "SELECT Amount FROM Opportunity WHERE Amount != null ORDER BY Amount DESC NULLS LAST"
    everything = [row["Amount"] for row in client.query_all(by_amount)["records"]]
    some = [row["Amount"] for row in client.query(f"{by_amount} LIMIT 3 OFFSET 2")["records"]]

    assert sorted(everything, reverse=True) == everything
    assert everything[2:5] == some


def test_groups_are_counted_and_summed(client: Salesforce) -> None:
    rows = client.query_all("SELECT StageName, Amount FROM Opportunity")["records"]
    expected: dict[str, tuple[int, float]] = {}
    for row in rows:
        count, total = expected.get(row["StageName"], (0, 0.0))
        expected[row["StageName"]] = (count + 1, total + (row["Amount"] or 0))
    found = client.query("SELECT StageName, COUNT(Id) n, SUM(Amount) FROM Opportunity GROUP BY StageName")
    first = client.query("SELECT StageName, COUNT(Id) n FROM Opportunity GROUP BY StageName LIMIT 1")
    (all_of_it,) = client.query("SELECT COUNT(Id), MAX(Amount), MIN(Amount), AVG(Amount) FROM Opportunity")[
        "records"
    ]
    amounts = [row["Amount"] for row in rows if row["Amount"] is not None]

    assert expected == {row["StageName"]: (row["n"], row["expr0"]) for row in found["records"]}
    assert [expected[row["StageName"]][0] for row in first["records"]] == [
        row["n"] for row in first["records"]
    ]
    assert len(rows) == all_of_it["expr0"]
    assert (max(amounts), min(amounts)) == (all_of_it["expr1"], all_of_it["expr2"])
    assert pytest.approx(sum(amounts) / len(amounts)) == all_of_it["expr3"]


def test_any_path_can_be_called(client: Salesforce) -> None:
    found = client.restful("sobjects/Account/describe")

    assert "Tier__c" in {field["name"] for field in found["fields"]}


def test_the_org_tells_that_it_is_no_sandbox(client: Salesforce) -> None:
    assert client.is_sandbox() is False


def test_a_session_can_be_looked_at(crm: Server, client: Salesforce) -> None:
    basic = requests.auth.HTTPBasicAuth(crm.client_id, crm.client_secret)
    found = requests.post(
        f"{crm.base_url}/services/oauth2/introspect",
        data={"token": client.session_id},
        auth=basic,
        timeout=10,
    ).json()

    assert found["active"] is True


@pytest.mark.parametrize(
    ("token", "status"), [("its own", 200), ("another", 400)], ids=["its own", "another"]
)
def test_a_refresh_token_gives_a_session(crm: Server, token: str, status: int) -> None:
    given = crm.extra["refresh_token"] if token == "its own" else token
    form = {"grant_type": "refresh_token", "refresh_token": given}
    form |= {"client_id": crm.client_id, "client_secret": crm.client_secret}
    found = requests.post(f"{crm.base_url}/services/oauth2/token", data=form, timeout=10)

    assert status == found.status_code
    assert ("access_token" in found.json()) is (status == 200)


@pytest.mark.slow
def test_bulk_queries_with_deleted_rows_are_downloaded(client: Salesforce, tmp_path: Path) -> None:
    expected = client.query_all("SELECT Id FROM Contact", include_deleted=True)["totalSize"]
    pages = list(client.bulk2.Contact.query_all("SELECT Id, IsDeleted FROM Contact"))
    rows = [row for page in pages for row in csv.DictReader(io.StringIO(page))]
    files = client.bulk2.Account.download("SELECT Id FROM Account", path=str(tmp_path), max_records=50)

    assert expected == len(rows)
    assert "true" in {row["IsDeleted"] for row in rows}
    assert client.query("SELECT COUNT() FROM Account")["totalSize"] == sum(
        file["number_of_records"] for file in files
    )


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
