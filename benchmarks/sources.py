"""Sources measured: a large Marketo instance read by bulk extract into the store, as `townsend sync` does.

One core for us; the vendor has the other, and what it works is told apart.
"""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measure import Line, alone
from benchmarks.sources_vendor import FACTOR, NOW, vendor
from townsend.clock import AcceleratedClock
from townsend.project import pull
from townsend.project.project import Project
from townsend.project.pull import pull_sources
from townsend.sources import FilesSource, Source
from townsend.sources.contract import since_of
from townsend.sources.marketo_context import SINCE
from townsend.sources.marketo_exports import WINDOW
from townsend.store.pulls import Pull, last_pulls

__all__ = ["SIZES", "lines"]

# Leads and activities by the size of the world.
SIZES = {
    "XS": (10_000, 50_000), "S": (100_000, 500_000), "M": (1_000_000, 5_000_000), "L": (1_000_000, 5_000_000),
}  # fmt: skip
STREAMS = ("people", "activities")
RATE = 50_000
MEMORY_MB = 500
CALLS_MORE = 1.10
# A window is created, queued, asked for once and fetched.
CALLS_A_WINDOW = 4
# Token; what leads there are fields of, and which are custom; types of activities; where the log stands.
CALLS_ONCE = {"people": 3, "activities": 2}


@dataclass(frozen=True)
class Stream:
    """What came of one stream.

    Args:
        seconds: from its first call to its last row in the store.
        least: calls that the vendor's limits make necessary.
    """

    name: str
    rows: int
    seconds: float
    calls: int
    least: int


class _Some:
    """A source of which ``STREAMS`` are pulled."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name = source.name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def streams(self) -> Sequence[str]:
        return STREAMS


def lines(folder: Path, size: str) -> Iterator[Line]:
    """How fast, in how much memory, with how many calls."""
    leads, activities = SIZES[size]
    with vendor(folder / f"vendor-{size}", leads, activities) as there:
        idle = there.busy()
        (took, ours, streams), most = alone(_pulled, folder / f"sources-{size}", there.settings)
        theirs = there.busy() - idle
    rows = sum(one.rows for one in streams)
    note = f"{took:.1f} s; our processor busy for {ours:.1f} s, the vendor's for {theirs:.1f} s"
    yield Line(f"pull {rows:,} rows of Marketo by extract, one core", rows / took, "rows/s", RATE, note=note)
    for one in streams:
        note = f"{one.rows:,} rows in {one.seconds:.1f} s"
        yield Line(f"  {one.name}", one.rows / one.seconds, "rows/s", note=note)
        calls = f"at least {one.least} are needed"
        yield Line(f"  calls for {one.name}", one.calls, "calls", one.least * CALLS_MORE, note=calls)
    yield Line("peak memory of pulling", most, "MB", MEMORY_MB)


def _pulled(folder: Path, settings: dict[str, str]) -> tuple[float, float, list[Stream]]:
    """Seconds that it took, seconds that the processor was busy, and what came of each stream."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "townsend.yaml").write_text(yaml.safe_dump({"sources": {"marketo_1": settings}}), "utf-8")
    real = pull.open_source

    def some(*given: Any, **more: Any) -> Any:
        source = real(*given, **more)
        assert not isinstance(source, FilesSource)
        return _Some(source)

    pull.open_source = some
    with Project(folder, AcceleratedClock(FACTOR, NOW)) as project:
        began, worked = time.perf_counter(), time.process_time()
        pull_sources(project, [], progress=lambda _: None)
        took, busy = time.perf_counter() - began, time.process_time() - worked
        pulls = [found["any"] for found in last_pulls(project.facts).values()]
    windows = math.ceil((NOW - since_of("marketo_1", settings, SINCE, NOW)) / WINDOW)
    return took, busy, [_stream(one, windows) for one in pulls]


def _stream(pull_: Pull, windows: int) -> Stream:
    seconds = (pull_.ended_ms - pull_.begun_ms) / 1_000 / FACTOR
    least = windows * CALLS_A_WINDOW + CALLS_ONCE[pull_.stream]
    return Stream(pull_.stream, pull_.rows, seconds, pull_.calls or 0, least)
