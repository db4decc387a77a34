"""First, highest and lowest by SQL: the same items, in the same order, as the reference evaluator has."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, cast

import pytest
from tests.properties.worlds import random_world

from townsend.audiences import batch
from townsend.audiences.pql import parse, resolve
from townsend.audiences.reference import StoreWorld, members

SEEDS = range(40)


@pytest.fixture(params=range(0, len(SEEDS), 10))
def worlds(request: pytest.FixtureRequest) -> Iterator[list[Any]]:
    made = [random_world(Random(seed)) for seed in SEEDS[request.param : request.param + 10]]
    yield cast("list[Any]", made)
    for world in made:
        world.close()


@pytest.mark.parametrize(
    ("of", "text"),
    [
        ("person", "xEvent.topN(timestamp, 1).head().eventType.isNotNull()"),
        ("person", "xEvent.head().timestamp occurs before now"),
        # Equal values stay in the order of time, then of ids; of other entities, in that of their keys.
        ("person", "xEvent.bottomN(1 * 1, 2).sum(commerce.order.priceTotal) > 0"),
        ("account", "people.topN(0 * 1, 1).head().b2b.isConverted"),
        ("account", "people.topN(b2b.personScore, 2)[b2b.isConverted].count() = 1"),
        ("account", "people.topN(b2b.personScore, 3).bottomN(0 * 1, 1).head().b2b.personScore >= 1"),
        ("account", "opportunities.head().isWon and not (opportunities.head().isClosed = false)"),
        # What is ranked may look outside.
        (
            "person",
            "accounts.opportunities.topN(opportunityAmount.amount * ^.b2b.personScore, 1).exists(isWon)",
        ),
        (
            "opportunity",
            'modelInstances("account").count() > 2 and modelInstances("person").exists(b2b.isConverted)',
        ),
    ],
)
def test_sql_finds_whom_the_reference_finds(worlds: list[Any], of: str, text: str) -> None:
    for world in worlds:
        definition = resolve(parse(text), world.schema, of).definition

        assert [] == batch.lowered(definition)
        assert members(definition, StoreWorld(world)) == batch.members(definition, world).tolist()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('organizations.head() = "IT"', "First"),
        ('xEvent.productListItems.topN(quantity, 1).exists(SKU = "PS")', "Ranked"),
        ("xEvent[eventType = ^.workEmail.address].head().timestamp occurs before now", None),
        ("accounts.exists(^.xEvent[eventType = accountName].head().isNotNull())", None),
    ],
)
def test_what_has_no_order_in_sql_is_left_to_the_reference(
    worlds: list[Any], text: str, kind: str | None
) -> None:
    definition = resolve(parse(text), worlds[0].schema, "person", seen=lambda *_: True).definition
    left = {found for found, _ in batch.lowered(definition)}

    assert (set() if kind is None else {kind}) <= left
    if not left:
        for world in worlds:
            assert members(definition, StoreWorld(world)) == batch.members(definition, world).tolist()
