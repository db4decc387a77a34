"""Sources read ahead: while one source's pages are stored, the others already wait for their vendors.

Each source is read in a thread of its own, a bounded number of rows ahead of the one that stores. Pages
come out in the source's order; what a source raises is raised where its next page would have come.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any

from townsend.clock import Clock
from townsend.sources import Page, Source
from townsend.sources.contract import Budget, Budgeted, Metered
from townsend.sources.tables import Table
from townsend.sources.watch import watching

__all__ = ["ROWS_AHEAD", "Reader", "Step"]

ROWS_AHEAD = 30_000  # rows of one source read and not taken yet; a page that is larger waits alone
LEAVE_S_MAX = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """A page of a stream; without a page the stream's end, with what is to be said about it.

    Args:
        begun: when reading the stream began.
        calls: made for the stream until then; None if the source does not count them.
        tables: at the end, the tables of the mapping that were used, with their digests.
        budget: at the end, what is left of the day's calls.
    """

    stream: str
    begun: datetime
    page: Page | None = None
    notes: tuple[str, ...] = ()
    calls: int | None = None
    tables: Mapping[str, str] = field(default_factory=dict)
    budget: Budget | None = None


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
    """Reads a source from its first stream to its last.

    Args:
        source: what is read; nobody else uses it meanwhile. It is closed at the end.
        cursors: where each stream goes on; from its beginning where there is none.
        clock: what time it is when a stream begins.

    Attributes:
        stream: the one that is read now, or that reading ended in; None before the first.
        begun: when reading it began.

    >>> with Reader(source, {}, clock) as steps:                                   # doctest: +SKIP
    ...     for step in steps:
    ...         print(step.stream)
    """

    def __init__(self, source: Source, cursors: Mapping[str, Any], clock: Clock) -> None:
        self._source = source
        self._cursors = cursors
        self._clock = clock
        self.stream: str | None = None
        self.begun: datetime | None = None
        self._changed = threading.Condition()
        self._steps: deque[Step] = deque()
        self._rows = 0
        self._ended = False
        self._left = False
        self._failure: BaseException | None = None
        # A daemon: who is told to stop must not wait for a vendor's answer.
        self._thread = threading.Thread(target=self._run, name=f"source-{source.name}", daemon=True)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._left = True
            self._changed.notify_all()
        self._thread.join(LEAVE_S_MAX)
        self._source.close()

    def __iter__(self) -> Iterator[Step]:
        while (step := self._take()) is not None:
            yield step
        if self._failure is not None:
            raise self._failure

    def _take(self) -> Step | None:
        with self._changed:
            while not self._steps and not self._ended:
                self._changed.wait()
            if not self._steps:
                return None
            step = self._steps.popleft()
            self._rows -= _size(step)
            self._changed.notify_all()
            return step

    def _put(self, step: Step) -> bool:
        """Hand a step over; False if nobody wants more."""
        with self._changed:
            while self._steps and self._rows + _size(step) > ROWS_AHEAD and not self._left:
                self._changed.wait()
            self._steps.append(step)
            self._rows += _size(step)
            self._changed.notify_all()
            return not self._left

    def _run(self) -> None:
        try:
            for stream in self._source.streams():
                if not self._read(stream):
                    return
        except BaseException as error:  # noqa: BLE001  raised again by the one who takes the steps
            self._failure = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _read(self, stream: str) -> bool:
        """Read one stream; False if nobody wants more."""
        source, before, uses = self._source, self._calls(), _Uses()
        self.stream, self.begun = stream, (begun := self._clock.now())

        def made() -> int | None:
            return None if before is None else (self._calls() or 0) - before

        with watching(uses):
            for page in source.pull(stream, self._cursors.get(stream), begun):
                if not self._put(Step(stream, begun, page, calls=made())):
                    return False
        budget = source.budget() if isinstance(source, Budgeted) else None
        return self._put(Step(stream, begun, None, tuple(source.notes(stream)), made(), uses.digests, budget))

    def _calls(self) -> int | None:
        return self._source.calls if isinstance(self._source, Metered) else None


def _size(step: Step) -> int:
    return len(step.page.rows) if step.page is not None else 0
