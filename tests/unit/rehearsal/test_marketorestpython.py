"""The public client ``marketorestpython`` works against the rehearsal instances as it is.

It waits 0.2 s before each call, so these are slow.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
from marketorestpython.client import MarketoClient
from tests.unit.rehearsal.callers import ANCHOR

from townsend.clock import AcceleratedClock
from townsend.rehearsal import Server, start

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def marketo() -> Iterator[Server]:
    first, second = start(["marketo"], clock=AcceleratedClock(240, ANCHOR), seed=7, size=100, anchor=ANCHOR)
    yield first
    first.stop()
    second.stop()


@pytest.fixture(scope="module")
def client(marketo: Server) -> MarketoClient:
    found = MarketoClient(marketo.extra["munchkin_id"], marketo.client_id, marketo.client_secret, None, 5)
    found.host = marketo.base_url
    return found


def test_it_finds_leads_and_keeps_a_list(marketo: Server, client: MarketoClient) -> None:
    leads = client.execute(
        method="get_multiple_leads_by_filter_type",
        filterType="email",
        filterValues=["p2@townsend.com"],
        fields=["email", "sfdcId"],
    )
    made = client.execute(method="create_list", folderId=15, folderType="Folder", name="From the client")
    number = made[0]["id"]
    added = client.execute(method="add_leads_to_list", listId=number, id=[leads[0]["id"], 5])
    inside = client.execute(method="member_of_list", listId=number, id=[leads[0]["id"]])
    back = client.execute(method="get_multiple_leads_by_list_id", listId=number, fields=["email"])
    removed = client.execute(method="remove_leads_from_list", listId=number, id=[leads[0]["id"]])

    assert ["p2@townsend.com"] == [lead["email"] for lead in leads]
    assert ["added", "skipped"] == [row["status"] for row in added]
    assert ["memberof"] == [row["status"] for row in inside]
    assert ["p2@townsend.com"] == [lead["email"] for lead in back]
    assert ["removed"] == [row["status"] for row in removed]


def test_it_reads_activities_and_types(client: MarketoClient) -> None:
    since = (ANCHOR - timedelta(days=31)).strftime("%Y-%m-%d")
    visits = client.execute(method="get_lead_activities", activityTypeIds=["1"], sinceDatetime=since)
    types = client.execute(method="get_activity_types")

    assert any("/new-product" in visit["primaryAttributeValue"] for visit in visits if visit["leadId"] == 12)
    assert "Visit Webpage" == next(kind["name"] for kind in types if kind["id"] == 1)


def test_it_extracts_in_bulk(client: MarketoClient) -> None:
    span = {"startAt": "2026-05-20T00:00:00Z", "endAt": "2026-06-19T00:00:00Z"}
    made = client.execute(
        method="create_leads_export_job", fields=["id", "email"], filters={"createdAt": span}
    )
    job = made[0]["exportId"]
    client.execute(method="enqueue_leads_export_job", job_id=job)
    while client.execute(method="get_leads_export_job_status", job_id=job)[0]["status"] != "Completed":
        pass
    data = client.execute(method="get_leads_export_job_file", job_id=job).decode()

    assert {"11", "12"} <= {row["id"] for row in csv.DictReader(io.StringIO(data))}


def test_it_describes_and_browses(client: MarketoClient) -> None:
    fields = client.execute(method="describe2")
    folders = client.execute(method="get_folder_by_name", name="Audiences", type="Folder")
    programs = client.execute(method="browse_programs", maxReturn=200)
    company = client.execute(method="get_companies", filterType="id", filterValues=["1"], fields=["company"])

    assert "email" in {field["name"] for field in fields[0]["fields"]}
    assert 15 == folders[0]["id"]
    assert 8 == len(programs)
    assert "Townsend" == company[0]["company"]


def test_it_is_told_what_is_wrong(client: MarketoClient) -> None:
    with pytest.raises(Exception, match="1001"):
        client.execute(method="get_list_by_id", id="x")
