"""Who is whom, on random worlds: the fast way is the obvious way, in whatever order facts come.

Worlds are small and their values few, so that everything meets: shared mails, unique namespaces, merges in
rings, retired records, events of the future. The seed is in the name of each test and in its failure.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.unit.profiles.house import NOW, NOW_MS, House, key, person

from townsend.identity import IdentityRules, Namespace
from townsend.identity.reference import Event, Merge, Record, people
from townsend.store.facts import Facts

DAY = timedelta(days=1)
DAY_MS = 86_400_000
MAILS = [f"{name}@bodea.example" for name in "abc"]
COOKIES = ["1", "2", "3"]
KEYS = ["k1", "k2", "k3", "k4", "k5"]

Row = tuple[str, dict[str, Any]]


@dataclass
class World:
    """Rows to be taken, and the same facts as the reference reads them."""

    rules: IdentityRules
    rows: list[Row] = field(default_factory=list)
    records: dict[str, Record] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    named: set[tuple[str, str]] = field(default_factory=set)


def random_world(rng: Random) -> World:
    spaces = ["b2b_person", "Email", "ECID"]
    rng.shuffle(spaces)
    namespaces = tuple(Namespace(one, rng.random() < 0.3) for one in spaces[: rng.randint(1, 3)])
    blocked = {"Email": frozenset({MAILS[0]})} if rng.random() < 0.2 else {}
    world = World(IdentityRules(namespaces, blocked=blocked, links_per_value=rng.choice([2, 3, 50])))
    for name in rng.sample(KEYS, rng.randint(0, 5)):
        days = rng.sample(range(2, 18), rng.randint(1, 2))
        for day in days:
            record, row = _record(rng, name, day)
            world.rows.append(("person", row))
            world.named |= {record.key, *record.names}
            if day == max(days):
                world.records[name] = record
    for at in range(rng.randint(0, 6)):
        _event(rng, world, at)
    for at in range(rng.choice([0, 0, 1, 3])):
        _merge(rng, world, at)
    return world


def named(name: str) -> tuple[str, str]:
    return "b2b_person", key(name)["sourceKey"]


def _record(rng: Random, name: str, day: int) -> tuple[Record, dict[str, Any]]:
    names: list[tuple[str, str]] = []
    more: dict[str, Any] = {"isDeleted": True} if rng.random() < 0.2 else {}
    mail = rng.choice([*MAILS, None])
    if mail is not None:
        names.append(("Email", mail))
    row = person(name, mail and mail.upper(), day, **more)
    if rng.random() < 0.3:
        other = rng.choice(KEYS)
        row["extSourceSystemAudit"]["externalKey"] = key(other)
        names += [named(other)] if other != name else []
    cookies = rng.sample(COOKIES, rng.choice([0, 0, 1, 2]))
    if cookies:
        row["identityMap"] = {"ECID": [{"id": one} for one in cookies]}
        names += [("ECID", one) for one in cookies]
    seen_ms = NOW_MS + (day - 18) * DAY_MS - DAY_MS // 2
    return Record(named(name), tuple(dict.fromkeys(names)), seen_ms, bool(more)), row


def _event(rng: Random, world: World, at: int) -> None:
    found: list[tuple[str, str]] = []
    row: dict[str, Any] = {"_id": f"e{at}", "identityMap": {}}
    if rng.random() < 0.5:
        name = rng.choice(KEYS)
        row["personKey"] = key(name)
        found.append(named(name))
    for space, values in (("Email", MAILS), ("ECID", COOKIES)):
        chosen = sorted(rng.sample(values, rng.choice([0, 1, 1, 2])))
        if chosen:
            row["identityMap"][space] = [{"id": one} for one in chosen]
            found += [(space, one) for one in chosen]
    if not found:
        return
    days = rng.choice([-9, -3, -1, 0, 0.5])
    row["timestamp"] = (NOW + days * DAY).isoformat()
    world.rows.append(("event", row))
    # The highest priority first; of one priority a field comes before the map, then values by text.
    names = sorted(found, key=lambda one: (world.rules.priority(one[0]), one[0] != "b2b_person", one[1]))
    world.named |= set(names)
    world.events.append(Event(tuple(names), NOW_MS + int(days * DAY_MS)))


def _merge(rng: Random, world: World, at: int) -> None:
    kept, lost = rng.sample(KEYS, 2)
    days = rng.choice([-5, -2, -2, 0.25])
    at_ms = NOW_MS + int(days * DAY_MS)
    operation = {"mergeLeads": {"sourceKeys": [key(lost)]}}
    row = {"_id": f"m{at}", "timestamp": (NOW + days * DAY).isoformat(), "personKey": key(kept)}
    world.rows.append(("event", {**row, "leadOperation": operation}))
    world.named.add(named(kept))
    world.events.append(Event((named(kept),), at_ms))
    world.merges.append(Merge(named(kept), named(lost), at_ms))


@contextmanager
def house_of(rules: IdentityRules) -> Iterator[House]:
    with tempfile.TemporaryDirectory() as folder, Facts.open(Path(folder) / "t.duckdb") as facts:
        yield House(facts, identity=rules)


def take(house: House, rows: list[Row], rng: Random) -> None:
    """Rows in batches of random size."""
    waiting = list(rows)
    while waiting:
        size = rng.randint(1, 4)
        batch, waiting = waiting[:size], waiting[size:]
        for cls in ("person", "event"):
            chosen = [row for kind, row in batch if kind == cls]
            if chosen:
                house.take(cls, *chosen)


def groups(house: House) -> dict[frozenset[tuple[str, str]], frozenset[str]]:
    """Everybody there is now by all identities, with the keys of the records behind them."""
    world = house.unify()
    if "person" not in world.columns:
        return {}
    con = house.facts.con
    rows = con.execute(
        f"SELECT p.id, d.space, d.value FROM {world.name}.person p "
        f"JOIN {world.name}.node_person n USING (id) JOIN facts.number d ON d.n = n.n "
        "WHERE p.first_ms IS NULL OR p.first_ms <= ?",
        [world.now_ms],
    ).fetchall()
    found: dict[int, set[tuple[str, str]]] = {}
    for one, space, value in rows:
        found.setdefault(one, set()).add((space, value))
    behind: dict[int, set[str]] = {}
    for one, value in con.execute(
        f"SELECT s.id, d.value FROM {world.name}.source s JOIN facts.number d USING (n) "
        "WHERE s.class = 'person'"
    ).fetchall():
        behind.setdefault(one, set()).add(value)
    return {frozenset(names): frozenset(behind.get(one, ())) for one, names in found.items()}


def expected(world: World) -> dict[frozenset[tuple[str, str]], frozenset[str]]:
    found = people(list(world.records.values()), world.events, world.merges, world.rules, NOW_MS)
    # A key that only ever lost a merge was never accepted as anybody's.
    only_lost = {merge.lost for merge in world.merges} - world.named
    return {
        group - only_lost: frozenset(value for _, value in records)
        for group, records in zip(found.groups, found.records, strict=True)
    }


def check_against_the_obvious(seed: int) -> None:
    rng = Random(seed)
    world = random_world(rng)
    rng.shuffle(world.rows)
    with house_of(world.rules) as house:
        take(house, world.rows, rng)

        assert expected(world) == groups(house), f"seed {seed}: {world}"


@pytest.mark.parametrize("seed", range(12))
def test_the_graph_is_the_obvious_one(seed: int) -> None:
    check_against_the_obvious(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", range(100, 200, 20))
def test_the_graph_is_the_obvious_one_on_many_worlds(seeds: int) -> None:
    for seed in range(seeds, seeds + 20):
        check_against_the_obvious(seed)


@pytest.mark.parametrize("seed", range(300, 306))
def test_the_order_of_arrival_does_not_matter(seed: int) -> None:
    """Neither do batches and repeats: the same groups, the same merged values."""
    rng = Random(seed)
    world = random_world(rng)
    found = []
    for _ in range(2):
        rng.shuffle(world.rows)
        repeated = [*world.rows, *rng.sample(world.rows, min(3, len(world.rows)))]
        with house_of(world.rules) as house:
            take(house, repeated, rng)
            values = [] if not groups(house) else [_without_ids(row) for row in house.rows("person")]
            found.append((groups(house), sorted(values)))

    assert found[0] == found[1], f"seed {seed}: {world}"


def _without_ids(row: dict[str, Any]) -> str:
    return str(sorted((name, str(value)) for name, value in row.items() if name != "id" and name[0] != "@"))


@pytest.mark.parametrize("seed", range(400, 408))
def test_a_link_withdrawn_gives_everybody_their_old_id_back(seed: int) -> None:
    """Master data calls random accounts one, then takes it back."""
    rng = Random(seed)
    with house_of(IdentityRules()) as house:
        house.take("account", *({"accountKey": key(str(at)), "accountName": str(at)} for at in range(12)))
        before = {row["id"]: row["accountName"] for row in house.rows("account")}
        claims = [
            {"golden_id": f"G{rng.randint(0, 3)}", "source_system": "Salesforce", "source_instance": "crm1"}
            | {"source_key": str(at)}
            for at in rng.sample(range(12), 8)
        ]
        house.take("account_xref", *claims, source="mdm")
        together = {row["id"] for row in house.rows("account")}
        gone = [one | {"status": "withdrawn", "updated_at": "2026-04-01T00:00:00Z"} for one in claims]
        house.take("account_xref", *gone, source="mdm")

        assert together < before.keys(), f"seed {seed}: {claims}"
        assert before == {row["id"]: row["accountName"] for row in house.rows("account")}, f"seed {seed}"
