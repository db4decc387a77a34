"""What an answer hangs on, told from the definition alone."""

from __future__ import annotations

import pytest

from townsend.audiences.core import Calendar, Now
from townsend.audiences.live.dependencies import Reads, reads_of
from townsend.audiences.pql import parse, resolve
from townsend.model import builtin_schema


def reads(pql: str, of: str = "person") -> Reads:
    known = {"rich": ("account", "opportunities.sum(opportunityAmount.amount) > 5")}
    definition = resolve(parse(pql), builtin_schema(), of, audiences=known.get).definition
    return reads_of(definition.condition, of, builtin_schema())


def ends(found: Reads) -> set[str]:
    """The paths by the names of their steps."""
    return {".".join(hop.name for hop in path) for path in found.paths}


def test_a_field_of_ones_own_is_looked_at_where_one_is() -> None:
    found = reads('person.name.firstName = "x"')

    assert {""} == ends(found)
    assert not found.clocks


def test_every_beginning_of_a_path_is_a_path() -> None:
    found = reads("accounts.opportunities[isWon].sum(opportunityAmount.amount) > 5")

    assert {"", "accounts", "accounts.opportunities"} == ends(found)


def test_another_audience_is_looked_at_from_where_it_is_asked() -> None:
    assert {"", "accounts", "accounts.opportunities"} == ends(reads('accounts.exists(inSegment("rich"))'))


def test_a_relationship_of_several_steps_is_each_of_them() -> None:
    found = reads("opportunities.count() > 0")

    assert {"", "opportunityRelations", "opportunityRelations.opportunity"} == ends(found)


def test_a_window_is_a_clock_over_the_timestamp() -> None:
    (clock,) = reads("xEvent[timestamp occurs <= 3 days before now]").clocks

    assert ("event", "timestamp") == (clock.cls, clock.column)
    assert {((-3, "day"),), ((1, "millisecond"),)} == {edge.shifts for edge in clock.edges}
    assert {Now()} == {edge.anchor for edge in clock.edges}


def test_a_window_over_the_latest_of_some_is_a_clock_over_each() -> None:
    (clock,) = reads("xEvent.max(timestamp) occurs <= 3 days before now").clocks

    assert ("event", "timestamp") == (clock.cls, clock.column)


def test_the_steps_of_a_sequence_are_clocks_too() -> None:
    (clock,) = reads("chain(xEvent, timestamp, [A: WHAT(true) WHEN(today)])").clocks

    assert {Calendar(0, "day"), Calendar(1, "day")} == {edge.anchor for edge in clock.edges}


@pytest.mark.parametrize("pql", ["xEvent[ageInDays(timestamp) > 3]", "xEvent[ageInMonths(timestamp) = 1]"])
def test_what_grows_with_time_has_no_bound_and_says_so(pql: str) -> None:
    assert reads(pql).volatile


def test_a_window_against_a_fixed_day_stands_still() -> None:
    found = reads("xEvent[timestamp occurs after date(2026, 3, 1)]")

    assert not found.clocks
    assert not found.volatile


def test_the_number_of_the_month_turns_with_the_month() -> None:
    assert {"month"} == reads("xEvent[timestamp.getMonth() = currentMonth()]").turns
