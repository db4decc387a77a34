"""A store with rows in it, and the unified world made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from townsend.identity import IdentityRules
from townsend.intake import IntakeRules, SourceTraits, accept_rows
from townsend.model import Schema, builtin_schema
from townsend.profiles import MergePolicy, MoneyRules, Unified, unify
from townsend.store.facts import Facts

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
NOW_MS = 1_773_835_200_000
DAY_MS = 86_400_000


def key(record: str, instance: str = "crm1", kind: str = "Salesforce") -> dict[str, str]:
    return {
        "sourceID": record,
        "sourceInstanceID": instance,
        "sourceType": kind,
        "sourceKey": f"{record}@{instance}.{kind}",
    }


def updated(day: int) -> dict[str, Any]:
    """An own time in March 2026."""
    return {"extSourceSystemAudit": {"lastUpdatedDate": f"2026-03-{day:02d}T00:00:00Z"}}


def person(record: str, email: str | None = None, day: int | None = None, **more: Any) -> dict[str, Any]:
    instance, _, rest = record.partition("/")
    row: dict[str, Any] = {"b2b": {"personKey": key(rest or record, instance if rest else "crm1")}}
    row["b2b"] |= more.pop("b2b", {})
    if email is not None:
        row["workEmail"] = {"address": email}
    return row | (updated(day) if day else {}) | more


def account(record: str, day: int | None = None, **more: Any) -> dict[str, Any]:
    return {"accountKey": key(record), **(updated(day) if day else {}), **more}


def opportunity(record: str, of: str | None = None, day: int | None = None, **more: Any) -> dict[str, Any]:
    row = {"opportunityKey": key(record), **(updated(day) if day else {}), **more}
    return row if of is None else row | {"accountKey": key(of)}


@dataclass
class House:
    facts: Facts
    schema: Schema = field(default_factory=builtin_schema)
    identity: IdentityRules = field(default_factory=IdentityRules)
    merge: Mapping[str, MergePolicy] = field(default_factory=dict)
    money: MoneyRules = field(default_factory=MoneyRules)

    def take(
        self, cls: str, *rows: Mapping[str, Any], source: str = "crm_1", now: datetime = NOW, **traits: Any
    ) -> None:
        fields = self.identity.fields
        blocked = self.identity.blocked_values()
        rules = IntakeRules(self.schema, tuple(one.code for one in self.identity.person), fields, blocked)
        traits_of = replace(SourceTraits(source), **traits)
        accepted = accept_rows(self.facts, rules, cls, rows, traits_of, now)
        assert accepted.quarantined == 0

    def unify(self, now: datetime = NOW, as_of: datetime | None = None) -> Unified:
        return unify(self.facts, self.schema, self.identity, self.merge, self.money, now=now, as_of=as_of)

    def rows(self, table: str, unified: Unified | None = None) -> list[dict[str, Any]]:
        """The rows of a unified table, by id; nulls left out."""
        world = unified or self.unify()
        found = self.facts.con.execute(f'SELECT * FROM {world.name}."{table}"')
        names = [one[0] for one in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        return sorted(
            ({name: value for name, value in row.items() if value is not None} for row in rows),
            key=lambda row: tuple(str(value) for value in row.values()),
        )

    def row(self, table: str, unified: Unified | None = None) -> dict[str, Any]:
        (row,) = self.rows(table, unified)
        return row

    def pairs(self, table: str, unified: Unified | None = None) -> Sequence[tuple[Any, ...]]:
        """The rows of a unified table as tuples, sorted."""
        world = unified or self.unify()
        found = self.facts.con.execute(f'SELECT * FROM {world.name}."{table}" ORDER BY ALL').fetchall()
        return [tuple(one) for one in found]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    facts = Facts.open(tmp_path / "t.duckdb")
    yield House(facts)
    facts.close()
