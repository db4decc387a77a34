"""The live graph is the graph made anew, after every batch of whatever may change.

Worlds are small and their values few, so that everything meets: shared mails, unique namespaces, merges in
rings, golden records that contradict each other, events of the future, retired records. Every few steps the
graph goes through bytes, or other rules take effect. The seed is in the failure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import duckdb
import numpy as np
import pytest

from townsend.identity import IdentityRules, Namespace
from townsend.identity.entities import Entities, resolve
from townsend.identity.gathered import Evidence
from townsend.identity.graph import Identity
from townsend.identity.links import EventLinks, Merges, RecordLinks, pairs_met
from townsend.identity.live import (
    Changes,
    Claim,
    LiveGraph,
    Met,
    Moves,
    Version,
    live_graph,
    restored,
    snapshot,
)
from townsend.identity.live.build import golden_of
from townsend.identity.moment import Moment
from townsend.identity.reference import Event, Merge, Record, people
from townsend.model import builtin_schema

KEYS = [("b2b_person", f"k{at}") for at in range(7)]
MAILS = [("Email", f"{name}@bodea.example") for name in "abcd"]
COOKIES = [("ECID", f"{at}") for at in range(4)]
GOLDEN = ["G1", "G2", "G3"]
BLOCKED = {"Email": frozenset({"a@bodea.example"})}
SCHEMA = builtin_schema()


@dataclass
class World:
    """Facts as they are by now, and the dictionary."""

    rng: Random
    rules: IdentityRules
    now_ms: int = 1_000
    numbers: dict[Identity, int] = field(default_factory=dict)
    records: dict[int, Version] = field(default_factory=dict)
    events: list[Met] = field(default_factory=list)
    merges: dict[tuple[int, int], tuple[int, bool]] = field(default_factory=dict)
    claims: dict[int, list[Claim]] = field(default_factory=dict)
    con: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)

    def __post_init__(self) -> None:
        self.con.execute(
            "CREATE SCHEMA facts; CREATE TABLE facts.number (n INTEGER, space VARCHAR, value VARCHAR)"
        )

    def number(self, identity: Identity) -> int:
        if identity not in self.numbers:
            self.numbers[identity] = len(self.numbers) + 1
            self.con.execute("INSERT INTO facts.number VALUES (?, ?, ?)", [self.numbers[identity], *identity])
        return self.numbers[identity]

    def texts(self, numbers: Iterable[int]) -> dict[int, Identity]:
        known = {number: identity for identity, number in self.numbers.items()}
        return {number: known[number] for number in numbers}

    def moment(self) -> Moment:
        return Moment(self.con, SCHEMA, {}, self.now_ms)

    def blocked(self) -> set[int]:
        spelled = self.rules.blocked_values()
        return {n for (space, value), n in self.numbers.items() if value in spelled.get(space, ())}

    # -------------------------------------------------------- as the graph made anew reads them

    def pairs(self) -> dict[tuple[int, int], int]:
        found: dict[tuple[int, int], int] = {}
        for event in self.events:
            for pair in pairs_met(event.named) if event.at_ms <= self.now_ms else ():
                if not self.blocked() & {*pair}:
                    found[pair] = max(found.get(pair, event.at_ms), event.at_ms)
        return found

    def acting(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for event in self.events:
            if event.named[0] not in self.blocked():
                found[event.named[0]] = min(found.get(event.named[0], event.at_ms), event.at_ms)
        return found

    def holding(self) -> Merges:
        names = {number: identity for identity, number in self.numbers.items()}
        rows = [
            (at_ms, names[kept], names[lost], kept, lost, retires)
            for (kept, lost), (at_ms, retires) in self.merges.items()
            if at_ms <= self.now_ms
        ]
        rows.sort()
        return Merges(*(_ints(row[at] for row in rows) for at in (3, 4, 0, 5)))

    def evidence(self) -> Evidence:
        blocked = self.blocked()
        named = [
            (key, one)
            for key, version in self.records.items()
            for one in dict.fromkeys(version.named)
            if one not in blocked and one != key
        ]
        records = RecordLinks(
            _ints(self.records),
            _ints(version.seen_ms for version in self.records.values()),
            _ints(version.deleted for version in self.records.values()),
            _ints(owner for owner, _ in named),
            _ints(one for _, one in named),
        )
        pairs, acting = self.pairs(), self.acting()
        events = EventLinks(
            _ints(pair[0] for pair in pairs),
            _ints(pair[1] for pair in pairs),
            _ints(pairs.values()),
            _ints(acting),
            _ints(acting.values()),
        )
        golden, _ = golden_of(self.claims, self.now_ms, self.texts)
        return Evidence(records, events, self.holding(), golden)

    def anew(self) -> Entities:
        return resolve(self.moment(), self.rules, SCHEMA.entity_class("person"), self.evidence())

    def graph(self) -> LiveGraph:
        coming = [(one.at_ms, one.named) for one in self.events if one.at_ms > self.now_ms]
        return live_graph(
            self.moment(),
            self.rules,
            SCHEMA.entity_class("person"),
            self.evidence(),
            self.claims,
            coming,
            _ints(sorted(self.blocked())),
            len(self.numbers) + 1,
            self.texts,
        )


def _ints(numbers: Iterable[Any]) -> Any:
    return np.array(list(numbers), np.int64)


def random_rules(rng: Random) -> IdentityRules:
    spaces = ["b2b_person", "Email", "ECID"]
    rng.shuffle(spaces)
    namespaces = tuple(Namespace(one, rng.random() < 0.35) for one in spaces[: rng.randint(1, 3)])
    blocked = BLOCKED if rng.random() < 0.2 else {}
    return IdentityRules(namespaces, blocked=blocked, links_per_value=rng.choice([1, 2, 3, 50]))


def random_changes(world: World) -> Changes:
    """One to eight things that happen at once; written into the world as well."""
    rng, before = world.rng, set(world.numbers.values())
    records: dict[int, Version | None] = {}
    met: list[Met] = []
    unmet: list[Met] = []
    claims: dict[int, list[Claim]] = {}
    merged = False
    now_ms = None
    if rng.random() < 0.3:
        world.now_ms = now_ms = world.now_ms + rng.choice([0, 1, 40])
        merged = True
    for _ in range(rng.choice([1, 1, 2, 4, 8])):
        what = rng.random()
        if what < 0.45:
            key = world.number(rng.choice(KEYS))
            records[key] = _version(world) if rng.random() < 0.85 else None
        elif what < 0.65:
            met.append(_event(world))
        elif what < 0.72 and world.events:
            unmet.append(world.events.pop(rng.randrange(len(world.events))))
        elif what < 0.86:
            merged = True
            pair = tuple(world.number(one) for one in rng.sample(KEYS, 2))
            world.merges.pop(pair, None)  # type: ignore[call-overload]
            if rng.random() < 0.7:
                at_ms = world.now_ms + rng.choice([-30, -10, 0, 20])
                world.merges[pair] = (at_ms, rng.random() < 0.7)  # type: ignore[index]
        else:
            key = world.number(rng.choice(KEYS))
            claims[key] = world.claims[key] = _claims(world)
    for key, version in records.items():
        world.records.pop(key, None)
        if version is not None:
            world.records[key] = version
    # What comes and goes in one batch never came.
    kept = [one for one in met if one not in unmet]
    gone = [one for one in unmet if one not in met]
    world.events += kept
    pairs, acting = world.pairs(), world.acting()
    return Changes(
        numbers={n: identity for identity, n in world.numbers.items() if n not in before},
        records=records,
        met=kept,
        unmet=gone,
        pairs={pair: pairs.get(pair) for one in gone for pair in pairs_met(one.named)},
        acting={one.named[0]: acting.get(one.named[0]) for one in gone},
        merges=world.holding() if merged else None,
        claims=claims,
        now_ms=now_ms,
    )


def _version(world: World) -> Version:
    rng = world.rng
    named = rng.sample([*KEYS, *MAILS, *COOKIES], rng.choice([0, 1, 1, 2, 3]))
    seen_ms = world.now_ms - rng.choice([0, 5, 5, 60])
    return Version(seen_ms, tuple(map(world.number, named)), rng.random() < 0.2)


def _event(world: World) -> Met:
    rng = world.rng
    names = rng.sample([*KEYS, *MAILS, *COOKIES], rng.choice([1, 2, 2, 3]))
    blocked = world.rules.blocked_values()
    names.sort(key=lambda one: (one[1] in blocked.get(one[0], ()), world.rules.priority(one[0]), one))
    return Met(tuple(map(world.number, names)), world.now_ms + rng.choice([-50, -3, 0, 1, 30]))


def _claims(world: World) -> list[Claim]:
    rng, now = world.rng, world.now_ms
    bounds = [None, None, now - 20, now, now + 20]
    return [
        Claim(rng.choice(GOLDEN), now - rng.choice([1, 9]), rng.choice(bounds), rng.choice(bounds))
        for _ in range(rng.choice([0, 1, 1, 1, 2]))
    ]


def compare(graph: LiveGraph, found: Entities, said: str) -> None:
    size = len(graph.entity)
    live = {n: graph.of(n) for n in range(size) if graph.of(n) >= 0}
    ids = set(live.values())
    by_events = {one: graph.first_ms(one) for one in ids if graph.first_ms(one) is not None}
    crowded = {n: graph.known.count[n] for n in range(size) if graph.known.is_crowded(n)}
    removed = set(map(tuple, graph.removed().tolist()))
    shown = {(one, n) for one in ids for n in graph.shown(one)}

    assert dict(zip(found.n.tolist(), found.id.tolist(), strict=True)) == live, said
    assert (
        dict(zip(found.retired_n.tolist(), found.retired_id.tolist(), strict=True)) == graph.graves.entity
    ), said
    assert dict(zip(found.event_id.tolist(), found.first_ms.tolist(), strict=True)) == by_events, said
    assert dict(zip(found.crowded.tolist(), found.crowd.tolist(), strict=True)) == crowded, said
    assert set(found.removed) == removed, said
    assert set(zip(found.shown_id.tolist(), found.shown_n.tolist(), strict=True)) == shown, said


def obvious(world: World) -> set[frozenset[Identity]]:
    """The groups that the reference makes; it knows of no master data and of no matches."""
    names = {number: identity for identity, number in world.numbers.items()}
    records = [
        Record(
            names[key],
            tuple(names[one] for one in version.named if one != key),
            version.seen_ms,
            version.deleted,
        )
        for key, version in world.records.items()
    ]
    events = [Event(tuple(names[one] for one in event.named), event.at_ms) for event in world.events]
    merges = [Merge(names[kept], names[lost], at_ms) for (kept, lost), (at_ms, _) in world.merges.items()]
    return set(people(records, events, merges, world.rules, world.now_ms).groups)


def moved(before: dict[int, int], graph: LiveGraph, moves: Moves, said: str) -> None:
    """What is said to have moved is what did."""
    after = {n: graph.of(n) for n in range(len(graph.entity))}
    changed = {n: (before.get(n, -1), now) for n, now in after.items() if before.get(n, -1) != now}

    assert changed == moves.live, said


def walk(seed: int, steps: int) -> None:
    rng = Random(seed)
    world = World(rng, random_rules(rng))
    graph = world.graph()
    for step in range(steps):
        before = {n: graph.of(n) for n in range(len(graph.entity))}
        changes = random_changes(world)
        said = f"seed {seed}, step {step}: {changes}"
        moves = graph.apply(changes)
        compare(graph, world.anew(), said)
        moved(before, graph, moves, said)
        plain = not world.claims and all(retires for _, retires in world.merges.values())
        future = any(event.at_ms > world.now_ms for event in world.events)
        if plain and not future:
            names = {number: identity for identity, number in world.numbers.items()}
            groups: dict[int, set[Identity]] = {}
            for n in names:
                if graph.of(n) >= 0:
                    groups.setdefault(graph.of(n), set()).add(names[n])

            assert obvious(world) == set(map(frozenset, groups.values())), said
        if rng.random() < 0.1:
            graph = restored(snapshot(graph), world.rules, world.texts)
            compare(graph, world.anew(), said)
        elif rng.random() < 0.05:
            world.rules = random_rules(rng)
            graph = world.graph()
            compare(graph, world.anew(), said)
    world.con.close()


@pytest.mark.parametrize("seed", range(8))
def test_the_live_graph_is_the_graph_made_anew(seed: int) -> None:
    walk(seed, 25)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", range(100, 200, 10))
def test_the_live_graph_is_the_graph_made_anew_for_long(seeds: int) -> None:
    for seed in range(seeds, seeds + 10):
        walk(seed, 40)
