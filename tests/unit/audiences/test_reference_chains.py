"""Sequences of events: true if some choice of events meets all steps, however one would search for it."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.audiences.nodes import SCHEMA, chain, cmp, event, far, get, lit, me, moment, ms, step, text

from townsend.audiences.core import Chain, Const, Gap, InstantOf, Now, Step, Window
from townsend.audiences.instants import holds as lies
from townsend.audiences.reference import Entity, InMemoryWorld, value

START = ms("2026-03-01")
DAY = 86_400_000
ANNA = Entity("person", 1)


def world_of(*happened: tuple[str, float], now: int = START + 100 * DAY) -> InMemoryWorld:
    world = InMemoryWorld(SCHEMA, now)
    world.add("person", 1)
    for at, (kind, day) in enumerate(happened):
        world.add(
            "event", at, {"_id": f"e{at}", "timestamp": START + int(day * DAY), "eventType": kind}, person=1
        )
    return world


def is_(kind: str) -> Any:
    return text(get(event(), "eventType"), "contains", kind)


def holds(node: Chain, *happened: tuple[str, float]) -> bool:
    return value(node, world_of(*happened), {0: ANNA}) is True


def test_steps_come_in_order_with_others_between() -> None:
    node = chain(step("A", is_("a")), step("B", is_("b")))

    assert holds(node, ("a", 1), ("x", 2), ("b", 3))
    assert not holds(node, ("b", 1), ("a", 2))


def test_equal_instants_never_fill_two_steps_nor_does_one_event() -> None:
    assert not holds(chain(step("A", is_("a")), step("B", is_("b"))), ("a", 1), ("b", 1))
    assert not holds(chain(step("A", is_("a")), step("B", is_("a"))), ("a", 1))


def test_equal_instants_may_fill_one_count() -> None:
    twice = chain(step("A", is_("a"), count=2))

    assert holds(twice, ("a", 1), ("a", 1))
    assert not holds(twice, ("a", 1))


def test_count_is_at_least() -> None:
    assert holds(chain(step("A", is_("a"), count=2)), ("a", 1), ("a", 2), ("a", 3))


def test_the_next_step_begins_after_all_events_of_the_one_before() -> None:
    node = chain(step("A", is_("a"), count=2), step("B", is_("b")))

    assert not holds(node, ("a", 1), ("b", 2), ("a", 3))
    assert holds(node, ("a", 1), ("b", 2), ("a", 3), ("b", 4))


def test_a_gap_is_met_by_any_choice_not_by_the_first() -> None:
    """The first a is too early for a gap of at most a day; the second fits."""
    soon = chain(step("A", is_("a")), step("B", is_("b"), gap=Gap("<=", 1, "day")))

    assert holds(soon, ("a", 1), ("a", 4), ("b", 5))
    assert not holds(soon, ("a", 1), ("b", 5))


def test_a_gap_looks_for_an_ending_that_fits_the_step_after() -> None:
    """Two a: taking the earliest two would end at 2, too early for b; 1 and 4 end in time."""
    node = chain(step("A", is_("a"), count=2), step("B", is_("b"), gap=Gap("<", 2, "day")))

    assert holds(node, ("a", 1), ("a", 2), ("a", 4), ("b", 5))


def test_a_gap_of_at_least_three_days_is_closed() -> None:
    later = chain(step("A", is_("a")), step("B", is_("b"), gap=Gap(">=", 3, "day")))

    assert holds(later, ("a", 1), ("b", 4))
    assert not holds(later, ("a", 1), ("b", 3.999999))


def test_each_step_has_its_window() -> None:
    now_ = Window("<=", 30, "day", "before", Now())
    node = chain(step("A", is_("a")), step("B", is_("b"), now_))

    assert holds(node, ("a", 1), ("b", 71))
    assert not holds(node, ("a", 1), ("b", 69))


def test_where_is_about_the_profile() -> None:
    node = chain(step("A", is_("a"), where=cmp(get(me(), "b2b.personStatus"), "=", "new")))

    assert not holds(node, ("a", 1))


def test_a_window_may_refer_to_the_profile() -> None:
    after = Window(">=", 1, "day", "after", InstantOf(moment("2026-03-03")))
    node = chain(step("A", is_("a"), after))

    assert holds(node, ("a", 3))
    assert not holds(node, ("a", 2.5))


def test_a_chain_may_run_over_other_entities_with_a_time() -> None:
    world = InMemoryWorld(SCHEMA, START)
    world.add("account", 2)
    world.edge("person_account", 1, 2, "direct")
    world.add("person", 1)
    world.add("opportunity", 1, {"isWon": True, "actualCloseDate": START}, account=2)
    world.add("opportunity", 2, {"isWon": True}, account=2)
    node = Chain(
        far(me(), "accounts", "opportunities"),
        1,
        "actualCloseDate",
        (step("A", Const(True, lit(True).type)),),
    )

    assert value(node, world, {0: ANNA}) is True
    assert (
        value(
            Chain(node.base, 1, node.time, (step("A", Const(True, lit(True).type), count=2),)),
            world,
            {0: ANNA},
        )
        is False
    )


def test_no_events_no_chain() -> None:
    assert not holds(chain(step("A", is_("a"))))


gaps = st.none() | st.builds(
    Gap, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), st.integers(0, 3), st.just("day")
)
steps = st.lists(
    st.builds(
        lambda kind, count, gap: step(kind, is_(kind), count=count, gap=gap),
        st.sampled_from("abc"),
        st.integers(1, 3),
        gaps,
    ),
    min_size=1,
    max_size=3,
)
events = st.lists(st.tuples(st.sampled_from(["a", "b", "c", "ab"]), st.integers(0, 6)), max_size=7)


def possible(wanted: list[Step], happened: list[tuple[str, int]], before: int | None = None) -> bool:
    """Every choice of events, tried."""
    if not wanted:
        return True
    first, *rest = wanted
    fitting = [day for kind, day in happened if first.label in kind]
    for chosen in combinations(fitting, first.count):
        low, high = min(chosen), max(chosen)
        if before is not None:
            if low <= before:
                continue
            if first.gap is not None:
                window = Window(first.gap.op, first.gap.number, "day", "after", InstantOf(lit(before * DAY)))
                if not lies(window, low * DAY, 0, lambda expr: expr.value):  # type: ignore[union-attr,return-value]
                    continue
        if possible(rest, happened, high):
            return True
    return False


@settings(max_examples=300, deadline=None)
@given(steps, events)
def test_the_answer_is_that_of_trying_every_choice(
    wanted: list[Step], happened: list[tuple[str, int]]
) -> None:
    assert possible(wanted, happened) == holds(chain(*wanted), *happened)


@pytest.mark.parametrize("count", [1, 2, 40])
def test_many_events_are_no_trouble(count: int) -> None:
    happened = [("a", day / 20) for day in range(1_000)]
    node = chain(
        *(step("A", is_("a"), count=count, gap=None if at == 0 else Gap(">=", 1, "day")) for at in range(4))
    )

    assert holds(node, *happened)
