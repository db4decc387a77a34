"""The Salesforce source against a rehearsal org, call by call, with what can go wrong on the way."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.suites.source_suite import SourceSuite, World
from tests.unit.sources.crm import Crm, crm, ids
from tests.unit.sources.wire import NOON, TestClock, once

from townsend.clock import AcceleratedClock
from townsend.model import builtin_schema
from townsend.problem import Invalid, Problem, Unavailable
from townsend.rehearsal import start
from townsend.rehearsal.salesforce import rest
from townsend.rehearsal.times import ms_of
from townsend.sources import salesforce_read
from townsend.sources.mapping import load_tables
from townsend.sources.salesforce import SalesforceSource


@pytest.fixture
def bodea() -> Crm:
    return crm()


KEYS = {
    "Account": "accountKey",
    "Contact": "b2b.personKey",
    "Lead": "b2b.personKey",
    "AccountContactRelation": "accountPersonKey",
    "Campaign": "campaignKey",
    "CampaignMember": "campaignMemberKey",
    "Opportunity": "opportunityKey",
    "OpportunityContactRole": "opportunityPersonKey",
}


@pytest.mark.parametrize("stream", KEYS)
def test_each_object_is_pulled_whole(bodea: Crm, stream: str) -> None:
    rows = bodea.rows(stream)
    expected = sorted(row["Id"] for row in bodea.org.tables.rows(stream))

    assert expected
    assert expected == ids(rows, KEYS[stream])


def test_keys_carry_the_org(bodea: Crm) -> None:
    """Two orgs may have equal record ids; with the org they never meet."""
    key = bodea.rows("Account")[0]["accountKey"]
    sid, org = key["sourceID"], bodea.org.keys.org

    assert {
        "sourceType": "Salesforce",
        "sourceInstanceID": org,
        "sourceID": sid,
        "sourceKey": f"{sid}@{org}.Salesforce",
    } == key


def test_a_contact_becomes_a_person_with_account_and_email(bodea: Crm) -> None:
    pablo = next(
        row for row in bodea.rows("Contact") if row.get("workEmail", {}).get("address") == "p2@townsend.com"
    )
    account = bodea.org.keys.account(0)

    assert "Contact" == pablo["b2b"]["personType"]
    assert account == pablo["b2b"]["accountKey"]["sourceID"]
    assert account == pablo["personComponents"][0]["sourceAccountKey"]["sourceID"]
    assert "p2@townsend.com" == pablo["personComponents"][0]["workEmail"]["address"]
    assert "Chief Technology Officer" == pablo["extendedWorkDetails"]["jobTitle"]
    assert ["Engineering"] == pablo["extendedWorkDetails"]["departments"]
    assert pablo["isDeleted"] is False


def test_the_story_s_opportunity_is_won_with_its_amount(bodea: Crm) -> None:
    deal = next(row for row in bodea.rows("Opportunity") if row["opportunityName"] == "Opportunity 1")

    assert (200_000, True, True) == (deal["opportunityAmount"]["amount"], deal["isWon"], deal["isClosed"])
    assert bodea.org.keys.account(0) == deal["accountKey"]["sourceID"]


def test_only_an_opt_out_is_consent(bodea: Crm) -> None:
    out = bodea.change("Contact", LastName="Out", HasOptedOutOfEmail=True, DoNotCall=True)
    silent = bodea.change("Contact", LastName="Silent", HasOptedOutOfEmail=False)
    rows = {row["b2b"]["personKey"]["sourceID"]: row for row in bodea.rows("Contact")}

    assert {"email": {"val": "n"}, "call": {"val": "n"}} == rows[out]["consents"]["marketing"]
    assert "consents" not in rows[silent]


def test_roles_are_split(bodea: Crm) -> None:
    roles = [row["personRoles"] for row in bodea.rows("AccountContactRelation") if "personRoles" in row]

    assert roles
    assert all(";" not in role for found in roles for role in found)


def test_somebody_may_be_called_null(bodea: Crm) -> None:
    """Texts such as NA and null are names here, not missing values; by REST and in bulk."""
    made = bodea.change("Contact", LastName="null", FirstName="NA")
    names = {row["b2b"]["personKey"]["sourceID"]: row["person"]["name"] for row in bodea.rows("Contact")}

    assert ("NA", "null") == (names[made]["firstName"], names[made]["lastName"])


# ---------------------------------------------------------------- what changed


def test_nothing_new_costs_at_most_two_calls_a_stream(bodea: Crm) -> None:
    for stream in KEYS:
        bodea.pull(stream)
    bodea.clock.sleep(3_600)
    bodea.wire.calls.clear()
    for stream in KEYS:
        bodea.pull(stream)

    assert len(bodea.wire.calls) <= 2 * len(KEYS)


def test_a_change_comes_with_the_next_pull_and_little_else(bodea: Crm) -> None:
    everything = bodea.rows("Account")
    some = everything[0]["accountKey"]["sourceID"]
    bodea.change("Account", some, Name="Renamed")
    again = bodea.rows("Account")

    assert "Renamed" in [row["accountName"] for row in again]
    assert len(again) < len(everything) / 2


def test_a_deleted_record_comes_as_deleted(bodea: Crm) -> None:
    some = bodea.rows("Opportunity")[0]["opportunityKey"]["sourceID"]
    bodea.clock.sleep(60)
    bodea.org.delete(some, ms_of(bodea.clock.now()))
    gone = {row["opportunityKey"]["sourceID"]: row["isDeleted"] for row in bodea.rows("Opportunity")}

    assert gone[some] is True


def test_a_commit_that_becomes_visible_late_is_read(bodea: Crm) -> None:
    """The row's stamp lies before the newest one read; the overlap reaches it."""
    bodea.change("Campaign", Name="On time")
    bodea.pull("Campaign")
    made = bodea.org.upsert("Campaign", {"Name": "Late"}, ms_of(bodea.clock.now()) - 300_000, None)

    assert made in ids(bodea.rows("Campaign"), "campaignKey")


def test_our_clock_does_not_decide_what_is_new(bodea: Crm) -> None:
    """A clock of ours that runs ahead must not skip what the org writes meanwhile."""
    for page in bodea.source.pull("Campaign", None, NOON.replace(year=2036)):
        bodea.cursors["Campaign"] = page.cursor or bodea.cursors["Campaign"]
    made = bodea.change("Campaign", Name="Next")

    assert made in ids(bodea.rows("Campaign"), "campaignKey")


def test_a_merged_contact_is_deleted_and_tells_who_stayed(bodea: Crm) -> None:
    pages = bodea.pull("Contact")
    merged = [row for page in pages if page.cls == "event" for row in page.rows]
    losing = [row for row in bodea.org.tables.rows("Contact") if row.get("MasterRecordId")]
    org = bodea.org.keys.org

    assert losing
    assert [f"{row['Id']}@{org}.Salesforce" for row in losing] == [
        row["leadOperation"]["mergeLeads"]["sourceKeys"][0]["sourceKey"] for row in merged
    ]
    assert [row["MasterRecordId"] for row in losing] == [row["personKey"]["sourceID"] for row in merged]


def test_a_cursor_covers_the_merge_events_too(bodea: Crm) -> None:
    """The cursor comes with the last page of a batch, so a crash before loses no merge."""
    assert [(page.cls, page.cursor is not None) for page in bodea.pull("Contact")] == [
        ("person", False),
        ("event", True),
        # Says which records there are.
        ("person", True),
    ]


def test_a_long_rest_is_said_since_deletions_may_be_lost(bodea: Crm) -> None:
    bodea.pull("Account")
    bodea.clock.sleep(14 * 86_400)
    bodea.pull("Account")
    early = list(bodea.source.notes("Account"))
    bodea.clock.sleep(16 * 86_400)
    bodea.pull("Account")

    assert [] == early
    assert "recycle bin" in bodea.source.notes("Account")[0]


def test_since_leaves_out_what_rested_before() -> None:
    recent = crm(since="30 days")
    stamps = [row["SystemModstamp"] for row in recent.org.tables.rows("Contact")]
    expected = [at for at in stamps if at >= ms_of(NOON) - 30 * 86_400_000]

    assert 0 < len(expected) < len(stamps)
    assert len(expected) == len(recent.rows("Contact"))


# ---------------------------------------------------------------- pages and bulk


def test_a_pull_goes_on_after_the_last_durable_page(bodea: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "BATCH_MAX", 20)
    everything = ids(bodea.rows("Account"), "accountKey")
    bodea.cursors.clear()
    pages = bodea.source.pull("Account", None, bodea.clock.now())
    first = next(pages)
    pages.close()
    bodea.cursors["Account"] = first.cursor
    rest_of_it = bodea.rows("Account")

    assert len(rest_of_it) < len(everything)
    assert everything == sorted(
        {*ids([dict(row) for row in first.rows], "accountKey"), *ids(rest_of_it, "accountKey")}
    )


def test_a_dead_locator_starts_again_where_rows_were_read(
    bodea: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "BATCH_MAX", 10)
    expected = ids(bodea.rows("Account"), "accountKey")
    bodea.cursors.clear()

    def forget(_: httpx.Request) -> None:
        bodea.org.cursors._open.clear()

    bodea.wire.fault = once(forget, "-20")
    found = bodea.rows("Account")

    assert expected == sorted(set(ids(found, "accountKey")))


@pytest.fixture
def bulky(monkeypatch: pytest.MonkeyPatch) -> Crm:
    monkeypatch.setattr(salesforce_read, "BULK_FROM", 1)
    monkeypatch.setattr("townsend.vendors.salesforce.RESULT_ROWS", 7)
    return crm()


@pytest.mark.parametrize("stream", KEYS)
def test_bulk_and_rest_give_the_same_rows(
    bodea: Crm, bulky: Crm, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a large object would look changed whenever the way changes."""

    def by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {ids([row], KEYS[stream])[0]: row for row in rows}

    in_bulk = by_id(bulky.rows(stream))
    monkeypatch.setattr(salesforce_read, "BULK_FROM", 1_000_000)
    by_rest = by_id(bodea.rows(stream))

    assert any("/jobs/query" in call for call in bulky.wire.calls)
    assert by_rest == in_bulk


def test_a_bulk_pull_goes_on_with_its_job(bulky: Crm) -> None:
    expected = sorted(row["Id"] for row in bulky.org.tables.rows("Account"))
    pages = bulky.source.pull("Account", None, bulky.clock.now())
    taken = [next(pages) for _ in range(2)]
    pages.close()
    bulky.cursors["Account"] = taken[-1].cursor
    bulky.wire.calls.clear()
    rest_of_it = ids(bulky.rows("Account"), "accountKey")

    assert not any(call.startswith("POST") and "jobs" in call for call in bulky.wire.calls)
    assert expected == sorted([*ids([dict(row) for row in taken[1].rows], "accountKey"), *rest_of_it])


def test_a_job_that_is_gone_is_started_anew(bulky: Crm) -> None:
    expected = sorted(row["Id"] for row in bulky.org.tables.rows("Account"))
    bulky.cursors["Account"] = {"job": "750000000000000AAA", "locator": "abc"}

    assert expected == ids(bulky.rows("Account"), "accountKey")


def test_after_a_bulk_pull_only_changes_are_read(bulky: Crm) -> None:
    everything = bulky.rows("Account")
    made = bulky.change("Account", Name="New")
    again = ids(bulky.rows("Account"), "accountKey")

    assert made in again
    assert len(again) < len(everything) / 2


def test_a_bulk_file_that_is_cut_off_is_asked_for_again(bulky: Crm) -> None:
    expected = sorted(row["Id"] for row in bulky.org.tables.rows("Account"))
    cuts = [0.5, 0.9]

    def cut(request: httpx.Request, body: bytes) -> bytes:
        return body[: int(len(body) * cuts.pop())] if cuts and request.url.path.endswith("/results") else body

    bulky.wire.tamper = cut

    assert expected == ids(bulky.rows("Account"), "accountKey")
    assert [] == cuts


def test_an_object_without_bulk_is_read_by_rest(bulky: Crm) -> None:
    refused = httpx.Response(
        400, json=[{"errorCode": "INVALIDENTITY", "message": "not supported by the Bulk API"}]
    )
    bulky.wire.fault = lambda request: refused if request.url.path.endswith("/jobs/query") else None

    assert len(bulky.org.tables.rows("Campaign")) == len(bulky.rows("Campaign"))


def test_a_failed_job_says_why(bulky: Crm) -> None:
    failed = httpx.Response(
        200, json={"id": "750", "state": "Failed", "errorMessage": "InternalError: too wide"}
    )
    bulky.wire.fault = lambda r: failed if r.method == "GET" and "/jobs/query/" in r.url.path else None

    with pytest.raises(Unavailable, match="too wide") as caught:
        bulky.pull("Account")

    assert "source.job" == caught.value.code


def test_a_query_that_takes_too_long_goes_in_bulk(bodea: Crm) -> None:
    slow = httpx.Response(
        400, json=[{"errorCode": "QUERY_TIMEOUT", "message": "Your query request was running for too long."}]
    )
    bodea.wire.fault = lambda request: slow if request.url.path.endswith("/queryAll") else None

    assert len(bodea.org.tables.rows("Account")) == len(bodea.rows("Account"))


# ---------------------------------------------------------------- the org's own fields


def test_the_org_s_own_fields_and_currencies_come_along(bodea: Crm) -> None:
    """Whatever describe tells is asked for; what it does not tell is not."""
    described = {
        "name": "Opportunity",
        "fields": [
            {"name": "Id", "type": "id"},
            {"name": "Amount", "type": "currency"},
            {"name": "CurrencyIsoCode", "type": "picklist"},
            {"name": "TotalOpportunityQuantity", "type": "double"},
            {"name": "SystemModstamp", "type": "datetime"},
            {"name": "Region__c", "type": "picklist", "custom": True},
            {"name": "Where__c", "type": "location", "custom": True},
        ],
    }
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/describe"):
            return httpx.Response(200, json=described)
        if not request.url.path.endswith("/queryAll"):
            return None
        asked.append(request.url.params["q"])
        row = {
            "attributes": {"type": "Opportunity"},
            "Id": "006000000000001AAA",
            "Amount": 1.2e5,
            "CurrencyIsoCode": "EUR",
            "TotalOpportunityQuantity": 1.5,
            "SystemModstamp": "2026-11-01T00:00:00.000+0000",
            "Region__c": "EMEA",
        }
        return httpx.Response(200, json={"totalSize": 1, "done": True, "records": [row]})

    bodea.wire.fault = answer
    row = bodea.rows("Opportunity")[0]

    assert (
        "SELECT Id, Amount, CurrencyIsoCode, Region__c, SystemModstamp, TotalOpportunityQuantity "
        "FROM Opportunity ORDER BY SystemModstamp, Id"
    ) == asked[0]
    assert {"amount": 120_000, "currencyCode": "EUR"} == row["opportunityAmount"]
    assert {"Region__c": "EMEA", "TotalOpportunityQuantity": Decimal("1.5")} == row["salesforce"]
    assert "opportunityQuantity" not in row


def test_a_field_that_vanished_meanwhile_is_left_out(bodea: Crm) -> None:
    refused = httpx.Response(400, json=[{"errorCode": "INVALID_FIELD", "message": "No such column 'X'"}])
    bodea.wire.fault = once(lambda _: refused, "/queryAll")

    assert len(bodea.org.tables.rows("Account")) == len(bodea.rows("Account"))


def test_an_object_the_org_lacks_is_a_note(bodea: Crm) -> None:
    missing = httpx.Response(
        404, json=[{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
    )
    bodea.wire.fault = lambda r: missing if "AccountContactRelation" in r.url.path else None

    assert [] == bodea.pull("AccountContactRelation")
    assert "account of their contact record only" in bodea.source.notes("AccountContactRelation")[0]


# ---------------------------------------------------------------- tokens, limits, faults


def test_an_org_that_forgets_its_tokens_gives_another(bodea: Crm) -> None:
    bodea.pull("Account")
    bodea.org.forget_tokens()

    assert bodea.rows("Contact")


@pytest.mark.parametrize(
    ("settings", "setting"),
    [({"client_secret": "wrong-one"}, "client_secret"), ({"client_id": "no"}, "client_id")],
)
def test_wrong_credentials_say_which_setting(settings: dict[str, str], setting: str) -> None:
    with pytest.raises(Invalid, match=f"check {setting}") as caught:
        crm(**settings).pull("Account")

    assert "source.credentials" == caught.value.code
    assert "wrong-one" not in caught.value.text


def test_credentials_of_another_org_are_refused() -> None:
    """Keys of the wrong org would never meet those of Marketo and the master data."""
    with pytest.raises(Invalid, match="org_id names 00D000000000001EAA") as caught:
        crm(org_id="00D000000000001").pull("Account")

    assert "source.org" == caught.value.code


def test_an_org_id_of_15_characters_names_the_same_org(bodea: Crm) -> None:
    short = crm(org_id=bodea.org.keys.org[:15])

    assert bodea.org.keys.org == short.rows("Campaign")[0]["campaignKey"]["sourceInstanceID"]


def test_an_unreachable_org_is_said_with_its_host(bodea: Crm) -> None:
    bodea.wire.fault = lambda _: httpx.ConnectError("refused")

    with pytest.raises(Unavailable, match=r"bodea\.my\.salesforce\.test could not be reached") as caught:
        bodea.pull("Account")

    assert "source.unreachable" == caught.value.code


def test_a_used_up_quota_is_said_and_not_waited_for(bodea: Crm) -> None:
    bodea.org.daily_calls_max = 3
    bodea.pull("Account")

    with pytest.raises(Unavailable, match="24 hours") as caught:
        bodea.pull("Contact")

    assert "vendor.quota" == caught.value.code
    assert bodea.clock.slept_s < 90


def test_a_nearly_used_up_quota_is_a_note(bodea: Crm) -> None:
    bodea.org.daily_calls_max = 2
    bodea.pull("Account")

    assert "2 of the org's 2 calls" in bodea.source.notes("Account")[0]


@pytest.mark.parametrize(
    "fault",
    [
        httpx.Response(503, text="<html>busy</html>", headers={"content-type": "text/html"}),
        httpx.Response(
            500, json=[{"errorCode": "UNKNOWN_EXCEPTION", "message": "An unexpected error occurred."}]
        ),
        httpx.Response(200, text="<html>sign in</html>", headers={"content-type": "text/html"}),
        httpx.Response(200, text='{"totalSize": 12, "rec', headers={"content-type": "application/json"}),
        httpx.Response(
            403,
            json=[
                {"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentPerOrgLongTxn Limit exceeded."}
            ],
        ),
        httpx.Response(429),
        httpx.RemoteProtocolError("dropped"),
        httpx.ReadTimeout("slow"),
    ],
    ids=[
        "gateway",
        "server error",
        "sign-in page",
        "cut off",
        "long calls",
        "too many",
        "dropped",
        "time-out",
    ],
)
def test_a_passing_fault_changes_nothing(bodea: Crm, fault: httpx.Response | Exception) -> None:
    bodea.wire.fault = once(lambda _: fault, "/queryAll")

    assert len(bodea.org.tables.rows("Account")) == len(bodea.rows("Account"))


def test_what_the_org_refuses_is_said_in_its_words(bodea: Crm) -> None:
    refused = httpx.Response(400, json=[{"errorCode": "MALFORMED_QUERY", "message": "unexpected token"}])
    bodea.wire.fault = lambda request: refused if request.url.path.endswith("/queryAll") else None

    with pytest.raises(Problem, match="MALFORMED_QUERY: unexpected token") as caught:
        bodea.pull("Account")

    assert "source.refused" == caught.value.code


@pytest.mark.parametrize("table", KEYS)
def test_every_target_of_the_mapping_is_declared(table: str) -> None:
    """Or lies below the group of what XDM has no field for."""
    found = load_tables("salesforce")[table]
    shape = builtin_schema().entity_class(found.cls).shape
    declared = {*shape.leaves, *shape.arrays, *shape.maps, *shape.keys}

    assert [] == [t for t in found.fields if t not in declared and not t.startswith("salesforce.")]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_bad_day_ends_like_a_calm_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gateways, dropped connections, throttling and lost tokens at the org; by REST and in bulk."""
    monkeypatch.setattr(salesforce_read, "BULK_FROM", 400)
    monkeypatch.setattr(rest, "BATCH_MAX", 50)
    monkeypatch.setattr("townsend.vendors.salesforce.RESULT_ROWS", 100)

    def everything(chaos: int | None) -> dict[str, set[str]]:
        clock = AcceleratedClock(2_400, NOON)
        servers = start(["salesforce"], clock=clock, seed=7, size=1_000, anchor=NOON, chaos=chaos)
        settings = {"base_url": servers[0].base_url, "client_id": servers[0].client_id}
        found: dict[str, set[str]] = {}
        cursors: dict[str, Any] = {}
        source = SalesforceSource(
            "crm_1", {**settings, "client_secret": servers[0].client_secret, "type": "salesforce"}, clock
        )
        try:
            for stream in source.streams():
                # A limit that lasts ends a pull; the next goes on from its cursor.
                for _ in range(5):
                    with suppress(Unavailable):
                        for page in source.pull(stream, cursors.get(stream), clock.now()):
                            found.setdefault(stream, set()).update(map(str, page.rows))
                            cursors[stream] = page.cursor or cursors.get(stream)
                        break
        finally:
            source.close()
            for server in servers:
                server.stop()
        return found

    assert everything(None) == everything(seed)


# ---------------------------------------------------------------- what every source promises


class TestSalesforce(SourceSuite):
    def world(self) -> World:
        made = crm(secret=self.secret)

        def change(clock: TestClock) -> None:
            made.org.upsert(
                "Contact", {"Title": "Chief"}, ms_of(clock.now()), made.org.keys.person(1, "Contact")
            )

        def opened(settings: dict[str, Any], clock: TestClock, wire: httpx.BaseTransport) -> SalesforceSource:
            return SalesforceSource("crm_1", settings, clock, wire)

        return World(made.org, made.settings, opened, change)


class TestSalesforceInBulk(TestSalesforce):
    @pytest.fixture(autouse=True)
    def bulk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(salesforce_read, "BULK_FROM", 1)
        monkeypatch.setattr("townsend.vendors.salesforce.RESULT_ROWS", 100)
