"""A unified world while it is being made: where it is read from and written to, and what is known so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from townsend.identity import IdentityRules
from townsend.identity.entities import Entities
from townsend.identity.moment import Moment
from townsend.identity.versions import Versions
from townsend.model import EntityClass, Reference, Schema
from townsend.profiles.report import Report
from townsend.profiles.rules import MergePolicy, MoneyRules
from townsend.store.facts_schema import identifier

__all__ = ["Bounds", "Making", "acting_class", "reference_column"]


@dataclass
class Bounds:
    """The instants for which what is made holds: ``since_ms <= now < until_ms``; None is open."""

    since_ms: int | None = None
    until_ms: int | None = None

    def narrow(self, low: int | None, high: int | None) -> None:
        """Take one more pair of boundaries into account: the last one up to now, the first one after."""
        if low is not None:
            self.since_ms = low if self.since_ms is None else max(low, self.since_ms)
        if high is not None:
            self.until_ms = high if self.until_ms is None else min(high, self.until_ms)


@dataclass
class Making:
    """What every part of the making needs.

    Args:
        moment: what is read; its connection is also written by.
        name: prefix of the tables that are made, quoted.
        identity: linking rules.
        merge: merge policy of each class; the default policy for others.
        money: what amounts are worth.
        versions: class to its current versions.
        entities: class to who is whom.
        several: classes, and whether it is their retired entities, some of which have several records.
        others: classes of which there are entities elsewhere, with the ids of some numbers of theirs.
        bounds: instants for which what is made holds.
        report: what somebody should look at.
    """

    moment: Moment
    name: str
    identity: IdentityRules
    merge: Mapping[str, MergePolicy]
    money: MoneyRules
    versions: dict[str, Versions] = field(default_factory=dict)
    entities: dict[str, Entities] = field(default_factory=dict)
    several: set[tuple[str, bool]] = field(default_factory=set)
    others: frozenset[str] = frozenset()
    bounds: Bounds = field(default_factory=Bounds)
    report: Report = field(default_factory=Report)

    @property
    def schema(self) -> Schema:
        return self.moment.schema

    def table(self, name: str) -> str:
        """The name of a table of the world, for SQL."""
        return f"{self.name}.{identifier(name)}"

    def shared(self, cls: str, retired: bool) -> bool:
        """Whether an entity of the class, live or retired, has several records."""
        return (cls, retired) in self.several

    def classes(self) -> list[EntityClass]:
        """The classes that have entities, in the order of the schema."""
        return [self.schema.classes[name] for name in self.schema.classes if name in self.entities]

    def known(self) -> set[str]:
        """The classes of which there are entities, here or elsewhere."""
        return {*self.entities, *self.others}

    def policy(self, cls: str) -> MergePolicy:
        return self.merge.get(cls, MergePolicy())


def acting_class(schema: Schema) -> str | None:
    """The class of those who act in events; None if no class of events names anybody."""
    for cls in schema.classes.values():
        for reference in cls.references.values() if cls.is_event else ():
            if reference.field is None:
                return reference.to
    return None


def reference_column(cls: EntityClass, reference: Reference) -> str:
    """The column of a class that holds the key of what it refers to."""
    assert reference.field is not None
    return f"{reference.field}.sourceKey" if reference.field in cls.shape.keys else reference.field
