"""The unified view of one entity: what is known, who said so, what it belongs to.

What audiences see and what this shows are the same rows; the view adds where each value comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from townsend.identity import IdentityRules
from townsend.model import Edge, EntityClass
from townsend.profiles.find import find
from townsend.profiles.graph import GraphView, graph_view
from townsend.profiles.relations import follow, ways_to
from townsend.profiles.rules import MergePolicy
from townsend.profiles.values import Value, instant, merged_values, plain, shown
from townsend.store.facts import Facts

if TYPE_CHECKING:
    from townsend.profiles.unified import Unified

__all__ = ["EntityView", "GraphView", "find", "graph_view", "view"]

RELATED_MAX = 1_000  # more entities of one relationship are counted, not listed
SHOWN = 10
_NAMES = (
    "accountName",
    "workEmail.address",
    "opportunityName",
    "campaignName",
    "marketingListName",
    "topicName",
    "eventType",
)


@dataclass(frozen=True)
class Record:
    """One record behind an entity."""

    key: str
    source: str
    at: datetime

    def to_json(self) -> dict[str, Any]:
        return {"key": self.key, "source": self.source, "at": self.at}


@dataclass(frozen=True)
class Related:
    """What one relationship leads to.

    Args:
        count: how many.
        items: the first of them: id, what it is called if it has a name, and by which ways it is reached.
    """

    cls: str
    count: int
    items: tuple[tuple[int, str | None, tuple[str, ...]], ...]

    def to_json(self) -> dict[str, Any]:
        items = [
            {"id": one, **({"name": name} if name else {}), **({"via": list(ways)} if ways else {})}
            for one, name, ways in self.items
        ]
        return {"class": self.cls, "count": self.count, "items": items}


@dataclass(frozen=True)
class EntityView:
    """One entity.

    Args:
        cls: its class.
        id: its id.
        retired: it has no live record any more.
        since: since when somebody known from events alone is known.
        now: the instant of the view.
        identities: namespace to values, both sorted.
        records: the records behind it.
        values: field to merged value.
        related: relationship to what it leads to now.
    """

    cls: str
    id: int
    retired: bool
    since: datetime | None
    now: datetime
    identities: Mapping[str, list[str]]
    records: tuple[Record, ...]
    values: Mapping[str, Value]
    related: Mapping[str, Related] = field(default_factory=dict)

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
            "identities": dict(self.identities),
            "records": [one.to_json() for one in self.records],
            "values": {path: one.to_json() for path, one in self.values.items()},
            "related": {name: one.to_json() for name, one in self.related.items()},
        }

    def lines(self) -> list[str]:
        """For a terminal."""
        found = [f"{self.cls} {self.id}{', retired' if self.retired else ''} at {shown(self.now)}"]
        if self.since is not None:
            found.append(f"known from events alone, since {shown(self.since)}")
        found += [f"  {space}: {', '.join(values)}" for space, values in self.identities.items()]
        found += ["", "records"] if self.records else []
        found += [f"  {one.key}  from {one.source}, {shown(one.at)}" for one in self.records]
        found += ["", "values"] if self.values else []
        for path, one in self.values.items():
            found.append(f"  {path} = {shown(one.value)}  from {one.winner.source}, {shown(one.winner.at)}")
            word = "with" if one.together else "not"
            found += [
                f"      {word} {shown(lost.value)}  from {lost.source}, {shown(lost.at)}"
                for lost in one.others
            ]
        found += ["", "related"] if self.related else []
        for name, related in self.related.items():
            listed = ", ".join(_called(item) for item in related.items[:SHOWN])
            more = " …" if related.count > SHOWN else ""
            found.append(f"  {name}: {related.count:,} of class {related.cls}: {listed}{more}")
        return found


def _called(item: tuple[int, str | None, tuple[str, ...]]) -> str:
    one, name, ways = item
    return f"{one}{f' {name}' if name else ''}{f' ({chr(44).join(ways)})' if ways else ''}"


def view(
    unified: Unified,
    facts: Facts,
    identity: IdentityRules,
    merge: Mapping[str, MergePolicy],
    cls: str,
    entity: int,
) -> EntityView:
    """The view of an entity, or of an event by its row id.

    Args:
        unified: the world the entity is in.
        facts: its store.
        identity: the rules that the world was made by …
        merge: … and the merge policies.
        cls: class name.
        entity: id, as ``find`` gives it.
    """
    known = unified.schema.entity_class(cls)
    row, retired = _row(unified, known, entity)
    records = _records(unified, cls, entity)
    if known.is_event:
        values = _event_values(known, row)
    else:
        keys = [n for n, _ in records]
        values = merged_values(unified, facts, identity, merge, known, row, keys, retired) if keys else {}
    first = row.get("first_ms")
    return EntityView(
        cls,
        entity,
        retired,
        None if first is None else instant(first),
        instant(unified.now_ms),
        _identities(unified, known, entity, row),
        tuple(record for _, record in records),
        values,
        _related(unified, cls, entity),
    )


def _row(unified: Unified, cls: EntityClass, entity: int) -> tuple[dict[str, Any], bool]:
    tables = [(f'{unified.name}."{cls.name}"', False), (f'{unified.name}."{cls.name}_retired"', True)]
    if cls.is_event:
        tables = [(f'facts."{cls.name}"', False)]
    for table, retired in tables:
        if retired and not _there(unified, cls.name + "_retired"):
            continue
        found = unified.con.execute(
            f"SELECT * FROM {table} WHERE {'rowid' if cls.is_event else 'id'} = ?", [entity]
        )
        names = [one[0] for one in found.description or ()]
        for row in found.fetchall():
            return dict(zip(names, row, strict=True)), retired
    raise KeyError(entity)


def _there(unified: Unified, table: str) -> bool:
    place = unified.name.partition(".")[0]
    found = unified.con.execute(
        "SELECT 1 FROM duckdb_tables() WHERE table_name = ? AND ? IN (schema_name, database_name)",
        [table, place],
    ).fetchall()
    return bool(found)


def _records(unified: Unified, cls: str, entity: int) -> list[tuple[int, Record]]:
    rows = unified.con.execute(
        f"SELECT s.n, d.value, s.source, s.at_ms FROM {unified.name}.source s JOIN facts.number d USING (n) "
        "WHERE s.class = ? AND s.id = ? ORDER BY s.n",
        [cls, entity],
    ).fetchall()
    return [(int(n), Record(key, source, instant(at_ms))) for n, key, source, at_ms in rows]


def _event_values(cls: EntityClass, row: Mapping[str, Any]) -> dict[str, Value]:
    from townsend.profiles.values import Said

    key, at = str(row[cls.id_field or "_id"]), instant(row["accepted_ms"])
    values = {}
    for path in [*cls.shape.names(), "extra"]:
        if row.get(path) is not None:
            value = plain(cls, path, row[path])
            values[path] = Value(value, Said(value, row["source"], key, at), ())
    return values


def _identities(
    unified: Unified, cls: EntityClass, entity: int, row: Mapping[str, Any]
) -> dict[str, list[str]]:
    if cls.is_event:
        return {"event": [str(row[cls.id_field or "_id"])]}
    rows = unified.con.execute(
        f"SELECT space, list_sort(list(DISTINCT value)) FROM {unified.name}.identity "
        "WHERE class = ? AND id = ? GROUP BY space ORDER BY space",
        [cls.name, entity],
    ).fetchall()
    return {space: list(values) for space, values in rows}


def _related(unified: Unified, cls: str, entity: int) -> dict[str, Related]:
    found = {}
    for relationship in unified.schema.relationships_of(cls):
        ids = follow(unified, relationship, [entity])
        if not ids:
            continue
        ways: dict[int, list[str]] = {}
        if isinstance(relationship.plan, Edge) and relationship.plan.via and not relationship.plan.backward:
            ways = ways_to(unified, entity, relationship.plan.table)
        listed = ids[:RELATED_MAX]
        names = _names(unified, relationship.far, listed)
        items = tuple((one, names.get(one), tuple(ways.get(one, ()))) for one in listed)
        found[relationship.name] = Related(relationship.far, len(ids), items)
    return found


def _names(unified: Unified, cls: str, ids: list[int]) -> dict[int, str]:
    """What entities are called, as far as their class has a name."""
    known = unified.schema.classes[cls]
    table = f'facts."{cls}"' if known.is_event else f'{unified.name}."{cls}"'
    columns = {str(row[0]) for row in unified.con.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()}
    names = [f'"{name}"' for name in _NAMES if name in columns and name in known.shape.leaves]
    if not names:
        return {}
    key = "rowid" if known.is_event else "id"
    rows = unified.con.execute(
        f"SELECT {key}, coalesce({', '.join(names)}) FROM {table} WHERE {key} IN (SELECT unnest($ids))",
        {"ids": ids},
    ).fetchall()
    return {int(one): name for one, name in rows if name is not None}
