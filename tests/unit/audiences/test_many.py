"""Several audiences at once: what is shared, what is read once, and what each result says."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, cast

import pytest
from tests.properties.worlds import random_world
from tests.unit.audiences.nodes import SCHEMA

from townsend.audiences.batch.counted import counted
from townsend.audiences.batch.formula import Combined, Leaves
from townsend.audiences.batch.lower import Lower
from townsend.audiences.batch.tables import Tables
from townsend.audiences.core import Definition
from townsend.audiences.evaluate import evaluate, evaluate_many
from townsend.audiences.pql import parse, resolve

PAGE = 'web.webPageDetails.URL.contains("/new")'
CONVERTED = "b2b.isConverted"
HARD = "tier = custom.a or not (tier = custom.a)"


@pytest.fixture
def unified() -> Iterator[Any]:
    world = random_world(Random(9))
    yield cast(Any, world)
    world.close()


def definition(text: str, of: str = "person", saved: str = "") -> Definition:
    audiences = {"saved": (of, saved)}.get if saved else None
    return resolve(parse(text), SCHEMA, of, seen=lambda *_: True, audiences=audiences).definition


def test_equal_conditions_are_one_leaf_wherever_they_are_written() -> None:
    leaves = Leaves()
    first = leaves.formula(definition(f"{CONVERTED} and not (xEvent[{PAGE}])").condition)
    other = leaves.formula(definition(f"xEvent[{PAGE}] or {CONVERTED}").condition)
    named = leaves.formula(
        definition(f'inSegment("saved") and {CONVERTED}', saved=f"xEvent[{PAGE}]").condition
    )

    assert 2 == len(leaves.numbers)
    assert Combined("and", (0, Combined("not", (1,)))) == first
    assert Combined("or", (1, 0)) == other
    assert Combined("and", (1, 0)) == named


@pytest.mark.parametrize(
    "text",
    [
        f"xEvent[{PAGE} and timestamp occurs <= 7 days before now]",
        f"xEvent.none({PAGE} and timestamp occurs <= 30 days before now)",
        f"3 < xEvent[{PAGE}].count()",
        f"chain(xEvent, timestamp, [A: WHAT({PAGE}) WHEN(today) COUNT(2)])",
    ],
)
def test_windows_and_numbers_are_no_part_of_what_kind_of_event_is_read(unified: Any, text: str) -> None:
    """So all of these are answered by one look at the events."""
    low = Lower(Tables(unified))
    found = counted(low, definition(text).condition)
    plain = counted(low, definition(f"xEvent[{PAGE}]").condition)

    assert found is not None
    assert plain is not None
    assert plain.kind == found.kind


@pytest.mark.parametrize(
    "text",
    [
        "accounts.xEvent",
        "xEvent[timestamp occurs != 3 days before today]",
        "xEvent.forall(web.webPageDetails.URL.isNotNull())",
        f"chain(xEvent, timestamp, [A: WHAT({PAGE}), B: WHAT({PAGE})])",
        f"xEvent[{PAGE}].count() > 1.5",
    ],
)
def test_what_is_no_count_of_own_events_in_one_stretch_is_asked_as_it_is(unified: Any, text: str) -> None:
    found = counted(Lower(Tables(unified)), definition(text).condition)

    assert found is None or found.kind.conditions


def test_results_come_in_order_and_say_what_each_alone_would_say(unified: Any) -> None:
    asked = [
        definition(CONVERTED),
        definition("accountScore > 1", "account"),
        definition(f"{CONVERTED} and ({HARD})"),
        definition("web.webPageDetails.URL.isNotNull()", "event"),
        definition("true"),
    ]
    together, alone = evaluate_many(asked, unified), [evaluate(one, unified) for one in asked]

    assert [one.ids.tolist() for one in alone] == [one.ids.tolist() for one in together]
    assert [(one.engine, one.notes) for one in alone] == [(one.engine, one.notes) for one in together]


def test_no_audiences_have_no_members(unified: Any) -> None:
    assert [] == evaluate_many([], unified)
