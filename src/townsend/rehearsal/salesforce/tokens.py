"""Sessions of a rehearsal org, ended by idle time: for a secret, a signed statement, or a refresh token."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Protocol

from townsend.rehearsal.salesforce.assertion import AUDIENCES, JWT_BEARER, refusal_of
from townsend.rehearsal.times import HOUR_MS
from townsend.rehearsal.web import Answer, Request, as_json

__all__ = ["SESSION_MS", "Sessions"]

SESSION_MS = 2 * HOUR_MS


class _Home(Protocol):
    base_url: str


class Sessions:
    """The sessions of one connected app.

    Args:
        client: consumer key and secret.
        org: the org's id.
        username: the user that it runs as.
        salt: makes the session ids repeat on a seed.
    """

    def __init__(self, client: tuple[str, str], org: str, username: str, salt: str) -> None:
        self._client = client
        self._org = org
        self._username = username
        refresh = hashlib.sha256(f"{salt}/refresh".encode()).digest()
        self.refresh_token = f"5Aep861{base64.urlsafe_b64encode(refresh).decode().rstrip('=')}"
        self._salt = salt
        self._count = 0
        self._until: dict[str, int] = {}

    def live(self, token: str, now_ms: int) -> bool:
        """Whether a session still holds; using it makes it last longer."""
        if self._until.get(token, 0) <= now_ms:
            self._until.pop(token, None)
            return False
        self._until[token] = now_ms + SESSION_MS
        return True

    def forget(self) -> None:
        """End every session."""
        self._until.clear()

    def answer(self, path: str, request: Request, home: _Home) -> Answer:
        """Token, introspection and revocation calls."""
        if request.method != "POST":
            return _no("invalid_request", "must use HTTP POST")
        if path == "/services/oauth2/token":
            return self._token(request, home)
        if path == "/services/oauth2/introspect":
            return self._introspect(request)
        if path == "/services/oauth2/revoke":
            self._until.pop(request.field("token"), None)
            return Answer(200)
        return _no("invalid_request", "unknown OAuth endpoint")

    def _token(self, request: Request, home: _Home) -> Answer:
        if refused := self._refused(request, home):
            return _no(*refused)
        self._count += 1
        digest = hashlib.sha256(f"{self._salt}/{self._count}/{request.now_ms}".encode()).digest()
        token = f"{self._org[:15]}!{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
        self._until[token] = request.now_ms + SESSION_MS
        signature = base64.b64encode(hashlib.sha256(token.encode()).digest()).decode()
        return as_json(
            {
                "access_token": token,
                "signature": signature,
                "scope": "api",
                "instance_url": home.base_url,
                "id": f"{home.base_url}/id/{self._org}/integration",
                "token_type": "Bearer",
                "issued_at": str(request.now_ms),
            }
        )

    def _refused(self, request: Request, home: _Home) -> tuple[str, str] | None:
        """Why a token call gets no session; None if it gets one."""
        grant = request.field("grant_type")
        if grant == JWT_BEARER:
            audiences = (*AUDIENCES, home.base_url)
            assertion = request.field("assertion")
            return refusal_of(assertion, self._client[0], self._username, audiences, request.now_ms)
        if grant not in {"client_credentials", "refresh_token"}:
            return "unsupported_grant_type", "grant type not supported"
        client, secret = _credentials(request)
        if client != self._client[0]:
            return "invalid_client_id", "client identifier invalid"
        if secret != self._client[1]:
            return "invalid_client", "invalid client credentials"
        if grant == "refresh_token" and request.field("refresh_token") != self.refresh_token:
            return "invalid_grant", "expired access/refresh token"
        return None

    def _introspect(self, request: Request) -> Answer:
        if _credentials(request) != self._client:
            return _no("invalid_client", "invalid client credentials")
        until = self._until.get(request.field("token"), 0)
        if until <= request.now_ms:
            return as_json({"active": False})
        return as_json({"active": True, "exp": until // 1000, "token_type": "access_token", "scope": "api"})


def _credentials(request: Request) -> tuple[str, str]:
    kind, _, packed = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            client, _, secret = base64.b64decode(packed, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return client, secret
    return request.field("client_id"), request.field("client_secret")


def _no(error: str, description: str) -> Answer:
    return as_json({"error": error, "error_description": description}, 400)
