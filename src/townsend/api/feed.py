"""The membership feed: who entered and left which audience, as server-sent events, from any cursor on.

A stream reads what was recorded, page by page, as fast as whoever listens takes it; then it waits until the
owner says that there is more. So a slow listener costs nothing, and one that comes back misses nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.params import Parameter
from litestar.response import Stream

from townsend.activation.membership import ENTERED, LEFT
from townsend.governance.access import iso
from townsend.problem import Invalid
from townsend.project.project import Project

__all__ = ["Bell", "routes", "transitions_after"]

PAGE = 1_000
HEARTBEAT_S = 15.0


class Bell:
    """Wakes the streams of one event loop when somebody moved."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Event] = set()
        self.closed = False

    def ring(self, *_: Any) -> None:
        """From any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake)

    def close(self) -> None:
        """No more: streams end."""
        self.closed = True
        self.ring()

    def listen(self) -> asyncio.Event:
        """Is set at the next ring."""
        self._loop = asyncio.get_running_loop()
        found = asyncio.Event()
        self._waiting.add(found)
        return found

    def leave(self, event: asyncio.Event) -> None:
        self._waiting.discard(event)

    def _wake(self) -> None:
        for event in self._waiting:
            event.set()

    @property
    def listeners(self) -> int:
        return len(self._waiting)


def transitions_after(project: Project, cursor: int, most: int = PAGE) -> list[dict[str, Any]]:
    """Transitions recorded after that one, in order: ``{"cursor","audience","id","change","at","cause"}``."""
    rows = project.facts.con.execute(_AFTER, [cursor, [ENTERED, LEFT], most]).fetchall()
    names = ("cursor", "audience", "id", "change", "at", "cause")
    return [dict(zip(names, (*row[:4], iso(row[4]), row[5]), strict=True)) for row in rows]


@get("/feed", summary="The membership feed", media_type="text/event-stream")
async def feed(
    state: State,
    request: Request[Any, Any, Any],
    cursor: Annotated[
        str | None, Parameter(description="Go on after this one; `0` from the beginning; absent: from now.")
    ] = None,
    audience: Annotated[list[str] | None, Parameter(description="Only of these audiences.")] = None,
) -> Stream:
    """Server-sent events, one transition each; `Last-Event-ID` is taken as the cursor too."""
    given = request.headers.get("last-event-id") or cursor
    after = await asyncio.to_thread(_newest, state) if given is None else _number(given) - 1
    return Stream(
        _events(state, after, None if audience is None else set(audience)),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(state: State, after: int, wanted: set[str] | None) -> AsyncIterator[str]:
    bell: Bell = state.bell
    event = bell.listen()
    try:
        yield ": the membership feed\n\n"
        while not bell.closed:
            event.clear()
            rows = await asyncio.to_thread(_read, state, after)
            for row in rows:
                after = row["cursor"]
                if wanted is None or row["audience"] in wanted:
                    shown = {**row, "cursor": str(after + 1)}
                    text = json.dumps(shown, ensure_ascii=False)
                    yield f"id: {after + 1}\nevent: transition\ndata: {text}\n\n"
            if len(rows) == PAGE:
                continue
            try:
                await asyncio.wait_for(event.wait(), HEARTBEAT_S)
            except TimeoutError:
                yield ": still here\n\n"
    finally:
        bell.leave(event)


def _read(state: State, after: int) -> list[dict[str, Any]]:
    with state.owner.readers.project() as project:
        return transitions_after(project, after)


def _newest(state: State) -> int:
    with state.owner.readers.project() as project:
        found = project.facts.one("SELECT max(rowid) FROM facts.transition")
    return -1 if found is None or found[0] is None else int(found[0])


def _number(cursor: str) -> int:
    if cursor.isascii() and cursor.isdigit() and len(cursor) < 19:
        return int(cursor)
    raise Invalid("api.cursor", "cursor: expected one that the feed gave, or 0", got=cursor)


def routes() -> list[Any]:
    """All of them."""
    return [feed]


# Rows are appended only, so their place in the table is the order in which they were learned.
_AFTER = """
SELECT rowid, audience, id, change, at_ms, cause FROM facts.transition
WHERE rowid > ? AND list_contains(?::VARCHAR[], change) ORDER BY rowid LIMIT ?
"""
