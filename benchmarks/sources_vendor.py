"""A Marketo instance of any size in a process of its own: the rehearsal's, each extract as often as wanted.

Limits, windows, jobs and answers are the rehearsal's own. The rows of an extract are those of a small
company, repeated with other ids and addresses; files are written once and read from disk, so that making
them is not what is measured.
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from townsend.clock import AcceleratedClock
from townsend.rehearsal import start
from townsend.rehearsal.marketo.bulk import Job, Jobs
from townsend.rehearsal.marketo.instance import Marketo

__all__ = ["FACTOR", "NOW", "Vendor", "vendor"]

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FACTOR = 600.0  # vendor seconds a second: an extract's minute takes a tenth
APART = 10_000_000  # between the ids of one copy and the next
PEOPLE = 4_000
# A subscription that bought more than 500 MB of extracts a day; else the first load of a million takes four.
EXPORT_BYTES = 1 << 40


class Copies(Jobs):
    """Extracts whose files hold each row ``copies[kind]`` times."""

    def __init__(self, jobs: Jobs, copies: dict[str, int], folder: Path) -> None:
        super().__init__(jobs.limits, "copies")
        self._copies = copies
        self._folder = folder

    def make(self, kind: str, form: str, rows: int, make: Callable[[], bytes], now_ms: int) -> Job:
        """A job of as many times the rows."""
        times = self._copies.get(kind, 1)
        path = self._folder / f"{kind.replace('/', '_')}-{len(self._jobs)}.csv"

        def file() -> bytes:
            if not path.exists():
                path.write_bytes(_copied(make(), kind, times))
            with path.open("rb") as opened:
                # Bytes to all who read them, and in no memory of ours.
                return cast(bytes, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))

        return super().make(kind, form, rows * times, file, now_ms)


def _copied(data: bytes, kind: str, times: int) -> bytes:
    head, *lines = data.split(b"\n")
    parts = [head]
    ids = 2 if kind == "activities" else 1
    for copy in range(times):
        for line in lines:
            if not line:
                continue
            *first, rest = line.split(b",", ids)
            own = b",".join(b"%d" % (int(one) + copy * APART) for one in first)
            if ids == 1 and copy:
                rest = rest.replace(b"@", b"+%d@" % copy, 1)
            parts.append(own + b"," + rest)
    return b"\n".join(parts) + b"\n"


class Vendor:
    """The instance as its users see it.

    Attributes:
        settings: of a source that reads it.
        leads, activities: how many an extract of everything holds, about.
    """

    def __init__(self, told: dict[str, Any], pipe: Connection) -> None:
        self.settings: dict[str, str] = told["settings"]
        self.leads: int = told["leads"]
        self.activities: int = told["activities"]
        self._pipe = pipe

    def busy(self) -> float:
        """Seconds that its processor worked until now."""
        self._pipe.send("busy")
        found: float = self._pipe.recv()
        return found


@contextmanager
def vendor(folder: Path, leads: int, activities: int) -> Iterator[Vendor]:
    """An instance with about so many leads and activities, in a process of its own."""
    fresh = multiprocessing.get_context("spawn")
    ours, theirs = fresh.Pipe()
    process = fresh.Process(target=_serve, args=(theirs, folder, leads, activities), daemon=True)
    process.start()
    try:
        yield Vendor(ours.recv(), ours)
    finally:
        ours.send("end")
        process.join(10)
        process.kill()


def _serve(pipe: Connection, folder: Path, leads: int, activities: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    folder.mkdir(parents=True, exist_ok=True)
    first, second = start(["marketo"], clock=AcceleratedClock(FACTOR, NOW), seed=7, size=PEOPLE, anchor=NOW)
    second.stop()
    app: Marketo = first.state
    there, noted = len(app.world.people.by_id), len(app.world.activities)
    copies = {"leads": max(1, leads // there), "activities": max(1, activities // noted)}
    app.limits.export_bytes = EXPORT_BYTES
    app.jobs = Copies(app.jobs, copies, folder)
    settings = {
        "type": "marketo",
        "base_url": first.base_url,
        "client_id": first.client_id,
        "client_secret": first.client_secret,
        "munchkin_id": first.extra["munchkin_id"],
    }
    told = {"leads": there * copies["leads"], "activities": noted * copies["activities"]}
    pipe.send({"settings": settings, **told})
    while pipe.recv() == "busy":
        used = resource.getrusage(resource.RUSAGE_SELF)
        pipe.send(used.ru_utime + used.ru_stime)
    first.stop()
