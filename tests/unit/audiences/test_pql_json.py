"""``pql/json`` both ways, without loss; slips are told with their path."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.audiences.test_pql_parse import PRINTED
from tests.unit.audiences.test_pql_print import random_text

from townsend.audiences.pql import from_json, parse, to_json
from townsend.problem import Invalid

ROOT = {"nodeType": "parameterReference", "position": 1}
THIS = {"nodeType": "varRef", "varName": "this"}


def field(name: str, of: dict[str, Any]) -> dict[str, Any]:
    return {"nodeType": "fieldLookup", "fieldName": name, "object": of}


def apply(name: str, *params: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"nodeType": "fnApply", "fnName": name, "params": list(params), **more}


def text(value: str) -> dict[str, Any]:
    return {"nodeType": "literal", "literalType": "String", "value": value}


WAYS = [
    *PRINTED,
    "this and this.a = $1.b and x[this.a = b and c.exists($1.d = ^^.e)]",
    "(let a = b in a + this.a > 3 and x[a = this.a])",
    'x.matches("a") and x matches "a" and x like "b%" and x.like("b")',
    'inSegment("a") and accounts.inSegment("b") and accounts[inSegment("c")]',
    '`@x`.y(via: "z") and deleted(listMemberships)["k"] and m[k]',
    "(some a from b : 1 = 1, c from a : c.d = a) and (none z from q : z) and (exists z from q)",
    "x = 1.000 or x = 0.1000000000000000055511151231257827 or x = -(3) or x = 12345678901234567890.5",
    "xEvent.topN(timestamp, 3).exists((E) => E.a = b) and (average x + 1 over x from y) > 2",
]


@pytest.mark.parametrize("definition", WAYS)
def test_a_definition_survives_json(definition: str) -> None:
    query = parse(definition)
    written = to_json(query)

    assert query.root == from_json(json.dumps(written)).root
    assert written == to_json(from_json(written))


@pytest.mark.slow
def test_any_audience_survives_json() -> None:
    for seed in range(600):
        definition = random_text(seed)
        query = parse(definition)

        assert query.root == from_json(json.dumps(to_json(query))).root, definition


def test_the_documented_shapes_are_written() -> None:
    first = apply("equals", field("country", field("homeAddress", ROOT)), text("US"))
    second = apply(
        "in", field("gender", field("person", ROOT)), {"nodeType": "literal", "literalType": "List"}
    )
    second["params"][1]["value"] = [text("x")]

    assert to_json(parse('homeAddress.country.equals("US") and person.gender in ["x"]')) == apply(
        "and", first, second
    )


def test_what_is_said_of_items_is_a_lambda_about_this() -> None:
    body = apply("=", field("SKU", THIS), text("PS"))
    about = {"nodeType": "lambda", "varNames": [], "body": body}

    assert to_json(parse('productListItems.exists(SKU = "PS")')) == apply(
        "exists", field("productListItems", ROOT), about
    )


def test_json_of_others_is_read_although_it_leaves_out_what_we_add() -> None:
    profile = {"nodeType": "literal", "literalType": "XDMObject", "value": "profile"}
    named = {
        "nodeType": "lambda",
        "varNames": ["X"],
        "body": field("SKU", {"nodeType": "varRef", "varName": "X"}),
    }
    tests = {
        'person.gender = "x"': apply("=", field("gender", field("person", profile)), text("x")),
        "a.exists((X) => X.SKU)": apply("exists", field("a", ROOT), named),
        "a.exists($1.b)": apply("exists", field("a", ROOT), field("b", ROOT)),
        "accounts.b": field("b", field("@accounts", ROOT)),
        "exists X from a": {
            "nodeType": "quantification",
            "quantifier": "some",
            "variables": [{"varName": "X", "from": field("a", ROOT)}],
        },
    }
    for definition, written in tests.items():
        assert parse(definition).root == from_json(written).root


def test_a_field_that_a_variable_hides_stays_a_field() -> None:
    body = apply("=", field("a", ROOT), {"nodeType": "varRef", "varName": "a"})
    hidden = {"nodeType": "let", "varName": "a", "value": text("x"), "body": body}

    assert parse('let a = "x" in $1.a = a').root == from_json(hidden).root


def test_read_json_knows_its_places_in_its_text() -> None:
    query = from_json(to_json(parse('a   =  "x"')))

    assert 'a = "x"' == query.text[query.root.at.start : query.root.at.end]


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("{", "$"),
        ("[1]", "$"),
        ('{"nodeType": "nothing"}', "$.nodeType"),
        (apply("and", text("x")), "$.params"),
        (apply("=", text("x"), field("a b`", ROOT)), "$.params[1].fieldName"),
        (apply("=", text("x")), "$.params"),
        ({**text("x"), "more": 1}, "$.more"),
        ({"nodeType": "literal", "literalType": "Integer", "value": True}, "$.value"),
        ({"nodeType": "literal", "literalType": "Number", "value": "NaN"}, "$.value"),
        ({"nodeType": "literal", "literalType": "String", "value": "\ud800"}, "$.value"),
        ({"nodeType": "let", "varName": "and", "value": text("x"), "body": text("x")}, "$.varName"),
        ({"nodeType": "occurs", "value": text("x"), "tail": {"tailType": "soon"}}, "$.tail.tailType"),
        (apply("a`b", text("x")), "$.fnName"),
        (apply("a b", written="call"), "$.fnName"),
        (apply("true", written="call"), "$"),
    ],
)
def test_a_slip_in_json_is_told_with_its_path(written: Any, path: str) -> None:
    with pytest.raises(Invalid) as refused:
        from_json(written)

    assert ("pql.json", path) == (refused.value.code, refused.value.facts["path"])


def test_json_is_bounded_in_depth_and_size() -> None:
    deep: dict[str, Any] = text("x")
    for _ in range(500):
        deep = apply("not", deep)
    for written, code in ((deep, "pql.depth"), ("[" * 200_000, "pql.depth"), (" " * 1_000_001, "pql.size")):
        with pytest.raises(Invalid) as refused:
            from_json(written)

        assert code == refused.value.code


@pytest.mark.parametrize(
    "written",
    [
        "(select none from xEvent where none.a = 1)",
        "(let all = xEvent in all.count() > 1)",
        "(exists Größe from xEvent where Größe.a = 1)",
        "(`odd name`) => `odd name`.a",
        "xEvent.`odd name`(1)",
    ],
)
def test_names_that_a_text_can_give_survive_json(written: str) -> None:
    """Found by fuzzing: JSON refused what the text had said."""
    query = parse(written)

    assert query.root == from_json(to_json(query)).root
