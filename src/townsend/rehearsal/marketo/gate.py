"""Who may call a Marketo instance, and how often: tokens, the rate, the day's quota, calls in flight."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from townsend.rehearsal.marketo.envelope import fail
from townsend.rehearsal.times import HOUR_MS, SECOND_MS
from townsend.rehearsal.web import Answer, Request, as_json

__all__ = ["Gate", "Limits", "central_day"]

TOKEN_MS = HOUR_MS
CENTRAL = ZoneInfo("America/Chicago")


class Limits:
    """The limits of a subscription; tests make them smaller."""

    def __init__(self) -> None:
        self.calls = 100
        self.window_s = 20
        self.daily = 50_000
        self.in_flight = 10
        self.export_bytes = 500 * 1024 * 1024
        self.jobs_running = 2
        self.jobs_queued = 10
        # So long after it happened, what is new shows in the log of activities and in extracts.
        self.visible_after_s = 10
        self.paging_token_s = 24 * 3_600


def central_day(now_ms: int) -> date:
    """The day in US Central time, whose midnight resets quotas."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(CENTRAL).date()


class Gate:
    """Tokens and counts of one instance.

    Args:
        client: id and secret of its one custom service.
        salt: makes tokens repeat on a seed.
    """

    def __init__(self, client: tuple[str, str], limits: Limits, user: str, salt: str) -> None:
        self.limits = limits
        self.user = user
        self.days: Counter[date] = Counter()
        self.errors: Counter[tuple[date, str]] = Counter()
        self._client = client
        self._salt = salt
        self._count = 0
        self._token = ""
        self._until_ms = 0
        self._ended: set[str] = set()
        self._recent: deque[int] = deque()

    def token(self, request: Request) -> Answer:
        """The identity call: the same token until it ends, with the life left."""
        given: Callable[[str], str] = lambda name: request.arg(name) or request.field(name)  # noqa: E731
        if given("grant_type") != "client_credentials":
            text = f"Unsupported grant type: {given('grant_type')}"
            return as_json({"error": "unsupported_grant_type", "error_description": text}, 400)
        if (given("client_id"), given("client_secret")) != self._client:
            text = "No client with requested id or the secret is wrong"
            return as_json({"error": "invalid_client", "error_description": text}, 401)
        if self._until_ms <= request.now_ms:
            self._renew(request.now_ms)
        left = (self._until_ms - request.now_ms - 1) // SECOND_MS
        return as_json(
            {"access_token": self._token, "token_type": "bearer", "expires_in": left, "scope": self.user}
        )

    def _renew(self, now_ms: int) -> None:
        if self._token:
            self._ended.add(self._token)
        self._count += 1
        digest = hashlib.sha256(f"{self._salt}/{self._count}/{now_ms}".encode()).digest()
        self._token = f"{uuid.UUID(bytes=digest[:16])}:ab"
        self._until_ms = now_ms + TOKEN_MS

    def forget(self) -> None:
        """Let the token end early."""
        self._until_ms = 0

    def admit(self, request: Request) -> None:
        """Let a call in.

        Raises:
            Fault: 600, 601, 602 for the token; 606, 607, 615 for the limits.
        """
        self._check_token(request)
        now = request.now_ms
        if request.in_flight > self.limits.in_flight:
            fail(615, "Concurrent access limit reached")
        if self.days[central_day(now)] >= self.limits.daily:
            fail(607, f"Daily API Request Limit reached ({self.limits.daily})")
        while self._recent and self._recent[0] <= now - self.limits.window_s * SECOND_MS:
            self._recent.popleft()
        if len(self._recent) >= self.limits.calls:
            fail(606, f"Max rate limit '{self.limits.calls}' exceeded with in '{self.limits.window_s}' secs")

    def _check_token(self, request: Request) -> None:
        # The access_token parameter was withdrawn: only the header counts.
        token = request.bearer
        if not token:
            fail(600, "Access token not specified")
        if token in self._ended or (token == self._token and self._until_ms <= request.now_ms):
            fail(602, "Access token expired")
        if token != self._token:
            fail(601, "Access token invalid")

    def count(self, now_ms: int) -> None:
        """Count a call that succeeded; those that fail as a whole are free."""
        self.days[central_day(now_ms)] += 1
        self._recent.append(now_ms)

    def count_error(self, now_ms: int, code: str) -> None:
        """Note an error for the statistics."""
        self.errors[central_day(now_ms), code] += 1
