"""Rows into facts: check, number, commit, lot by lot, each lot one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from townsend.intake import convert
from townsend.intake.batch import Batch
from townsend.intake.check import Staged, stage
from townsend.intake.erased import without_erased
from townsend.intake.events import commit_events
from townsend.intake.identities import name_rows
from townsend.intake.merges import commit_merges
from townsend.intake.records import commit_records
from townsend.intake.rows import row_batches
from townsend.intake.rules import Accepted, IntakeRules, SourceTraits, epoch_ms
from townsend.intake.takes import begin_take, end_take
from townsend.intake.xref import XREF, XREF_CLASS, commit_xref
from townsend.model import EntityClass, unknown_class
from townsend.store import quarantine
from townsend.store.facts import Facts
from townsend.store.quarantine import Refusal

__all__ = ["accept_rows", "class_of", "ready", "take_batch"]


def accept_rows(
    facts: Facts,
    rules: IntakeRules,
    cls: str,
    rows: Iterable[Mapping[str, Any]],
    source: SourceTraits,
    now: datetime,
    cursor: tuple[str, Any] | None = None,
    place: str = "",
) -> Accepted:
    """Take rows in one transaction, with the source's position.

    Args:
        facts: the store.
        rules: how rows are checked.
        cls: the rows' class.
        rows: nested, XDM-shaped; JSON types, also ``Decimal`` and aware ``datetime``.
        source: where they come from.
        now: the instant of acceptance.
        cursor: stream and position to remember once the rows are durable.
        place: what messages call the origin; rows are counted from 1 behind it.

    Raises:
        Invalid: ``class.unknown``.
    """
    entity = class_of(rules, cls)
    now_ms = epoch_ms(now)
    total = Accepted()
    ready(facts, rules, [entity])
    with facts.transaction():
        take = 0
        for batch in row_batches(entity, rules.open, rows, place or source.name):
            take = take or begin_take(facts, source.name, cls, place, now_ms)
            total += take_batch(facts, rules, entity, batch, source, now_ms, take)
        if take:
            end_take(facts, take, total, None, None)
        if cursor is not None:
            facts.set_cursor(source.name, *cursor, at_ms=now_ms)
    return total


def class_of(rules: IntakeRules, cls: str) -> EntityClass:
    """The class of that name, master data included.

    Raises:
        Invalid: ``class.unknown``.
    """
    if cls == XREF:
        return XREF_CLASS
    if cls not in rules.schema.classes:
        raise unknown_class(cls, [*rules.schema.classes, XREF])
    return rules.schema.entity_class(cls)


def ready(facts: Facts, rules: IntakeRules, classes: Iterable[EntityClass]) -> None:
    """Prepare the store for lots of these classes; before the transaction that takes them begins."""
    convert.register(facts, {cls.name: cls.shape for cls in classes}, rules.priority)


def take_batch(
    facts: Facts,
    rules: IntakeRules,
    cls: EntityClass,
    batch: Batch,
    source: SourceTraits,
    now_ms: int,
    take: int,
    refused: list[Refusal] | None = None,
) -> Accepted:
    """Check one lot and commit what is right, in one transaction (or in the one around it); after ``ready``.

    Refused rows go into quarantine, or into ``refused`` if it is given.
    """
    for name, table in batch.tables.items():
        facts.con.register(name, table)
    try:
        with facts.transaction():
            staged = stage(facts, rules, cls, batch, source, now_ms)
            accepted = Accepted(rows=batch.rows, notes=[*_clashes(rules, cls, batch), *batch.notes])
            if staged.rows:
                _commit(facts, rules, staged, batch, source, now_ms, take, accepted)
            kept = without_erased(facts, staged.refused)
            accepted.quarantined += len(kept)
            accepted.dropped += len(staged.refused) - len(kept)
            if refused is None:
                traits = json.dumps({**asdict(source), "form": batch.form}, sort_keys=True)
                quarantine.put(facts, cls.name, source.name, kept, traits, now_ms)
            else:
                refused += staged.refused
            _remember_seen(facts, cls, batch)
            if accepted.accepted or accepted.dropped:
                facts.touch()
    finally:
        for name in batch.tables:
            facts.con.unregister(name)
    return accepted


def _commit(
    facts: Facts,
    rules: IntakeRules,
    staged: Staged,
    batch: Batch,
    source: SourceTraits,
    now_ms: int,
    take: int,
    accepted: Accepted,
) -> None:
    if staged.cls.name == XREF:
        accepted.accepted = commit_xref(facts, staged, source, now_ms, take)
        accepted.unchanged = staged.rows - accepted.accepted
        if source.mode == "snapshot":
            facts.touch()
        return
    named = name_rows(facts, rules, staged)
    accepted.rejected_identities = named.rejected
    accepted.dropped = named.dropped
    rows = staged.rows - named.dropped
    if staged.cls.is_event:
        accepted.accepted, settled = commit_events(facts, rules, staged, named, batch, source, now_ms, take)
        accepted.unchanged = settled.known
        accepted.quarantined = settled.gave_way
        staged.refused += settled.refused
        if settled.gave_way:
            accepted.notes.append(
                f"{settled.gave_way:,} stored events gave way to others of the same id, by rule"
            )
        commit_merges(facts, staged)
    else:
        accepted.accepted = commit_records(facts, staged, source, now_ms, take)
        accepted.unchanged = rows - accepted.accepted


def _clashes(rules: IntakeRules, cls: EntityClass, batch: Batch) -> list[str]:
    """Undeclared fields that a relationship of the same name hides."""
    notes = [
        f"{cls.name}: the field {path!r} is kept but can't be asked for, since a relationship has that name; "
        "rename the field if you need it"
        for path in sorted(batch.undeclared)
        if "." not in path and rules.schema.relationship(cls.name, path) is not None
    ]
    if cls.name == XREF and batch.undeclared:
        left_out = ", ".join(sorted(batch.undeclared))
        notes.append(f"{XREF}: these columns mean nothing here and were left out: {left_out}")
    return notes


def _remember_seen(facts: Facts, cls: EntityClass, batch: Batch) -> None:
    if not batch.undeclared or cls.name == XREF:
        return
    facts.con.execute(
        "INSERT INTO facts.seen SELECT $cls, path FROM (SELECT unnest($paths::VARCHAR[]) AS path) "
        "WHERE path NOT IN (SELECT s.path FROM facts.seen s WHERE s.class = $cls)",
        {"cls": cls.name, "paths": sorted(batch.undeclared)},
    )
