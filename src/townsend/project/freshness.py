"""How fresh each stream of each source is: when it was read, how far behind it is, what it cost.

Told from the pulls that were written down; nobody is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from townsend.project.meter import span_text
from townsend.project.schedule import Schedule, schedule_of
from townsend.store.pulls import Pull, last_pulls

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = ["Freshness", "alarms", "freshness_of", "problems"]


@dataclass(frozen=True)
class Freshness:
    """One stream at an instant; a source that was never pulled has one without a stream.

    Args:
        ended: when it was last read to its end.
        lag_s: seconds from the newest own time of its rows until now; None if they have none.
        rows: of the last pull, as are ``new``, ``deleted``, ``quarantined``, ``calls`` and ``seconds``.
        waiting: rows of it that are in quarantine now.
        used: calls of the vendor's day spent, of ``most``, as far as known.
        next: when it is to be pulled next; None if the settings say nothing.
        problem: why the last pull did not reach its end.
        alarm: what is to be worried about, in words.
    """

    source: str
    stream: str
    ended: datetime | None = None
    lag_s: int | None = None
    rows: int = 0
    new: int = 0
    deleted: int = 0
    quarantined: int = 0
    waiting: int = 0
    calls: int | None = None
    used: int | None = None
    most: int | None = None
    seconds: float | None = None
    next: datetime | None = None
    problem: Mapping[str, str] | None = None
    alarm: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def freshness_of(project: Project, now: datetime) -> list[Freshness]:
    """Every stream that was ever pulled, and every source that never was, by source and stream."""
    pulls = last_pulls(project.facts)
    waiting = _waiting(project)
    found = []
    for name, settings in project.settings.sources.items():
        if settings["type"] == "inlet":
            continue
        schedule = schedule_of(settings)
        streams = sorted(stream for source, stream in pulls if source == name)
        for stream in streams:
            held = waiting.get((name, stream), 0)
            found.append(_fresh(name, stream, pulls[name, stream], schedule, held, now))
        if not streams:
            alarm = "it was never pulled" if schedule.alarm_s is not None else None
            found.append(Freshness(name, "", alarm=alarm))
    return sorted(found, key=lambda one: (one.source, one.stream))


def _fresh(
    source: str, stream: str, pulls: Mapping[str, Pull], schedule: Schedule, waiting: int, now: datetime
) -> Freshness:
    last, ended, newest = pulls["any"], pulls.get("ended"), pulls.get("newest")
    own = _instant(newest.newest_ms) if newest is not None else None
    done = _instant(ended.ended_ms) if ended is not None else None
    begun = _instant(last.begun_ms)
    due = begun + timedelta(seconds=schedule.every_s) if begun and schedule.every_s is not None else None
    return Freshness(
        source=source,
        stream=stream,
        ended=done,
        # A vendor's clock may be ahead of ours.
        lag_s=None if own is None else max(0, int((now - own).total_seconds())),
        rows=last.rows,
        new=last.accepted,
        deleted=last.deleted,
        quarantined=last.quarantined,
        waiting=waiting,
        calls=last.calls,
        used=last.used,
        most=last.most,
        seconds=(last.ended_ms - last.begun_ms) / 1_000,
        next=due,
        problem=None if last.code is None else {"code": last.code, "message": last.text or ""},
        alarm=_alarm(schedule.alarm_of(stream), done, own, now),
    )


def _alarm(after_s: int | None, done: datetime | None, own: datetime | None, now: datetime) -> str | None:
    """What is to be worried about; not read for so long comes before nothing new for so long."""
    if after_s is None:
        return None
    if done is None:
        return "it was never read to its end"
    for since, what in ((done, "not read to its end"), (own, "nothing new")):
        if since is not None and (silent := (now - since).total_seconds()) > after_s:
            return f"{what} for {span_text(silent)}, expected within {span_text(after_s)}"
    return None


def _waiting(project: Project) -> dict[tuple[str, str], int]:
    """Rows in quarantine by source and stream, which is how their place begins; a file's rows by class."""
    rows = project.facts.con.execute(
        "SELECT source, CASE WHEN starts_with(place, source || '.') "
        "THEN split_part(substr(place, length(source) + 2), ':', 1) ELSE class END AS stream, count(*) "
        "FROM facts.quarantine WHERE replayed_ms IS NULL GROUP BY ALL"
    ).fetchall()
    return {(source, stream): count for source, stream, count in rows}


def alarms(found: list[Freshness]) -> Iterator[str]:
    """One line for each stream that gives cause to worry."""
    for one in found:
        if one.alarm is not None:
            yield f"{one.source}{'.' + one.stream if one.stream else ''}: {one.alarm}"


def problems(found: list[Freshness]) -> Iterator[str]:
    """One line for each stream whose last pull did not reach its end."""
    for one in found:
        if one.problem is not None:
            yield f"{one.source}.{one.stream} was left before its end: {one.problem['message']}"


def _instant(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1_000, UTC)
