"""After any sequence of runs with any faults in between, the destination holds who is wanted.

And what it confirmed is not said to it again: no identifier is added twice without having been removed or
lost in between.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.suites.destination_suite import AUDIENCE, Work
from tests.unit.activation.memory import Crash, MemoryVendor, email

from townsend.activation.contract import Can
from townsend.activation.erasures import forget_deliveries, send_erasures
from townsend.store.state_outbox import Operation

pytestmark = pytest.mark.slow
FAULTS = ["none", "none", "none", "heard", "unheard", "later", "crash"]
PEOPLE = range(1, 9)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), kind=st.integers(0, 7))
def test_deliveries_converge_whatever_happens(
    seed: int, kind: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = Random(seed)
    can = Can(read_back=bool(kind & 1), together=bool(kind & 2))
    vendor = MemoryVendor(can=can, asks=bool(kind & 4))
    work = Work(vendor, tmp_path_factory.mktemp("converge") / "state.sqlite")
    try:
        wanted: set[int] = set()
        for _ in range(rng.randint(1, 6)):
            wanted = {one for one in PEOPLE if rng.random() < 0.5}
            _disturb(rng, work, vendor)
            _deliver(work, wanted, paused=rng.random() < 0.1)
        vendor.faults, vendor.refuses = [], {}
        # What was refused is tried again after a week, drift is looked for once a day.
        vendor.clock.at += timedelta(days=8)
        report = _deliver(work, wanted)

        assert wanted == work.there()
        assert report is not None
        assert not report.failed
        before = vendor.sent()
        again = _deliver(work, wanted)
        assert before == vendor.sent()
        assert again is not None
        assert (0, 0) == (again.added, again.removed)
        assert [] == _open(work)
    finally:
        work.close()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), reads=st.booleans())
def test_nothing_confirmed_is_sent_again(
    seed: int, reads: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Seen from the far end, calls included that change nothing: adds of somebody we know to be in."""
    rng = Random(seed)
    vendor = MemoryVendor(can=Can(read_back=reads))
    work = Work(vendor, tmp_path_factory.mktemp("once") / "state.sqlite")
    told: list[set[str]] = []
    send = type(vendor.destination()).send

    def watched(self, target, parcels):  # type: ignore[no-untyped-def]
        rows = work.state.ledger.of("memory", AUDIENCE)
        told.append(
            {
                one
                for parcel in parcels
                for one in parcel.identifiers
                if parcel.action == "add" and one in rows and rows[one].confirmed
            }
        )
        return send(self, target, parcels)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.unit.activation.memory.MemoryDestination.send", watched)
        try:
            wanted: set[int] = set()
            for _ in range(5):
                vendor.faults = [rng.choice(FAULTS) for _ in range(rng.randint(0, 4))]
                # Where nobody can be asked, a removal without an answer makes "confirmed" doubtful.
                wanted = {one for one in PEOPLE if rng.random() < 0.6} | (set() if reads else wanted)
                _deliver(work, wanted)
        finally:
            work.close()

    assert told
    assert not any(told)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), reads=st.booleans())
def test_the_erased_are_gone_in_the_end_and_nobody_else(
    seed: int, reads: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = Random(seed)
    vendor = MemoryVendor(can=Can(read_back=reads))
    work = Work(vendor, tmp_path_factory.mktemp("erased") / "state.sqlite")
    try:
        everybody = set(PEOPLE)
        for _ in range(4):
            gone = rng.choice(sorted(everybody))
            _disturb(rng, work, vendor)
            _deliver(work, everybody)
            everybody.discard(gone)
            forget_deliveries(work.state, [gone], [f"Email:{email(gone)}"], 0)
            vendor.faults = [rng.choice(FAULTS) for _ in range(2)]
            try:
                send_erasures(work.state, vendor.destination(), AUDIENCE, vendor.clock)
            except Crash:
                work.restart()
        vendor.faults, vendor.refuses = [], {}
        vendor.clock.at += timedelta(days=8)
        _deliver(work, everybody)

        assert everybody == work.there()
        assert 0 == work.state.outbox.count_open(erasure=True)
        kept = {via for (via,) in work.state.rows("SELECT via FROM ledger UNION SELECT via FROM operation")}
        assert {f"Email:{email(one)}" for one in everybody} >= kept - {None}
    finally:
        work.close()


def _disturb(rng: Random, work: Work, vendor: MemoryVendor) -> None:
    vendor.faults = [rng.choice(FAULTS) for _ in range(rng.randint(0, 5))]
    vendor.refuses = {email(rng.choice(PEOPLE)): "no"} if rng.random() < 0.2 else {}
    vendor.clock.at += timedelta(hours=rng.choice([1, 30]))
    if rng.random() < 0.15:
        vendor.lose(AUDIENCE)
    if vendor.can.read_back and rng.random() < 0.2:
        for members in vendor.lists.values():
            members.symmetric_difference_update(("id:" if vendor.asks else "") + email(n) for n in (1, 2))


def _deliver(work: Work, wanted: set[int], paused: bool = False):  # type: ignore[no-untyped-def]
    try:
        return work.deliver(sorted(wanted), paused=paused)
    except Crash:
        work.restart()
        return None


def _open(work: Work) -> list[Operation]:
    return work.state.outbox.open("memory", AUDIENCE)
