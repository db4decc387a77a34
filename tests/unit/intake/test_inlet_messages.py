"""Messages of inlets: envelopes and bare objects, one or many, and Segment-style calls."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from townsend.intake.inlet import Message, collection, entry_of, entry_text, segment
from townsend.intake.inlet.messages import Entry
from townsend.problem import Invalid

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
VISIT = {"_id": "v1", "timestamp": "2026-11-20T10:00:00Z", "eventType": "web.webpagedetails.pageViews"}


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


def rows(value: Any, kind: str) -> list[Message]:
    (found,) = segment.calls(body(value), kind, "web", NOON)
    assert not isinstance(found, Invalid), found
    return found


def refused(value: Any, kind: str) -> str:
    (found,) = segment.calls(body(value), kind, "web", NOON)
    assert isinstance(found, Invalid)
    return found.code


def test_an_envelope_and_a_bare_object_say_the_same() -> None:
    envelope = {"header": {"schemaRef": {"id": "x"}}, "body": {"xdmMeta": {}, "xdmEntity": VISIT}}

    assert Message("event", VISIT) == collection.single(body(VISIT), "event")
    assert Message("event", VISIT) == collection.single(body(envelope), "event")


def test_amounts_are_decimals() -> None:
    assert Decimal("0.1") == collection.single(b'{"amount": 0.1}', "opportunity").row["amount"]


def test_one_bad_message_does_not_spoil_a_batch() -> None:
    good, bad, last = collection.batch(body({"messages": [VISIT, 7, VISIT]}), "event")

    assert isinstance(bad, Invalid)
    assert bad.code == "inlet.shape"
    assert "messages[1]" in bad.text
    assert [Message("event", VISIT, 0), Message("event", VISIT, 2)] == [good, last]


def test_one_bad_line_does_not_spoil_the_others_and_is_named() -> None:
    first, bad, last = collection.lines(b'{"_id": "1"}\n\n{"_id"\n{"_id": "3"}\n', "event")

    assert isinstance(bad, Invalid)
    assert "line 3" in bad.text
    assert [Message("event", {"_id": "1"}, 0), Message("event", {"_id": "3"}, 2)] == [first, last]


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000, b"nul"])
def test_a_body_that_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        collection.single(text, "event")

    assert caught.value.code == "inlet.syntax"


def test_a_request_has_a_bound() -> None:
    with pytest.raises(Invalid, match="at most 10,000"):
        collection.lines(b"{}\n" * 10_001, "event")


def test_an_envelope_without_its_entity_is_refused() -> None:
    with pytest.raises(Invalid, match="xdmEntity"):
        collection.single(body({"header": {}, "body": {}}), "event")


def test_a_request_reads_the_same_out_of_the_log() -> None:
    entry = Entry("segment", "web", "track", 1_700_000_000_000, b'{"event": "x"}')

    assert entry == entry_of(entry_text(entry))


def test_a_page_is_a_view_by_a_known_person() -> None:
    page = {
        "messageId": "m-1",
        "anonymousId": "a-9",
        "userId": "u-7",
        "timestamp": "2026-11-20T10:00:00.120Z",
        "name": "New product",
        "properties": {"url": "https://www.example.test/new", "referrer": ""},
        "context": {"ip": "192.0.2.7", "userAgent": "x", "groupId": "acct-1"},
    }
    (event,) = rows(page, "page")

    assert event.cls == "event"
    assert {
        "_id": "m-1",
        "timestamp": datetime(2026, 11, 20, 10, 0, 0, 120_000, UTC),
        "eventType": "web.webpagedetails.pageViews",
        "producedBy": "self",
        "personKey": {"sourceID": "u-7", "sourceInstanceID": "web", "sourceType": "Segment"},
        "identityMap": {"UserID": [{"id": "u-7"}], "AnonymousID": [{"id": "a-9"}]},
        "accountKey": {"sourceID": "acct-1", "sourceInstanceID": "web", "sourceType": "Segment"},
        "web": {
            "webPageDetails": {"URL": "https://www.example.test/new", "name": "New product"},
        },
        "environment": {"ipV4": "192.0.2.7", "browserDetails": {"userAgent": "x"}},
        "segment": {"properties": page["properties"]},
    } == event.row


def test_identify_says_who_somebody_is() -> None:
    (person,) = rows(
        {
            "userId": 7,
            "traits": {"email": "P2@townsend.com", "company": {"name": "Townsend"}, "plan": "gold"},
        },
        "identify",
    )

    assert (person.cls, person.patch) == ("person", True)
    assert person.row["workEmail"] == {"address": "P2@townsend.com"}
    assert person.row["b2b"]["companyName"] == "Townsend"
    assert person.row["segment"] == {"traits": {"plan": "gold"}}
    assert person.row["identityMap"] == {"UserID": [{"id": "7"}], "Email": [{"id": "P2@townsend.com"}]}


def test_group_brings_a_company_and_who_belongs_to_it() -> None:
    found = rows({"userId": "u", "groupId": "g", "traits": {"name": "Townsend", "employees": 40}}, "group")

    assert ["person", "account", "account_person"] == [one.cls for one in found]
    assert found[1].row["accountOrganization"] == {"numberOfEmployees": 40}
    assert found[2].row["personKey"]["sourceID"] == "u"
    assert found[2].row["accountKey"]["sourceID"] == "g"


def test_relations_of_ids_that_read_alike_together_are_two() -> None:
    first = rows({"userId": "a", "groupId": "bc"}, "group")[2].row["accountPersonKey"]
    second = rows({"userId": "ab", "groupId": "c"}, "group")[2].row["accountPersonKey"]

    assert first != second


def test_alias_joins_a_former_id() -> None:
    new, former = rows({"userId": "new", "previousId": "old"}, "alias")

    assert new.row["identityMap"] == former.row["identityMap"] == {"UserID": [{"id": "new"}]}
    assert former.row["b2b"]["personKey"]["sourceID"] == "old"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({"timestamp": "2026-11-22T11:00:00Z"}, NOON - timedelta(hours=1)),
        ({}, NOON),
        ({"timestamp": "yesterday"}, NOON),
        # The client's clock is two hours fast: it says 14:00 when it sends at noon.
        (
            {"timestamp": "2026-11-22T13:59:00Z", "sentAt": "2026-11-22T14:00:00Z"},
            NOON - timedelta(minutes=1),
        ),
        # Four seconds on the way are no wrong clock.
        (
            {"timestamp": "2026-11-22T11:59:00Z", "sentAt": "2026-11-22T11:59:56Z"},
            NOON - timedelta(minutes=1),
        ),
        # A clock a year off says nothing.
        ({"timestamp": "2025-11-22T11:59:00Z", "sentAt": "2025-11-22T12:00:00Z"}, NOON),
    ],
)
def test_events_happen_by_our_clock(call: dict[str, str], expected: datetime) -> None:
    (event,) = rows({"userId": "u", "event": "e", **call}, "track")

    assert expected == event.row["timestamp"]


def test_what_a_batch_says_for_all_counts_for_each() -> None:
    batch = {"batch": [{"type": "track", "event": "a", "userId": "u"}], "context": {"groupId": "g"}}
    (event,) = rows(batch, "batch")

    assert event.row["accountKey"]["sourceID"] == "g"


@pytest.mark.parametrize(
    ("call", "kind", "code"),
    [
        ({"event": "x"}, "track", "inlet.nobody"),
        ({"userId": "u"}, "track", "inlet.call"),
        ({"userId": "u"}, "group", "inlet.call"),
        ({"userId": "u"}, "alias", "inlet.call"),
        ({"batch": [{"type": "dance", "userId": "u"}]}, "batch", "inlet.call"),
        ({"batch": [3]}, "batch", "inlet.shape"),
    ],
)
def test_a_call_that_says_too_little_is_refused_alone(call: dict[str, Any], kind: str, code: str) -> None:
    assert code == refused(call, kind)


def test_a_batch_that_is_none_is_refused_whole() -> None:
    with pytest.raises(Invalid, match="batch"):
        segment.calls(b"{}", "batch", "web", NOON)
