"""Messages of the XDM platform's collection interface: an envelope, a bare XDM object, or many of them.

An envelope is ``{"header": …, "body": {"xdmMeta": …, "xdmEntity": {…}}}``; only the entity is ours to keep.
The class is the inlet's own.
"""

from __future__ import annotations

from typing import Any

from townsend.intake.inlet.messages import Message, decoded, object_of
from townsend.problem import Invalid

__all__ = ["MESSAGES_MAX", "batch", "lines", "single"]

MESSAGES_MAX = 10_000  # of one request


def single(body: bytes, cls: str) -> Message:
    """The one message of a body.

    Raises:
        Invalid: ``inlet.syntax``, ``inlet.shape``.
    """
    return Message(cls, _entity(decoded(body), "the body"))


def batch(body: bytes, cls: str) -> list[Message | Invalid]:
    """The messages of ``{"messages": […]}`` in order; for one that is none, why.

    Raises:
        Invalid: ``inlet.syntax``, ``inlet.shape`` if the body as a whole is no batch.
    """
    messages = object_of(decoded(body), "the body").get("messages")
    if not isinstance(messages, list):
        raise Invalid("inlet.shape", 'the body: expected {"messages": […]}', place="messages")
    _bounded(len(messages))
    return [_message(value, cls, at, f"messages[{at}]") for at, value in enumerate(messages)]


def lines(body: bytes, cls: str) -> list[Message | Invalid]:
    """The messages of a body with one JSON object a line; blank lines are none."""
    texts = [(n, text) for n, text in enumerate(body.split(b"\n"), 1) if text.strip()]
    _bounded(len(texts))
    found: list[Message | Invalid] = []
    for at, (n, text) in enumerate(texts):
        try:
            found.append(_message(decoded(text), cls, at, f"line {n}"))
        except Invalid as problem:
            found.append(Invalid(problem.code, f"line {n}: {problem.text}", **problem.facts))
    return found


def _bounded(count: int) -> None:
    if count > MESSAGES_MAX:
        raise Invalid(
            "inlet.many", f"a request carries at most {MESSAGES_MAX:,} messages, got {count:,}; send several"
        )


def _message(value: Any, cls: str, at: int, place: str) -> Message | Invalid:
    try:
        return Message(cls, _entity(value, place), at)
    except Invalid as problem:
        return problem


def _entity(value: Any, place: str) -> dict[str, Any]:
    """The XDM object of a message, out of its envelope if it has one."""
    message = object_of(value, place)
    body = message.get("body")
    if isinstance(body, dict) and "xdmEntity" in body:
        return object_of(body["xdmEntity"], f"{place}: body.xdmEntity")
    if "header" in message and "body" in message:
        raise Invalid("inlet.shape", f"{place}: the envelope has no body.xdmEntity", place="body.xdmEntity")
    return message
