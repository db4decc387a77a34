"""The public client ``marketorestpython`` works against the rehearsal instances as it is.

It waits 0.2 s before each call, so these are slow.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

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


def test_it_writes_leads_merges_them_and_hears_of_their_end(client: MarketoClient) -> None:
    made = client.execute(
        method="create_update_leads",
        leads=[{"email": f"n{n}@client.example", "firstName": "N"} for n in range(3)],
        action="createOnly",
    )
    kept, lost, gone = (row["id"] for row in made)
    client.execute(
        method="create_update_leads",
        leads=[{"email": "n0@client.example", "title": "Chief"}],
        lookupField="email",
    )
    merged = client.execute(method="merge_lead", id=kept, leadIds=[lost])
    deleted = client.execute(method="delete_lead", id=[gone])
    found = client.execute(method="get_lead_by_id", id=kept, fields=["title", "email"])
    partitions = client.execute(method="get_lead_partitions")

    assert ["created"] * 3 == [row["status"] for row in made]
    assert True is merged
    assert ["deleted"] == [row["status"] for row in deleted]
    assert "Chief" == found[0]["title"]
    assert [] == client.execute(method="get_lead_by_id", id=gone)
    assert ["Default"] == [row["name"] for row in partitions]


def test_it_keeps_lists_as_assets(client: MarketoClient) -> None:
    made = client.execute(method="create_list", folderId=15, folderType="Folder", name="To be renamed")
    number = made[0]["id"]
    client.execute(method="update_list", id=number, name="Renamed", description="Ours")
    named = client.execute(method="get_list_by_name", name="Renamed")
    several = client.execute(method="get_multiple_lists", name=["Renamed"])
    browsed = client.execute(method="browse_lists", folderId=15, folderType="Folder", maxReturn=200)
    by_id = client.execute(method="get_list_by_id", id=number)
    client.execute(method="delete_list", id=number)

    assert [number] == [row["id"] for row in named] == [row["id"] for row in several]
    assert number in {row["id"] for row in browsed}
    assert "Ours" == by_id[0]["description"]
    assert [] == client.execute(method="get_multiple_lists", name=["Renamed"])


def test_it_makes_folders_and_looks_at_programs(client: MarketoClient) -> None:
    made = client.execute(method="create_folder", name="From the client", parentId=15, parentType="Folder")
    found = client.execute(method="get_folder_by_id", id=made[0]["id"], type="Folder")
    folders = client.execute(method="browse_folders", maxReturn=200)
    program = client.execute(method="browse_programs", maxReturn=200)[0]
    by_id = client.execute(method="get_program_by_id", id=program["id"])
    by_name = client.execute(method="get_program_by_name", name=program["name"])
    channels = client.execute(method="get_channels", maxReturn=200)

    assert "From the client" == found[0]["name"]
    assert made[0]["id"] in {row["id"] for row in folders}
    assert program["id"] == by_id[0]["id"] == by_name[0]["id"]
    assert program["channel"] in {row["name"] for row in channels}


def test_it_adds_custom_activities_and_reads_changes(client: MarketoClient) -> None:
    asked = {
        "leadId": 12,
        "activityTypeId": 100_001,
        "primaryAttributeValue": "Launch",
        "activityDate": ANCHOR.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "attributes": [{"name": "Seat Number", "value": 7}],
    }
    added = client.execute(method="add_custom_activities", input=[asked, {**asked, "leadId": 5}])
    types = client.execute(method="get_activity_types")
    since = (ANCHOR - timedelta(days=31)).strftime("%Y-%m-%d")
    token = client.execute(method="get_paging_token", sinceDatetime=since)
    changes = client.execute(method="get_lead_changes", fields=["title", "email"], sinceDatetime=since)
    deleted = client.execute(method="get_deleted_leads", sinceDatetime=since)

    assert ["added", "skipped"] == [row["status"] for row in added]
    assert "webinarQuestion_c" in {kind.get("apiName") for kind in types}
    assert token
    assert {12, 13} >= {row["activityTypeId"] for row in changes}
    assert {37} >= {row["activityTypeId"] for row in deleted}


def test_it_keeps_records_of_the_custom_object(client: MarketoClient) -> None:
    name = "license_c"
    types = client.execute(method="get_list_of_custom_objects")
    about = client.execute(method="describe_custom_object", name=name)
    written = client.execute(
        method="create_update_custom_objects",
        name=name,
        input=[{"licenseKey": "C-1", "leadId": 12, "seats": 4}, {"licenseKey": "", "leadId": 12}],
    )
    found = client.execute(
        method="get_custom_objects",
        name=name,
        input=[{"licenseKey": "C-1"}],
        filterType="dedupeFields",
        fields=["licenseKey", "seats"],
    )
    deleted = client.execute(method="delete_custom_objects", name=name, input=[{"licenseKey": "C-1"}])

    assert [name] == [row["name"] for row in types]
    assert "seats" in {field["name"] for field in about[0]["fields"]}
    assert ["created", "skipped"] == [row["status"] for row in written]
    assert [("C-1", 4)] == [(row["licenseKey"], row["seats"]) for row in found]
    assert ["deleted"] == [row["status"] for row in deleted]


def test_it_finds_named_accounts_and_opportunities(client: MarketoClient) -> None:
    about = client.execute(method="describe_named_accounts")
    # These come page by page.
    (lists,) = client.execute(
        method="get_named_account_lists", filterType="name", filterValues=["Target accounts"]
    )
    (members,) = client.execute(method="get_named_account_list_members", id=lists[0]["marketoGUID"])
    (named,) = client.execute(
        method="get_named_accounts", filterType="name", filterValues=[members[0]["name"]], fields=["name"]
    )
    deals = client.execute(method="describe_opportunity")

    assert "marketoGUID" == about[0]["idField"]
    assert members[0]["marketoGUID"] == named[0]["marketoGUID"]
    assert "amount" in {field["name"] for field in deals[0]["fields"]}
    with pytest.raises(Exception, match="1018"):
        client.execute(method="describe_opportunity_role")


@pytest.mark.parametrize(
    ("kind", "more", "body"),
    [
        ("activities", {}, {"filters": {"createdAt": {"startAt": "2026-11-01T00:00:00Z"}}}),
        ("program_members", {}, {"fields": ["leadId"], "filters": {"programId": 0}}),
        (
            "custom_objects",
            {"object_name": "license_c"},
            {"fields": ["licenseKey"], "filters": {"updatedAt": {"startAt": "2026-11-01T00:00:00Z"}}},
        ),
    ],
)
def test_it_extracts_the_other_objects_too(client: MarketoClient, kind: str, more: Any, body: Any) -> None:
    if "programId" in body["filters"]:
        body["filters"]["programId"] = client.execute(method="browse_programs", maxReturn=200)[0]["id"]
    job, other = (
        client.execute(method=f"create_{kind}_export_job", **more, **body)[0]["exportId"] for _ in range(2)
    )
    cancelled = client.execute(method=f"cancel_{kind}_export_job", job_id=other, **more)
    client.execute(method=f"enqueue_{kind}_export_job", job_id=job, **more)
    jobs = client.execute(method=f"get_{kind}_export_jobs_list", **more)
    status = {}
    while status.get("status") != "Completed":
        (status,) = client.execute(method=f"get_{kind}_export_job_status", job_id=job, **more)
    data = client.execute(method=f"get_{kind}_export_job_file", job_id=job, **more)

    assert {job, other} <= {row["exportId"] for row in jobs}
    assert "cancelled" == cancelled[0]["status"].lower()
    assert status["numberOfRecords"] == len(list(csv.DictReader(io.StringIO(data.decode()))))


def test_it_reads_what_was_used(client: MarketoClient) -> None:
    today = client.execute(method="get_daily_usage")
    week = client.execute(method="get_last_7_days_usage")
    errors = client.execute(method="get_daily_errors")

    assert 0 < today[0]["total"]
    assert 7 == len(week)
    assert "total" in errors[0]


def test_it_is_told_what_is_wrong(client: MarketoClient) -> None:
    with pytest.raises(Exception, match="1001"):
        client.execute(method="get_list_by_id", id="x")
