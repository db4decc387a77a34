"""A rehearsal LinkedIn: one advertising account whose segments other programs fill.

It keeps the vendor's manners: versioned headers, 600 calls a minute for people and 300 for companies, 5,000
elements a call with one status each, segments that the streaming side does not know at first, and no way to
read members back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from townsend.rehearsal.journal import Journal
from townsend.rehearsal.linkedin import checks
from townsend.rehearsal.linkedin.checks import OLDEST_VERSION, fault
from townsend.rehearsal.linkedin.segments import Segment, Segments
from townsend.rehearsal.linkedin.tokens import Tokens
from townsend.rehearsal.times import DAY_MS, SECOND_MS
from townsend.rehearsal.web import Answer, NotJson, Request, Route, Routes, as_json

__all__ = ["ACCOUNT", "LinkedIn"]

ACCOUNT = "urn:li:sponsoredAccount:5001"
PLATFORM = "TOWNSEND"
ELEMENTS_MAX = 5_000
MINUTE_MS = 60 * SECOND_MS
CALLS_A_MINUTE = {"users": 600, "companies": 300}
CALLS_A_DAY = 500_000  # streamed calls of an application and member; LinkedIn shows its own in the portal
PAGE = 100
SIGNED_IN_BEFORE_MS = 30 * DAY_MS


class LinkedIn:
    """The account from inside: what it answers, and what it holds.

    Args:
        client: the application's id and secret.
        seed: decides the refresh token.
        anchor_ms: a human signed in 30 days before.
        kept: the file of its journal; None keeps nothing.
        oldest_version: the oldest ``LinkedIn-Version`` that is still served.
    """

    def __init__(
        self,
        client: tuple[str, str],
        seed: int,
        anchor_ms: int,
        kept: Path | None = None,
        oldest_version: str = OLDEST_VERSION,
    ) -> None:
        self.tokens = Tokens(client, seed, anchor_ms - SIGNED_IN_BEFORE_MS)
        self.segments = Segments()
        self.oldest_version = oldest_version
        self.calls_a_minute = dict(CALLS_A_MINUTE)
        self.calls_a_day = CALLS_A_DAY
        self._journal = Journal(kept, self.segments.changes())
        self._journal.replay()
        self._calls: Counter[tuple[str, int]] = Counter()
        self._answers = 0
        self._routes = Routes(
            [
                Route("POST", "/rest/dmpSegments", self._create),
                Route("GET", "/rest/dmpSegments", self._find),
                Route("GET", "/rest/dmpSegments/{number}", self._show),
                Route("POST", "/rest/dmpSegments/{number}", self._update),
                Route("DELETE", "/rest/dmpSegments/{number}", self._delete),
                Route("GET", "/rest/dmpSegments/{number}/destinations/LINKEDIN", self._destination),
                Route("POST", "/rest/dmpSegments/{number}/users", self._users),
                Route("POST", "/rest/dmpSegments/{number}/companies", self._companies),
            ]
        )

    @property
    def extra(self) -> dict[str, str]:
        """What else a connection needs."""
        return {
            "refresh_token": self.tokens.refresh_token,
            "account": ACCOUNT,
            "source_platform": PLATFORM,
        }

    def segment_hashes(self, name: str) -> list[str]:
        """SHA-256 of the e-mails in a segment, sorted; by its name or sourceSegmentId; empty without one."""
        segment = self.segments.named(name)
        members = segment.members if segment else {}
        return sorted(one.partition(":")[2] for one in members if one.startswith("SHA256_EMAIL:"))

    def forget_tokens(self) -> None:
        """Let every access token end early."""
        self.tokens.revoke()

    def throttled(self, request: Request) -> Answer:
        """Too many calls: come back in the next minute."""
        wait_s = -(-(MINUTE_MS - request.now_ms % MINUTE_MS) // SECOND_MS)
        answer = fault(429, "Resource level throttle limit for calls to this resource is reached.", 101)
        answer.headers["retry-after"] = str(wait_s)
        return answer

    def answer(self, request: Request) -> Answer:
        """The answer to a call."""
        if request.path == "/oauth/v2/accessToken" and request.method == "POST":
            return self.tokens.hand_out(request)
        answer = self._rest(request)
        self._answers += 1
        answer.headers["x-li-uuid"] = f"AAY{self._answers:09d}=="
        answer.headers["x-restli-protocol-version"] = "2.0.0"
        return answer

    def _rest(self, request: Request) -> Answer:
        found = self._routes.find(request.method, request.path)
        if found is None:
            if self._routes.methods(request.path):
                return fault(405, f"{request.method} is not allowed here")
            return fault(404, f"No virtual resource found for {request.path}")
        refusal = self.tokens.refusal(request) or checks.headers(request, self.oldest_version)
        if refusal is not None:
            return refusal
        handler, places = found
        try:
            return handler(request, **places)
        except NotJson:
            return fault(400, "The body is not valid JSON")

    # ------------------------------------------------------------ segments

    def _create(self, request: Request) -> Answer:
        body = request.json()
        refusal = checks.new_segment(body, ACCOUNT)
        if refusal is not None:
            return refusal
        key = str(body.get("sourceSegmentId", ""))
        if self.segments.keyed(ACCOUNT, body["sourcePlatform"], key):
            return fault(409, "A DMP segment with this sourcePlatform and sourceSegmentId already exists")
        made = self._journal.do(
            "create",
            called=body["name"],
            description=str(body.get("description", "")),
            kind=body["type"],
            account=ACCOUNT,
            platform=body["sourcePlatform"],
            key=key,
            at_ms=request.now_ms,
        )
        return Answer(201, b"", {"x-restli-id": str(made), "location": f"/dmpSegments/{made}"})

    def _find(self, request: Request) -> Answer:
        if request.arg("q") != "account":
            return fault(400, "q: the finder is account")
        if request.arg("account") != ACCOUNT:
            return fault(403, "Not enough permissions to access: dmpSegments.FINDER-account", 100)
        paging = (request.arg("start", "0"), request.arg("count", str(PAGE)))
        if not all(one.isascii() and one.isdigit() for one in paging):
            return fault(400, "start and count: must be whole numbers")
        platform, key = request.arg("sourcePlatform"), request.arg("sourceSegmentId")
        found = [
            one.to_json(request.now_ms)
            for one in self.segments.all()
            if (not platform or one.platform == platform) and (not key or one.key == key)
        ]
        start, count = map(int, paging)
        if "start" not in request.args and "count" not in request.args:
            count = len(found)
        page = {"start": start, "count": count, "links": [], "total": len(found)}
        return as_json({"paging": page, "elements": found[start : start + count]})

    def _show(self, request: Request, number: str) -> Answer:
        segment = self._segment(number)
        return as_json(segment.to_json(request.now_ms)) if segment else _unknown(number)

    def _destination(self, request: Request, number: str) -> Answer:
        segment = self._segment(number)
        return as_json(segment.destination(request.now_ms)) if segment else _unknown(number)

    def _update(self, request: Request, number: str) -> Answer:
        segment = self._segment(number)
        if segment is None:
            return _unknown(number)
        if request.headers.get("x-restli-method", "").upper() != "PARTIAL_UPDATE":
            return fault(400, "X-RestLi-Method: expected PARTIAL_UPDATE")
        body = request.json()
        patch = body.get("patch") if isinstance(body, dict) else None
        fields = patch.get("$set") if isinstance(patch, dict) else None
        if not isinstance(fields, dict) or not fields:
            return fault(400, "patch.$set: expected fields to change")
        for name, value in fields.items():
            if name not in ("name", "description"):
                return fault(400, f"patch.$set.{name}: cannot be changed")
            if not isinstance(value, str) or (name == "name" and not value.strip()):
                return fault(400, f"patch.$set.{name}: must be text")
        self._journal.do("update", number=segment.id, fields=fields, at_ms=request.now_ms)
        return Answer(204)

    def _delete(self, request: Request, number: str) -> Answer:  # noqa: ARG002
        segment = self._segment(number)
        if segment is None:
            return _unknown(number)
        self._journal.do("delete", number=segment.id)
        return Answer(204)

    def _segment(self, number: str) -> Segment | None:
        return self.segments.get(int(number)) if number.isascii() and number.isdigit() else None

    # ------------------------------------------------------------ members

    def _users(self, request: Request, number: str) -> Answer:
        return self._stream(request, number, "users", "USER", checks.person, _user_ids)

    def _companies(self, request: Request, number: str) -> Answer:
        return self._stream(request, number, "companies", "COMPANY", checks.company, _company_ids)

    def _stream(
        self,
        request: Request,
        number: str,
        what: str,
        kind: str,
        wrong: Callable[[Any], str | None],
        ids: Callable[[Any], list[str]],
    ) -> Answer:
        if self._spent(what, request.now_ms):
            return self.throttled(request)
        segment = self._segment(number)
        if segment is None or not segment.settled(request.now_ms):
            return _unknown(number)
        if segment.kind != kind:
            return fault(400, f"A {segment.kind} segment does not take {what}")
        if segment.status(request.now_ms) == "EXPIRED":
            return fault(400, f"DMP segment {number} has expired")
        body = request.json()
        batch = request.headers.get("x-restli-method", "").upper() == "BATCH_CREATE"
        elements = body.get("elements") if batch and isinstance(body, dict) else [body]
        if not isinstance(elements, list) or not elements:
            return fault(400, "elements: expected an array that is not empty")
        if len(elements) > ELEMENTS_MAX:
            return fault(400, f"elements: {len(elements)} are more than {ELEMENTS_MAX}")
        faults = [wrong(element) for element in elements]
        taken = [
            (element["action"], ids(element))
            for element, bad in zip(elements, faults, strict=True)
            if not bad
        ]
        if taken:
            self._journal.do("stream", number=segment.id, elements=taken, at_ms=request.now_ms)
        if not batch:
            return fault(400, faults[0]) if faults[0] else Answer(201)
        return as_json({"elements": [_status(bad) for bad in faults]})

    def _spent(self, what: str, now_ms: int) -> bool:
        minute, day = (what, now_ms // MINUTE_MS), (f"{what} a day", now_ms // DAY_MS)
        if self._calls[minute] >= self.calls_a_minute[what] or self._calls[day] >= self.calls_a_day:
            return True
        self._calls[minute] += 1
        self._calls[day] += 1
        return False


def _status(bad: str | None) -> dict[str, Any]:
    return {"status": 400, "error": {"status": 400, "message": bad}} if bad else {"status": 201}


def _unknown(number: str) -> Answer:
    return fault(404, f"could not find DMP segment {number}")


def _user_ids(element: Any) -> list[str]:
    ids = [f"{one['idType']}:{one['idValue'].lower()}" for one in element.get("userIds", [])]
    return ids or [f"NAME:{element['firstName']} {element['lastName']}".encode().hex()]


def _company_ids(element: Any) -> list[str]:
    names = ("organizationUrn", "companyWebsiteDomain", "companyEmailDomain", "companyName")
    return [next(str(element[name]) for name in names if element.get(name)).lower().encode().hex()]
