"""What a Salesforce org says when it says no, and what to do about it."""

from __future__ import annotations

import json

from townsend.problem import Invalid, Unavailable
from townsend.vendors.http import Again, Reply

__all__ = ["TOKEN_REMEDIES", "OrgFault", "refused"]

WORDS_MAX = 200
LONG_CALLS_S = 5.0
LIMIT_WAITS_S = (5.0, 10.0, 20.0)


class OrgFault(Invalid):
    """The org refuses a call. ``said`` is its error code, such as ``INVALID_FIELD``."""

    def __init__(self, name: str, status: int, said: str, words: str) -> None:
        text = f"{name}: Salesforce refuses the call, {said or f'status {status}'}: {words[:WORDS_MAX]}"
        super().__init__("source.refused", text, source=name, status=status, said=said)
        self.said = said


def refused(name: str, reply: Reply, times: int) -> Again | None:
    """What to do about an answer that is no success.

    Args:
        name: what the project calls the source.
        times: how often this call was refused so far, this time included.

    Returns:
        How the call is made again.

    Raises:
        OrgFault: the org does not want this call. Unavailable: ``vendor.quota``.
    """
    said, words = _said(reply)
    if reply.status == 401:
        return Again(said or "status 401", renew=True)
    if said == "REQUEST_LIMIT_EXCEEDED":
        if "Concurrent" in words:
            return Again("too many long calls at a time", after_s=LONG_CALLS_S, throttled=True)
        if times <= len(LIMIT_WAITS_S):
            # The day is a rolling one: calls fall out of it all the time.
            return Again(
                "the org's calls of 24 hours used up", after_s=LIMIT_WAITS_S[times - 1], throttled=True
            )
        raise Unavailable(
            "vendor.quota",
            f"{name}: the org's calls of 24 hours are used up, by all its programs together; "
            "run again later, or have its limit raised",
            source=name,
        )
    if reply.status == 420 or said == "SERVER_UNAVAILABLE":
        return Again(said or f"status {reply.status}", processed=True)
    raise OrgFault(name, reply.status, said, words)


TOKEN_REMEDIES = {
    "invalid_client_id": "check client_id",
    "invalid_client": "check client_secret",
    "invalid_grant": "the app needs the client credentials flow and a user it runs as",
    "inactive_user": "the user that the app runs as is not active",
    "unsupported_grant_type": "switch the client credentials flow on in the app",
}


def _said(reply: Reply) -> tuple[str, str]:
    """The org's error code and words; nothing if it speaks otherwise."""
    try:
        body = json.loads(reply.body)
    except ValueError:
        return "", "no reason given"
    first = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, dict):
        return "", "no reason given"
    said = str(first.get("errorCode") or first.get("error") or "")
    return said, str(first.get("message") or first.get("error_description") or "no reason given")
