"""What every destination must do with the engine around it, whatever its vendor is like.

A destination's own tests make a ``Vendor`` of it and of its rehearsal server, and inherit the suite:

    class TestStaticList(DestinationSuite):
        @pytest.fixture
        def vendor(self, tmp_path: Path) -> Iterator[Vendor]: …
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from townsend.activation.contract import Destination, Member
from townsend.activation.deliver import deliver_order
from townsend.activation.order import Order
from townsend.activation.plan import ActivationPlan, plan_order
from townsend.activation.reports import DeliveryReport
from townsend.clock import Clock
from townsend.intake.rules import epoch_ms
from townsend.problem import Unavailable
from townsend.store.state import State

__all__ = ["DestinationSuite", "Vendor", "Work"]

AUDIENCE = "high-value-visitors"


class Vendor(Protocol):
    """A destination and the far end behind it, as the suite drives them."""

    clock: Clock

    def destination(self) -> Destination:
        """A connector as a new process opens it."""
        ...

    def member(self, number: int) -> Member:
        """The person of that number (from 1); the far end knows them."""
        ...

    def there(self, name: str) -> set[int]:
        """The numbers of the people in the list or segment of that name; empty if there is none."""
        ...

    def lose(self, name: str) -> None:
        """Delete the list at the far end."""
        ...

    def fail(self, calls: int, *, heard: bool) -> None:
        """The next calls that send members fail, as seen by us; ``heard``: they take effect all the same."""
        ...

    def sent(self) -> list[tuple[str, int]]:
        """Every (action, number of the person) that ever took effect at the far end."""
        ...


class Work:
    """The engine around one vendor, with a state store that outlives the connectors."""

    def __init__(self, vendor: Vendor, path: Path) -> None:
        self.vendor = vendor
        self.path = path
        self.state = self._open()

    def close(self) -> None:
        self.state.close()

    def restart(self) -> None:
        """A new process: the store is opened again."""
        self.state.close()
        self.state = self._open()

    def _open(self) -> State:
        state = State.open(self.path)
        # Processes die here, machines don't: nothing has to wait for the disk.
        state.execute("PRAGMA synchronous = OFF")
        return state

    def order(self, numbers: Iterable[int], name: str = AUDIENCE, **more: bool) -> Order:
        members = {one: self.vendor.member(one) for one in numbers}
        return Order(AUDIENCE, self.vendor.destination().name, name, members, **more)

    def deliver(self, numbers: Iterable[int], name: str = AUDIENCE, **more: bool) -> DeliveryReport:
        destination = self.vendor.destination()
        try:
            return deliver_order(
                self.order(numbers, name, **more), destination, self.state, self.vendor.clock
            )
        finally:
            destination.close()

    def plan(self, numbers: Iterable[int], name: str = AUDIENCE, **more: bool) -> ActivationPlan:
        destination = self.vendor.destination()
        try:
            now_ms = epoch_ms(self.vendor.clock.now())
            return plan_order(self.order(numbers, name, **more), destination, self.state, now_ms)
        finally:
            destination.close()

    def there(self, name: str = AUDIENCE) -> set[int]:
        return self.vendor.there(name)


class DestinationSuite:
    """Inherit, and give a fixture ``vendor``."""

    @pytest.fixture
    def work(self, vendor: Vendor, tmp_path: Path) -> Iterator[Work]:
        work = Work(vendor, tmp_path / "state.sqlite")
        yield work
        work.close()

    def test_members_are_added_and_removed(self, work: Work) -> None:
        first = work.deliver([1, 2, 3])

        assert ({1, 2, 3}, "delivered", 3) == (work.there(), first.state, first.added)

        second = work.deliver([2, 3, 4])

        assert {2, 3, 4} == work.there()
        assert (1, 1, 2) == (second.added, second.removed, second.unchanged)

    def test_the_same_again_sends_nothing(self, work: Work) -> None:
        work.deliver([1, 2])
        before = work.vendor.sent()

        again = work.deliver([1, 2])

        assert before == work.vendor.sent()
        assert ("up to date", 0, 2) == (again.state, again.added, again.unchanged)

    def test_a_plan_says_what_is_sent_and_sends_nothing(self, work: Work) -> None:
        work.deliver([1, 2])
        before = work.vendor.sent()

        plan = work.plan([2, 3])

        assert before == work.vendor.sent()
        assert ([3], [1], 1) == (
            [one.entity for one in plan.adds],
            [one.entity for one in plan.removes],
            plan.unchanged,
        )
        assert plan.forecast.calls > 0

    @pytest.mark.parametrize("heard", [True, False])
    def test_a_call_without_an_answer_ends_right(self, work: Work, heard: bool) -> None:
        work.vendor.fail(1, heard=heard)
        work.deliver([1, 2])
        work.restart()
        work.deliver([1, 2])

        assert {1, 2} == work.there()

        work.vendor.fail(1, heard=heard)
        work.deliver([2])
        work.restart()
        work.deliver([2])

        assert {2} == work.there()

    def test_who_left_while_no_answer_came_is_not_left_behind(self, work: Work) -> None:
        work.vendor.fail(50, heard=True)
        work.deliver([1, 2])
        work.vendor.fail(0, heard=True)
        work.restart()
        work.deliver([2])

        assert {2} == work.there()

    def test_a_list_that_is_gone_is_made_and_filled_again(self, work: Work) -> None:
        work.deliver([1, 2])
        work.vendor.lose(AUDIENCE)

        work.deliver([1, 2, 3])

        assert {1, 2, 3} == work.there()

    def test_a_new_name_follows(self, work: Work) -> None:
        work.deliver([1, 2])

        work.deliver([1, 2], "Buyers")

        assert (set(), {1, 2}) == (work.there(), work.there("Buyers"))

    def test_paused_is_planned_and_not_sent(self, work: Work) -> None:
        report = work.deliver([1, 2], paused=True)

        assert (set(), "paused", 2) == (
            work.there(),
            report.state,
            len(work.plan([1, 2], paused=True).adds),
        )

    def test_an_audience_that_no_longer_goes_there_leaves_as_chosen(self, work: Work) -> None:
        work.deliver([1, 2])
        keeps = work.vendor.destination().on_unmap == "keep"

        work.deliver([], mapped=False)

        assert ({1, 2} if keeps else set()) == work.there()

    def test_more_members_than_one_call_takes(self, work: Work) -> None:
        many = set(range(1, min(work.vendor.destination().limits.per_call, 5_000) + 6))

        report = work.deliver(many)

        assert many == work.there()
        assert len(many) == report.added

    def test_an_unreachable_vendor_is_reported_not_raised(self, work: Work) -> None:
        work.vendor.fail(50, heard=False)

        report = work.deliver([1])

        assert report.failed
        assert isinstance(report.problem, Unavailable)
