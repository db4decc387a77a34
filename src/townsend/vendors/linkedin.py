"""LinkedIn's marketing interface: signing in, versioned headers, and what its errors ask for.

A human signs in once; the refresh token lives a year from then, and nothing but signing in again extends it.
So its end is known long before, and said. Each version of the interface is served for about a year.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from townsend.clock import Clock
from townsend.problem import Invalid, Unavailable
from townsend.vendors.http import Http, Side
from townsend.vendors.pacing import Pace, budget_of
from townsend.vendors.replies import Again, CutOff, Reply
from townsend.vendors.tokens import Grant, Tokens

__all__ = ["BASE_URL", "PACE", "VERSION", "Access", "LinkedIn"]

BASE_URL = "https://api.linkedin.com"
SIGN_IN_URL = "https://www.linkedin.com"
VERSION = "202610"  # the one our tests were written against
VERSION_LIFE = timedelta(days=365)
# Source: LinkedIn's guide; an application and member may stream people 600 times a minute.
PACE = Pace(calls=600, window_s=60.0, in_flight=5)
NOTICE = timedelta(weeks=8)  # how long ahead we speak of something that will end
_TOKEN_CODES = {65600, 65601, 65602}  # invalid, revoked, expired
_VERSION = re.compile(r"20\d\d(0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Access:
    """What is needed to call.

    Args:
        base_url: where the interface is; another host than LinkedIn's answers token calls too.
        version: of the interface, ``YYYYMM``.
    """

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    base_url: str = BASE_URL
    version: str = VERSION

    @property
    def account(self) -> str:
        """What LinkedIn counts calls by, as messages call it."""
        return f"LinkedIn application {self.client_id} at {urlsplit(self.base_url).netloc}"

    @property
    def token_url(self) -> str:
        home = SIGN_IN_URL if self.base_url.rstrip("/") == BASE_URL else self.base_url.rstrip("/")
        return f"{home}/oauth/v2/accessToken"


class LinkedIn:
    """Calls of one application on behalf of the human who signed in.

    Args:
        name: what the project calls the source or destination.
        transport: how to reach the host, for tests.
    """

    def __init__(
        self,
        name: str,
        access: Access,
        clock: Clock,
        *,
        side: Side = "destination",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if not _VERSION.fullmatch(access.version):
            raise Invalid(
                "settings.choice",
                f"{name}: version: expected year and month such as {VERSION}, got {access.version!r}",
                name=name,
            )
        self.name = name
        self._access = access
        self._clock = clock
        self._side = side
        self._tokens = Tokens(self._ask, clock)
        self._http = Http(
            name,
            access.base_url,
            clock,
            budget_of(access.account, PACE, clock),
            side=side,
            tokens=self._tokens,
            transport=transport,
        )

    @property
    def calls(self) -> int:
        """Calls made so far, token calls and repetitions included."""
        return self._http.calls

    def close(self) -> None:
        self._http.close()

    def notices(self) -> list[str]:
        """What will end within eight weeks: the sign-in, the version of the interface.

        Raises:
            Invalid: ``<side>.credentials`` if it has ended. Unavailable: not reached.
        """
        found = []
        left_s = self._tokens.grant().extra.get("refresh_token_expires_in")
        if isinstance(left_s, int) and timedelta(seconds=left_s) < NOTICE:
            until = self._clock.now() + timedelta(seconds=left_s)
            found.append(
                f"the refresh token ends on {until:%Y-%m-%d}, and deliveries with it; "
                "sign in at LinkedIn again and replace refresh_token before"
            )
        ends = _month(self._access.version) + VERSION_LIFE
        if ends - self._clock.now() < NOTICE:
            found.append(
                f"LinkedIn serves version {self._access.version} until about {ends:%B %Y}; "
                "set a newer `version`"
            )
        return found

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        restli: str | None = None,
        answers: Collection[int] = (),
        safe: bool = True,
    ) -> Reply:
        """Make a call below ``/rest``.

        Args:
            restli: the ``X-RestLi-Method``, such as ``BATCH_CREATE``.
            answers: statuses that are an answer here, besides those that mean success.
            safe: repeating it does no harm.

        Raises:
            Invalid: ``<side>.credentials``, ``<side>.rights``, ``<side>.version``, ``<side>.request``.
            Unavailable: as ``Http.call``.
        """
        headers = {
            "LinkedIn-Version": self._access.version,
            "X-Restli-Protocol-Version": "2.0.0",
            "Content-Type": "application/json",
        }
        if restli is not None:
            headers["X-RestLi-Method"] = restli

        def judge(reply: Reply) -> Again | None:
            if 200 <= reply.status < 300:
                if reply.body:
                    reply.json()  # an answer that is cut off is noticed here, where the call can be repeated
                return None
            return None if reply.status in answers else self._refusal(reply)

        return self._http.call(
            method, f"/rest{path}", judge=judge, params=params, json=json, headers=headers, safe=safe
        )

    def _refusal(self, reply: Reply) -> Again:
        """What an error asks for: another token, another try, or a human."""
        code, words = _said(reply)
        facts = {"name": self.name, "status": reply.status, "vendor_code": code, "words": words}
        if reply.status == 401:
            return Again(f"status 401, code {code}" if code in _TOKEN_CODES else "status 401", renew=True)
        if reply.status in (409, 423):
            return Again(f"status {reply.status}")
        if reply.status == 403:
            raise Invalid(
                f"{self._side}.rights",
                f"{self.name}: LinkedIn does not allow this ({words}); check the account, the scopes "
                "rw_dmp_segments and rw_ads of the application, and the role of who signed in",
                **facts,
            )
        if reply.status == 426:
            raise Invalid(
                f"{self._side}.version",
                f"{self.name}: LinkedIn no longer serves version {self._access.version} of its interface; "
                "set `version` to a newer year and month",
                **facts,
            )
        raise Invalid(
            f"{self._side}.request",
            f"{self.name}: LinkedIn refuses the call with status {reply.status}: {words}",
            **facts,
        )

    def _ask(self) -> Grant:
        """Make an access token from the refresh token."""
        access = self._access
        reply = self._http.call(
            "POST",
            access.token_url,
            judge=self._token_judge,
            form={
                "grant_type": "refresh_token",
                "refresh_token": access.refresh_token,
                "client_id": access.client_id,
                "client_secret": access.client_secret,
            },
            safe=True,
            authorised=False,
        )
        body = reply.json()
        if not isinstance(body, dict) or not isinstance(body.get("access_token"), str):
            raise Unavailable(
                f"{self._side}.answer", f"{self.name}: LinkedIn's answer to the token call holds no token"
            )
        life_s = body.get("expires_in")
        return Grant(body["access_token"], float(life_s) if life_s is not None else None, extra=body)

    def _token_judge(self, reply: Reply) -> Again | None:
        if reply.status == 200:
            reply.json()
            return None
        body = reply.json()
        error = str(body.get("error", "")) if isinstance(body, dict) else ""
        if error == "invalid_grant":
            raise Invalid(
                f"{self._side}.credentials",
                f"{self.name}: LinkedIn no longer takes the refresh token; somebody has to sign in "
                "at LinkedIn again, then replace refresh_token",
                name=self.name,
                error=error,
            )
        raise Invalid(
            f"{self._side}.credentials",
            f"{self.name}: LinkedIn gives no token (status {reply.status} {error}); "
            "check client_id and client_secret",
            name=self.name,
            error=error,
        )


def _said(reply: Reply) -> tuple[int | str | None, str]:
    try:
        body = reply.json()
    except CutOff:
        body = None
    if not isinstance(body, dict):
        return None, "no reason given"
    return body.get("serviceErrorCode", body.get("code")), str(body.get("message", "no reason given"))[:500]


def _month(version: str) -> datetime:
    return datetime(int(version[:4]), int(version[4:]), 15, tzinfo=UTC)
