"""What a definition can be told without facts: what never holds, and what will be slow."""

from __future__ import annotations

import pytest
from tests.unit.audiences.nodes import SCHEMA
from tests.unit.audiences.test_language import ANSWERED, SAVED

from townsend.audiences.pql import parse, resolve
from townsend.audiences.pql.doubts import doubts


def found(text: str, of: str = "person") -> list[tuple[str, str]]:
    resolved = resolve(parse(text), SCHEMA, of, seen=lambda *_: True, audiences=SAVED.get, strict=False)
    return [(one.code, one.text) for one in doubts(resolved.definition)]


NEVER = [
    ("b2b.personScore > 3 and b2b.personScore < 2", 25, "“b2b.personScore > 3”"),
    ("b2b.personScore > 3 and b2b.personScore <= 3", 25, "“b2b.personScore > 3”"),
    ("b2b.personScore = 3 and (accounts and b2b.personScore != 3.0)", 39, "together with"),
    ("3 < b2b.personScore and 4 = b2b.personScore and b2b.personScore in [1, 2]", 49, "together with"),
    ('personRole = "a" and personRole = "b"', 22, "“personRole = \"a\"”"),
    ('personRole = "a" and personRole.contains("b")', 22, "together with"),
    ('personRole.equals("a") and personRole in ["b", "c"]', 28, "together with"),
    ("b2b.isBlocked and not b2b.isBlocked", 19, "the opposite"),
    ("b2b.isBlocked = true and b2b.isBlocked = false", 26, "together with"),
    ("b2b.isBlocked = true and not (b2b.isBlocked)", 26, "together with"),
    ("b2b.personScore.isNull() and b2b.personScore > 1", 30, "together with"),
    ("accounts.count() < 0", 1, "this never holds"),
    ("accounts.count() = -1", 1, "this never holds"),
    ("b2b.personScore in []", 1, "this never holds"),
    ("accounts.exists(accountScore > 3 and accountScore < 2)", 38, "together with"),
    ("b2b.convertedDate occurs on date(2026, 2, 30)", 1, "no such day"),
    ("b2b.convertedDate occurs between date(2026, 2, 2) and date(2026, 2, 1)", 1, "before the first"),
    ("organizations and (accounts and not (organizations))", 33, "the opposite"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "column", "words"), NEVER)
def test_what_never_holds_is_told_with_its_place(text: str, column: int, words: str) -> None:
    of = "opportunity_person" if "personRole" in text else "person"
    (code, message), *more = [one for one in found(text, of) if one[0] == "pql.never"]

    assert ("pql.never", []) == (code, more)
    assert message.startswith(f"line 1, column {column}: ")
    assert words in message


@pytest.mark.parametrize(
    "text",
    [
        "b2b.personScore > 3 and b2b.personScore < 4",
        "b2b.personScore >= 3 and b2b.personScore <= 3",
        "accounts.accountScore > 3 and accounts.accountScore < 2",
        'accounts.accountName = "a" and accounts.accountName = "b"',
        "b2b.personScore > 3 or b2b.personScore < 2",
        "not (b2b.personScore > 3) and b2b.personScore < 2",
        "b2b.isBlocked = false and not (b2b.isBlocked)",
        "b2b.isBlocked != true and not (b2b.isBlocked = true)",
        "accounts.exists(accountScore > 3) and accounts.exists(accountScore < 2)",
        "accounts.count() >= 0 and accounts.count() <= 0",
        "accounts.exists(accountScore > 3 and ^.b2b.personScore < 2)",
        *(one.text for one in ANSWERED if one.of == "person"),
    ],
)
def test_what_may_hold_is_not_called_impossible(text: str) -> None:
    assert [] == [one for one in found(text) if one[0] == "pql.never"]


def test_long_paths_over_lists_are_told() -> None:
    assert [] == found("accounts.opportunities.people.b2b.personScore > 1")

    (code, message) = found("accounts.opportunities.people.lists.people.b2b.personScore > 1")[0]

    assert "pql.cost" == code
    assert "over 5 lists" in message


def test_looking_at_a_whole_class_is_told() -> None:
    codes = [code for code, _ in found('modelInstances("account").count() > 1')]

    assert "pql.cost" in codes


def test_what_is_looked_at_one_by_one_is_told_once() -> None:
    told = found("xEvent.groupBy(eventType).count() > 1 and xEvent.groupBy(eventType).count() > 2")

    assert ["pql.slow", "pql.slow"] == [code for code, _ in told]
    assert told[0][1].startswith("line 1, column 1: looked at one by one")
