"""The owner loop: the one thread that takes accepted data into the facts and keeps every audience right.

All that changes the store's meaning happens in one order here: what was accepted is absorbed, the unified
tables follow, audiences follow these, and whoever moved is told to the feed. Between two steps the store
agrees with itself; only then readers are given a moment to read. Others of the process may write facts in
transactions of their own (a pull, a command); the loop sees that the facts are at another revision.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from townsend.clock import stopwatch
from townsend.problem import Problem
from townsend.project.accepting import Acceptance
from townsend.project.live import Live, Parity, Transition
from townsend.project.project import Project
from townsend.project.serving.readers import Readers, signature
from townsend.store.facts_turns import turn_of

__all__ = ["Owner", "Steps"]

LOOK_S = 1.0  # the loop looks at clock, files and facts at least so often
ABSORBED_MAX = 50_000  # entries in one transaction
AFTER_FAILURE_S = 5.0
STOP_S = 120.0  # that a stop waits for the loop to end what it has begun
PARITY_AUDIENCES = 3  # checked at one time
PARITY_EVERY = timedelta(hours=1)

log = logging.getLogger("townsend.serve")


@dataclass
class Steps:
    """What the loop did since it began."""

    steps: int = 0
    seconds: float = 0.0
    last_s: float = 0.0
    absorbed: int = 0
    quarantined: int = 0
    transitions: int = 0
    failures: int = 0
    parity_checked: int = 0
    parity_differing: int = 0
    followed: datetime | None = None
    problem: str | None = None


class Owner:
    """The owner of a project's store.

    Args:
        folder: the project's.
        acceptance: what inlets accept; None if nothing is taken in.
        live: whether audiences are followed; else facts and the unified tables alone.
        self_check: whether some audiences are asked anew from time to time.

    Attributes:
        readers: whoever reads the store.
        moved: called with those who moved, in the loop's thread.
    """

    def __init__(
        self, project: Project, acceptance: Acceptance | None, *, live: bool = True, self_check: bool = True
    ) -> None:
        self.folder = project.folder
        self.readers = Readers(project.folder, lambda: self._woken.set())
        self.moved: list[Callable[[list[Transition]], None]] = []
        self.done = Steps()
        self.ready = threading.Event()
        self.acceptance = acceptance
        self._project = project
        self._follows = live
        self._checks = self_check
        self._live: Live | None = None
        self._stats: dict[str, Any] = {}
        self._problems: dict[str, Problem] = {}
        self._last = -1
        self._signature = signature(project.folder)
        self._settings_problem: str | None = None
        self._seen: tuple[int, int] | None = None
        self._checked: datetime | None = None
        self._woken = threading.Event()
        self._urgent = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="owner")

    # ------------------------------------------------------------ from other threads

    def start(self) -> None:
        """Begin; ``ready`` is set when the first step is done."""
        self._thread.start()

    def stop(self) -> None:
        """End: what was accepted until now is absorbed and followed first."""
        self._stopping.set()
        self.wake()
        self._thread.join(STOP_S)
        self.readers.close()
        self._project.close()

    def wake(self) -> None:
        """Say that something changed."""
        self._urgent.set()
        self._woken.set()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The loop makes no step inside."""
        with turn_of(self._project.facts.path):
            yield

    def stats(self) -> dict[str, Any]:
        """Per audience what the live evaluation says of it."""
        return self._stats

    def told(self) -> dict[str, Any]:
        """What a person wants to know of the server."""
        waiting = 0 if self.acceptance is None else self.acceptance.waiting().entries
        done = self.done
        return {
            "ready": self.ready.is_set(),
            "followed": done.followed,
            "waiting": waiting,
            "absorbed": done.absorbed,
            "transitions": done.transitions,
            "last_step_s": round(done.last_s, 4),
            "failures": done.failures,
            "problem": done.problem,
            "settings": self._settings_problem,
            "audiences": {name: problem.text for name, problem in self._problems.items()},
            "parity": {"checked": done.parity_checked, "differing": done.parity_differing},
        }

    # ------------------------------------------------------------ the loop

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._pass()
            self._woken.wait(AFTER_FAILURE_S if self.done.problem else LOOK_S)
            self._woken.clear()
        self._pass()

    def _pass(self) -> None:
        """A step, and moments for readers; what fails is told and tried again."""
        began = stopwatch()
        try:
            with self._project.facts.turn():
                moved = self._step()
                self.readers.grant(self._project.facts)
            self.done.problem = None
        except Exception as error:
            # The loop must go on: the disk may be full for a while, a file may be half-written.
            self.done.failures += 1
            self.done.problem = error.code if isinstance(error, Problem) else type(error).__name__
            self._live = None
            self.readers.refuse()
            log.error("the owner's step failed", exc_info=error, extra={"code": self.done.problem})
            return
        finally:
            self.done.last_s = stopwatch() - began
            self.done.seconds += self.done.last_s
        self.done.steps += 1
        self.ready.set()
        if moved:
            self.done.transitions += len(moved)
            for tell in self.moved:
                tell(moved)

    def _step(self) -> list[Transition]:
        self._reopen_if_changed()
        urgent = self._urgent.is_set()
        self._urgent.clear()
        while self.acceptance is not None:
            taken = self.acceptance.absorb(self._project, most=ABSORBED_MAX)
            self.done.absorbed += taken.entries
            self.done.quarantined += taken.quarantined
            if taken.entries < ABSORBED_MAX:
                break
        now = self._project.clock.now()
        before = self._mark()
        if not urgent and before == self._seen and self._was_just_now(now):
            # Somebody wants to read, and nothing happened.
            return []
        if self._live is None or self._seen is None or before[1] != self._seen[1]:
            # Somebody else recorded members meanwhile, a `run` for instance: what is in memory is not right.
            self._live = Live(self._project) if self._follows else None
            self._seen = None
        moved = self._follow(now)
        self._seen = self._mark()
        if moved or before != self._seen or self.done.followed is None or before[0] != self._last:
            self.readers.moved(self._project.facts)
        self._last = before[0]
        self.done.followed = now
        self._check(now)
        if self._live is not None:
            self._stats, self._problems = self._live.stats(), dict(self._live.problems)
        return moved

    def _follow(self, now: datetime) -> list[Transition]:
        if self._live is None:
            self._project.unified(now)
            return []
        return self._live.follow(now)

    def _was_just_now(self, now: datetime) -> bool:
        followed = self.done.followed
        return followed is not None and abs((now - followed).total_seconds()) < LOOK_S

    def _mark(self) -> tuple[int, int]:
        """The facts' revision, and how often members were recorded."""
        row = self._project.facts.one(
            "SELECT coalesce(sum(CAST(value AS BIGINT)), 0) FROM facts.meta "
            "WHERE starts_with(key, 'generation:')"
        )
        return self._project.facts.revision(), int(row[0]) if row else 0

    def _check(self, now: datetime) -> None:
        """Some audiences anew, once an hour; what differs is mended, with an alarm."""
        if self._live is None or not self._checks:
            return
        if self._checked is None:
            self._checked = now
        if now - self._checked < PARITY_EVERY:
            return
        self._checked = now
        found: Parity = self._live.parity(PARITY_AUDIENCES)
        self._seen = self._mark()
        self.done.parity_checked += found.checked
        self.done.parity_differing += len(found.differing)
        for name, count in found.differing.items():
            log.error("live and batch differed; mended", extra={"audience": name, "members": count})
        if found.repaired:
            self.readers.moved(self._project.facts)

    def _reopen_if_changed(self) -> None:
        """Settings and schema as they are on disk now, over the same store."""
        found = signature(self.folder)
        if found == self._signature:
            return
        self._signature, self._settings_problem = found, None
        try:
            newer = Project(self.folder, self._project.clock)
            _ = newer.schema
        except Problem as problem:
            # A file that is just being written, or wrong: what held until now goes on.
            self._settings_problem = problem.text
            log.error(problem.text, extra={"code": problem.code})
            return
        for name in ("facts", "state"):
            if name in self._project.__dict__:
                newer.__dict__[name] = self._project.__dict__[name]
        self._project, self._live, self._last = newer, None, -1
        if self.acceptance is not None:
            self.acceptance.renew(newer)
        self._urgent.set()
