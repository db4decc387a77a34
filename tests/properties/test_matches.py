"""Matching what changed gives what matching everything gives, in whatever order and batches facts come."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.unit.profiles.house import House, account, key, person

from townsend.identity.matching import MatchRules
from townsend.identity.matchrules import Matching
from townsend.store.facts import Facts
from townsend.store.facts_matches import Decision, add_decisions

RULES = MatchRules(engine="exact", accept_at=0.95, review_at=0.5)
NAMES = ["Acme Inc.", "ACME Incorporated", "Beta GmbH", "Beta", "Gamma Ltd", "n/a", None]
DOMAINS = ["acme.com", "beta.de", "gamma.co.uk", "gmail.com"]
Row = tuple[str, dict[str, Any]]


def a_row(rng: Random, day: int) -> Row:
    """A version of one of a few records; of one record and day there is one only."""
    gone = {"isDeleted": True} if rng.random() < 0.1 else {}
    if rng.random() < 0.4:
        fields: dict[str, Any] = {"accountName": rng.choice(NAMES)}
        fields["accountOrganization"] = {"website": rng.choice(DOMAINS)}
        if rng.random() < 0.3:
            fields["accountParentKey"] = key(f"a{rng.randint(1, 5)}")
        return "account", account(f"a{rng.randint(1, 5)}", day=day, **fields, **gone)
    company: dict[str, Any] = {"companyName": rng.choice(NAMES)}
    if rng.random() < 0.2:
        company["accountKey"] = key(f"a{rng.randint(1, 5)}")
    email = f"p{rng.randint(1, 4)}@{rng.choice(DOMAINS)}"
    return "person", person(f"p{rng.randint(1, 6)}", email, day=day, b2b=company, **gone)


def a_decision(rng: Random, day: int) -> Decision:
    kind, verdict = rng.choice(["lead", "account", "related"]), rng.choice(["confirmed", "rejected"])
    left = ("b2b_account", key(f"a{rng.randint(1, 2)}")["sourceKey"])
    if kind == "lead":
        left = ("b2b_person", key(f"p{rng.randint(1, 6)}")["sourceKey"])
    return Decision(kind, left, ("b2b_account", key(f"a{rng.randint(3, 5)}")["sourceKey"]), verdict, day)


def outcome(house: House) -> dict[str, Any]:
    """What the matches of a world come to, in keys: ids depend on the order of arrival."""
    world = house.unify()
    run = house.facts.con.execute
    found = {
        "candidates": run(
            "SELECT c.kind, least(x.value, y.value), greatest(x.value, y.value), c.score, c.rule "
            "FROM matched.candidate c JOIN facts.number x ON x.n = c.a JOIN facts.number y ON y.n = c.b "
            "WHERE c.kind <> 'related' ORDER BY ALL"
        ).fetchall(),
        "accounts": run(
            f"SELECT list(d.value ORDER BY d.value) FROM {world.name}.node_account n "
            "JOIN facts.number d USING (n) GROUP BY n.id ORDER BY 1"
        ).fetchall(),
    }
    for table, near in (("edge_person_account", "person"), ("edge_account_related", "account")):
        if house.facts.has_table("u", table):
            found[table] = run(
                f"SELECT DISTINCT x.value, y.value FROM {world.name}.{table} e "
                f"JOIN {world.name}.source s ON s.class = '{near}' AND s.id = e.near "
                f"JOIN {world.name}.source t ON t.class = 'account' AND t.id = e.far "
                "JOIN facts.number x ON x.n = s.n JOIN facts.number y ON y.n = t.n ORDER BY ALL"
            ).fetchall()
    return {name: rows for name, rows in found.items() if rows}


def a_house(folder: str, name: str) -> House:
    house = House(Facts.open(Path(folder) / name))
    return replace(house, identity=replace(house.identity, matching=Matching(RULES, RULES, RULES)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_matching_step_by_step_is_matching_at_once(seed: int) -> None:
    rng = Random(seed)
    rows = [a_row(rng, day) for day in range(1, 25)]
    decisions = [a_decision(rng, day) for day in range(1, 5)]
    shuffled = rng.sample(rows, len(rows))
    with tempfile.TemporaryDirectory() as folder:
        steps, once = a_house(folder, "steps.duckdb"), a_house(folder, "once.duckdb")
        for place, (cls, row) in enumerate(rows):
            steps.take(cls, row)
            if place % 6 == 5:
                add_decisions(steps.facts, decisions[place // 6 : place // 6 + 1])
            if rng.random() < 0.5:
                steps.unify()
            if rng.random() < 0.1:
                steps.facts.close()
                steps.facts = Facts.open(Path(folder) / "steps.duckdb")
        for cls in ("person", "account"):
            once.take(cls, *(row for one, row in shuffled if one == cls))
        add_decisions(once.facts, decisions)
        with_steps, at_once = outcome(steps), outcome(once)
        for house in (steps, once):
            house.facts.close()

    assert at_once["candidates"], f"seed {seed} matched nothing"
    assert at_once == with_steps, f"seed {seed}"
