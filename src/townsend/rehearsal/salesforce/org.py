"""A Salesforce org on this machine: who may call, how often, and which route answers.

Its time is the vendor's time of each request. Rows are made at the first call that needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from townsend.rehearsal.company import Company
from townsend.rehearsal.salesforce import bulk, record_calls, rest
from townsend.rehearsal.salesforce.assertion import private_key
from townsend.rehearsal.salesforce.faults import Fault, refusal
from townsend.rehearsal.salesforce.keys import Keys
from townsend.rehearsal.salesforce.soql import QueryFault
from townsend.rehearsal.salesforce.tables import Tables
from townsend.rehearsal.salesforce.tokens import Sessions
from townsend.rehearsal.times import DAY_MS
from townsend.rehearsal.web import Answer, NotJson, Request, Routes, squeezed

__all__ = ["DAILY_CALLS_MAX", "Org"]

DAILY_CALLS_MAX = 100_000
URI_BYTES_MAX = 16_384


class Org:
    """One org; a ``Vendor`` of the edge.

    Args:
        crm: 0 for CRM 1, 1 for CRM 2.
        company: makes the company; asked at the first call that needs rows.
        state: a file for the changes that callers made, or none.
    """

    def __init__(
        self, crm: int, company: Callable[[], Company], client: tuple[str, str], seed: int, state: Path | None
    ) -> None:
        self.crm = crm
        self.keys = Keys(crm)
        self.base_url = ""
        self.daily_calls_max = DAILY_CALLS_MAX
        self.calls: list[int] = []
        self.sessions = Sessions(client, self.keys.org, self.username, f"{seed}/{crm}")
        self.cursors = rest.Cursors(self.keys.pod)
        self.jobs = bulk.Jobs(self.keys.pod)
        self._company = company
        self._state = state
        self._routes = Routes([*rest.ROUTES, *record_calls.ROUTES, *bulk.ROUTES])

    @cached_property
    def tables(self) -> Tables:
        """The org's rows, with what callers changed."""
        return Tables(self._company(), self.crm, self._state)

    @property
    def username(self) -> str:
        return f"integration@crm{self.crm + 1}.bodea.example"

    @property
    def private_key(self) -> str:
        """The key (PEM) that signs for the user; made when it is first asked for."""
        return private_key()

    def answer(self, request: Request) -> Answer:
        """The answer to a call."""
        path = request.path.rstrip("/")
        if path.startswith("/services/oauth2/"):
            return self.sessions.answer(path, request, self)
        if len(request.path) + len(request.query) > URI_BYTES_MAX:
            return refusal(414, "URI_TOO_LONG", "the request's URI is longer than 16,384 bytes")
        if path == "/services/data":
            return rest.versions()
        if not self.sessions.live(request.bearer, request.now_ms):
            return refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if self.used(request.now_ms) >= self.daily_calls_max:
            return self.throttled(request)
        self.calls.append(request.now_ms)
        answer = self._routed(path, request)
        answer.headers["Sforce-Limit-Info"] = f"api-usage={len(self.calls)}/{self.daily_calls_max}"
        return squeezed(answer, request)

    def _routed(self, path: str, request: Request) -> Answer:
        found = self._routes.find(request.method, path)
        if found is None:
            allowed = self._routes.methods(path)
            if allowed:
                text = f"HTTP Method '{request.method}' not allowed. Allowed are {','.join(allowed)}"
                return refusal(405, "METHOD_NOT_ALLOWED", text)
            return refusal(404, "NOT_FOUND", "The requested resource does not exist")
        handler, values = found
        if not rest.known(values.pop("version")):
            return refusal(404, "NOT_FOUND", "The requested resource does not exist")
        try:
            return handler(self, request, **values)
        except Fault as fault:
            return refusal(fault.status, fault.code, str(fault), fault.fields)
        except QueryFault as fault:
            return refusal(400, fault.code, str(fault))
        except NotJson as error:
            return refusal(400, "JSON_PARSER_ERROR", f"the body is not JSON: {error}")

    def used(self, now_ms: int) -> int:
        """Calls of the last 24 hours."""
        since = now_ms - DAY_MS
        if self.calls and self.calls[0] < since:
            self.calls = [at for at in self.calls if at >= since]
        return len(self.calls)

    def throttled(self, request: Request) -> Answer:
        """What the org says when the day's calls are used up; sessions begin all the same."""
        if request.path.startswith("/services/oauth2/"):
            return self.answer(request)
        return refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")

    def forget_tokens(self) -> None:
        """End every session."""
        self.sessions.forget()

    def upsert(
        self, sobject: str, fields: Mapping[str, Any], at_ms: int, record_id: str | None = None
    ) -> str:
        """Create or change a record from inside, as a colleague in the CRM would; its id.

        Args:
            at_ms: the instant it is stamped with.
        """
        return self.tables.upsert(sobject, fields, at_ms, record_id)

    def delete(self, record_id: str, at_ms: int) -> None:
        """Move a record to the recycle bin from inside."""
        self.tables.delete(record_id, at_ms)

    def empty_bin(self) -> None:
        """Delete what is in the recycle bin for good, as an administrator would, or the org after 15 days."""
        self.tables.purge()
