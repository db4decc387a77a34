"""A rehearsal org keeps the vendor's manners, seen without a client library."""

from __future__ import annotations

import csv
import gzip
import io
import json
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.unit.rehearsal.callers import ANCHOR_MS, CLIENT

from townsend.rehearsal.company import generate
from townsend.rehearsal.salesforce.org import Org
from townsend.rehearsal.times import DAY_MS, HOUR_MS, SECOND_MS, salesforce
from townsend.rehearsal.web import FORM, Answer, Request

V = "/services/data/v67.0"


class Caller:
    """Signed in at one org; ``at_ms`` is the vendor's time of the next call."""

    def __init__(self, size: int = 0, crm: int = 0, state: Path | None = None) -> None:
        self.org = Org(crm, partial(generate, 7, size, ANCHOR_MS), CLIENT, 7, state)
        self.at_ms = ANCHOR_MS
        self.token = ""
        self.sign_in()

    def sign_in(self, **form: str) -> tuple[int, dict[str, Any]]:
        given = {
            "grant_type": "client_credentials",
            "client_id": CLIENT[0],
            "client_secret": CLIENT[1],
        } | form
        answer = self.raw("POST", "/services/oauth2/token", body=urlencode(given).encode(), content_type=FORM)
        found = json.loads(answer.body)
        self.token = found.get("access_token", self.token)
        return answer.status, found

    def raw(self, method: str, path: str, query: Any = (), body: bytes = b"", **headers: str) -> Answer:
        sent = {"authorization": f"Bearer {self.token}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.org.answer(Request(method, path, urlencode(query), sent, body, 1, self.at_ms))

    def get(self, path: str, **query: Any) -> Any:
        return json.loads(self.raw("GET", path, query).body)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.raw(method, path, body=b"" if body is None else json.dumps(body).encode())
        return json.loads(answer.body) if answer.body else answer.status

    def query(self, soql: str, deleted: bool = False) -> list[dict[str, Any]]:
        found = self.get(f"{V}/{'queryAll' if deleted else 'query'}", q=soql)
        rows: list[dict[str, Any]] = found["records"]
        assert found["done"]
        return rows


@pytest.fixture
def crm() -> Caller:
    return Caller()


def refused(answer: Answer) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)[0]["errorCode"]


def test_a_session_lasts_two_hours_after_its_last_use(crm: Caller) -> None:
    for _ in range(3):
        crm.at_ms += 2 * HOUR_MS - 1
        assert 200 == crm.raw("GET", f"{V}/limits").status
    crm.at_ms += 2 * HOUR_MS

    assert (401, "INVALID_SESSION_ID") == refused(crm.raw("GET", f"{V}/limits"))


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_id": "x"}, "invalid_client_id"),
        ({"client_secret": "x"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_wrong_credentials_are_told(crm: Caller, form: dict[str, str], error: str) -> None:
    status, found = crm.sign_in(**form)

    assert (400, error) == (status, found["error"])


def test_the_day_has_a_number_of_calls(crm: Caller) -> None:
    crm.org.daily_calls_max = 2
    last = [crm.raw("GET", f"{V}/limits") for _ in range(2)][-1]

    assert "api-usage=2/2" == last.headers["Sforce-Limit-Info"]
    assert (403, "REQUEST_LIMIT_EXCEEDED") == refused(crm.raw("GET", f"{V}/limits"))
    crm.at_ms += DAY_MS + 1
    crm.sign_in()
    assert 200 == crm.raw("GET", f"{V}/limits").status


def test_a_query_with_parents_and_conditions(crm: Caller) -> None:
    (row,) = crm.query(
        "SELECT Name, Account.Name, Account.Parent.Name, Email FROM Contact "
        "WHERE (Email LIKE 'P2@%' OR LastName = 'nobody') AND AccountId IN ('0015e0000000001') "
        "AND IsDeleted = false"
    )

    assert ("Pablo Townsend", "Townsend", None) == (
        row["Name"],
        row["Account"]["Name"],
        row["Account"]["Parent"],
    )
    assert "Contact" == row["attributes"]["type"]


def test_increments_are_ordered_by_stamp_and_id() -> None:
    crm = Caller(size=300)
    since, until = salesforce(ANCHOR_MS - 90 * DAY_MS, "Z"), salesforce(ANCHOR_MS, "Z")
    rows = crm.query(
        "SELECT Id, SystemModstamp FROM Contact "
        f"WHERE SystemModstamp >= {since} AND SystemModstamp < {until} ORDER BY SystemModstamp, Id"
    )
    keys = [(row["SystemModstamp"], row["Id"]) for row in rows]
    everything = crm.query("SELECT Id FROM Contact")

    assert 0 < len(keys) < len(everything)
    assert sorted(keys) == keys


def test_pages_hold_two_thousand_rows_and_ten_stay_open() -> None:
    crm = Caller(size=600)
    soql = {"q": "SELECT Id FROM Contact"}
    small = {"sforce_query_options": "batchSize=200"}
    opened = [json.loads(crm.raw("GET", f"{V}/query", soql, **small).body) for _ in range(11)]
    rows = list(opened[10]["records"])
    page = opened[10]
    while not page["done"]:
        page = json.loads(crm.raw("GET", page["nextRecordsUrl"], **small).body)
        rows += page["records"]

    assert opened[0]["totalSize"] == len({row["Id"] for row in rows}) > 200
    assert (400, "INVALID_QUERY_LOCATOR") == refused(crm.raw("GET", opened[0]["nextRecordsUrl"]))
    crm.at_ms += 2 * DAY_MS + 1
    crm.sign_in()
    assert (400, "INVALID_QUERY_LOCATOR") == refused(crm.raw("GET", opened[10]["nextRecordsUrl"]))


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Id FROM", "MALFORMED_QUERY"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
        ("SELECT Nothing FROM Account", "INVALID_FIELD"),
        ("SELECT Nothing.Name FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE SystemModstamp > '2026-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Name", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account ; DROP", "MALFORMED_QUERY"),
        ("SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY"),
        ("SELECT SUM(Name) FROM Account", "MALFORMED_QUERY"),
        ("SELECT FORMAT(Name) FROM Account", "MALFORMED_QUERY"),
    ],
)
def test_a_wrong_query_is_told(crm: Caller, soql: str, code: str) -> None:
    assert (400, code) == refused(crm.raw("GET", f"{V}/query", {"q": soql}))


def test_bulk_results_come_in_pages_with_locators_and_gzip() -> None:
    crm = Caller(size=300)
    body = {
        "operation": "query",
        "query": "SELECT Id, Amount, Account.Name, IsWon, SystemModstamp FROM Opportunity",
    }
    job = crm.send("POST", f"{V}/jobs/query", body)
    path = f"{V}/jobs/query/{job['id']}"
    early = crm.raw("GET", f"{path}/results")
    crm.at_ms += 5 * SECOND_MS
    told = crm.get(path)
    rows: list[dict[str, str]] = []
    locator = ""
    while locator != "null":
        query = {"maxRecords": "30"} | ({"locator": locator} if locator else {})
        answer = crm.raw("GET", f"{path}/results", query, accept_encoding="gzip")
        data = gzip.decompress(answer.body) if answer.headers.get("content-encoding") else answer.body
        page = list(csv.DictReader(io.StringIO(data.decode())))
        assert str(len(page)) == answer.headers["Sforce-NumberOfRecords"]
        rows += page
        locator = answer.headers["Sforce-Locator"]
    by_rest = crm.query("SELECT Id FROM Opportunity")

    assert (409, "INVALIDJOBSTATE") == refused(early)
    assert ("JobComplete", len(rows)) == (told["state"], told["numberRecordsProcessed"])
    assert {row["Id"] for row in by_rest} == {row["Id"] for row in rows}
    assert {"true", "false"} == {row["IsWon"] for row in rows}
    assert rows[0]["SystemModstamp"].endswith(".000Z")


def test_a_bulk_job_keeps_to_its_version_and_can_be_ended(crm: Caller) -> None:
    body = {"operation": "queryAll", "query": "SELECT Id FROM Account"}
    first, second = (crm.send("POST", f"{V}/jobs/query", body)["id"] for _ in range(2))
    aborted = crm.send("PATCH", f"{V}/jobs/query/{second}", {"state": "Aborted"})
    crm.at_ms += 5 * SECOND_MS

    assert "Aborted" == aborted["state"]
    other = f"/services/data/v60.0/jobs/query/{first}/results"
    assert (409, "API_VERSION_MISMATCH") == refused(crm.raw("GET", other))
    assert 204 == crm.send("DELETE", f"{V}/jobs/query/{first}")
    assert (404, "NOT_FOUND") == refused(crm.raw("GET", f"{V}/jobs/query/{first}"))


def test_what_is_deleted_shows_in_query_all_and_in_replication(crm: Caller) -> None:
    crm.org.delete("0035e0000000001", ANCHOR_MS)
    crm.at_ms += HOUR_MS
    live = crm.query("SELECT Id FROM Contact")
    rows = crm.query("SELECT Id, IsDeleted FROM Contact", deleted=True)
    span = {"start": salesforce(ANCHOR_MS - HOUR_MS, "Z"), "end": salesforce(crm.at_ms, "Z")}
    told = crm.get(f"{V}/sobjects/Contact/deleted", **span)

    assert ["0035e0000000002AAA"] == [row["Id"] for row in live]
    assert [True] == [row["IsDeleted"] for row in rows if row["Id"] == "0035e0000000001AAA"]
    assert ["0035e0000000001AAA"] == [row["id"] for row in told["deletedRecords"]]


def test_what_is_emptied_from_the_bin_leaves_no_trace(crm: Caller, tmp_path: Path) -> None:
    crm.org.delete("0035e0000000001", ANCHOR_MS)
    crm.org.empty_bin()
    kept = Caller(state=tmp_path / "crm.ndjson")
    kept.org.delete("0035e0000000001AAA", ANCHOR_MS)
    kept.org.empty_bin()
    again = Caller(state=tmp_path / "crm.ndjson")

    assert ["0035e0000000002AAA"] == [row["Id"] for row in crm.query("SELECT Id FROM Contact", deleted=True)]
    assert (404, "NOT_FOUND") == refused(crm.raw("GET", f"{V}/sobjects/Contact/0035e0000000001AAA"))
    assert kept.query("SELECT Id FROM Contact", True) == again.query("SELECT Id FROM Contact", True)


def test_replication_reaches_back_thirty_days_at_most(crm: Caller) -> None:
    span = {"start": salesforce(ANCHOR_MS - 40 * DAY_MS, "Z"), "end": salesforce(ANCHOR_MS, "Z")}
    path = f"{V}/sobjects/Contact/deleted"

    assert (400, "INVALID_REPLICATION_DATE") == refused(crm.raw("GET", path, span))


def test_what_callers_changed_outlives_a_restart(tmp_path: Path) -> None:
    kept = tmp_path / "crm.ndjson"
    first = Caller(state=kept)
    made = first.send("POST", f"{V}/sobjects/Account", {"Name": "New"})["id"]
    first.send("PATCH", f"{V}/sobjects/Account/{made}", {"Name": "Newer"})
    first.org.delete("0035e0000000001AAA", ANCHOR_MS)
    second = Caller(state=kept)

    assert "Newer" == second.get(f"{V}/sobjects/Account/{made}")["Name"]
    assert first.query("SELECT Id FROM Contact") == second.query("SELECT Id FROM Contact")


def test_an_unknown_field_or_record_is_told(crm: Caller) -> None:
    body = json.dumps({"Nope": 1}).encode()

    assert (400, "INVALID_FIELD") == refused(crm.raw("POST", f"{V}/sobjects/Account", body=body))
    assert (404, "NOT_FOUND") == refused(crm.raw("GET", f"{V}/sobjects/Account/001000000000000"))
    assert (404, "NOT_FOUND") == refused(crm.raw("GET", "/services/data/v99.0/limits"))
    assert (405, "METHOD_NOT_ALLOWED") == refused(crm.raw("PUT", f"{V}/limits"))
