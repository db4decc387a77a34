"""Live audiences are, after every step, what both other evaluators say of the same facts at the same instant.

A small project lives through whatever may come: rows, late and future events, links and their withdrawal,
master data, deletions, changed and removed definitions, a clock that goes forward any distance and back,
restarts, crashes between the record and its copy. What changed is told as sparingly as is right: the
differences of the unified tables, no more. The seed is in the failure.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import yaml
from tests.properties.questions import Question
from tests.properties.test_renewal import COMPANIES, PEOPLE, random_row
from tests.unit.activation.memory import TestClock
from tests.unit.profiles.house import NOW, key

from townsend.activation.membership import members_recorded
from townsend.audiences.evaluate import evaluate
from townsend.audiences.live.arrivals import Seen, arrived, seen_of
from townsend.intake import SourceTraits, accept_rows
from townsend.model import Edge, Schema, builtin_schema
from townsend.profiles import Unified
from townsend.project.live import Live, Transition
from townsend.project.load import intake_rules
from townsend.project.project import Project
from townsend.store.state import State

Touched = dict[str, Any]
Tables = dict[str, tuple[list[str], dict[str, Any]]]
SETTINGS = """\
name: live
identity:
  person: {namespaces: [{code: b2b_person}, {code: Email}, {code: ECID}]}
"""
DEFINITIONS = [
    ("person", "xEvent[timestamp occurs <= 3 days before now]"),
    ("person", "xEvent[timestamp occurs <= 3 days before now].count() >= 2"),
    ("person", "not xEvent[timestamp occurs <= 1 week before now]"),
    (
        "person",
        "chain(xEvent, timestamp, [A: WHAT(true) WHEN(<= 1 month before now), "
        "B: WHAT(true) WHEN(<= 5 days before now)])",
    ),
    ("person", "xEvent[timestamp occurs today]"),
    ("person", "xEvent[timestamp occurs last month]"),
    ("person", "xEvent[timestamp occurs before today].count() = 1"),
    ("person", "xEvent.max(timestamp) occurs >= 2 days before now"),
    ("person", "accounts.opportunities[isWon].sum(opportunityAmount.amount) > 5"),
    ("person", 'accounts(via: "direct").count() > 1'),
    ("person", 'accounts(via: "relation") and not accounts(via: "direct")'),
    ("person", 'person.name.firstName = "x" and accounts.exists(accountName in ["x", "y"])'),
    ("person", "accounts.exists(descendants) or accounts.exists(ancestors)"),
    ("person", 'inSegment("other")'),
    ("person", 'accounts.exists(inSegment("firms")) and not inSegment("other")'),
    ("person", "opportunities.exists(opportunityAmount.amount > 4)"),
    ("person", "workEmail.address"),
    ("person", "xEvent[ageInDays(timestamp) >= 2]"),
    ("person", "xEvent[timestamp.getDayOfMonth() = currentDayOfMonth()]"),
    ("person", "opportunityRelations.count() > 0 and xEvent.count() < 2"),
    ("account", "people.exists(xEvent[timestamp occurs <= 4 days before now])"),
    ("account", "people.count() >= 2"),
    ("account", "opportunities.sum(opportunityAmount.amount) >= 6"),
    ("account", "parent.accountName = accountName"),
    ("account", "ancestors.exists(opportunities[isWon])"),
    ("opportunity", "account.people.count() > 1"),
    ("opportunity", "isWon and people.exists(accounts.count() > 0)"),
    ("account_person", "person.xEvent and account.opportunities.count() >= 1"),
]


class House:
    """The project, who follows it, and the clock."""

    def __init__(self, folder: Path, rng: Random) -> None:
        self.folder, self.rng = folder, rng
        self.clock = TestClock(NOW)
        self.events = 0
        (folder / "audiences").mkdir()
        (folder / "townsend.yaml").write_text(SETTINGS, "utf-8")
        self.define(
            "other", "person", "xEvent[timestamp occurs <= 2 days before now] or accounts.count() > 1"
        )
        self.define("firms", "account", "opportunities[isWon]")
        for at in range(9):
            self.define(f"a{at}", *self.any_definition())
        self.start()

    def start(self) -> None:
        self.project = Project(self.folder, self.clock)
        self.live = Live(self.project)
        self.before: Tables | None = None
        self.seen: Seen | None = None

    def stop(self) -> None:
        self.project.close()

    def define(self, name: str, of: str, pql: str) -> None:
        text = yaml.safe_dump({"name": name, "of": of, "pql": pql})
        (self.folder / "audiences" / f"{name}.yaml").write_text(text, "utf-8")

    def any_definition(self) -> tuple[str, str]:
        """One of ours, or any that can be written."""
        if self.rng.random() < 0.7:
            return self.rng.choice(DEFINITIONS)
        of = self.rng.choice(["person", "account", "opportunity", "account_person", "event"])
        others = {"other": ("person", "true"), "firms": ("account", "true")}
        return of, Question(self.rng, builtin_schema(), others).about(of)

    def take(self, cls: str, *rows: Mapping[str, Any], source: str = "crm_1") -> None:
        rules = intake_rules(self.project)
        accept_rows(self.project.facts, rules, cls, rows, SourceTraits(source), NOW)

    # -------------------------------------------------------- steps

    def step(self) -> str:
        """Something happens; what, in a word."""
        rng = self.rng
        happens = rng.choices(
            ["rows", "visits", "forward", "back", "restart", "crash", "define", "remove", "xref"],
            [35, 15, 20, 3, 4, 4, 8, 2, 6],
        )[0]
        getattr(self, "_" + happens)()
        return happens

    def _rows(self) -> None:
        for _ in range(self.rng.randint(1, 4)):
            cls, row = random_row(self.rng, self.events)
            if cls == "event":
                self.events += 1
                at = self.clock.now() + timedelta(hours=self.rng.choice([-900, -50, -30, -3, -1, 0, 5, 20]))
                row["timestamp"] = at.isoformat()
            if cls == "account_person":
                for name in ("relationStartDate", "relationEndDate"):
                    if self.rng.random() < 0.4:
                        at = self.clock.now() + timedelta(hours=self.rng.randint(-60, 60))
                        row[name] = at.isoformat()
            self.take(cls, row)

    def _visits(self) -> None:
        """Events of people who may be known, each under one identity."""
        for _ in range(self.rng.randint(1, 3)):
            self.events += 1
            at = self.clock.now() + timedelta(hours=self.rng.choice([-900, -50, -3, 0, 5]))
            who = key(self.rng.choice(PEOPLE))
            self.take("event", {"_id": f"v{self.events}", "timestamp": at.isoformat(), "personKey": who})

    def _forward(self) -> None:
        step = self.rng.choice(
            [1, 1_000, 3_600_000, 5 * 3_600_000, 86_400_000, 86_400_000 * 3, 86_400_000 * 40]
        )
        self.clock.at += timedelta(milliseconds=step)

    def _back(self) -> None:
        self.clock.at -= timedelta(hours=self.rng.choice([1, 30, 800]))

    def _restart(self) -> None:
        self.stop()
        self.start()

    def _crash(self) -> None:
        """Between the record and its copy: the copy is behind."""
        self._rows()
        kept = State.transaction

        def crashed(_: State) -> Any:
            raise KeyboardInterrupt

        State.transaction = crashed  # type: ignore[method-assign]
        try:
            self.live.follow(self.clock.now(), None)
        except KeyboardInterrupt:
            pass
        finally:
            State.transaction = kept  # type: ignore[method-assign]
        self._restart()

    def _define(self) -> None:
        self.define(f"a{self.rng.randint(0, 9)}", *self.any_definition())

    def _remove(self) -> None:
        (self.folder / "audiences" / f"a{self.rng.randint(0, 9)}.yaml").unlink(missing_ok=True)

    def _xref(self) -> None:
        row = {
            "entity_type": "account",
            "golden_id": self.rng.choice("gh"),
            "source_system": "Salesforce",
            "source_instance": "crm1",
            "source_key": self.rng.choice(COMPANIES),
        }
        if self.rng.random() < 0.3:
            row["status"] = "inactive"
        if self.rng.random() < 0.3:
            row["valid_to"] = (self.clock.now() + timedelta(days=self.rng.randint(-3, 3))).isoformat()
        self.take("account_xref", row, source="mdm")

    # -------------------------------------------------------- following

    def follow(self) -> list[Transition]:
        now = self.clock.now()
        world = self.project.unified(now)
        after = tables(world)
        if self.rng.random() < 0.15:
            self.before, self.seen = after, seen_of(world)
            del world
            gc.collect()
            return self.live.follow(now)
        touched = (
            None
            if self.before is None or self.rng.random() < 0.1
            else differences(self.before, after, self.project.schema)
        )
        self.before = after
        arrivals = None if self.seen is None else arrived(world, self.seen)
        if arrivals and touched is not None:
            missing = {cls: set(ids) - set(arrivals.get(cls, ())) for cls, ids in touched.items()}

            assert not any(missing.values()), missing

        self.seen = seen_of(world)
        del world
        gc.collect()
        return self.live.follow(now, touched)


def tables(world: Unified) -> Tables:
    """Every unified table and the events: columns, and rows by their text."""
    found: Tables = {}
    names = world.con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = $name "
        "OR (database_name = $name AND schema_name = 'main')",
        {"name": world.name.removesuffix(".main")},
    ).fetchall()
    for (name,) in names:
        found[name] = _rows(world, f'SELECT * FROM {world.name}."{name}"')
    there = world.con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'event'").fetchall()
    if there:
        found["event"] = _rows(world, "SELECT rowid AS id FROM facts.event")
    return found


def _rows(world: Unified, query: str) -> tuple[list[str], dict[str, Any]]:
    read = world.con.execute(query)
    columns = [one[0] for one in read.description or ()]
    return columns, {repr(row): row for row in read.fetchall()}


def differences(before: Tables, after: Tables, schema: Schema) -> Touched:
    """By class, the entities of which something differs."""
    found: dict[str, set[int]] = {}
    for name in before.keys() | after.keys():
        (old_columns, old), (columns, new) = before.get(name, ([], {})), after.get(name, ([], {}))
        same = old.keys() & new.keys() if columns == old_columns or not (old and new) else set()
        rows = [(old_columns, old[one]) for one in old.keys() - same]
        rows += [(columns, new[one]) for one in new.keys() - same]
        for names, row in rows:
            for cls, entity in _entities(name, dict(zip(names, row, strict=True)), schema):
                found.setdefault(cls, set()).add(entity)
    return {cls: np.array(sorted(ids), np.int64) for cls, ids in found.items()}


def _entities(table: str, row: dict[str, Any], schema: Schema) -> Iterator[tuple[str, int]]:
    """Whom a row of a unified table is about."""
    base = table.removesuffix("_retired")
    if base.startswith("edge_"):
        plans = [(one, one.plan) for one in schema.relationships.values() if isinstance(one.plan, Edge)]
        one, plan = next((one, plan) for one, plan in plans if f"edge_{plan.table}" == base)
        near, far = (one.far, one.near) if plan.backward else (one.near, one.far)
        yield near, row["near"]
        yield far, row["far"]
    elif base.startswith("node_"):
        yield base.removeprefix("node_"), row["id"]
    elif table == "identity":
        yield row["class"], row["id"]
    elif base.removesuffix("_worth") in schema.classes:
        cls = base.removesuffix("_worth")
        yield cls, row["id"]
        for name, reference in schema.classes[cls].references.items():
            if row.get("@" + name) is not None:
                yield reference.to, row["@" + name]


def check(house: House, said: str) -> None:
    """Live = batch = reference = the record."""
    for name, problem in house.live.problems.items():
        assert problem.code.startswith("pql."), f"{said}: {name}: {problem.text}"
    world = house.project.unified(house.clock.now())
    for name, audience in house.project.audiences().items():
        if name in house.live.problems:
            continue
        assert audience.pql is not None
        definition = house.project.resolve(audience.pql, audience.of, strict=False, name=name).definition
        live = set(house.live.members(name))
        right = set(evaluate(definition, world).ids.tolist())
        slow = set(evaluate(definition, world, "reference").ids.tolist())
        recorded = set(members_recorded(house.project.facts, house.project.state, name))
        told = f"{said}: {name}: {audience.pql}"

        assert slow == right, told
        assert right == live, told
        assert live == recorded, told
    del world
    gc.collect()


def check_moves(house: House, happened: str, moved: list[Transition], said: str) -> None:
    """Who moved is where it says, each once, in order; where nothing happened nobody moved."""
    places = [one.cursor for one in moved]

    assert sorted(set(places)) == places, said
    assert happened != "restart" or not moved, f"{said}: {moved}"
    for one in moved:
        is_in = one.audience in house.live.stats() and one.id in house.live.members(one.audience)

        assert (one.change == "entered") == is_in, f"{said}: {one}"


def check_history(house: House, said: str) -> None:
    """Nobody enters who is in, nor leaves who is out."""
    inside: set[tuple[str, int]] = set()
    rows = house.project.facts.con.execute("SELECT audience, id, change FROM facts.transition ORDER BY rowid")
    for audience, entity, change in rows.fetchall():
        was = (audience, entity) in inside

        assert was == (change in ("left", "merged")), f"{said}: {audience} {entity} {change}"
        inside ^= {(audience, entity)}


def walk(seed: int, steps: int) -> None:
    rng = Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder), rng)
        try:
            done: list[str] = []
            for at in range(steps):
                done.append(house.step())
                moved = house.follow()
                said = f"seed {seed}, step {at}: {done[-6:]}"
                check(house, said)
                check_moves(house, done[-1] if at else "", moved, said)
            check_history(house, f"seed {seed}")
        finally:
            house.stop()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_live_audiences_are_what_batch_and_reference_say(seed: int) -> None:
    walk(seed, 25)
