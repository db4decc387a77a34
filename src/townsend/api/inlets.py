"""Inlets over HTTP: what programs send is answered with yes only once it is durable.

``POST /collection/{inlet}``, ``/collection/batch/{inlet}`` and ``/collection/ndjson/{inlet}`` take XDM
messages; ``/v1/{call}`` takes those of Segment-style libraries, whose write key is the inlet's name. Bodies
are bounded, packed ones as well; who sends more than can be stored is told when to try again.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import Any

from townsend.api.raw import ASGI, Receive, Scope, Send, respond
from townsend.intake.inlet import segment
from townsend.intake.inlet.messages import Form, decoded
from townsend.problem import Invalid, Problem, Unavailable
from townsend.project.accepting import Acceptance
from townsend.store.wal import Receipt

__all__ = ["inlets_app"]

MESSAGE_BYTES = 1024 * 1024
BATCH_BYTES = 16 * 1024 * 1024
BODY_S = 30.0  # that a sender may take for a body
_FORMS: Mapping[str, Form] = {"batch": "batch", "ndjson": "ndjson"}


class _Answer(Exception):
    """A status and a body that end the request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def inlets_app(acceptance: Acceptance) -> ASGI:
    """The inlets of a project as an ASGI application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        more: list[tuple[bytes, bytes]] = []
        try:
            if scope["method"] != "POST":
                raise _Answer(405, "inlets take POST only")
            status, content = await _taken(acceptance, scope, headers, receive)
        except _Answer as answer:
            status, content = answer.status, _wrong(answer.status, answer.message)
        except Problem as problem:
            status, content = _status(problem), _wrong(_status(problem), problem.text)
            more = [(b"retry-after", b"1")] if isinstance(problem, Unavailable) else []
        await respond(send, status, json.dumps(content).encode(), more=more)

    return app


async def _taken(
    acceptance: Acceptance,
    scope: Mapping[str, Any],
    headers: Mapping[str, str],
    receive: Receive,
) -> tuple[int, dict[str, Any]]:
    parts = [part for part in scope["path"].split("/") if part]
    if parts[0] == "v1":
        kind = parts[1] if len(parts) == 2 else ""
        if kind not in (*segment.KINDS, "batch"):
            raise _Answer(404, f"expected /v1/ and one of {', '.join(segment.KINDS)}, batch")
        most = BATCH_BYTES if kind == "batch" else MESSAGE_BYTES
        body = await _body(headers, receive, most)
        inlet = _write_key(headers, body)
        await _accepted(acceptance, "segment", inlet, kind, body)
        return 200, {"success": True}
    form = _FORMS.get(parts[1]) if len(parts) == 3 else "collection"
    if len(parts) not in (2, 3) or form is None:
        raise _Answer(
            404, "expected /collection/{inlet}, /collection/batch/{inlet} or /collection/ndjson/{inlet}"
        )
    if b"syncValidation=true" in scope.get("query_string", b""):
        raise _Answer(400, "syncValidation is not offered; leave it out, and see `townsend quarantine ls`")
    body = await _body(headers, receive, MESSAGE_BYTES if form == "collection" else BATCH_BYTES)
    seq, received_ms, found = await _accepted(acceptance, form, parts[-1], "", body)
    common = {"inletId": parts[-1], "receivedTimeMs": received_ms}
    if form == "collection":
        return 200, {**common, "xactionId": f"{seq}:0"}
    responses = [
        {"status": 400, "message": one.text} if isinstance(one, Invalid) else {"xactionId": f"{seq}:{at}"}
        for at, one in enumerate(found)
    ]
    return 207, {**common, "batchId": str(seq), "responses": responses}


async def _accepted(
    acceptance: Acceptance, form: Form, inlet: str, kind: str, body: bytes
) -> tuple[int, int, list[Any]]:
    """Wait until the request is durable: its number, when it was received, and its messages."""
    loop = asyncio.get_running_loop()
    durable: asyncio.Future[Receipt] = loop.create_future()

    def done(receipt: Receipt) -> None:
        loop.call_soon_threadsafe(_settle, durable, receipt)

    found = acceptance.accept(form, inlet, kind, body, done)
    if all(isinstance(one, Invalid) for one in found):
        problem = next((one for one in found if isinstance(one, Invalid)), None)
        if form in ("collection", "segment") and problem is not None:
            raise problem
        return 0, acceptance.now_ms(), list(found)
    receipt = await durable
    if receipt.problem is not None:
        raise receipt.problem
    return receipt.seq, acceptance.now_ms(), list(found)


def _settle(durable: asyncio.Future[Receipt], receipt: Receipt) -> None:
    # Whoever sent it may have gone meanwhile.
    if not durable.done():
        durable.set_result(receipt)


async def _body(headers: Mapping[str, str], receive: Receive, most: int) -> bytes:
    too_large = _Answer(413, f"a request of this kind has at most {most:,} bytes; send several")
    if int(headers.get("content-length") or 0) > most:
        raise too_large
    parts: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(BODY_S):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Answer(400, "the body ended early")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                more = message.get("more_body", False)
                if size > most:
                    raise too_large
    except TimeoutError:
        raise _Answer(408, f"the body did not come within {BODY_S:.0f} seconds") from None
    body = b"".join(parts)
    if headers.get("content-encoding") != "gzip":
        return body
    try:
        unpacker = zlib.decompressobj(31)
        plain = unpacker.decompress(body, most + 1)
    except zlib.error:
        raise _Answer(400, "the body is no gzip") from None
    if len(plain) > most:
        raise too_large
    if not unpacker.eof:
        raise _Answer(400, "the gzip body ends early")
    return plain


def _write_key(headers: Mapping[str, str], body: bytes) -> str:
    """The write key of a call: the user of its Basic header, or ``writeKey`` in its body."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            raise _Answer(401, "the Authorization header is no Basic one") from None
    found = decoded(body)
    key = found.get("writeKey") if isinstance(found, dict) else None
    if not isinstance(key, str):
        raise _Answer(401, "expected a write key, the inlet's name, as Basic user or as writeKey")
    return key


def _status(problem: Problem) -> int:
    if isinstance(problem, Unavailable):
        return 429 if problem.code == "wal.busy" else 503
    return 404 if problem.code == "inlet.unknown" else 413 if problem.code == "inlet.many" else 400


def _wrong(status: int, message: str) -> dict[str, Any]:
    title = "Invalid XDM Message Format" if status == 400 else message
    return {"type": "about:blank", "status": status, "title": title, "report": {"message": message}}
