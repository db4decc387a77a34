"""Who is whom, written down: numbers to entities, entities to their identities and records.

Makes ``node_<class>(n, id)`` of live and retired entities, ``identity(class, id, space, value)`` of what
answers list, ``source(class, id, n, source, at_ms)`` of the records behind each entity, and
``removed(class, a, b, at_ms)`` of the links that were left out.
"""

from __future__ import annotations

import numpy as np

from townsend.identity.entities import Entities, Evidence, resolve
from townsend.identity.links import (
    EventLinks,
    RecordLinks,
    blocked_numbers,
    event_boundaries,
    event_links,
    merge_boundaries,
    merges,
    record_links,
)
from townsend.identity.moment import Ints, Moment, temp, text_literal
from townsend.identity.versions import read_versions
from townsend.identity.xref import Golden, boundaries, read_golden
from townsend.model import EntityClass
from townsend.profiles.making import Making, acting_class

__all__ = ["evidence_of", "find_entities", "member_table", "write_entities"]


def find_entities(making: Making) -> None:
    """Resolve every class that has records, and the one whose entities act in events."""
    moment = making.moment
    golden, said = read_golden(moment, making.identity)
    making.report.conflicts, making.report.statuses = said.conflicts, said.statuses
    making.report.classes = said.classes
    making.bounds.narrow(*boundaries(moment))
    making.bounds.narrow(*event_boundaries(moment))
    making.bounds.narrow(*merge_boundaries(moment))
    blocked = blocked_numbers(moment, making.identity)
    acting = acting_class(making.schema)
    for cls in making.schema.classes.values():
        if cls.is_event:
            continue
        if moment.columns.get(cls.name):
            making.versions[cls.name] = read_versions(moment, cls)
        elif cls.name != acting:
            continue
        evidence = evidence_of(making, cls, blocked, golden.get(cls.name))
        if len(evidence.records.key) or (evidence.events and len(evidence.events.who)):
            making.entities[cls.name] = resolve(moment, making.identity, cls, evidence)


def evidence_of(making: Making, cls: EntityClass, blocked: Ints, golden: Golden | None) -> Evidence:
    """All that is known about who is whom in one class; its versions are read already, if it has records."""
    moment = making.moment
    none = np.zeros(0, np.int64)
    records = RecordLinks(none, none, none, none, none)
    if cls.name in making.versions:
        records = record_links(moment, making.identity, making.versions[cls.name], blocked)
    events: EventLinks | None = None
    if cls.name == acting_class(making.schema):
        events = event_links(moment, blocked)
    return Evidence(records, events, merges(moment, cls), golden)


def write_entities(making: Making) -> None:
    """Make the tables that lead from numbers to entities and back."""
    moment = making.moment
    identity, source = making.table("identity"), making.table("source")
    moment.run(f"CREATE TABLE {identity} (class VARCHAR, id INTEGER, space VARCHAR, value VARCHAR)")
    moment.run(f"CREATE TABLE {source} (class VARCHAR, id INTEGER, n INTEGER, source VARCHAR, at_ms BIGINT)")
    removed = making.table("removed")
    moment.run(f"CREATE TABLE {removed} (class VARCHAR, a INTEGER, b INTEGER, at_ms BIGINT)")
    for cls in making.classes():
        found = making.entities[cls.name]
        n = np.concatenate([found.n, found.retired_n])
        ids = np.concatenate([found.id, found.retired_id])
        moment.table(
            making.table(f"node_{cls.name}"), {"n": n.astype(np.int32), "id": ids.astype(np.int32)}, ""
        )
        moment.table("shown", {"n": found.shown_n.astype(np.int32), "id": found.shown_id.astype(np.int32)})
        moment.run(
            f"INSERT INTO {identity} SELECT {text_literal(cls.name)}, s.id, d.space, d.value "
            "FROM shown s JOIN facts.number d USING (n)"
        )
        if cls.name in making.versions:
            _write_members(making, cls, found)
            moment.run(
                f"INSERT INTO {source} SELECT {text_literal(cls.name)}, m.id, m.n, c.source, c.t "
                f"FROM {member_table(cls.name)} m JOIN {making.versions[cls.name].cur} c ON c.key = m.n"
            )
        if found.removed:
            pairs = np.array(found.removed, np.int64)
            moment.table("left_out", {"a": pairs[:, 0], "b": pairs[:, 1], "at_ms": pairs[:, 2]})
            moment.run(f"INSERT INTO {removed} SELECT {text_literal(cls.name)}, a, b, at_ms FROM left_out")
        _remark(making, moment, cls, found)


def member_table(cls: str) -> str:
    """The temporary table ``(n, id, retired)``: the records that make a class's entities."""
    return temp("member", cls)


def _write_members(making: Making, cls: EntityClass, found: Entities) -> None:
    """Live records of live entities; records of entities that have none."""
    keys = making.moment.arrays(f"SELECT key FROM {making.versions[cls.name].cur}")[0]
    live, of_live = found.live, found.of(found.live)
    of_dead = found.retired_of(keys)
    dead = (of_dead >= 0) & (found.of(keys) < 0)
    making.moment.table(
        member_table(cls.name),
        {
            "n": np.concatenate([live, keys[dead]]).astype(np.int32),
            "id": np.concatenate([of_live, of_dead[dead]]).astype(np.int32),
            "retired": np.concatenate([np.zeros(len(live), bool), np.ones(int(dead.sum()), bool)]),
        },
    )


def _remark(making: Making, moment: Moment, cls: EntityClass, found: Entities) -> None:
    making.report.removed[cls.name] = len(found.removed)
    if not len(found.crowded):
        return
    moment.table("crowd", {"n": found.crowded, "records": found.crowd})
    making.report.crowded += [
        (cls.name, str(space), int(count), int(most))
        for space, count, most in moment.rows(
            "SELECT d.space, count(*), max(c.records) FROM crowd c JOIN facts.number d USING (n) "
            "GROUP BY 1 ORDER BY 1"
        )
    ]
