"""Marketo's bulk extracts: windows of at most 31 days, and files that are only whole with their checksum.

Files are handed out in the order of their windows, so that the position behind one may be stored while the
next ones still run.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, Any

from townsend.clock import Clock
from townsend.problem import Unavailable
from townsend.sources.celltables import csv_rows
from townsend.sources.marketo_jobs import POLL_S, Jobs
from townsend.vendors.marketo import Marketo
from townsend.vendors.replies import Again, Reply

__all__ = ["Exports", "Window", "instant", "windows"]

WINDOW = timedelta(days=31)
DOWNLOADS_MAX = 3
HELD_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open stretch of time."""

    start: datetime
    end: datetime


def instant(at: datetime) -> str:
    """An instant as Marketo reads it: ISO 8601, UTC, whole seconds.

    >>> instant(datetime(2026, 11, 22, 12, tzinfo=UTC))
    '2026-11-22T12:00:00Z'
    """
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def windows(start: datetime, end: datetime, most: timedelta = WINDOW) -> list[Window]:
    """The time from start to end in windows that an extract may have, oldest first.

    >>> spans = windows(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 9, tzinfo=UTC))
    >>> [(span.end - span.start).days for span in spans]
    [31, 8]
    """
    found = []
    while start < end:
        until = min(start + most, end)
        found.append(Window(start, until))
        start = until
    return found


class Exports:
    """Extracts of one instance."""

    def __init__(self, marketo: Marketo, clock: Clock) -> None:
        self._marketo = marketo
        self._jobs = Jobs(marketo, clock)

    def run(
        self,
        kind: str,
        bodies: Sequence[Mapping[str, Any]],
        read: Callable[[IO[bytes]], Iterator[Any]] = csv_rows,
    ) -> Iterator[Iterator[Any] | None]:
        """The rows of each extract, in the order asked for.

        Args:
            kind: ``leads``, ``activities`` or ``program/members``.
            bodies: what each is created with: ``fields`` and ``filter``.
            read: what is made of each file; as it is, rows by column name, blank and ``null`` as they stand.

        Returns:
            What was read of each file; take all of it before asking for the next.
            None, once and at the start, if the subscription does not have the filter.

        Raises:
            Unavailable: ``vendor.quota``, ``source.export`` for a job that failed or took too long.
        """
        extracts = self._jobs.ask(kind, bodies)
        hurry = False
        try:
            for extract in extracts:
                status = self._jobs.completed(extract)
                if status is None:
                    yield None
                    return
                with self._file(kind, extract.job, status) as file:
                    yield read(file)
        except GeneratorExit:
            hurry = True
            raise
        finally:
            # Nobody waits for the rest; a failed pull leaves its jobs, which end by themselves.
            self._jobs.forget(extracts, cancel=hurry)

    @contextmanager
    def _file(self, kind: str, job: str, status: Mapping[str, Any]) -> Iterator[IO[bytes]]:
        """The job's file, whole, at its beginning."""
        with tempfile.SpooledTemporaryFile(max_size=HELD_BYTES) as file:
            for _ in range(DOWNLOADS_MAX):
                if status.get("numberOfRecords") == 0 and not status.get("fileSize"):
                    break
                self._marketo.http.call(
                    "GET", f"/bulk/v1/{kind}/export/{job}/file.json", judge=self._judge, into=file
                )
                if _whole(file, status):
                    break
                file.seek(0)
                file.truncate()
            else:
                raise Unavailable(
                    "source.export",
                    f"{self._marketo.name}: the file of extract {job} does not match its checksum; run again",
                    name=self._marketo.name,
                    job=job,
                )
            file.seek(0)
            yield file

    def _judge(self, reply: Reply) -> Again | None:
        if reply.status in (200, 206) and reply.kind != "application/json":
            return None
        if reply.status == 404:
            # Just completed files are not always there at once.
            return Again("status 404", after_s=POLL_S / 6)
        if reply.status == 416:
            return None
        return self._marketo.judge(reply) or Again("an envelope in the place of a file", after_s=POLL_S / 6)


def _whole(file: IO[bytes], status: Mapping[str, Any]) -> bool:
    size = file.seek(0, io.SEEK_END)
    if status.get("fileSize") is not None and size != int(status["fileSize"]):
        return False
    kind, _, wanted = str(status.get("fileChecksum") or "").partition(":")
    if kind.lower() != "sha256" or not wanted:
        return True
    digest = hashlib.sha256()
    file.seek(0)
    while part := file.read(1 << 20):
        digest.update(part)
    return digest.hexdigest() == wanted.lower()
