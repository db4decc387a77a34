"""How Marketo answers: success or not inside a body, nearly always with HTTP 200."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from townsend.rehearsal.web import Answer, as_json

__all__ = ["NOTHING_FOUND", "Fault", "asset", "bad_filter", "fail", "failure", "skipped", "success", "whole"]

NOTHING_FOUND = "No assets found for the given search criteria."


class Fault(Exception):
    """A call that fails as a whole, with Marketo's code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def fail(code: int, message: str) -> NoReturn:
    """Raise a Fault."""
    raise Fault(str(code), message)


def bad_filter(kind: str) -> NoReturn:
    """Refuse a ``filterType`` that is missing or not supported."""
    fail(1003 if kind else 1002, f"Invalid filterType '{kind}'" if kind else "Missing value for 'filterType'")


def success(request_id: str, result: Sequence[Any] | None = None, **more: Any) -> Answer:
    """A lead database answer; without ``result`` if it is None."""
    body: dict[str, Any] = {"requestId": request_id, "success": True}
    if result is not None:
        body["result"] = result
    return as_json(body | more)


def asset(request_id: str, result: Sequence[Any]) -> Answer:
    """An asset answer: empty lists are told, an empty result is a warning."""
    body: dict[str, Any] = {"success": True, "errors": [], "requestId": request_id}
    if result:
        return as_json(body | {"warnings": [], "result": result})
    return as_json(body | {"warnings": [NOTHING_FOUND]})


def failure(request_id: str, code: str, message: str) -> Answer:
    """A response-level error."""
    error = {"code": code, "message": message}
    return as_json({"requestId": request_id, "success": False, "errors": [error]})


def skipped(code: int, message: str, **more: Any) -> dict[str, Any]:
    """The outcome of a record that was left out, and why."""
    return {**more, "status": "skipped", "reasons": [{"code": str(code), "message": message}]}


def whole(text: str, name: str, low: int = 0, high: int = 2**63 - 1) -> int:
    """A whole number from a parameter; Fault 1001 if it is none, 1003 out of bounds."""
    try:
        value = int(text)
    except ValueError:
        fail(1001, f"Invalid value '{text}' for '{name}'. Required of type 'Integer'")
    if not low <= value <= high:
        fail(1003, f"Invalid value for '{name}': expected {low} to {high}")
    return value


def words(values: Iterable[str]) -> list[str]:
    """Values that came repeated or joined by commas."""
    return [word.strip() for value in values for word in value.split(",") if word.strip()]
