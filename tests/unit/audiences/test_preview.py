"""Sizes while an audience is being written: exact where that is cheap, else estimates that say so."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, cast

import pytest
from tests.properties.worlds import random_world
from tests.unit.audiences.nodes import SCHEMA

from townsend.audiences.core import Definition
from townsend.audiences.evaluate import TOGETHER, sizes
from townsend.audiences.pql import parse, resolve
from townsend.audiences.preview import preview

PEOPLE = 4_000
HALF, TENTH = "b2b.personScore >= 50", "b2b.personScore < 10"
HARD = "b2b.personScore >= 50 and (tier = custom.a or not (tier = custom.a))"


@pytest.fixture
def crowd() -> Iterator[Any]:
    """A world of a few thousand people, whose scores are spread evenly from 0 to 99."""
    world = random_world(Random(9))
    world.con.execute("DROP TABLE u.person")
    world.con.execute(
        f"""CREATE TABLE u.person AS SELECT r::INTEGER AS id, (r % 100)::DECIMAL(38, 9) AS "b2b.personScore",
            NULL::VARCHAR AS extra FROM range(1, {PEOPLE + 1}) t(r)"""
    )
    yield cast(Any, world)
    world.close()


def definition(text: str) -> Definition:
    return resolve(parse(text), SCHEMA, "person", seen=lambda *_: True).definition


def test_what_is_cheap_is_exact(crowd: Any) -> None:
    found = preview(definition(f"{HALF} and {TENTH}"), crowd)

    assert (None, (0, 0, 0)) == (found.sample, found.error)
    assert [(HALF, 2_000), (TENTH, 400), (TOGETHER, 0)] == [(one.text, one.size) for one in found.sizes]
    assert sizes(definition(f"{HALF} and {TENTH}"), crowd) == list(found.sizes)


def test_a_sample_says_which_and_how_far_off_it_may_be(crowd: Any) -> None:
    found = preview(definition(f"{HALF} and b2b.personScore < 60"), crowd, exact_rows=-1, sampled=1_000)

    assert "one person in 4" == found.sample
    for true, one, error in zip((2_000, 2_400, 400), found.sizes, found.error, strict=True):
        assert 0 < error < 200
        assert abs(true - one.size) <= error


def test_nobody_found_in_a_sample_is_not_nobody_for_sure(crowd: Any) -> None:
    found = preview(definition("b2b.personScore > 100"), crowd, exact_rows=-1, sampled=500)

    assert 0 == found.sizes[0].size
    assert 0 < found.error[0]


def test_the_same_sample_is_taken_each_time(crowd: Any) -> None:
    asked = definition(f"{HALF} and b2b.personScore < 60")

    assert preview(asked, crowd, -1, 100) == preview(asked, crowd, -1, 100)


def test_what_must_be_looked_at_one_by_one_is_sampled_too(crowd: Any) -> None:
    found = preview(definition(HARD), crowd)

    assert "one person in 8" == found.sample
    assert abs(2_000 - found.sizes[-1].size) <= found.error[-1]


def test_a_sample_as_large_as_the_class_is_exact(crowd: Any) -> None:
    assert preview(definition(HALF), crowd, exact_rows=-1, sampled=PEOPLE).sample is None
