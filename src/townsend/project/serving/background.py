"""What a server does by itself beside the owner loop: it pulls sources when they are due, and delivers.

Each is a thread that waits on networks. What it writes takes the store's turn for a transaction at a time;
what it delivers is what was recorded, read at one moment.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from townsend.activation.membership import members_recorded
from townsend.problem import Problem
from townsend.project.deliveries import deliver_answers
from townsend.project.matching import find_new
from townsend.project.project import Answer, Project
from townsend.project.pull import failures, pull_sources
from townsend.project.schedule import schedule_of
from townsend.store.pulls import last_pulls

if TYPE_CHECKING:
    from townsend.audiences.explain.columns import Column
    from townsend.audiences.explain.qualifying import Qualified
    from townsend.project.live import Transition
    from townsend.project.serving.owner import Owner

__all__ = ["Deliveries", "Pulls"]

LOOK_S = 5.0
AGAIN_S = 300.0  # deliveries that wait or failed are tried again after so long
TOGETHER_S = 1.0  # moves within this are delivered together
AFTER_FAILURE = timedelta(minutes=5)

log = logging.getLogger("townsend.serve")


class _Unasked:
    """Deliveries send who is in; by which records is not asked."""

    columns: tuple[Column, ...] = ()

    def of(self, _: Iterable[int]) -> Iterator[Qualified]:
        return iter(())


class _Thread(ABC):
    """A thread that looks from time to time, or when it is woken."""

    def __init__(self, owner: Owner, name: str, look_s: float) -> None:
        self.owner = owner
        self.failures = 0
        self._look_s = look_s
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, wait_s: float) -> None:
        """No more after what is being done; that is waited for."""
        self._stopping.set()
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join(wait_s)

    def _run(self) -> None:
        self.owner.ready.wait()
        while not self._stopping.is_set():
            try:
                self.look()
            except Exception as error:
                # Whatever a vendor or a file does, the next look may go well.
                self.failures += 1
                code = error.code if isinstance(error, Problem) else type(error).__name__
                log.error("%s failed", self._thread.name, exc_info=error, extra={"code": code})
            self._woken.wait(self._look_s)
            self._woken.clear()

    @abstractmethod
    def look(self) -> None:
        """Do what there is to do now."""


class Pulls(_Thread):
    """Sources with ``every:`` are pulled when they are due."""

    def __init__(self, owner: Owner) -> None:
        super().__init__(owner, "pulls", LOOK_S)
        self._tried: dict[str, datetime] = {}

    def look(self) -> None:
        with Project(self.owner.folder) as project:
            for name in self._due(project):
                if self._stopping.is_set():
                    return
                self._tried[name] = project.clock.now()
                with project.connected():
                    reports = pull_sources(project, [name], progress=lambda _: None)
                    find_new(project)
                self.owner.wake()
                rows = sum(one.accepted.accepted for one in reports)
                log.info("pulled", extra={"source": name, "rows": rows})
                for problem in failures(reports):
                    self.failures += 1
                    log.error(problem.text, extra={"source": name, "code": problem.code})

    def _due(self, project: Project) -> list[str]:
        due = []
        now = project.clock.now()
        last: dict[str, int] = {}
        for (source, _), pulls in last_pulls(project.facts).items():
            for pull in pulls.values():
                last[source] = max(pull.begun_ms, last.get(source, 0))
        for name, body in project.settings.sources.items():
            every = schedule_of(body).every_s
            if every is None or body["type"] == "inlet":
                continue
            begun = last.get(name)
            tried = self._tried.get(name)
            waited = begun is None or now.timestamp() * 1000 - begun >= every * 1000
            if waited and (tried is None or now - tried >= min(timedelta(seconds=every), AFTER_FAILURE)):
                due.append(name)
        return due


class Deliveries(_Thread):
    """Audiences that go somewhere are delivered soon after somebody moved, and again from time to time."""

    def __init__(self, owner: Owner) -> None:
        super().__init__(owner, "deliveries", AGAIN_S)
        owner.moved.append(self._moved)

    def _moved(self, _: list[Transition]) -> None:
        self._woken.set()

    def look(self) -> None:
        self._stopping.wait(TOGETHER_S)
        with self.owner.readers.project(fresh=True) as project:
            audiences = [one for one in project.audiences().values() if one.activate]
            if not audiences and not project.state.ledger.activations():
                return
            at = project.clock.now()
            world = project.unified(at)
            answers = {}
            for one in audiences:
                ids = np.array(sorted(members_recorded(project.facts, project.state, one.name)), np.int32)
                answers[one.name] = Answer(world.under(one.policy), one.of, ids, _Unasked())
            with project.connected():
                reports = deliver_answers(project, answers, at, progress=lambda _: None)
        for report in reports:
            if report.problem is not None:
                self.failures += 1
                log.error(report.problem.text, extra={"code": report.problem.code})
            elif report.added or report.removed:
                log.info(
                    "delivered",
                    extra={
                        "audience": report.audience,
                        "destination": report.destination,
                        "added": report.added,
                        "removed": report.removed,
                    },
                )
