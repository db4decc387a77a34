"""Sending stored operations: in calls of the allowed size, each call's answers on disk before the next.

An operation is marked as sent before its call goes out. A process that dies in between leaves it so, and
the next delivery asks the destination whether it was heard, or says it again where it cannot be asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from townsend.activation.contract import (
    UNKNOWN_THERE,
    Destination,
    Done,
    Later,
    Outcome,
    Parcel,
    Refusal,
    Target,
)
from townsend.activation.operations import confirm, take_back
from townsend.clock import Clock
from townsend.intake.rules import epoch_ms
from townsend.problem import Broken, Unavailable
from townsend.store.state import State
from townsend.store.state_outbox import Operation, Status

__all__ = ["Budget", "Guard", "Post", "nobody_refuses"]

# Asked with entity ids right before they are sent: who must not be reached after all, and why.
Guard = Callable[[Sequence[int]], Mapping[int, str]]

_Packed = tuple[Parcel, list[Operation]]
_Item = TypeVar("_Item")


def nobody_refuses(ids: Sequence[int]) -> Mapping[int, str]:  # noqa: ARG001 - the form of a Guard
    """A guard that lets everybody through."""
    return {}


class Budget:
    """Calls of a destination's account, counted by day over all audiences."""

    def __init__(self, destination: Destination, state: State, clock: Clock) -> None:
        self._destination = destination
        self._state = state
        self._clock = clock
        self._seen = destination.calls
        self.used = 0

    def allow(self) -> None:
        """Make sure that a call is left for today.

        Raises:
            Unavailable: ``destination.quota``.
        """
        limit = self._destination.limits.per_day
        if limit is not None and self._state.targets.spent(self._destination.account, self._day()) >= limit:
            name = self._destination.name
            raise Unavailable(
                "destination.quota",
                f"{name}: the {limit:,} calls that the vendor allows a day are used; the rest waits",
                destination=name,
                limit=limit,
            )

    def settle(self) -> None:
        """Write down the calls made since the last time."""
        calls = self._destination.calls - self._seen
        self._seen += calls
        self.used += calls
        if calls:
            with self._state.transaction():
                self._state.targets.spend(self._destination.account, self._day(), calls)

    def _day(self) -> str:
        return self._clock.now().date().isoformat()


@dataclass
class Post:
    """What went out for one activation, and what came back."""

    destination: Destination
    state: State
    clock: Clock
    budget: Budget
    guard: Guard = nobody_refuses
    added: set[int | str] = field(default_factory=set)
    removed: set[int | str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)
    blocked: dict[int, str] = field(default_factory=dict)
    later: int = 0
    unknown: int = 0
    doubtful: set[str] = field(default_factory=set)

    def send(self, target: Target, operations: Iterable[Operation]) -> None:
        """Send these, removals first, and keep every answer.

        Raises:
            Unavailable: the destination does not answer; what it was told is taken up next time.
            Broken: ``destination.outcomes``.
        """
        self.later = self.unknown = 0
        waiting = list(operations)
        if waiting:
            self.doubtful = self.state.ledger.doubtful(waiting[0].destination, waiting[0].audience)
        for action in ("remove", "add"):
            packed = self._pack([one for one in waiting if one.action == action])
            for batch in _chunks(packed, self.destination.limits.per_call):
                allowed = self._allowed(batch) if action == "add" else batch
                if allowed:
                    self._call(target, allowed)

    def settle(self, target: Target, operations: Iterable[Operation]) -> None:
        """Find out about operations without an answer; where that can't be asked, they go out again."""
        waiting = [one for one in operations if one.status == "sent"]
        if not waiting:
            return
        if not self.destination.can.read_back:
            with self.state.transaction():
                self.state.outbox.answered(((one.id, "pending", None, None) for one in waiting), self._now())
            return
        there: set[str] = set()
        for chunk in _chunks(waiting, self.destination.limits.per_call):
            self.budget.allow()
            try:
                there |= self.destination.there(target, [one.identifier for one in chunk])
            finally:
                self.budget.settle()
        heard = [one for one in waiting if (one.action == "add") == (one.identifier in there)]
        unheard = [one for one in waiting if (one.action == "add") != (one.identifier in there)]
        with self.state.transaction():
            confirm(self.state, heard, self._now())
            self.state.outbox.answered(((one.id, "pending", None, None) for one in unheard), self._now())
            self._mark(unheard, None)
        self._count(heard)

    def _allowed(self, batch: Sequence[_Packed]) -> list[_Packed]:
        ids = [parcel.entity for parcel, _ in batch if parcel.entity is not None]
        reasons = self.guard(ids)
        if not reasons:
            return list(batch)
        self.blocked |= reasons
        take_back(
            self.state,
            [one for parcel, ones in batch if parcel.entity in reasons for one in ones],
            self._now(),
        )
        return [packed for packed in batch if packed[0].entity not in reasons]

    def _call(self, target: Target, batch: Sequence[_Packed]) -> None:
        self.budget.allow()
        ready_ms = target.created_ms + int(self.destination.limits.first_s * 1_000)
        if self._now() < ready_ms:
            self.clock.sleep((ready_ms - self._now()) / 1_000)
        operations = [one for _, ones in batch for one in ones]
        with self.state.transaction():
            self.state.outbox.sending((one.id for one in operations), self._now())
            self._mark(operations, operations[0].action)
        try:
            outcomes = self.destination.send(target, [parcel for parcel, _ in batch])
        finally:
            self.budget.settle()
        if len(outcomes) != len(batch):
            raise Broken(
                "destination.outcomes",
                f"{self.destination.name}: {len(batch)} parcels were sent and {len(outcomes)} outcomes came; "
                "each parcel needs one, so nothing is taken as confirmed. Please report this",
                sent=len(batch),
                got=len(outcomes),
            )
        self._take(batch, outcomes)

    def _take(self, batch: Sequence[_Packed], outcomes: Sequence[Outcome]) -> None:
        done: list[Operation] = []
        news: list[Operation] = []
        answers: list[tuple[int, Status, str | None, str | None]] = []
        untaken: list[Operation] = []
        unknown: list[str] = []
        for (_, ones), outcome in zip(batch, outcomes, strict=True):
            match outcome:
                case Refusal(code, words) if not (code == UNKNOWN_THERE and ones[0].action == "remove"):
                    # Whoever was erased is tried again until they are out.
                    answers += [
                        (one.id, "pending" if one.erasure else "refused", code, words) for one in ones
                    ]
                    untaken += ones
                    if code == UNKNOWN_THERE:
                        unknown += [one.identifier for one in ones]
                    else:
                        self.refused[words] += len(ones)
                case Later(words):
                    answers += [(one.id, "pending", None, words) for one in ones]
                    untaken += ones
                    self.later += len(ones)
                case _:
                    # Whom a destination does not know is in none of its lists.
                    done += ones
                    news += [] if isinstance(outcome, Done) and outcome.already else ones
        with self.state.transaction():
            confirm(self.state, done, self._now())
            self.state.outbox.answered(answers, self._now())
            # A "no" to this call does not tell whether an earlier one without an answer was heard.
            self._mark([one for one in untaken if one.identifier not in self.doubtful], None)
            self.state.targets.unresolve(self.destination.name, unknown)
        self.unknown += len(unknown)
        self._count(news)

    def _mark(self, operations: Sequence[Operation], sent: str | None) -> None:
        if operations:
            place = (operations[0].destination, operations[0].audience)
            self.state.ledger.sent(*place, (one.identifier for one in operations), sent, self._now())

    def _count(self, operations: Iterable[Operation]) -> None:
        for one in operations:
            who = one.identifier if one.entity is None else one.entity
            (self.added if one.action == "add" else self.removed).add(who)

    def _pack(self, operations: Sequence[Operation]) -> list[_Packed]:
        """One parcel an identifier, or one a person where all of theirs travel together."""
        groups: dict[object, list[Operation]] = {}
        for one in operations:
            together = self.destination.can.together and one.entity is not None
            groups.setdefault(one.entity if together else ("alone", one.identifier), []).append(one)
        return [
            (Parcel(ones[0].action, ones[0].entity, tuple(one.identifier for one in ones)), ones)
            for ones in groups.values()
        ]

    def _now(self) -> int:
        return epoch_ms(self.clock.now())


def _chunks(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
