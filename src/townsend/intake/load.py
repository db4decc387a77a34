"""Rows and files into facts: check, number, commit, lot by lot, each lot one transaction.

A process that dies between two lots has taken the first; taking the file again repeats nothing. A
file is marked as taken with its last lot, and skipped when it comes again from the same source.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from townsend.intake import convert
from townsend.intake.batch import Batch
from townsend.intake.check import Staged, stage
from townsend.intake.erased import without_erased
from townsend.intake.events import commit_events
from townsend.intake.identities import name_rows
from townsend.intake.merges import commit_merges
from townsend.intake.readers import kind_of, read_file
from townsend.intake.records import commit_records
from townsend.intake.rows import row_batches
from townsend.intake.rules import Accepted, FileReport, IntakeRules, SourceTraits, epoch_ms
from townsend.intake.takes import begin_take, checksum_of, end_take, was_taken
from townsend.intake.xref import XREF, XREF_CLASS, commit_xref
from townsend.model import EntityClass, unknown_class
from townsend.store import quarantine
from townsend.store.facts import Facts
from townsend.store.quarantine import Refusal

__all__ = ["accept_rows", "class_of", "load_files", "take_batch"]

# Of DuckDB's own while a file is loaded; rows on their way through Python come on top.
MEMORY = "1GB"

Progress = Callable[[str], None]


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


def load_files(
    facts: Facts,
    rules: IntakeRules,
    cls: str,
    paths: Sequence[Path],
    source: SourceTraits,
    now: datetime,
    again: bool = False,
    progress: Progress | None = None,
) -> list[FileReport]:
    """Take files, one after another.

    Args:
        facts: the store.
        rules: how rows are checked.
        cls: the rows' class.
        paths: files of any kind that ``read_file`` knows.
        source: where they come from.
        now: the instant of acceptance.
        again: take a file that was taken before a second time.
        progress: told what is going on.

    Returns:
        What became of each file, in their order.

    Raises:
        Invalid: ``class.unknown``; ``file.*`` for a file that cannot be read. Files before it are taken.
    """
    entity = class_of(rules, cls)
    tell = progress or (lambda _: None)
    return [_load(facts, rules, entity, path, source, epoch_ms(now), again, tell) for path in paths]


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


def _load(
    facts: Facts,
    rules: IntakeRules,
    cls: EntityClass,
    path: Path,
    source: SourceTraits,
    now_ms: int,
    again: bool,
    tell: Progress,
) -> FileReport:
    kind_of(path)
    checksum, size = checksum_of(path)
    if not again and was_taken(facts, cls.name, source, checksum):
        return FileReport(
            str(path), True, Accepted(notes=[f"{path} was already taken; --again takes it a second time"])
        )
    total = Accepted()
    # A snapshot half taken would say that the other half is gone.
    whole = facts.transaction() if source.mode == "snapshot" else nullcontext()
    with _bounded(facts), whole:
        with facts.transaction():
            take = begin_take(facts, source.name, cls.name, str(path), now_ms)
        for batch in read_file(facts, path, cls, rules):
            total += take_batch(facts, rules, cls, batch, source, now_ms, take)
            tell(f"{path.name}: {total.rows:,} rows")
        with facts.transaction():
            end_take(facts, take, total, checksum, size)
            if cls.name == XREF and not total.rows:
                # An empty snapshot withdraws all that its source said.
                facts.touch()
    return FileReport(str(path), False, total)


@contextmanager
def _bounded(facts: Facts) -> Iterator[None]:
    """What does not fit into ``MEMORY`` waits on disk meanwhile, however large the file and the store are."""
    before = facts.one("SELECT current_setting('memory_limit')")
    with suppress(duckdb.OutOfMemoryException):
        # Whoever shares the store may hold more than that already; then the limit stays as it is.
        facts.con.execute(f"SET memory_limit = '{MEMORY}'")
    try:
        yield
    finally:
        assert before is not None
        facts.con.execute(f"SET memory_limit = '{before[0]}'")


# ---------------------------------------------------------------- one lot


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
    """Check one lot and commit what is right, in one transaction (or in the one around it).

    Refused rows go into quarantine, or into ``refused`` if it is given.
    """
    convert.register(facts, cls.shape, rules.priority)
    for name, table in batch.tables.items():
        facts.con.register(name, table)
    try:
        with facts.transaction():
            staged = stage(facts, rules, cls, batch, source, now_ms)
            accepted = Accepted(rows=batch.rows, notes=_clashes(rules, cls, batch))
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
