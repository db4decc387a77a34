"""Sources read ahead: while one source's pages are stored, the others already wait for their vendors.

Each source is read in a thread of its own, a bounded number of rows ahead of the one that stores. Pages
come out in the source's order; what a source raises is raised where its next page would have come.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from townsend.clock import Clock
from townsend.sources import Page, Source

__all__ = ["ROWS_AHEAD", "Reader", "Step"]

ROWS_AHEAD = 30_000  # rows of one source read and not taken yet; a page that is larger waits alone
LEAVE_S_MAX = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """A page of a stream; without a page the stream's end, with what is to be said about it."""

    stream: str
    page: Page | None = None
    notes: tuple[str, ...] = ()


class Reader:
    """Reads a source from its first stream to its last.

    Args:
        source: what is read; nobody else uses it meanwhile. It is closed at the end.
        cursors: where each stream goes on; from its beginning where there is none.
        clock: what time it is when a stream begins.

    >>> with Reader(source, {}, clock) as steps:                                   # doctest: +SKIP
    ...     for step in steps:
    ...         print(step.stream)
    """

    def __init__(self, source: Source, cursors: Mapping[str, Any], clock: Clock) -> None:
        self._source = source
        self._cursors = cursors
        self._clock = clock
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
                for page in self._source.pull(stream, self._cursors.get(stream), self._clock.now()):
                    if not self._put(Step(stream, page)):
                        return
                if not self._put(Step(stream, notes=tuple(self._source.notes(stream)))):
                    return
        except BaseException as error:  # noqa: BLE001  raised again by the one who takes the steps
            self._failure = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()


def _size(step: Step) -> int:
    return len(step.page.rows) if step.page is not None else 0
