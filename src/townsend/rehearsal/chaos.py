"""Faults on a seed: what the vendors' servers do on a bad day.

The same seed and the same calls give the same faults. Without chaos nothing here is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

__all__ = ["CALM", "Chaos", "Fault"]

Kind = Literal["calm", "gateway", "drop_before", "drop_after", "cut", "slow", "throttle", "forget_token"]
# Shares of calls; what is left over is calm.
SHARES: tuple[tuple[Kind, float], ...] = (
    ("gateway", 0.020),
    ("drop_before", 0.008),
    ("drop_after", 0.008),
    ("cut", 0.008),
    ("slow", 0.020),
    ("throttle", 0.006),
    ("forget_token", 0.004),
)
SLOW_S = (0.5, 8.0)
BURST_CALLS = (2, 6)
# A page in the place of an answer is not always said to be a failure.
GATEWAY_STATUSES = (200, 500, 502, 503, 504)


@dataclass(frozen=True)
class Fault:
    """What happens to one call; ``amount`` is a status, seconds of vendor time, or the share that arrives."""

    kind: Kind
    amount: float = 0


CALM = Fault("calm")


class Chaos:
    """Draws one fault a call; throttling comes in bursts."""

    def __init__(self, seed: int, name: str) -> None:
        self._random = Random(f"{seed}/{name}")  # noqa: S311  no secret: faults must repeat
        self._burst = 0

    def draw(self) -> Fault:
        """The fault of the next call."""
        if self._burst:
            self._burst -= 1
            return Fault("throttle")
        at = self._random.random()
        for kind, share in SHARES:
            if at < share:
                return self._fault(kind)
            at -= share
        return CALM

    def _fault(self, kind: Kind) -> Fault:
        if kind == "throttle":
            self._burst = self._random.randint(*BURST_CALLS)
        if kind == "gateway":
            return Fault(kind, self._random.choice(GATEWAY_STATUSES))
        if kind == "cut":
            return Fault(kind, self._random.random())
        if kind == "slow":
            return Fault(kind, self._random.uniform(*SLOW_S))
        return Fault(kind)
