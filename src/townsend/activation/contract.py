"""What a destination is: one file, one class, no inheritance; everything hard is done around it.

A destination says what it can, what its limits are, how it calls a person, and translates between our words
and the vendor's. Ids stored before sending, comparing, batching, resuming after a crash, retries, reports and
progress are ours, once, for all of them. Our own destinations use the same door as a stranger's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from townsend.problem import Unavailable
from townsend.store.state_outbox import Action
from townsend.store.state_targets import Target

__all__ = [
    "Action",
    "Address",
    "Can",
    "Destination",
    "Done",
    "Later",
    "Limits",
    "Lookup",
    "Member",
    "Outcome",
    "Parcel",
    "Refusal",
    "Target",
    "gone",
]

SECONDS_PER_CALL = 0.3  # what one call takes at a calm vendor; only forecasts use it
UNKNOWN_THERE = "unknown"  # the code of a refusal that says: no such person here


@dataclass(frozen=True, slots=True)
class Limits:
    """A vendor's limits, by name.

    Args:
        per_call: parcels in one call.
        lookups_per_call: values asked for in one call.
        calls: calls allowed in ``window_s`` seconds.
        per_day: calls allowed a day, None if the vendor states none.
        least: members below which the vendor does not use the list.
        first_s: seconds the vendor wants to have passed after a list is made.
    """

    per_call: int
    lookups_per_call: int = 1
    calls: int = 1
    window_s: float = 1.0
    per_day: int | None = None
    least: int = 0
    first_s: float = 0.0

    def seconds(self, calls: int) -> float:
        """How long so many calls take at the allowed rate, one after another."""
        windows = max(0, math.ceil(calls / self.calls) - 1)
        return max(windows * self.window_s, calls * SECONDS_PER_CALL)


@dataclass(frozen=True, slots=True)
class Can:
    """What a destination can beyond adding.

    Args:
        remove: members can be taken out again.
        rename: a list can be given another name.
        read_back: it tells who is in a list.
        together: all identifiers of a person travel in one parcel and mean one member.
        create: people it does not know can be made there, if the settings want it.
    """

    remove: bool = True
    rename: bool = True
    read_back: bool = False
    together: bool = False
    create: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """A unified person who is wanted: identity values by namespace, and the fields that were asked for."""

    id: int
    identities: Mapping[str, Sequence[str]]
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lookup:
    """A value the destination has to be asked about: its namespace, and fields in case it is to be made."""

    space: str
    value: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Address:
    """How a destination calls one person: its own identifiers, each with the identity it came from
    (``namespace:value``), and what it must be asked first."""

    identifiers: Mapping[str, str]
    lookups: tuple[Lookup, ...] = ()


@dataclass(frozen=True, slots=True)
class Parcel:
    """One thing to say about one person to a destination; one identifier without ``Can.together``."""

    action: Action
    entity: int | None
    identifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The destination has it so now; ``already``: it had it so before."""

    already: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """The destination says no to this parcel, in its own words; the others go on."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Later:
    """The destination could not take this parcel now."""

    words: str


Outcome = Done | Refusal | Later


class Destination(Protocol):
    """A place where audiences go.

    Attributes:
        name: what the project calls it.
        account: what its limits are counted by; destinations of one account share a budget.
        action: the marketing action that consent must allow, below ``consents``.
        on_unmap: what becomes of the members when an audience no longer goes there. The list itself stays.
        spaces: namespaces of identities it can use.
        fields: paths of person fields it wants to have with each member.
        calls: calls made so far.
    """

    name: str
    account: str
    action: str
    on_unmap: Literal["remove", "keep"]
    can: Can
    limits: Limits
    spaces: tuple[str, ...]
    fields: tuple[str, ...]

    @property
    def calls(self) -> int: ...

    def address(self, member: Member, known: Mapping[str, Sequence[str]], unknown: frozenset[str]) -> Address:
        """How this person is called there. Pure.

        Args:
            known: answers to earlier look-ups, by ``namespace:value``.
            unknown: identifiers the destination said it does not have.
        """
        ...

    def identity_of(self, identifier: str) -> tuple[str, str] | None:
        """The identity (namespace, value) an identifier stands for, where that can be told."""
        ...

    def check(self) -> list[str]:
        """Preflight: credentials, rights, settings. Returns remarks.

        Raises:
            Invalid: what must be changed. Unavailable: not reached.
        """
        ...

    def prepare(self, audience: str, name: str, known: Target | None) -> Target:
        """Find or make what stands for the audience, called ``name``; follow a rename.

        If ``known`` is gone there, a new one is made: the answer's ``remote_id`` differs.
        """
        ...

    def resolve(self, lookups: Sequence[Lookup]) -> dict[str, tuple[str, ...]]:
        """The destination's own ids per ``namespace:value``; none where it knows nobody."""
        ...

    def send(self, target: Target, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Say so much in one call; one outcome a parcel, in order.

        Raises:
            Unavailable: nothing is known about any of them; ``destination.gone`` if the target is not there.
        """
        ...

    def there(self, target: Target, identifiers: Sequence[str]) -> set[str]:
        """Which of these are members now. Only with ``Can.read_back``."""
        ...

    def read_back(self, target: Target) -> Iterator[str]:
        """Every member now. Only with ``Can.read_back``."""
        ...

    def close(self) -> None: ...


def gone(destination: str, what: str) -> Unavailable:
    """The list or segment is not there any more: it is made anew and filled again."""
    return Unavailable(
        "destination.gone",
        f"{destination}: {what} is not there any more; it is made again and filled from the start",
        destination=destination,
    )
