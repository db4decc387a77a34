"""A rehearsal vendor without a network: each call goes straight to it, in a time that tests move."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

from townsend.rehearsal.times import ms_of
from townsend.rehearsal.web import Answer, Request

__all__ = ["NOON", "TestClock", "Wire"]

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
Vendor = Callable[[Request], Answer]
# Looks at a call before the vendor does: an answer of its own, an error to raise, or None to let it pass.
Fault = Callable[[httpx.Request], httpx.Response | Exception | None]


class TestClock:
    """Time that passes only by sleeping."""

    __test__ = False

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start
        self.slept_s = 0.0

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        self._now += timedelta(seconds=max(0.0, seconds))


class Wire(httpx.BaseTransport):
    """Carries calls to a vendor and notes them; ``fault`` may step in."""

    def __init__(self, vendor: Vendor, clock: TestClock) -> None:
        self.calls: list[str] = []
        self.fault: Fault | None = None
        # How far the vendor's clock goes before ours.
        self.skew = timedelta(0)
        # Changes an answer on its way back, such as cutting it off.
        self.tamper: Callable[[httpx.Request, bytes], bytes] | None = None
        self._vendor = vendor
        self._clock = clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(f"{request.method} {request.url.path}")
        found = self.fault(request) if self.fault else None
        if isinstance(found, Exception):
            raise found
        if found is not None:
            return found
        answer = self._vendor(
            Request(
                request.method,
                request.url.path,
                request.url.query.decode(),
                {name.lower(): value for name, value in request.headers.items() if name != "accept-encoding"},
                request.read(),
                1,
                ms_of(self._clock.now() + self.skew),
            )
        )
        body = self.tamper(request, answer.body) if self.tamper else answer.body
        return httpx.Response(answer.status, headers=answer.headers, content=body)


def once(fault: Fault, path: str) -> Fault:
    """That fault at the first call whose path ends so, and never again."""
    left = [path]

    def step_in(request: httpx.Request) -> httpx.Response | Exception | None:
        if left and request.url.path.endswith(left[0]):
            left.clear()
            return fault(request)
        return None

    return step_in
