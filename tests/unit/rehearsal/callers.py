"""A caller of a rehearsal instance without a network, and a clock that moves when told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from townsend.rehearsal.company import generate
from townsend.rehearsal.marketo.instance import Marketo
from townsend.rehearsal.times import ms_of
from townsend.rehearsal.web import FORM, Answer, Request

ANCHOR = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANCHOR_MS = ms_of(ANCHOR)
CLIENT = ("client", "secret")


class MovedClock:
    """A clock that stands still but for its sleeps."""

    def __init__(self, at: datetime = ANCHOR) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class MarketoCaller:
    """Signed in at one instance; ``at_ms`` is the vendor's time of the next call."""

    def __init__(self, i: int = 0, size: int = 0, seed: int = 7, state: Path | None = None) -> None:
        self.home = Marketo(i, partial(generate, seed, size, ANCHOR_MS), CLIENT, seed, state)
        # Time stands still here: what is done shows at once, but for tests that say otherwise.
        self.home.limits.visible_after_s = 0
        self.at_ms = ANCHOR_MS
        self.in_flight = 1
        self.token = ""
        self.sign_in()

    def sign_in(self, client: str = CLIENT[0], secret: str = CLIENT[1]) -> dict[str, Any]:
        asked = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
        answer = self.raw("GET", "/identity/oauth/token", asked)
        found: dict[str, Any] = json.loads(answer.body)
        self.token = found.get("access_token", self.token)
        return found | {"http": answer.status}

    def raw(self, method: str, path: str, query: Any = (), body: bytes = b"", **headers: str) -> Answer:
        sent = {"authorization": f"Bearer {self.token}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(method, path, urlencode(query), sent, body, self.in_flight, self.at_ms)
        return self.home.answer(request)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw("GET", path, query).body)
        return found

    def send(self, path: str, body: Any = None, method: str = "POST", **query: Any) -> dict[str, Any]:
        content = b"" if body is None else json.dumps(body).encode()
        answer = self.raw(method, path, query, content, content_type="application/json")
        found: dict[str, Any] = json.loads(answer.body)
        return found

    def form(self, path: str, **fields: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            self.raw("POST", path, (), urlencode(fields).encode(), content_type=FORM).body
        )
        return found


def codes(answer: dict[str, Any]) -> list[str]:
    """The codes of a response-level failure."""
    assert answer["success"] is False
    return [error["code"] for error in answer["errors"]]
