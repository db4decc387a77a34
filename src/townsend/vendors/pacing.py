"""One budget of calls for a vendor's account, shared by everything in this process that calls it.

A vendor counts all calls of an account together, so do we: a source and a destination of one account
draw from one budget. Waits happen in the clock given. What other programs use is not seen here; the
vendor tells by throttling, and then everybody who shares the budget pauses.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from townsend.clock import Clock
from townsend.problem import Unavailable

__all__ = ["Budget", "Pace", "budget_of"]

ACCOUNTS_MAX = 64
PAUSE_S_MAX = 900.0  # a pause that a vendor wants longer than this is not sat out


@dataclass(frozen=True)
class Pace:
    """How fast an account may be called.

    Args:
        calls: calls in any ``window_s`` seconds.
        in_flight: calls not answered yet.
        per_day: calls a day, None if there is no such limit.
        day_begins: how far the vendor's midnight lies behind that of UTC.
    """

    calls: int
    window_s: float
    in_flight: int = 5
    per_day: int | None = None
    day_begins: timedelta = timedelta(0)


class Budget:
    """Calls of one account: how many were made, and when the next may be.

    Args:
        account: what messages call it.
        pace: its limits.
        clock: the time in which it waits.

    Attributes:
        calls: calls begun so far.
    """

    def __init__(self, account: str, pace: Pace, clock: Clock) -> None:
        self.account = account
        self.pace = pace
        self.calls = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._recent: deque[datetime] = deque()
        self._flight = threading.BoundedSemaphore(pace.in_flight)
        self._paused_until: datetime | None = None
        self._day: tuple[datetime, int] | None = None

    @contextmanager
    def call(self) -> Iterator[None]:
        """Wait until a call is allowed, and count it.

        Raises:
            Unavailable: ``vendor.quota``, the day's calls are used up; says when the next may be made.
        """
        with self._flight:
            while (wait_s := self._claim()) > 0:
                self._clock.sleep(wait_s)
            yield

    def pause(self, seconds: float) -> None:
        """The vendor wants silence for so long; nobody who shares this budget calls before."""
        with self._lock:
            until = self._clock.now() + timedelta(seconds=seconds)
            if self._paused_until is None or until > self._paused_until:
                self._paused_until = until

    def spent(self, used: int) -> None:
        """The vendor says how many of the day's calls are used, by everybody; ours are among them."""
        with self._lock:
            now = self._clock.now()
            self._day = (self._day_of(now), max(used, self._used_today(now)))

    def left_today(self) -> int | None:
        """Calls left of the day's, as far as this process knows; None without such a limit."""
        if self.pace.per_day is None:
            return None
        with self._lock:
            return self.pace.per_day - self._used_today(self._clock.now())

    def _claim(self) -> float:
        """Take a place in the window and return 0, or return the seconds to wait before asking again."""
        with self._lock:
            now = self._clock.now()
            if self._paused_until is not None and self._paused_until > now:
                pause_s = (self._paused_until - now).total_seconds()
                if pause_s > PAUSE_S_MAX:
                    raise Unavailable(
                        "vendor.quota",
                        f"{self.account}: the vendor takes no calls before "
                        f"{self._paused_until:%Y-%m-%d %H:%M} UTC; run again then",
                        account=self.account,
                        again_at=self._paused_until.isoformat(),
                    )
                return pause_s
            window = timedelta(seconds=self.pace.window_s)
            while self._recent and now - self._recent[0] >= window:
                self._recent.popleft()
            if len(self._recent) >= self.pace.calls:
                return (self._recent[0] + window - now).total_seconds()
            used = self._used_today(now)
            if self.pace.per_day is not None and used >= self.pace.per_day:
                again = self._day_of(now) + timedelta(days=1)
                raise Unavailable(
                    "vendor.quota",
                    f"{self.account}: the {self.pace.per_day:,} calls of today are used up; "
                    f"run again after {again:%Y-%m-%d %H:%M} UTC",
                    account=self.account,
                    per_day=self.pace.per_day,
                    again_at=again.isoformat(),
                )
            self._recent.append(now)
            self._day = (self._day_of(now), used + 1)
            self.calls += 1
            return 0.0

    def _used_today(self, now: datetime) -> int:
        return self._day[1] if self._day is not None and self._day[0] == self._day_of(now) else 0

    def _day_of(self, now: datetime) -> datetime:
        begins = self.pace.day_begins
        return (now - begins).replace(hour=0, minute=0, second=0, microsecond=0) + begins


_shared: dict[tuple[str, Pace, int], Budget] = {}
_sharing = threading.Lock()


def budget_of(account: str, pace: Pace, clock: Clock) -> Budget:
    """The one budget of an account in this process, for one clock."""
    # A budget holds its clock, so the clock's number is not given to another while the budget is here.
    place = (account, pace, id(clock))
    with _sharing:
        budget = _shared.pop(place, None) or Budget(account, pace, clock)
        _shared[place] = budget
        while len(_shared) > ACCOUNTS_MAX:
            del _shared[next(iter(_shared))]
    return budget
