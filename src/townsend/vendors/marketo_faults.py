"""What Marketo's codes mean for a call: made again, and when, or a problem, and whose.

Nearly every answer is HTTP 200; what failed stands in ``errors`` by code. Codes of single records are no
matter of this file: they stand in ``result`` and are the caller's.
"""

from __future__ import annotations

import re
from typing import Any

from townsend.problem import Broken, Invalid, Problem, Unavailable
from townsend.vendors.patience import Side
from townsend.vendors.replies import Again

__all__ = ["NOTHING_FOUND", "WINDOW_S", "failure", "later", "words_of"]

WINDOW_S = 20.0
NOTHING_FOUND = "702"
_RENEW = {"601", "602"}
_SHORT_WAITS = {"615": 2.0, "1016": 30.0, "1019": 30.0}
# Not carried out / perhaps carried out.
_LATER = {"608", "614", "713", "719", "1014", "1022"}
_PERHAPS = {"502", "604", "611"}
_RIGHTS = {"603"}
_OURS = {"605", "609", "612", "613"}
_ADDRESS = re.compile(r"[^\s@'\"]+@[^\s@'\"]+")


def later(code: str) -> Again | None:
    """What a response-level code says of repeating the call; None if that does not help."""
    if code in _RENEW:
        return Again(f"code {code}", renew=True)
    if code == "606":
        return Again("code 606, too many calls", after_s=WINDOW_S, throttled=True)
    if code in _SHORT_WAITS:
        return Again(f"code {code}", after_s=_SHORT_WAITS[code])
    if code in _LATER:
        return Again(f"code {code}")
    return Again(f"code {code}", processed=True) if code in _PERHAPS else None


def failure(side: Side, name: str, host: str, code: str, words: str, status: int = 200) -> Problem:
    """The problem that a code is when nothing else can be done about it."""
    facts = {"name": name, "host": host, "vendor_code": code}
    said = f"{name}: Marketo says {code or f'status {status}'}: {words or 'nothing more'}"
    if code == "607":
        return Unavailable(
            "vendor.quota", f"{said}; the day's calls are used up until midnight US Central", **facts
        )
    if code in _RIGHTS:
        text = "; the API user's role lacks a permission, or its allow-list lacks this machine's address"
        return Invalid(f"{side}.rights", said + text, **facts)
    if code in _OURS:
        return Broken(f"{side}.call", said, **facts)
    return Invalid(f"{side}.request", said, **facts)


def words_of(body: Any) -> tuple[str, str]:
    """The first error of an envelope: its code and its words; both empty if there is none."""
    errors = body.get("errors") if isinstance(body, dict) else None
    if not errors:
        return "", ""
    # A message may repeat what was sent; addresses of people stay out of ours.
    words = _ADDRESS.sub("…", str(errors[0].get("message", "")))
    return str(errors[0].get("code", "")), words[:200]
