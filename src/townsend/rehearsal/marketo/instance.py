"""A Marketo instance on this machine: lets calls in, routes them, answers in Marketo's envelope.

Its time is the vendor's time of each request. People and activities are made at the first call that needs
them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from townsend.problem import Invalid
from townsend.rehearsal.company import Company
from townsend.rehearsal.marketo import (
    activity_calls,
    asset_calls,
    bulk_calls,
    custom_calls,
    lead_calls,
    list_calls,
    object_calls,
    program_calls,
    usage_calls,
)
from townsend.rehearsal.marketo.assets import AUDIENCES
from townsend.rehearsal.marketo.bulk import Jobs
from townsend.rehearsal.marketo.envelope import Fault, failure
from townsend.rehearsal.marketo.gate import Gate, Limits
from townsend.rehearsal.marketo.world import World
from townsend.rehearsal.web import FORM, Answer, NotJson, Request, Routes, squeezed

__all__ = ["Marketo"]

URI_BYTES_MAX = 8_192
BODY_BYTES_MAX = 1_048_576
MUNCHKIN = ("101-BDA-201", "102-BDA-202")


class Marketo:
    """One instance; a ``Vendor`` of the edge.

    Args:
        i: 0 for Marketo 1, 1 for Marketo 2. Both are synced with their CRM: opportunity roles are not
            available. The second also refuses companies, opportunities and named accounts, and filters by
            update time.
        company: makes the company; asked at the first call that needs it.
        state: a file for the changes that callers made, or none.
    """

    def __init__(
        self, i: int, company: Callable[[], Company], client: tuple[str, str], seed: int, state: Path | None
    ) -> None:
        self.i = i
        self.base_url = ""
        self.munchkin_id = MUNCHKIN[i]
        self.limits = Limits()
        self.gate = Gate(client, self.limits, f"api@marketo{i + 1}.bodea.example", f"{seed}/{i}")
        self.jobs = Jobs(self.limits, f"{seed}/{i}")
        self.full = i == 0
        # Without a CRM's native synchronisation, roles of opportunities are shown too.
        self.synced = True
        self._company = company
        self._state = state
        self._count = 0
        self._routes = Routes(
            [
                *lead_calls.ROUTES, *list_calls.ROUTES, *asset_calls.ROUTES, *program_calls.ROUTES,
                *activity_calls.ROUTES, *object_calls.ROUTES, *custom_calls.ROUTES, *bulk_calls.ROUTES,
                *usage_calls.ROUTES,
            ]
        )  # fmt: skip

    @cached_property
    def world(self) -> World:
        """What the instance holds, with what callers changed."""
        return World(self._company(), self.i, self._state)

    @property
    def extra(self) -> dict[str, str]:
        """What a connection needs beside address and client."""
        return {"munchkin_id": self.munchkin_id, "folder": AUDIENCES}

    def answer(self, request: Request) -> Answer:
        """The answer to a call."""
        if len(request.path) + len(request.query) > URI_BYTES_MAX:
            return Answer(414, b"Request-URI Too Large", {"Content-Type": "text/plain"})
        if len(request.body) > BODY_BYTES_MAX:
            return Answer(413, b"Request Entity Too Large", {"Content-Type": "text/plain"})
        if request.path == "/identity/oauth/token" and request.method in {"GET", "POST"}:
            return self.gate.token(request)
        try:
            self.gate.admit(request)
            answer = self._routed(_as_meant(request))
        except Fault as fault:
            self.gate.count_error(request.now_ms, fault.code)
            return failure(self.request_id(request), fault.code, str(fault))
        except NotJson:
            return failure(self.request_id(request), "609", "Invalid JSON")
        self.gate.count(request.now_ms)
        return squeezed(answer, request)

    def _routed(self, request: Request) -> Answer:
        found = self._routes.find(request.method, request.path)
        if found is None:
            if self._routes.methods(request.path):
                raise Fault("605", f"HTTP Method '{request.method}' not supported")
            raise Fault("610", "Requested resource not found")
        handler, values = found
        return handler(self, request, **values)

    def request_id(self, request: Request) -> str:
        """An id for an answer."""
        self._count += 1
        return f"{self._count:x}#{request.now_ms:x}"

    def throttled(self, request: Request) -> Answer:
        """What the instance says when calls come too fast; tokens are handed out all the same."""
        if request.path.startswith("/identity/"):
            return self.answer(request)
        text = f"Max rate limit '{self.limits.calls}' exceeded with in '{self.limits.window_s}' secs"
        return failure(self.request_id(request), "606", text)

    def forget_tokens(self) -> None:
        """Let the token end early."""
        self.gate.forget()

    def list_emails(self, name: str) -> list[str]:
        """E-mail addresses of a static list's members, sorted; Invalid if there is no such list."""
        found = self.world.assets.list_named(name)
        if found is None:
            raise Invalid(
                "rehearsal.no_list", f"{self.munchkin_id}: no static list is called {name}", got=name
            )
        return sorted(self.world.people.by_id[lead].email for lead in found.members)

    def do(self, step: str, /, **facts: Any) -> Any:
        """Change something from inside, as a marketer or a visitor would: a step of ``World``."""
        return self.world.do(step, **facts)


def _as_meant(request: Request) -> Request:
    """A POST that stands for a GET or DELETE, with the form's values beside the query's."""
    wanted = request.arg("_method")
    form = request.method == "POST" and request.content_type == FORM
    if form and not wanted:
        wanted = request.field("_method")
    if request.method != "POST" or wanted.upper() not in {"GET", "DELETE"}:
        return request
    query = "&".join(part for part in (request.query, request.body.decode() if form else "") if part)
    return Request(
        wanted.upper(), request.path, query, request.headers, request.body, request.in_flight, request.now_ms
    )
