"""Pulling files: each is taken whole, those of a manifest together; what cannot be taken is told, once.

A file that is not what its manifest says, or cannot be read, is left, and the others are taken all the same.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from townsend.intake import Accepted
from townsend.intake.load import class_of, ready
from townsend.intake.reading import Reading
from townsend.intake.rules import epoch_ms
from townsend.problem import Broken, Invalid, Problem
from townsend.project.load import intake_rules, load_into
from townsend.project.meter import Meter
from townsend.sources import FilesSource
from townsend.sources.found import FoundFile
from townsend.store.pulls import note_pull

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = ["FilesTaken", "take_files"]

Progress = Callable[[str], None]


@dataclass
class FilesTaken:
    """What the files of one class brought.

    Args:
        problem: the first one that a file had; None if all could be taken.
    """

    accepted: Accepted = field(default_factory=Accepted)
    notes: list[str] = field(default_factory=list)
    problem: Problem | None = None


def take_files(
    project: Project, source: FilesSource, cls: str, files: list[FoundFile], full: bool, progress: Progress
) -> FilesTaken:
    """Take the files of one class in their order, and write down what became of them."""
    meter = Meter(source.name, cls, "full" if full else "changes", project.clock.now())
    work = _Files(project, source, cls, full, progress)
    rules = intake_rules(project)
    # Before any transaction: what one prepares that is given up is gone with it.
    ready(project.facts, rules, [class_of(rules, cls)])
    for name, group in groupby(files, key=lambda one: one.set or one.name):
        together, before = list(group), work.taken.accepted
        try:
            with project.facts.transaction() if together[0].set else nullcontext():
                work.take(together)
        except Broken:
            raise
        except Problem as problem:
            # Of a manifest's files nothing was kept.
            work.taken.accepted = before
            work.failed(name, problem)
            if problem.code.startswith("source."):
                break
    taken = work.ended()
    meter.counts(taken.accepted)
    note_pull(project.facts, meter.pull(project.clock.now(), problem=taken.problem))
    return taken


@dataclass
class _Files:
    project: Project
    source: FilesSource
    cls: str
    full: bool
    progress: Progress
    taken: FilesTaken = field(default_factory=FilesTaken)
    skipped: int = 0

    def take(self, files: list[FoundFile]) -> None:
        for found in files:
            if self._is_known(found):
                self.skipped += 1
                continue
            self.progress(f"{self.source.name}: {posixpath.basename(found.name)}")
            with found.fetch() as path:
                _check_digest(found, path)
                self._load(found, path)
            if found.remote:
                self._remember(found)

    def _load(self, found: FoundFile, path: Path) -> None:
        source, cls = self.source, self.cls
        reading = Reading(source.encoding, source.delimiter, source.make(cls), found.name, found.rows)
        for report in load_into(
            self.project,
            cls,
            [path],
            source.name,
            again=self.full,
            progress=self.progress,
            reading=reading,
        ):
            if report.skipped:
                self.skipped += 1
            else:
                self.taken.accepted += report.accepted

    # A file that has to be fetched is known by its address and version, so that it is fetched once.

    def _is_known(self, found: FoundFile) -> bool:
        return found.remote and not self.full and self._known().get(found.name) == found.stamp

    def _remember(self, found: FoundFile) -> None:
        facts, now = self.project.facts, self.project.clock.now()
        with facts.transaction():
            known = {**self._known(), found.name: found.stamp}
            facts.set_cursor(self.source.name, self._stream, known, at_ms=epoch_ms(now))

    def _known(self) -> dict[str, Any]:
        return dict(self.project.facts.cursor(self.source.name, self._stream) or {})

    @property
    def _stream(self) -> str:
        return f"files.{self.cls}"

    def failed(self, name: str, problem: Problem) -> None:
        if problem.code == "files.changing":
            self.taken.notes.append(problem.text)
        elif self.taken.problem is None:
            self.taken.problem = problem
        elif problem.text != self.taken.problem.text:
            self.taken.notes.append(f"{name} was not taken: {problem.text}")

    def ended(self) -> FilesTaken:
        if self.skipped:
            files = "1 file was" if self.skipped == 1 else f"{self.skipped:,} files were"
            self.taken.notes.append(f"{files} already taken")
        self.taken.notes += [*self.taken.accepted.notes, *self.source.notes(self.cls)]
        return self.taken


def _check_digest(found: FoundFile, path: Path) -> None:
    if found.digest is None:
        return
    algorithm, expected = found.digest
    with path.open("rb") as file:
        came = hashlib.file_digest(file, algorithm).hexdigest()
    if came != expected:
        raise Invalid(
            "files.checksum",
            f"{found.name}: expected the {algorithm} {expected[:12]}…, as its manifest says, got "
            f"{came[:12]}…; nothing of the manifest was taken. Get the file again",
            path=found.name,
        )
