"""Taking times and memory: each job in a process of its own, contestants in turns."""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, ParamSpec, TypeVar

__all__ = ["Line", "alone", "in_turns", "seconds"]

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table.

    Args:
        what: the work.
        value: what was measured.
        unit: of ``value``; what has ``/s`` or is ``found`` is better when it is more, all else when it
            is less.
        goal: what we want to reach, in the same unit; None if nothing is promised.
        peer: what the best peer took, in the same unit.
        note: what a reader should know.
    """

    what: str
    value: float
    unit: str
    goal: float | None = None
    peer: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times the peer's value ours is."""
        return None if not self.peer else self.value / self.peer

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; of a line with a peer the goal is a ratio."""
        if self.goal is None:
            return None
        measured = self.value if self.ratio is None else self.ratio
        return measured >= self.goal if self.unit.endswith(("/s", "found")) else measured <= self.goal

    def to_json(self) -> dict[str, Any]:
        """The line for a machine."""
        return {**asdict(self), "ratio": self.ratio, "reached": self.reached}


def alone(job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T, float]:
    """The job's result, and the most memory (MB, resident) its process ever held."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=fresh) as pool:
        return pool.submit(_weighed, job, args, kwargs).result()


def _weighed(job: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[T, float]:
    result = job(*args, **kwargs)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes on Linux, bytes on macOS.
    return result, most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def seconds(job: Callable[[], T]) -> tuple[float, T]:
    """How long one run took, and its result."""
    began = time.perf_counter()
    result = job()
    return time.perf_counter() - began, result


def in_turns(jobs: Mapping[str, Callable[[], object]], rounds: int = 7) -> dict[str, float]:
    """The median seconds of each job, after one round that warms up; one of each in every round."""
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(rounds + 1):
        for name, job in jobs.items():
            took, _ = seconds(job)
            if turn:
                taken[name].append(took)
    return {name: statistics.median(found) for name, found in taken.items()}
