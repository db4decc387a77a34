"""What a stream brings while it is pulled: counted, timed, and said in a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow.compute as pc

from townsend.intake import Accepted
from townsend.intake.rules import epoch_ms
from townsend.problem import Problem
from townsend.sources.columns import Columns
from townsend.sources.contract import Budget
from townsend.store.pulls import Kind, Pull

__all__ = ["Meter", "newest_ms", "span_text"]

RATE_SECONDS_LEAST = 1.0  # before that nobody can tell how fast it goes


@dataclass
class Meter:
    """Counts one pull of one stream.

    Args:
        kind: what is read, as in ``Pull``.
        begun: when reading it began.
        expected: about how many rows will come; None if nobody can say.
    """

    source: str
    stream: str
    kind: Kind
    begun: datetime
    expected: int | None = None
    calls: int | None = None
    tables: Mapping[str, str] = field(default_factory=dict)
    total: Accepted = field(default_factory=Accepted)
    deleted: int = 0
    newest: int | None = None

    def counts(self, accepted: Accepted, rows: Sequence[Mapping[str, Any]] = ()) -> int:
        """Add what became of some rows; how many of them say that a record is gone."""
        self.total += accepted
        deleted = _deleted(rows)
        self.deleted += deleted
        found = newest_ms(rows)
        if found is not None and (self.newest is None or found > self.newest):
            self.newest = found
        return deleted

    def text(self, now: datetime) -> str:
        """How far it is.

        >>> meter = Meter("crm_1", "Account", "full", datetime(2026, 1, 1, tzinfo=UTC), 40_000, calls=7)
        >>> _ = meter.counts(Accepted(rows=10_000))
        >>> meter.text(datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC))
        'crm_1: Account: 10,000 rows, 1,000 rows/s, 7 calls, about 30 seconds left'
        """
        seconds = (now - self.begun).total_seconds()
        rows = self.total.rows
        parts = [f"{rows:,} rows"]
        rate = rows / seconds if seconds >= RATE_SECONDS_LEAST else 0.0
        if rate >= 1:
            parts.append(f"{rate:,.0f} rows/s")
        if self.calls is not None:
            parts.append(f"{self.calls:,} calls")
        if rate >= 1 and self.expected is not None and self.expected > rows:
            parts.append(f"about {span_text((self.expected - rows) / rate)} left")
        return f"{self.source}: {self.stream}: {', '.join(parts)}"

    def pull(self, now: datetime, *, problem: Problem | None = None, budget: Budget | None = None) -> Pull:
        """What is written down of it, at its end."""
        return Pull(
            source=self.source,
            stream=self.stream,
            kind=self.kind,
            begun_ms=epoch_ms(self.begun),
            ended_ms=epoch_ms(now),
            rows=self.total.rows,
            accepted=self.total.accepted,
            deleted=self.deleted,
            quarantined=self.total.quarantined,
            calls=self.calls,
            newest_ms=self.newest,
            tables=self.tables,
            code=problem.code if problem else None,
            text=problem.text if problem else None,
            used=budget.used if budget else None,
            most=budget.most if budget else None,
        )


def newest_ms(rows: Iterable[Mapping[str, Any]]) -> int | None:
    """The newest own time among rows of one class, as the source wrote it; None if none has one.

    >>> newest_ms([{"timestamp": "1970-01-01T00:00:01Z"}, {"timestamp": "1970-01-01T00:00:02Z"}])
    2000
    """
    texts: set[str] = set()
    instants: set[datetime] = set()
    if isinstance(rows, Columns):
        instants |= _newest_of(rows)
        rows = rows.rest.values()
    for row in rows:
        own = row.get("timestamp") or (row.get("extSourceSystemAudit") or {}).get("lastUpdatedDate")
        if isinstance(own, datetime):
            instants.add(own)
        elif isinstance(own, str):
            texts.add(own)
    # A source writes its times in one way, so that the last as text is the last; reading all would take long.
    for text in sorted(texts, reverse=True)[:1]:
        try:
            instants.add(datetime.fromisoformat(text))
        except ValueError:
            continue
    aware = [one if one.tzinfo else one.replace(tzinfo=UTC) for one in instants]
    return epoch_ms(max(aware).astimezone(UTC)) if aware else None


def _newest_of(rows: Columns) -> set[datetime]:
    for path in ("timestamp", "extSourceSystemAudit.lastUpdatedDate"):
        if (times := rows.column(path)) is not None:
            newest = pc.max(times).as_py()
            return set() if newest is None else {newest}
    return set()


def _deleted(rows: Sequence[Mapping[str, Any]]) -> int:
    """How many say that a record is gone."""
    if not isinstance(rows, Columns):
        return sum(1 for row in rows if row.get("isDeleted") is True)
    said = rows.column("isDeleted")
    return (0 if said is None else int(pc.sum(said).as_py() or 0)) + _deleted([*rows.rest.values()])


def span_text(seconds: float) -> str:
    """A length of time as a person says it.

    >>> span_text(40), span_text(150), span_text(7_300), span_text(200_000)
    ('40 seconds', '2 minutes', '2 hours', '2 days')
    """
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size or (size > 60 and seconds >= size * 1.5):
            return f"{int(seconds // size):,} {name}s"
    return f"{max(0, round(seconds))} second{'' if round(seconds) == 1 else 's'}"
