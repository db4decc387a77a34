"""A Salesforce org: its token, its calls, its words for what went wrong.

Calls are made as the user that the app runs as; what that user may not see is not there. Tokens have no
stated end: the org says when one is over, and gets a new one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import httpx

from townsend.clock import Clock
from townsend.problem import Invalid
from townsend.vendors.http import Again, Http, Reply, Side
from townsend.vendors.pacing import Pace, budget_of
from townsend.vendors.salesforce_faults import OrgFault, refused
from townsend.vendors.salesforce_login import Login, judged
from townsend.vendors.tokens import Grant, Tokens

__all__ = ["API_VERSION", "PACE", "Batch", "Job", "JobState", "Org", "OrgFault", "Results", "to18"]

API_VERSION = "67.0"
# An org limits calls a day, which it tells with each answer, and 25 long calls at a time (5 in a trial org).
PACE = Pace(calls=100, window_s=1.0, in_flight=5)
TOKEN = "/services/oauth2/token"  # noqa: S105  an address
RESULT_ROWS = 25_000
REASON_MAX = 200
USAGE_SHARE_MAX = 0.9  # of the day's calls; above it the org's other programs may soon stand still
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

Found = TypeVar("Found")


class Batch(NamedTuple):
    """Some rows of a query: how many there are in all, these, and the address of the next ones."""

    total: int
    rows: list[dict[str, Any]]
    next: str | None


class JobState(Enum):
    """Where a bulk job stands."""

    UPLOADED = "UploadComplete"
    RUNNING = "InProgress"
    COMPLETE = "JobComplete"
    FAILED = "Failed"
    ABORTED = "Aborted"


@dataclass(frozen=True)
class Job:
    """A bulk job; ``words`` say why it failed."""

    state: JobState
    words: str


class Results(NamedTuple):
    """A page of a bulk job's results, as read, and the locator of the next."""

    rows: Any
    next: str | None


class Org:
    """One org, called as one user.

    Args:
        name: what the project calls the source.
        base_url: the org's own host (My Domain).
        login: how its tokens are asked for.
        clock: the time of waits.
        api_version: of the interface, such as ``67.0``.
        transport: how to reach the host, for tests.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        login: Login,
        clock: Clock,
        *,
        api_version: str = API_VERSION,
        side: Side = "source",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.name = name
        self._side = side
        self._clock = clock
        self._transport = transport
        self._tokens = Tokens(self._ask, clock)
        self._signing = login
        self._login = self._client(base_url)
        self._api: Http | None = None
        self._opening = threading.Lock()
        self._root = f"/services/data/v{api_version}"
        self._used: tuple[int, int] | None = None

    def close(self) -> None:
        for client in {self._login, self._api or self._login}:
            client.close()

    @property
    def calls(self) -> int:
        """Calls that the thread that asks has made, those for tokens too."""
        return sum(client.calls for client in {self._login, self._api or self._login})

    def org_id(self, *, required: bool = True) -> str | None:
        """The org's 18-character id, as the token call tells it; None if it does not and need not.

        Raises:
            Invalid: ``source.credentials``, ``source.org``. Unavailable: ``source.unreachable``.
        """
        parts = urlsplit(str(self._tokens.grant().extra.get("id") or "")).path.split("/")
        if len(parts) >= 2 and len(parts[-2]) in (15, 18):
            return to18(parts[-2])
        if not required:
            return None
        raise Invalid(
            f"{self._side}.org",
            f"{self.name}: the token call does not tell the org's id; write org_id in the settings",
            source=self.name,
        )

    @property
    def used(self) -> tuple[int, int] | None:
        """Calls of 24 hours, spent and allowed, as the last answer told; None before the first."""
        return self._used

    def usage(self) -> str | None:
        """A remark if the day's calls are nearly used up."""
        if self._used is None or self._used[0] < USAGE_SHARE_MAX * self._used[1]:
            return None
        used, most = self._used
        return f"{used:,} of the org's {most:,} calls of 24 hours are used, by all its programs together"

    # ------------------------------------------------------------ calls

    def describe(self, sobject: str) -> dict[str, Any]:
        """An object's fields."""
        found: dict[str, Any] = self._json("GET", f"{self._root}/sobjects/{sobject}/describe")
        return found

    def query(self, soql: str) -> Batch:
        """The first rows of a query, deleted ones included."""
        return _batch(self._json("GET", f"{self._root}/queryAll", params={"q": soql}))

    def more(self, address: str) -> Batch:
        """The next rows."""
        return _batch(self._json("GET", address))

    def start_job(self, soql: str) -> str:
        """Start a bulk query, deleted rows included; its id. Starting one twice costs nothing but a job."""
        body = {
            "operation": "queryAll",
            "query": soql,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        return str(self._json("POST", f"{self._root}/jobs/query", json=body, safe=True)["id"])

    def job(self, job: str) -> Job:
        """Where a bulk query stands."""
        found = self._json("GET", f"{self._root}/jobs/query/{job}")
        return Job(JobState(found["state"]), str(found.get("errorMessage") or "no reason given")[:REASON_MAX])

    def results(self, job: str, locator: str | None, read: Callable[[str, int | None], Any]) -> Results:
        """A page of results.

        Args:
            read: makes rows of the page's text and the number of rows announced; raises ``CutOff`` if the
                text does not hold them, and the page is asked for again.
        """
        params = {"maxRecords": str(RESULT_ROWS), **({"locator": locator} if locator else {})}

        def taken(reply: Reply) -> Results:
            announced = reply.headers.get("sforce-numberofrecords", "")
            further = reply.headers.get("sforce-locator", "null")
            rows = read(reply.text, int(announced) if announced.isdigit() else None)
            return Results(rows, None if further in ("", "null") else further)

        address = f"{self._root}/jobs/query/{job}/results"
        return self._call("GET", address, taken, params=params, headers={"Accept": "text/csv"})

    # ------------------------------------------------------------ how calls are made

    def _client(self, base_url: str) -> Http:
        account = f"salesforce {urlsplit(base_url).netloc}"
        budget = budget_of(account, PACE, self._clock)
        return Http(
            self.name,
            base_url,
            self._clock,
            budget,
            side=self._side,
            tokens=self._tokens,
            transport=self._transport,
        )

    def _ask(self) -> Grant:
        host = self._login.host

        def judge(reply: Reply) -> Again | None:
            return judged(self.name, self._side, host, self._signing, reply)

        form = self._signing.form(self._clock.now())
        reply = self._login.call("POST", TOKEN, judge=judge, form=form, safe=True, authorised=False)
        body = reply.json()
        return Grant(str(body["access_token"]), None, {key: body.get(key) for key in ("id", "instance_url")})

    def _json(self, method: str, path: str, **more: Any) -> Any:
        return self._call(method, path, Reply.json, **more)

    def _call(self, method: str, path: str, read: Callable[[Reply], Found], **more: Any) -> Found:
        found: list[Found] = []
        times = 0

        def judge(reply: Reply) -> Again | None:
            nonlocal times
            self._note_usage(reply)
            if reply.status >= 300:
                times += 1
                return refused(self.name, reply, times, self._used)
            found.append(read(reply))
            return None

        self._instance().call(method, path, judge=judge, **more)
        return found[-1]

    def _instance(self) -> Http:
        """The client of the host that the token is meant for."""
        with self._opening:
            if self._api is None:
                instance = str(self._tokens.grant().extra.get("instance_url") or "")
                same = not instance or urlsplit(instance).netloc == self._login.host
                self._api = self._login if same else self._client(instance)
            return self._api

    def _note_usage(self, reply: Reply) -> None:
        used, _, most = reply.headers.get("sforce-limit-info", "").rpartition("api-usage=")[2].partition("/")
        if used.isdigit() and most.isdigit():
            self._used = int(used), int(most)


def to18(record_id: str) -> str:
    """A record's 18-character id; both forms name the same record. Other texts stay as they are.

    >>> to18("001A0000006Vm9u")
    '001A0000006Vm9uIAC'
    """
    if len(record_id) != 15 or not record_id.isascii() or not record_id.isalnum():
        return record_id
    bits = [sum(1 << i for i, c in enumerate(record_id[at : at + 5]) if c.isupper()) for at in (0, 5, 10)]
    return record_id + "".join(_CHECK[bit] for bit in bits)


def _batch(body: Mapping[str, Any]) -> Batch:
    return Batch(int(body["totalSize"]), list(body["records"]), body.get("nextRecordsUrl") or None)
