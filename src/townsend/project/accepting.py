"""What inlets accept: durable first, then into the store of facts in the order in which it came.

A request that was acknowledged is in the log; a process that ends before it is absorbed leaves it there
for the next one. What waits is bounded: more is refused until some of it was absorbed.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import msgspec

from townsend.intake.inlet.absorb import (
    OFFSET,
    Request,
    absorb_requests,
    quarantine_damage,
    quarantine_request,
    read_request,
)
from townsend.intake.inlet.messages import Entry as Sent
from townsend.intake.inlet.messages import Form, Message, entry_of, entry_text
from townsend.intake.rules import Accepted, epoch_ms
from townsend.problem import Invalid, Unavailable
from townsend.project.folder import STORE
from townsend.project.load import intake_rules, traits_of
from townsend.store.wal import Entry, Log, Receipt, Sync
from townsend.store.wal_segment import Damage

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = ["WAL", "Absorbed", "Acceptance", "Backlog", "absorb_left"]

WAL = "wal"
BACKLOG_BYTES = 256 * 1024 * 1024  # accepted and not yet absorbed, in memory as well
# The store or the machine is at fault then, and not the request.
_OUTSIDE = (
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.TransactionException,
    duckdb.ConnectionException,
    duckdb.InterruptException,
    duckdb.FatalException,
)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What was accepted and is not yet absorbed."""

    entries: int
    bytes: int
    oldest_ms: int | None


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What one step of absorption did: requests and their rows, up to which number of the log."""

    entries: int
    rows: int
    quarantined: int
    offset: int


class Acceptance:
    """The inlets of a project, from the log to the store; one process has it open.

    Args:
        project: whose inlets they are; its store says up to where the log was absorbed.
        sync: makes the log durable.

    Raises:
        Unavailable: ``wal.write``.

    Attributes:
        on_durable: called, on the log's thread, when something is durable.
    """

    def __init__(self, project: Project, sync: Sync = os.fdatasync) -> None:
        self.renew(project)
        self.on_durable: Callable[[], object] = _nothing
        self._clock = project.clock
        self._lock = threading.Lock()
        offset = int(project.facts.meta(OFFSET) or 0)
        self._log = Log(project.folder / STORE / WAL, after=offset, sync=sync)
        for damage in self._log.damaged:
            quarantine_damage(project.facts, damage, self.now_ms())
        self._waiting = deque(self._log.read(offset))
        self._bytes = sum(len(entry.payload) for entry in self._waiting)

    def renew(self, project: Project) -> None:
        """Take the inlets as the settings say."""
        sources = project.settings.sources
        self.classes = {name: str(body["class"]) for name, body in sources.items() if body["type"] == "inlet"}

    def accept(
        self, form: Form, inlet: str, kind: str, body: bytes, done: Callable[[Receipt], None]
    ) -> list[list[Message] | Invalid]:
        """Hand in a request; ``done`` is called, on the log's thread, when it is durable or refused.

        Returns:
            The rows of each message of the request, or why it has none. If no message has, nothing is
            handed in, and ``done`` is not called.

        Raises:
            Invalid: ``inlet.unknown``; ``inlet.*`` if the body as a whole can't be read.
            Unavailable: ``wal.busy``, ``wal.closed``.
        """
        if inlet not in self.classes:
            names = ", ".join(self.classes) or "none"
            raise Invalid("inlet.unknown", f"the project has no inlet {inlet!r}; it has {names}", inlet=inlet)
        entry = Sent(form, inlet, kind, epoch_ms(self._clock.now()), body)
        found = read_request(entry, self.classes[inlet])
        if all(isinstance(one, Invalid) for one in found):
            return found
        payload = entry_text(entry)
        with self._lock:
            full = self._bytes + len(payload) > BACKLOG_BYTES
        if full:
            raise Unavailable(
                "wal.busy", "more arrives than can be stored; wait a second and send this again"
            )

        def landed(receipt: Receipt) -> None:
            if receipt.problem is None:
                with self._lock:
                    self._waiting.append(Entry(receipt.seq, payload))
                    self._bytes += len(payload)
                self.on_durable()
            done(receipt)

        self._log.append(payload, landed)
        return found

    def now_ms(self) -> int:
        """The present instant, as answers tell it."""
        return epoch_ms(self._clock.now())

    def waiting(self) -> Backlog:
        """What was accepted and is not yet absorbed."""
        with self._lock:
            readable, _ = _told_apart([self._waiting[0]] if self._waiting else [])
            oldest = readable[0].entry.received_ms if readable else None
            return Backlog(len(self._waiting), self._bytes, oldest)

    def absorb(self, project: Project, *, most: int = 10_000) -> Absorbed:
        """Take up to so many requests into the store; they wait on if it cannot take them now."""
        with self._lock:
            entries = [self._waiting[at] for at in range(min(most, len(self._waiting)))]
        if not entries:
            return Absorbed(0, 0, 0, int(project.facts.meta(OFFSET) or 0))
        offset = entries[-1][0]
        readable, unreadable = _told_apart(entries)
        for seq, text in unreadable:
            damage = Damage(project.folder / STORE / WAL / f"entry-{seq}", 0, text)
            damage.path.with_name(f"entry-{seq}-0.damaged").write_bytes(text)
            quarantine_damage(project.facts, damage, self.now_ms())
        taken = self._taken(project, readable, offset)
        with self._lock:
            for _, text in entries:
                self._waiting.popleft()
                self._bytes -= len(text)
        self._log.forget(offset)
        return Absorbed(len(entries), taken.rows, taken.quarantined, offset)

    def _taken(self, project: Project, requests: list[Request], offset: int | None) -> Accepted:
        """Take requests; one that cannot be taken, for whatever reason, is set aside and the others go on."""
        facts = project.facts
        try:
            return absorb_requests(
                facts,
                intake_rules(project),
                self.classes,
                lambda inlet: traits_of(project, inlet),
                requests,
                offset,
            )
        except (Unavailable, *_OUTSIDE):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, one request must not stop the others
            if len(requests) == 1:
                quarantine_request(facts, requests[0], f"{type(error).__name__}: {error}", offset)
                return Accepted(rows=1, quarantined=1)
            middle = len(requests) // 2
            # What the first half stores twice after a crash in between is known then.
            first = self._taken(project, requests[:middle], None)
            return first + self._taken(project, requests[middle:], offset)

    def close(self) -> None:
        """Make durable what was handed in, then let go; what is not absorbed waits in the log."""
        self._log.close()


def _nothing() -> None:
    return None


def _told_apart(entries: Sequence[Entry]) -> tuple[list[Request], list[Entry]]:
    """Entries that are requests, and those that nothing can be made of; one must not stop the others."""
    readable: list[Request] = []
    unreadable: list[Entry] = []
    for entry in entries:
        try:
            readable.append(Request(entry.seq, entry_of(entry.payload)))
        except msgspec.DecodeError:
            unreadable.append(entry)
    return readable, unreadable


def absorb_left(project: Project) -> None:
    """Take in what a server accepted and did not absorb before it ended; nothing while one is running."""
    folder = project.folder / STORE / WAL
    if not any(folder.glob("[0-9]*.log")):
        return
    try:
        acceptance = Acceptance(project)
    except Unavailable as problem:
        if problem.code != "wal.locked":
            raise
        return
    try:
        while acceptance.absorb(project).entries:
            continue
    finally:
        acceptance.close()
