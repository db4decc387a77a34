"""Taking quarantined rows again, after the schema or the row was mended."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from townsend.intake.load import class_of, take_batch
from townsend.intake.rows import Line, line_batches
from townsend.intake.rules import Accepted, IntakeRules, SourceTraits, epoch_ms
from townsend.intake.takes import begin_take, end_take
from townsend.store import quarantine
from townsend.store.facts import Facts
from townsend.store.quarantine import QuarantinedRow, Refusal

__all__ = ["replay"]


def replay(facts: Facts, rules: IntakeRules, ids: Sequence[int] | None, now: datetime) -> Accepted:
    """Check stored rows again and take those that are right now.

    Args:
        facts: the store.
        rules: how rows are checked now.
        ids: rows in quarantine; None for all. Those taken before are left alone.
        now: the instant of acceptance.

    Returns:
        What became of them. Rows refused again stay, with today's reason.

    Raises:
        Invalid: ``quarantine.unknown``, ``class.unknown``.
    """
    rows = quarantine.waiting(facts, ids)
    now_ms = epoch_ms(now)
    total = Accepted()
    with facts.transaction():
        for (cls, _, traits), group in groupby(sorted(rows, key=_alike), key=_alike):
            total += _replay_alike(facts, rules, cls, traits, list(group), now_ms)
    return total


def _alike(row: QuarantinedRow) -> tuple[str, str, str]:
    return row.cls, row.source, row.traits or "{}"


def _replay_alike(
    facts: Facts, rules: IntakeRules, cls: str, traits: str, rows: list[QuarantinedRow], now_ms: int
) -> Accepted:
    entity = class_of(rules, cls)
    settings = {"name": rows[0].source, **json.loads(traits)}
    form = settings.pop("form", "typed")
    source = SourceTraits(**settings)
    total = Accepted()
    take = begin_take(facts, source.name, cls, "quarantine", now_ms)
    refused: list[Refusal] = []
    for batch in line_batches(entity, rules.open, _lines(rows), form):
        total += take_batch(facts, rules, entity, batch, source, now_ms, take, refused)
    end_take(facts, take, total, None, None)
    _mark(facts, rows, refused, now_ms)
    return total


def _lines(rows: Iterable[QuarantinedRow]) -> Iterable[Line]:
    return ((row.id, str(row.id), row.row.encode()) for row in rows)


def _mark(facts: Facts, rows: Sequence[QuarantinedRow], refused: Sequence[Refusal], now_ms: int) -> None:
    """Rows taken are marked so; of the others the reason is brought up to date."""
    again = {int(refusal.place): refusal for refusal in refused}
    for row in rows:
        if (refusal := again.get(row.id)) is None:
            facts.con.execute("UPDATE facts.quarantine SET replayed_ms = ? WHERE id = ?", [now_ms, row.id])
            continue
        now = replace(refusal, place=row.place)
        facts.con.execute(
            "UPDATE facts.quarantine SET path = ?, code = ?, expected = ?, got = ?, text = ? WHERE id = ?",
            [now.path, now.code, now.expected, quarantine.shortened(now.got), now.text, row.id],
        )
