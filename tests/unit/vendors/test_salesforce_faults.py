"""Every error an org gives, and what we do about it."""

from __future__ import annotations

import json

import httpx
import pytest

from townsend.problem import Unavailable
from townsend.vendors.http import Again, Reply
from townsend.vendors.replies import gateway
from townsend.vendors.salesforce_faults import OrgFault, refused


def answer(status: int, code: str, words: str = "because") -> Reply:
    body = json.dumps([{"message": words, "errorCode": code}]).encode()
    return Reply(status, httpx.Headers({"content-type": "application/json"}), body)


def outcome(reply: Reply, times: int = 1) -> Again | Exception:
    """How a call is made again, or what ends it; gateways are asked first, as the client does."""
    try:
        found = gateway(reply) or refused("crm_1", reply, times, (100_000, 100_000))
    except (OrgFault, Unavailable) as problem:
        return problem
    assert found is not None, "an error is never taken for success"
    return found


def test_a_session_that_ended_is_renewed() -> None:
    found = outcome(answer(401, "INVALID_SESSION_ID"))

    assert isinstance(found, Again)
    assert found.renew


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "UNKNOWN_EXCEPTION"),
        (502, ""),
        (503, "SERVER_UNAVAILABLE"),
        (400, "SERVER_UNAVAILABLE"),
        (420, "REQUEST_RUNNING_TOO_LONG"),
        (504, ""),
    ],
)
def test_what_passes_is_tried_again_if_that_does_no_harm(status: int, code: str) -> None:
    found = outcome(answer(status, code))

    assert isinstance(found, Again)
    assert (True, False) == (found.processed, found.throttled)


@pytest.mark.parametrize(
    "reply",
    [
        answer(429, "TOO_MANY"),
        answer(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."),
        answer(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    ],
    ids=["429", "long calls", "day's calls, at first"],
)
def test_too_many_calls_make_everybody_wait(reply: Reply) -> None:
    found = outcome(reply)

    assert isinstance(found, Again)
    assert found.throttled
    assert 0 < (found.after_s or 0) <= 60


def test_a_used_up_day_ends_the_run_and_says_how_much_there_was() -> None:
    found = outcome(answer(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), times=4)

    assert isinstance(found, Unavailable)
    assert "vendor.quota" == found.code
    assert "100,000 of 100,000" in found.text


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "MALFORMED_QUERY"),
        (400, "INVALID_FIELD"),
        (400, "INVALID_TYPE"),
        (400, "INVALID_QUERY_LOCATOR"),
        (400, "QUERY_TIMEOUT"),
        (400, "OPERATION_TOO_LARGE"),
        (400, "EXCEEDEDQUOTA"),
        (403, "API_DISABLED_FOR_ORG"),
        (403, "INSUFFICIENT_ACCESS"),
        (404, "NOT_FOUND"),
        (409, "API_VERSION_MISMATCH"),
        (414, "URI_TOO_LONG"),
        (431, ""),
    ],
)
def test_what_is_the_call_s_own_fault_is_not_tried_again(status: int, code: str) -> None:
    """The reader of an object decides what becomes of it, by the code."""
    found = outcome(answer(status, code))

    assert isinstance(found, OrgFault)
    assert code == found.said
    assert (code or f"status {status}") in found.text


def test_words_that_are_no_json_are_an_error_too() -> None:
    found = outcome(Reply(414, httpx.Headers({"content-type": "text/plain"}), b"URI too long"))

    assert isinstance(found, OrgFault)
    assert "status 414" in found.text
