"""Merged values on random versions: the unified tables say what a few lines of plain Python say.

Policies of every kind, also for single fields; times of records told by a field; patches; explicit nulls;
arrays of keyed objects, maps and undeclared fields; versions chosen as of an instant; any order of arrival.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
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
COMPONENTS, MEMBERSHIPS = "personComponents", "segmentMembership"
TOLD = "b2b.convertedDate"  # tells when a record is from, where a policy says so
SOURCES = ("crm_1", "crm_2", "marketo_1")
ABSENT = object()


@dataclass(frozen=True)
class Version:
    """One row as it is taken: of a record, from a source, on a day, saying some fields.

    Args:
        told: the day that the field ``TOLD`` names, if it does.
        components: scores by key, of a keyed array; None if it does not name it.
        segments: statuses by name, of a map.
        extra: undeclared values by name.
    """

    record: str
    source: str
    day: int
    patch: bool
    says: dict[str, str | None]
    told: int | None
    components: tuple[tuple[str, int], ...] | None
    segments: tuple[tuple[str, str], ...] | None
    extra: tuple[tuple[str, int], ...]

    def row(self) -> dict[str, Any]:
        row: dict[str, Any] = {"b2b": {"personKey": key(self.record)}}
        row["extSourceSystemAudit"] = {"lastUpdatedDate": f"2026-03-{self.day:02d}T00:00:00Z"}
        row["workEmail"] = {"address": "one@bodea.example"}
        for name, value in self.says.items():
            *way, last = FIELDS[name].split(".")
            row.setdefault(way[0], {})[last] = value
        if self.told is not None:
            row["b2b"]["convertedDate"] = f"2026-02-{self.told:02d}T00:00:00Z"
        if self.components is not None:
            row[COMPONENTS] = [{"sourcePersonKey": key(of), "personScore": n} for of, n in self.components]
        if self.segments is not None:
            row[MEMBERSHIPS] = {"ups": {name: {"status": status} for name, status in self.segments}}
        return row | {"undeclared": dict(self.extra)} if self.extra else row


def random_versions(rng: Random) -> list[Version]:
    found = []
    patches = {source: rng.random() < 0.4 for source in SOURCES}
    for record in rng.sample(["k1", "k2", "k3", "k4"], rng.randint(1, 4)):
        source = rng.choice(SOURCES)
        for day in rng.sample(range(1, 9), rng.randint(1, 4)):
            chosen = [name for name in FIELDS if rng.random() < 0.6]
            says = {name: rng.choice(["a", "b", "c", None]) for name in chosen}
            keys = rng.sample(["x", "y", "z"], rng.randint(1, 2))
            components = tuple((one, rng.randint(1, 9)) for one in keys) if rng.random() < 0.5 else None
            names = rng.sample(["m", "n"], rng.randint(1, 2))
            segments = tuple((one, rng.choice("re")) for one in names) if rng.random() < 0.4 else None
            extra = tuple((one, rng.randint(1, 9)) for one in names) if rng.random() < 0.4 else ()
            told = rng.randint(1, 9) if rng.random() < 0.6 else None
            patch = patches[source]
            found.append(Version(record, source, day, patch, says, told, components, segments, extra))
    return found


def random_policy(rng: Random) -> MergePolicy:
    def one() -> MergePolicy:
        order = tuple(rng.sample(SOURCES, rng.randint(0, 3)))
        by = rng.choice(["time", "changed", "source"])
        times = {}
        if by != "changed" and rng.random() < 0.4:
            times = rng.choice([{"": TOLD}, {"crm_1": TOLD}, {"crm_1": TOLD, "marketo_1": TOLD}])
        return MergePolicy(by, order, times=times)

    default = one()
    fields = {path: one() for path in (*FIELDS.values(), COMPONENTS, MEMBERSHIPS) if rng.random() < 0.3}
    return MergePolicy(default.by, default.order, fields, default.times)


def histories(versions: Sequence[Version], as_of: int | None) -> list[list[Version]]:
    """What counts of each record, the oldest first: all until a day, or the oldest if none is so old."""
    found = []
    for record in sorted({one.record for one in versions}):
        own = sorted((one for one in versions if one.record == record), key=lambda one: one.day)
        found.append([one for one in own if as_of is None or one.day <= as_of] or own[:1])
    return found


def pieces(own: list[Version]) -> list[Version]:
    """What still says something: the last version, or all since the last whole one where it is a patch."""
    if not own[-1].patch:
        return own[-1:]
    whole = max((at for at, one in enumerate(own) if not one.patch), default=0)
    return own[whole:]


def value_of(version: Version, name: str) -> Any:
    """What a version says of a field; ``ABSENT`` if nothing."""
    if name in FIELDS:
        return version.says.get(name, ABSENT)
    found = {COMPONENTS: version.components, MEMBERSHIPS: version.segments, "extra": version.extra or None}[
        name
    ]
    return ABSENT if found is None else found


def ranked(versions: Sequence[Version], policy: MergePolicy, name: str, as_of: int | None) -> list[Any]:
    """What the records say of a field, the best last: pairs of version and value."""
    rule = policy.of(FIELDS.get(name, name)) if name != "extra" else policy
    offers: list[tuple[Any, Version, Any]] = []
    for own in histories(versions, as_of):
        changed, state, time = own[0].day, ABSENT, -99
        for at, one in enumerate(own):
            new = value_of(one, name)
            if at and new is ABSENT and one.patch:
                continue
            if new != state or not at:
                changed = one.day
            state = new
        for at, one in enumerate(pieces(own)):
            told = rule.times.get(one.source, rule.times.get(""))
            # February comes before March.
            time = max(time, one.told - 50 if told and one.told is not None else one.day)
            if value_of(one, name) is ABSENT:
                continue
            trust = rule.order.index(one.source) if one.source in rule.order else len(rule.order)
            # A smaller key text is better where all else is equal.
            place = ([-ord(letter) for letter in one.record], at)
            rank = {
                "time": (time, -trust, place),
                "changed": (changed, -trust, place),
                "source": (-trust, time, place),
            }
            offers.append((rank[rule.by], one, value_of(one, name)))
    return [(version, value) for _, version, value in sorted(offers, key=lambda offer: offer[0])]


def merged(versions: Sequence[Version], policy: MergePolicy, name: str, as_of: int | None) -> Any:
    """What one field is."""
    offers = ranked(versions, policy, name, as_of)
    if name in FIELDS:
        return offers[-1][1] if offers else None
    if name != "extra":
        # Of several patches of a record the last one that names the field counts.
        last = {one.record: one.day for one, _ in sorted(offers, key=lambda offer: offer[0].day)}
        offers = [(one, value) for one, value in offers if last[one.record] == one.day]
    found: dict[str, Any] = {}
    for _, value in offers:
        found |= dict(value)
    return found or None


def read(name: str, text: str | None) -> Any:
    """A stored array, map or document as ``merged`` has it."""
    if text is None or name in FIELDS:
        return text
    value = json.loads(text)
    if name == COMPONENTS:
        return {one["sourcePersonKey"]["sourceID"]: one["personScore"] for one in value}
    if name == MEMBERSHIPS:
        return {one: status["status"] for one, status in value["ups"].items()}
    return value["undeclared"]


def check_one_world(seed: int) -> None:
    rng = Random(seed)
    versions, policy, other = random_versions(rng), random_policy(rng), random_policy(rng)
    as_of = rng.choice([None, None, rng.randint(1, 8)])
    names = [*FIELDS, COMPONENTS, MEMBERSHIPS, "extra"]
    told = f"seed {seed}: {policy} {versions} as of {as_of}"
    rows = []
    for _ in range(2):
        rng.shuffle(versions)
        with tempfile.TemporaryDirectory() as folder, Facts.open(Path(folder) / "t.duckdb") as facts:
            house = House(facts, merge={"person": policy})
            for at, one in enumerate(versions):
                now = datetime(2026, 4, 1, 0, at, tzinfo=UTC)
                rule = "patch" if one.patch else "whole"
                house.take("person", one.row(), source=one.source, now=now, rows=rule)
            then = None if as_of is None else datetime(2026, 3, as_of, tzinfo=UTC)
            world = house.unify(datetime(2026, 5, 1, tzinfo=UTC), then)
            row = house.row("person", world)
            policies = {None: house.merge, "other": {"person": other}}
            shown = view(world, facts, policies, "person", row["id"])
            rows.append({name: value for name, value in row.items() if name != "id"})

            expected = {name: merged(versions, policy, name, as_of) for name in names}
            paths = {name: FIELDS.get(name, name) for name in names}
            assert expected == {name: read(name, row.get(path)) for name, path in paths.items()}, told

        for name, path in paths.items():
            offers = ranked(versions, policy, name, as_of)
            found = shown.values.get(path)
            if found is None:
                # A field that was only ever cleared has no column, and nothing to show.
                assert all(value is None for _, value in offers), told
                continue
            assert len(offers) == 1 + len(found.others), told
            if name in FIELDS:
                said = [found.winner, *found.others]
                assert [value for _, value in reversed(offers)] == [one.value for one in said], told
                best = ranked(versions, other, name, as_of)[-1]
                under = found.under.get("other", found.winner)
                assert (best[1], best[0].source) == (under.value, under.source), told

    assert rows[0] == rows[1], told


@pytest.mark.parametrize("seed", range(12))
def test_the_winner_is_the_obvious_one(seed: int) -> None:
    check_one_world(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", range(100, 160, 15))
def test_the_winner_is_the_obvious_one_on_many_worlds(seeds: int) -> None:
    for seed in range(seeds, seeds + 15):
        check_one_world(seed)
