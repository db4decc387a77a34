"""How an org says no: an array of errors beside an HTTP status."""

from __future__ import annotations

from collections.abc import Sequence

from townsend.rehearsal.web import Answer, as_json

__all__ = ["Fault", "refusal"]


class Fault(Exception):
    """A call that the org refuses."""

    def __init__(self, status: int, code: str, message: str, fields: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.fields = fields


def refusal(status: int, code: str, message: str, fields: Sequence[str] = ()) -> Answer:
    """``[{"message": …, "errorCode": …}]``, with the fields concerned if there are any."""
    error = {"message": message, "errorCode": code} | ({"fields": list(fields)} if fields else {})
    return as_json([error], status)
