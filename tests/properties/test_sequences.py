"""Sequences with GAP, of every comparison and count: batch finds whom the reference evaluator finds.

Batch looks at the ends of steps only, never at pairs of events; so events are dense here, several of one
entity lie at one instant, and gaps are about as long as the time between events.
"""

from __future__ import annotations

from random import Random
from typing import Any, cast

import pytest
from tests.properties.questions import COMPARISONS
from tests.properties.test_agreement import COUNT, FIRST
from tests.properties.worlds import DAY, RandomWorld, random_world

from townsend.audiences import batch
from townsend.audiences.evaluate import evaluate
from townsend.audiences.pql import parse, resolve
from townsend.audiences.reference import StoreWorld, members

WHATS = ["true", "true", 'web.webPageDetails.URL.contains("new")', "web.webPageDetails.URL.isNotNull()"]
WHENS = ["", "", "WHEN(<= 20 days before now)", "WHEN(> 3 days before now)", "WHEN(after today)"]
GAPS = ["1 day", "2 days", "36 hours", "1 month", "0 days", "1 week", "1 millisecond"]


def sequence(rng: Random) -> str:
    """A chain of two to four steps, of which most have a gap."""
    steps = []
    for at in range(rng.choice([2, 2, 3, 4])):
        count = f" COUNT({rng.choice([1, 2, 3])})" if rng.random() < 0.4 else ""
        gap = f" GAP({rng.choice(COMPARISONS)} {rng.choice(GAPS)})" if at and rng.random() < 0.8 else ""
        steps.append(f"S{at}: WHAT({rng.choice(WHATS)}) {rng.choice(WHENS)}{count}{gap}")
    return f"chain(xEvent, timestamp, [{', '.join(steps)}])"


def make_dense(rng: Random, unified: RandomWorld) -> None:
    """Put many events of few people on few instants."""
    rows = unified.con.execute("SELECT n FROM u.node_person ORDER BY n LIMIT 4").fetchall()
    known = unified.con.execute("SELECT column_name FROM duckdb_columns() WHERE schema_name = 'facts'")
    if not rows or "timestamp" not in {name for (name,) in known.fetchall()}:
        return
    for at in range(60):
        moment = unified.now_ms - rng.randint(0, 40) * DAY // 2 + rng.choice([0, 0, 1, -1])
        unified.con.execute(
            "INSERT INTO facts.event (_id, timestamp, who) VALUES (?, ?, ?)",
            [f"dense {at}", moment, rng.choice(rows)[0]],
        )
    if "web.webPageDetails.URL" in unified.columns.get("event", ()):
        unified.con.execute(
            """UPDATE facts.event SET "web.webPageDetails.URL" = '/new' WHERE rowid % 3 = 0"""
        )


@pytest.mark.slow
def test_sequences_with_gaps_have_the_same_members_in_both_evaluators() -> None:
    met = 0
    for seed in range(FIRST, FIRST + COUNT):
        rng = Random(seed)
        unified = random_world(rng)
        make_dense(rng, unified)
        world = StoreWorld(cast(Any, unified))
        for _ in range(6):
            text = sequence(rng)
            definition = resolve(
                parse(text), unified.schema, "person", seen=lambda *_: True, strict=False
            ).definition
            expected = members(definition, world)
            met += 0 < len(expected)

            assert [] == batch.lowered(definition)
            assert expected == evaluate(definition, cast(Any, unified)).ids.tolist(), f"seed {seed}: {text}"

        unified.close()

    assert met > COUNT
