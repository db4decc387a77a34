"""One HTTP client for a vendor's account: paced, authorised, patient within named bounds.

A call is repeated when nothing can have come of it, or when repeating it changes nothing (``safe``):
connections that fail or drop, answers cut off in the middle, pages of a gateway, throttling, tokens that
ended early. What an answer means is the vendor's ``judge``; everything else is the same for all vendors.
Texts of errors name the host and never hold secrets, queries or bodies.
"""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from threading import get_ident
from typing import IO, Any
from urllib.parse import urlsplit

import httpx
import tenacity

from townsend.clock import Clock
from townsend.problem import Broken, Invalid, Unavailable
from townsend.vendors.pacing import Budget
from townsend.vendors.patience import Patience, Side, given_up
from townsend.vendors.replies import Again, CutOff, Judge, Reply, Transient, gateway
from townsend.vendors.tokens import Tokens

__all__ = ["Again", "Http", "Judge", "Patience", "Reply", "Side"]

BODY_BYTES_MAX = 64 * 1024 * 1024
RENEWALS_MAX = 2
CONNECT_S = 10.0
ANSWER_S = 120.0
_SAFE = {"GET", "HEAD", "OPTIONS"}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class Http:
    """Calls of one account.

    Args:
        name: what the project calls the source or destination.
        side: which of both it is; error codes begin with it.
        base_url: scheme, host and port that paths are appended to.
        clock: the time in which it waits between attempts.
        budget: the account's budget; each attempt counts.
        tokens: where the bearer token comes from; set later by vendors whose token call uses this client.
        transport: how to reach the host, for tests.
        rng: jitter.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        clock: Clock,
        budget: Budget,
        *,
        side: Side = "source",
        tokens: Tokens | None = None,
        patience: Patience | None = None,
        transport: httpx.BaseTransport | None = None,
        rng: Random | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Invalid(
                "settings.url",
                f"{name}: base_url: expected an address such as https://host, got {base_url!r}",
                name=name,
            )
        self.name = name
        self.side = side
        bare = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.host = bare if parts.port is None else f"{bare}:{parts.port}"
        self.tokens = tokens
        self.budget = budget
        self._made: Counter[int] = Counter()
        self._clock = clock
        self._origin = f"{parts.scheme}://{self.host}"
        self._base = self._origin + parts.path.rstrip("/")
        self._patience = patience or Patience()
        self._rng = rng or Random()  # noqa: S311  jitter, no secret
        self._client = httpx.Client(
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            transport=transport,
            follow_redirects=False,
            trust_env=parts.hostname not in _LOOPBACK,
            # Reading the trusted certificates takes a while and is of no use to an unencrypted address.
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if parts.scheme == "http" else True,
        )

    @property
    def calls(self) -> int:
        """Calls that the thread that asks has made, repetitions included."""
        return self._made[get_ident()]

    def close(self) -> None:
        self._client.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        judge: Judge,
        params: Mapping[str, Any] | list[tuple[str, Any]] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        safe: bool | None = None,
        authorised: bool = True,
        bytes_max: int = BODY_BYTES_MAX,
        into: IO[bytes] | None = None,
    ) -> Reply:
        """Make a call until it is answered for good.

        Args:
            path: below ``base_url``, or a whole address; a token is only sent to the base's own host.
            judge: reads an answer: None takes it, ``Again`` repeats the call; it raises what is final.
            safe: repeating does no harm even if it was carried out before; by default so for GET.
            authorised: send the bearer token.
            bytes_max: the largest answer to hold in memory.
            into: a file that takes the body of a good answer; a repeated call goes on where it broke off.

        Raises:
            Unavailable: ``<side>.unreachable``, ``<side>.busy``, ``<side>.too_large``;
                ``<side>.uncertain``, it may have been carried out.
            Invalid: ``<side>.credentials``, new tokens are not taken either;
                ``<side>.address``, a redirection.
        """
        url = self._url(path)
        if authorised and not url.startswith(self._origin + "/"):
            raise Broken(f"{self.side}.origin", f"{self.name}: the token is only sent to {self.host}")
        request = _Request(
            method,
            url,
            {"params": params, "json": json, "data": form, "content": content},
            dict(headers or {}),
            method in _SAFE if safe is None else safe,
            authorised and self.tokens is not None,
            bytes_max,
            into,
        )
        try:
            return self._retrying(request)(self._attempt, request, judge)
        except Transient as last:
            raise given_up(last.again, self.side, self.name, self.host, request.safe) from None

    def _retrying(self, request: _Request) -> tenacity.Retrying:
        return tenacity.Retrying(
            sleep=self._clock.sleep,
            wait=lambda state: self._patience.wait_s(_last(state), state.attempt_number, self._rng.random()),
            stop=lambda state: self._enough(state, request),
            retry=tenacity.retry_if_exception_type(Transient),
            reraise=True,
        )

    def _enough(self, state: tenacity.RetryCallState, request: _Request) -> bool:
        again = _last(state)
        if again.renew:
            return request.renewals > RENEWALS_MAX
        slept_s = state.idle_for + state.upcoming_sleep
        return self._patience.ends(again, state.attempt_number, slept_s, request.safe)

    def _url(self, path: str) -> str:
        return path if "://" in path else f"{self._base}/{path.lstrip('/')}"

    def _attempt(self, request: _Request, judge: Judge) -> Reply:
        token = self.tokens.value() if request.authorised and self.tokens is not None else ""
        headers = {**request.headers, **({"Authorization": f"Bearer {token}"} if token else {})}
        with self.budget.call():
            self._made[get_ident()] += 1
            reply = self._send(request, headers)
        if 300 <= reply.status < 400:
            raise Invalid(
                f"{self.side}.address",
                f"{self.name}: {self.host} sends calls elsewhere (status {reply.status}); check base_url",
                name=self.name,
                host=self.host,
            )
        again = gateway(reply)
        if again is None:
            try:
                again = judge(reply)
            except CutOff as error:
                again = Again(str(error), processed=True)
        if again is None:
            return reply
        if again.renew and self.tokens is not None:
            request.renewals += 1
            self.tokens.forget(token)
        if again.throttled:
            self.budget.pause(again.after_s or self._patience.first_s)
        raise Transient(again)

    def _send(self, request: _Request, headers: dict[str, str]) -> Reply:
        if request.into is not None:
            headers["Accept-Encoding"] = "identity"
            if request.into.tell():
                headers["Range"] = f"bytes={request.into.tell()}-"
        content = {key: value for key, value in request.content.items() if value is not None}
        try:
            with self._client.stream(request.method, request.url, headers=headers, **content) as answer:
                body = self._body(answer, request)
                return Reply(answer.status_code, answer.headers, body)
        except _NOT_CONNECTED as error:
            raise Transient(Again(_words(error), connected=False)) from None
        except (httpx.HTTPError, httpx.StreamError) as error:
            # An idle connection may be closed just as we use it: the first repetition need not wait.
            at_once = 0.0 if not request.dropped and isinstance(error, httpx.RemoteProtocolError) else None
            request.dropped = True
            raise Transient(Again(_words(error), after_s=at_once, processed=True)) from None

    def _body(self, answer: httpx.Response, request: _Request) -> bytes:
        kind = answer.headers.get("content-type", "")
        if request.into is not None and answer.status_code in (200, 206) and not _is_answer(kind):
            if answer.status_code == 200:
                request.into.seek(0)
                request.into.truncate()
            for part in answer.iter_bytes():
                request.into.write(part)
            return b""
        parts = []
        size = 0
        for part in answer.iter_bytes():
            size += len(part)
            if size > request.bytes_max:
                raise Unavailable(
                    f"{self.side}.too_large",
                    f"{self.name}: {self.host} answered with more than {request.bytes_max:,} bytes; "
                    "that is no answer this call has",
                    host=self.host,
                    bytes_max=request.bytes_max,
                )
            parts.append(part)
        return b"".join(parts)


@dataclass
class _Request:
    method: str
    url: str
    content: Mapping[str, Any]
    headers: dict[str, str]
    safe: bool
    authorised: bool
    bytes_max: int
    into: IO[bytes] | None
    renewals: int = 0
    dropped: bool = False


def _last(state: tenacity.RetryCallState) -> Again:
    error = state.outcome.exception() if state.outcome is not None else None
    assert isinstance(error, Transient), "only transient failures are repeated"
    return error.again


def _is_answer(content_type: str) -> bool:
    """Whether this is the vendor's or a gateway's words, and not a file."""
    return "json" in content_type or "html" in content_type


_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (httpx.ConnectTimeout, "no connection in time"),
    (httpx.PoolTimeout, "no free connection in time"),
    (httpx.ConnectError, "no connection"),
    (httpx.TimeoutException, "no answer in time"),
    (httpx.DecodingError, "an answer that cannot be unpacked"),
    (httpx.RemoteProtocolError, "the connection dropped"),
    (httpx.NetworkError, "the connection broke"),
    (httpx.UnsupportedProtocol, "an address it cannot call"),
)


def _words(error: Exception) -> str:
    return next((words for kind, words in _WORDS if isinstance(error, kind)), type(error).__name__)
