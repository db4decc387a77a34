"""Which engine answers, what is said beside an answer, and answers as rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from random import Random
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest
from tests.properties.worlds import RandomWorld, random_world
from tests.unit.audiences.nodes import SCHEMA

from townsend.audiences import answers
from townsend.audiences.core import Definition, EntityType, Item, Listed
from townsend.audiences.evaluate import TOGETHER, evaluate, sizes
from townsend.audiences.explain import explain
from townsend.audiences.patience import ask_first, spoken
from townsend.audiences.pql import parse, resolve
from townsend.audiences.reference import StoreWorld, members
from townsend.problem import Invalid

EASY = "b2b.isConverted.isNotNull()"
HARD = "tier = custom.a or not (tier = custom.a)"  # undeclared values are compared by content


@pytest.fixture
def unified() -> Iterator[Any]:
    world = random_world(Random(9))
    yield cast(Any, world)
    world.close()


def definition(text: str, of: str = "person") -> Definition:
    return resolve(parse(text), SCHEMA, of, seen=lambda *_: True).definition


def test_batch_answers_what_it_can(unified: Any) -> None:
    found = evaluate(definition(EASY), unified)

    assert ("batch", ()) == (found.engine, found.notes)
    assert members(definition(EASY), StoreWorld(unified)) == found.ids.tolist()


def test_what_batch_can_not_do_is_left_to_the_reference_and_a_note_says_so(unified: Any) -> None:
    found = evaluate(definition(f"{EASY} and ({HARD})"), unified)

    assert "batch+reference" == found.engine
    assert "compared by their content" in found.notes[0]
    assert evaluate(definition(EASY), unified).ids.tolist() == found.ids.tolist()


def test_batch_asked_by_name_leaves_the_rest_to_the_reference_too(unified: Any) -> None:
    found = evaluate(definition(HARD), unified, "batch")

    assert "reference" == found.engine
    assert evaluate(definition(HARD), unified, "reference").ids.tolist() == found.ids.tolist()


def test_an_unknown_engine_is_refused_with_those_there_are(unified: Any) -> None:
    with pytest.raises(Invalid) as refused:
        evaluate(definition(EASY), unified, "spark")

    assert "engine.unknown" == refused.value.code
    assert "auto, batch, reference" in refused.value.text


def test_what_would_look_at_many_one_by_one_asks_first(unified: Any) -> None:
    everybody = len(evaluate(definition("true"), unified).ids)
    for text, engine in ((HARD, "auto"), (EASY, "reference")):
        with pytest.raises(Invalid) as asked:
            evaluate(definition(text), unified, engine, unasked=everybody - 1)

        assert "engine.slow" == asked.value.code
        assert f"for {everybody:,} of class person; repeat with --slow" in asked.value.text
        enough = evaluate(definition(text), unified, engine, unasked=everybody)
        assert evaluate(definition(text), unified, engine).ids.tolist() == enough.ids.tolist()


def test_only_those_count_who_are_left_to_be_looked_at(unified: Any) -> None:
    (first, *others) = evaluate(definition("true"), unified).ids.tolist()
    only = replace(unified, lists={"targets": [first]})
    text = f'inSegment("targets") and ({HARD})'
    asked = resolve(parse(text), SCHEMA, "person", audiences=lambda _: ("person", None), seen=lambda *_: True)
    found = evaluate(asked.definition, cast(Any, only), unasked=1)

    assert others
    assert "looked at 1 of them" in found.notes[0]


def test_the_time_it_would_take_is_told_by_a_sample(unified: Any) -> None:
    ticks = count(step=0.01)
    with pytest.raises(Invalid) as asked:
        ask_first(definition(HARD), unified, np.arange(100_000, dtype=np.int32), 50_000, lambda: next(ticks))

    assert "about 17 min for 100,000 of class person" in asked.value.text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0, "1 s"), (59.2, "60 s"), (61, "2 min"), (3_600, "60 min"), (3_601, "2 h"), (1e8, "27,778 h")],
)
def test_a_length_of_time_is_rounded_up(seconds: float, said: str) -> None:
    assert said == spoken(seconds)


def test_lists_of_worlds_that_are_gone_are_let_go(unified: Any) -> None:
    asked = Definition("person", Listed("targets", Item(0, EntityType("person"))), "")
    everybody = evaluate(definition("true"), unified).ids.tolist()
    for at in range(3):
        world = replace(unified, lists={"targets": everybody[:at]})

        assert everybody[:at] == evaluate(asked, world).ids.tolist()

    query = "SELECT count(*) FROM duckdb_views() WHERE view_name LIKE 'townsend_listed%'"

    assert unified.con.execute(query).fetchall()[0][0] <= 2


def test_sizes_are_those_of_each_condition_and_of_all(unified: Any) -> None:
    text = f"{EASY} and\n  (accounts and accounts.count() > 0)"
    found = sizes(definition(text), unified)
    first, second = evaluate(definition(EASY), unified), evaluate(definition("accounts"), unified)
    both = set(first.ids.tolist()) & set(second.ids.tolist())

    assert [EASY, "accounts", "accounts.count() > 0", TOGETHER] == [one.text for one in found]
    assert [len(first.ids), len(second.ids), len(second.ids), len(both)] == [one.size for one in found]


def test_a_single_condition_has_one_size(unified: Any) -> None:
    assert [EASY] == [one.text for one in sizes(definition(EASY), unified)]


def _known(unified: RandomWorld) -> None:
    unified.con.execute(
        "CREATE OR REPLACE TABLE u.identity (class VARCHAR, id INTEGER, space VARCHAR, value VARCHAR)"
    )
    unified.con.execute(
        "INSERT INTO u.identity VALUES ('person', 3, 'Email', 'b@x.org'), ('person', 3, 'Email', 'a@x.org'), "
        "('person', 3, 'ECID', '7'), ('account', 3, 'b2b_account', 'k')"
    )


def test_an_answer_names_each_member_once_with_its_identities_sorted(unified: Any) -> None:
    _known(unified)

    assert [
        {"id": 2, "class": "person", "identities": {}},
        {"id": 3, "class": "person", "identities": {"ECID": ["7"], "Email": ["a@x.org", "b@x.org"]}},
    ] == answers.rows(unified, "person", [3, 2, 3])


def test_an_answer_is_a_table_with_three_columns(unified: Any) -> None:
    _known(unified)
    table = answers.table(unified, "person", [3])
    strings = pa.map_(pa.string(), pa.list_(pa.string()))

    assert pa.schema([("id", pa.int32()), ("class", pa.string()), ("identities", strings)]) == table.schema
    assert [[("ECID", ["7"]), ("Email", ["a@x.org", "b@x.org"])]] == table["identities"].to_pylist()
    assert table.schema == answers.table(unified, "person", []).schema


def test_an_event_is_known_by_its_id(unified: Any) -> None:
    (event,) = unified.con.execute("SELECT rowid FROM facts.event WHERE _id = 'e0'").fetchone()

    assert [{"event": ["e0"]}] == [row["identities"] for row in answers.rows(unified, "event", [event])]


DEEPEST = {
    "not": "not (" * 46 + "b2b.personScore > 1" + ")" * 46,
    "logic": "(b2b.isConverted and (b2b.personScore > 1 or " * 23 + "b2b.isConverted" + "))" * 23,
    "arithmetic": " + ".join(["b2b.personScore"] * 47) + " > 3",
    "path": "accounts." + ".".join(["people.accounts"] * 23) + ".count() > 1",
    "brackets": "accounts.exists(" + "parent.children.exists(" * 22 + "accountScore > 1" + ")" * 23,
    "choice": "if(b2b.isConverted, 1, " * 46 + "2" + ")" * 46 + " = 2",
}


@pytest.mark.slow
@pytest.mark.parametrize("text", DEEPEST.values(), ids=DEEPEST.keys())
def test_the_deepest_that_is_admitted_can_be_answered_and_explained(unified: Any, text: str) -> None:
    """A long path must not multiply rows either: each entity is walked from once."""
    world, deepest = StoreWorld(unified), definition(text)
    expected = members(deepest, world)

    assert expected == evaluate(deepest, unified, "batch").ids.tolist()
    for one in world.entities("person"):
        assert (one.id in expected) == explain(deepest, world, one).holds
