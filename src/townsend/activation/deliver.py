"""One activation, delivered: look up, compare, store, send, and again until the destination agrees.

What was begun is finished first, whatever ended it. A list that is gone is made anew and filled again; a
destination that does not answer is waited for a little, then left for the next delivery; what it refuses
is kept with its own words, and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from townsend.activation.compare import Called, called, unknown_there
from townsend.activation.contract import Destination, Lookup, Target
from townsend.activation.drift import check_due, read_back
from townsend.activation.operations import nobody_there, store_operations
from townsend.activation.order import Order
from townsend.activation.plan import RESOLUTION_MS, compare, people, plan_order, stays_refused, too_small
from townsend.activation.reports import DeliveryReport
from townsend.activation.sending import Budget, Guard, Post, nobody_refuses
from townsend.clock import Clock
from townsend.intake.rules import epoch_ms
from townsend.problem import Problem, Unavailable
from townsend.store.state import State

__all__ = ["GONE", "QUOTA", "WAITS_S", "deliver_order"]

GONE = "destination.gone"
QUOTA = "destination.quota"
WAITS_S = (2.0, 10.0, 30.0)  # before each further try, when the destination asked for time or did not answer


def deliver_order(
    order: Order,
    destination: Destination,
    state: State,
    clock: Clock,
    *,
    guard: Guard = nobody_refuses,
    preflight: Callable[[], list[str]] = list,
    progress: Callable[[str], None] = lambda _: None,
) -> DeliveryReport:
    """Make the destination hold who is wanted, as far as it lets us.

    Args:
        order: who is wanted.
        clock: what time it is for the vendor; tries are spaced by it.
        guard: asked for each call's people right before they are added.
        preflight: asked once, before the first call; gives remarks.

    Returns:
        What was done; a problem of the destination is in the report, not raised.
    """
    return _Delivery(order, destination, state, clock, guard, preflight, progress).run()


class _Delivery:
    def __init__(
        self,
        order: Order,
        destination: Destination,
        state: State,
        clock: Clock,
        guard: Guard,
        preflight: Callable[[], list[str]],
        progress: Callable[[str], None],
    ) -> None:
        self.order = order
        self.destination = destination
        self.state = state
        self.clock = clock
        self.preflight = preflight
        self.progress = progress
        self.budget = Budget(destination, state, clock)
        self.post = Post(destination, state, clock, self.budget, guard)
        self.report = DeliveryReport(order.audience, destination.name, order.name)
        self.meant = Called()
        self.asked: set[str] = set()
        self.compared = False
        self.must_prepare = False

    def run(self) -> DeliveryReport:
        if self.order.paused:
            plan = plan_order(self.order, self.destination, self.state, self._now())
            self.report.state = "paused"
            self.report.unchanged = plan.unchanged
            self.report.excluded = len(plan.excluded)
            return self._kept()
        self.meant = self._called()
        return self._end(self._tries() if self._is_needed() else None)

    def _tries(self) -> Problem | None:
        """Rounds until nothing is left to say; what stood in the way, if it still does."""
        trouble: Problem | None = None
        waits = iter(WAITS_S)
        try:
            self.report.flags += self.preflight()
            while True:
                try:
                    trouble = None
                    if not self._round():
                        return None
                    wait = self.post.later > 0
                except Unavailable as problem:
                    trouble = problem
                    if problem.code == QUOTA:
                        return trouble
                    wait = not self._made_anew(problem)
                seconds = next(waits, None)
                if seconds is None:
                    return trouble
                if wait:
                    self.progress(f"{self.destination.name}: waiting {seconds:g} s …")
                    self.clock.sleep(seconds)
        except Problem as problem:
            return problem
        finally:
            self.budget.settle()

    def _round(self) -> bool:
        """Say once everything there is to say; whether another round may get further."""
        self._look_up()
        target = self._target()
        if target is None:
            self._forget_what_is_nowhere()
            return False
        place = (self.destination.name, self.order.audience)
        self.post.settle(target, self.state.outbox.open(*place))
        if not self.compared and self._may_read_back():
            self.budget.allow()
            drift = read_back(
                self.order, self.destination, self.state, target, self.meant.wishes.keys(), self._now()
            )
            self.report.flags += drift.flags()
        elif not self.compared:
            with self.state.transaction():
                self.state.targets.checked(*place, self._now())
        self.compared = True
        found = compare(self.order, self.destination, self.state, self.meant, self._now(), target)
        store_operations(self.state, *place, found, self._now())
        operations = self.state.outbox.open(*place)
        if operations:
            self.progress(f"{self.order.audience} → {self.destination.name}: {len(operations):,} to send …")
            self.post.send(target, operations)
        return self.post.later > 0 or self.post.unknown > 0

    # ------------------------------------------------------------ parts of a round

    def _is_needed(self) -> bool:
        place = (self.destination.name, self.order.audience)
        target = self.state.targets.get(*place)
        if self.meant.lookups or self.state.outbox.open(*place):
            return True
        found = compare(self.order, self.destination, self.state, self.meant, self._now(), target)
        if found.adds or found.removes or target is None:
            return bool(found.adds or found.removes)
        renamed = self.order.mapped and target.name != self.order.name and self.destination.can.rename
        return renamed or self._may_compare()

    def _may_compare(self) -> bool:
        return self.order.mapped and check_due(self.order, self.destination, self.state, self._now())

    def _may_read_back(self) -> bool:
        return self.destination.can.read_back and self._may_compare()

    def _called(self) -> Called:
        now_ms = self._now()
        known: dict[str, Any] = dict.fromkeys(self.asked, ())
        known |= self.state.targets.resolutions(self.destination.name, now_ms - RESOLUTION_MS)
        refused = self.state.outbox.refused(self.destination.name, self.order.audience)
        return called(self.order, self.destination, known, unknown_there(refused, now_ms), self.asked)

    def _look_up(self) -> None:
        """Ask for the destination's own ids until nothing new is to be asked."""
        if self.post.unknown:
            # Some answers we remember lead nowhere any more.
            self.meant = self._called()
        while self.meant.lookups:
            waiting = dict(self.meant.lookups)
            size = self.destination.limits.lookups_per_call
            keys = list(waiting)
            for start in range(0, len(keys), size):
                self._ask({key: waiting[key] for key in keys[start : start + size]})
            self.meant = self._called()

    def _ask(self, chunk: dict[str, Lookup]) -> None:
        self.progress(f"{self.destination.name}: looking up {len(chunk):,} people …")
        self.budget.allow()
        try:
            answers = self.destination.resolve(list(chunk.values()))
        finally:
            self.budget.settle()
        with self.state.transaction():
            self.state.targets.resolved(
                self.destination.name, {key: answers.get(key, ()) for key in chunk}, self._now()
            )
        self.asked |= chunk.keys()

    def _target(self) -> Target | None:
        """What stands for the audience there, made or renamed if need be."""
        name, audience = self.destination.name, self.order.audience
        known = self.state.targets.get(name, audience)
        if not self.order.mapped or (known is None and not self.meant.wishes):
            return known
        if known is not None and not self.must_prepare:
            renamed = known.name != self.order.name and self.destination.can.rename
            if not renamed and (self.compared or not self._may_compare()):
                return known
        self.budget.allow()
        try:
            target = self.destination.prepare(audience, self.order.name, known)
        finally:
            self.budget.settle()
        if known is not None and known.remote_id != target.remote_id:
            nobody_there(self.state, name, audience, target, self._now())
            self.report.flags.append(
                f"{known.name!r} was not there any more; it was made again and filled anew"
            )
            self.compared = False
        else:
            with self.state.transaction():
                self.state.targets.put(name, audience, target)
        self.must_prepare = False
        return target

    def _made_anew(self, problem: Unavailable) -> bool:
        """After a call that failed: whether the list was gone, and another round may start at once."""
        if problem.code != GONE:
            return False
        if not self.order.mapped:
            nobody_there(self.state, self.destination.name, self.order.audience, None, self._now())
            return True
        known = self.state.targets.get(self.destination.name, self.order.audience)
        self.must_prepare = True
        self._target()
        now = self.state.targets.get(self.destination.name, self.order.audience)
        return known is None or now is None or known.remote_id != now.remote_id

    def _forget_what_is_nowhere(self) -> None:
        nobody_there(self.state, self.destination.name, self.order.audience, None, self._now())
        rows = self.state.ledger.of(self.destination.name, self.order.audience)
        with self.state.transaction():
            self.state.ledger.drop(rows.values())

    # ------------------------------------------------------------ the end

    def _end(self, trouble: Problem | None) -> DeliveryReport:
        report, order, name = self.report, self.order, self.destination.name
        rows = self.state.ledger.of(name, order.audience)
        there = {
            wish.entity for one, wish in self.meant.wishes.items() if one in rows and rows[one].confirmed
        }
        standing = self.state.outbox.refused(name, order.audience)
        report.added, report.removed = len(self.post.added), len(self.post.removed - there)
        report.unchanged = len(there - self.post.added)
        report.excluded = len(order.excluded.keys() | self.meant.without.keys() | self.post.blocked.keys())
        report.refused = sum(self.post.refused.values())
        report.waiting = len(self.state.outbox.open(name, order.audience))
        report.calls = self.budget.used
        report.problem = trouble
        report.flags += [f"{count:,} refused: {words}" for words, count in self.post.refused.most_common(5)]
        stays = sum(one in self.meant.wishes for one in standing) - report.refused
        if stays > 0:
            report.flags.append(stays_refused(stays))
        if 0 < len(there) < self.destination.limits.least:
            report.flags.append(too_small(len(there), self.destination.limits.least))
        if trouble is not None:
            report.flags.append(trouble.text)
        self._name_state(len(there), people((one, row.entity) for one, row in rows.items() if row.confirmed))
        return self._kept()

    def _name_state(self, wanted_there: int, there: int) -> None:
        report = self.report
        if report.problem is not None and not isinstance(report.problem, Unavailable):
            report.state = "failed"
        elif report.failed:
            report.state = "waiting"
        elif not self.order.mapped:
            report.state = "kept" if there else "emptied"
        elif report.added or report.removed:
            report.state = "delivered"
        else:
            report.state = "up to date" if wanted_there else "empty"

    def _kept(self) -> DeliveryReport:
        with self.state.transaction():
            self.state.targets.report(
                self.destination.name, self.order.audience, self._now(), self.report.to_json()
            )
        return self.report

    def _now(self) -> int:
        return epoch_ms(self.clock.now())
