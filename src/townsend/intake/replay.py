"""Taking quarantined rows again, after the schema or the row was mended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from townsend.intake.load import class_of, ready, take_batch
from townsend.intake.rows import ROWS_PER_LOT, Line, line_batches
from townsend.intake.rules import Accepted, IntakeRules, SourceTraits, epoch_ms
from townsend.intake.takes import begin_take, end_take
from townsend.store import quarantine
from townsend.store.facts import Facts
from townsend.store.quarantine import QuarantinedRow, Refusal, Wanted

__all__ = ["replay"]


def replay(
    facts: Facts,
    rules: IntakeRules,
    ids: Sequence[int] | None,
    now: datetime,
    wanted: Wanted | None = None,
    progress: Callable[[str], None] | None = None,
) -> Accepted:
    """Check stored rows again and take those that are right now.

    Args:
        facts: the store.
        rules: how rows are checked now.
        ids: rows in quarantine; None for all that are ``wanted``. Those taken before are left alone.
        now: the instant of acceptance.
        wanted: which rows are meant, if no ids are given.
        progress: is told how far it is.

    Returns:
        What became of them. Rows refused again stay, with today's reason.

    Raises:
        Invalid: ``quarantine.unknown``, ``class.unknown``.
    """
    if ids is not None:
        return _replay_lot(facts, rules, quarantine.waiting(facts, ids), now)
    total, after = Accepted(), 0
    # Lot by lot, each a transaction: what is refused again lies behind and is not tried twice.
    while rows := quarantine.ls(facts, wanted, after=after, most=ROWS_PER_LOT):
        total += _replay_lot(facts, rules, rows, now)
        after = rows[-1].id
        if progress is not None:
            progress(f"Taking again: {total.rows:,} rows")
    return total


def _replay_lot(facts: Facts, rules: IntakeRules, rows: list[QuarantinedRow], now: datetime) -> Accepted:
    now_ms = epoch_ms(now)
    total = Accepted()
    ready(facts, rules, [class_of(rules, cls) for cls in sorted({row.cls for row in rows})])
    with facts.transaction():
        for (cls, _, origin, traits), group in groupby(sorted(rows, key=_alike), key=_alike):
            total += _replay_alike(facts, rules, cls, origin, traits, list(group), now_ms)
    return total


def _alike(row: QuarantinedRow) -> tuple[str, str, str, str]:
    # A place is its origin, a colon and where in it; files count as one origin.
    origin = row.place.rpartition(":")[0]
    stream = origin if origin.startswith(f"{row.source}.") else "quarantine"
    return row.cls, row.source, stream, row.traits or "{}"


def _replay_alike(
    facts: Facts,
    rules: IntakeRules,
    cls: str,
    origin: str,
    traits: str,
    rows: list[QuarantinedRow],
    now_ms: int,
) -> Accepted:
    entity = class_of(rules, cls)
    settings = {"name": rows[0].source, **json.loads(traits)}
    form = settings.pop("form", "typed")
    source = SourceTraits(**settings)
    total = Accepted()
    take = begin_take(facts, source.name, cls, origin, now_ms)
    refused: list[Refusal] = []
    for batch in line_batches(entity, rules.open, _lines(rows), form):
        total += take_batch(facts, rules, entity, batch, source, now_ms, take, refused)
    end_take(facts, take, total, None, None)
    places = {row.id: row.place for row in rows}
    again = {int(one.place): replace(one, place=places[int(one.place)]) for one in refused}
    quarantine.settle(facts, [row.id for row in rows], again, now_ms)
    return total


def _lines(rows: Iterable[QuarantinedRow]) -> Iterable[Line]:
    return ((row.id, str(row.id), row.row.encode()) for row in rows)
