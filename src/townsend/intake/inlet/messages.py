"""What an inlet hands on, and how a request is written to the log so that it reads the same again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec

from townsend.intake.items import decoder
from townsend.problem import Invalid

__all__ = ["Entry", "Form", "Message", "decoded", "entry_of", "entry_text", "object_of"]

Form = Literal["collection", "batch", "ndjson", "segment"]


@dataclass(frozen=True, slots=True)
class Message:
    """A row of one class.

    Args:
        cls: the class.
        row: nested, XDM-shaped.
        at: which of the request's messages it came from, from 0.
        patch: whether what the row does not name stays as it was.
    """

    cls: str
    row: dict[str, Any]
    at: int = 0
    patch: bool = False


class Entry(NamedTuple):
    """A request as it was accepted.

    Args:
        form: how its body is to be read.
        inlet: the inlet's name.
        kind: the call of a Segment-style library, else empty.
        received_ms: when, in epoch milliseconds.
        body: as it was sent, unpacked.
    """

    form: Form
    inlet: str
    kind: str
    received_ms: int
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


def entry_text(entry: Entry) -> bytes:
    """An accepted request as the log keeps it."""
    return _encode(entry)


def entry_of(payload: bytes) -> Entry:
    """The request that the log kept.

    >>> entry_of(entry_text(Entry("batch", "web", "", 5, b"{}"))).inlet
    'web'
    """
    return _decode(payload)


def decoded(body: bytes) -> Any:
    """The JSON of a body; numbers with a point are decimals.

    Raises:
        Invalid: ``inlet.syntax``.
    """
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("inlet.syntax", f"the body is not JSON: {error}") from None


def object_of(value: Any, what: str) -> dict[str, Any]:
    """A value that has to be an object.

    Raises:
        Invalid: ``inlet.shape``.
    """
    if not isinstance(value, dict):
        kind = "an array" if isinstance(value, list) else type(value).__name__
        raise Invalid("inlet.shape", f"{what}: expected an object, got {kind}", place=what)
    return value
