"""Marketo's bulk extracts: jobs that run two at a time, and files that are only whole with their checksum.

Windows are at most 31 days. Jobs are asked for ahead, as many as the queue holds, and handed out in the
order of their windows, so that the position behind one may be stored while the next ones still run.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, Any

from townsend.clock import Clock
from townsend.problem import Problem, Unavailable
from townsend.vendors.marketo import Answer, Marketo
from townsend.vendors.replies import Again, Reply

__all__ = ["NO_SUCH_FILTER", "Exports", "Window", "csv_rows", "instant", "windows"]

WINDOW = timedelta(days=31)
AHEAD = 8  # of a queue of ten that is shared with other integrations; two run at a time
POLL_S = 60.0  # a job's status is renewed at most that often
POLLS_MAX = 720
FULL_S = 60.0
FULL_MAX = 60
DOWNLOADS_MAX = 3
HELD_BYTES = 8 * 1024 * 1024
CELL_BYTES_MAX = 64 * 1024 * 1024

NO_SUCH_FILTER = "1035"
_JOBS = "1029"
_QUOTA = re.compile(r"quota", re.IGNORECASE)
_QUEUED = re.compile(r"already", re.IGNORECASE)


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
        self._clock = clock

    def run(
        self, kind: str, bodies: Sequence[Mapping[str, Any]]
    ) -> Iterator[Iterator[dict[str, str]] | None]:
        """The rows of each extract, in the order asked for.

        Args:
            kind: ``leads``, ``activities`` or ``program/members``.
            bodies: what each is created with: ``fields`` and ``filter``.

        Returns:
            Rows by column name, blank and ``null`` as they stand; read each before asking for the next.
            None, once and at the start, if the subscription does not have the filter.

        Raises:
            Unavailable: ``vendor.quota``, ``source.export`` for a job that failed or took too long.
        """
        waiting: deque[str] = deque()
        left = deque(bodies)
        try:
            while left or waiting:
                while left and len(waiting) < AHEAD:
                    job = self._begin(kind, left[0], wait=not waiting)
                    if job is None:
                        break
                    if job == NO_SUCH_FILTER:
                        yield None
                        return
                    left.popleft()
                    waiting.append(job)
                status = self._finished(kind, waiting[0])
                with self._file(kind, waiting.popleft(), status) as file:
                    yield csv_rows(file)
        except GeneratorExit:
            # Nobody waits for the rest; a failed pull leaves its jobs, which end by themselves.
            for job in waiting:
                with suppress(Problem):
                    self._cancel(kind, job)
            raise

    def _begin(self, kind: str, body: Mapping[str, Any], wait: bool) -> str | None:
        """Create and enqueue a job; None if the queue is full and it is not worth waiting here."""
        path = f"/bulk/v1/{kind}/export"
        for _ in range(FULL_MAX):
            # A job that is made twice is only queued once; the other one is forgotten by the vendor.
            answer = self._marketo.call(
                "POST",
                f"{path}/create.json",
                json={"format": "CSV", **body},
                safe=True,
                expect={NO_SUCH_FILTER, _JOBS},
            )
            if answer.said == NO_SUCH_FILTER:
                return NO_SUCH_FILTER
            if answer.said is None:
                job = str(answer.result[0]["exportId"])
                answer = self._marketo.call("POST", f"{path}/{job}/enqueue.json", safe=True, expect={_JOBS})
                if answer.said is None or _QUEUED.search(answer.words):
                    return job
                self._cancel(kind, job)
            if _QUOTA.search(answer.words):
                raise self._marketo.failure("607", answer.words)
            if not wait:
                return None
            self._clock.sleep(FULL_S)
        raise Unavailable(
            "source.export",
            f"{self._marketo.name}: Marketo's queue of extracts stays full; run again when other "
            "integrations are done with theirs",
            name=self._marketo.name,
        )

    def _finished(self, kind: str, job: str) -> Mapping[str, Any]:
        """The job once it is completed."""
        for _ in range(POLLS_MAX):
            answer = self._marketo.call("GET", f"/bulk/v1/{kind}/export/{job}/status.json")
            status: Mapping[str, Any] = answer.result[0]
            state = str(status.get("status", "")).lower()
            if state == "completed":
                return status
            if state in ("failed", "cancelled", "canceled"):
                break
            self._clock.sleep(POLL_S)
        raise Unavailable(
            "source.export",
            f"{self._marketo.name}: the extract {job} of {kind} is {state} at Marketo; run again later",
            name=self._marketo.name,
            job=job,
        )

    def _cancel(self, kind: str, job: str) -> Answer:
        return self._marketo.call(
            "POST", f"/bulk/v1/{kind}/export/{job}/cancel.json", safe=True, expect={_JOBS, "1003", "1013"}
        )

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


def csv_rows(file: IO[bytes]) -> Iterator[dict[str, str]]:
    """The rows of a file; cells may hold line feeds, lone carriage returns and NUL."""
    csv.field_size_limit(CELL_BYTES_MAX)
    reader = csv.reader(_lines(file))
    header = next(reader, None)
    if header is None:
        return
    for cells in reader:
        if cells:
            yield dict(zip(header, cells, strict=False))


def _lines(file: IO[bytes]) -> Iterator[str]:
    # Only the line feed ends a line here: a carriage return inside a cell is text.
    for n, raw in enumerate(file):
        line = raw.decode("utf-8-sig" if n == 0 else "utf-8", "replace")
        if "\0" in line:
            line = line.replace("\0", "")
        if "\r" in line:
            ends = "\n" if line.endswith("\r\n") else ""
            line = (line[:-2] + ends if ends else line).replace("\r", " ")
        yield line
