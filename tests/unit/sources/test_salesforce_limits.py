"""The Salesforce source when an org says no: what becomes of each error, and that nothing is lost by it."""

from __future__ import annotations

import httpx
import pytest
from tests.unit.sources.crm import Crm, crm, ids
from tests.unit.sources.wire import once

from townsend.problem import Invalid, Unavailable
from townsend.rehearsal.salesforce import rest
from townsend.rehearsal.times import DAY_MS
from townsend.sources import salesforce_read


@pytest.fixture
def bodea(monkeypatch: pytest.MonkeyPatch) -> Crm:
    monkeypatch.setattr(rest, "BATCH_MAX", 10)
    return crm()


def no(status: int, code: str, words: str = "because") -> httpx.Response:
    return httpx.Response(status, json=[{"errorCode": code, "message": words}])


def all_of(there: Crm, sobject: str = "Account") -> list[str]:
    return sorted(row["Id"] for row in there.org.tables.rows(sobject))


def test_a_session_that_ends_between_two_pages_loses_none(bodea: Crm) -> None:
    bodea.wire.fault = once(lambda _: bodea.org.forget_tokens(), "-20")

    assert all_of(bodea) == sorted(set(ids(bodea.rows("Account"), "accountKey")))
    assert 2 == sum(call.endswith("/oauth2/token") for call in bodea.wire.calls)


def test_a_place_that_dies_of_old_age_is_found_again(bodea: Crm) -> None:
    """An org keeps it for two days."""
    bodea.wire.fault = once(lambda _: bodea.clock.sleep(3 * 86_400), "-20")

    assert all_of(bodea) == sorted(set(ids(bodea.rows("Account"), "accountKey")))


def test_places_that_keep_dying_end_the_pull(bodea: Crm) -> None:
    dead = no(400, "INVALID_QUERY_LOCATOR")
    bodea.wire.fault = lambda request: dead if request.url.path.endswith("-10") else None
    with pytest.raises(Invalid, match="INVALID_QUERY_LOCATOR"):
        bodea.pull("CampaignMember")
    bodea.wire.fault = None
    rest_of_it = ids(bodea.rows("CampaignMember"), "campaignMemberKey")

    # What came before is kept.
    assert 0 < len(rest_of_it) < len(all_of(bodea, "CampaignMember"))


def test_a_day_that_is_used_up_in_mid_page_goes_on_where_it_ended(bodea: Crm) -> None:
    bodea.org.daily_calls_max = 5
    found: set[str] = set()

    def take() -> None:
        for page in bodea.source.pull(
            "CampaignMember", bodea.cursors.get("CampaignMember"), bodea.clock.now()
        ):
            found.update(ids([dict(row) for row in page.rows], "campaignMemberKey"))
            bodea.cursors["CampaignMember"] = page.cursor

    with pytest.raises(Unavailable, match="5 of 5") as caught:
        take()
    first = len(found)
    bodea.clock.sleep(DAY_MS / 1_000)
    bodea.org.daily_calls_max = 1_000
    take()

    assert "vendor.quota" == caught.value.code
    # A describe and four pages.
    assert 40 == first
    assert all_of(bodea, "CampaignMember") == sorted(found)


def test_the_day_s_calls_are_told(bodea: Crm) -> None:
    before = bodea.source.budget()
    bodea.pull("Account")
    after = bodea.source.budget()

    assert before is None
    assert after is not None
    assert (len(bodea.org.calls), 100_000) == (after.used, after.most)


def test_a_day_without_a_job_left_is_read_by_rest(bodea: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salesforce_read, "BULK_FROM", 1)
    bodea.org.jobs.daily_max = 0

    assert all_of(bodea) == sorted(set(ids(bodea.rows("Account"), "accountKey")))


@pytest.mark.parametrize("code", ["API_DISABLED_FOR_ORG", "MALFORMED_QUERY", "SOMETHING_NEW"])
def test_what_nothing_helps_against_is_told_once(bodea: Crm, code: str) -> None:
    refused = no(403, code)
    bodea.wire.fault = lambda request: refused if request.url.path.endswith("/queryAll") else None
    with pytest.raises(Invalid, match=code) as caught:
        bodea.pull("Account")

    assert "source.refused" == caught.value.code
    assert 1 == sum(call.endswith("/queryAll") for call in bodea.wire.calls)


@pytest.mark.parametrize("code", ["INVALID_TYPE", "NOT_FOUND", "INSUFFICIENT_ACCESS"])
def test_an_object_that_may_not_be_read_does_not_stop_the_others(bodea: Crm, code: str) -> None:
    refused = no(400, code)
    bodea.wire.fault = lambda request: refused if "Campaign" in request.url.path else None

    assert [] == bodea.pull("Campaign")
    assert code in bodea.source.notes("Campaign")[0]
    assert bodea.rows("Account")


@pytest.mark.parametrize("code", ["QUERY_TIMEOUT", "OPERATION_TOO_LARGE"])
def test_a_question_too_large_is_asked_in_bulk(bodea: Crm, code: str) -> None:
    refused = no(400, code)
    bodea.wire.fault = lambda request: refused if request.url.path.endswith("/queryAll") else None

    assert all_of(bodea) == ids(bodea.rows("Account"), "accountKey")
    assert any(call.endswith("/jobs/query") for call in bodea.wire.calls)


def test_a_field_that_keeps_being_refused_ends_the_pull(bodea: Crm) -> None:
    refused = no(400, "INVALID_FIELD", "No such column 'X'")
    bodea.wire.fault = lambda request: refused if request.url.path.endswith("/queryAll") else None
    with pytest.raises(Invalid, match="INVALID_FIELD: No such column 'X'"):
        bodea.pull("Account")

    assert 2 == sum(call.endswith("/queryAll") for call in bodea.wire.calls)


def test_an_org_of_several_currencies_says_where_rates_come_from(bodea: Crm) -> None:
    def tamper(request: httpx.Request, body: bytes) -> bytes:
        if not request.url.path.endswith("/describe"):
            return body
        # Describe lists it; the rows of this test need not have it.
        return body.replace(b'"name":"NextStep"', b'"name":"CurrencyIsoCode"')

    bodea.wire.tamper = tamper
    bodea.wire.fault = lambda request: (
        httpx.Response(200, json={"totalSize": 0, "done": True, "records": []})
        if request.url.path.endswith("/queryAll")
        else None
    )
    bodea.pull("Opportunity")

    assert "several currencies" in bodea.source.notes("Opportunity")[0]
    assert "`rates`" in bodea.source.notes("Opportunity")[0]
