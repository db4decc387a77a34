"""Requests, answers and routes of the rehearsal servers: as much of HTTP as the vendors' interfaces need.

Vendor code is plain functions from a request to an answer; nothing here knows a vendor.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import msgspec

__all__ = ["Answer", "Handler", "NotJson", "Request", "Route", "Routes", "as_json", "squeezed"]

FORM = "application/x-www-form-urlencoded"
GZIP_BYTES_MIN = 2_048


class NotJson(ValueError):
    """A body that should be JSON is not."""


@dataclass
class Request:
    """One call as it came.

    Args:
        method: upper case.
        path: decoded, without the query.
        query: the raw query string.
        headers: by lower-case name.
        in_flight: calls of this server not answered yet, this one included.
        now_ms: the vendor's time at arrival.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    in_flight: int
    now_ms: int

    @cached_property
    def args(self) -> dict[str, list[str]]:
        """The query's values by name, blank ones kept."""
        return parse_qs(self.query, keep_blank_values=True)

    def arg(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return self.args.get(name, [default])[0]

    @cached_property
    def form(self) -> dict[str, list[str]]:
        """The values of a form-encoded body by name."""
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    def field(self, name: str, default: str = "") -> str:
        """The first value of a form field."""
        return self.form.get(name, [default])[0]

    def json(self) -> Any:
        """The body read as JSON; NotJson if it is none."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotJson(str(error)) from error

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def bearer(self) -> str:
        """The token of the Authorization header, or nothing."""
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else ""


@dataclass
class Answer:
    """One answer: status, body, headers."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer holding a value as JSON."""
    found = {"content-type": "application/json;charset=UTF-8", **(headers or {})}
    return Answer(status, msgspec.json.encode(value), found)


Handler = Callable[..., Answer]


class Route(NamedTuple):
    """A method and a path such as ``/rest/v1/lead/{lead_id}.json``, and who answers."""

    method: str
    path: str
    handler: Handler


class Routes:
    """Which handler answers which call."""

    def __init__(self, routes: list[Route]) -> None:
        self._routes = [(route.method, _pattern(route.path), route.handler) for route in routes]

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]] | None:
        """The handler and the path's values; the first route that fits wins."""
        for wanted, pattern, handler in self._routes:
            if wanted == method and (match := pattern.fullmatch(path)):
                return handler, match.groupdict()
        return None

    def methods(self, path: str) -> list[str]:
        """The methods a path knows."""
        return sorted({method for method, pattern, _ in self._routes if pattern.fullmatch(path)})


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    text = "".join(f"(?P<{part}>[^/]+)" if i % 2 else re.escape(part) for i, part in enumerate(parts))
    return re.compile(text)


def squeezed(answer: Answer, request: Request) -> Answer:
    """The same answer in gzip, if the caller reads it and it is long enough to be worth it."""
    if len(answer.body) < GZIP_BYTES_MIN or "gzip" not in request.headers.get("accept-encoding", ""):
        return answer
    packed = gzip.compress(answer.body, compresslevel=1, mtime=0)
    return Answer(answer.status, packed, {**answer.headers, "content-encoding": "gzip"})
