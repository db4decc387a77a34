"""One budget an account: calls a window, calls a day, calls in flight, pauses."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.sources.wire import NOON, TestClock

from townsend.problem import Invalid, Unavailable
from townsend.vendors.pacing import Budget, Pace, budget_of
from townsend.vendors.settings import Keys


@given(
    st.lists(st.floats(0, 8), min_size=1, max_size=40),
    st.integers(1, 5),
    st.floats(0.5, 10),
)
def test_no_window_holds_more_calls_than_allowed(pauses: list[float], calls: int, window_s: float) -> None:
    clock = TestClock()
    budget = Budget("v", Pace(calls, window_s), clock)
    at = []
    for pause in pauses:
        clock.sleep(pause)
        with budget.call():
            at.append(clock.now())

    assert all(
        later - earlier >= timedelta(seconds=window_s) for earlier, later in zip(at, at[calls:], strict=False)
    )


def test_calls_within_the_window_do_not_wait() -> None:
    clock = TestClock()
    budget = Budget("v", Pace(3, 20.0), clock)
    for _ in range(3):
        with budget.call():
            pass

    assert 0.0 == clock.slept_s


def test_everybody_waits_when_the_vendor_wants_silence() -> None:
    clock = TestClock()
    budget = Budget("v", Pace(100, 1.0), clock)
    budget.pause(20)
    budget.pause(5)
    with budget.call():
        pass

    assert NOON + timedelta(seconds=20) == clock.now()


def test_the_days_calls_end_and_begin_again_at_the_vendors_midnight() -> None:
    clock = TestClock(NOON)
    budget = Budget("Marketo", Pace(100, 1.0, per_day=2, day_begins=timedelta(hours=6)), clock)
    for _ in range(2):
        with budget.call():
            pass
    with pytest.raises(Unavailable, match="2026-11-23 06:00") as caught, budget.call():
        pass
    clock.sleep(18 * 3_600)

    assert "vendor.quota" == caught.value.code
    assert 2 == budget.left_today()


def test_no_more_calls_are_in_flight_than_allowed() -> None:
    budget = Budget("v", Pace(1_000, 1.0, in_flight=2), TestClock())
    both = threading.Barrier(2, timeout=5)
    most = 0
    flying = 0
    lock = threading.Lock()

    def fly() -> None:
        nonlocal most, flying
        with budget.call():
            with lock:
                flying += 1
                most = max(most, flying)
            both.wait()
            with lock:
                flying -= 1

    threads = [threading.Thread(target=fly) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert 2 == most


def test_source_and_destination_of_an_account_share_a_budget() -> None:
    clock = TestClock()
    pace = Pace(1, 20.0)
    with budget_of("Marketo 1", pace, clock).call():
        pass
    with budget_of("Marketo 1", pace, clock).call():
        pass
    other = budget_of("Marketo 2", pace, clock)

    assert 20.0 == clock.slept_s
    assert 0 == other.calls


KEYS = Keys(("base_url", "client_secret"), ("since",))


def test_an_unknown_setting_is_told_with_the_nearest_known() -> None:
    with pytest.raises(Invalid, match="did you mean 'client_secret'") as caught:
        KEYS.check("sources.m", {"base_url": "x", "client_secrets": "hush"})

    assert "settings.key" == caught.value.code
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_setting_is_told_by_name(value: str | None) -> None:
    with pytest.raises(Invalid, match=r"sources\.m: client_secret is missing") as caught:
        KEYS.check("sources.m", {"type": "x", "base_url": "x", "client_secret": value}, common=["type"])

    assert "settings.missing" == caught.value.code
