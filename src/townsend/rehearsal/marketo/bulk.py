"""Bulk extract jobs: their queue of ten, two of which run, in vendor time, and the day's volume.

A job's status is refreshed at most every 60 seconds after it was queued, as at the vendor: whoever asks more
often sees the old one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from townsend.rehearsal.ids import guid
from townsend.rehearsal.marketo.envelope import fail
from townsend.rehearsal.marketo.gate import Limits, central_day
from townsend.rehearsal.times import DAY_MS, SECOND_MS, text

__all__ = ["REFRESH_MS", "Job", "Jobs"]

REFRESH_MS = 60 * SECOND_MS
# A job takes a few seconds to begin with, then reads that many rows a second.
START_MS = 2_000
ROWS_PER_S = 5_000
FILE_MS = 7 * DAY_MS
JOB_MS = 30 * DAY_MS


@dataclass
class Job:
    """One export.

    Args:
        rows: how many records it will have.
        make: makes the file; called once, when it is first told to be complete.
    """

    export_id: str
    kind: str
    format: str
    rows: int
    make: Callable[[], bytes]
    created_ms: int
    queued_ms: int | None = None
    canceled_ms: int | None = None
    file: bytes | None = None
    checksum: str = ""

    @property
    def takes_ms(self) -> int:
        return START_MS + self.rows * SECOND_MS // ROWS_PER_S


class Jobs:
    """The exports of one instance, in the order they were made."""

    def __init__(self, limits: Limits, salt: str) -> None:
        self.limits = limits
        self.exported: Counter[date] = Counter()
        self._salt = salt
        self._jobs: dict[str, Job] = {}
        self._queue: list[Job] = []

    def make(self, kind: str, form: str, rows: int, make: Callable[[], bytes], now_ms: int) -> Job:
        """A new job, not queued yet."""
        export_id = guid(self._salt, "export", len(self._jobs) + 1)
        self._jobs[export_id] = job = Job(export_id, kind, form, rows, make, now_ms)
        return job

    def get(self, kind: str, export_id: str) -> Job | None:
        """A job of a kind, if there is one of that id."""
        job = self._jobs.get(export_id)
        return job if job is not None and job.kind == kind else None

    def find(self, kind: str, export_id: str, now_ms: int) -> Job:
        """A job that is still known; Fault 1013 otherwise."""
        job = self.get(kind, export_id)
        if job is None or now_ms - job.created_ms > JOB_MS:
            fail(1013, f"Export job '{export_id}' not found")
        return job

    def all(self, kind: str, now_ms: int) -> list[Job]:
        """The jobs of a kind, the newest first."""
        return [
            j for j in list(self._jobs.values())[::-1] if j.kind == kind and now_ms - j.created_ms <= JOB_MS
        ]

    def enqueue(self, job: Job, now_ms: int) -> None:
        """Queue a job; Fault 1029 if it is queued, the queue is full or the day's volume is used up."""
        if job.queued_ms is not None:
            fail(1029, f"Job {job.export_id} already queued")
        if job.canceled_ms is not None:
            fail(1003, f"Job {job.export_id} is canceled")
        if self.exported[central_day(now_ms)] >= self.limits.export_bytes:
            fail(1029, f"Export daily quota {self.limits.export_bytes // 1024 // 1024}MB exceeded")
        waiting = sum(self._true_state(one, now_ms) in {"Queued", "Processing"} for one in self._queue)
        if waiting >= self.limits.jobs_queued:
            fail(1029, f"Too many jobs ({waiting}) in queue")
        job.queued_ms = now_ms
        self._queue.append(job)

    def cancel(self, job: Job, now_ms: int) -> None:
        """Cancel a job that is not finished; Fault 1003 if it is."""
        if self._true_state(job, now_ms) == "Completed":
            fail(1003, f"Job {job.export_id} is completed")
        job.canceled_ms = job.canceled_ms or now_ms

    def _spans(self) -> dict[str, tuple[int, int]]:
        """When each queued job starts and ends: first come, first served, by as many hands as may run."""
        free = [0] * self.limits.jobs_running
        found = {}
        for job in self._queue:
            assert job.queued_ms is not None
            hand = min(range(len(free)), key=free.__getitem__)
            start = max(job.queued_ms, free[hand])
            if job.canceled_ms is not None and job.canceled_ms <= start:
                continue
            end = start + job.takes_ms
            if job.canceled_ms is not None:
                end = min(end, job.canceled_ms)
            free[hand] = end
            found[job.export_id] = (start, end)
        return found

    def _true_state(self, job: Job, now_ms: int) -> str:
        if job.canceled_ms is not None:
            return "Canceled"
        if job.queued_ms is None:
            return "Created"
        start, end = self._spans()[job.export_id]
        return "Queued" if now_ms < start else "Processing" if now_ms < end else "Completed"

    def state(self, job: Job, now_ms: int) -> str:
        """The status as last refreshed; a completed job has its file from then on."""
        if job.queued_ms is None or job.canceled_ms is not None:
            return self._true_state(job, now_ms)
        state = self._true_state(job, now_ms - (now_ms - job.queued_ms) % REFRESH_MS)
        if state == "Completed" and job.file is None:
            job.file = job.make()
            job.checksum = hashlib.sha256(job.file).hexdigest()
            self.exported[central_day(now_ms)] += len(job.file)
        return state

    def file(self, job: Job, now_ms: int) -> bytes | None:
        """The file, if the job is told to be complete and it is not too old."""
        if self.state(job, now_ms) != "Completed" or now_ms - job.created_ms > FILE_MS:
            return None
        return job.file

    def told(self, job: Job, now_ms: int) -> dict[str, Any]:
        """A job as the interface writes it."""
        state = self.state(job, now_ms)
        found: dict[str, Any] = {"exportId": job.export_id, "format": job.format, "status": state}
        found["createdAt"] = text(job.created_ms)
        if job.queued_ms is not None:
            found["queuedAt"] = text(job.queued_ms)
        if state in {"Processing", "Completed"}:
            start, end = self._spans()[job.export_id]
            found["startedAt"] = text(start)
            if job.file is not None:
                found |= {"finishedAt": text(end), "numberOfRecords": job.rows, "fileSize": len(job.file)}
                found["fileChecksum"] = f"sha256:{job.checksum}"
        return found
