"""One client for all vendors: what is repeated, what is not, and what is said in the end."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random
from typing import Any

import httpx
import pytest
from tests.unit.sources.wire import NOON, TestClock

from townsend.problem import Broken, Invalid, Problem, Unavailable
from townsend.vendors.http import Http
from townsend.vendors.pacing import Budget, Pace
from townsend.vendors.patience import Patience
from townsend.vendors.replies import Again, Reply
from townsend.vendors.tokens import Grant, Tokens

Answers = httpx.Response | Exception


class Vendor(httpx.BaseTransport):
    """Gives its answers one after another; the last one for ever."""

    def __init__(self, *answers: Answers | Callable[[httpx.Request], Answers]) -> None:
        self.calls: list[httpx.Request] = []
        self._answers = list(answers)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.calls.append(request)
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        answer = found(request) if callable(found) else found
        if isinstance(answer, Exception):
            raise answer
        return answer


def taken(reply: Reply) -> Again | None:
    reply.json()
    return None


def http(vendor: Vendor, clock: TestClock | None = None, **more: Any) -> Http:
    time = clock or TestClock()
    budget = Budget("vendor", Pace(1_000, 1.0), time)
    return Http("crm_1", "https://vendor.test/base/", time, budget, transport=vendor, rng=Random(1), **more)


def ok(value: Any = None) -> httpx.Response:
    return httpx.Response(200, json={"value": value})


PASSING: dict[str, Answers] = {
    "a gateway's status": httpx.Response(502, html="<h1>502</h1>"),
    "a gateway's page with status 200": httpx.Response(200, html="<h1>wait</h1>"),
    "an answer cut off": httpx.Response(
        200, content=b'{"value": ', headers={"content-type": "application/json"}
    ),
    "a dropped connection": httpx.RemoteProtocolError("Server disconnected"),
    "a slow answer": httpx.ReadTimeout("timed out"),
    "no connection": httpx.ConnectError("refused"),
    "throttling": httpx.Response(429, headers={"retry-after": "7"}),
    "status 408": httpx.Response(408),
}


@pytest.mark.parametrize("trouble", PASSING)
def test_a_reading_call_is_repeated_after(trouble: str) -> None:
    vendor = Vendor(PASSING[trouble], ok(5))
    reply = http(vendor).call("GET", "/a", judge=taken)

    assert {"value": 5} == reply.json()
    assert 2 == len(vendor.calls)


@pytest.mark.parametrize("trouble", ["a gateway's status", "a dropped connection", "a slow answer"])
def test_a_writing_call_that_may_have_been_carried_out_is_not_repeated(trouble: str) -> None:
    vendor = Vendor(PASSING[trouble], ok())
    with pytest.raises(Unavailable) as caught:
        http(vendor, side="destination").call("POST", "/a", judge=taken, json={})

    assert "destination.uncertain" == caught.value.code
    assert 1 == len(vendor.calls)


@pytest.mark.parametrize("trouble", ["no connection", "throttling"])
def test_a_writing_call_that_was_not_carried_out_is_repeated(trouble: str) -> None:
    vendor = Vendor(PASSING[trouble], ok(5))

    assert {"value": 5} == http(vendor).call("POST", "/a", judge=taken, json={}).json()


def test_a_writing_call_is_repeated_if_that_is_safe() -> None:
    vendor = Vendor(PASSING["a dropped connection"], ok(5))

    assert {"value": 5} == http(vendor).call("POST", "/a", judge=taken, json={}, safe=True).json()


def test_retry_after_is_waited_for_in_the_given_time() -> None:
    clock = TestClock()
    http(Vendor(PASSING["throttling"], ok()), clock).call("GET", "/a", judge=taken)

    assert NOON + timedelta(seconds=7) == clock.now()


def test_a_date_in_retry_after_is_counted_from_the_answers_own() -> None:
    clock = TestClock()
    headers = {"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT", "date": "Sun, 22 Nov 2026 12:00:00 GMT"}
    http(Vendor(httpx.Response(429, headers=headers), ok()), clock).call("GET", "/a", judge=taken)

    assert 30.0 == clock.slept_s


def test_waits_grow_and_end() -> None:
    clock = TestClock()
    vendor = Vendor(PASSING["a gateway's status"])
    with pytest.raises(Unavailable) as caught:
        http(vendor, clock, patience=Patience(attempts=5, first_s=2, most_s=8)).call("GET", "/a", judge=taken)

    assert "source.unreachable" == caught.value.code
    assert 5 == len(vendor.calls)
    assert 2 / 2 + 4 / 2 + 8 / 2 + 8 / 2 <= clock.slept_s <= 2 + 4 + 8 + 8


def test_a_host_that_is_not_there_is_told_soon_and_by_name() -> None:
    vendor = Vendor(httpx.ConnectError("refused"))
    with pytest.raises(Unavailable, match=r"crm_1: vendor\.test could not be reached") as caught:
        http(vendor).call("GET", "/a", judge=taken, params={"q": "p2@townsend.com"})

    assert "source.unreachable" == caught.value.code
    assert 3 == len(vendor.calls)
    assert "townsend.com" not in str(caught.value)


def test_a_vendor_that_throttles_for_longer_than_anyone_waits_is_busy() -> None:
    vendor = Vendor(httpx.Response(429, headers={"retry-after": "86400"}))
    with pytest.raises(Unavailable) as caught:
        http(vendor).call("GET", "/a", judge=taken)

    assert "source.busy" == caught.value.code
    assert 1 == len(vendor.calls)


def test_an_answer_larger_than_its_bound_is_not_held() -> None:
    vendor = Vendor(httpx.Response(200, content=b"x" * 2_000))
    with pytest.raises(Unavailable) as caught:
        http(vendor).call("GET", "/a", judge=lambda _: None, bytes_max=1_000)

    assert "source.too_large" == caught.value.code


def test_the_path_is_put_behind_the_base_address() -> None:
    vendor = Vendor(ok())
    http(vendor).call("GET", "/rest/a", judge=taken)

    assert "https://vendor.test/base/rest/a" == str(vendor.calls[0].url)


def test_an_address_that_is_none_is_refused() -> None:
    clock = TestClock()
    with pytest.raises(Invalid) as caught:
        Http("crm_1", "vendor.test", clock, Budget("v", Pace(1, 1.0), clock))

    assert "settings.url" == caught.value.code


def test_a_redirection_is_a_matter_of_the_address() -> None:
    vendor = Vendor(httpx.Response(301, headers={"location": "https://elsewhere.test/"}))
    with pytest.raises(Invalid, match="base_url") as caught:
        http(vendor).call("GET", "/a", judge=taken)

    assert "source.address" == caught.value.code
    assert 1 == len(vendor.calls)


# ---------------------------------------------------------------- tokens


def tokens(values: Iterator[str], clock: TestClock) -> Tokens:
    return Tokens(lambda: Grant(next(values), 3_600), clock)


def renewing(reply: Reply) -> Again | None:
    return Again("status 401", renew=True) if reply.status == 401 else None


def test_a_token_that_ended_is_renewed_and_the_call_repeated() -> None:
    clock = TestClock()
    vendor = Vendor(httpx.Response(401, json=[]), ok(5))
    client = http(vendor, clock, tokens=tokens(iter("ab"), clock))
    client.call("POST", "/a", judge=renewing, json={})

    assert ["Bearer a", "Bearer b"] == [call.headers["authorization"] for call in vendor.calls]
    assert 0.0 == clock.slept_s


def test_a_vendor_that_takes_no_token_at_all_is_a_matter_of_credentials() -> None:
    clock = TestClock()
    vendor = Vendor(httpx.Response(401, json=[]))
    client = http(vendor, clock, tokens=tokens(iter("abcdef"), clock))
    with pytest.raises(Invalid) as caught:
        client.call("GET", "/a", judge=renewing)

    assert "source.credentials" == caught.value.code
    assert 3 == len(vendor.calls)


def test_a_token_is_not_sent_to_another_host() -> None:
    vendor = Vendor(ok())
    clock = TestClock()
    with pytest.raises(Broken):
        http(vendor, clock, tokens=tokens(iter("a"), clock)).call("GET", "https://other.test/a", judge=taken)

    assert [] == vendor.calls


def test_a_token_is_renewed_before_it_ends() -> None:
    clock = TestClock()
    kept = tokens(iter("ab"), clock)
    found = [kept.value(), kept.value()]
    clock.sleep(3_600 - 59)

    assert ["a", "a", "b"] == [*found, kept.value()]


def test_a_token_with_hardly_any_life_left_is_waited_out() -> None:
    """The vendor hands out the same token until its end."""
    clock = TestClock()
    lives = iter([("old", 20.0), ("new", 3_600.0)])
    kept = Tokens(lambda: Grant(*next(lives)), clock)

    assert "new" == kept.value()
    assert NOON + timedelta(seconds=21) == clock.now()


def test_only_the_token_that_failed_is_forgotten() -> None:
    clock = TestClock()
    kept = tokens(iter("ab"), clock)
    kept.value()
    kept.forget("another")

    assert "a" == kept.value()


# ---------------------------------------------------------------- files


def test_a_file_that_breaks_off_is_continued_where_it_ended() -> None:
    whole = bytes(range(256)) * 20

    class Half(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield whole[:1_000]
            raise httpx.ReadError("broken")

    def rest(request: httpx.Request) -> httpx.Response:
        start = int(request.headers["range"].removeprefix("bytes=").removesuffix("-"))
        return httpx.Response(206, content=whole[start:], headers={"content-type": "text/csv"})

    first = httpx.Response(200, stream=Half(), headers={"content-type": "text/csv"})
    vendor = Vendor(first, rest)
    with tempfile.TemporaryFile() as file:
        http(vendor).call("GET", "/file", judge=lambda _: None, into=file)
        file.seek(0)

        assert whole == file.read()
    assert "bytes=1000-" == vendor.calls[1].headers["range"]


def test_a_vendor_that_begins_anew_is_written_anew() -> None:
    vendor = Vendor(httpx.Response(200, content=b"new", headers={"content-type": "text/csv"}))
    with tempfile.TemporaryFile() as file:
        file.write(b"older and longer")
        http(vendor).call("GET", "/file", judge=lambda _: None, into=file)
        file.seek(0)

        assert b"new" == file.read()


def test_words_in_the_place_of_a_file_are_judged_and_not_written() -> None:
    vendor = Vendor(httpx.Response(200, json={"success": False}))

    def judge(reply: Reply) -> Again | None:
        raise Problem("seen", str(reply.json()["success"]))

    with tempfile.TemporaryFile() as file:
        with pytest.raises(Problem, match="False"):
            http(vendor).call("GET", "/file", judge=judge, into=file)

        assert 0 == file.tell()
