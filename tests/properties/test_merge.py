"""Merged values on random versions: the unified tables say what a few lines of plain Python say."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.unit.profiles.house import House, key

from townsend.profiles import MergePolicy
from townsend.profiles.view import view
from townsend.store.facts import Facts

FIELDS = {"status": "b2b.personStatus", "source": "b2b.personSource", "job": "extendedWorkDetails.jobTitle"}
SOURCES = ("crm_1", "crm_2", "marketo_1")
ABSENT = object()


@dataclass(frozen=True)
class Version:
    """One row as it is taken: of a record, from a source, on a day, saying some fields."""

    record: str
    source: str
    day: int
    patch: bool
    says: dict[str, str | None]

    def row(self) -> dict[str, Any]:
        row: dict[str, Any] = {"b2b": {"personKey": key(self.record)}}
        row["extSourceSystemAudit"] = {"lastUpdatedDate": f"2026-03-{self.day:02d}T00:00:00Z"}
        row["workEmail"] = {"address": "one@bodea.example"}
        for name, value in self.says.items():
            *way, last = FIELDS[name].split(".")
            row.setdefault(way[0], {})[last] = value
        return row


def random_versions(rng: Random) -> list[Version]:
    found = []
    patches = {source: rng.random() < 0.4 for source in SOURCES}
    for record in rng.sample(["k1", "k2", "k3", "k4"], rng.randint(1, 4)):
        source = rng.choice(SOURCES)
        for day in rng.sample(range(1, 9), rng.randint(1, 4)):
            chosen = [name for name in FIELDS if rng.random() < 0.6]
            says = {name: rng.choice(["a", "b", "c", None]) for name in chosen}
            found.append(Version(record, source, day, patches[source], says))
    return found


def random_policy(rng: Random) -> MergePolicy:
    def one() -> MergePolicy:
        order = tuple(rng.sample(SOURCES, rng.randint(0, 3)))
        return MergePolicy(rng.choice(["time", "changed", "source"]), order)

    default = one()
    fields = {FIELDS[name]: one() for name in FIELDS if rng.random() < 0.3}
    return MergePolicy(default.by, default.order, fields)


def merged(versions: list[Version], policy: MergePolicy, name: str) -> str | None:
    """What one field is: each record says something with a rank, the highest rank wins."""
    path = FIELDS[name]
    chosen = policy.of(path)
    offers = []
    for record in {one.record for one in versions}:
        own = sorted((one for one in versions if one.record == record), key=lambda one: one.day)
        state: Any = ABSENT
        said = changed = own[0].day
        for one in own:
            new = one.says.get(name, ABSENT)
            if new is ABSENT and one.patch:
                continue
            if new != state or one is own[0]:
                changed = one.day
            state, said = new, one.day
        if state is ABSENT:
            continue
        trust = chosen.order.index(own[0].source) if own[0].source in chosen.order else len(chosen.order)
        # A smaller key text is better where all else is equal.
        place = [-ord(letter) for letter in record]
        rank = {
            "time": (said, -trust, place),
            "changed": (changed, -trust, place),
            "source": (-trust, said, place),
        }
        offers.append((rank[chosen.by], state))
    return max(offers, key=lambda one: one[0])[1] if offers else None


def check_one_world(seed: int) -> None:
    rng = Random(seed)
    versions, policy = random_versions(rng), random_policy(rng)
    rng.shuffle(versions)
    with tempfile.TemporaryDirectory() as folder, Facts.open(Path(folder) / "t.duckdb") as facts:
        house = House(facts, merge={"person": policy})
        for at, one in enumerate(versions):
            now = datetime(2026, 4, 1, 0, at, tzinfo=UTC)
            house.take(
                "person", one.row(), source=one.source, now=now, rows="patch" if one.patch else "whole"
            )
        row = house.row("person")
        shown = view(house.unify(), facts, house.identity, house.merge, "person", row["id"])

        told = f"seed {seed}: {policy} {versions}"
        expected = {name: merged(versions, policy, name) for name in FIELDS}
        assert expected == {name: row.get(path) for name, path in FIELDS.items()}, told
        assert expected == {name: shown.value(path) for name, path in FIELDS.items()}, told
        for name, path in FIELDS.items():
            if path in shown.values:
                assert expected[name] == shown.values[path].winner.value, told


@pytest.mark.parametrize("seed", range(15))
def test_the_winner_is_the_obvious_one(seed: int) -> None:
    check_one_world(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", range(100, 220, 30))
def test_the_winner_is_the_obvious_one_on_many_worlds(seeds: int) -> None:
    for seed in range(seeds, seeds + 30):
        check_one_world(seed)
