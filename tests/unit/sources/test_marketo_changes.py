"""The Marketo source from pull to pull: what it costs, what vanished, what only some instances have."""

from __future__ import annotations

from typing import Any, cast

import httpx
import pytest
from tests.suites.source_suite import World
from tests.unit.sources.test_marketo import LICENSES, marketo, rows
from tests.unit.sources.wire import once

from townsend.model import builtin_schema
from townsend.problem import Unavailable
from townsend.rehearsal.marketo.schema import LICENSE
from townsend.rehearsal.times import ms_of
from townsend.sources.contract import Budgeted, Source
from townsend.sources.tables import MappingChanges


@pytest.fixture
def bodea() -> World:
    return marketo()


def pulled(world: World, source: Source | None = None) -> dict[str, int]:
    """Calls by stream of a pull of everything."""
    own = source or world.source()
    calls = {}
    for stream in own.streams():
        before = len(world.wire.calls)
        rows(world, stream, own)
        calls[stream] = len(world.wire.calls) - before
    return calls


def app(world: World) -> Any:
    return cast(Any, world.vendor)


# ---------------------------------------------------------------- what it costs


@pytest.mark.parametrize("i", [0, 1])
def test_a_pull_with_nothing_new_takes_at_most_two_calls_a_stream(i: int) -> None:
    world = marketo(i)
    pulled(world)
    world.clock.sleep(3 * 3_600)
    pulled(world)
    world.clock.sleep(3 * 3_600)
    source = world.source()
    # The token, the day's use and the types of activity are asked for once a pull, in its first stream.
    calls = pulled(world, source)
    calls["people"] -= 3

    assert {} == {stream: n for stream, n in calls.items() if n > 2}


def test_within_a_day_the_log_tells_who_changed_and_no_extract_is_made(bodea: World) -> None:
    rows(bodea, "people")
    bodea.clock.sleep(3 * 3_600)
    bodea.change(bodea.clock)
    bodea.clock.sleep(60)
    before = len(bodea.wire.calls)
    found = rows(bodea, "people")

    assert "Chief" in {row["extendedWorkDetails"].get("jobTitle") for row in found}
    assert not [call for call in bodea.wire.calls[before:] if "/bulk/" in call]


def test_more_changes_than_an_extract_costs_are_extracted(
    bodea: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows(bodea, "people")
    bodea.clock.sleep(3 * 3_600)
    monkeypatch.setattr("townsend.sources.marketo_people.EXTRACT_FROM", 3)
    for lead in (11, 12, 1_001, 1_002, 1_003):
        app(bodea).do("change_lead", lead_id=lead, values={"title": "Chief"}, at_ms=ms_of(bodea.clock.now()))
    bodea.clock.sleep(60)
    before = len(bodea.wire.calls)
    found = rows(bodea, "people")

    assert 5 == sum(row["extendedWorkDetails"].get("jobTitle") == "Chief" for row in found)
    assert [call for call in bodea.wire.calls[before:] if call.endswith("leads/export/create.json")]


def test_a_day_nearly_spent_is_told_and_one_that_is_spent_ends_the_pull() -> None:
    world = marketo(calls_per_day=1_000)
    source = world.source()
    now_ms = ms_of(world.clock.now())
    for _ in range(850):
        # Another integration of the instance.
        app(world).gate.count(now_ms - 60_000)
    rows(world, "programs", source)
    assert isinstance(source, Budgeted)
    budget = source.budget()
    told = " ".join(source.notes("programs"))
    for _ in range(200):
        app(world).gate.count(now_ms - 60_000)
    with pytest.raises(Unavailable, match="used up") as caught:
        rows(world, "programs", world.source())

    assert budget is not None
    assert (True, 1_000) == (budget.used > 850, budget.most)
    assert "of the day's 1,000 calls" in told
    assert "vendor.quota" == caught.value.code


def test_each_stream_may_begin_at_an_instant_of_its_own() -> None:
    world = marketo(since={"activities": "1 month", "others": "7 months"})
    people = rows(world, "people")
    happened = [row["timestamp"] for row in rows(world, "activities") if "timestamp" in row]

    assert min(row["extSourceSystemAudit"]["createdDate"] for row in people) < "2026-10-22"
    assert "2026-10-22" <= min(happened)


def test_windows_are_never_longer_than_31_days() -> None:
    world = marketo(since="25 months")
    rows(world, "people")

    # The instance refuses longer ones; 25 months are 25 windows of 31 days.
    assert 25 == sum(call.endswith("leads/export/create.json") for call in world.wire.calls)


# ---------------------------------------------------------------- late and lost places


def test_what_shows_late_is_found_by_the_next_pull(bodea: World) -> None:
    """A lead and a visit are in the log and in extracts only some time after they happened."""
    app(bodea).limits.visible_after_s = 120
    pulled(bodea)
    now_ms = ms_of(bodea.clock.now())
    number = app(bodea).do("create_lead", values={"email": "late@townsend.com"}, at_ms=now_ms)
    app(bodea).do("visit", lead_id=12, url="www.bodea.example/late", at_ms=now_ms, arrived_ms=now_ms)
    at_once = rows(bodea, "people") + rows(bodea, "activities")
    bodea.clock.sleep(300)
    people, events = rows(bodea, "people"), rows(bodea, "activities")

    assert "late" not in str(at_once)
    assert [str(number)] == [
        row["b2b"]["personKey"]["sourceID"] for row in people if "late@" in str(row.get("workEmail"))
    ]
    assert ["www.bodea.example/late"] == [
        row["web"]["webPageDetails"]["URL"] for row in events if "/late" in str(row.get("web"))
    ]


def test_a_paging_token_that_is_too_old_is_replaced(bodea: World) -> None:
    app(bodea).limits.paging_token_s = 3_600
    pulled(bodea)
    bodea.clock.sleep(2 * 3_600)
    pulled(bodea)
    bodea.clock.sleep(2 * 3_600)
    now_ms = ms_of(bodea.clock.now())
    app(bodea).do("visit", lead_id=12, url="www.bodea.example/gap", at_ms=now_ms, arrived_ms=now_ms)
    bodea.clock.sleep(60)

    assert "www.bodea.example/gap" in str(rows(bodea, "activities"))


# ---------------------------------------------------------------- what vanished


def test_a_deleted_list_and_a_deleted_program_are_retired(bodea: World) -> None:
    rows(bodea, "programs")
    rows(bodea, "lists")
    program = next(iter(app(bodea).world.assets.programs))
    number = next(iter(app(bodea).world.assets.lists))
    bodea.clock.sleep(3_600)
    app(bodea).do("drop_program", program_id=program)
    app(bodea).do("drop_list", list_id=number)
    gone = [row for row in rows(bodea, "programs") + rows(bodea, "lists") if row.get("isDeleted")]
    keys = [(row.get("campaignKey") or row["marketingListKey"])["sourceID"] for row in gone]
    again = [row for row in rows(bodea, "programs") + rows(bodea, "lists") if row.get("isDeleted")]

    assert [str(program), str(number)] == keys
    assert [] == again


def test_a_listing_that_is_suddenly_empty_retires_nothing(bodea: World) -> None:
    """A role that lost a workspace sees no programs; they are not deleted for that."""
    source = bodea.source()
    rows(bodea, "programs", source)
    known = bodea.cursors["programs"]["ids"]
    nothing = {"success": True, "warnings": ["No assets found for the given search criteria."]}
    bodea.wire.fault = once(lambda _: httpx.Response(200, json=nothing), "programs.json")

    assert [] == rows(bodea, "programs", source)
    assert known == bodea.cursors["programs"]["ids"]
    assert "are kept" in " ".join(source.notes("programs"))


# ---------------------------------------------------------------- what some instances have


def test_named_accounts_are_accounts_with_keys_of_their_own_and_the_crms() -> None:
    world = marketo(crm_org_id="00D5g000001234AEAQ")
    found = rows(world, "named_accounts")
    here = rows(world, "companies", world.source())

    assert found
    assert {".mkto_acct@101-BDA-201.Marketo"} == {
        row["accountKey"]["sourceKey"][len(row["accountKey"]["sourceID"]) - len(".mkto_acct") :]
        for row in found
    }
    assert {row["accountName"] for row in found} & {row.get("accountName") for row in here}
    assert all(row["extSourceSystemAudit"]["externalKey"]["sourceType"] == "Salesforce" for row in found)


def test_without_the_add_on_named_accounts_are_a_note() -> None:
    world = marketo(1)
    source = world.source()

    assert [] == rows(world, "named_accounts", source)
    assert "616" in " ".join(source.notes("named_accounts"))


@pytest.mark.parametrize("i", [0, 1])
def test_a_custom_object_that_the_project_maps_is_read_and_followed(i: int) -> None:
    """By extracts of the time of change, and by leads where the subscription has none."""
    world = marketo(i, mapping=LICENSES)
    source = world.source()
    rows(world, "people", source)
    found = rows(world, LICENSE, source)
    held = app(world).world.licenses
    world.clock.sleep(3_600)
    lead = next(iter(held.values()))["leadId"]
    now_ms = ms_of(world.clock.now())
    app(world).do("put_license", key="new", values={"leadId": lead, "product": "Sensors"}, at_ms=now_ms)
    app(world).do("change_lead", lead_id=lead, values={"title": "Chief"}, at_ms=now_ms)
    world.clock.sleep(60)
    source = world.source()
    rows(world, "people", source)
    later = rows(world, LICENSE, source)

    assert {row["marketoGUID"] for row in held.values()} == {
        row["accountIntentKey"]["sourceID"] for row in (*found, *later)
    }
    assert {int} == {type(row["marketo"]["seats"]) for row in found}
    assert held["new"]["marketoGUID"] in {row["accountIntentKey"]["sourceID"] for row in later}


def test_a_custom_object_that_is_not_there_is_a_note() -> None:
    world = marketo(mapping=MappingChanges({"contract_c": LICENSES.tables[LICENSE]}, builtin_schema()))
    source = world.source()

    assert [] == rows(world, "contract_c", source)
    assert "API name" in " ".join(source.notes("contract_c"))


def test_a_custom_activity_keeps_its_fields_with_their_types(bodea: World) -> None:
    now_ms = ms_of(bodea.clock.now()) - 60_000
    facts = {
        "Question": "How much?",
        "Seat Number": "7",
        "Answered": "true",
        "Asked At": "2026-11-22T11:00:00Z",
    }
    app(bodea).do(
        "act", kind=100_001, lead_id=12, primary="Launch", attributes=facts, at_ms=now_ms, arrived_ms=now_ms
    )
    (event,) = [
        row for row in rows(bodea, "activities") if row.get("eventType") == "marketo.webinarQuestionC"
    ]
    expected = {
        "webinar": "Launch",
        "question": "How much?",
        "seatNumber": 7,
        "answered": True,
        "askedAt": "2026-11-22T11:00:00Z",
    }

    assert expected == {**event["marketo"], "seatNumber": int(event["marketo"]["seatNumber"])}
    assert not isinstance(event["marketo"]["seatNumber"], str)


def test_where_no_crm_is_synced_opportunities_come_with_their_people_and_company() -> None:
    world = marketo()
    app(world).synced = False
    source = world.source()
    rows(world, "people", source)
    found = rows(world, "opportunities", source)
    deals = {row["opportunityKey"]["sourceKey"]: row for row in found if "opportunityName" in row}
    roles = [row for row in found if "opportunityPersonKey" in row]
    won = [row for row in deals.values() if row["opportunityAmount"]["amount"] == 200_000]

    assert {row["opportunityKey"]["sourceKey"] for row in roles} == set(deals)
    assert {"11", "12"} <= {row["personKey"]["sourceID"] for row in roles}
    assert all(row["accountKey"]["sourceID"].endswith(".mkto_org") for row in deals.values())
    assert True is won[0]["isWon"]


def test_an_opportunity_keeps_its_company_when_only_another_of_its_people_changed() -> None:
    world = marketo()
    app(world).synced = False
    source = world.source()
    rows(world, "people", source)
    before = {
        row["opportunityKey"]["sourceID"]: row
        for row in rows(world, "opportunities", source)
        if "opportunityName" in row
    }
    world.clock.sleep(3_600)
    world.change(world.clock)
    world.clock.sleep(60)
    source = world.source()
    rows(world, "people", source)
    again = [row for row in rows(world, "opportunities", source) if "opportunityName" in row]

    assert again
    assert [before[row["opportunityKey"]["sourceID"]] for row in again] == again
