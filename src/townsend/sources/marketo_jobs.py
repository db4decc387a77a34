"""Marketo's queue of extracts: two jobs run, ten wait, and all streams of an instance share it.

Jobs are begun in the order in which they were asked for, as many as our share of the queue holds. Who waits
for a turn looks after the jobs of others too, so that a finished job never keeps its place because the one
who asked for it is busy.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from townsend.clock import Clock
from townsend.problem import Problem, Unavailable
from townsend.vendors.marketo import Marketo

__all__ = ["POLL_S", "Extract", "Jobs"]

AHEAD = 8  # of a queue of ten that is shared with other integrations; two run at a time
POLL_S = 60.0  # a job's status is renewed at most that often
POLLS_MAX = 720
FULL_MAX = 60  # polls for which the queue may be full with the jobs of others

_NO_SUCH_FILTER = "1035"
_JOBS = "1029"
_QUOTA = re.compile(r"quota", re.IGNORECASE)
_QUEUED = re.compile(r"already", re.IGNORECASE)


@dataclass(eq=False)
class Extract:
    """One job, from the wish to the file.

    Args:
        kind: ``leads``, ``activities``, ``program/members`` or ``customobjects/{name}``.
        body: what it is created with: ``fields`` and ``filter``.
        job: its id, once it is created.
        look_at: when its status is worth a look, once it is queued.
        refused: the subscription does not have the filter.
        status: what Marketo says of it, once it is completed.
        problem: why there will be no file.
    """

    kind: str
    body: Mapping[str, Any]
    job: str = ""
    look_at: datetime | None = None
    refused: bool = False
    status: Mapping[str, Any] | None = None
    problem: Problem | None = None

    @property
    def path(self) -> str:
        return f"/bulk/v1/{self.kind}/export"


class Jobs:
    """The extracts of one instance; any thread may ask."""

    def __init__(self, marketo: Marketo, clock: Clock) -> None:
        self._marketo = marketo
        self._clock = clock
        self._lock = threading.RLock()
        self._wanted: deque[Extract] = deque()
        self._queued: list[Extract] = []

    def ask(self, kind: str, bodies: Sequence[Mapping[str, Any]]) -> list[Extract]:
        """Extracts in the order of their bodies."""
        extracts = [Extract(kind, body) for body in bodies]
        with self._lock:
            self._wanted.extend(extracts)
        return extracts

    def completed(self, extract: Extract) -> Mapping[str, Any] | None:
        """Its status, once it is completed; None if the subscription does not have the filter.

        Raises:
            Unavailable: ``vendor.quota``; ``source.export`` if it failed or took too long, or the queue is
                full with the jobs of others.
        """
        full = 0
        for _ in range(POLLS_MAX):
            with self._lock:
                room = self._fill()
                if extract in self._wanted:
                    self._look_after_others()
                    room = self._fill()
                self._look(extract)
                if extract.problem is not None:
                    raise extract.problem
                if extract.refused or extract.status is not None:
                    return extract.status
                full = 0 if room or self._queued else full + 1
                wait_s = self._wait_s(extract)
            if full > FULL_MAX:
                raise self._unavailable(
                    "Marketo's queue of extracts stays full; run again when other integrations are done with "
                    "theirs"
                )
            self._clock.sleep(wait_s)
        raise self._unavailable(
            f"the extract {extract.job} of {extract.kind} takes too long; run again later"
        )

    def forget(self, extracts: Sequence[Extract], *, cancel: bool) -> None:
        """Nobody will fetch these; those under way are cancelled if that is wanted."""
        with self._lock:
            for extract in extracts:
                if extract in self._wanted:
                    self._wanted.remove(extract)
                elif extract in self._queued:
                    self._queued.remove(extract)
                    if cancel:
                        # Whoever leaves in a hurry has closed the connection; the job then ends by itself.
                        with suppress(Problem, RuntimeError):
                            self._cancel(extract)

    # ------------------------------------------------------------ with the lock held

    def _fill(self) -> bool:
        """Begin what our share of the queue has room for; False if Marketo says that its queue is full."""
        while self._wanted and len(self._queued) < AHEAD:
            extract = self._wanted[0]
            try:
                if not self._begin(extract):
                    return False
            except Problem as problem:
                # Told to the one who asked; what nothing can be begun for is told to all.
                failed = list(self._wanted) if isinstance(problem, Unavailable) else [extract]
                for one in failed:
                    one.problem = problem
                    self._wanted.remove(one)
                continue
            self._wanted.popleft()
            if not extract.refused:
                extract.look_at = self._clock.now() + timedelta(seconds=POLL_S)
                self._queued.append(extract)
        return True

    def _begin(self, extract: Extract) -> bool:
        """Create and enqueue a job; False if the queue is full."""
        if not extract.job:
            # A job that is made twice is only queued once; the other one is forgotten by the vendor.
            answer = self._marketo.call(
                "POST",
                f"{extract.path}/create.json",
                json={"format": "CSV", **extract.body},
                safe=True,
                expect={_NO_SUCH_FILTER, _JOBS},
            )
            if answer.said == _NO_SUCH_FILTER:
                extract.refused = True
                return True
            if answer.said is not None:
                return self._full(answer.words)
            extract.job = str(answer.result[0]["exportId"])
        enqueue = f"{extract.path}/{extract.job}/enqueue.json"
        answer = self._marketo.call("POST", enqueue, safe=True, expect={_JOBS})
        return answer.said is None or bool(_QUEUED.search(answer.words)) or self._full(answer.words)

    def _full(self, words: str) -> bool:
        if _QUOTA.search(words):
            raise self._marketo.failure("607", words)
        return False

    def _look(self, extract: Extract) -> None:
        """Ask for its status, if that is worth a call by now."""
        if extract not in self._queued or extract.look_at is None or self._clock.now() < extract.look_at:
            return
        answer = self._marketo.call("GET", f"{extract.path}/{extract.job}/status.json")
        status: Mapping[str, Any] = answer.result[0]
        state = str(status.get("status", "")).lower()
        extract.look_at = self._clock.now() + timedelta(seconds=POLL_S)
        if state == "completed":
            extract.status = status
            self._queued.remove(extract)
        elif state in ("failed", "cancelled", "canceled"):
            self._queued.remove(extract)
            extract.problem = self._unavailable(
                f"the extract {extract.job} of {extract.kind} is {state} at Marketo; run again later"
            )

    def _look_after_others(self) -> None:
        """Find a place in the queue: jobs may have ended without anybody having looked."""
        for other in list(self._queued):
            if len(self._queued) < AHEAD:
                return
            self._look(other)

    def _wait_s(self, extract: Extract) -> float:
        """Seconds until something may have happened to it."""
        waits_for = [extract] if extract in self._queued else self._queued
        instants = [one.look_at for one in waits_for if one.look_at is not None]
        if not instants or (len(self._queued) < AHEAD and extract not in self._queued):
            return POLL_S
        return max(0.0, (min(instants) - self._clock.now()).total_seconds())

    def _cancel(self, extract: Extract) -> None:
        expect = {_JOBS, "1003", "1013"}
        self._marketo.call("POST", f"{extract.path}/{extract.job}/cancel.json", safe=True, expect=expect)

    def _unavailable(self, text: str) -> Unavailable:
        return Unavailable("source.export", f"{self._marketo.name}: {text}", name=self._marketo.name)
