"""Those who read a served store: each sees one moment at which all of it agrees.

Between the taking in of facts and the following of the unified tables a store does not agree with itself. So
only the owner gives readers a moment, between two of its steps; they keep it until they are given back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from townsend.problem import Unavailable
from townsend.project.project import Project
from townsend.project.settings import FILE
from townsend.store.facts import Facts

__all__ = ["Readers", "signature"]

IDLE_MIN, IDLE_MAX = 2, 6  # readers kept for those who come next
READERS_MAX = 64  # at one time
WAIT_S = 60.0  # for the owner to end its step


def signature(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Changes when the settings or a file of the schema do."""
    paths = [folder / FILE, *sorted((folder / "schema").glob("*.y*ml"))]
    found = [(path.name, path.stat()) for path in paths if path.exists()]
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in found)


@dataclass(eq=False)
class _Reader:
    """A connection and the moment it sees."""

    facts: Facts
    epoch: int
    project: Project | None = None


class _Wish:
    """Somebody who waits for a moment that is not older than the wish."""

    def __init__(self) -> None:
        self.there = threading.Event()
        self.reader: _Reader | None = None


class Readers:
    """The readers of one store.

    Args:
        folder: the project's.
        wake: makes the owner end its sleep.
    """

    def __init__(self, folder: Path, wake: Callable[[], None]) -> None:
        self._folder = folder
        self._wake = wake
        self._guard = threading.Lock()
        self._epoch = 0
        self._idle: list[_Reader] = []
        self._wishes: list[_Wish] = []
        self._out = 0
        self._closed = False
        self._signature = signature(folder)

    @contextmanager
    def project(self, *, fresh: bool = False) -> Iterator[Project]:
        """The project at one moment, to read.

        Args:
            fresh: everything that was accepted until now is in it; else what the last step of the owner left.

        Raises:
            Unavailable: ``serve.busy``, ``serve.stopping``.
        """
        reader = self._take(fresh)
        try:
            if reader.project is None:
                reader.project = Project(self._folder)
                reader.project.__dict__["facts"] = reader.facts
            yield reader.project
        finally:
            self._give_back(reader)

    @contextmanager
    def lent(self) -> Iterator[Facts]:
        """A connection at a fresh moment for a project that somebody else opens and closes."""
        reader = self._take(fresh=True)
        try:
            yield reader.facts
        finally:
            with self._guard:
                self._out -= 1
            reader.facts.close()

    def grant(self, source: Facts) -> None:
        """Give those who wait the present moment; only the owner does, when the store agrees with itself."""
        with self._guard:
            wishes, self._wishes = self._wishes, []
            for wish in wishes:
                wish.reader = _Reader(source.beside(), self._epoch)
                wish.there.set()

    def refuse(self) -> None:
        """The store does not agree with itself now: those who wait for its moment are told to come again."""
        with self._guard:
            wishes, self._wishes = self._wishes, []
        for wish in wishes:
            wish.there.set()

    def moved(self, source: Facts) -> None:
        """The owner made a step: readers at rest are given its moment, and settings as they are now."""
        found = signature(self._folder)
        with self._guard:
            self._epoch += 1
            for reader in self._idle:
                reader.facts.renew()
                reader.epoch = self._epoch
                if found != self._signature and reader.project is not None:
                    reader.project.state.close()
                    reader.project = None
            while len(self._idle) < IDLE_MIN:
                self._idle.append(_Reader(source.beside(), self._epoch))
            self._signature = found

    def close(self) -> None:
        """Let go of the readers at rest; those who wait are told."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for reader in idle:
            (reader.project or reader.facts).close()
        self.refuse()

    def _take(self, fresh: bool) -> _Reader:
        with self._guard:
            if self._closed:
                raise Unavailable("serve.stopping", "the server is about to stop; ask again when it is back")
            if self._out >= READERS_MAX:
                raise Unavailable(
                    "serve.busy", f"{READERS_MAX} questions are being answered already; ask again in a moment"
                )
            self._out += 1
            now = [one for one in self._idle if one.epoch == self._epoch]
            if now and not fresh and signature(self._folder) == self._signature:
                self._idle.remove(now[-1])
                return now[-1]
            wish = _Wish()
            self._wishes.append(wish)
        self._wake()
        wish.there.wait(WAIT_S)
        with self._guard:
            if wish.reader is not None:
                return wish.reader
            self._out -= 1
            if wish in self._wishes:
                self._wishes.remove(wish)
        raise Unavailable(
            "serve.busy",
            "the owner of the store is at a long step, could not end one, or is about to stop; ask again",
        )

    def _give_back(self, reader: _Reader) -> None:
        with self._guard:
            self._out -= 1
            # One that was interrupted, or saw another moment, sees the next one when it is renewed.
            if not self._closed and len(self._idle) < IDLE_MAX:
                self._idle.append(reader)
                return
        (reader.project or reader.facts).close()
