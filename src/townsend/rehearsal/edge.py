"""Where calls reach a rehearsal server: reads them, lets faults happen, sends answers.

Handlers run one after the other on the server's own loop. A wait (latency, a slow answer) is spent in
vendor time beside them, so calls can be in flight together as they are at the vendor.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from townsend.clock import Clock
from townsend.rehearsal.chaos import CALM, Chaos, Fault
from townsend.rehearsal.times import now_ms
from townsend.rehearsal.web import Answer, Request

__all__ = ["Edge", "Vendor"]

Message = MutableMapping[str, Any]
_log = logging.getLogger(__name__)
BODY_BYTES_MAX = 16 * 1024 * 1024


class Vendor(Protocol):
    """One vendor's instance: what it answers, and how it throttles or forgets when chaos says so."""

    def answer(self, request: Request) -> Answer:
        """The answer to a call."""
        ...

    def throttled(self, request: Request) -> Answer:
        """What the vendor says when calls come too fast."""
        ...

    def forget_tokens(self) -> None:
        """Let every token end early."""
        ...


class Edge:
    """An ASGI application around a vendor.

    Args:
        latency_s: vendor seconds that each call takes; 0 answers at once.
    """

    def __init__(self, vendor: Vendor, clock: Clock, chaos: Chaos | None, latency_s: float) -> None:
        self._vendor = vendor
        self._clock = clock
        self._chaos = chaos
        self.latency_s = latency_s
        self._in_flight = 0

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        assert scope["type"] == "http", "started without lifespan and web sockets"
        self._in_flight += 1
        try:
            request = await self._read(scope, receive)
            fault = self._chaos.draw() if self._chaos else CALM
            if fault.kind == "drop_before":
                await _drop(send)
                return
            answer = self._answer(request, fault)
            wait_s = self.latency_s + (fault.amount if fault.kind == "slow" else 0)
            if wait_s > 0:
                await asyncio.to_thread(self._clock.sleep, wait_s)
            if fault.kind == "drop_after":
                await _drop(send)
                return
            await _send(send, answer, request.method, fault.amount if fault.kind == "cut" else 1.0)
        finally:
            self._in_flight -= 1

    async def _read(self, scope: Message, receive: Callable[[], Awaitable[Message]]) -> Request:
        parts = []
        size = 0
        while True:
            message = await receive()
            part = message.get("body", b"")
            size += len(part)
            if size <= BODY_BYTES_MAX:
                parts.append(part)
            if not message.get("more_body", False):
                break
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        return Request(
            scope["method"].upper(),
            scope["path"],
            scope["query_string"].decode("latin-1"),
            headers,
            b"".join(parts),
            self._in_flight,
            now_ms(self._clock),
        )

    def _answer(self, request: Request, fault: Fault) -> Answer:
        if fault.kind == "gateway":
            return _gateway(int(fault.amount))
        if fault.kind == "throttle":
            return self._vendor.throttled(request)
        if fault.kind == "forget_token":
            self._vendor.forget_tokens()
        try:
            return self._vendor.answer(request)
        except Exception:  # noqa: BLE001  whatever it is, the caller gets an answer
            # A fault of ours, not the vendor's: told, and answered as the vendor would answer its own.
            _log.exception("%s %s", request.method, request.path)
            return Answer(500, b"Internal Server Error", {"content-type": "text/plain"})


def _gateway(status: int) -> Answer:
    # A gateway in front of the vendor answers in its own words, not in the vendor's.
    text = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
    return Answer(status, text.encode(), {"content-type": "text/html"})


async def _send(
    send: Callable[[Message], Awaitable[None]], answer: Answer, method: str, share: float
) -> None:
    # An answer that promises more than it holds makes the server close the connection in the middle.
    headers = {"content-length": str(len(answer.body)), **answer.headers}
    if answer.status == 204:
        headers.pop("content-length")
    pairs = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    if share < 1 and answer.body and method != "HEAD":
        part = answer.body[: int(len(answer.body) * share)]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        return
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})


async def _drop(send: Callable[[Message], Awaitable[None]]) -> None:
    headers = [(b"content-length", b"1000"), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
