"""Definitions too large, too deep, too odd or hostile: a clear error or the right answer, in bounded time."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.stories.bodea import NOW, Bodea, account, key, person, visit

PATIENCE_S = 30  # of a busy machine; each takes a second or two


def asked(bodea: Bodea, pql: str, of: str = "person") -> tuple[int, list[str], str]:
    """Exit code, who was found, and what was said."""
    began = time.monotonic()
    answer = bodea("query", pql, "--of", of, "--now", NOW, "--json")

    assert time.monotonic() - began < PATIENCE_S
    assert "Traceback" not in answer.err
    return answer.code, answer.emails if answer.code == 0 else [], answer.err


def scored(score: int) -> dict[str, Any]:
    return person("1", "crm1", "a@x.com", b2b={"personKey": key("1", "crm1"), "personScore": score})


def test_a_condition_may_begin_with_a_minus(bodea: Bodea) -> None:
    bodea.load("person", [scored(7)])

    assert (0, ["a@x.com"], "") == asked(bodea, "-1 < b2b.personScore")
    assert (0, ["a@x.com"], "") == asked(bodea, "-b2b.personScore in [-7]")
    assert (0, [], "") == asked(bodea, "- (1 + 1) = 2")
    assert 2 == bodea("query", "-x").code


@pytest.mark.parametrize(
    ("pql", "code"),
    [
        ("not " * 200 + "true", "pql.depth"),
        ("accounts[people[" * 40 + "true" + "]]" * 40, "pql.depth"),
        ("(" * 2_000 + "true" + ")" * 2_000, None),
        (f'workEmail.address = "{"x" * 1_000_000}"', "pql.size"),
        (" and ".join(["b2b.personScore > 0"] * 30_000), "pql.size"),
        ('workEmail.address.matches("(?=a)b")', "pql.regex"),
        ('workEmail.address.matches("(((a{1,500}){1,500}){1,500})")', "pql.regex"),
        ("b2b.personScore = 1 2", "pql.syntax"),
        ("true and and", "pql.syntax"),
        ('workEmail.address = "x"; DROP TABLE facts.person', "pql.syntax"),
        ('`x"; DROP TABLE facts.person; --` = 1', "pql.field"),
        ("b2b.convertedDate occurs on date(0, 1, 1)", None),
        ("b2b.convertedDate occurs on date(10000, 13, 99)", None),
        ("b2b.convertedDate occurs <= 999999999 millennia before now", None),
        ("b2b.personScore + 9223372036854775807 * 9223372036854775807 > 0", None),
        ("b2b.personScore / 0 = 1 or b2b.personScore % 0 = 1", None),
        ("1E400 > b2b.personScore", "pql.number"),
    ],
)
def test_what_is_too_much_is_refused_and_the_rest_is_answered(
    bodea: Bodea, pql: str, code: str | None
) -> None:
    bodea.load("person", [scored(7)])

    exit_code, _, said = asked(bodea, pql)

    assert (0 if code is None else 2) == exit_code, said[:500]
    assert code is None or f'"{code}"' in said
    assert ["a@x.com"] == bodea.query("true"), "the store is as it was"


def test_ten_thousand_values_and_a_slow_pattern_are_answered(bodea: Bodea) -> None:
    bodea.load("person", [person("1", "crm1", "a@x.com"), person("2", "crm1", "a" * 60 + "@x.com")])
    values = ", ".join(f'"v{n}@x.com"' for n in range(9_999))

    assert (0, ["a@x.com"], "") == asked(bodea, f'workEmail.address in [{values}, "a@x.com"]')
    assert (0, [], "") == asked(bodea, 'workEmail.address.matches("^(a+)+$")')


def test_names_with_quotes_and_other_scripts_mean_what_they_say(bodea: Bodea) -> None:
    odd = "a\"b'; DROP TABLE facts.account; --"
    bodea.load("account", [account("1", "crm1", **{odd: "Ü𝔄", "größe": 3, "and": 1})])

    for pql in (f'`{odd}` = "Ü𝔄"', "größe = 3", "`and` = 1"):
        answer = bodea("query", pql, "--of", "account", "--count", "--json")
        assert [{"count": 1}] == answer.rows, answer.err


def test_the_first_and_last_years_are_instants(bodea: Bodea) -> None:
    who = key("1", "crm1")
    bodea.load("person", [person("1", "crm1", "a@x.com")])
    years = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z"]
    rows = [visit(f"e{n}", who, at) for n, at in enumerate(years)]
    bodea.load("event", rows, expect=3)

    assert (0, ["a@x.com"], "") == asked(bodea, "xEvent.timestamp occurs before date(1900, 1, 1)")
    assert (0, ["a@x.com"], "") == asked(bodea, "xEvent.count() = 1")


def test_audiences_that_ask_for_each_other_are_refused(bodea: Bodea) -> None:
    for name, other in (("one", "two"), ("two", "one")):
        text = f'name: {name}\nof: person\npql: inSegment("{other}")\n'
        (bodea.folder / "audiences" / f"{name}.yaml").write_text(text, "utf-8")

    answer = bodea("audience", "check", "one")

    assert 2 == answer.code
    assert "one" in answer.out
    assert 2 == asked(bodea, 'inSegment("one")')[0]
