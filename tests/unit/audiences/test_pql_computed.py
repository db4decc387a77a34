"""Computed fields while a definition is resolved: they are what their text says, wherever they are named."""

from __future__ import annotations

import pytest
from tests.unit.audiences.nodes import SCHEMA

from townsend.audiences.core import NUMBER, Compare, Conditional, Const, Definition, Span
from townsend.audiences.pql import parse, resolve, resolve_field
from townsend.audiences.walk import everything
from townsend.problem import Invalid

WON = "opportunities[isWon].sum(opportunityAmount.amount)"
COMPUTED = {
    "account": {
        "won": WON,
        "twice": "won * 2",
        "hot": "won > 50",
        "lambda": f"(A) => A.{WON}",
        "everybody": "people",
        "wrong": "won >",
        "first": "second",
        "second": "first + 1",
        "member": 'inSegment("asks for it")',
    },
    "person": {"won": f"accounts.sum({WON})", "own": "accounts.sum(won)"},
}
SAVED = {"asks for it": ("account", "member")}


def resolved(text: str, of: str = "account", strict: bool = True) -> Definition:
    found = resolve(
        parse(text), SCHEMA, of, computed=COMPUTED, audiences=SAVED.get, seen=lambda *_: False, strict=strict
    )
    return found.definition


@pytest.mark.parametrize(
    ("of", "short", "long"),
    [
        ("account", "won > 3", f"{WON} > 3"),
        ("account", "twice > 3", f"{WON} * 2 > 3"),
        ("account", "hot", f"{WON} > 50"),
        ("account", "lambda = 1", f"{WON} = 1"),
        ("person", "won > 3", f"accounts.sum({WON}) > 3"),
        ("person", "own > 3", f"accounts.sum({WON}) > 3"),
        ("person", "accounts.exists(won > 3 and twice > 3)", f"accounts.exists({WON} > 3 and {WON} * 2 > 3)"),
        ("opportunity", "account.people.sum(own) > 3", f"account.people.sum(accounts.sum({WON})) > 3"),
    ],
)
def test_a_computed_field_is_its_text(of: str, short: str, long: str) -> None:
    assert resolved(long, of).condition == resolved(short, of).condition


def test_it_is_null_where_there_is_no_entity() -> None:
    found, plain = resolved("parent.won > 3").condition, resolved(f"parent.{WON} > 3").condition
    test = resolved("parent.isNotNull()").condition

    assert isinstance(found, Compare)
    assert isinstance(plain, Compare)
    assert Conditional(test, plain.left, Const(None, NUMBER), NUMBER) == found.left


def test_its_place_is_where_its_name_stands() -> None:
    found = resolved("accountName.isNotNull() and twice > 3")

    assert Span(28, 33) in {one.at for one in everything(found.condition)}
    assert max(one.at.end for one in everything(found.condition)) == len(found.text)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("everybody = 3", "pql.computed", "a computed field is one value, and this is a list of person"),
        ("wrong = 3", "pql.syntax", "in the computed field account.wrong, line 1, column 6"),
        ("first = 3", "pql.cycle", "account.first → account.second → account.first"),
        ("member", "pql.cycle", "account.member → account.member"),
        ("wonn > 3", "pql.field", "did you mean 'won'?"),
    ],
)
def test_what_is_wrong_is_told_with_both_places(text: str, code: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        resolved(text)

    assert code == refused.value.code
    assert said in refused.value.text


def test_a_name_that_never_came_is_a_doubt_of_the_field_and_no_error_of_the_audience() -> None:
    computed = {"account": {"odd": "people.xEvnt.count()"}}
    found = resolve(parse("odd = 0"), SCHEMA, "account", computed=computed)

    assert ["in the computed field account.odd, line 1, column 1"] == [
        one.text.partition(":")[0] for one in found.warnings
    ]
    with pytest.raises(Invalid, match="did you mean 'xEvent'"):
        resolve_field(parse(computed["account"]["odd"]), SCHEMA, "account", "odd", computed=computed)
