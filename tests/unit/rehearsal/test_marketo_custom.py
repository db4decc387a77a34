"""A rehearsal Marketo's own: a custom object, custom activities, named accounts, roles, what shows late."""

from __future__ import annotations

import pytest
from tests.unit.rehearsal.callers import ANCHOR_MS, MarketoCaller, codes

from townsend.rehearsal.times import DAY_MS, HOUR_MS, SECOND_MS, text

LICENSE = "/rest/v1/customobjects/license_c"


@pytest.fixture
def marketo() -> MarketoCaller:
    return MarketoCaller()


def paging_token(caller: MarketoCaller, at_ms: int) -> str:
    token: str = caller.get("/rest/v1/activities/pagingtoken.json", sinceDatetime=text(at_ms))[
        "nextPageToken"
    ]
    return token


def test_a_record_of_the_custom_object_is_written_found_and_deleted(marketo: MarketoCaller) -> None:
    made = marketo.send(f"{LICENSE}.json", {"input": [{"licenseKey": "A", "leadId": 12, "seats": 3}]})
    again = marketo.send(
        f"{LICENSE}.json",
        {"action": "createOnly", "input": [{"licenseKey": "A"}, {"licenseKey": "B", "x": 1}]},
    )
    found = marketo.get(f"{LICENSE}.json", filterType="leadId", filterValues="12", fields="licenseKey,seats")
    by_guid = {"deleteBy": "idField", "input": [{"marketoGUID": made["result"][0]["marketoGUID"]}]}
    gone = marketo.send(f"{LICENSE}/delete.json", by_guid)
    missing = marketo.send(f"{LICENSE}/delete.json", by_guid)

    assert ["created"] == [row["status"] for row in made["result"]]
    assert ["1017", "1006"] == [row["reasons"][0]["code"] for row in again["result"]]
    assert 3 in [row["seats"] for row in found["result"] if row["licenseKey"] == "A"]
    assert ["deleted"] == [row["status"] for row in gone["result"]]
    assert ["1013"] == [row["reasons"][0]["code"] for row in missing["result"]]


def test_an_object_that_is_not_there_is_no_path(marketo: MarketoCaller) -> None:
    assert ["610"] == codes(marketo.get("/rest/v1/customobjects/other_c/describe.json"))


def test_a_custom_activity_needs_a_custom_type_and_a_lead(marketo: MarketoCaller) -> None:
    one = {"leadId": 12, "activityTypeId": 100_001, "primaryAttributeValue": "Launch", "attributes": []}
    wrong = [{**one, "activityTypeId": 1}, {**one, "leadId": 5}]
    token = paging_token(marketo, marketo.at_ms)
    added = marketo.send("/rest/v1/activities/external.json", {"input": [one, *wrong]})
    found = marketo.get("/rest/v1/activities.json", activityTypeIds="100001", nextPageToken=token)

    assert ["added", "skipped", "skipped"] == [row["status"] for row in added["result"]]
    assert ["1003", "1004"] == [row["errors"][0]["code"] for row in added["result"][1:]]
    assert ["Launch"] == [row["primaryAttributeValue"] for row in found["result"]]


def test_named_accounts_need_the_add_on() -> None:
    with_it, without = MarketoCaller(0), MarketoCaller(1)
    path = "/rest/v1/namedAccountLists.json"
    lists = with_it.get(path)["result"]

    assert ["Target accounts"] == [row["name"] for row in lists]
    assert ["616"] == codes(without.get(path))
    assert ["1013"] == codes(with_it.get("/rest/v1/namedAccountList/none/namedAccounts.json"))


def test_roles_are_shown_where_no_crm_is_synced(marketo: MarketoCaller) -> None:
    path = "/rest/v1/opportunities/roles.json"
    hidden = marketo.get(path, filterType="leadId", filterValues="12")
    marketo.home.synced = False
    shown = marketo.get(path, filterType="leadId", filterValues="12", fields="role,leadId")

    assert ["1018"] == codes(hidden)
    assert [12] == [row["leadId"] for row in shown["result"]]


def test_what_is_new_shows_in_the_log_and_in_extracts_only_later(marketo: MarketoCaller) -> None:
    marketo.home.limits.visible_after_s = 60
    token = paging_token(marketo, marketo.at_ms)
    marketo.send("/rest/v1/leads.json", {"input": [{"email": "new@townsend.com"}]})
    by_mail = marketo.get("/rest/v1/leads.json", filterType="email", filterValues="new@townsend.com")
    query = {"activityTypeIds": "12", "nextPageToken": token}
    at_once = marketo.get("/rest/v1/activities.json", **query)
    span = {"startAt": text(ANCHOR_MS - HOUR_MS), "endAt": text(ANCHOR_MS + DAY_MS)}
    body = {"fields": ["email"], "filter": {"createdAt": span}}
    early = marketo.home.world.people
    made_early = marketo.send("/bulk/v1/leads/export/create.json", body)
    marketo.at_ms += 61 * SECOND_MS
    later = marketo.get("/rest/v1/activities.json", **query)

    assert 1 == len(by_mail["result"])
    assert (None, False) == (at_once.get("result"), at_once["moreResult"])
    assert [early.find("email", ["new@townsend.com"])[0].id] == [row["leadId"] for row in later["result"]]
    job = marketo.home.jobs.find("leads", made_early["result"][0]["exportId"], marketo.at_ms)
    assert b"new@townsend.com" not in job.make()


def test_a_paging_token_ends(marketo: MarketoCaller) -> None:
    token = paging_token(marketo, marketo.at_ms)
    marketo.at_ms += 24 * HOUR_MS
    marketo.sign_in()
    good = marketo.get("/rest/v1/activities.json", activityTypeIds="1", nextPageToken=token)
    marketo.at_ms += HOUR_MS
    marketo.sign_in()
    late = marketo.get("/rest/v1/activities.json", activityTypeIds="1", nextPageToken=token)

    assert True is good["success"]
    assert ["1003"] == codes(late)
