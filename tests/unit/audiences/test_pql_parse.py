"""Text to tree: what is PQL, and how a slip is reported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.audiences.nodes import SCHEMA

from townsend.audiences.pql import grammar, parse, resolve, tree
from townsend.problem import Invalid

# Printed in the public documentation of the language, or the shortest form of what is.
PRINTED = [
    'person.name.firstName = "x" and not (person.gender.equals("male", false))',
    'homeAddress.countryISO.equals("US", false)',
    "homeAddress.countryISO in [\"US\", 'CA']",
    'person.name.lastName like "%es%"',
    'person.name.firstName.matches("(?i)^john\\\\w+$")',
    'xEvent[productListItems[SKU="PS"]].sum(commerce.order.priceTotal) > 4.5',
    'chain(xEvent, timestamp, [A: WHAT(eventType = "a") WHEN(< 8 days before now),'
    " B: WHAT(commerce.order.priceTotal > .5)])",
    'CHAIN(xEvent, timestamp, [C0: WHAT(eventType.equals("a", false)) WHEN(<= 24 hours before now)'
    " COUNT(3)])",
    "(select X from xEvent where X.timestamp occurs last month).count() > 2.02E12",
    'exists E from xEvent : E.eventType = "a"',
    "forall I from xEvent where I.timestamp occurs before today,"
    " J from xEvent where J.timestamp occurs after I.timestamp",
    "sum X.commerce.order.priceTotal over X from xEvent where X.timestamp occurs on date(2018, 8, 28)",
    "max X from someNumbers where X > 3",
    'let Last = xEvent.topN(timestamp, 1).head() in Last.eventType = "a"',
    "(Profile) => Profile.person.birthDate occurs between date(currentYear() - 1, 10, 1) and tomorrow",
    '$1.person.name.firstName = "x" or ^^.person.gender = "female"',
    "timestamp occurs = 3 days before today and timestamp occurs next century",
    'segmentMembership.get("ups").get("id").status = "realized"',
    'segmentMembership["ups"]["id"]["status"] in ["realized", "existing"]',
    '{"k": xEvent.count(), "j": [1, 2]}',
    'accounts(via: "direct").accountName = "x"',
    "xEvent.groupBy(eventType).map((K, G) => mapEntry(K, G.count()))",
    "if(x.isNotNull(), x, 0) * 2 - -3 % 4 / 5 != 1 and !(a notIn [1, -1])",
    "_acme.`odd name`.from.in = 1 and xdm:name = 2",
    "this.sum = sum and count.min(max) > 0",
    "a.b occurs <= 1 month before now",
]


@pytest.mark.parametrize("text", PRINTED)
def test_what_is_printed_parses(text: str) -> None:
    assert text == parse(text).text


def test_precedence_is_the_usual_one() -> None:
    assert (
        parse("a = 1 or b = 2 and not c + 1 * 2 > 3").root
        == parse("(a = 1) or ((b = 2) and (not ((c + (1 * 2)) > 3)))").root
    )


def test_operators_of_one_level_go_from_left_to_right() -> None:
    assert parse("1 - 2 - 3 > 0").root == parse("(1 - 2) - 3 > 0").root
    assert parse("8 / 4 / 2 > 0").root != parse("8 / (4 / 2) > 0").root


def test_keywords_have_no_case_but_names_have() -> None:
    assert parse("a IN [1] And NOT b").root == parse("a in [1] and not b").root
    assert parse("a").root != parse("A").root


def test_strings_unescape() -> None:
    literal = parse(r'"a\"b\\\n\u00e9"').root

    assert tree.Literal('a"b\\\né') == literal


def test_a_negative_literal_is_one_value() -> None:
    assert tree.Literal(-3) == parse("-3").root


def test_single_quotes_are_taken_with_a_remark() -> None:
    query = parse("a = 'x'")

    assert parse('a = "x"').root == query.root
    assert len(query.remarks) == 1


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("", 1, 1, "expected a value or a condition, got the end"),
        ("a =", 1, 4, "got the end"),
        ("a =\n  == 3", 2, 3, "got '='"),
        ('a == "x"', 1, 4, "equality is written with one ="),
        ("a && b", 1, 3, "write and, or"),
        ("a = “x”", 1, 5, "straight double quotes"),
        ('a = "x', 1, 5, "a string is not closed"),
        ("a b", 1, 3, "expected an operator"),
        ("accounts[", 1, 10, "got the end"),
        ("a occurs <= 3 dais before now", 1, 15, "a unit of time"),
        ("a occurs <= 3 days before", 1, 26, "got the end"),
        ("a occurs <= 3.5 days before now", 1, 10, "a whole number"),
        ("chain(xEvent, timestamp, [A: eventType = 1])", 1, 30, "WHAT(…)"),
        ("true and and", 1, 10, "got 'and'; a field of that name is written `and`"),
        ("matches = 1", 1, 1, "`matches`, in backquotes"),
        ("accounts[in]", 1, 10, "`in`"),
        ("let or = a in b", 1, 5, "expected a name, got 'or'"),
        ("a = not b", 1, 5, "write (not …) in parentheses"),
        ("(a, b)", 1, 1, "`=>`"),
        ("(a, 1) => b", 1, 1, "names"),
    ],
)
def test_a_slip_has_line_column_and_caret(text: str, line: int, column: int, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(text)
    problem = refused.value
    shown = problem.text.split("\n")

    assert ("pql.syntax", line, column) == (
        problem.code,
        problem.facts["line"],
        problem.facts["column"],
    ), problem.text
    assert f"line {line}, column {column}: " in shown[0]
    assert words in shown[0]
    assert shown[-1].rstrip().endswith("^")


def test_a_word_of_the_language_is_a_name_after_a_dot_and_in_backquotes() -> None:
    assert parse("`a`.`and`.`or` = `Not`") == parse("a.and.or = `Not`")
    assert "in" == parse("chain(xEvent, timestamp, [in: WHAT(a)])").root.steps[0].label


def test_the_caret_stands_below_the_slip_in_a_long_line() -> None:
    text = "a = 1 and " * 60 + "b == 2"
    with pytest.raises(Invalid) as refused:
        parse(text)
    _, line, caret = refused.value.text.split("\n")

    assert "=" == line[caret.index("^")]


def test_depth_and_size_are_bounded() -> None:
    for text, code in (("(" * 50_000 + "a" + ")" * 50_000, None), ("not " * 5_000 + "a", "pql.depth")):
        if code is None:
            assert tree.Name("a") == parse(text).root
            continue
        with pytest.raises(Invalid) as refused:
            parse(text)
        assert code == refused.value.code
    with pytest.raises(Invalid) as refused:
        parse("a" * 1_000_001)

    assert "pql.size" == refused.value.code


PIECES = [
    *["a", "accounts", "xEvent", "timestamp", "this", "b2b.personScore", "$1", "^", "^^.", "`x y`"],
    *["1", ".5", "2E3", '"x"', '"', "'y'", "true", "[", "]", "(", ")", "{", "}", ",", ":", ".", "=>"],
    *["=", "!=", "<=", "+", "-", "*", "/", "%", "!", "and", "or", "not", "in", "notIn", "like", "matches"],
    *["occurs", "before", "now", "today", "last", "month", "days", "between", "on", "from", "where", "over"],
    *["select", "exists", "forall", "sum", "max", "let", "chain", "WHAT", "WHEN", "COUNT", "GAP", "A:"],
    *["count()", ".exists(", ".sum(", "inSegment(", "if(", "date(", "via:", "\n", "“", "é", "\x00", "\\"],
]


def outcome(text: str) -> Invalid | None:
    """How a text fails, if it does; any other exception is a failure of the test."""
    try:
        resolve(parse(text), SCHEMA, "person", seen=lambda *_: True, strict=False)
    except Invalid as problem:
        return problem
    return None


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=25))
def test_any_text_is_a_definition_or_invalid_and_nothing_else(pieces: list[str]) -> None:
    problem = outcome(" ".join(pieces))

    assert problem is None or (problem.code.startswith("pql.") and problem.facts["column"] >= 1)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PRINTED), st.sampled_from(["", *PIECES]), st.integers(0, 200), st.integers(0, 6))
def test_a_damaged_text_is_a_definition_or_invalid(text: str, piece: str, at: int, gone: int) -> None:
    problem = outcome(text[:at] + piece + text[at + gone :])

    assert problem is None or problem.code.startswith("pql.")


def test_the_parsers_tables_are_those_of_the_grammar() -> None:
    """After a change of the grammar, write them anew; see ``grammar``."""
    kept = (Path(grammar.__file__).parent / "grammar.json").read_text("utf-8")

    assert grammar.digest() == json.loads(kept)["digest"]
    assert json.loads(grammar.tables())["data"]["parser"].keys() == json.loads(kept)["data"]["parser"].keys()


def test_tables_of_another_grammar_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grammar, "digest", lambda: "another")
    built = grammar.parser.__wrapped__()

    assert built.parse("a = 1 and b") == grammar.parser().parse("a = 1 and b")
