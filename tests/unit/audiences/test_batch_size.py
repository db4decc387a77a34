"""SQL grows with its definition, not faster: what is nested is written once."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, cast

import pytest
from tests.properties.worlds import random_world

from townsend.audiences import batch
from townsend.audiences.pql import parse, resolve
from townsend.audiences.reference import StoreWorld, members


@pytest.fixture
def world() -> Iterator[Any]:
    made = random_world(Random(13))
    yield cast("Any", made)
    made.close()


def chained(term: str, op: str, times: int) -> str:
    return f" {op} ".join([term] * times) + " > 1"


def nested(times: int) -> str:
    return "1 / (" * times + "b2b.personScore" + ")" * times + " > 1"


@pytest.mark.parametrize(
    ("shorter", "longer"),
    [
        (chained("tier", "*", 5), chained("tier", "*", 20)),
        (chained("b2b.personScore", "*", 5), chained("b2b.personScore", "*", 20)),
        (
            chained("xEvent.sum(commerce.order.priceTotal)", "*", 5),
            chained("xEvent.sum(commerce.order.priceTotal)", "*", 20),
        ),
        (nested(5), nested(20)),
    ],
)
def test_four_times_the_definition_is_about_four_times_the_sql(world: Any, shorter: str, longer: str) -> None:
    """Found by fuzzing: eight factors were seven megabytes."""
    asked = [
        resolve(parse(text), world.schema, "person", seen=lambda *_: True, strict=False).definition
        for text in (shorter, longer)
    ]
    small, large = (len(batch.sql(one, world)) for one in asked)

    assert large < 6 * small
    for one in asked:
        assert members(one, StoreWorld(world)) == batch.members(one, world).tolist()
