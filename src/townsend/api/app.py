"""The whole of a server's HTTP: inlets, ``/api/v1``, ``/health`` and ``/metrics`` in one ASGI application.

Without a token it answers only on this machine, and only to requests that name this machine: a page of some
other site cannot reach it under a name of its own.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from litestar import Litestar, Request, Response, Router, get
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from townsend import __version__
from townsend.api import changing, command, feed, reading
from townsend.api.answering import json_of
from townsend.api.errors import body_of, status_of
from townsend.api.metrics import metrics_of
from townsend.api.raw import ASGI, Receive, Scope, Send, respond
from townsend.problem import Problem

if TYPE_CHECKING:
    from townsend.api.command import Execute
    from townsend.api.feed import Bell
    from townsend.project.serving.owner import Owner

__all__ = ["app_of", "v1"]

PREFIX = "/api/v1"
BODY_MAX = 2_000_000
INLETS = ("/collection", "/v1/")
log = logging.getLogger("townsend.serve")


@get("/health", sync_to_thread=False, summary="Whether the server is ready")
def health(state: State) -> Response[bytes]:
    """200 when it is, 503 before and while it stops."""
    ready = state.owner.ready.is_set() and not state.bell.closed
    return json_of({"ready": ready, "problem": state.owner.done.problem}, 200 if ready else 503)


@get("/live", sync_to_thread=False, summary="Whether the process answers")
def live() -> Response[bytes]:
    """200 whenever it does."""
    return json_of({"live": True})


@get("/openapi.json", sync_to_thread=False, include_in_schema=False)
def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What there is to ask, by OpenAPI."""
    return json_of(request.app.openapi_schema.to_schema())


def v1(state: State) -> Litestar:
    """The interface under ``/api/v1``."""
    handlers = [
        health,
        live,
        openapi,
        *reading.routes(),
        *changing.routes(),
        *feed.routes(),
        *command.routes(),
    ]
    return Litestar(
        route_handlers=[Router(PREFIX, route_handlers=handlers)],
        state=state,
        request_max_body_size=BODY_MAX,
        exception_handlers={Problem: _problem, HTTPException: _refused, Exception: _broken},
        openapi_config=OpenAPIConfig(
            title="Townsend",
            version=__version__,
            path="/openapi",
            render_plugins=[JsonRenderPlugin(path="/all.json")],
        ),
        logging_config=None,
    )


def app_of(
    owner: Owner,
    bell: Bell,
    execute: Execute,
    *,
    token: str,
    hosts: frozenset[str],
    inlets: ASGI | None = None,
) -> ASGI:
    """The application.

    Args:
        token: the owner's.
        hosts: the names by which requests may call this server.
        inlets: takes what is sent to ``/collection`` and ``/v1``; None if the project has no inlet.
    """
    own = v1(
        State({"owner": owner, "bell": bell, "execute": execute, "is_owner": _same(token)}, deep_copy=False)
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            if _host(scope) not in hosts:
                text = "the Host header names another machine; call this server by its address"
                return await respond(send, 421, body_of("api.host", text))
            if path == "/metrics":
                return await respond(send, 200, metrics_of(owner, bell), b"text/plain; version=0.0.4")
            if inlets is not None and path.startswith(INLETS):
                return await inlets(scope, receive, send)
        return await own(scope, receive, send)  # type: ignore[arg-type]

    return app


def _same(token: str) -> Callable[[str], bool]:
    return lambda given: hmac.compare_digest(given.encode(), token.encode())


def _host(scope: Scope) -> str:
    found = next((value for name, value in scope["headers"] if name == b"host"), b"")
    text: str = found.decode("latin-1").lower()
    return text.partition("]")[0].removeprefix("[") if text.startswith("[") else text.partition(":")[0]


def _problem(_: Request[Any, Any, Any], problem: Problem) -> Response[bytes]:
    status = status_of(problem)
    headers = {"Retry-After": "1"} if status == 503 else {}
    body = body_of(problem.code, problem.text, problem.facts)
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def _refused(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    code = {404: "api.route", 405: "api.method", 413: "api.size"}.get(error.status_code, "api.body")
    facts = {"extra": error.extra} if error.extra else {}
    body = body_of(code, error.detail, facts)
    return Response(body, status_code=error.status_code, media_type="application/json")


def _broken(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    log.error("a request failed", exc_info=error)
    body = body_of("api.broken", "the server met an error of its own; its log says which")
    return Response(body, status_code=500, media_type="application/json")
