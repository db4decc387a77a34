"""Tree to text: the canonical form, laid out, and back to the same tree."""

from __future__ import annotations

from random import Random

import pytest
from tests.properties.questions import ROOTS, Question
from tests.unit.audiences.nodes import SCHEMA
from tests.unit.audiences.test_pql_parse import PRINTED

from townsend.audiences.pql import formatted, parse, text_of

WIDTHS = (20, 60, 100)


def random_text(seed: int) -> str:
    rng = Random(seed)
    return Question(rng, SCHEMA, {"saved": ("person", "")}).about(rng.choice(ROOTS))


@pytest.mark.parametrize("text", PRINTED)
def test_what_is_printed_says_the_same_once_printed_again(text: str) -> None:
    query = parse(text)
    once = text_of(query.root)

    assert query.root == parse(once).root
    assert once == text_of(parse(once).root)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 800, 200))
def test_any_audience_survives_printing_at_any_width(first: int) -> None:
    for seed in range(first, first + 200):
        text = random_text(seed)
        query = parse(text)
        once = text_of(query.root)

        assert once == text_of(parse(once).root), text
        for width in WIDTHS:
            assert query.root == parse(formatted(query, width)).root, text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("A.b='x'   AND NOT c", 'A.b = "x" and not (c)'),
        ("(a or b) and (c and d) and e", "(a or b) and (c and d) and e"),
        ("((a = 1)) or b and c", "a = 1 or b and c"),
        ("1-(2-3)-4 > 0", "1 - (2 - 3) - 4 > 0"),
        ("(1+2)*3/(4%5) > -(6)", "(1 + 2) * 3 / (4 % 5) > -6"),
        ("-(a.b) < - 3", "-a.b < -3"),
        ("!(a) and !b", "not (a) and not (b)"),
        ("(a = b) = c", "(a = b) = c"),
        ("exists X from a : X.b=1", "exists X from a where X.b = 1"),
        ("(exists X from a : X.b, Y from X.c : (all Z from Y : Z.d)) = true", None),
        ("`and`.`in`.from.`odd name` = 1", "`and`.in.from.`odd name` = 1"),
        ("t occurs = 1 days before `now`.x", "t occurs = 1 day before (`now`.x)".replace("`now`", "now")),
        ("t occurs this.x", "t occurs on (this.x)"),
        ("t occurs <= 2 CENTURY before now", "t occurs <= 2 centuries before now"),
        ("t occurs last day", "t occurs yesterday"),
        ("t occurs between last week and date(2026,1,2)", None),
        ("chain(xEvent,timestamp,[A:WHAT(a) COUNT(2) WHEN(today)])", None),
        ("(3).x = .5 and 2.50 < 1E30", "(3).x = 0.5 and 2.50 < 1E+30"),
        (r'a = "\u0001\"\\\n ü"', r'a = "\u0001\"\\\n ü"'),
        ("accounts(via:'direct')[x]", 'accounts(via: "direct")[x]'),
        ("sum (-a.b) over A from c > 1", None),
        ("(A, B) => (C) => a", "(A, B) => (C) => a"),
        ('f(xdm:name, {"k":[ ]})', 'f(xdm:name, {"k": []})'),
    ],
)
def test_there_is_one_canonical_form(text: str, canonical: str | None) -> None:
    printed = text_of(parse(text).root)

    if canonical is not None:
        assert canonical == printed
    assert parse(text).root == parse(printed).root
    assert printed == text_of(parse(printed).root)


def test_a_long_definition_breaks_before_and_and_or() -> None:
    query = parse(
        "accounts.opportunities[isWon].sum(opportunityAmount.amount) > 1000000 and chain(xEvent, timestamp, "
        '[A: WHAT(web.webPageDetails.URL.contains("/new-product")) WHEN(<= 1 month before now), B: WHAT(x)])'
        " and not (b2b.isBlocked = true or b2b.isDeleted = true and this.is.one.more.long.condition)"
    )

    assert formatted(query, 80) == (
        "accounts.opportunities[isWon].sum(opportunityAmount.amount) > 1000000\n"
        "and chain(xEvent, timestamp, [\n"
        '  A: WHAT(web.webPageDetails.URL.contains("/new-product")) WHEN(<= 1 month before now),\n'
        "  B: WHAT(x)\n"
        "])\n"
        "and not (\n"
        "  b2b.isBlocked = true\n"
        "  or b2b.isDeleted = true and this.is.one.more.long.condition\n"
        ")"
    )


def test_a_long_list_fills_its_lines() -> None:
    lines = formatted(parse(f"a in [{', '.join(map(str, range(100_000, 101_000)))}]")).split("\n")

    assert 100 > len(lines) > 2
    assert max(map(len, lines)) <= 100
