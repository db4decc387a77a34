"""Who is whom, written down: numbers to entities, entities to their identities and records.

Makes ``node_<class>(n, id)`` of live and retired entities, ``identity(class, id, space, value)`` of what
answers list (a view: texts stay in the dictionary), ``source(class, id, n, source, at_ms)`` of the records
behind each entity, and ``removed(class, a, b, at_ms)`` of the links that were left out.
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
from townsend.identity.matchlinks import with_matches
from townsend.identity.moment import Ints, distinct, temp, text_literal
from townsend.identity.versions import read_versions
from townsend.identity.xref import Golden, boundaries, read_golden
from townsend.model import EntityClass
from townsend.profiles.making import Making, acting_class
from townsend.profiles.survivors import write_survivors
from townsend.profiles.traces import make_traces, write_traces
from townsend.store.facts_schema import identifier

__all__ = ["evidence_of", "make_tables", "member_table", "report_crowded", "write_class", "write_entities"]


def write_entities(making: Making) -> None:
    """Resolve every class that has records, and the one that acts in events; write down who is whom."""
    moment = making.moment
    golden, said = read_golden(moment, making.identity)
    making.report.conflicts, making.report.statuses = said.conflicts, said.statuses
    making.report.unknown, making.report.unknown_keys = said.unknown, said.unknown_keys
    making.report.classes = said.classes
    write_survivors(making)
    making.bounds.narrow(*boundaries(moment))
    making.bounds.narrow(*event_boundaries(moment))
    making.bounds.narrow(*merge_boundaries(moment))
    blocked = blocked_numbers(moment, making.identity)
    acting = acting_class(making.schema)
    make_tables(making)
    for cls in making.schema.classes.values():
        if cls.is_event:
            continue
        if moment.columns.get(cls.name):
            making.versions[cls.name] = read_versions(moment, cls)
        elif cls.name != acting:
            continue
        evidence = evidence_of(making, cls, blocked, golden.pop(cls.name, None))
        if len(evidence.records.key) or (evidence.events and len(evidence.events.who)):
            found = resolve(moment, making.identity, cls, evidence)
            write_traces(making, cls, evidence, found)
            del evidence
            write_class(making, cls, found)
    report_crowded(making)


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
    evidence = Evidence(records, events, merges(moment, cls), golden)
    return with_matches(moment, making.identity, cls, making.versions.get(cls.name), evidence)


def make_tables(making: Making) -> None:
    """Make the tables of all classes, empty."""
    moment, shown = making.moment, making.table("shown")
    moment.run(f"CREATE TABLE {shown} (class VARCHAR, id INTEGER, n INTEGER)")
    moment.run(
        f"CREATE VIEW {making.table('identity')} AS SELECT s.class, s.id, d.space, d.value "
        f"FROM {shown} s JOIN {_dictionary(making)} d USING (n)"
    )
    moment.run(
        f"CREATE TABLE {making.table('source')} "
        "(class VARCHAR, id INTEGER, n INTEGER, source VARCHAR, at_ms BIGINT)"
    )
    moment.run(f"CREATE TABLE {making.table('removed')} (class VARCHAR, a INTEGER, b INTEGER, at_ms BIGINT)")
    make_traces(making)


def write_class(making: Making, cls: EntityClass, found: Entities) -> None:
    """From numbers to the entities of a class and back."""
    moment, name = making.moment, text_literal(cls.name)
    n = np.concatenate([found.n, found.retired_n])
    ids = np.concatenate([found.id, found.retired_id])
    moment.table(making.table(f"node_{cls.name}"), {"n": n.astype(np.int32), "id": ids.astype(np.int32)}, "")
    moment.add(
        making.table("shown"),
        {"id": found.shown_id.astype(np.int32), "n": found.shown_n.astype(np.int32)},
        f"{name}, id, n",
    )
    if cls.name in making.versions:
        _write_members(making, cls, found)
        moment.run(
            f'INSERT INTO {making.table("source")} SELECT {name}, m.id, m.n, c.source, c."@t" '
            f"FROM {member_table(cls.name)} m JOIN {making.versions[cls.name].now} c ON c.key = m.n"
        )
    if found.removed:
        pairs = np.array(found.removed, np.int64)
        moment.add(
            making.table("removed"),
            {"a": pairs[:, 0], "b": pairs[:, 1], "at_ms": pairs[:, 2]},
            f"{name}, a, b, at_ms",
        )
    making.report.removed[cls.name] = len(found.removed)
    # Of millions of entities only what is still needed stays.
    making.entities[cls.name] = found.acting()


def _dictionary(making: Making) -> str:
    """The dictionary's name for a view; one in memory has to say in which database it is."""
    stored = "." not in making.name
    return "facts.number" if stored else f"{identifier(making.moment.database())}.facts.number"


def member_table(cls: str) -> str:
    """The temporary table ``(n, id, retired)``: the records that make a class's entities."""
    return temp("member", cls)


def _write_members(making: Making, cls: EntityClass, found: Entities) -> None:
    """Live records of live entities; records of entities that have none."""
    of_live = found.of(found.live)
    of_dead = found.retired_of(found.keys)
    dead = (of_dead >= 0) & (found.of(found.keys) < 0)
    for retired, ids in ((False, of_live), (True, of_dead[dead])):
        if len(distinct(ids)) < len(ids):
            making.several.add((cls.name, retired))
    making.moment.table(
        member_table(cls.name),
        {
            "n": np.concatenate([found.live, found.keys[dead]]).astype(np.int32),
            "id": np.concatenate([of_live, of_dead[dead]]).astype(np.int32),
            "retired": np.concatenate([np.zeros(len(of_live), bool), np.ones(int(dead.sum()), bool)]),
        },
    )


def report_crowded(making: Making) -> None:
    """Which values join too many records, by class and namespace."""
    making.report.crowded = [
        (str(cls), str(space), int(count), int(most))
        for cls, space, count, most in making.moment.rows(
            f"SELECT c.class, d.space, count(*), max(c.records) FROM {making.table('trace_crowded')} c "
            "JOIN facts.number d USING (n) GROUP BY ALL ORDER BY ALL"
        )
    ]
