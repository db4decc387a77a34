"""Files into facts, lot by lot, each lot one transaction.

A process that dies between two lots has taken the first; taking the file again repeats nothing. A
file is marked as taken with its last lot, and skipped when it comes again from the same source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb

from townsend.intake.absent import absent_rows, begin_snapshot
from townsend.intake.batch import Batch
from townsend.intake.load import class_of, ready, take_batch
from townsend.intake.readers import kind_of, read_file
from townsend.intake.reading import AS_IT_IS, Reading
from townsend.intake.rows import row_batches
from townsend.intake.rules import Accepted, FileReport, IntakeRules, SourceTraits, epoch_ms
from townsend.intake.takes import begin_take, checksum_of, end_take, was_taken
from townsend.model import XREF, EntityClass
from townsend.problem import Invalid
from townsend.store.facts import Facts

__all__ = ["load_files"]

# Of DuckDB's own while a file is loaded; rows on their way through Python come on top.
MEMORY = "1GB"

Progress = Callable[[str], None]


def load_files(
    facts: Facts,
    rules: IntakeRules,
    cls: str,
    paths: Sequence[Path],
    source: SourceTraits,
    now: datetime,
    again: bool = False,
    progress: Progress | None = None,
    reading: Reading = AS_IT_IS,
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
        reading: what is said of all these files.

    Returns:
        What became of each file, in their order.

    Raises:
        Invalid: ``class.unknown``; ``file.*`` for a file that cannot be read. Files before it are taken.
            ``file.rows`` for one with another number of rows than it must have; none of its rows is taken.
    """
    entity = class_of(rules, cls)
    tell = progress or (lambda _: None)
    ready(facts, rules, [entity])
    return [
        _File(path, reading, tell).load(facts, rules, entity, source, epoch_ms(now), again) for path in paths
    ]


@dataclass(frozen=True)
class _File:
    path: Path
    reading: Reading
    tell: Progress

    @property
    def name(self) -> str:
        return self.reading.name or str(self.path)

    def load(
        self,
        facts: Facts,
        rules: IntakeRules,
        cls: EntityClass,
        source: SourceTraits,
        now_ms: int,
        again: bool,
    ) -> FileReport:
        kind_of(self.path)
        checksum, size = checksum_of(self.path)
        if not again and was_taken(facts, cls.name, source, checksum):
            note = f"{self.name} was already taken; --again takes it a second time"
            return FileReport(self.name, True, Accepted(notes=[note]))
        total = Accepted()
        # A snapshot half taken would say that the other half is gone.
        all_or_none = source.mode == "snapshot" or self.reading.rows is not None
        with _bounded(facts), facts.transaction() if all_or_none else nullcontext():
            with facts.transaction():
                take = begin_take(facts, source.name, cls.name, self.name, now_ms)
            begin_snapshot(facts)
            for batch in self.batches(facts, rules, cls):
                total += take_batch(facts, rules, cls, batch, source, now_ms, take)
                self.tell(f"{Path(self.name).name}: {total.rows:,} rows")
            self.check(total)
            if source.mode == "snapshot" and cls.key is not None:
                gone = absent_rows(facts, cls, source, total, again)
                for batch in row_batches(cls, rules.open, gone, self.name):
                    total += take_batch(facts, rules, cls, batch, source, now_ms, take)
            with facts.transaction():
                end_take(facts, take, total, checksum, size)
                if cls.name == XREF and not total.rows:
                    # An empty snapshot withdraws all that its source said.
                    facts.touch()
        return FileReport(self.name, False, total)

    def batches(self, facts: Facts, rules: IntakeRules, cls: EntityClass) -> Iterator[Batch]:
        """Lots of the file, in whose places and messages it has its name."""
        path, name = str(self.path), self.name
        try:
            for batch in read_file(facts, self.path, cls, rules, self.reading):
                yield batch if name == path else _named(batch, path, name)
        except Invalid as problem:
            if name == path:
                raise
            text = problem.text.replace(path, name)
            raise Invalid(problem.code, text, **{**problem.facts, "path": name}) from problem

    def check(self, total: Accepted) -> None:
        expected = self.reading.rows
        if expected is not None and expected != total.rows:
            raise Invalid(
                "file.rows",
                f"{self.name}: expected {expected:,} rows, as its manifest says, got {total.rows:,}; "
                "nothing of it was taken. Get it again",
                path=self.name,
            )


def _named(batch: Batch, path: str, name: str) -> Batch:
    place = batch.place
    return replace(
        batch,
        place=lambda ordinal: place(ordinal).replace(path, name, 1),
        refused=[replace(one, place=one.place.replace(path, name, 1)) for one in batch.refused],
    )


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
