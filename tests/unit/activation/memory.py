"""A vendor in memory, with the faults of real ones: unheard calls, refusals, pleas for time, lost lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from townsend.activation.contract import (
    Address,
    Can,
    Done,
    Later,
    Limits,
    Lookup,
    Member,
    Outcome,
    Parcel,
    Refusal,
    Target,
    gone,
)
from townsend.intake.rules import epoch_ms
from townsend.problem import Unavailable

__all__ = ["Crash", "MemoryDestination", "MemoryVendor", "TestClock", "email"]


class Crash(BaseException):
    """The process dies: nothing may catch this."""


class TestClock:
    """A clock that stands still but for sleep."""

    __test__ = False

    def __init__(self, at: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)) -> None:
        self.at = at
        self.slept = 0.0

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.slept += seconds


def email(number: int) -> str:
    return f"p{number}@townsend.com"


@dataclass
class MemoryVendor:
    """The far end: lists of identifiers, and what goes wrong next.

    Args:
        asks: members are called by ids that must be looked up by e-mail first.
        faults: what the next sending calls do: ``heard`` and ``unheard`` answer nothing, ``crash`` ends the
            process after the call, ``later`` takes nothing, ``gone`` says the list is not there.
        refuses: identifiers it says no to, with its words.
        strangers: identifiers it does not have.
    """

    can: Can = field(default_factory=lambda: Can(read_back=True))
    limits: Limits = field(default_factory=lambda: Limits(per_call=3, lookups_per_call=2))
    asks: bool = False
    on_unmap: Literal["remove", "keep"] = "remove"
    clock: TestClock = field(default_factory=TestClock)
    lists: dict[str, set[str]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)
    log: list[tuple[str, str]] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    calls: int = 0

    def destination(self) -> MemoryDestination:
        return MemoryDestination(self)

    def member(self, number: int) -> Member:
        return Member(number, {"Email": [email(number)]})

    def there(self, name: str) -> set[int]:
        return {int(one.removeprefix("p").partition("@")[0]) for one in self.emails(name)}

    def emails(self, name: str) -> set[str]:
        found = [self.lists[one] for one, called in self.names.items() if called == name]
        return {one.removeprefix("id:") for members in found for one in members}

    def lose(self, name: str) -> None:
        for one in [one for one, called in self.names.items() if called == name]:
            del self.lists[one], self.names[one]

    def fail(self, calls: int, *, heard: bool) -> None:
        self.faults = ["heard" if heard else "unheard"] * calls

    def sent(self) -> list[tuple[str, int]]:
        numbers = [(action, one.removeprefix("id:")) for action, one in self.log]
        return [(action, int(one[1:].partition("@")[0])) for action, one in numbers]


class MemoryDestination:
    """The connector of the vendor in memory."""

    name = "memory"
    account = "memory:1"
    action = "marketing.email"
    spaces: tuple[str, ...] = ("Email",)
    fields: tuple[str, ...] = ()

    def __init__(self, vendor: MemoryVendor) -> None:
        self.vendor = vendor
        self.can = vendor.can
        self.limits = vendor.limits
        self.on_unmap: Literal["remove", "keep"] = vendor.on_unmap

    @property
    def calls(self) -> int:
        return self.vendor.calls

    def address(self, member: Member, known: Mapping[str, Sequence[str]], unknown: frozenset[str]) -> Address:
        values = [value for space in self.spaces for value in member.identities.get(space, ())]
        if not self.vendor.asks:
            return Address({one: f"Email:{one}" for one in values if one not in unknown})
        found = {
            one: f"Email:{v}" for v in values for one in known.get(f"Email:{v}", ()) if one not in unknown
        }
        lookups = tuple(Lookup("Email", v) for v in values if f"Email:{v}" not in known)
        return Address(found, lookups)

    def identity_of(self, identifier: str) -> tuple[str, str] | None:
        return None if self.vendor.asks else ("Email", identifier)

    def check(self) -> list[str]:
        return []

    def prepare(self, audience: str, name: str, known: Target | None) -> Target:
        vendor = self.vendor
        vendor.calls += 1
        if known is not None and known.remote_id in vendor.lists:
            vendor.names[known.remote_id] = name
            return Target(known.remote_id, name, known.ours, known.created_ms)
        for number, called in vendor.names.items():
            if called == name:
                return Target(number, name, True, epoch_ms(vendor.clock.now()))
        number = str(100 + len(vendor.names) + len(vendor.log))
        vendor.lists[number], vendor.names[number] = set(), name
        return Target(number, name, True, epoch_ms(vendor.clock.now()))

    def resolve(self, lookups: Sequence[Lookup]) -> dict[str, tuple[str, ...]]:
        assert len(lookups) <= self.limits.lookups_per_call
        self.vendor.calls += 1
        self.vendor.looked_up += [one.value for one in lookups]
        return {
            f"{one.space}:{one.value}": (f"id:{one.value}",)
            for one in lookups
            if one.value not in self.vendor.strangers
        }

    def send(self, target: Target, parcels: Sequence[Parcel]) -> list[Outcome]:
        vendor = self.vendor
        assert 0 < len(parcels) <= self.limits.per_call
        vendor.calls += 1
        fault = vendor.faults.pop(0) if vendor.faults else "none"
        if fault == "gone" or target.remote_id not in vendor.lists:
            vendor.lists.pop(target.remote_id, None)
            vendor.names.pop(target.remote_id, None)
            raise gone(self.name, "the list")
        if fault == "unheard":
            raise Unavailable("destination.unreachable", "the vendor does not answer")
        if fault == "later":
            return [Later("busy")] * len(parcels)
        outcomes = [self._take(vendor.lists[target.remote_id], parcel) for parcel in parcels]
        if fault == "crash":
            raise Crash
        if fault == "heard":
            raise Unavailable("destination.unreachable", "the vendor does not answer")
        return outcomes

    def _take(self, members: set[str], parcel: Parcel) -> Outcome:
        assert self.can.together or len(parcel.identifiers) == 1
        for one in parcel.identifiers:
            if one in self.vendor.refuses:
                return Refusal("list.invalid", self.vendor.refuses[one])
            if one in self.vendor.strangers:
                return Refusal("unknown", "no such person")
        there = [one in members for one in parcel.identifiers]
        if parcel.action == "add":
            self.vendor.log += [("add", one) for one in parcel.identifiers if one not in members]
            members.update(parcel.identifiers)
            return Done(already=all(there))
        self.vendor.log += [("remove", one) for one in parcel.identifiers if one in members]
        members.difference_update(parcel.identifiers)
        return Done(already=not any(there))

    def there(self, target: Target, identifiers: Sequence[str]) -> set[str]:
        assert self.can.read_back
        self.vendor.calls += 1
        return self._members(target) & set(identifiers)

    def read_back(self, target: Target) -> Iterator[str]:
        assert self.can.read_back
        self.vendor.calls += 1
        yield from sorted(self._members(target))

    def _members(self, target: Target) -> set[str]:
        if target.remote_id not in self.vendor.lists:
            raise gone(self.name, "the list")
        return self.vendor.lists[target.remote_id]

    def close(self) -> None:
        return None
