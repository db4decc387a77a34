"""Access tokens: one for an account and its client, renewed before it ends and when the vendor says so.

How a token is asked for is the vendor's business; when, and by whom first, is settled here. Tokens live
in memory only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from townsend.clock import Clock

__all__ = ["Grant", "Tokens"]

EARLY_S = 60.0


@dataclass(frozen=True)
class Grant:
    """What a vendor's token call gave.

    Args:
        value: the token.
        life_s: seconds it has left; None if the vendor does not say.
        extra: what else came with it, such as ``instance_url``.
    """

    value: str = field(repr=False)
    life_s: float | None = None
    extra: Mapping[str, object] = field(default_factory=dict, repr=False)


class Tokens:
    """The current token of one account.

    Args:
        ask: gets a token from the vendor; raises as the call does.
        clock: measures the token's life.
        early_s: a token that ends within so many seconds is renewed first.
    """

    def __init__(self, ask: Callable[[], Grant], clock: Clock, early_s: float = EARLY_S) -> None:
        self._ask = ask
        self._clock = clock
        self._early = timedelta(seconds=early_s)
        self._lock = threading.Lock()
        self._grant: Grant | None = None
        self._ends_at: datetime | None = None

    def grant(self) -> Grant:
        """The current token with what came along; asks the vendor if there is none that lasts."""
        with self._lock:
            if self._grant is None or not self._lasts():
                grant = self._ask()
                if grant.life_s is not None and grant.life_s <= self._early.total_seconds():
                    # The vendor hands out the same token until its end: wait for the end, then ask again.
                    self._clock.sleep(grant.life_s + 1)
                    grant = self._ask()
                self._grant = grant
                life = None if grant.life_s is None else timedelta(seconds=grant.life_s)
                self._ends_at = None if life is None else self._clock.now() + life
            return self._grant

    def value(self) -> str:
        """The current token."""
        return self.grant().value

    def forget(self, value: str) -> None:
        """The vendor no longer takes this token; another's newer one is left alone."""
        with self._lock:
            if self._grant is not None and self._grant.value == value:
                self._grant = None

    def _lasts(self) -> bool:
        return self._ends_at is None or self._clock.now() + self._early < self._ends_at
