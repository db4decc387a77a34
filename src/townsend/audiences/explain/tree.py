"""An explanation as data: one condition for each part of the definition, with what was found there.

Only facts and codes live here; the words for people are in ``words``, so that they can be translated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from townsend.audiences.reference.world import Key

__all__ = [
    "Alternative",
    "Change",
    "Condition",
    "Evidence",
    "Explanation",
    "Finding",
    "Kind",
    "Wanted",
    "iso",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Kind = Literal[
    "all",
    "any",
    "not",
    "segment",
    "listed",
    "compare",
    "text",
    "in",
    "set",
    "null",
    "truth",
    "some",
    "time",
    "chain",
    "step",
    "value",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found out, such as how much is missing; ``words`` has the sentence for its code."""

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code, **{name: plain(value) for name, value in self.facts.items()}}


@dataclass(frozen=True, slots=True)
class Evidence:
    """An entity, relation row or event that was looked at, and where it came from.

    Args:
        cls: its class; ``item`` for an item of an array.
        id: its id; the place in the array for an item.
        name: what a person would call it.
        keys: own keys and sources of the records behind it.
        at_ms: when it happened, if it has a time.
        value: what it added, in an aggregate.
        counts: False for what was looked at and left out.
        values: what a condition asks of it, by path; told of members only.
        because: how it meets conditions about records of its own; told of members only.
    """

    cls: str
    id: int
    name: str | None = None
    keys: tuple[Key, ...] = ()
    at_ms: int | None = None
    value: Any = None
    counts: bool = True
    values: Mapping[str, Any] = field(default_factory=dict)
    because: tuple[Condition, ...] = ()

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"class": self.cls, "id": self.id, "name": self.name, "counts": self.counts}
        found["records"] = [{"key": key.value, "source": key.source} for key in self.keys]
        if self.at_ms is not None:
            found["at"] = iso(self.at_ms)
        if self.value is not None:
            found["value"] = plain(self.value)
        if self.values:
            found["values"] = plain(self.values)
        if self.because:
            found["because"] = [one.to_json() for one in self.because]
        return found


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a measured value is held against."""

    op: str
    value: Any

    def to_json(self) -> dict[str, Any]:
        return {"op": self.op, "value": plain(self.value)}


@dataclass(frozen=True, slots=True)
class Alternative:
    """One item that might have counted, and the condition about it."""

    item: Evidence
    condition: Condition

    def to_json(self) -> dict[str, Any]:
        return {"item": self.item.to_json(), "condition": self.condition.to_json()}


@dataclass(frozen=True, slots=True)
class Condition:
    """A part of the definition, and how it stands.

    Args:
        kind: what it is.
        text: as written.
        holds: whether it is met.
        measured: the value found, if there is one.
        wanted: what it was compared with.
        computed: what computed fields in it are made of.
        missing: why it is not met; empty if it is.
        evidence: what counted, most telling first; ``more`` others are left out.
        through: what was passed on the way there, such as accounts on the way to opportunities.
        parts: the conditions it is made of.
        alternatives: items that came closest without counting; ``more_alternatives`` others are left out.
    """

    kind: Kind
    text: str
    holds: bool
    measured: Any = None
    wanted: Wanted | None = None
    computed: tuple[Finding, ...] = ()
    missing: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    more: int = 0
    through: tuple[Evidence, ...] = ()
    parts: tuple[Condition, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    more_alternatives: int = 0

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"kind": self.kind, "text": self.text, "holds": self.holds}
        if self.wanted is not None:
            found |= {"measured": plain(self.measured), "wanted": self.wanted.to_json()}
        elif self.measured is not None:
            found["measured"] = plain(self.measured)
        for name in ("computed", "missing", "evidence", "through", "parts", "alternatives"):
            if getattr(self, name):
                found[name] = [one.to_json() for one in getattr(self, name)]
        if self.more:
            found["more"] = self.more
        if self.more_alternatives:
            found["more_alternatives"] = self.more_alternatives
        return found


@dataclass(frozen=True, slots=True)
class Change:
    """When the answer changes by time alone, and because of what.

    Args:
        at_ms: the first instant of the new answer.
        holds: the new answer.
        because: the conditions that change, as written; none if the entity itself begins or ends.
        entering: what counts from then on.
        leaving: what no longer does.
    """

    at_ms: int
    holds: bool
    because: tuple[str, ...] = ()
    entering: tuple[Evidence, ...] = ()
    leaving: tuple[Evidence, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "at": iso(self.at_ms),
            "member": self.holds,
            "because": list(self.because),
            "entering": [one.to_json() for one in self.entering],
            "leaving": [one.to_json() for one in self.leaving],
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an entity is a member or not.

    Args:
        of: who it is about.
        now_ms: the instant of the answer.
        holds: the answer.
        exists: False if there is no such entity (yet).
        condition: the definition, condition by condition.
        change: when the answer changes if nothing happens; None if never, as far as was searched.
        searched_until_ms: the search went no further than this; None if it was complete.
    """

    of: Evidence
    now_ms: int
    holds: bool
    exists: bool
    condition: Condition
    change: Change | None
    searched_until_ms: int | None = None

    @property
    def changes_at(self) -> datetime | None:
        """The next instant at which the answer is another one if nothing happens, in UTC.

        None if there is none, as far as was searched; never later than a datetime can say.
        """
        if self.change is None:
            return None
        try:
            return EPOCH + timedelta(milliseconds=self.change.at_ms)
        except OverflowError:
            return datetime.max.replace(tzinfo=UTC)

    def missing(self) -> Iterator[tuple[Condition, Finding]]:
        """What keeps a non-member out: each unmet condition that matters, with its findings."""
        if not self.holds:
            yield from _missing(self.condition)

    def to_json(self) -> dict[str, Any]:
        """Plain values only; instants as ISO 8601, exact numbers as JSON numbers where doubles hold them."""
        return {
            "class": self.of.cls,
            "id": self.of.id,
            "name": self.of.name,
            "records": self.of.to_json()["records"],
            "at": iso(self.now_ms),
            "exists": self.exists,
            "member": self.holds,
            "changes_at": None if self.change is None else iso(self.change.at_ms),
            "change": None if self.change is None else self.change.to_json(),
            "searched_until": None if self.searched_until_ms is None else iso(self.searched_until_ms),
            "condition": self.condition.to_json(),
        }

    def lines(self) -> list[str]:
        """The same for a terminal, in English."""
        from townsend.audiences.explain.lines import lines

        return lines(self)


def _missing(condition: Condition) -> Iterator[tuple[Condition, Finding]]:
    if condition.holds:
        return
    for finding in condition.missing:
        yield condition, finding
    for part in condition.parts:
        yield from _missing(part)


def iso(ms: int) -> str:
    """ISO 8601 in UTC, with milliseconds only where there are some; a number beyond the years 1 to 9999."""
    try:
        moment = EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        return str(ms)
    return moment.isoformat(timespec="milliseconds" if ms % 1000 else "seconds").replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """A value for JSON: a decimal becomes a number if it survives that, else its digits as text."""
    if isinstance(value, Decimal):
        if value == value.to_integral_value():
            return int(value)
        return float(value) if Decimal(repr(float(value))) == value else str(value.normalize())
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value
