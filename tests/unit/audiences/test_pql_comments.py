"""Comments: they change nothing, and survive laying out and ``pql/json``."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from townsend.audiences.pql import formatted, from_json, parse, to_json
from townsend.problem import Invalid

COMMENTED = """// big spenders
accounts.exists(x = 1 and /* two */ y = "// no /* comment */") // money
and /* second */ not (b) // third

// the end"""
PLAIN = 'accounts.exists(x = 1 and y = "// no /* comment */") and not (b)'


def test_comments_change_nothing() -> None:
    assert parse(PLAIN).root == parse(COMMENTED).root


def test_every_node_is_where_it_was_written() -> None:
    query = parse(COMMENTED)
    last = query.root.items[-1]  # type: ignore[union-attr]

    assert "not (b)" == query.text[last.at.start : last.at.end]


def test_a_comment_stays_with_the_condition_that_it_is_about() -> None:
    assert formatted(parse(COMMENTED), 70) == (
        "/* big spenders */\n"
        "/* money */\n"
        'accounts.exists(x = 1 and /* two */ y = "// no /* comment */")\n'
        "and /* second */ /* third */ /* the end */ not (b)"
    )


def test_comments_survive_both_forms() -> None:
    query = parse(COMMENTED)
    said = ["big spenders", "money", "two", "second", "third", "the end"]

    assert said == [one.text for one in parse(formatted(query)).comments]
    assert said == [one.text for one in from_json(json.dumps(to_json(query))).comments]
    assert formatted(query) == formatted(parse(formatted(query)))


def test_a_slip_behind_a_comment_has_its_place() -> None:
    with pytest.raises(Invalid) as refused:
        parse("a = 1 /* x\ny */ == 2")

    assert (2, 6) == (refused.value.facts["line"], refused.value.facts["column"])


@pytest.mark.parametrize("text", ["/* open", "a /* open", "// nothing else", "/* */"])
def test_a_comment_alone_is_no_definition(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(text)

    assert "pql.syntax" == refused.value.code


PLACES = [
    "{}a = 1",
    "a = 1 {}and b",
    "a = 1 and{}b",
    "x[{}a and b]",
    "select {}X from a",
    "a {}= 1",
    "a.count({})",
]
PLACES += [
    "chain(xEvent, timestamp, [A: {}WHAT(a) {}WHEN(<= 3 {}days before now)])",
    "sum {}V.a over V from b",
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PLACES), st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
def test_a_comment_can_stand_anywhere_and_say_anything(place: str, said: str) -> None:
    inside = said.replace("*/", "")
    query = parse(place.replace("{}", f" /*{inside} */ "))

    assert parse(place.replace("{}", " ")).root == query.root
    assert query.root == parse(formatted(query)).root
    assert sorted(one.text for one in query.comments) == sorted(
        one.text for one in parse(formatted(query)).comments
    )
