"""Commands of the command line, run in the process that owns the store; what they say is streamed back.

Only whoever can read the server's file in the project's folder may ask. One JSON object a line:
``{"out": text}`` and ``{"err": text}`` as they come, at last ``{"exit": code}``.
"""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

import msgspec
from litestar import Request, post
from litestar.datastructures import State
from litestar.response import Stream

from townsend.problem import Invalid

__all__ = ["Call", "Execute", "Said", "routes"]

FRAMES_MAX = 256  # that wait for a slow reader; the command waits then


class Call(msgspec.Struct, forbid_unknown_fields=True):
    """A command.

    Args:
        words: its arguments.
        cwd: the folder it is asked from.
        columns: the width of the terminal that stdout is; 0 if it is none …
        err_columns: … and of stderr.
    """

    words: list[str]
    cwd: str
    columns: int = 0
    err_columns: int = 0


class Said(Protocol):
    """Takes what a command says: the stream ``out`` or ``err``, and the text."""

    def __call__(self, stream: str, text: str) -> None: ...


Execute = Callable[[Call, Said, threading.Event], int]


@post("/command", status_code=200, summary="Run a command", include_in_schema=False)
async def command(state: State, request: Request[Any, Any, Any], data: Call) -> Stream:
    """For the command line alone."""
    given = request.headers.get("authorization", "")
    if not state.is_owner(given.removeprefix("Bearer ")):
        raise Invalid("api.token", "this needs the token that stands in .townsend/serve.json")
    return Stream(_frames(state.execute, data), media_type="application/x-ndjson")


async def _frames(execute: Execute, call: Call) -> AsyncIterator[str]:
    frames: queue.Queue[dict[str, Any]] = queue.Queue(FRAMES_MAX)
    gone = threading.Event()

    def said(stream: str, text: str) -> None:
        while not gone.is_set():
            try:
                frames.put({stream: text}, timeout=1.0)
            except queue.Full:
                continue
            return
        raise BrokenPipeError

    def work() -> None:
        code = execute(call, said, gone)
        while not gone.is_set():
            try:
                frames.put({"exit": code}, timeout=1.0)
            except queue.Full:
                continue
            return

    threading.Thread(target=work, name=f"command {call.words[:1]}", daemon=True).start()
    try:
        while True:
            try:
                frame = await asyncio.to_thread(frames.get, True, 1.0)
            except queue.Empty:
                # An empty line finds out whether somebody still listens.
                yield "\n"
                continue
            yield json.dumps(frame) + "\n"
            if "exit" in frame:
                return
    finally:
        gone.set()


def routes() -> list[Any]:
    """All of them."""
    return [command]
