"""Marketo's envelope: what each code means for a call, how pages are followed, where the secret goes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.unit.sources.wire import NOON, TestClock

from townsend.problem import Broken, Invalid, Problem, Unavailable
from townsend.vendors.marketo import Access, Marketo

SECRET = "s3cret-of-the-client"


class Instance(httpx.BaseTransport):
    """Hands out tokens, and its answers one after another; the last one for ever."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.calls: list[httpx.Request] = []
        self.tokens = 0
        self._answers = list(answers)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        if request.url.path == "/identity/oauth/token":
            self.tokens += 1
            return httpx.Response(200, json={"access_token": f"t{self.tokens}", "expires_in": 3_599})
        self.calls.append(request)
        return httpx.Response(200, json=self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])


def error(code: str, message: str = "words") -> dict[str, Any]:
    return {"requestId": "1", "success": False, "errors": [{"code": code, "message": message}]}


OK = {"requestId": "1", "success": True, "result": [{"id": 1}]}


def marketo(vendor: httpx.BaseTransport, clock: TestClock) -> Marketo:
    access = Access("https://m.test", "123-ABC-456", "app", SECRET)
    return Marketo("marketo_1", access, clock, transport=vendor)


# What each code of a whole call leads to: the seconds waited before the call is made again; "later" for a
# wait that grows; "if safe" for a call that was perhaps carried out; else the code of the problem.
CODES: dict[str, float | str] = {
    "502": "if safe",
    "601": 0.0,
    "602": 0.0,
    "603": "source.rights",
    "604": "if safe",
    "605": "source.call",
    "606": 20.0,
    "607": "vendor.quota",
    "608": "later",
    "609": "source.call",
    "610": "source.request",
    "611": "if safe",
    "612": "source.call",
    "613": "source.call",
    "614": "later",
    "615": 2.0,
    "616": "source.request",
    "701": "source.request",
    "702": "nothing",
    "703": "source.request",
    "709": "source.request",
    "710": "source.request",
    "711": "source.request",
    "713": "later",
    "719": "later",
    **dict.fromkeys(("1001", "1002", "1003", "1004", "1005", "1006", "1007", "1008"), "source.request"),
    **dict.fromkeys(("1009", "1010", "1011", "1013", "1015", "1017", "1018", "1021"), "source.request"),
    "1014": "later",
    "1016": 30.0,
    "1019": 30.0,
    "1022": "later",
    **dict.fromkeys(("1025", "1029", "1035", "1036", "1037", "1080"), "source.request"),
}
KINDS: dict[str, type[Problem]] = {
    "source.rights": Invalid,
    "source.call": Broken,
    "source.request": Invalid,
    "vendor.quota": Unavailable,
}
AGAIN = [code for code, outcome in CODES.items() if not isinstance(outcome, str) or outcome == "later"]
PERHAPS = [code for code, outcome in CODES.items() if outcome == "if safe"]
FINAL = [code for code, outcome in CODES.items() if outcome in KINDS]


@pytest.mark.parametrize("code", AGAIN)
def test_a_call_that_was_not_carried_out_is_made_again(code: str) -> None:
    clock = TestClock()
    vendor = Instance(error(code), OK)
    answer = marketo(vendor, clock).call("POST", "/rest/v1/leads.json", json={})
    outcome = CODES[code]
    low, high = (0.5, 1.0) if isinstance(outcome, str) else (outcome, outcome)

    assert [{"id": 1}] == list(answer.result)
    assert 2 == len(vendor.calls)
    assert low <= clock.slept_s <= high


@pytest.mark.parametrize("code", PERHAPS)
def test_a_call_that_perhaps_was_carried_out_is_made_again_only_if_safe(code: str) -> None:
    safe = Instance(error(code), OK)
    marketo(safe, TestClock()).call("POST", "/rest/v1/lists/1/leads.json", json={}, safe=True)
    with pytest.raises(Unavailable) as caught:
        marketo(Instance(error(code), OK), TestClock()).call("POST", "/rest/v1/leads.json", json={})

    assert 2 == len(safe.calls)
    assert "source.uncertain" == caught.value.code


@pytest.mark.parametrize("code", FINAL)
def test_a_final_code_is_one_problem_with_the_vendors_words(code: str) -> None:
    vendor = Instance(error(code, "No such thing"))
    outcome = CODES[code]
    assert isinstance(outcome, str)
    with pytest.raises(KINDS[outcome], match=f"Marketo says {code}: No such thing") as caught:
        marketo(vendor, TestClock()).call("GET", "/rest/v1/leads.json")

    assert outcome == caught.value.code
    assert code == caught.value.facts["vendor_code"]
    assert 1 == len(vendor.calls)


def test_a_code_that_nobody_knows_is_final_too() -> None:
    vendor = Instance(error("1099", "Something new"))
    with pytest.raises(Invalid, match="Marketo says 1099: Something new"):
        marketo(vendor, TestClock()).call("GET", "/rest/v1/leads.json")

    assert 1 == len(vendor.calls)


def test_the_vendors_count_of_the_day_ends_ours_earlier() -> None:
    vendor = Instance({"success": True, "result": [{"date": "2026-11-22", "total": 49_999}]})
    found = marketo(vendor, TestClock())
    found.ask_usage()
    # One is left, and is made; the next one is not.
    found.call("GET", "/a.json")
    with pytest.raises(Unavailable) as caught:
        found.call("GET", "/a.json")

    assert "vendor.quota" == caught.value.code
    assert 50_000 == found.used_today


def test_a_code_that_the_caller_expects_is_its_own_matter() -> None:
    answer = marketo(Instance(error("1013", "List not found")), TestClock()).call(
        "GET", "/rest/v1/lists/9/leads.json", expect={"1013"}
    )

    assert ("1013", "List not found", []) == (answer.said, answer.words, list(answer.result))


def test_nothing_found_is_an_empty_answer() -> None:
    assert not marketo(Instance(error("702")), TestClock()).call("GET", "/a.json").result


def test_a_token_that_no_call_takes_is_a_matter_of_credentials() -> None:
    vendor = Instance(error("601"))
    with pytest.raises(Invalid) as caught:
        marketo(vendor, TestClock()).call("GET", "/a.json")

    assert "source.credentials" == caught.value.code


def test_the_secret_is_in_no_address_and_the_token_only_in_the_header() -> None:
    seen: list[httpx.Request] = []

    class Watched(Instance):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            seen.append(request)
            return super().handle_request(request)

    marketo(Watched(OK), TestClock()).call("GET", "/a.json")

    assert not [one for one in seen if SECRET in str(one.url) or "access_token" in str(one.url)]
    assert "Bearer t1" == seen[-1].headers["authorization"]


def test_an_address_that_is_no_marketo_is_told() -> None:
    vendor = httpx.MockTransport(lambda _: httpx.Response(404, text="not here"))
    with pytest.raises(Invalid, match="mktorest") as caught:
        marketo(vendor, TestClock()).call("GET", "/a.json")

    assert "source.address" == caught.value.code


def test_pages_follow_the_token_until_there_is_no_more() -> None:
    vendor = Instance(
        {**OK, "nextPageToken": "a b="},
        {"requestId": "2", "success": True, "nextPageToken": "c", "moreResult": True},
        {**OK, "nextPageToken": "d", "moreResult": False},
    )
    found = list(marketo(vendor, TestClock()).pages("/rest/v1/lists.json", {"fields": "id"}))

    assert [1, 0, 1] == [len(answer.result) for answer in found]
    assert [None, "a b=", "c"] == [call.url.params.get("nextPageToken") for call in vendor.calls]


def test_assets_are_paged_by_offset_until_a_short_page() -> None:
    vendor = Instance(
        {"success": True, "errors": [], "result": [{"id": n} for n in range(200)]},
        {"success": True, "errors": [], "warnings": ["No assets found for the given search criteria."]},
    )
    found = list(marketo(vendor, TestClock()).assets("/rest/asset/v1/programs.json"))

    assert [200] == [len(answer.result) for answer in found]
    assert ["0", "200"] == [call.url.params["offset"] for call in vendor.calls]


def test_no_more_than_half_of_the_allowed_rate_is_used() -> None:
    clock = TestClock()
    client = marketo(Instance(OK), clock)
    for _ in range(151):
        client.call("GET", "/a.json")

    assert 60.0 == (clock.now() - NOON).total_seconds()


def test_source_and_destination_of_an_instance_share_its_rate() -> None:
    clock = TestClock()
    access = Access("https://m.test", "123-ABC-456", "app", SECRET)
    source = Marketo("in", access, clock, "source", Instance(OK))
    out = Marketo("out", access, clock, "destination", Instance(OK))
    for _ in range(30):
        source.call("GET", "/a.json")
        out.call("GET", "/a.json")

    assert 20.0 == (clock.now() - NOON).total_seconds()


def test_a_client_shows_no_secret() -> None:
    access = Access("https://m.test", "123-ABC-456", "app", SECRET)

    assert SECRET not in repr(access)
