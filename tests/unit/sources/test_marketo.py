"""The Marketo source against a rehearsal instance, call by call."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any, cast

import httpx
import pytest
from tests.suites.source_suite import SourceSuite, World
from tests.unit.sources.wire import NOON, TestClock, once

from townsend.model import builtin_schema
from townsend.problem import Invalid, Unavailable
from townsend.rehearsal.company import generate
from townsend.rehearsal.engagement import CHANNELS
from townsend.rehearsal.marketo.instance import Marketo
from townsend.rehearsal.marketo.schema import LICENSE
from townsend.rehearsal.times import ms_of
from townsend.sources.celltables import csv_rows
from townsend.sources.contract import Source
from townsend.sources.marketo import MarketoSource
from townsend.sources.tables import MappingChanges

COMPANY = generate(7, 60, ms_of(NOON))
ORG = "00D5g000001234AEAQ"
# The class does not matter here; a project declares one of its own.
LICENSES = MappingChanges(
    {
        LICENSE: {
            "class": "account_intent",
            "fields": {"accountIntentKey": {"key": "marketoGUID"}, "topicName": "product"},
        }
    },
    builtin_schema(),
)


def opened(settings: dict[str, Any], clock: TestClock, wire: httpx.BaseTransport) -> MarketoSource:
    return MarketoSource("marketo_1", settings, clock, wire)


def marketo(i: int = 0, secret: str = "s3cret", **settings: Any) -> World:
    app = Marketo(i, lambda: COMPANY, ("app", secret), 7, None)
    given = {
        "type": "marketo",
        "base_url": "https://101-bda-201.mktorest.test",
        "munchkin_id": app.munchkin_id,
        "client_id": "app",
        "client_secret": secret,
        "since": "7 months",
    }

    def change(clock: TestClock) -> None:
        app.do("change_lead", lead_id=(12, 22)[i], values={"title": "Chief"}, at_ms=ms_of(clock.now()))

    return World(app, {**given, **settings}, opened, change)


class TestMarketo(SourceSuite):
    def world(self) -> World:
        return marketo(secret=self.secret)


class TestMarketoWithoutExtractsByChange(SourceSuite):
    """The second instance refuses what not every subscription has."""

    def world(self) -> World:
        return marketo(1, secret=self.secret)


class TestMarketoWithoutCrm(SourceSuite):
    """An instance that no CRM is synced with, and a custom object that the project maps."""

    def world(self) -> World:
        world = marketo(secret=self.secret, mapping=LICENSES)
        cast(Any, world.vendor).synced = False
        return world


@pytest.fixture
def bodea() -> World:
    return marketo(crm_org_id=ORG)


def rows(world: World, stream: str, source: Source | None = None) -> list[Any]:
    own = source or world.source()
    found = []
    for page in own.pull(stream, world.cursors.get(stream), world.clock.now()):
        found += page.rows
        if page.cursor is not None:
            world.cursors[stream] = page.cursor
    return found


def events(world: World) -> list[Any]:
    return [row for row in rows(world, "activities") if "timestamp" in row]


def memberships(world: World) -> list[Any]:
    return [row for row in rows(world, "list_members") if "marketingListKey" in row]


def of(found: list[Any], lead: int) -> Any:
    (one,) = [row for row in found if row["b2b"]["personKey"]["sourceID"] == str(lead)]
    return one


# ---------------------------------------------------------------- the story


def test_p2_is_a_person_with_key_email_company_and_the_crms_key(bodea: World) -> None:
    app = cast(Any, bodea.vendor)
    lead = app.world.people.by_id[12]
    pablo = of(rows(bodea, "people"), 12)
    key = {
        "sourceType": "Marketo",
        "sourceInstanceID": "101-BDA-201",
        "sourceID": "12",
        "sourceKey": "12@101-BDA-201.Marketo",
    }
    crm = f"{lead.values['sfdcContactId']}@{ORG}.Salesforce"
    company = f"{lead.values['contactCompany']}.mkto_org@101-BDA-201.Marketo"

    assert key == pablo["b2b"]["personKey"]
    assert "p2@townsend.com" == pablo["workEmail"]["address"]
    assert crm == pablo["extSourceSystemAudit"]["externalKey"]["sourceKey"]
    assert company == pablo["b2b"]["accountKey"]["sourceKey"]
    (component,) = pablo["personComponents"]
    assert key == component["sourcePersonKey"]
    assert company == component["sourceAccountKey"]["sourceKey"]
    assert crm == component["sourceExternalKey"]["sourceKey"]
    assert "consents" not in pablo


def test_without_the_crms_organisation_no_key_of_it_is_made(bodea: World) -> None:
    pablo = of(rows(marketo(), "people"), 12)

    assert "externalKey" not in pablo["extSourceSystemAudit"]


def test_an_unsubscribed_lead_says_no_and_another_says_nothing(bodea: World) -> None:
    app = cast(Any, bodea.vendor)
    app.do("change_lead", lead_id=12, values={"unsubscribed": True}, at_ms=ms_of(NOON) - 1_000)
    found = rows(bodea, "people")

    assert "n" == of(found, 12)["consents"]["marketing"]["email"]["val"]
    assert "consents" not in of(found, 11)


def test_p2s_visit_is_a_page_view_with_its_address(bodea: World) -> None:
    visits = [
        row
        for row in events(bodea)
        if row["personKey"]["sourceID"] == "12" and "/new-product" in str(row.get("web"))
    ]
    (visit,) = visits

    assert "web.webpagedetails.pageViews" == visit["eventType"]
    assert "www.bodea.example/new-product" == visit["web"]["webPageDetails"]["URL"]
    assert "2026-11-12T12:00:00Z" == visit["timestamp"]
    assert visit["_id"].endswith("@101-BDA-201.Marketo")


def test_every_declared_field_takes_the_declared_type(bodea: World) -> None:
    pablo = of(rows(bodea, "people"), 12)
    scores = [row for row in events(bodea) if row["eventType"] == "leadOperation.scoreChanged"]

    assert isinstance(pablo["b2b"]["personScore"], Decimal)
    assert False is pablo["b2b"]["isMarketingSuspended"]
    assert {int} == {type(row["leadOperation"]["changeScore"]["newValue"]) for row in scores}


def test_custom_fields_are_kept_under_the_vendors_name(bodea: World) -> None:
    app = cast(Any, bodea.vendor)
    interest = app.world.people.by_id[12].values["productInterest"]

    assert {"productInterest": interest} == of(rows(bodea, "people"), 12)["marketo"]


def test_custom_fields_that_nobody_wants_are_not_asked_for() -> None:
    world = marketo(custom_fields=False)

    assert all("marketo" not in row for row in rows(world, "people"))


# ---------------------------------------------------------------- what changes


def test_only_what_changed_is_asked_for_later(bodea: World) -> None:
    rows(bodea, "people")
    bodea.clock.sleep(5 * 86_400)
    bodea.change(bodea.clock)
    bodea.clock.sleep(60)
    found = rows(bodea, "people")
    # An overlap of a day is read twice.
    leads = cast(Any, bodea.vendor).world.people.by_id.values()
    changed = {str(lead.id) for lead in leads if lead.changed_ms >= ms_of(NOON) - 86_400_000}

    assert "Chief" == of(found, 12)["extendedWorkDetails"]["jobTitle"]
    assert changed == {row["b2b"]["personKey"]["sourceID"] for row in found}


def test_without_extracts_by_change_the_log_of_changes_tells() -> None:
    world = marketo(1)
    source = world.source()
    everybody = rows(world, "people", source)
    world.clock.sleep(5 * 86_400)
    world.change(world.clock)
    world.clock.sleep(60)
    found = rows(world, "people", source)

    assert "Chief" == of(found, 22)["extendedWorkDetails"]["jobTitle"]
    # An overlap of a day is read twice.
    assert len(found) < len(everybody) / 5
    assert "activity log" in " ".join(source.notes("people"))


def test_a_visit_that_arrives_late_with_an_old_date_is_found(bodea: World) -> None:
    """A browser that becomes known brings its history along."""
    app = cast(Any, bodea.vendor)
    first = events(bodea)
    bodea.clock.sleep(3_600)
    now_ms = ms_of(bodea.clock.now())
    app.do(
        "visit", lead_id=11, url="www.bodea.example/late", at_ms=now_ms - 9 * 86_400_000, arrived_ms=now_ms
    )
    bodea.clock.sleep(60)
    known = {row["_id"] for row in first}
    new = [row for row in events(bodea) if row["_id"] not in known]

    assert ["www.bodea.example/late"] == [row["web"]["webPageDetails"]["URL"] for row in new]


def test_after_a_long_gap_activities_are_extracted_again(bodea: World) -> None:
    events(bodea)
    bodea.clock.sleep(40 * 86_400)
    app = cast(Any, bodea.vendor)
    at_ms = ms_of(bodea.clock.now()) - 86_400_000
    app.do("visit", lead_id=11, url="www.bodea.example/gap", at_ms=at_ms, arrived_ms=at_ms)
    before = len(bodea.wire.calls)
    found = events(bodea)

    assert any(row.get("web", {}).get("webPageDetails", {}).get("URL", "").endswith("/gap") for row in found)
    assert any(call.endswith("/bulk/v1/activities/export/create.json") for call in bodea.wire.calls[before:])


def test_a_deleted_lead_is_retired(bodea: World) -> None:
    rows(bodea, "deletions")
    bodea.clock.sleep(3_600)
    cast(Any, bodea.vendor).do("delete_lead", lead_id=11, at_ms=ms_of(bodea.clock.now()))
    bodea.clock.sleep(60)
    (gone,) = rows(bodea, "deletions")

    assert "11" == gone["b2b"]["personKey"]["sourceID"]
    assert True is gone["isDeleted"]


def test_deletions_older_than_the_vendor_remembers_are_told_of(bodea: World) -> None:
    source = bodea.source()
    rows(bodea, "deletions", source)
    bodea.clock.sleep(20 * 86_400)
    rows(bodea, "deletions", source)

    assert "14 days" in " ".join(source.notes("deletions"))


def test_merged_leads_are_named_by_the_one_that_stays(bodea: World) -> None:
    events(bodea)
    bodea.clock.sleep(3_600)
    app = cast(Any, bodea.vendor)
    app.do("merge", winner=12, losers=[11], at_ms=ms_of(bodea.clock.now()))
    bodea.clock.sleep(60)
    (merge,) = [row for row in events(bodea) if row["eventType"] == "leadOperation.mergeLeads"]
    (loser,) = merge["leadOperation"]["mergeLeads"]["sourceKeys"]

    assert "12@101-BDA-201.Marketo" == merge["personKey"]["sourceKey"]
    assert "11@101-BDA-201.Marketo" == loser["sourceKey"]


def test_who_is_added_to_a_list_and_removed_is_told(bodea: World) -> None:
    app = cast(Any, bodea.vendor)
    at_ms = ms_of(bodea.clock.now()) - 10_000
    number = app.do("make_list", name="Ours", folder=[1, "Folder"], description="", at_ms=at_ms)
    app.do("add", list_id=number, leads=[11], at_ms=at_ms)
    members = [row for row in memberships(bodea) if row["marketingListKey"]["sourceID"] == str(number)]
    bodea.clock.sleep(3_600)
    app.do("remove", list_id=number, leads=[11], at_ms=ms_of(bodea.clock.now()))
    app.do("add", list_id=number, leads=[12], at_ms=ms_of(bodea.clock.now()))
    bodea.clock.sleep(60)
    later = {row["marketingListMemberKey"]["sourceID"]: row["isDeleted"] for row in memberships(bodea)}

    assert [f"{number}-11"] == [row["marketingListMemberKey"]["sourceID"] for row in members]
    assert {f"{number}-11": True, f"{number}-12": False} == later


@pytest.mark.parametrize("i", [0, 1])
@pytest.mark.parametrize("days", [3, 40])
def test_a_changed_status_in_a_program_is_found(i: int, days: int) -> None:
    """With extracts by the time of change, and without; after a short gap and a long one."""
    world = marketo(i)
    app = cast(Any, world.vendor)
    rows(world, "program_members")
    world.clock.sleep(days * 86_400)
    program = next(iter(app.world.assets.programs))
    status = CHANNELS[app.world.assets.programs[program].channel][1][-1][0]
    app.do("status", program_id=program, leads=[(11, 21)[i]], status=status, at_ms=ms_of(world.clock.now()))
    world.clock.sleep(60)
    found = {
        row["campaignMemberKey"]["sourceID"]: row
        for row in rows(world, "program_members")
        if "campaignMemberKey" in row
    }

    assert status == found[f"{program}-{(11, 21)[i]}"]["memberStatus"]


# ---------------------------------------------------------------- what is not offered


def test_what_the_crm_hides_is_a_note_and_no_failure() -> None:
    world = marketo(1)
    source = world.source()

    assert [] == rows(world, "companies", source)
    assert "1018" in " ".join(source.notes("companies"))


def test_companies_are_found_through_the_leads_of_another_process(bodea: World) -> None:
    """The leads were stored before a crash; their companies still come."""
    rows(bodea, "people")
    names = {row["accountName"] for row in rows(bodea, "companies", bodea.source())}

    assert "Townsend" in names


def test_an_export_quota_that_is_used_up_says_until_when(bodea: World) -> None:
    cast(Any, bodea.vendor).limits.export_bytes = 0
    with pytest.raises(Unavailable, match="midnight") as caught:
        rows(bodea, "people")

    assert "vendor.quota" == caught.value.code


def test_a_queue_that_others_fill_is_waited_for(bodea: World) -> None:
    cast(Any, bodea.vendor).limits.jobs_queued = 1

    assert rows(bodea, "people")


def test_an_envelope_in_the_place_of_a_file_is_asked_for_again(bodea: World) -> None:
    words = {"success": False, "errors": [{"code": "713", "message": "Transient"}]}
    bodea.wire.fault = once(lambda _: httpx.Response(200, json=words), "file.json")

    assert rows(bodea, "people")


def test_a_file_that_is_not_there_yet_is_asked_for_again(bodea: World) -> None:
    bodea.wire.fault = once(lambda _: httpx.Response(404, text="Not found"), "file.json")

    assert rows(bodea, "people")


def test_a_daily_quota_of_calls_ends_the_pull() -> None:
    world = marketo(calls_per_day=5)
    with pytest.raises(Unavailable) as caught:
        rows(world, "people")

    assert "vendor.quota" == caught.value.code


def test_a_missing_permission_names_the_role(bodea: World) -> None:
    words = {"success": False, "errors": [{"code": "603", "message": "Access denied"}]}
    bodea.wire.fault = once(lambda _: httpx.Response(200, json=words), "describe.json")
    with pytest.raises(Invalid, match="permission") as caught:
        rows(bodea, "people")

    assert "source.rights" == caught.value.code


def test_words_of_the_vendor_do_not_carry_addresses(bodea: World) -> None:
    words = {"success": False, "errors": [{"code": "1003", "message": "Bad value 'p2@townsend.com'"}]}
    bodea.wire.fault = once(lambda _: httpx.Response(200, json=words), "describe.json")
    with pytest.raises(Invalid) as caught:
        rows(bodea, "people")

    assert "source.request" == caught.value.code
    assert "townsend.com" not in str(caught.value)


def test_cells_hold_line_feeds_carriage_returns_and_nul() -> None:
    text = 'id,note\r\n1,"two\nlines"\r\n2,a\rb\n3,x\0y\n4,"sep\u2028arated, ""so"""\n'
    found = [row["note"] for row in csv_rows(io.BytesIO(text.encode()))]

    assert ["two\nlines", "a b", "xy", 'sep\u2028arated, "so"'] == found


def test_a_lead_older_than_since_is_read_when_an_activity_names_it() -> None:
    """p1 was made half a year ago; only last month is read, and p1 was on the site in it."""
    world = marketo(since="1 month")
    source = world.source()
    people = rows(world, "people", source)
    named = rows(world, "activities", source)
    visits = [row for row in named if "timestamp" in row]
    made_earlier = [row for row in named if "b2b" in row]

    assert not [row for row in people if row["b2b"]["personKey"]["sourceID"] == "11"]
    assert "p1@townsend.com" == of(made_earlier, 11)["workEmail"]["address"]
    assert min(row["timestamp"] for row in visits) >= "2026-10-22"


def test_people_come_before_the_events_that_name_them() -> None:
    world = marketo(since="1 month")
    source = world.source()
    known: set[str] = set()
    unknown: set[str] = set()
    for stream in ("people", "activities"):
        for page in source.pull(stream, None, world.clock.now()):
            for row in page.rows:
                if page.cls == "person":
                    known.add(row["b2b"]["personKey"]["sourceID"])
                elif row["personKey"]["sourceID"] not in known:
                    unknown.add(row["personKey"]["sourceID"])
    alive = {str(lead) for lead in cast(Any, world.vendor).world.people.by_id}

    assert set() == unknown & alive


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("custom_fields", "yes", "settings.type"),
        ("custom_fields", [1], "settings.type"),
        ("calls_per_day", "many", "settings.type"),
        ("crm_type", "siebel", "settings.choice"),
        ("base_url", "101-bda-201.mktorest.test", "settings.url"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_before_any_call(key: str, value: Any, code: str) -> None:
    world = marketo(**{key: value})
    with pytest.raises(Invalid, match=key) as caught:
        world.source()

    assert code == caught.value.code


def test_a_long_query_is_sent_as_a_form() -> None:
    """Three hundred ids and all fields do not fit an address."""
    world = marketo(since="1 month")
    source = world.source()
    rows(world, "people", source)
    cast(Any, source)._marketo.call(
        "GET",
        "/rest/v1/leads.json",
        params={"filterType": "id", "filterValues": ",".join(map(str, range(10_000, 11_500, 5)))},
    )
    answer = cast(Any, source)._marketo.call(
        "GET", "/rest/v1/leads.json", params={"filterType": "id", "filterValues": "12", "x": "y" * 5_000}
    )

    assert "POST /rest/v1/leads.json" == world.wire.calls[-1]
    assert [12] == [row["id"] for row in answer.result]
