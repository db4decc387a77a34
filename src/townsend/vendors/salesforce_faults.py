"""What a Salesforce org says when it says no, and what to do about it."""

from __future__ import annotations

import json

from townsend.problem import Invalid, Unavailable
from townsend.vendors.http import Again, Reply

__all__ = ["OrgFault", "refused"]

WORDS_MAX = 200
LONG_CALLS_S = 5.0
LIMIT_WAITS_S = (5.0, 10.0, 20.0)


class OrgFault(Invalid):
    """The org refuses a call. ``said`` is its error code, such as ``INVALID_FIELD``."""

    def __init__(self, name: str, status: int, said: str, words: str) -> None:
        text = f"{name}: Salesforce refuses the call, {said or f'status {status}'}: {words[:WORDS_MAX]}"
        super().__init__("source.refused", text, source=name, status=status, said=said)
        self.said = said


def refused(name: str, reply: Reply, times: int, used: tuple[int, int] | None = None) -> Again | None:
    """What to do about an answer that is no success.

    Args:
        name: what the project calls the source.
        times: how often this call was refused so far, this time included.
        used: calls of the last 24 hours, and how many there may be, if the org ever told.

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
        told = f" ({used[0]:,} of {used[1]:,})" if used else ""
        raise Unavailable(
            "vendor.quota",
            f"{name}: the org's calls of 24 hours are used up{told}, by all its programs together; "
            "what came is kept, and the next run goes on there. Run again later, or have the limit raised",
            source=name,
        )
    if reply.status == 420 or said == "SERVER_UNAVAILABLE":
        return Again(said or f"status {reply.status}", processed=True)
    raise OrgFault(name, reply.status, said, words)


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
