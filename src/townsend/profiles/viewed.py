"""What a view of one entity holds, as JSON and for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from townsend.intake.items import KEY_PARTS
from townsend.profiles.values import Value, shown

__all__ = ["Computed", "EntityView", "Membership", "Record", "Related", "RelatedItem"]

SHOWN = 10  # related entities in a terminal's line; all accounts are


@dataclass(frozen=True)
class Record:
    """One record behind an entity."""

    key: str
    source: str
    at: datetime

    def to_json(self) -> dict[str, Any]:
        return {"key": self.key, "source": self.source, "at": self.at}


@dataclass(frozen=True)
class RelatedItem:
    """An entity that a relationship leads to.

    Args:
        name: what it is called, if it has a name.
        via: the ways by which it is reached, if there are several.
        at: when it happened, for an event.
    """

    id: int
    name: str | None = None
    via: tuple[str, ...] = ()
    at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"id": self.id}
        found |= {"name": self.name} if self.name else {}
        found |= {"via": list(self.via)} if self.via else {}
        return found | ({"at": self.at} if self.at is not None else {})

    def __str__(self) -> str:
        words = [str(self.id), self.name or "", "" if self.at is None else shown(self.at)]
        words.append(f"({', '.join(self.via)})" if self.via else "")
        return " ".join(filter(None, words))


@dataclass(frozen=True)
class Related:
    """What one relationship leads to.

    Args:
        count: how many.
        items: of many, the first; of many events, those that came last.
    """

    cls: str
    count: int
    items: tuple[RelatedItem, ...]

    def to_json(self) -> dict[str, Any]:
        return {"class": self.cls, "count": self.count, "items": [one.to_json() for one in self.items]}


@dataclass(frozen=True)
class Membership:
    """An audience that the entity is in, as last recorded.

    Args:
        since: since when.
        version: of the definition by which.
    """

    audience: str
    since: datetime
    version: str

    def to_json(self) -> dict[str, Any]:
        return {"audience": self.audience, "since": self.since, "version": self.version}


@dataclass(frozen=True)
class Computed:
    """What a computed field is worth.

    Args:
        text: how it is worked out.
        value: None if it is null, or if nobody can say.
        parts: what the text adds, multiplies and so on, each as written, and its worth.
        wrong: why nobody can say.
    """

    text: str
    value: Any
    parts: tuple[tuple[str, Any], ...] = ()
    wrong: str | None = None

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"value": self.value, "pql": self.text}
        if self.parts:
            found["parts"] = [{"pql": text, "value": worth} for text, worth in self.parts]
        return found if self.wrong is None else {**found, "wrong": self.wrong}


@dataclass(frozen=True)
class EntityView:
    """One entity.

    Args:
        cls: its class.
        id: its id.
        retired: it has no live record any more.
        since: since when somebody known from events alone is known.
        now: the instant of the view.
        policy: the merge policy of the values; None for the class's own.
        identities: namespace to values, both sorted.
        records: the records behind it.
        values: field to merged value.
        related: relationship to what it leads to now.
        computed: computed field to what it is worth now.
        audiences: those it is in, by name.
    """

    cls: str
    id: int
    retired: bool
    since: datetime | None
    now: datetime
    policy: str | None
    identities: Mapping[str, list[str]]
    records: tuple[Record, ...]
    values: Mapping[str, Value]
    related: Mapping[str, Related] = field(default_factory=dict)
    computed: Mapping[str, Computed] = field(default_factory=dict)
    audiences: tuple[Membership, ...] = ()

    def value(self, path: str) -> Any:
        """A merged value; None if nobody says anything about the field."""
        found = self.values.get(path)
        return None if found is None else found.value

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "class": self.cls,
            "retired": self.retired,
            "since": self.since,
            "now": self.now,
            "policy": self.policy,
            "identities": dict(self.identities),
            "records": [one.to_json() for one in self.records],
            "values": {path: one.to_json() for path, one in self.values.items()},
            "computed": {name: one.to_json() for name, one in self.computed.items()},
            "related": {name: one.to_json() for name, one in self.related.items()},
            "audiences": [one.to_json() for one in self.audiences],
        }

    def lines(self) -> list[str]:
        """For a terminal."""
        policy = f" under {self.policy}" if self.policy else ""
        retired = ", retired" if self.retired else ""
        found = [f"{self.cls} {self.id}{retired} at {shown(self.now)}{policy}"]
        if self.since is not None:
            found.append(f"known from events alone, since {shown(self.since)}")
        found += [f"  {space}: {', '.join(values)}" for space, values in self.identities.items()]
        found += ["", "records"] if self.records else []
        found += [f"  {one.key}  from {one.source}, {shown(one.at)}" for one in self.records]
        found += ["", "values"] if self.values else []
        for path, value in self.values.items():
            # The text of a key says what its parts say.
            around, _, last = path.rpartition(".")
            if last not in KEY_PARTS or f"{around}.sourceKey" not in self.values:
                found += value.lines(path)
        found += ["", "computed"] if self.computed else []
        for name, worth in self.computed.items():
            found.append(f"  {name} = {shown(worth.value)}{f'  ({worth.wrong})' if worth.wrong else ''}")
            found += [f"      {' '.join(text.split())} is {shown(part)}" for text, part in worth.parts]
        found += ["", "related"] if self.related else []
        for name, related in self.related.items():
            most = related.count if name == "accounts" else SHOWN
            listed = ", ".join(map(str, related.items[:most]))
            more = " …" if related.count > len(related.items[:most]) else ""
            found.append(f"  {name}: {related.count:,} of class {related.cls}: {listed}{more}")
        found += ["", "audiences"] if self.audiences else []
        found += [f"  {one.audience}  since {shown(one.since)}" for one in self.audiences]
        return found
