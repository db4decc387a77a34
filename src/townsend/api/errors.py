"""Problems as HTTP says them: one shape, ``{"error": {"code", "message", "facts"}}``, and a status each."""

from __future__ import annotations

import json
from typing import Any

from townsend.problem import Broken, Invalid, Problem, Refused, Unavailable
from townsend.project.plain import plain

__all__ = ["body_of", "status_of"]

_STATUS = ((Unavailable, 503), (Refused, 422), (Invalid, 400), (Broken, 500))
_CODES = {
    "who.several": 409,
    "api.changed": 412,
    "api.token": 401,
    "api.host": 421,
    "api.body": 400,
    "quarantine.unknown": 404,
}


def status_of(problem: Problem) -> int:
    """The status that tells a program what to do next."""
    if problem.code in _CODES:
        return _CODES[problem.code]
    if (
        isinstance(problem, Invalid)
        and problem.code.endswith(".unknown")
        and not problem.code.startswith("pql.")
    ):
        return 404
    return next(status for kind, status in _STATUS if isinstance(problem, kind))


def body_of(code: str, message: str, facts: dict[str, Any] | None = None) -> bytes:
    """The one shape of errors."""
    error = {"error": {"code": code, "message": message, "facts": facts or {}}}
    return json.dumps(error, ensure_ascii=False, default=_any).encode()


def _any(value: Any) -> Any:
    try:
        return plain(value)
    except TypeError:
        return str(value)
