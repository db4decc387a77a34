"""What a delivery did, as people and machines are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from townsend.problem import Problem

__all__ = ["DeliveryReport", "DeliveryState"]

DeliveryState = Literal["delivered", "up to date", "empty", "paused", "waiting", "failed", "kept", "emptied"]


@dataclass
class DeliveryReport:
    """One activation's delivery, counted in people; an identifier of nobody we know counts as one.

    Args:
        added: who the destination took in now.
        removed: who it took out now.
        unchanged: who was there and stays.
        excluded: members who were not sent, for whatever reason.
        refused: identifiers it said no to, now.
        waiting: identifiers without an answer; the next delivery goes on with them.
        calls: calls made.
        state: ``waiting`` and ``failed`` are not done yet.
        flags: what a person should know.
        problem: why it failed.
    """

    audience: str
    destination: str
    name: str = ""
    added: int = 0
    removed: int = 0
    unchanged: int = 0
    excluded: int = 0
    refused: int = 0
    waiting: int = 0
    calls: int = 0
    state: DeliveryState = "up to date"
    flags: list[str] = field(default_factory=list)
    problem: Problem | None = None

    @property
    def failed(self) -> bool:
        """Whether something that should be there is not, for now."""
        return self.problem is not None or self.waiting > 0

    def to_json(self) -> dict[str, Any]:
        """The report for a machine."""
        return {
            "audience": self.audience,
            "destination": self.destination,
            "name": self.name,
            "state": self.state,
            "added": self.added,
            "removed": self.removed,
            "unchanged": self.unchanged,
            "excluded": self.excluded,
            "refused": self.refused,
            "waiting": self.waiting,
            "calls": self.calls,
            "flags": list(self.flags),
            "problem": None
            if self.problem is None
            else {"code": self.problem.code, "message": self.problem.text},
        }
