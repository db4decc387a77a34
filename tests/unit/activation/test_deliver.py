"""One activation through everything that can go wrong: it ends right, says so, and sends nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.suites.destination_suite import AUDIENCE, Work
from tests.unit.activation.memory import Crash, MemoryVendor, email

from townsend.activation.contract import Can, Limits, Member
from townsend.activation.deliver import deliver_order
from townsend.activation.erasures import forget_deliveries, send_erasures
from townsend.activation.order import Order
from townsend.intake.rules import epoch_ms


@pytest.fixture
def vendor() -> MemoryVendor:
    return MemoryVendor()


@pytest.fixture
def work(vendor: MemoryVendor, tmp_path: Path) -> Iterator[Work]:
    found = Work(vendor, tmp_path / "state.sqlite")
    yield found
    found.close()


def test_a_crash_after_the_call_is_made_good_by_asking(work: Work, vendor: MemoryVendor) -> None:
    vendor.faults = ["crash"]
    with pytest.raises(Crash):
        work.deliver([1, 2])
    work.restart()
    ids = [one.id for one in work.state.outbox.open("memory", AUDIENCE)]

    report = work.deliver([1, 2])

    assert ({1, 2}, 2, False) == (work.there(), report.added, report.failed)
    assert [("add", 1), ("add", 2)] == vendor.sent()
    stored = work.state.rows("SELECT id, status FROM operation")
    assert [(one, "confirmed") for one in ids] == stored


def test_a_crash_before_anything_is_sent_keeps_the_operations_ids(
    work: Work, vendor: MemoryVendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise Crash

    monkeypatch.setattr("tests.unit.activation.memory.MemoryDestination.send", dies)
    with pytest.raises(Crash):
        work.deliver([1, 2])
    monkeypatch.undo()
    before = [(one.id, one.status) for one in work.state.outbox.open("memory", AUDIENCE)]
    work.restart()
    work.deliver([1, 2])

    assert [status for _, status in before] == ["sent", "sent"]
    assert [one for one, _ in before] == [one for (one,) in work.state.rows("SELECT id FROM operation")]
    assert {1, 2} == work.there()


def test_a_refused_person_is_set_aside_with_the_vendors_words(work: Work, vendor: MemoryVendor) -> None:
    vendor.refuses[email(2)] = "Lead is in another partition"

    report = work.deliver([1, 2, 3])

    assert ({1, 3}, 1, 2) == (work.there(), report.refused, report.added)
    assert "1 refused: Lead is in another partition" in report.flags
    assert not report.failed


def test_a_refused_person_is_not_sent_again_until_something_changes(work: Work, vendor: MemoryVendor) -> None:
    vendor.refuses[email(2)] = "no"
    work.deliver([1, 2])
    calls = vendor.calls
    vendor.refuses.clear()

    again = work.deliver([1, 2])

    # One look at what is there, and nothing is sent.
    assert ({1}, 0, calls + 2) == (work.there(), again.refused, vendor.calls)
    work.deliver([1])
    work.deliver([1, 2])
    assert {1, 2} == work.there()


def test_a_refused_person_is_tried_again_after_a_week(work: Work, vendor: MemoryVendor) -> None:
    vendor.refuses[email(2)] = "no"
    work.deliver([1, 2])
    vendor.refuses.clear()
    vendor.clock.at += timedelta(days=8)

    work.deliver([1, 2])

    assert {1, 2} == work.there()


def test_a_destination_that_asks_for_time_is_given_some(work: Work, vendor: MemoryVendor) -> None:
    vendor.faults = ["later", "later"]

    report = work.deliver([1, 2])

    assert ({1, 2}, False) == (work.there(), report.failed)
    assert vendor.clock.slept >= 12


def test_a_destination_that_asks_for_too_much_time_is_left_waiting(work: Work, vendor: MemoryVendor) -> None:
    vendor.faults = ["later"] * 50

    report = work.deliver([1, 2])

    assert ("waiting", 2, True) == (report.state, report.waiting, report.failed)
    vendor.faults = []
    assert {1, 2} == (work.deliver([1, 2]) and work.there())


def test_people_the_destination_does_not_know_are_left_out(tmp_path: Path) -> None:
    vendor = MemoryVendor(asks=True, strangers={email(2)})
    work = Work(vendor, tmp_path / "state.sqlite")

    report = work.deliver([1, 2, 3])

    assert ({1, 3}, 1, 0) == (work.there(), report.excluded, report.refused)
    assert "the destination does not know them" in work.plan([1, 2, 3]).excluded_by_reason() or (
        len(work.plan([1, 2, 3]).adds) == 1
    )
    vendor.strangers.clear()
    work.deliver([1, 2, 3])
    assert {1, 2, 3} == work.there()
    work.close()


def test_what_was_looked_up_is_not_asked_again(tmp_path: Path) -> None:
    vendor = MemoryVendor(asks=True)
    work = Work(vendor, tmp_path / "state.sqlite")
    work.deliver([1, 2])
    work.deliver([1, 2, 3])

    assert [email(1), email(2), email(3)] == vendor.looked_up
    work.close()


def test_an_id_that_is_gone_there_is_looked_up_again(tmp_path: Path) -> None:
    """A lead was merged away: the answer we remember leads nowhere."""
    vendor = MemoryVendor(asks=True)
    work = Work(vendor, tmp_path / "state.sqlite")
    work.deliver([1])
    with work.state.transaction():
        work.state.targets.resolved(
            "memory", {f"Email:{email(2)}": ("id:old",)}, epoch_ms(vendor.clock.now())
        )
    vendor.strangers.add("id:old")

    report = work.deliver([1, 2])

    assert ({1, 2}, 0) == (work.there(), report.refused)
    work.close()


def test_drift_is_found_and_mended(work: Work, vendor: MemoryVendor) -> None:
    work.deliver([1, 2, 3])
    (members,) = vendor.lists.values()
    members.discard(email(2))
    members.add(email(99))

    report = work.deliver([1, 2, 3])

    assert {1, 2, 3} == work.there()
    assert "1 confirmed members were missing there; they are added again" in report.flags
    assert "1 were there that nobody asked for; they are taken out" in report.flags


def test_in_a_list_of_others_their_members_stay(work: Work, vendor: MemoryVendor) -> None:
    work.deliver([1])
    target = work.state.targets.get("memory", AUDIENCE)
    assert target is not None
    with work.state.transaction():
        work.state.targets.put("memory", AUDIENCE, replace(target, ours=False))
    (members,) = vendor.lists.values()
    members.add(email(99))

    work.deliver([2])

    assert {2, 99} == work.there()


def test_a_lost_ledger_is_found_again_where_it_can_be_read(work: Work, vendor: MemoryVendor) -> None:
    work.deliver([1, 2])
    sent = vendor.sent()
    with work.state.transaction():
        work.state.execute("DELETE FROM ledger")
        work.state.execute("DELETE FROM operation")

    report = work.deliver([1, 2])

    assert (sent, 2) == (vendor.sent(), report.unchanged)


def test_all_addresses_of_a_person_are_one_member(work: Work, vendor: MemoryVendor) -> None:
    both = Member(1, {"Email": [email(1), email(11)]})
    order = Order(AUDIENCE, "memory", AUDIENCE, {1: both})

    report = deliver_order(order, vendor.destination(), work.state, vendor.clock)

    assert ({1, 11}, 1, 1) == (work.there(), report.added, len(work.state.deliveries()))
    assert 1 == work.state.deliveries()[0]["confirmed"]


def test_an_address_two_people_share_stays_while_one_of_them_does(work: Work, vendor: MemoryVendor) -> None:
    shared = {one: Member(one, {"Email": [email(1)]}) for one in (1, 2)}
    for members in (shared, {2: shared[2]}):
        deliver_order(
            Order(AUDIENCE, "memory", AUDIENCE, members), vendor.destination(), work.state, vendor.clock
        )

    assert [("add", 1)] == vendor.sent()


def test_what_identifies_somebody_who_refuses_goes_nowhere(work: Work, vendor: MemoryVendor) -> None:
    shared = Member(1, {"Email": [email(1)]})
    order = Order(AUDIENCE, "memory", AUDIENCE, {1: shared}, {2: "consent: no"}, (replace(shared, id=2),))

    report = deliver_order(order, vendor.destination(), work.state, vendor.clock)

    assert (set(), 2) == (work.there(), report.excluded)


def test_consent_is_asked_again_right_before_sending(work: Work, vendor: MemoryVendor) -> None:
    asked: list[list[int]] = []

    def guard(ids: object) -> dict[int, str]:
        asked.append(list(ids))  # type: ignore[call-overload]
        return {2: "consent: no"}

    report = deliver_order(work.order([1, 2]), vendor.destination(), work.state, vendor.clock, guard=guard)

    assert ([[1, 2]], {1}, 1) == (asked, work.there(), report.excluded)
    assert [] == work.state.outbox.open("memory", AUDIENCE)


def test_a_list_below_the_vendors_minimum_is_delivered_and_flagged(tmp_path: Path) -> None:
    vendor = MemoryVendor(limits=Limits(per_call=3, lookups_per_call=2, least=300))
    work = Work(vendor, tmp_path / "state.sqlite")

    plan, report = work.plan([1]), work.deliver([1])

    flag = "1 member: the vendor uses a list from 300 on; delivered all the same"
    assert {1} == work.there()
    assert (flag in plan.flags, flag in report.flags) == (True, True)
    work.close()


def test_the_days_calls_are_not_exceeded(tmp_path: Path) -> None:
    vendor = MemoryVendor(limits=Limits(per_call=1, per_day=3), can=Can(read_back=False))
    work = Work(vendor, tmp_path / "state.sqlite")

    first = work.deliver([1, 2, 3, 4])

    assert (3, "waiting", "destination.quota") == (
        vendor.calls,
        first.state,
        first.problem and first.problem.code,
    )
    vendor.clock.at += timedelta(days=1)
    work.deliver([1, 2, 3, 4])
    assert {1, 2, 3, 4} == work.there()
    work.close()


def test_a_new_list_is_left_alone_as_long_as_the_vendor_wants(tmp_path: Path) -> None:
    vendor = MemoryVendor(limits=Limits(per_call=3, first_s=5.0))
    work = Work(vendor, tmp_path / "state.sqlite")

    work.deliver([1])

    assert 5.0 == vendor.clock.slept
    work.close()


def test_nobody_wanted_makes_no_list(work: Work, vendor: MemoryVendor) -> None:
    report = work.deliver([])

    assert ("empty", {}, 0) == (report.state, vendor.lists, vendor.calls)


def test_without_removal_who_leaves_stays_and_it_is_said(tmp_path: Path) -> None:
    vendor = MemoryVendor(can=Can(remove=False))
    work = Work(vendor, tmp_path / "state.sqlite")
    work.deliver([1, 2])

    report = work.deliver([2])

    assert ({1, 2}, 0, False) == (work.there(), report.removed, report.failed)
    work.close()


def test_an_erased_person_is_taken_out_and_leaves_no_trace(work: Work, vendor: MemoryVendor) -> None:
    work.deliver([1, 2])
    counts = forget_deliveries(work.state, [1], [f"Email:{email(1)}"], 0)

    removal = send_erasures(work.state, vendor.destination(), AUDIENCE, vendor.clock)

    assert ({2}, 1, 0) == (work.there(), removal.removed, removal.waiting)
    assert 1 == counts["removals"]
    assert 0 == work.state.outbox.count_open(erasure=True)
    work.state.rewrite()
    kept = b"".join(path.read_bytes() for path in work.path.parent.glob("state.sqlite*"))
    assert email(1).encode() not in kept
    assert email(2).encode() in kept


def test_an_erasure_waits_for_its_destination_and_goes_out_although_paused(
    work: Work, vendor: MemoryVendor
) -> None:
    work.deliver([1, 2])
    forget_deliveries(work.state, [1], [], 0)
    vendor.faults = ["unheard"]

    waits = send_erasures(work.state, vendor.destination(), AUDIENCE, vendor.clock)
    work.restart()
    forget_deliveries(work.state, [1], [], 0)
    work.deliver([2], paused=True)
    done = send_erasures(work.state, vendor.destination(), AUDIENCE, vendor.clock)

    assert (0, 1) == (waits.removed, waits.waiting)
    assert (1, 0, {2}) == (done.removed, done.waiting, work.there())


def test_a_kept_list_still_loses_the_erased(tmp_path: Path) -> None:
    vendor = MemoryVendor(on_unmap="keep")
    work = Work(vendor, tmp_path / "state.sqlite")
    work.deliver([1, 2])
    forget_deliveries(work.state, [1], [], 0)

    work.deliver([], mapped=False)

    assert {2} == work.there()
    work.close()
