"""The log: what it acknowledged is there after any end of the process, and nothing else is made up."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from random import Random

import pytest

from townsend.problem import Invalid, Unavailable
from townsend.store.wal import Log, Receipt
from townsend.store.wal_segment import ENTRY_MAX, segments_in


class Told:
    """Collects receipts; waits for as many as were handed in."""

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []
        self._changed = threading.Condition()

    def __call__(self, receipt: Receipt) -> None:
        with self._changed:
            self.receipts.append(receipt)
            self._changed.notify()

    def wait(self, count: int) -> list[Receipt]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.receipts) >= count, 10)
        return self.receipts


def written(folder: Path, payloads: list[bytes], **options: int) -> list[Receipt]:
    told, log = Told(), Log(folder, **options)
    for payload in payloads:
        log.append(payload, told)
    log.close()
    return told.wait(len(payloads))


def read(folder: Path, after: int = 0) -> list[tuple[int, bytes]]:
    log = Log(folder)
    try:
        return [tuple(entry) for entry in log.read(after)]
    finally:
        log.close()


def test_entries_come_back_in_the_order_they_were_handed_in(tmp_path: Path) -> None:
    written(tmp_path, [b"a", b"", b"c" * 100_000])

    assert [(1, b"a"), (2, b""), (3, b"c" * 100_000)] == read(tmp_path)


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    written(tmp_path, [b"a", b"b"])
    written(tmp_path, [b"c"])

    assert [(2, b"b"), (3, b"c")] == read(tmp_path, after=1)


def test_numbers_go_on_behind_what_was_absorbed_when_no_segment_is_left(tmp_path: Path) -> None:
    log = Log(tmp_path, after=41)
    told = Told()
    log.append(b"x", told)
    log.close()

    assert [42] == [one.seq for one in told.wait(1)]


@pytest.mark.parametrize("seed", range(20))
def test_a_torn_tail_loses_only_what_was_torn(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    payloads = [random.randbytes(random.randrange(200)) for _ in range(20)]
    written(tmp_path, payloads)
    (segment,) = segments_in(tmp_path)
    content = segment.read_bytes()
    cut = random.randrange(len(content))
    segment.write_bytes(content[:cut])
    whole, end = 0, 0
    for payload in payloads:
        end += 24 + len(payload)
        whole += end <= cut

    assert payloads[:whole] == [payload for _, payload in read(tmp_path)]
    written(tmp_path, [b"next"])

    assert [*payloads[:whole], b"next"] == [payload for _, payload in read(tmp_path)]


@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_bit_loses_one_entry_and_is_kept_aside(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    payloads = [random.randbytes(50) for _ in range(10)]
    written(tmp_path, payloads)
    (segment,) = segments_in(tmp_path)
    content = bytearray(segment.read_bytes())
    place = random.randrange(len(content))
    content[place] ^= 1 << random.randrange(8)
    segment.write_bytes(content)
    log = Log(tmp_path)
    log.close()
    lost = place // 74

    assert [74] == [len(one.bytes) for one in log.damaged]
    assert payloads[:lost] + payloads[lost + 1 :] == [payload for _, payload in read(tmp_path)]
    assert 1 == len(list(tmp_path.glob("*.damaged")))


def test_segments_that_were_absorbed_are_deleted_and_no_other(tmp_path: Path) -> None:
    told, log = Told(), Log(tmp_path, segment_bytes=100)
    for n in range(10):
        log.append(bytes(60), told)
        told.wait(n + 1)
    log.forget(5)
    left = [entry.seq for entry in log.read(0)]
    log.close()

    assert left[-1] == 10
    assert set(range(6, 11)) <= set(left)
    assert len(left) < 10


def test_a_full_disk_refuses_the_entry_and_the_log_goes_on_when_there_is_room(tmp_path: Path) -> None:
    full = threading.Event()
    full.set()

    def sync(descriptor: int) -> None:
        if full.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        os.fsync(descriptor)

    told, log = Told(), Log(tmp_path, sync=sync)
    log.append(b"refused", told)
    (refused,) = told.wait(1)
    full.clear()
    log.append(b"taken", told)
    taken = told.wait(2)[1]
    log.close()

    assert isinstance(refused.problem, Unavailable)
    assert refused.problem.code == "wal.write"
    assert taken.problem is None
    assert [(taken.seq, b"taken")] == read(tmp_path)


def test_what_waits_goes_out_with_one_sync(tmp_path: Path) -> None:
    began, go_on, syncs = threading.Event(), threading.Event(), []

    def sync(descriptor: int) -> None:
        syncs.append(descriptor)
        began.set()
        assert go_on.wait(10)

    told, log = Told(), Log(tmp_path, sync=sync)
    log.append(b"first", told)
    assert began.wait(10)
    for _ in range(100):
        log.append(b"later", told)
    go_on.set()
    told.wait(101)
    log.close()

    assert 2 == len(syncs)


def test_more_than_may_wait_is_refused_at_once(tmp_path: Path) -> None:
    began, go_on = threading.Event(), threading.Event()

    def sync(descriptor: int) -> None:
        began.set()
        assert go_on.wait(10)

    told, log = Told(), Log(tmp_path, sync=sync, waiting_bytes=10)
    log.append(b"1", told)
    assert began.wait(10)
    log.append(b"1234567890", told)

    with pytest.raises(Unavailable, match="wait a second") as caught:
        log.append(b"1", told)
    go_on.set()
    log.close()

    assert caught.value.code == "wal.busy"
    assert [None, None] == [one.problem for one in told.wait(2)]


def test_an_entry_has_a_bound(tmp_path: Path) -> None:
    log = Log(tmp_path)

    with pytest.raises(Invalid, match="at most"):
        log.append(bytes(ENTRY_MAX + 1), Told())
    log.close()


def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.close()

    with pytest.raises(Unavailable, match="stopping"):
        log.append(b"x", Told())


def test_only_the_owner_may_read_the_log(tmp_path: Path) -> None:
    written(tmp_path / "wal", [b"secret"])
    (segment,) = segments_in(tmp_path / "wal")

    assert 0o700 == (tmp_path / "wal").stat().st_mode & 0o777
    assert 0o600 == segment.stat().st_mode & 0o777
