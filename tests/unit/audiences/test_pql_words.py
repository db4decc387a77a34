"""Definitions read aloud, in three languages."""

from __future__ import annotations

import re
from random import Random
from string import Formatter
from typing import get_args

import pytest
from tests.properties.questions import ROOTS, Question
from tests.unit.audiences.nodes import SCHEMA
from tests.unit.audiences.test_language import ANSWERED, SAVED
from tests.unit.audiences.test_pql_groups import TRUE

from townsend.audiences.core import Expr
from townsend.audiences.pql import parse, resolve
from townsend.audiences.pql.words import LANGUAGES, in_words
from townsend.audiences.pql.words.catalogue import Catalogue, catalogue
from townsend.audiences.pql.words.clauses import clause
from townsend.audiences.pql.words.values import Speaker
from townsend.audiences.walk import everything
from townsend.problem import Invalid

MONEY = "accounts.opportunities[isWon].sum(opportunityAmount.amount) > 1000000"


OPS = ("=", "!=", "<", "<=", ">", ">=")
TESTS = ("equals", "notEqualTo", "startsWith", "doesNotStartWith", "endsWith", "doesNotEndWith")
TESTS += ("contains", "doesNotContain", "like", "matches")


MORE = [
    *(f"b2b.convertedDate occurs {op} 2 days {way} now" for op in OPS for way in ("before", "after")),
    *(f"accounts.sum(accountScore) {op} 1 and accounts.count() {op} 1" for op in OPS),
    *(f"b2b.personScore {op} 1" for op in OPS),
    *(f'workEmail.address.{op}("x")' for op in TESTS),
    *(f"chain(xEvent, timestamp, [A: WHAT(true), B: WHAT(true) GAP({op} 3 days)])" for op in OPS),
    "chain(xEvent, timestamp, [A: WHAT(true) WHERE(accounts)])",
    *(f'accounts.accountName.{word}(this = "x")' for word in ("exists", "forall", "none", "one")),
    *(f"accounts.{word}(parent)" for word in ("exists", "forall", "none", "one")),
    *(f'organizations.{op}(["x"])' for op in ("intersects", "subsetOf", "supersetOf")),
    'organizations != ["x"] or organizations = ["x"] or workEmail.address notIn []',
    *(f"organizations.map(length(this)).{op}() = 1" for op in ("sum", "average", "min", "max")),
    *(f"accounts.{op}(accountScore) = 1" for op in ("sum", "average", "min", "max")),
    "accounts.sum(accountScore) + organizations.distinct().count() + -b2b.personScore = 1",
    *(
        f"extract{part}s(b2b.convertedDate) = 1"
        for part in ("Year", "Month", "Day", "Hour", "Minute", "Second")
    ),
    "dayOfWeek(b2b.convertedDate) = dayOfYear(b2b.convertedDate)",
    "currentYear() + currentMonth() + currentDayOfMonth() = 1",
    *(f'getUrl{part}(workEmail.address) = "1"' for part in ("Host", "Path", "Protocol", "Fragment")),
    "addDays(b2b.convertedDate, b2b.personScore) occurs today",
    'workEmail.address.regexGroup("x", 0) = workEmail.label',
    "organizations.map(length(this)).topN(this, 1).bottomN(this, 2).bottomN(this + 1, 2)",
    "b2b.isBlocked = false or true or false or if(accounts, b2b.personScore, 3) = 1",
    'deleted(listMemberships) or accounts(via: "direct")',
    'xEvent.exists(person.inSegment("old")) or inSegment("old") or b2b.isBlocked != false',
]


def words(text: str, language: str = "en", of: str = "person") -> list[str]:
    resolved = resolve(parse(text), SCHEMA, of, seen=lambda *_: True, audiences=SAVED.get, strict=False)
    return in_words(resolved.definition, language)


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "People whose accounts’ won opportunities add up to more than 1,000,000 (amount)."),
        (
            "de",
            "Personen, deren gewonnene Verkaufschancen der Accounts zusammen mehr als 1.000.000 ergeben (Betrag).",  # noqa: E501
        ),
        ("zh", "其客户的已赢得的商机的金额合计超过1,000,000的人员。"),
    ],
)
def test_the_story_reads_as_a_sentence(language: str, sentence: str) -> None:
    assert [sentence] == words(MONEY, language)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('extendedWorkDetails.jobTitle.contains("vp", false)', "whose job title contains “vp”, in any case"),
        ("b2b.isBlocked = true", "for which “blocked” is true"),
        ("not (b2b.isBlocked)", "that are not among those (for which “blocked” is true)"),
        ('accounts.accountName != "x"', "at least one of whose accounts’ account name is there and is not “x”"),  # noqa: E501
        ("accounts.exists(opportunities.count() < 3)", "with at least one among accounts (with fewer than 3 among opportunities)"),  # noqa: E501
        ("b2b.convertedDate occurs <= 1 month before now", "whose “converted date” lies at most 1 month before now"),  # noqa: E501
        ("inSegment(\"big-spenders\")", "that are in the audience “big-spenders”"),
        ("inSegment(\"targets\")", "that are in the audience “targets”"),
        ("b2b.personScore > 5 or (organizations and b2b.isBlocked)", None),
        (
            "chain(xEvent, timestamp, [A: WHAT(eventType = \"a\") COUNT(2), B: WHAT(eventType = \"b\") GAP(> 3 days)])",  # noqa: E501
            "with these in order among events: at least 2 of these (whose type is “a”); "
            "then one (whose type is “b”), more than 3 days after the step before",
        ),
    ],
)  # fmt: skip
def test_a_condition_is_a_clause(text: str, sentence: str | None) -> None:
    lines = words(text)

    assert sentence is None or [f"People {sentence}."] == lines


def test_several_conditions_are_lines_and_what_belongs_together_has_brackets() -> None:
    assert words("b2b.personScore > 5 and (b2b.isBlocked or organizations and accounts)") == [
        "People for which all of this holds:",
        "- whose score is more than 5",
        "- for which “blocked” is true or [with at least one among organizations "
        "and with at least one among accounts]",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_node_has_words(language: str) -> None:
    """With every literal of the definition in them, so that nothing is left out."""
    kinds = set()
    texts = [(one.text, one.of) for one in ANSWERED] + [(text, "person") for text in TRUE]
    for seed in range(150):
        rng = Random(seed)
        of = rng.choice(ROOTS)
        texts.append((Question(rng, SCHEMA, SAVED).about(of), of))
    for text, of in texts:
        resolved = resolve(parse(text), SCHEMA, of, seen=lambda *_: True, audiences=SAVED.get, strict=False)
        kinds |= {type(node) for node in everything(resolved.definition.condition)}
        said = "\n".join(in_words(resolved.definition, language))

        assert "{" not in re.sub(r"[“„].*?[”“]", "", said), text
        for literal in re.findall(r'= "(\w+)"', text):
            assert literal in said, text

    assert set() == set(get_args(Expr)) - kinds


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_message_with_the_same_places(language: str) -> None:
    english, other = catalogue("en"), catalogue(language)

    assert set(english.messages) == set(other.messages)
    for code, message in english.messages.items():
        assert _places(message) == _places(other.messages[code]), code
    for name, known in english.vocabulary.items():
        if isinstance(known, dict):
            assert set(known) == set(other.vocabulary[name]), name


def _places(message: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(message) if name is not None}


def test_no_message_is_idle() -> None:
    """A message that is never said would rot."""
    said: set[str] = set()

    class Listening(dict):  # type: ignore[type-arg]
        def __getitem__(self, code: str) -> str:
            said.add(code)
            return str(super().__getitem__(code))

    english = catalogue("en")
    speaker = Speaker(Catalogue(Listening(english.messages), english.vocabulary), 0, {0: "x"}, clause)
    texts = [(one.text, one.of) for one in ANSWERED] + [(text, "person") for text in [*TRUE, *MORE]]
    for text, of in [*texts, ('account.inSegment("finance-companies")', "opportunity")]:
        resolved = resolve(parse(text), SCHEMA, of, seen=lambda *_: True, audiences=SAVED.get, strict=False)
        clause(speaker, resolved.definition.condition)
    whole = {code for code in english.messages if code.startswith("whole.")}

    assert set() == set(english.messages) - said - whole


def test_numbers_have_the_separators_of_the_language() -> None:
    assert "1.234.567,5" in words("b2b.personScore > 1234567.50", "de")[0]
    assert "1,234,567.5" in words("b2b.personScore > 1234567.50", "en")[0]


def test_a_language_without_words_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        words(MONEY, "fr")

    assert "words.language" == refused.value.code
