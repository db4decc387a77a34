"""Bulk extracts keep the vendor's queue, windows, volume and files."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import Any

import pytest
from tests.unit.rehearsal.callers import ANCHOR_MS, MarketoCaller, codes

from townsend.rehearsal.times import DAY_MS, SECOND_MS, text

MINUTE_MS = 60 * SECOND_MS
ALL = "/bulk/v1/activities/export"


def window(days: int = 31, until_ms: int = ANCHOR_MS) -> dict[str, str]:
    return {"startAt": text(until_ms - days * DAY_MS), "endAt": text(until_ms)}


def created(marketo: MarketoCaller, kind: str = "activities", **body: Any) -> str:
    given = {"format": "CSV", "filter": {"createdAt": window()}} | body
    answer = marketo.send(f"/bulk/v1/{kind}/export/create.json", given)
    assert answer["success"], answer
    job: str = answer["result"][0]["exportId"]
    return job


def finished(marketo: MarketoCaller, kind: str = "activities", **body: Any) -> tuple[dict[str, Any], bytes]:
    job = created(marketo, kind, **body)
    assert marketo.send(f"/bulk/v1/{kind}/export/{job}/enqueue.json")["success"]
    marketo.at_ms += MINUTE_MS
    told = marketo.get(f"/bulk/v1/{kind}/export/{job}/status.json")["result"][0]
    return told, marketo.raw("GET", f"/bulk/v1/{kind}/export/{job}/file.json").body


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_a_job_is_created_queued_processed_and_completed() -> None:
    marketo = MarketoCaller()
    job = created(marketo)
    path = f"{ALL}/{job}"

    def status() -> str:
        found: str = marketo.get(f"{path}/status.json")["result"][0]["status"]
        return found

    assert "Created" == status()
    assert "Queued" == marketo.send(f"{path}/enqueue.json")["result"][0]["status"]
    marketo.at_ms += MINUTE_MS - 1
    assert status() in {"Queued", "Processing"}
    assert 404 == marketo.raw("GET", f"{path}/file.json").status
    marketo.at_ms += 1
    assert "Completed" == status()
    assert 200 == marketo.raw("GET", f"{path}/file.json").status


def test_the_file_is_what_status_says_it_is() -> None:
    marketo = MarketoCaller(size=300)
    told, data = finished(marketo)

    assert told["fileSize"] == len(data)
    assert told["fileChecksum"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert told["numberOfRecords"] == len(rows_of(data)) > 200


def test_files_of_windows_hold_every_activity_once() -> None:
    marketo = MarketoCaller(size=300)
    seen = []
    for k in range(7):
        _, data = finished(marketo, filter={"createdAt": window(31, ANCHOR_MS + DAY_MS - k * 31 * DAY_MS)})
        seen += [row["marketoGUID"] for row in rows_of(data)]
    book = marketo.home.world.activities

    assert sorted(str(one.id) for one in book.many(book.between(0, 2**62, None, 2**62))) == sorted(seen)


def test_a_row_tells_the_same_as_the_page() -> None:
    marketo = MarketoCaller()
    _, data = finished(marketo, filter={"createdAt": window(), "activityTypeIds": [1]})
    rows = {row["marketoGUID"]: row for row in rows_of(data)}
    since = text(ANCHOR_MS - 31 * DAY_MS)
    token = marketo.get("/rest/v1/activities/pagingtoken.json", sinceDatetime=since)["nextPageToken"]
    paged = marketo.get("/rest/v1/activities.json", activityTypeIds="1", nextPageToken=token)["result"]

    assert sorted(rows) == sorted(one["marketoGUID"] for one in paged)
    for one in paged:
        row = rows[one["marketoGUID"]]
        assert one["primaryAttributeValue"] == row["primaryAttributeValue"]
        assert one["activityDate"] == row["activityDate"]
        assert {a["name"]: a["value"] for a in one["attributes"]} == json.loads(row["attributes"])


def test_columns_can_be_chosen_and_renamed() -> None:
    _, data = finished(
        MarketoCaller(),
        "leads",
        fields=["id", "email", "middleName"],
        columnHeaderNames={"email": "E-mail"},
        filter={"staticListName": "Newsletter subscribers"},
    )
    everybody = MarketoCaller()
    _, story = finished(
        everybody,
        "leads",
        fields=["id", "email", "middleName"],
        filter={"createdAt": window(31, ANCHOR_MS - 160 * DAY_MS)},
    )

    assert b"id,E-mail,middleName\n" == data
    assert b"id,email,middleName\n11,p1@townsend.com,null\n12,p2@townsend.com,null\n" == story


def test_two_run_and_ten_queue() -> None:
    marketo = MarketoCaller()
    jobs = [created(marketo) for _ in range(11)]
    for job in jobs[:10]:
        assert marketo.send(f"{ALL}/{job}/enqueue.json")["success"]
    full = marketo.send(f"{ALL}/{jobs[10]}/enqueue.json")
    again = marketo.send(f"{ALL}/{jobs[0]}/enqueue.json")
    spans = sorted(marketo.home.jobs._spans().values())
    at_once = max(sum(start <= at < end for start, end in spans) for at, _ in spans)

    assert ["1029"] == codes(full)
    assert "Too many jobs" in full["errors"][0]["message"]
    assert "already queued" in again["errors"][0]["message"]
    assert 2 == at_once


def test_the_daily_volume_is_1029_until_the_next_day() -> None:
    marketo = MarketoCaller(size=50)
    marketo.home.limits.export_bytes = 10
    finished(marketo)
    job = created(marketo)
    refused = marketo.send(f"{ALL}/{job}/enqueue.json")
    marketo.at_ms += DAY_MS
    marketo.sign_in()

    assert ["1029"] == codes(refused)
    assert "daily quota" in refused["errors"][0]["message"]
    assert marketo.send(f"{ALL}/{job}/enqueue.json")["success"]


def test_a_download_can_be_resumed() -> None:
    marketo = MarketoCaller(size=50)
    told, data = finished(marketo)
    path = f"{ALL}/{told['exportId']}/file.json"
    rest = marketo.raw("GET", path, range="bytes=100-")
    past = marketo.raw("GET", path, range=f"bytes={len(data)}-")

    assert (206, data[100:]) == (rest.status, rest.body)
    assert f"bytes 100-{len(data) - 1}/{len(data)}" == rest.headers["Content-Range"]
    assert 416 == past.status


def test_a_canceled_job_gives_no_file() -> None:
    marketo = MarketoCaller()
    job = created(marketo)
    marketo.send(f"{ALL}/{job}/enqueue.json")
    canceled = marketo.send(f"{ALL}/{job}/cancel.json")["result"][0]["status"]
    marketo.at_ms += MINUTE_MS

    assert "Cancelled" == canceled
    assert "Canceled" == marketo.get(f"{ALL}/{job}/status.json")["result"][0]["status"]
    assert 404 == marketo.raw("GET", f"{ALL}/{job}/file.json").status


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("activities", {"filter": {"createdAt": window(32)}}, "1003"),
        ("activities", {"filter": {"createdAt": window(), "activityTypeIds": [37]}}, "1003"),
        ("activities", {"filter": {"nope": 1, "createdAt": window()}}, "1003"),
        ("activities", {"filter": {}}, "1003"),
        ("leads", {"fields": [], "filter": {"createdAt": window()}}, "1003"),
        ("leads", {"fields": ["nope"], "filter": {"createdAt": window()}}, "1006"),
        ("leads", {"fields": ["id"], "filter": {"updatedAt": window()}}, "1035"),
        ("program/members", {"fields": ["leadId"], "filter": {"programId": 99}}, "1013"),
        ("program/members", {"fields": ["leadId"], "filter": {"programIds": list(range(11))}}, "1003"),
    ],
)
def test_a_wrong_export_is_told(kind: str, body: dict[str, Any], code: str) -> None:
    """The second instance: its subscription has no filter by update time."""
    marketo = MarketoCaller(i=1)

    assert [code] == codes(marketo.send(f"/bulk/v1/{kind}/export/create.json", body))


def test_members_of_programs_come_with_numbers_for_booleans() -> None:
    marketo = MarketoCaller(size=300)
    _, data = finished(
        marketo, "program/members", fields=["leadId", "statusName", "reachedSuccess", "email"],
        filter={"programIds": [1101, 1102]},
    )  # fmt: skip
    rows = rows_of(data)

    assert ["programId", "leadId", "statusName", "reachedSuccess", "email"] == list(rows[0])
    assert {"1101", "1102"} == {row["programId"] for row in rows}
    assert {"0", "1"} == {row["reachedSuccess"] for row in rows}


def test_update_windows_follow_any_change_while_the_column_follows_standard_ones() -> None:
    marketo = MarketoCaller()
    change = {"input": [{"email": "p2@townsend.com", "productInterest": "Sensors"}]}
    marketo.send("/rest/v1/leads.json", change)
    span = {"startAt": text(ANCHOR_MS), "endAt": text(ANCHOR_MS + DAY_MS)}
    _, data = finished(marketo, "leads", fields=["id", "updatedAt"], filter={"updatedAt": span})
    (row,) = rows_of(data)

    assert "12" == row["id"]
    assert row["updatedAt"] < text(ANCHOR_MS)
