"""The log of what was accepted and is not yet in the store of facts; durable before anybody is told.

One thread writes. Whatever waits while the disk syncs goes out together with the next sync, so a busy
log syncs no more often than a calm one. A write that fails refuses the entries it held, and the log
takes no more until the disk takes them again; nobody is told yes for what may be gone.
"""

from __future__ import annotations

import fcntl
import io
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from townsend.problem import Invalid, Unavailable
from townsend.store.wal_segment import ENTRY_MAX, Damage, encoded, scan, segment_name, segments_in

__all__ = ["Entry", "Log", "Receipt"]

SEGMENT_BYTES = 64 * 1024 * 1024
GROUP_BYTES = 8 * 1024 * 1024  # written before one sync

Sync = Callable[[int], None]


class Entry(NamedTuple):
    """One entry of the log."""

    seq: int
    payload: bytes


@dataclass(slots=True)
class Receipt:
    """What becomes of an entry that was handed in.

    Args:
        seq: its number, once it is durable.
        problem: why it was refused instead.
    """

    payload: bytes
    done: Callable[[Receipt], None]
    seq: int = 0
    problem: Unavailable | None = None


class Log:
    """The log in a folder; one process has it open.

    Args:
        folder: made if it is not there, readable by the owner only.
        after: entries up to this number are in the store of facts already.
        waiting_bytes: how much may wait to be written before ``append`` says it is too much.
        sync: makes a file durable; the system's own by default.

    Raises:
        Unavailable: ``wal.write`` if the folder cannot be written; ``wal.locked`` if somebody has it open.

    Attributes:
        damaged: what could not be read when the log was opened, kept beside it in files of its own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        after: int = 0,
        waiting_bytes: int = 256 * 1024 * 1024,
        segment_bytes: int = SEGMENT_BYTES,
        sync: Sync = os.fdatasync,
    ) -> None:
        self._folder = folder
        self._limit, self._segment_bytes, self._sync = waiting_bytes, segment_bytes, sync
        self._queue: list[Receipt] = []
        self._queued_bytes = 0
        self._wake = threading.Condition()
        self._closing = False
        self._file: io.FileIO | None = None
        self._file_bytes = 0
        self.damaged: list[Damage] = []
        self._last = after
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _locked(folder)
            self._mend()
        except OSError as error:
            raise _unwritable(folder, error) from error
        self._next = self._last + 1
        self._thread = threading.Thread(target=self._write_on, name="townsend-log", daemon=True)
        self._thread.start()

    @property
    def last(self) -> int:
        """The number of the newest durable entry."""
        return self._last

    @property
    def waiting_bytes(self) -> int:
        """How much waits to be written."""
        return self._queued_bytes

    def append(self, payload: bytes, done: Callable[[Receipt], None]) -> None:
        """Hand in an entry; ``done`` is called, on the log's thread, when it is durable or refused.

        Raises:
            Invalid: ``wal.entry`` if the payload is longer than an entry may be.
            Unavailable: ``wal.busy`` if too much waits; ``wal.closed`` if the log is closing.
        """
        if len(payload) > ENTRY_MAX:
            raise Invalid("wal.entry", f"an entry has at most {ENTRY_MAX:,} bytes, got {len(payload):,}")
        with self._wake:
            if self._closing:
                raise Unavailable("wal.closed", "the server is stopping; send this again to the next one")
            if self._queued_bytes + len(payload) > self._limit:
                raise Unavailable(
                    "wal.busy", "more arrives than the disk can take; wait a second and send this again"
                )
            self._queue.append(Receipt(payload, done))
            self._queued_bytes += len(payload)
            if len(self._queue) == 1:
                self._wake.notify()

    def read(self, after: int) -> Iterator[Entry]:
        """Durable entries with greater numbers, in order."""
        for path in self._relevant(after):
            content = path.read_bytes()
            for seq, start, length in scan(path, content).entries:
                if after < seq <= self._last:
                    yield Entry(seq, content[start : start + length])

    def forget(self, until: int) -> None:
        """Delete segments of which every entry up to that number is in the store of facts."""
        for path, following in pairwise(segments_in(self._folder)):
            if int(following.stem) <= until + 1:
                path.unlink()

    def close(self) -> None:
        """Write what waits, then let go."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        if self._file is not None:
            self._file.close()
            self._file = None
        self._lock.close()

    # ------------------------------------------------------------ opening

    def _mend(self) -> None:
        """Cut off what was torn, keep aside what was damaged, and go on behind the last whole entry."""
        paths = segments_in(self._folder)
        for path in paths:
            content = path.read_bytes()
            found = scan(path, content)
            # What stands behind the last whole entry of the last segment was never acknowledged, unless
            # it is a whole entry that was damaged later: it is kept aside as well.
            damaged = list(found.damaged)
            if found.end < len(content):
                damaged.append(Damage(path, found.end, content[found.end :]))
                if path == paths[-1]:
                    os.truncate(path, found.end)
            for damage in damaged:
                self._keep_aside(damage)
            if found.entries:
                self._last = max(self._last, found.entries[-1][0])

    def _keep_aside(self, damage: Damage) -> None:
        kept = self._folder / f"{damage.path.stem}-{damage.at}.damaged"
        if not kept.exists():
            kept.write_bytes(damage.bytes)
            self.damaged.append(damage)

    def _relevant(self, after: int) -> list[Path]:
        paths = segments_in(self._folder)
        later = [at for at, path in enumerate(paths) if int(path.stem) <= after + 1]
        return paths[later[-1] if later else 0 :]

    # ------------------------------------------------------------ writing

    def _write_on(self) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._closing:
                    self._wake.wait()
                if not self._queue:
                    return
                group = self._next_group()
            problem = self._written(group)
            for receipt in group:
                receipt.problem = problem
                receipt.done(receipt)

    def _next_group(self) -> list[Receipt]:
        size = count = 0
        for receipt in self._queue:
            size += len(receipt.payload)
            count += 1
            if size >= GROUP_BYTES:
                break
        group, self._queue = self._queue[:count], self._queue[count:]
        self._queued_bytes -= size
        return group

    def _written(self, group: list[Receipt]) -> Unavailable | None:
        """Write and sync; None if all of the group is durable, else why none of it is."""
        # Numbers of refused entries are not used again: what a failing disk kept of them stays apart.
        first, self._next = self._next, self._next + len(group)
        parts = []
        for seq, receipt in enumerate(group, first):
            receipt.seq = seq
            parts.append(encoded(seq, receipt.payload))
        content = memoryview(b"".join(parts))
        try:
            file, written = self._segment(first), 0
            while written < len(content):
                written += file.write(content[written:])
            self._sync(file.fileno())
        except OSError as error:
            self._abandon()
            return _unwritable(self._folder, error)
        self._file_bytes += len(content)
        self._last = first + len(group) - 1
        return None

    def _segment(self, first: int) -> io.FileIO:
        if self._file is not None and self._file_bytes < self._segment_bytes:
            return self._file
        if self._file is not None:
            self._file.close()
            self._file = None
        path = self._folder / segment_name(first)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._file, self._file_bytes = io.FileIO(descriptor, "wb"), 0
        # The folder's entry is durable too, or a crash could lose the whole segment.
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return self._file

    def _abandon(self) -> None:
        """After a failed write nobody knows what the file holds: cut it back, and begin another.

        What stays in it after all would be read again as entries that were refused; whoever sent them
        sends them again, and the same ``_id`` makes the second one harmless.
        """
        file, self._file = self._file, None
        if file is None:
            return
        try:
            os.ftruncate(file.fileno(), self._file_bytes)
            file.close()
        except OSError:
            return


def _locked(folder: Path) -> io.FileIO:
    """The folder's lock, held until it is closed."""
    lock = io.FileIO(os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    try:
        fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise Unavailable(
            "wal.locked", f"{folder}: another process has the log open", path=str(folder)
        ) from None
    return lock


def _unwritable(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(
        "wal.write",
        f"{folder}: cannot be written ({error.strerror}); make room or mend the disk, and send this again",
        path=str(folder),
    )
