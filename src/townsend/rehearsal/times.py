"""The vendors' ways to write an instant, from and to epoch milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from townsend.clock import Clock

__all__ = [
    "DAY_MS",
    "HOUR_MS",
    "SECOND_MS",
    "day",
    "ms_of",
    "now_ms",
    "parse",
    "salesforce",
    "text",
    "whole_seconds",
]

SECOND_MS = 1_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now_ms(clock: Clock) -> int:
    """The clock's instant in epoch milliseconds."""
    return ms_of(clock.now())


def ms_of(at: datetime) -> int:
    """Epoch milliseconds of an aware instant, floored."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def whole_seconds(ms: int) -> int:
    """The same instant without its milliseconds."""
    return ms - ms % SECOND_MS


@lru_cache(maxsize=1 << 16)  # many rows share their instants
def text(ms: int) -> str:
    """``2026-01-02T03:04:05Z``: Marketo's lead database, master data."""
    return f"{_at(ms).isoformat()[:19]}Z"


def salesforce(ms: int, zone: str = "+0000") -> str:
    """``2026-01-02T03:04:05.000+0000`` as REST writes it; zone ``Z`` in Bulk files."""
    return f"{_at(ms).isoformat()[:19]}.000{zone}"


def day(ms: int) -> str:
    """``2026-01-02``."""
    return _at(ms).isoformat()[:10]


def parse(written: str) -> int:
    """Epoch milliseconds of an ISO 8601 instant; without an offset it is UTC.

    Raises:
        ValueError: it is none.
    """
    at = datetime.fromisoformat(written.strip().replace(" ", "+"))
    return ms_of(at if at.tzinfo else at.replace(tzinfo=UTC))


def _at(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)
