"""Joins a client to a rehearsal vendor without a network, in a time that only waiting moves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

from townsend.rehearsal.chaos import Chaos
from townsend.rehearsal.edge import Vendor
from townsend.rehearsal.times import now_ms
from townsend.rehearsal.web import Request

BASE = "http://vendor.test"
Fault = Callable[[httpx.Request, Callable[[], httpx.Response]], httpx.Response]


class StillClock:
    """Time stands still until somebody waits."""

    def __init__(self, at: datetime = datetime(2026, 11, 24, 12, tzinfo=UTC)) -> None:
        self.at = at
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=max(0.0, seconds))


class Bridge(httpx.BaseTransport):
    """Answers calls by asking a vendor; ``faults`` happen to the next calls that ``may_fail``, one each."""

    def __init__(self, vendor: Vendor, clock: StillClock, chaos: Chaos | None = None) -> None:
        self.vendor = vendor
        self.clock = clock
        self.chaos = chaos
        self.faults: list[Fault | None] = []
        self.may_fail: Callable[[httpx.Request], bool] = lambda request: True
        self.seen: list[httpx.Request] = []

    def paths(self) -> list[str]:
        """Method and path of each call but those for tokens."""
        return [
            f"{one.method} {one.url.path}"
            for one in self.seen
            if "accessToken" not in one.url.path and "/oauth/" not in one.url.path
        ]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.seen.append(request)
        fault = self.faults.pop(0) if self.faults and self.may_fail(request) else None
        if fault is not None:
            return fault(request, lambda: self._answer(request))
        return self._chaotic(request) if self.chaos is not None else self._answer(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = self.vendor.answer(self._request(request))
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body, request=request)

    def _request(self, request: httpx.Request) -> Request:
        return Request(
            request.method,
            request.url.path,
            request.url.query.decode(),
            {name.lower(): value for name, value in request.headers.items()},
            request.content,
            1,
            now_ms(self.clock),
        )

    def _chaotic(self, request: httpx.Request) -> httpx.Response:
        assert self.chaos is not None
        fault = self.chaos.draw()
        if fault.kind == "gateway":
            return httpx.Response(int(fault.amount), html="<html>busy</html>", request=request)
        if fault.kind == "drop_before":
            raise httpx.RemoteProtocolError("dropped", request=request)
        if fault.kind == "drop_after":
            self._answer(request)
            raise httpx.RemoteProtocolError("dropped", request=request)
        if fault.kind == "throttle":
            answer = self.vendor.throttled(self._request(request))
            return httpx.Response(answer.status, headers=answer.headers, content=answer.body, request=request)
        if fault.kind == "forget_token":
            self.vendor.forget_tokens()
        return self._answer(request)


def lost_answer(request: httpx.Request, answer: Callable[[], httpx.Response]) -> httpx.Response:
    """The vendor does it, and the connection drops before it says so."""
    answer()
    raise httpx.RemoteProtocolError("dropped", request=request)


def says(status: int, **more: object) -> Fault:
    """The vendor answers this and does nothing."""

    def fault(request: httpx.Request, answer: Callable[[], httpx.Response]) -> httpx.Response:
        return httpx.Response(status, request=request, **more)  # type: ignore[arg-type]

    return fault
