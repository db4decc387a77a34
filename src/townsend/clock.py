"""Clocks: the only place that reads one.

Nothing in the centre asks what time it is; the edges hand in a clock. A rehearsal hands one
accelerated clock to connectors, pacing and servers alike, so that a vendor's limits and waits hold in
the vendor's time while a demonstration takes seconds.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from townsend.problem import Invalid

__all__ = ["AcceleratedClock", "Clock", "SystemClock", "instant_of", "stopwatch"]


class Clock(Protocol):
    """What the edges need of time."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds of this clock."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))


class AcceleratedClock:
    """A clock that starts at ``start`` and runs ``factor`` times as fast as the machine's."""

    def __init__(self, factor: float, start: datetime) -> None:
        self.factor = factor
        self._start = start
        self._began = time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._began) * self.factor)

    def sleep(self, seconds: float) -> None:
        # An Event's wait keeps millisecond waits precise and lets Ctrl-C through.
        threading.Event().wait(max(0.0, seconds) / self.factor)


def stopwatch() -> float:
    """Seconds on the machine's clock that only goes forward; differences mean something, instants do not."""
    return time.monotonic()


def instant_of(value: datetime | str, what: str) -> datetime:
    """The aware UTC instant that somebody names; without an offset it is UTC.

    Args:
        value: an instant, or its ISO 8601 text.
        what: the option or argument it is for.

    Raises:
        Invalid: ``option.instant``.
    """
    try:
        found = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (AttributeError, OverflowError, TypeError, ValueError):
        raise Invalid(
            "option.instant",
            f"{what}: expected an instant such as 2026-11-22T12:00:00Z, got {value!r}",
            option=what,
        ) from None
