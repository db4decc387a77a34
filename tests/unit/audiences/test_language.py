"""Each example of docs/reference/language.md means what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.unit.audiences.nodes import SCHEMA, ms

from townsend.audiences.pql import parse, resolve
from townsend.audiences.pql.calls import FUNCTIONS, METHODS
from townsend.audiences.reference import InMemoryWorld, members
from townsend.problem import Invalid

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "language.md"
EXAMPLE = re.compile(
    r"^```pql(?: of (?P<of>\w+))?(?: refused (?P<refused>[\w.]+))?\n"
    r"(?P<text>.*?)\n```\n(?:→ (?P<who>[^\n]+)\n)?",
    re.MULTILINE | re.DOTALL,
)
ROW = re.compile(r"^\| (?P<names>`[^|]+`) \| `(?P<text>[^|]+)` \| (?P<who>[^|]+) \|$", re.MULTILINE)
NOW = ms("2026-11-22T12:00:00Z")
SAVED: dict[str, tuple[str, str | None]] = {
    "big-spenders": ("person", "accounts.opportunities[isWon].sum(opportunityAmount.amount) > 1000000"),
    "targets": ("person", None),
    "finance-companies": ("account", 'accountOrganization.industry.equals("finance", false)'),
}
NAMES = {
    "person": {1: "p1", 2: "p2", 3: "p3"},
    "account": {11: "Townsend", 12: "Holding"},
    "opportunity": {21: "Opportunity 1", 22: "Opportunity 2", 23: "Opportunity 3"},
}


class Example(NamedTuple):
    of: str
    text: str
    refused: str | None
    who: str | None


EXAMPLES = [
    Example(found["of"] or "person", found["text"], found["refused"], found["who"])
    for found in EXAMPLE.finditer(PAGE.read_text("utf-8"))
]

ROWS = list(ROW.finditer(PAGE.read_text("utf-8")))
EXAMPLES += [Example("person", row["text"], None, row["who"]) for row in ROWS]
ANSWERED = [one for one in EXAMPLES if one.refused is None]
REFUSED = [one for one in EXAMPLES if one.refused is not None]


def world() -> InMemoryWorld:
    """The small world that the page describes."""
    made = InMemoryWorld(SCHEMA, NOW)
    titles, scores = {1: "Engineer", 2: "VP Sales"}, {1: 80, 2: 45.5}
    teams = {1: ["R&D"], 2: ["Sales", "EMEA"]}
    for who in (1, 2, 3):
        fields: dict[str, object] = {"workEmail": {"address": f"p{who}@townsend.com"}}
        if who in titles:
            fields["extendedWorkDetails"] = {"jobTitle": titles[who]}
            fields["b2b"] = {"personScore": scores[who]}
            fields["organizations"] = teams[who]
            fields["tier"] = {1: "gold", 2: 3}[who]
        if who == 2:
            fields["b2b.convertedDate"] = "2026-10-05T08:30:00Z"
        if who == 3:
            fields["b2b.isBlocked"] = True
            fields["segmentMembership"] = {"ups": {"old-list": {"status": "realized"}}}
        made.add("person", who, fields)
        made.edge("person_account", who, 11, "direct")
    made.edge("person_account", 2, 11, "relation")
    made.add("account", 12, {"accountName": "Holding", "accountOrganization": {"industry": "Insurance"}})
    organization = {"industry": "Finance", "annualRevenue": {"amount": 250_000_000}, "numberOfEmployees": 900}
    made.add("account", 11, {"accountName": "Townsend", "accountOrganization": organization}, parent=12)
    for number, amount, won in ((1, 200_000, True), (2, 900_000, True), (3, 50_000, False)):
        deal = {"opportunityAmount": {"amount": amount}, "isWon": won, "isClosed": won}
        made.add("opportunity", 20 + number, deal, account=11)
    made.add("opportunity_person", 31, {"personRole": "Decision Maker"}, person=2, opportunity=22)
    made.add("account_person", 41, {"personRoles": ["Manager"], "isActive": True}, person=2, account=11)
    made.add("list", 51, {"marketingListName": "Anniversary users"})
    made.add("list_member", 52, {}, retired=True, person=3, list=51)
    made.add_list("targets", [2, 3])
    _events(made)
    return made


def _events(made: InMemoryWorld) -> None:
    views = [(2, "2026-11-03T09:00:00Z", "/new-product"), (2, "2026-11-10T09:00:00Z", "/pricing")]
    views.append((1, "2026-10-01T09:00:00Z", "/pricing"))
    for at, (who, when, page) in enumerate(views):
        seen = {"timestamp": when, "eventType": "web.webpagedetails.pageViews"}
        url = {"webPageDetails": {"URL": f"https://www.bodea.example{page}"}}
        made.add("event", 61 + at, {**seen, "web": url}, person=who)
    items = [
        {"SKU": "PS", "quantity": 3, "priceTotal": 10.5},
        {"SKU": "LR", "quantity": 1, "priceTotal": 100},
    ]
    order = {"timestamp": "2026-11-20T09:00:00Z", "eventType": "commerce.purchases"}
    made.add(
        "event",
        71,
        {**order, "commerce": {"order": {"priceTotal": 131.5}}, "productListItems": items},
        person=2,
    )


@pytest.mark.parametrize("example", ANSWERED, ids=lambda one: one.text)
def test_an_example_finds_who_the_page_says(example: Example) -> None:
    resolved = resolve(
        parse(example.text),
        SCHEMA,
        example.of,
        seen=lambda _, path: path == "tier",
        audiences=SAVED.get,
        strict=True,
    )
    found = [NAMES[example.of][one] for one in members(resolved.definition, world())]

    assert example.who == (", ".join(found) or "nobody")


@pytest.mark.parametrize("example", REFUSED, ids=lambda one: one.text)
def test_an_example_is_refused_as_the_page_says(example: Example) -> None:
    with pytest.raises(Invalid) as refused:
        resolve(parse(example.text), SCHEMA, example.of)

    assert example.refused == refused.value.code


def test_the_page_has_its_examples() -> None:
    """So that a slip in their form doesn't pass them over."""
    text = PAGE.read_text("utf-8")

    assert text.count("```pql") + len(ROWS) == len(EXAMPLES) > 100
    assert text.split("| name | example | who |")[1].split("\n\n")[0].count("\n") - 1 == len(ROWS)


def test_every_function_has_an_example() -> None:
    called = {name for row in ROWS for name in re.findall(r"[\w]+", row["names"])}
    shown = {name for row in ROWS for name in re.findall(r"(\w+)(?:\(| like| matches)", row["text"])}

    assert set() == {*FUNCTIONS, *METHODS} - called
    assert set() == {*FUNCTIONS, *METHODS} - shown


@pytest.mark.parametrize("cls", ["person", "account", "opportunity", "campaign", "list", "event"])
def test_the_page_names_every_relationship(cls: str) -> None:
    (row,) = re.findall(rf"^\| {cls} \| (.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE)

    assert {one.name for one in SCHEMA.relationships_of(cls)} == set(re.findall(r"`(\w+)`", row))
