"""A rehearsal Marketo keeps the vendor's manners: tokens, limits, envelope, leads, lists, activities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.rehearsal.callers import ANCHOR_MS, MarketoCaller, codes

from townsend.rehearsal.times import DAY_MS, HOUR_MS, SECOND_MS, text


@pytest.fixture
def marketo() -> MarketoCaller:
    return MarketoCaller()


def made_list(caller: MarketoCaller, name: str = "Audience A") -> int:
    made = caller.form("/rest/asset/v1/staticLists.json", folder='{"id":15,"type":"Folder"}', name=name)
    number: int = made["result"][0]["id"]
    return number


def outcomes(answer: dict[str, Any]) -> list[tuple[int, str, str | None]]:
    return [
        (row["id"], row["status"], row["reasons"][0]["code"] if "reasons" in row else None)
        for row in answer["result"]
    ]


# Tokens and limits.


def test_a_token_is_the_same_until_it_ends_and_tells_the_life_left(marketo: MarketoCaller) -> None:
    first = marketo.token
    marketo.at_ms += 1_000 * SECOND_MS
    again = marketo.sign_in()

    assert first == again["access_token"]
    assert 2_599 == again["expires_in"]


def test_an_ended_token_is_602_and_an_unknown_one_601(marketo: MarketoCaller) -> None:
    marketo.at_ms += HOUR_MS
    assert ["602"] == codes(marketo.get("/rest/v1/lead/11.json"))

    old = marketo.token
    marketo.sign_in()
    assert marketo.get("/rest/v1/lead/11.json")["success"]

    marketo.token = old
    assert ["602"] == codes(marketo.get("/rest/v1/lead/11.json"))
    marketo.token = "made-up"
    assert ["601"] == codes(marketo.get("/rest/v1/lead/11.json"))


def test_wrong_credentials_are_http_401_without_the_envelope(marketo: MarketoCaller) -> None:
    found = marketo.sign_in(secret="wrong")

    assert (401, "invalid_client") == (found["http"], found["error"])
    assert "success" not in found


def test_the_token_parameter_is_withdrawn(marketo: MarketoCaller) -> None:
    token, marketo.token = marketo.token, ""

    assert ["600"] == codes(marketo.get("/rest/v1/lead/11.json", access_token=token))


def test_the_hundred_and_first_call_within_twenty_seconds_is_606(marketo: MarketoCaller) -> None:
    for _ in range(100):
        assert marketo.get("/rest/v1/lead/11.json")["success"]
    assert ["606"] == codes(marketo.get("/rest/v1/lead/11.json"))

    marketo.at_ms += 20 * SECOND_MS
    assert marketo.get("/rest/v1/lead/11.json")["success"]


def test_calls_that_fail_are_not_counted(marketo: MarketoCaller) -> None:
    marketo.home.limits.calls = 2
    for _ in range(5):
        assert ["1003"] == codes(marketo.get("/rest/v1/leads.json", filterType="nope", filterValues="1"))

    assert marketo.get("/rest/v1/lead/11.json")["success"]


def test_the_daily_quota_is_607_until_midnight_in_chicago(marketo: MarketoCaller) -> None:
    marketo.home.limits.daily = 1
    marketo.get("/rest/v1/lead/11.json")
    assert ["607"] == codes(marketo.get("/rest/v1/lead/11.json"))

    marketo.at_ms = ANCHOR_MS + 18 * HOUR_MS - 1  # 05:59 UTC, a minute before midnight
    marketo.sign_in()
    assert ["607"] == codes(marketo.get("/rest/v1/lead/11.json"))
    marketo.at_ms += 1
    assert marketo.get("/rest/v1/lead/11.json")["success"]


def test_the_eleventh_call_in_flight_is_615(marketo: MarketoCaller) -> None:
    marketo.in_flight = 11

    assert ["615"] == codes(marketo.get("/rest/v1/lead/11.json"))


def test_usage_counts_calls_and_errors(marketo: MarketoCaller) -> None:
    marketo.get("/rest/v1/lead/11.json")
    marketo.get("/rest/v1/nothing.json")
    usage = marketo.get("/rest/v1/stats/usage.json")["result"][0]
    errors = marketo.get("/rest/v1/stats/errors.json")["result"][0]

    assert ("2026-11-22", 1) == (usage["date"], usage["total"])
    assert [{"errorCode": "610", "count": 1}] == errors["errors"]


def test_a_long_address_is_414_and_a_large_body_413(marketo: MarketoCaller) -> None:
    assert 414 == marketo.raw("GET", "/rest/v1/leads.json", {"filterValues": "x" * 9_000}).status
    assert 413 == marketo.raw("POST", "/rest/v1/leads.json", (), b"x" * 1_100_000).status


# Leads.


def test_leads_by_email_come_with_their_crm_ids(marketo: MarketoCaller) -> None:
    fields = "email,sfdcContactId,sfdcAccountId,contactCompany"
    found = marketo.get(
        "/rest/v1/leads.json",
        filterType="email",
        filterValues="P1@townsend.com,p2@townsend.com,nobody@x.example",
        fields=fields,
    )

    assert [
        {
            "id": 11 + n,
            "email": f"p{n + 1}@townsend.com",
            "sfdcContactId": f"0035e000000000{n + 1}AAA",
            "sfdcAccountId": "0015e0000000001AAA",
            "contactCompany": 1,
        }
        for n in (0, 1)
    ] == found["result"]


def test_a_long_get_may_be_sent_as_a_form(marketo: MarketoCaller) -> None:
    path = "/rest/v1/leads.json"
    found = marketo.form(path, _method="GET", filterType="id", filterValues="11", fields="email")

    assert [{"id": 11, "email": "p1@townsend.com"}] == found["result"]


def test_pages_of_leads_hold_three_hundred_at_most() -> None:
    marketo = MarketoCaller(size=900)
    seen: list[int] = []
    token = ""
    while True:
        more = {"nextPageToken": token} if token else {}
        found = marketo.get("/rest/v1/leads.json", filterType="leadPartitionId", filterValues="1", **more)
        seen += [row["id"] for row in found["result"]]
        assert len(found["result"]) <= 300
        token = found.get("nextPageToken", "")
        if not token:
            break

    assert sorted(marketo.home.world.people.by_id) == seen


def test_more_than_a_thousand_matches_are_refused() -> None:
    marketo = MarketoCaller(size=3_000)

    assert ["1003"] == codes(
        marketo.get("/rest/v1/leads.json", filterType="leadPartitionId", filterValues="1")
    )


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"filterValues": "1"}, "1002"),
        ({"filterType": "nope", "filterValues": "1"}, "1003"),
        ({"filterType": "id"}, "1002"),
        ({"filterType": "id", "filterValues": ",".join(map(str, range(301)))}, "1003"),
        ({"filterType": "id", "filterValues": "1", "fields": "nope"}, "1006"),
        ({"filterType": "id", "filterValues": "1", "batchSize": "many"}, "1001"),
    ],
)
def test_a_wrong_lead_query_is_told(marketo: MarketoCaller, query: dict[str, str], code: str) -> None:
    assert [code] == codes(marketo.get("/rest/v1/leads.json", **query))


def test_writing_leads_gives_an_outcome_each(marketo: MarketoCaller) -> None:
    given = [
        {"email": "new@example.com", "firstName": "New"},
        {"email": "p2@townsend.com", "leadScore": 5},
        {"email": "p2@townsend.com"},
        {"email": "p1@townsend.com", "company": "Other"},
        {"firstName": "Nobody"},
        {"email": "x@example.com", "nope": 1},
    ]
    found = marketo.send("/rest/v1/leads.json", {"input": given})["result"]
    told = [(row["status"], row.get("reasons", [{}])[0].get("code")) for row in found]

    assert [
        ("created", None),
        ("updated", None),
        ("skipped", "1036"),
        ("skipped", "1021"),
        ("skipped", "1003"),
        ("skipped", "1006"),
    ] == told
    assert 5 == marketo.get("/rest/v1/lead/12.json", fields="leadScore")["result"][0]["leadScore"]


def test_deleted_leads_are_told_for_two_weeks(marketo: MarketoCaller) -> None:
    since = text(ANCHOR_MS - HOUR_MS)
    token = marketo.get("/rest/v1/activities/pagingtoken.json", sinceDatetime=since)["nextPageToken"]
    marketo.send("/rest/v1/leads/delete.json", {"input": [{"id": 11}]})

    def told() -> list[int]:
        answer = marketo.get("/rest/v1/activities/deletedleads.json", nextPageToken=token)
        return [row["leadId"] for row in answer.get("result", [])]

    assert [11] == told()
    marketo.at_ms += 15 * DAY_MS
    marketo.sign_in()
    assert [] == told()


def test_a_merge_takes_the_loser_away_and_is_an_activity(marketo: MarketoCaller) -> None:
    since = text(ANCHOR_MS)
    made = marketo.send(
        "/rest/v1/leads.json", {"action": "createDuplicate", "input": [{"email": "p2@townsend.com"}]}
    )
    loser = made["result"][0]["id"]
    token = marketo.get("/rest/v1/activities/pagingtoken.json", sinceDatetime=since)["nextPageToken"]
    marketo.send("/rest/v1/leads/12/merge.json", leadIds=loser)
    found = marketo.get("/rest/v1/activities.json", activityTypeIds="32", nextPageToken=token)["result"]

    assert [] == marketo.get(f"/rest/v1/lead/{loser}.json")["result"]
    assert [12] == [row["leadId"] for row in found]
    assert f"[{loser}]" == next(a["value"] for a in found[0]["attributes"] if a["name"] == "Merge IDs")


# Lists.


def test_a_list_takes_and_gives_members_with_an_outcome_each(marketo: MarketoCaller) -> None:
    number = made_list(marketo)
    path = f"/rest/v1/lists/{number}/leads.json"
    added = marketo.send(path, {"input": [{"id": 12}, {"id": 99}]})
    again = marketo.send(path, id=12)
    removed = marketo.send(path, {"input": [{"id": 12}, {"id": 11}, {"id": 99}]}, method="DELETE")

    assert [(12, "added", None), (99, "skipped", "1004")] == outcomes(added)
    assert [(12, "added", None)] == outcomes(again)
    assert [(12, "removed", None), (11, "skipped", "1015"), (99, "skipped", "1004")] == outcomes(removed)


def test_members_can_be_read_back_and_asked_for(marketo: MarketoCaller) -> None:
    number = made_list(marketo)
    marketo.send(f"/rest/v1/lists/{number}/leads.json", id=12)
    members = marketo.get(f"/rest/v1/lists/{number}/leads.json", fields="email")["result"]
    asked = marketo.get(f"/rest/v1/lists/{number}/leads/ismember.json", id="11,12")["result"]

    assert [{"id": 12, "email": "p2@townsend.com"}] == members
    assert ["notmemberof", "memberof"] == [row["status"] for row in asked]
    assert ["p2@townsend.com"] == marketo.home.list_emails("audience a")


def test_three_hundred_and_one_ids_are_refused(marketo: MarketoCaller) -> None:
    number = made_list(marketo)
    given = {"input": [{"id": n} for n in range(301)]}

    assert ["1003"] == codes(marketo.send(f"/rest/v1/lists/{number}/leads.json", given))


def test_a_name_is_unique_and_an_unknown_list_is_1013(marketo: MarketoCaller) -> None:
    made_list(marketo)
    folder = '{"id":15,"type":"Folder"}'

    assert ["709"] == codes(marketo.form("/rest/asset/v1/staticLists.json", folder=folder, name="audience A"))
    assert ["710"] == codes(marketo.form("/rest/asset/v1/staticLists.json", folder='{"id":9}', name="B"))
    assert ["1013"] == codes(marketo.send("/rest/v1/lists/77/leads.json", id=12))
    assert ["612"] == codes(marketo.send("/rest/asset/v1/staticLists.json", {"name": "C"}))


def test_a_list_can_be_renamed_and_deleted(marketo: MarketoCaller) -> None:
    number = made_list(marketo)
    marketo.form(f"/rest/asset/v1/staticList/{number}.json", name="Other")
    renamed = marketo.get("/rest/asset/v1/staticList/byName.json", name="Other")
    marketo.form(f"/rest/asset/v1/staticList/{number}/delete.json")
    gone = marketo.get("/rest/asset/v1/staticList/byName.json", name="Other")

    assert number == renamed["result"][0]["id"]
    assert "result" not in gone
    assert ["No assets found for the given search criteria."] == gone["warnings"]


def test_the_folder_of_audiences_is_found_by_name(marketo: MarketoCaller) -> None:
    found = marketo.get("/rest/asset/v1/folder/byName.json", name=marketo.home.extra["folder"], type="Folder")

    assert {"id": 15, "type": "Folder"} == found["result"][0]["folderId"]


def test_asset_pages_end_without_a_result() -> None:
    marketo = MarketoCaller(size=100)
    first = marketo.get("/rest/asset/v1/programs.json", maxReturn=5)
    past = marketo.get("/rest/asset/v1/programs.json", maxReturn=5, offset=50)

    assert 5 == len(first["result"])
    assert first["result"][0]["createdAt"].endswith("Z+0000")
    assert "result" not in past
    assert past["success"]


def test_what_callers_changed_outlives_a_restart(tmp_path: Path) -> None:
    kept = tmp_path / "marketo.ndjson"
    first = MarketoCaller(state=kept)
    number = made_list(first)
    first.send(f"/rest/v1/lists/{number}/leads.json", id="11,12")
    first.send(f"/rest/v1/lists/{number}/leads.json", method="DELETE", id=11)
    first.send("/rest/v1/leads.json", {"input": [{"email": "new@example.com"}]})
    second = MarketoCaller(state=kept)

    assert ["p2@townsend.com"] == second.home.list_emails("Audience A")
    assert first.home.world.people.by_id == second.home.world.people.by_id
    assert len(first.home.world.activities) == len(second.home.world.activities)
    assert number + 1 == made_list(second, "Audience B")


# Activities.


def pulled(marketo: MarketoCaller, since_ms: int, types: str) -> list[dict[str, Any]]:
    since = text(since_ms)
    token = marketo.get("/rest/v1/activities/pagingtoken.json", sinceDatetime=since)["nextPageToken"]
    found: list[dict[str, Any]] = []
    while True:
        page = marketo.get("/rest/v1/activities.json", activityTypeIds=types, nextPageToken=token)
        assert len(page.get("result", [])) <= 300
        found += page.get("result", [])
        token = page["nextPageToken"]
        if not page["moreResult"]:
            return found


def test_the_visit_of_the_story_is_told_as_marketo_tells_it(marketo: MarketoCaller) -> None:
    (visit,) = [row for row in pulled(marketo, ANCHOR_MS - 31 * DAY_MS, "1") if row["leadId"] == 12]

    assert text(ANCHOR_MS - 10 * DAY_MS) == visit["activityDate"]
    assert "www.bodea.example/new-product" == visit["primaryAttributeValue"]
    assert "/new-product" == next(a["value"] for a in visit["attributes"] if a["name"] == "Webpage URL")


def test_pages_of_activities_hold_each_once_with_short_pages_between() -> None:
    marketo = MarketoCaller(size=600)
    marketo.home.limits.calls = 1_000
    found = pulled(marketo, 0, "1,12,46")
    book = marketo.home.world.activities
    expected = book.many(book.between(0, 2**62, {1, 12, 46}, 2**62))

    assert len(expected) == len({row["marketoGUID"] for row in found}) == len(found) > 1_000


def test_a_visit_that_arrives_late_is_behind_an_old_token(marketo: MarketoCaller) -> None:
    since = text(ANCHOR_MS)
    token = marketo.get("/rest/v1/activities/pagingtoken.json", sinceDatetime=since)["nextPageToken"]
    at = ANCHOR_MS - 5 * DAY_MS
    marketo.home.do("visit", lead_id=11, url="www.bodea.example/new-product", at_ms=at, arrived_ms=ANCHOR_MS)
    found = marketo.get("/rest/v1/activities.json", activityTypeIds="1", nextPageToken=token)["result"]

    assert [(11, text(at))] == [(row["leadId"], row["activityDate"]) for row in found]


def test_membership_changes_are_activities(marketo: MarketoCaller) -> None:
    number = made_list(marketo)
    marketo.send(f"/rest/v1/lists/{number}/leads.json", id=12)
    marketo.send(f"/rest/v1/lists/{number}/leads.json", id=12)
    marketo.send(f"/rest/v1/lists/{number}/leads.json", method="DELETE", id=12)
    found = pulled(marketo, ANCHOR_MS, "24,25")

    assert [(24, number), (25, number)] == [
        (row["activityTypeId"], row["primaryAttributeValueId"]) for row in found
    ]


def test_changes_of_leads_tell_old_and_new(marketo: MarketoCaller) -> None:
    since = text(ANCHOR_MS)
    token = marketo.get("/rest/v1/activities/pagingtoken.json", sinceDatetime=since)["nextPageToken"]
    marketo.send("/rest/v1/leads.json", {"input": [{"email": "p2@townsend.com", "title": "CEO"}]})
    path = "/rest/v1/activities/leadchanges.json"
    (change,) = marketo.get(path, nextPageToken=token, fields="title")["result"]

    assert 12 == change["leadId"]
    assert ("CEO", "Chief Technology Officer") == (
        change["fields"][0]["newValue"],
        change["fields"][0]["oldValue"],
    )


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "1002"),
        ({"activityTypeIds": ",".join(map(str, range(11)))}, "1003"),
        ({"activityTypeIds": "9999"}, "1003"),
        ({"activityTypeIds": "1"}, "1002"),
        ({"activityTypeIds": "1", "nextPageToken": "junk"}, "1003"),
    ],
)
def test_a_wrong_activity_query_is_told(marketo: MarketoCaller, query: dict[str, str], code: str) -> None:
    assert [code] == codes(marketo.get("/rest/v1/activities.json", **query))


# What a CRM-synced instance hides.


def test_the_first_instance_reads_companies_and_opportunities_but_no_roles(marketo: MarketoCaller) -> None:
    company = marketo.get(
        "/rest/v1/companies.json", filterType="id", filterValues="1", fields="company,externalCompanyId"
    )
    deal = marketo.get(
        "/rest/v1/opportunities.json",
        filterType="externalOpportunityId",
        filterValues="0065e0000000001AAA",
        fields="name,amount",
    )

    assert "Townsend" == company["result"][0]["company"]
    assert ("Opportunity 1", "200000.00") == (deal["result"][0]["name"], deal["result"][0]["amount"])
    assert ["1018"] == codes(marketo.get("/rest/v1/opportunities/roles.json"))
    assert ["1018"] == codes(marketo.send("/rest/v1/companies.json", {"input": [{}]}))


def test_the_second_instance_reads_neither() -> None:
    marketo = MarketoCaller(i=1)

    assert ["1018"] == codes(marketo.get("/rest/v1/companies.json", filterType="id", filterValues="1"))
    assert ["1018"] == codes(marketo.get("/rest/v1/opportunities/describe.json"))


# Programs.


def test_members_of_programs_by_status_and_by_week() -> None:
    marketo = MarketoCaller(size=300)
    path = "/rest/v1/programs/1101/members.json"
    by_status = marketo.get(path, filterType="statusName", filterValues="Registered")["result"]
    moved = by_status[0]["leadId"]
    status = "/rest/v1/programs/1101/members/status.json"
    changed = marketo.send(status, {"statusName": "Attended", "input": [{"leadId": moved}, {"leadId": 5}]})
    now = {"startAt": text(ANCHOR_MS), "endAt": text(ANCHOR_MS + DAY_MS)}
    this_week = marketo.get(path, filterType="updatedAt", **now)["result"]

    assert {"Registered"} == {row["statusName"] for row in by_status}
    assert ["updated", "skipped"] == [row["status"] for row in changed["result"]]
    assert [(moved, "Attended", True)] == [
        (row["leadId"], row["statusName"], row["reachedSuccess"]) for row in this_week
    ]


def test_answers_are_json_with_a_request_id(marketo: MarketoCaller) -> None:
    answer = marketo.raw("GET", "/rest/v1/leads/describe2.json")
    found = json.loads(answer.body)

    assert "application/json;charset=UTF-8" == answer.headers["content-type"]
    assert "#" in found["requestId"]
    assert {"email", "sfdcContactId"} <= {field["name"] for field in found["result"][0]["fields"]}
