"""The rows of one object that changed, page by page, each with the position it leads to.

Small answers come by REST in the order of change, so each page moves the position. Large ones come
as a bulk job, in no order: the position keeps the job and its locator, and moves when the job's last
page is read. Either way a position that was stored leads to every row not read before it, and reading
again what was read already does no harm.

Deleted rows come along, marked by ``IsDeleted``. The position is the newest change seen, in the org's
own time, so a clock of ours that is wrong loses nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from townsend.clock import Clock
from townsend.problem import Unavailable
from townsend.sources.salesforce_objects import OVERLAP, Described, instant, query, readers, written
from townsend.vendors.replies import CutOff
from townsend.vendors.salesforce import Batch, JobState, Org, OrgFault

__all__ = ["BULK_FROM", "Chunk", "Position", "changes"]

BULK_FROM = 40_000  # rows; by REST these are 20 calls, and a bulk job needs about 5 for any number
QUERY_LETTERS_MAX = 12_000  # the org takes 16 KB of address and headers together
POLL_S = (2.0, 10.0)  # first and longest wait for a job
JOB_WAIT_S_MAX = 3_600.0
RESTARTS_MAX = 2
# The org wants the question asked in smaller parts; a bulk job cuts it by itself.
TOO_LARGE = frozenset({"QUERY_TIMEOUT", "OPERATION_TOO_LARGE", "QUERY_TOO_COMPLICATED"})
# Not offered for the object or the org, or no job of the day left: then by REST, which costs more calls.
NOT_IN_BULK = frozenset(
    {"INVALIDENTITY", "INVALIDJOB", "API_DISABLED_FOR_ORG", "FEATURENOTENABLED", "EXCEEDEDQUOTA"}
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Position:
    """How far an object was read.

    Args:
        stamp: changes until then were read, minus the overlap; None at the beginning.
        job: a bulk job under way.
        locator: its next page; None for the first.
        ahead: the newest change read of it; becomes ``stamp`` at its end.
    """

    stamp: str | None = None
    job: str | None = None
    locator: str | None = None
    ahead: str | None = None

    @classmethod
    def of(cls, cursor: Any) -> Position:
        """A position out of a stored cursor; what cannot be read is the beginning."""
        if not isinstance(cursor, Mapping):
            return cls()
        known = {name: cursor.get(name) for name in ("stamp", "job", "locator", "ahead")}
        return cls(**{name: value for name, value in known.items() if isinstance(value, str)})

    def cursor(self) -> dict[str, str]:
        """What is stored; JSON-compatible."""
        return {name: value for name, value in vars(self).items() if value is not None}


class Chunk(NamedTuple):
    """Rows as the org names their fields, and the position once they are durable."""

    rows: list[Row]
    position: Position


def changes(
    org: Org, clock: Clock, about: Described, fields: Sequence[str], position: Position, least: str | None
) -> Iterator[Chunk]:
    """Rows that changed since a position, deleted ones included.

    Args:
        fields: what to ask for, ``Id`` first.
        least: leave out what changed last before that instant.

    Raises:
        Unavailable: ``source.job`` for a bulk job that failed or takes too long.
        OrgFault: the org refuses the query.
    """
    restarts = 0
    while True:
        try:
            for chunk in _changes(org, clock, about, fields, position, least):
                yield chunk
                position = chunk.position
            return
        except OrgFault as fault:
            # The place in a long answer is gone; what was read so far is not.
            if fault.said not in {"INVALID_QUERY_LOCATOR", "NO_LOCATOR"} or restarts == RESTARTS_MAX:
                raise
            restarts += 1
            position = Position(position.stamp)


def _changes(
    org: Org, clock: Clock, about: Described, fields: Sequence[str], position: Position, least: str | None
) -> Iterator[Chunk]:
    if position.job is not None:
        if _alive(org, position.job):
            yield from _by_job(org, clock, about, fields, position)
            return
        position = Position(position.stamp)
    since = _since(position, least)
    ordered = query(about, fields, since, ordered=True)
    if len(quote_plus(ordered)) <= QUERY_LETTERS_MAX:
        try:
            first = org.query(ordered)
        except OrgFault as fault:
            if fault.said not in TOO_LARGE:
                raise
        else:
            if first.total < BULK_FROM:
                yield from _by_query(org, about, position, first)
                return
    try:
        job = org.start_job(query(about, fields, since, ordered=False))
    except OrgFault as fault:
        if fault.said not in NOT_IN_BULK:
            raise
        yield from _by_query(org, about, position, org.query(ordered))
        return
    begun = replace(position, job=job, locator=None, ahead=None)
    yield Chunk([], begun)
    yield from _by_job(org, clock, about, fields, begun)


def _since(position: Position, least: str | None) -> datetime | None:
    bounds = [instant(position.stamp) - OVERLAP] if position.stamp else []
    bounds += [instant(least)] if least else []
    return max(bounds, default=None)


# ---------------------------------------------------------------- by REST


def _by_query(org: Org, about: Described, position: Position, batch: Batch) -> Iterator[Chunk]:
    numbers = [name for name, kind in about.types.items() if kind in {"double", "currency", "percent"}]
    instants = [name for name, kind in about.types.items() if kind == "datetime"]
    while True:
        for row in batch.rows:
            _same_as_bulk(row, numbers, instants)
        position = replace(position, stamp=_newest(about, batch.rows, position.stamp))
        yield Chunk(batch.rows, position)
        if batch.next is None:
            return
        batch = org.more(batch.next)


def _same_as_bulk(row: Row, numbers: Sequence[str], instants: Sequence[str]) -> None:
    """Spell values as a bulk file does, so that a row read both ways is the same row."""
    row.pop("attributes", None)
    for name in numbers:
        value = row.get(name)
        if isinstance(value, Decimal) and value == value.to_integral_value():
            row[name] = int(value)
    for name in instants:
        value = row.get(name)
        if isinstance(value, str) and value.endswith("+0000"):
            row[name] = value[:-5] + "Z"


def _newest(about: Described, rows: Sequence[Row], before: str | None) -> str | None:
    stamps = [written(instant(row[about.stamp])) for row in rows if about.stamp and row.get(about.stamp)]
    return max([*stamps, before] if before else stamps, default=None)


# ---------------------------------------------------------------- in bulk


def _alive(org: Org, job: str) -> bool:
    """Whether a job of an earlier run can still be read."""
    try:
        return org.job(job).state not in {JobState.FAILED, JobState.ABORTED}
    except OrgFault as fault:
        if fault.said in {"NOT_FOUND", "INVALIDJOB", "INVALID_ID_FIELD"}:
            return False
        raise


def _by_job(
    org: Org, clock: Clock, about: Described, fields: Sequence[str], position: Position
) -> Iterator[Chunk]:
    assert position.job is not None
    _wait(org, clock, about.name, position.job)
    read = partial(_rows, dict(readers(about, fields)))
    while True:
        page = org.results(position.job, position.locator, read)
        ahead = _newest(about, page.rows, position.ahead)
        if page.next is None:
            newest = max(filter(None, (ahead, position.stamp)), default=None)
            yield Chunk(page.rows, Position(newest))
            return
        position = replace(position, locator=page.next, ahead=ahead)
        yield Chunk(page.rows, position)


def _wait(org: Org, clock: Clock, name: str, job: str) -> None:
    pause_s, longest_s = POLL_S
    waited_s = 0.0
    while True:
        found = org.job(job)
        if found.state == JobState.COMPLETE:
            return
        if found.state in {JobState.FAILED, JobState.ABORTED}:
            raise Unavailable(
                "source.job",
                f"{org.name}: the bulk query of {name} ended as {found.state.value}: {found.words}; "
                "the next run starts another",
                source=org.name,
                object=name,
            )
        if waited_s >= JOB_WAIT_S_MAX:
            raise Unavailable(
                "source.job",
                f"{org.name}: the bulk query of {name} still runs after {waited_s / 60:.0f} minutes; "
                "run the same command later, it goes on with it",
                source=org.name,
                object=name,
            )
        clock.sleep(pause_s)
        waited_s += pause_s
        pause_s = min(longest_s, pause_s * 1.5)


def _rows(columns: Mapping[str, Callable[[str], Any] | None], text: str, announced: int | None) -> list[Row]:
    """The rows of a file of results.

    Raises:
        CutOff: it has other columns than asked for, or not the rows announced.
    """
    lines = csv.reader(io.StringIO(text, newline=""))
    header = next(lines, [])
    if not header or not columns.keys() >= set(header):
        raise CutOff("a file of results with other columns than asked for")
    read = [(name, columns[name]) for name in header]
    rows = []
    for cells in lines:
        if len(cells) != len(read):
            raise CutOff("a file of results that is cut off")
        rows.append(
            {
                name: None if not cell else cell if reader is None else reader(cell)
                for (name, reader), cell in zip(read, cells, strict=True)
            }
        )
    if announced is not None and announced != len(rows):
        raise CutOff("a file of results with fewer rows than announced")
    return rows
