"""Windows and calendar words mean what PQL's notes decided, to the millisecond, and end when they say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from townsend.audiences.core import (
    DATETIME,
    INTEGER,
    NUMBER,
    Between,
    Calendar,
    Const,
    DateOf,
    During,
    InstantOf,
    Now,
    Side,
    Tail,
    Window,
)
from townsend.audiences.instants import (
    DAY,
    FARTHEST,
    Edge,
    date_parts,
    day_of,
    holds,
    interval,
    next_flip,
    shift,
    start_of,
    unshift,
)

UNITS = [
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "decade",
    "century",
    "millennium",
]
TODAY, YESTERDAY = Calendar(0, "day"), Calendar(-1, "day")
NOON = "2026-03-18T12:00:00"


def at(text: str) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def const(value: Any) -> int | Decimal | None:
    found = value.value
    assert found is None or isinstance(found, int | Decimal)
    return found


def on(year: int | None, month: int, day: int) -> DateOf:
    return DateOf(Const(year, INTEGER), Const(month, INTEGER), Const(day, INTEGER))


def moment(text: str | None) -> InstantOf:
    return InstantOf(Const(None if text is None else at(text), DATETIME))


def spoken(tail: Tail, now: str = NOON) -> list[tuple[str | None, str | None]]:
    """The intervals as text, the upper bound excluded."""

    def text(ms: int | None) -> str | None:
        if ms is None:
            return None
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
        return moment.isoformat(timespec="milliseconds").removesuffix("+00:00").removesuffix("T00:00:00.000")

    return [(text(low), text(high)) for low, high in interval(tail, at(now), const)]


# ---------------------------------------------------------------- the calendar


@given(st.dates(), st.integers(0, DAY - 1))
def test_dates_agree_with_pythons_calendar(day: date, rest: int) -> None:
    ms = day_of(day.year, day.month, day.day)

    assert ms == (day - date(1970, 1, 1)).days * DAY
    assert (day.year, day.month, day.day) == date_parts(ms + rest)


@pytest.mark.parametrize(("year", "known"), [(0, True), (-1, False), (9999, True), (10_000, False)])
def test_dates_know_the_years_0_to_9999(year: int, known: bool) -> None:
    assert known == (day_of(year, 12, 31) is not None)


@pytest.mark.parametrize("day", [(2026, 2, 29), (2026, 4, 31), (2026, 13, 1), (2026, 0, 1), (2026, 1, 0)])
def test_a_day_that_does_not_exist_is_none(day: tuple[int, int, int]) -> None:
    assert day_of(*day) is None


@given(st.sampled_from(UNITS), st.integers(-(10**15), 10**15), st.integers(-3, 3))
def test_calendar_units_tile_time(unit: Any, ms: int, offset: int) -> None:
    start, end = start_of(ms, unit, offset), start_of(ms, unit, offset + 1)

    assert start < end
    assert [start] * 2 == [start_of(start, unit), start_of(end - 1, unit)]
    assert end == start_of(end, unit)


@pytest.mark.parametrize(
    ("unit", "start"),
    [
        ("week", "2026-03-16"),
        ("month", "2026-03-01"),
        ("year", "2026-01-01"),
        ("decade", "2020-01-01"),
        ("century", "2000-01-01"),
        ("millennium", "2000-01-01"),
    ],
)
def test_units_start_where_people_say(unit: Any, start: str) -> None:
    assert at(start) == start_of(at(NOON), unit)


@pytest.mark.parametrize(
    ("start", "number", "unit", "end"),
    [
        ("2026-03-31T09:00:00", -1, "month", "2026-03-01"),
        ("2026-03-30", -1, "month", "2026-03-01"),
        ("2026-03-28T09:00:00", -1, "month", "2026-02-28T09:00:00"),
        ("2026-01-31T09:00:00", 1, "month", "2026-03-01"),
        ("2024-02-29T09:00:00", 1, "year", "2025-03-01"),
        ("2024-02-29T09:00:00", 4, "year", "2028-02-29T09:00:00"),
        ("2026-01-15T09:00:00", -13, "month", "2024-12-15T09:00:00"),
        ("2026-01-15T09:00:00", -1, "century", "1926-01-15T09:00:00"),
        ("2026-03-18T12:00:00", -2, "week", "2026-03-04T12:00:00"),
    ],
)
def test_months_and_years_are_calendar_ones(start: str, number: int, unit: Any, end: str) -> None:
    assert at(end) == shift(at(start), number, unit)


instants = st.integers(at("1995-01-01"), at("2035-01-01")) | st.builds(
    lambda day, rest: day * DAY + rest, st.integers(9_000, 24_000), st.sampled_from([-1, 0, 1])
)
numbers = st.integers(-30, 30)


@given(instants, st.integers(0, 40 * DAY), numbers, st.sampled_from(UNITS))
def test_a_shifted_instant_never_moves_backwards(ms: int, later: int, number: int, unit: Any) -> None:
    assert shift(ms, number, unit) <= shift(ms + later, number, unit)


@given(instants, numbers, st.sampled_from(UNITS))
@example(at("2026-03-01"), -1, "month")
@example(at("2026-03-01"), 1, "month")
@example(at("2025-03-01"), 1, "year")
def test_unshift_is_the_first_instant_that_gets_there(ms: int, number: int, unit: Any) -> None:
    first = unshift(ms, number, unit)

    assert shift(first - 1, number, unit) < ms <= shift(first, number, unit)


@pytest.mark.parametrize("year", [-1, 0, 1, 9999, 10_000, 500_000])
@pytest.mark.parametrize("unit", UNITS)
def test_no_year_is_too_far(year: int, unit: Any) -> None:
    ms = start_of(0, "year", year - 1970)

    assert year == date_parts(ms)[0]
    assert ms == start_of(ms, "year")
    assert shift(shift(ms, 1, unit), -1, unit) == ms


# ---------------------------------------------------------------- tails


def test_the_last_three_days_are_closed_and_end_now() -> None:
    window = Window("<=", 3, "day", "before", Now())

    assert [("2026-03-15T12:00:00.000", "2026-03-18T12:00:00.001")] == spoken(window)


def test_less_than_is_open_at_the_far_end() -> None:
    window = Window("<", 8, "day", "before", Now())

    assert [("2026-03-10T12:00:00.001", "2026-03-18T12:00:00.001")] == spoken(window)


def test_a_window_before_today_ends_with_yesterday() -> None:
    assert [("2026-02-18", "2026-03-18")] == spoken(Window("<=", 1, "month", "before", TODAY))
    assert [("2026-07-28", "2026-08-28")] == spoken(Window("<=", 1, "month", "before", on(2026, 8, 28)))


def test_at_least_three_months_ago_is_at_or_before_the_bound() -> None:
    assert [(None, "2025-12-18T12:00:00.001")] == spoken(Window(">=", 3, "month", "before", Now()))
    assert [(None, "2025-12-18T12:00:00.000")] == spoken(Window(">", 3, "month", "before", Now()))


def test_equal_is_a_whole_day_from_today_and_an_instant_from_now() -> None:
    assert [("2026-03-15", "2026-03-16")] == spoken(Window("=", 3, "day", "before", TODAY))
    assert [("2026-02-18", "2026-02-19")] == spoken(Window("=", 1, "month", "before", TODAY))
    assert [("2026-03-18T09:00:00.000", "2026-03-18T09:00:00.001")] == spoken(
        Window("=", 3, "hour", "before", Now())
    )
    assert [("2026-03-17T21:00:00.000", "2026-03-17T21:00:00.001")] == spoken(
        Window("=", 3, "hour", "before", TODAY)
    )


def test_whole_days_from_today_keep_less_equal_and_greater_apart() -> None:
    assert [("2026-03-16", "2026-03-18")] == spoken(Window("<", 3, "day", "before", TODAY))
    assert [(None, "2026-03-15")] == spoken(Window(">", 3, "day", "before", TODAY))
    assert [(None, "2026-03-16")] == spoken(Window(">=", 3, "day", "before", TODAY))
    assert [(None, "2026-03-15"), ("2026-03-16", "2026-03-18")] == spoken(
        Window("!=", 3, "day", "before", TODAY)
    )


def test_windows_after_a_day_begin_with_the_next() -> None:
    day = on(2026, 3, 1)

    assert [("2026-03-02", "2026-03-23")] == spoken(Window("<=", 3, "week", "after", day))
    assert [("2026-03-23", None)] == spoken(Window(">", 3, "week", "after", day))
    assert [("2026-03-22", "2026-03-23")] == spoken(Window("=", 3, "week", "after", day))
    assert [("2026-03-02T03:00:00.000", "2026-03-02T03:00:00.001")] == spoken(
        Window("=", 3, "hour", "after", day)
    )


def test_larger_references_count_in_the_smaller_of_both_units() -> None:
    assert [("2026-02-01", "2026-03-01")] == spoken(Window("=", 1, "month", "before", Calendar(0, "month")))
    assert [("2026-02-26", "2026-02-27")] == spoken(Window("=", 3, "day", "before", Calendar(0, "month")))
    assert [("2026-03-01", "2026-03-02")] == spoken(Window("=", 1, "day", "after", Calendar(-1, "month")))
    assert [("2025-03-01", "2025-04-01")] == spoken(Window("=", 1, "year", "before", Calendar(0, "month")))


def test_before_and_after_are_strict() -> None:
    assert [(None, "2026-03-18")] == spoken(Side("before", TODAY))
    assert [(None, "2026-03-18T12:00:00.000")] == spoken(Side("before", Now()))
    assert [("2026-03-02", None)] == spoken(Side("after", on(2026, 3, 1)))
    assert [("2026-03-01T05:00:00.001", None)] == spoken(Side("after", moment("2026-03-01T05:00:00")))


def test_calendar_words_are_complete_units() -> None:
    assert [("2026-02-01", "2026-03-01")] == spoken(During(Calendar(-1, "month")))
    assert [("2026-03-09", "2026-03-16")] == spoken(During(Calendar(-1, "week")))
    assert [("2026-03-17", "2026-03-18")] == spoken(During(YESTERDAY))
    assert [("2026-03-18T12:00:00.000", "2026-03-18T12:00:00.001")] == spoken(During(Now()))


def test_between_takes_both_days_in_full() -> None:
    assert [("2026-01-01", "2026-02-03")] == spoken(Between(on(2026, 1, 1), on(2026, 2, 2)))
    assert [] == spoken(Between(on(2026, 2, 2), on(2026, 1, 1)))
    assert [("2026-03-01", "2026-03-18T12:00:00.001")] == spoken(Between(Calendar(0, "month"), Now()))


def test_not_equal_stays_on_its_side() -> None:
    assert [
        (None, "2026-03-15T12:00:00.000"),
        ("2026-03-15T12:00:00.001", "2026-03-18T12:00:00.001"),
    ] == spoken(Window("!=", 3, "day", "before", Now()))
    assert [
        ("2026-03-18T12:00:00.000", "2026-03-21T12:00:00.000"),
        ("2026-03-21T12:00:00.001", None),
    ] == spoken(Window("!=", 3, "day", "after", Now()))


@pytest.mark.parametrize("op", ["=", "<", "<=", ">", ">=", "!="])
def test_a_null_reference_holds_nowhere(op: Any) -> None:
    assert [] == spoken(Window(op, 3, "day", "before", on(2026, 2, 30)))
    assert [] == spoken(Window(op, 3, "day", "before", moment(None)))
    assert [] == spoken(Side("before", on(None, 1, 1)))
    assert [] == spoken(
        During(DateOf(Const(Decimal("2026.5"), NUMBER), Const(1, INTEGER), Const(1, INTEGER)))
    )
    assert [] == spoken(Between(on(2026, 1, 1), moment(None)))


def test_a_null_instant_lies_nowhere() -> None:
    assert not holds(Side("before", TODAY), None, at(NOON), const)


def test_a_window_of_a_million_millennia_is_bounded() -> None:
    window = Window("<=", 10**6, "millennium", "before", Now())

    assert [(-FARTHEST, at(NOON) + 1)] == interval(window, at(NOON), const)
    assert next_flip(window, at(NOON), at(NOON), const) is not None


# ---------------------------------------------------------------- properties

small = st.integers(at("2023-12-25"), at("2024-04-05"))
units = st.sampled_from(["millisecond", "second", "hour", "day", "week", "month", "year"])
moving = st.just(Now()) | st.builds(
    Calendar, st.integers(-2, 2), st.sampled_from(["hour", "day", "week", "month"])
)
fixed = st.builds(lambda ms: InstantOf(Const(ms, DATETIME)), small) | st.builds(
    on, st.just(2024), st.integers(1, 4), st.integers(1, 31)
)
refs = moving | fixed
directions = st.sampled_from(["before", "after"])
tails = (
    st.builds(
        Window,
        st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
        st.integers(0, 40),
        units,
        directions,
        refs,
    )
    | st.builds(Side, directions, refs)
    | st.builds(During, refs)
    | st.builds(Between, refs, refs)
)


@given(tails, small, small)
def test_holds_and_interval_agree(tail: Tail, ms: int, now: int) -> None:
    inside = [
        (low is None or low <= ms) and (high is None or ms < high) for low, high in interval(tail, now, const)
    ]

    assert any(inside) == holds(tail, ms, now, const)


@given(units, st.integers(0, 40), directions, refs, small, small)
def test_comparisons_are_made_of_less_equal_and_greater(
    unit: Any, number: int, direction: Any, ref: Any, ms: int, now: int
) -> None:
    def says(op: Any) -> bool:
        return holds(Window(op, number, unit, direction, ref), ms, now, const)

    assert sum(map(says, "<=>")) <= 1
    assert says("<=") == (says("<") or says("="))
    assert says(">=") == (says(">") or says("="))
    assert says("!=") == (says("<") or says(">"))


@given(tails, small, small)
def test_every_edge_moves_forwards_only(tail: Tail, now: int, later: int) -> None:
    now, later = sorted((now, later))
    before, after = interval(tail, now, const), interval(tail, later, const)

    for (low, high), (later_low, later_high) in zip(before, after, strict=False):
        if len(before) == len(after):
            assert (low is None) == (later_low is None)
            assert (high is None) == (later_high is None)
            assert low is None or later_low is None or low <= later_low
            assert high is None or later_high is None or high <= later_high


@given(tails, small, small)
def test_nothing_changes_before_the_next_flip_and_then_it_does(tail: Tail, ms: int, now: int) -> None:
    """Checked at every place where a bound may pass: the instants that calendars and windows make special."""
    flip = next_flip(tail, ms, now, const)
    says = holds(tail, ms, now, const)
    special = {ms, ms + 1, now + 1}
    for back in range(-45, 46):
        special |= {start_of(now, "day", back) + nudge for nudge in (-1, 0, 1)}
        for unit in UNITS[:8]:
            special |= {shift(ms, back, unit) + nudge for nudge in (-1, 0, 1)}  # type: ignore[arg-type]
    if flip is not None:
        assert flip > now
        assert holds(tail, ms, flip, const) != says
        assert holds(tail, ms, flip - 1, const) == says
    last = max(special) if flip is None else flip - 1
    assert all(holds(tail, ms, other, const) == says for other in special if now < other <= last)


@given(tails, st.integers(0, 400), st.integers(0, 400))
def test_the_next_flip_is_what_a_search_over_every_millisecond_finds(tail: Tail, ms: int, now: int) -> None:
    """A world of less than a second, searched exhaustively."""
    base = at("2024-03-01") - 200
    small_tail = tail
    if isinstance(tail, Window):
        small_tail = Window(tail.op, tail.number, "millisecond", tail.direction, tail.ref)
    says = holds(small_tail, base + ms, base + now, const)
    found = next(
        (
            other
            for other in range(base + now + 1, base + 900)
            if holds(small_tail, base + ms, other, const) != says
        ),
        None,
    )
    flip = next_flip(small_tail, base + ms, base + now, const)

    assert found == (flip if flip is not None and flip < base + 900 else None)


@given(st.integers(0, 60), units, moving, small, st.integers(-31, 31))
def test_an_edge_reaches_an_instant_at_the_first_now_it_can(
    number: int, unit: Any, anchor: Any, ms: int, nudge: int
) -> None:
    edge = Edge(anchor, ((-number, unit), (1, "day")))
    target = start_of(ms, "day") + nudge
    first = edge.reaches(target)

    assert first is not None
    assert edge.at(first - 1) < target <= edge.at(first)


def test_a_visit_leaves_the_last_month_one_millisecond_after_its_bound() -> None:
    window = Window("<=", 1, "month", "before", Now())
    visit = at("2026-11-03T09:00:00")

    assert at("2026-12-03T09:00:00.001") == next_flip(window, visit, at("2026-11-22T12:00:00"), const)


def test_a_visit_on_the_31st_leaves_when_the_next_month_ends() -> None:
    """31 January is in the last month until 28 February ends: from 1 March on the bound is 1 February."""
    window = Window("<=", 1, "month", "before", Now())

    assert at("2026-03-01") == next_flip(window, at("2026-01-31T09:00:00"), at("2026-02-10"), const)


def test_an_event_of_this_month_becomes_one_of_last_month() -> None:
    flip = next_flip(During(Calendar(-1, "month")), at("2026-03-05"), at(NOON), const)

    assert at("2026-04-01") == flip
    assert at("2026-05-01") == next_flip(During(Calendar(-1, "month")), at("2026-03-05"), flip or 0, const)
