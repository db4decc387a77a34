"""Sources read ahead: while one page is stored, every source already waits for its vendor.

Sources are read side by side, a bounded number of them, and so are those streams of a source that need
nothing of each other. What they bring waits in one line a source, a bounded number of rows long: whatever was
handed over earlier is stored earlier, also between its streams.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any

from townsend.clock import Clock, stopwatch
from townsend.problem import Broken, Problem
from townsend.sources import Page, Source
from townsend.sources.contract import Budget, Budgeted, Concurrent, Metered
from townsend.sources.tables import Table
from townsend.sources.watch import watching

__all__ = ["ROWS_AHEAD", "SOURCES_AT_ONCE", "STREAMS_AT_ONCE", "Ahead", "Reader", "Step"]

SOURCES_AT_ONCE = 8
STREAMS_AT_ONCE = 4  # of one source; vendors take five calls at a time from us
ROWS_AHEAD = 30_000  # rows of one source read and not taken yet; a page that is larger waits alone
LEAVE_S_MAX = 1.0  # for all sources together


@dataclass(frozen=True, slots=True)
class Step:
    """A page of a stream; without a page the stream's end, with what is to be said about it.

    Args:
        begun: when reading the stream began.
        calls: made for the stream until then; None if the source does not count them.
        tables: at the end, the tables of the mapping that were used, with their digests.
        budget: at the end, what is left of the day's calls.
        problem: at the end, why there is no more.
    """

    stream: str
    begun: datetime
    page: Page | None = None
    notes: tuple[str, ...] = ()
    calls: int | None = None
    tables: Mapping[str, str] = field(default_factory=dict)
    budget: Budget | None = None
    problem: Problem | None = None


class _Uses:
    """Which tables are used."""

    rows = False

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}

    def uses(self, table: Table, own: Mapping[str, str]) -> None:  # noqa: ARG002  the project does not say these
        self.digests[table.name] = table.digest

    def saw(self, table: Table, row: Mapping[str, Any], mapped: Mapping[str, Any]) -> None:
        """Rows are none of its business."""


class Reader:
    """Reads a source in threads of its own.

    After a stream's problem no further stream is begun; those under way go on to their end.

    Args:
        source: what is read; nobody else uses it meanwhile. It is closed at the end.
        cursors: where each stream goes on; from its beginning where there is none.
        clock: what time it is when reading begins.
        changed: told when there is something to take.
    """

    def __init__(
        self, source: Source, cursors: Mapping[str, Any], clock: Clock, changed: threading.Condition
    ) -> None:
        self.source = source
        self._cursors = cursors
        self._clock = clock
        self._changed = changed
        self._steps: deque[Step] = deque()
        self._rows = 0
        self._waiting = list(source.streams())
        self._before = {stream: set(self._waiting[:at]) for at, stream in enumerate(self._waiting)}
        self._finished: set[str] = set()
        self._prepared: dict[str, int] = {}
        self._alone = False
        self._left = False
        self._failed = False
        self._failure: BaseException | None = None
        at_once = min(STREAMS_AT_ONCE, len(self._waiting)) if isinstance(source, Concurrent) else 1
        self._working = max(1, at_once)
        self._ready = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self) -> None:
        """Start reading."""
        self._now = self._clock.now()
        # Daemons: who is told to stop must not wait for a vendor's answer.
        self._threads = [
            threading.Thread(target=self._run, args=(n == 0,), name=f"source-{self.source.name}", daemon=True)
            for n in range(self._working)
        ]
        for thread in self._threads:
            thread.start()

    def leave(self) -> None:
        """Nobody wants more; with the condition held."""
        self._left = True

    def close(self, until: float) -> None:
        """Give the threads until that instant of the stopwatch, and let go of the source."""
        for thread in self._threads:
            thread.join(max(0.0, until - stopwatch()))
        self.source.close()

    def take(self) -> Step | None:
        """The next step, if one is there; with the condition held.

        Raises:
            BaseException: what the source raised that is no problem of its own, once all before it is taken.
        """
        if self._steps:
            step = self._steps.popleft()
            self._rows -= _size(step)
            self._changed.notify_all()
            return step
        if self._working == 0 and self._failure is not None:
            raise self._failure
        return None

    @property
    def done(self) -> bool:
        """Whether nothing comes any more; with the condition held."""
        return not self._steps and self._working == 0 and self._failure is None

    # ------------------------------------------------------------ in its threads

    def _run(self, first: bool) -> None:
        try:
            if first:
                self._alone = not self._prepare()
                self._ready.set()
            self._ready.wait()
            while (first or not self._alone) and (stream := self._next()) is not None:
                self._read(stream)
        except BaseException as error:  # noqa: BLE001  raised again by the one who takes the steps
            self._failure = error
        finally:
            self._ready.set()
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    def _prepare(self) -> bool:
        """False if that was a problem: then one stream meets it again, in its place, and not several."""
        if isinstance(self.source, Concurrent):
            for stream in self._waiting:
                before = self._calls() or 0
                try:
                    self.source.prepare(stream, self._cursors.get(stream), self._now)
                except Problem:
                    return False
                finally:
                    self._prepared[stream] = (self._calls() or 0) - before
        return True

    def _next(self) -> str | None:
        """A stream that can be begun, as soon as there is one; None if there will be none."""
        with self._changed:
            while self._waiting and not (self._left or self._failed or self._failure):
                for stream in self._waiting:
                    if self._needs(stream) <= self._finished:
                        self._waiting.remove(stream)
                        return stream
                self._changed.wait()
            return None

    def _needs(self, stream: str) -> set[str]:
        if not isinstance(self.source, Concurrent):
            return self._before[stream]
        return set(self.source.needs(stream)) & self._before[stream]

    def _read(self, stream: str) -> None:
        source, uses, begun = self.source, _Uses(), self._clock.now()
        before = self._calls()

        def made() -> int | None:
            extra = self._prepared.get(stream, 0)
            return None if before is None else (self._calls() or 0) - before + extra

        try:
            with watching(uses):
                for page in source.pull(stream, self._cursors.get(stream), self._now):
                    if not self._put(Step(stream, begun, page, calls=made())):
                        return
        except Broken:
            raise
        except Problem as problem:
            self._failed = True
            self._put(Step(stream, begun, calls=made(), problem=problem))
            return
        budget = source.budget() if isinstance(source, Budgeted) else None
        notes = tuple(source.notes(stream))
        self._put(Step(stream, begun, None, notes, made(), uses.digests, budget))
        with self._changed:
            self._finished.add(stream)
            self._changed.notify_all()

    def _put(self, step: Step) -> bool:
        """Hand a step over; False if nobody wants more."""
        with self._changed:
            while self._steps and self._rows + _size(step) > ROWS_AHEAD and not self._left:
                self._changed.wait()
            self._steps.append(step)
            self._rows += _size(step)
            self._changed.notify_all()
            return not self._left

    def _calls(self) -> int | None:
        return self.source.calls if isinstance(self.source, Metered) else None


class Ahead:
    """Reads sources side by side; gives what they bring as it comes.

    Args:
        readers: of the sources, in the order in which they begin.

    >>> with Ahead(sources, cursors_of, clock) as steps:                           # doctest: +SKIP
    ...     for source, step in steps:
    ...         print(source.name, step.stream)
    """

    def __init__(self, sources: Sequence[tuple[Source, Mapping[str, Any]]], clock: Clock) -> None:
        self._changed = threading.Condition()
        readers = [Reader(source, cursors, clock, self._changed) for source, cursors in sources]
        self._waiting = deque(readers)
        self._reading: list[Reader] = []
        self._readers = readers

    def __enter__(self) -> Ahead:
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            for reader in self._readers:
                reader.leave()
            self._changed.notify_all()
        until = stopwatch() + LEAVE_S_MAX
        for reader in self._readers:
            reader.close(until)

    def __iter__(self) -> Iterator[tuple[Source, Step]]:
        while (found := self._take()) is not None:
            yield found

    def _begin(self) -> None:
        while self._waiting and len(self._reading) < SOURCES_AT_ONCE:
            reader = self._waiting.popleft()
            self._reading.append(reader)
            reader.begin()

    def _take(self) -> tuple[Source, Step] | None:
        """The next step of any source; None if all are read. Sources take turns."""
        while True:
            with self._changed:
                for reader in self._reading:
                    if (step := reader.take()) is not None:
                        self._reading.remove(reader)
                        self._reading.append(reader)
                        return reader.source, step
                ended = [reader for reader in self._reading if reader.done]
                if not ended:
                    if not self._reading:
                        return None
                    self._changed.wait()
            for reader in ended:
                self._reading.remove(reader)
                reader.close(stopwatch() + LEAVE_S_MAX)
            self._begin()


def _size(step: Step) -> int:
    return len(step.page.rows) if step.page is not None else 0
