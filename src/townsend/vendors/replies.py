"""Answers of a vendor, and what may be wrong with one before the vendor's own words are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import msgspec

__all__ = ["Again", "CutOff", "Judge", "Reply", "Transient", "gateway", "seconds_of"]

THROTTLED_S = 20.0
_decoder = msgspec.json.Decoder(float_hook=Decimal)


class CutOff(Exception):
    """An answer that ends in the middle, or is not what it says it is."""


@dataclass(frozen=True, slots=True)
class Again:
    """A call has to be made again.

    Args:
        why: in a few words, without values.
        after_s: seconds to wait; None lets the wait grow.
        processed: it may have been carried out; only a safe call is repeated.
        throttled: too many calls; everybody who shares the budget waits.
        renew: the token is not taken; get another.
        connected: whether the host was reached.
    """

    why: str
    after_s: float | None = None
    processed: bool = False
    throttled: bool = False
    renew: bool = False
    connected: bool = True


class Transient(Exception):
    """An attempt that may be made again."""

    def __init__(self, again: Again) -> None:
        super().__init__(again.why)
        self.again = again


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: status, headers (any letter case), body."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def kind(self) -> str:
        """The content type without its parameters, lower case."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body read as JSON, numbers with a fraction as ``Decimal``.

        Raises:
            CutOff: it is none; inside a judge this repeats a safe call.
        """
        try:
            return _decoder.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise CutOff("an answer that is cut off or no JSON") from None


Judge = Callable[[Reply], Again | None]


def gateway(reply: Reply) -> Again | None:
    """What a gateway in front of any vendor says; None if the answer is the vendor's own."""
    if reply.status == 429:
        return Again("status 429", after_s=seconds_of(reply, THROTTLED_S), throttled=True)
    if reply.status == 408:
        return Again("status 408", processed=True)
    if reply.status >= 500:
        if "retry-after" in reply.headers:
            return Again(f"status {reply.status}", after_s=seconds_of(reply, THROTTLED_S), processed=True)
        return Again(f"status {reply.status}", processed=True)
    if reply.kind == "text/html":
        return Again("a gateway's page", processed=True)
    return None


def seconds_of(reply: Reply, default: float) -> float:
    """The seconds that ``Retry-After`` names; a date is counted from the answer's own ``Date``."""
    text = reply.headers.get("retry-after", "").strip()
    if text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
        return max(0.0, (until - parsedate_to_datetime(reply.headers["date"])).total_seconds())
    except (KeyError, TypeError, ValueError):
        return default
