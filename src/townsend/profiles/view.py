"""The unified view of one entity: what is known, who said so, what it belongs to.

What audiences see and what this shows are the same rows; the view adds where each value comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from townsend.model import Edge, EntityClass
from townsend.profiles.find import find
from townsend.profiles.graph import GraphView, graph_view
from townsend.profiles.relations import Relations
from townsend.profiles.rules import MergePolicy
from townsend.profiles.shelf import Shelves, shelves_of
from townsend.profiles.values import Said, Value, instant, merged_values, plain, spelled_in
from townsend.profiles.viewed import EntityView, Record, Related, RelatedItem
from townsend.store.facts import Facts
from townsend.store.facts_matches import MATCHED
from townsend.store.facts_schema import identifier

if TYPE_CHECKING:
    from townsend.profiles.unified import Unified

__all__ = ["EntityView", "GraphView", "find", "graph_view", "view"]

RELATED_MAX = 1_000  # more entities of one relationship are counted, not listed
EVENTS_MAX = 5  # of events the ones that came last
_NAMES = (
    "accountName",
    "workEmail.address",
    "opportunityName",
    "campaignName",
    "marketingListName",
    "topicName",
    "eventType",
)


def view(
    unified: Unified,
    facts: Facts,
    policies: Mapping[str | None, Mapping[str, MergePolicy]],
    cls: str,
    entity: int,
) -> EntityView:
    """The view of an entity, or of an event by its row id.

    Args:
        unified: the world the entity is in.
        facts: its store.
        policies: name to class to merge policy; under None each class's own. The world's own is one of them.
        cls: class name.
        entity: id, as ``find`` gives it.
    """
    known, shelves = unified.schema.entity_class(cls), shelves_of(facts, unified)
    row, retired = _row(unified, shelves, known, entity)
    records = [] if known.is_event else _records(unified, shelves, cls, entity)
    if known.is_event:
        key, at = str(row[known.id_field or "_id"]), instant(row["accepted_ms"])
        values = _row_values(known, row, key, row["source"], at)
    elif records and records[0][1].key.endswith(MATCHED):
        # What matching made stands in no record; all there is to say of it is in its row.
        record = records[0][1]
        values = _row_values(known, row, record.key, record.source, record.at)
    else:
        own = {name: merge.get(cls, MergePolicy()) for name, merge in policies.items()}
        names = {n: record.key for n, record in records}
        ranked = shelves.rows(f"{unified.name}.survivor", "n", sorted(names))
        ranks = {one["n"]: one["rank"] for one in ranked if one["class"] == cls}
        as_of_ms = unified.as_of_ms
        values = (
            merged_values(shelves, known, row, names, own, unified.policy, as_of_ms, ranks) if names else {}
        )
    first = row.get("first_ms")
    return EntityView(
        cls,
        entity,
        retired,
        None if first is None else instant(first),
        instant(unified.now_ms),
        unified.policy,
        _identities(unified, shelves, known, entity, row),
        tuple(record for _, record in records),
        values,
        _related(unified, shelves, cls, entity),
    )


def _row(unified: Unified, shelves: Shelves, cls: EntityClass, entity: int) -> tuple[dict[str, Any], bool]:
    if cls.is_event:
        return _event(shelves, cls, "*", [entity])[0], False
    for suffix, retired in (("", False), ("_retired", True)):
        for row in shelves.rows(f"{unified.name}.{identifier(cls.name + suffix)}", "id", [entity]):
            return row, retired
    raise KeyError(entity)


def _records(unified: Unified, shelves: Shelves, cls: str, entity: int) -> list[tuple[int, Record]]:
    rows = shelves.rows(_of_class(unified, "source", "id, n, source, at_ms", cls), "id", [entity])
    # Together with those that answers list, which are asked for next.
    names = shelves.identities([row["n"] for row in (*rows, *_shown(unified, shelves, cls, entity))])
    found = [(row["n"], Record(names[row["n"]][1], row["source"], instant(row["at_ms"]))) for row in rows]
    return sorted(found, key=lambda one: one[0])


def _identities(
    unified: Unified, shelves: Shelves, cls: EntityClass, entity: int, row: Mapping[str, Any]
) -> dict[str, list[str]]:
    if cls.is_event:
        return {"event": [str(row[cls.id_field or "_id"])]}
    numbers = _shown(unified, shelves, cls.name, entity)
    found: dict[str, set[str]] = {}
    for space, value in shelves.identities([one["n"] for one in numbers]).values():
        found.setdefault(space, set()).add(value)
    return {space: sorted(values) for space, values in sorted(found.items())}


def _shown(unified: Unified, shelves: Shelves, cls: str, entity: int) -> list[dict[str, Any]]:
    """The numbers of the identities that answers list."""
    return shelves.rows(_of_class(unified, "shown", "id, n", cls), "id", [entity])


def _of_class(unified: Unified, table: str, columns: str, cls: str) -> str:
    """The rows of a table of all classes that are about one of them."""
    assert identifier(cls) == f'"{cls}"', "a class's name holds no quotes"
    return f"(SELECT {columns} FROM {unified.name}.{table} WHERE class = '{cls}')"


def _row_values(
    cls: EntityClass, row: Mapping[str, Any], key: str, source: str, at: datetime
) -> dict[str, Value]:
    values = {}
    for path in [*cls.shape.names(), "extra"]:
        if row.get(path) is not None:
            value = plain(cls, path, row[path])
            values[path] = Value(value, Said(value, source, key, at, spelled_in(row).get(path)), ())
    return values


def _related(unified: Unified, shelves: Shelves, cls: str, entity: int) -> dict[str, Related]:
    relations = Relations(unified, shelves)
    found = {}
    for relationship in unified.schema.relationships_of(cls):
        ids = relations.follow(relationship, [entity])
        if not ids:
            continue
        far, ways = unified.schema.classes[relationship.far], {}
        if isinstance(relationship.plan, Edge) and relationship.plan.via:
            ways = relations.ways(relationship.plan, entity)
        listed = sorted(ids[-EVENTS_MAX:], reverse=True) if far.is_event else ids[:RELATED_MAX]
        names = _names(unified, shelves, far, listed)
        items = tuple(
            RelatedItem(one, name, tuple(ways.get(one, ())), at)
            for one in listed
            for name, at in [names.get(one, (None, None))]
        )
        found[relationship.name] = Related(far.name, len(ids), items)
    return found


def _names(
    unified: Unified, shelves: Shelves, cls: EntityClass, ids: list[int]
) -> dict[int, tuple[str | None, datetime | None]]:
    """What entities are called, as far as their class has a name, and when they were."""
    table = f"facts.{identifier(cls.name)}" if cls.is_event else f"{unified.name}.{identifier(cls.name)}"
    columns = shelves.columns(table)
    names = [identifier(name) for name in _NAMES if name in columns and name in cls.shape.leaves]
    name = f"coalesce({', '.join(names)}) AS name" if names else "CAST(NULL AS VARCHAR) AS name"
    if cls.is_event:
        rows = _event(shelves, cls, f"{name}, {identifier(cls.time_field or 'timestamp')} AS at", ids)
        return {row["rowid"]: (row["name"], instant(row["at"])) for row in rows}
    rows = shelves.rows(f"(SELECT id, {name} FROM {table})", "id", ids) if names else []
    return {row["id"]: (row["name"], None) for row in rows}


def _event(shelves: Shelves, cls: EntityClass, columns: str, places: list[int]) -> list[dict[str, Any]]:
    """Events by where they stand; a few at a time."""
    # A row that equals is found by where it stands; one of several would be looked for among all.
    table = f"facts.{identifier(cls.name)}"
    one_by_one = [f"SELECT rowid, {columns} FROM {table} WHERE rowid = {int(one)}" for one in places]
    found = shelves.con.execute(" UNION ALL ".join(one_by_one))
    names = [one[0] for one in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
