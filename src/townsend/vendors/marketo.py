"""Marketo Engage's REST interface: its token, its envelope, its codes, its limits.

Nearly every answer is HTTP 200 with ``{success, errors, result}``; what failed stands in ``errors`` by code.
``marketo_faults`` says what each code means for the call; a caller that can go on after one names it in
``expect`` and finds it in ``Answer.said``. Codes of single records stay in ``result``, untouched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx

from townsend.clock import Clock
from townsend.problem import Broken, Invalid, Problem
from townsend.vendors.http import Http
from townsend.vendors.keys import MARKETO
from townsend.vendors.marketo_faults import NOTHING_FOUND, WINDOW_S, failure, later, words_of
from townsend.vendors.pacing import Pace, budget_of
from townsend.vendors.patience import Side
from townsend.vendors.replies import Again, Reply
from townsend.vendors.tokens import Grant, Tokens

__all__ = ["ASSETS_MAX", "IDS_MAX", "PAGE_MAX", "PER_DAY", "WINDOW_S", "Access", "Answer", "Marketo"]

# Settings that reach an instance.
# Half of what the vendor allows, as it advises; an instance's limits are shared by all its integrations.
CALLS, IN_FLIGHT = 50, 5
PER_DAY = 50_000
DAY_BEGINS = timedelta(hours=6)  # 00:00 US Central, winter; in summer one hour late, on the safe side
IDS_MAX = 300  # records in a write, values in a filter
PAGE_MAX = 300
ASSETS_MAX = 200
QUERY_MAX = 4_000  # characters; the vendor refuses addresses over 8 KB


@dataclass(frozen=True)
class Access:
    """How an instance is reached; ``calls_per_day`` is the subscription's quota."""

    base_url: str
    munchkin_id: str
    client_id: str
    client_secret: str
    calls_per_day: int = PER_DAY

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Access:
        """The access that checked settings describe.

        Raises:
            Invalid: ``settings.type`` for a quota that is no number.
        """
        per_day = settings.get("calls_per_day", PER_DAY)
        if not isinstance(per_day, int) or isinstance(per_day, bool) or per_day < 1:
            raise Invalid("settings.type", f"calls_per_day: expected a whole number, got {per_day!r}")
        base_url, munchkin_id, client_id, client_secret = (str(settings[key]).strip() for key in MARKETO)
        return cls(base_url, munchkin_id, client_id, client_secret, per_day)

    def __repr__(self) -> str:
        return f"Access({self.munchkin_id})"


@dataclass(frozen=True, slots=True)
class Answer:
    """One envelope.

    Args:
        result: the records; empty where the vendor sends none.
        token: ``nextPageToken``, if any.
        more: whether another page follows: ``moreResult``, else whether there is a token.
        said: the expected code that came instead of a result.
        words: what the vendor wrote with it.
    """

    result: Sequence[Any] = ()
    token: str | None = None
    more: bool = False
    said: str | None = None
    words: str = ""


class Marketo:
    """Calls of one instance.

    Args:
        name: what the project calls the source or destination.
        access: where and as whom.
        clock: the time in which it waits.
        side: which of both it is, for error codes.
        transport: how to reach it, for tests.
    """

    def __init__(
        self,
        name: str,
        access: Access,
        clock: Clock,
        side: Side = "source",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.name = name
        self.munchkin_id = access.munchkin_id
        self._access = access
        self._side: Side = side
        pace = Pace(CALLS, WINDOW_S, IN_FLIGHT, access.calls_per_day, DAY_BEGINS)
        # The address belongs to the account: two rehearsals of one instance are two accounts.
        budget = budget_of(f"Marketo {access.munchkin_id} at {access.base_url}", pace, clock)
        self.http = Http(name, access.base_url, clock, budget, side=side, transport=transport)
        self.http.tokens = Tokens(self._ask, clock)

    @property
    def calls(self) -> int:
        """Calls made so far, repetitions and token calls included."""
        return self.http.calls

    @property
    def used_today(self) -> int:
        """Calls of the day as far as is known: what the vendor counted when it was asked, and ours since."""
        left = self.http.budget.left_today()
        assert left is not None, "an instance has a quota"
        return self._access.calls_per_day - left

    @property
    def calls_per_day(self) -> int:
        return self._access.calls_per_day

    def ask_usage(self) -> None:
        """Ask how many of the day's calls all integrations used, so that ours end where the vendor's do."""
        answer = self.call("GET", "/rest/v1/stats/usage.json", expect={"603", "610"})
        for day in answer.result:
            self.http.budget.spent(int(day.get("total") or 0))

    def close(self) -> None:
        self.http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        safe: bool | None = None,
        expect: Collection[str] = (),
    ) -> Answer:
        """Make one call.

        Args:
            path: such as ``/rest/v1/leads.json``.
            safe: repeating does no harm; by default so for GET. Adding to and removing from lists is safe.
            expect: codes that the caller deals with.

        Raises:
            Invalid: ``<side>.credentials``, ``<side>.rights``, ``<side>.request``.
            Unavailable: ``<side>.unreachable``, ``<side>.busy``, ``<side>.uncertain``, ``vendor.quota``.
        """

        if method == "GET" and params and len(query := urlencode(dict(params))) > QUERY_MAX:
            # A long address is refused; the vendor takes the same query as a form.
            method, path, params, safe = "POST", f"{path}?_method=GET", None, True
            form = dict(parse_qsl(query))

        def judge(reply: Reply) -> Again | None:
            return self.judge(reply, expect)

        reply = self.http.call(method, path, judge=judge, params=params, json=json, form=form, safe=safe)
        return _answer(reply.json())

    def pages(
        self, path: str, params: Mapping[str, Any] | None = None, expect: Collection[str] = ()
    ) -> Iterator[Answer]:
        """The pages of a call of the lead database that pages by ``nextPageToken``."""
        query = {"batchSize": PAGE_MAX, **(params or {})}
        while True:
            answer = self.call("GET", path, params=query, expect=expect)
            yield answer
            if answer.said or not answer.token or not answer.more:
                return
            query["nextPageToken"] = answer.token

    def assets(
        self, path: str, params: Mapping[str, Any] | None = None, expect: Collection[str] = ()
    ) -> Iterator[Answer]:
        """The pages of a call of the asset interface that pages by ``offset``."""
        offset = 0
        while True:
            query = {**(params or {}), "maxReturn": ASSETS_MAX, "offset": offset}
            answer = self.call("GET", path, params=query, expect=expect)
            if answer.result or answer.said:
                yield answer
            if len(answer.result) < ASSETS_MAX:
                return
            offset += ASSETS_MAX

    def _ask(self) -> Grant:
        """A token; sent as a form, so that the secret is in no address."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._access.client_id,
            "client_secret": self._access.client_secret,
        }
        reply = self.http.call(
            "POST", "/identity/oauth/token", judge=self._token, form=form, safe=True, authorised=False
        )
        body = reply.json()
        return Grant(str(body["access_token"]), float(body.get("expires_in", 0)))

    def _token(self, reply: Reply) -> Again | None:
        if reply.status in (400, 401, 403):
            raise Invalid(
                f"{self._side}.credentials",
                f"{self.name}: {self.http.host} does not know this client; check client_id and client_secret",
                name=self.name,
                host=self.http.host,
            )
        body = reply.json() if reply.status == 200 else None
        if not isinstance(body, dict) or "access_token" not in body:
            raise Invalid(
                f"{self._side}.address",
                f"{self.name}: {self.http.host} gives no token (status {reply.status}); check base_url, "
                "which is an address such as https://123-ABC-456.mktorest.com without a path",
                name=self.name,
                host=self.http.host,
            )
        return None

    def judge(self, reply: Reply, expect: Collection[str] = ()) -> Again | None:
        """What the envelope says of repeating the call; None takes it; raises what is final."""
        if reply.status in (413, 414):
            raise Broken(
                f"{self._side}.too_long", f"{self.name}: a call was too long (status {reply.status})"
            )
        if 400 <= reply.status < 500 and reply.kind != "application/json":
            raise self.failure("", "", reply.status)
        body = reply.json()
        if isinstance(body, dict) and body.get("success"):
            return None
        code, words = words_of(body)
        if not code and reply.status == 401:
            return Again("status 401", renew=True)
        if code in expect or code == NOTHING_FOUND:
            return None
        again = later(code)
        if again is None:
            raise self.failure(code, words, reply.status)
        return again

    def failure(self, code: str, words: str, status: int = 200) -> Problem:
        """The problem that a code is when nothing else can be done about it."""
        return failure(self._side, self.name, self.http.host, code, words, status)


def _answer(body: Any) -> Answer:
    if not body.get("success"):
        code, words = words_of(body)
        return Answer() if code == NOTHING_FOUND else Answer(said=code, words=words)
    token = body.get("nextPageToken") or None
    return Answer(body.get("result") or (), token, bool(body.get("moreResult", token is not None)))
