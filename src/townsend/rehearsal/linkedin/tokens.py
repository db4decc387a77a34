"""Signing in at LinkedIn: a refresh token that a human once got, and access tokens made from it.

An access token lives 60 days; a refresh token 365 days from the sign-in, and using it does not extend it.
"""

from __future__ import annotations

import hashlib

from townsend.rehearsal.linkedin.checks import fault
from townsend.rehearsal.times import DAY_MS, SECOND_MS
from townsend.rehearsal.web import FORM, Answer, Request, as_json

__all__ = ["ACCESS_MS", "REFRESH_MS", "SCOPE", "Tokens"]

ACCESS_MS = 60 * DAY_MS
REFRESH_MS = 365 * DAY_MS
SCOPE = "rw_ads,rw_dmp_segments"


class Tokens:
    """Hands out access tokens, and knows the good from the revoked and the expired.

    Args:
        client: the application's id and secret.
        seed: the same seed gives the same refresh token.
        signed_in_ms: when the human signed in.
    """

    def __init__(self, client: tuple[str, str], seed: int, signed_in_ms: int) -> None:
        self._client = client
        self._seed = seed
        self.refresh_token = "AQ" + _digest(seed, "refresh")
        self.signed_in_ms = signed_in_ms
        self._ends: dict[str, int] = {}
        self._revoked: set[str] = set()
        self._made = 0

    def hand_out(self, request: Request) -> Answer:
        """Answer a token call."""
        if request.content_type != FORM:
            return _no("invalid_request", "Content-Type must be application/x-www-form-urlencoded")
        if request.field("grant_type") != "refresh_token":
            return _no("unsupported_grant_type", "This application may use grant_type refresh_token")
        if (request.field("client_id"), request.field("client_secret")) != self._client:
            return _no("invalid_client", "Client authentication failed", 401)
        left_ms = self.signed_in_ms + REFRESH_MS - request.now_ms
        if request.field("refresh_token") != self.refresh_token:
            return _no("invalid_grant", "The provided refresh token is invalid")
        if left_ms <= 0:
            return _no("invalid_grant", "The provided refresh token has expired")
        self._made += 1
        token = "AQ" + _digest(self._seed, "access", self._made, request.now_ms)
        life_ms = min(ACCESS_MS, left_ms)
        self._ends[token] = request.now_ms + life_ms
        return as_json(
            {
                "access_token": token,
                "expires_in": life_ms // SECOND_MS,
                "refresh_token": self.refresh_token,
                "refresh_token_expires_in": left_ms // SECOND_MS,
                "scope": SCOPE,
            }
        )

    def refusal(self, request: Request) -> Answer | None:
        """Why a call's token is not taken."""
        token = request.bearer
        if token in self._revoked:
            return fault(401, "The token used in the request has been revoked by the user", 65601)
        if token not in self._ends:
            return fault(401, "Invalid access token", 65600)
        if request.now_ms >= self._ends[token]:
            return fault(401, "The token used in the request has expired", 65602)
        return None

    def revoke(self) -> None:
        """Let every access token end; the refresh token stays good."""
        self._revoked |= set(self._ends)


def _no(error: str, description: str, status: int = 400) -> Answer:
    return as_json({"error": error, "error_description": description}, status)


def _digest(*parts: object) -> str:
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()
