"""Many audiences at once are what each is alone, whatever they have in common.

Half of the audiences are random ones. The others count events of a few kinds over windows and against numbers
that differ, add up the same money against different limits, or put such conditions together: what is shared.
``AGREEMENT_SEEDS`` chooses the worlds, as for the agreement of evaluators.
"""

from __future__ import annotations

from random import Random
from typing import Any, cast

import pytest
from tests.properties.questions import COMPARISONS, Question
from tests.properties.test_agreement import COUNT, FIRST
from tests.properties.worlds import DAY, RandomWorld, random_world

from townsend.audiences import batch
from townsend.audiences.batch.counted import counted
from townsend.audiences.batch.lower import Lower
from townsend.audiences.batch.tables import Tables
from townsend.audiences.core import Definition
from townsend.audiences.evaluate import evaluate_many
from townsend.audiences.pql import parse, resolve
from townsend.audiences.reference import StoreWorld, members

ROOTS = ["person", "person", "account", "opportunity", "event"]
AT_ONCE = 12
KINDS = [
    "",
    'web.webPageDetails.URL.contains("new-product")',
    'web.webPageDetails.URL.contains("pricing")',
    "web.webPageDetails.URL.isNotNull()",
    "not (web.webPageDetails.URL.isNotNull())",
]
WINDOWS = [
    "",
    "timestamp occurs <= 3 days before now",
    "timestamp occurs < 30 days before now",
    "timestamp occurs >= 7 days before now",
    "timestamp occurs last month",
    "timestamp occurs today",
    "timestamp occurs != 3 days before today",
    "timestamp occurs after today",
]


def shared(rng: Random, of: str) -> str:
    """A condition like others that are asked beside it."""
    if rng.random() < 0.2:
        total = {
            "person": "accounts.opportunities[isWon].sum(opportunityAmount.amount)",
            "account": "opportunities.count()",
            "opportunity": "people.count()",
        }[of]
        return f"{total} {rng.choice(COMPARISONS)} {rng.choice([0, 1, 2, 600_000, -1])}"
    kind, window = rng.choice(KINDS), rng.choice(WINDOWS)
    both = " and ".join(one for one in (kind, window) if one) or "true"
    form = rng.choice(["truth", "exists", "none", "count", "flipped", "chain"])
    if form == "chain":
        when = f"WHEN({window.removeprefix('timestamp occurs ')}) " if window else ""
        return f"chain(xEvent, timestamp, [A: WHAT({kind or 'true'}) {when}COUNT({rng.choice([1, 2, 3])})])"
    number = f"{rng.choice(COMPARISONS)} {rng.choice([0, 1, 2, 2.5])}"
    return {
        "truth": f"xEvent[{both}]",
        "exists": f"xEvent.exists({both})",
        "none": f"xEvent.none({both})",
        "count": f"xEvent[{both}].count() {number}",
        "flipped": f"{rng.choice([0, 1, 2])} {rng.choice(COMPARISONS)} xEvent[{both}].count()",
    }[form]


def audience(rng: Random, unified: RandomWorld, saved: dict[str, tuple[str, str | None]]) -> tuple[str, str]:
    """A root class and a condition."""
    of = rng.choice(ROOTS)
    if of == "event" or rng.random() < 0.5:
        return of, Question(rng, unified.schema, saved).about(of)
    text = shared(rng, of)
    if rng.random() < 0.4:
        other = "not " if rng.random() < 0.3 else ""
        text = f"({text}) {rng.choice(['and', 'or'])} {other}({shared(rng, of)})"
    return of, text


@pytest.mark.slow
def test_many_audiences_at_once_are_what_each_is_alone() -> None:
    events = 0
    for seed in range(FIRST, FIRST + COUNT):
        rng = Random(seed)
        unified = random_world(rng)
        unified.now_ms += rng.choice([0, 0, DAY, -DAY, 30 * DAY])
        saved: dict[str, tuple[str, str | None]] = {}
        unified.list_some(rng, saved)
        definitions: list[Definition] = []
        for at in range(AT_ONCE):
            of, text = audience(rng, unified, saved)
            found = resolve(
                parse(text), unified.schema, of, seen=lambda *_: True, audiences=saved.get, strict=False
            )
            definitions.append(found.definition)
            if at < 3:
                saved[f"saved {at}"] = (of, text)
        results = evaluate_many(definitions, cast(Any, unified))
        world = StoreWorld(unified)
        for one, result in zip(definitions, results, strict=True):
            low = Lower(Tables(unified))
            events += one.of != "event" and counted(low, one.condition) is not None

            assert members(one, world) == result.ids.tolist(), (
                f"seed {seed}: {one.of}: {one.text}\n{unified!r}"
            )
            assert ("batch" == result.engine) == (not batch.lowered(one))

        unified.close()

    assert events > COUNT
