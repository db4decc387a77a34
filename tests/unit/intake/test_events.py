"""Events: each id once, in time, about somebody."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from tests.unit.intake.desk import NOW, Desk, counts, event

EARLY, LATE = "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z"


def stored(desk: Desk) -> list[tuple[Any, ...]]:
    return desk.rows('SELECT "_id", "timestamp", "eventType" FROM facts.event ORDER BY ALL')


def test_the_same_event_again_is_the_same_event(desk: Desk) -> None:
    desk.take("event", event("e1"))
    again = desk.take("event", event("e1"), event("e2"), event("e2"), now=NOW + timedelta(days=1), name="web")

    assert {"rows": 3, "accepted": 1, "unchanged": 2} == counts(again)
    assert ["e1", "e2"] == desk.values("event", "_id")


def test_of_two_contents_of_one_id_the_earlier_stays_and_the_other_is_set_aside(desk: Desk) -> None:
    both = desk.take("event", event("e1", LATE, eventType="x"), event("e1", EARLY, eventType="x"))

    assert {"rows": 2, "accepted": 1, "quarantined": 1} == counts(both)
    assert [("e1", 1_772_359_200_000, "x")] == stored(desk)
    assert [("crm_1:1", "_id", "event.conflict", "e1")] == desk.refusals()


def test_a_stored_event_gives_way_to_an_earlier_one_that_comes_later(desk: Desk) -> None:
    desk.take("event", event("e1", LATE, eventType="b"))
    early = desk.take("event", event("e1", EARLY, eventType="a"))

    assert {"rows": 1, "accepted": 1, "quarantined": 1} == counts(early)
    assert ["1 stored events gave way to others of the same id, by rule"] == early.notes
    assert [("e1", 1_772_359_200_000, "a")] == stored(desk)
    assert ["event.conflict"] == [code for _, _, code, _ in desk.refusals()]


def test_a_conflict_settles_the_same_in_any_order_and_any_lots(desk: Desk, tmp_path_factory: Any) -> None:
    contents = [
        event("e1", LATE, eventType="a"),
        event("e1", LATE, eventType="b"),
        event("e1", LATE, web={"webPageDetails": {"URL": "/x"}}),
    ]
    outcomes = set()
    for order in permutations(contents):
        for split in (False, True):
            one = Desk(tmp_path_factory.mktemp("desk"))
            for lot in [[row] for row in order] if split else [order]:
                one.take("event", *lot)
            outcomes.add((*stored(one), len(one.refusals())))
            one.facts.close()

    assert 1 == len(outcomes)
    assert 2 == outcomes.pop()[-1]


def test_a_row_set_aside_in_a_conflict_is_not_set_aside_twice(desk: Desk) -> None:
    for _ in range(3):
        desk.take("event", event("e1", LATE), event("e1", EARLY))

    assert 1 == len(desk.refusals())


def test_a_conflict_is_told_with_its_line(desk: Desk) -> None:
    desk.take("event", event("e1", EARLY))
    desk.load("event", desk.file("e.ndjson", [event("e2"), event("e1", LATE)]))

    assert [("e.ndjson:2", "_id", "event.conflict", "e1")] == desk.refusals()


def test_late_events_are_normal(desk: Desk) -> None:
    accepted = desk.take("event", event("e1"), event("e2", "1999-01-01T00:00:00Z"), event("e3"))

    assert {"rows": 3, "accepted": 3} == counts(accepted)


def test_an_event_may_lie_one_day_ahead_and_not_a_millisecond_more(desk: Desk) -> None:
    accepted = desk.take(
        "event", event("e1", "2026-03-19T12:00:00.000Z"), event("e2", "2026-03-19T12:00:00.001Z")
    )

    assert {"rows": 2, "accepted": 1, "quarantined": 1} == counts(accepted)
    assert [("crm_1:2", "timestamp", "event.future", "2026-03-19T12:00:00.001Z")] == desk.refusals()


@pytest.mark.parametrize(
    ("row", "code", "field"),
    [
        ({"timestamp": EARLY, "personKey": {"sourceKey": "p@M.Marketo"}}, "event.id_missing", "_id"),
        (event(" "), "event.id_missing", "_id"),
        ({"_id": "e1", "personKey": {"sourceKey": "p@M.Marketo"}}, "event.time_missing", "timestamp"),
        (
            {"_id": "e1", "timestamp": None, "accountKey": {"sourceKey": "a@M.x"}},
            "event.time_missing",
            "timestamp",
        ),
        ({"_id": "e1", "timestamp": EARLY}, "event.nobody", None),
        ({"_id": "e1", "timestamp": EARLY, "personKey": {"sourceID": "1"}}, "event.nobody", None),
        (event("e1", "yesterday"), "row.type", "timestamp"),
        (event("e1", "2026-02-30T00:00:00Z"), "row.type", "timestamp"),
        (event("e1", "2026-03-01T10:00:00"), "row.type", "timestamp"),
    ],
)
def test_an_event_without_id_instant_or_anybody_is_set_aside(
    desk: Desk, row: dict[str, Any], code: str, field: str | None
) -> None:
    accepted = desk.take("event", row)

    assert {"rows": 1, "quarantined": 1} == counts(accepted)
    assert [(field, code)] == [(path, found) for _, path, found, _ in desk.refusals()]


@pytest.mark.parametrize(
    "about",
    [
        {"accountKey": {"sourceKey": "a1@C.Salesforce"}},
        {"opportunityEvent": {"opportunityKey": {"sourceKey": "o1@C.Salesforce"}}},
        {"leadOperation": {"campaignProgression": {"campaignKey": {"sourceKey": "c1@C.Salesforce"}}}},
        {"listOperations": {"listKey": {"sourceKey": "l1@C.Salesforce"}}},
        {"identityMap": {"ECID": [{"id": "x"}]}},
    ],
)
def test_an_event_may_be_about_anything_that_has_a_key(desk: Desk, about: dict[str, Any]) -> None:
    accepted = desk.take("event", {"_id": "e1", "timestamp": EARLY, **about})

    assert {"rows": 1, "accepted": 1} == counts(accepted)


def test_an_event_belongs_to_the_identity_of_highest_priority(desk: Desk) -> None:
    maps = {"ECID": [{"id": "c"}], "Email": [{"id": "a@b.c"}], "Zeta": [{"id": "z"}]}
    desk.take("event", event("e1", identityMap=maps), {"_id": "e2", "timestamp": EARLY, "identityMap": maps})
    who = desk.rows('SELECT space FROM facts.event JOIN facts.number ON who = n ORDER BY "_id"')
    every = desk.rows(
        "SELECT space FROM (SELECT unnest(idents) AS n, generate_subscripts(idents, 1) AS i FROM facts.event "
        "WHERE \"_id\" = 'e1') JOIN facts.number USING (n) ORDER BY i"
    )

    assert [("b2b_person",), ("Email",)] == who
    assert [("b2b_person",), ("Email",), ("ECID",), ("Zeta",)] == every


def test_an_event_of_one_identity_keeps_no_list(desk: Desk) -> None:
    desk.take("event", event("e1"))

    assert [None] == desk.values("event", "idents")


def test_what_an_event_names_is_kept_by_number(desk: Desk) -> None:
    desk.take("account", {"accountKey": {"sourceKey": "a1@C.Salesforce"}})
    desk.take("event", event("e1", accountKey={"sourceKey": "a1@C.Salesforce"}))
    (number,) = desk.values("account", "key")

    assert [number] == desk.values("event", "#account")


def test_a_merge_is_kept_as_links_of_its_own_once(desk: Desk) -> None:
    losing = [
        {"sourceKey": "p2@M1.Marketo"},
        {"sourceID": "3", "sourceInstanceID": "M1", "sourceType": "Marketo"},
    ]
    merge = event(
        "e1",
        EARLY,
        eventType="leadOperation.mergeLeads",
        leadOperation={"mergeLeads": {"sourceKeys": losing}},
    )
    desk.take("event", merge)
    desk.take("event", merge, name="marketo_2")

    assert [
        ("p2@M1.Marketo", "p1@M1.Marketo", "merge", 1_772_359_200_000, False),
        ("3@M1.Marketo", "p1@M1.Marketo", "merge", 1_772_359_200_000, False),
    ] == desk.rows("SELECT value_a, value_b, kind, at_ms, withdrawn FROM facts.link ORDER BY value_a DESC")
