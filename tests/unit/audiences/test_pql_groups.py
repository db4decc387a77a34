"""Order, groups, maps and functions: what the reference evaluator makes of the corners."""

from __future__ import annotations

import pytest
from tests.unit.audiences.nodes import SCHEMA, changes_ms, ms

from townsend.audiences.explain import explain
from townsend.audiences.pql import parse, resolve
from townsend.audiences.reference import Entity, InMemoryWorld, holds

NOW = "2026-11-22T12:00:00Z"
ME = Entity("person", 1)


def world(now: str = NOW) -> InMemoryWorld:
    """One person with four deals, whose ids run against the order of their keys, and three events."""
    made = InMemoryWorld(SCHEMA, ms(now))
    fields = {"organizations": ["b", "a", "b"], "b2b.convertedDate": "2024-02-29T10:00:00Z"}
    made.add(
        "person", 1, {**fields, "custom": {"b": 2, "a": 1}, "workEmail": {"address": "Jürgen@Straße.de"}}
    )
    made.add("account", 10, {"accountName": "One"})
    made.edge("person_account", 1, 10, "direct")
    deals = [("d", 5, "open"), ("c", 7, "won"), ("b", 7, None), ("a", None, "won")]
    for at, (key, amount, stage) in enumerate(deals):
        deal = {"opportunityName": key, "opportunityAmount": {"amount": amount}, "opportunityStage": stage}
        made.add("opportunity", 20 + at, deal, keys=[(key, "crm")], account=10)
    for at, day in enumerate((20, 3, 10)):
        made.add("event", 30 + at, {"timestamp": f"2026-11-{day:02}T09:00:00Z"}, person=1)
    return made


def meets(text: str, now: str = NOW) -> bool:
    definition = resolve(parse(text), SCHEMA, "person", seen=lambda *_: True).definition
    return holds(definition, world(now), ME)


TRUE = [
    # order
    'accounts.opportunities.head().opportunityName = "a"',
    'accounts.opportunities.opportunityName.head() = "a"',
    'accounts.opportunities.topN(opportunityAmount.amount, 1).opportunityName = "b"',
    'accounts.opportunities.bottomN(opportunityAmount.amount, 1).head().opportunityName = "d"',
    "accounts.opportunities.topN(opportunityAmount.amount, 9).count() = 3",
    "xEvent.head().timestamp occurs on date(2026, 11, 3)",
    "xEvent.topN(timestamp, 2).exists(timestamp occurs on date(2026, 11, 10))",
    "not (xEvent.topN(timestamp, 2).exists(timestamp occurs on date(2026, 11, 3)))",
    "accounts.children.head().isNull()",
    'organizations.head() = "b" and organizations.distinct().head() = "b"',
    # what is common
    'organizations.intersection(["b", "c", "b"]).count() = 1',
    'organizations.intersection(["c"]).isNull() and not (organizations.intersection(["c"]))',
    'accounts.opportunities.intersection(modelInstances("opportunity")).count() = 4',
    # maps
    "accounts.opportunities.groupBy(opportunityStage).count() = 2",
    'accounts.opportunities.groupBy(opportunityStage).get("won").count() = 2',
    'accounts.opportunities.groupBy(opportunityStage).get("lost").isNull()',
    'accounts.opportunities.groupBy(opportunityStage)["won"].head().opportunityName = "a"',
    "accounts.opportunities.groupBy(opportunityStage).won.count() = 2",
    "accounts.opportunities.groupBy(opportunityAmount.amount).keys().sum() = 12",
    "accounts.opportunities.groupBy(opportunityAmount.amount).get(7.0).count() = 2",
    'custom.keys() = ["a", "b"] and custom.keys().head() = "a" and custom.values().head() = 1',
    "custom.values().sum() = 3 and custom.keys().count() = 2",
    "accounts.opportunities.groupBy(opportunityStage).map((K, G) => G.count()).sum() = 3",
    'accounts.opportunities.groupBy(opportunityStage).map((K, G) => mapEntry("x", K)).get("x") = "won"',
    "accounts.opportunities.groupBy(opportunityStage).map((K, G) => mapEntry(K, ^.organizations.count())).won = 3",  # noqa: E501
    # objects and tuples
    '{"a": {"b": 3}}.a.b = 3 and {"a": 1} = {"a": 1.0} and not ({"a": 1} = {"a": 2})',
    "(select A from organizations, B from organizations where A != B).count() = 4",
    '(one A from organizations, B from organizations where A = "a" and B = A)',
    "(sum A.opportunityAmount.amount over A from accounts.opportunities, B from organizations) = 57",
    "(min 1 over A from organizations, B from accounts.children).isNull()",
    # text
    'upperCase(workEmail.address) = "JÜRGEN@STRAẞE.DE" and lowerCase("ÀÉ") = "àé"',
    'length(workEmail.address) = 16 and length("😀") = 1 and length("") = 0',
    'indexOf("aXbX", "X") = 1 and lastIndexOf("aXbX", "X") = 3 and indexOf("a", "b") = -1 and indexOf("", "") = 0',  # noqa: E501
    'concat("a", workEmail.address, "b").startsWith("aJ") and concat("a", person.name.lastName).isNull()',
    'workEmail.address.regexGroup("@(x)?(.)", 2) = "S" and workEmail.address.regexGroup("@(x)?(.)", 1).isNull()',  # noqa: E501
    'workEmail.address.regexGroup("^[a-z]", 0).isNull() and extractEmailDomain("a@b@c.d") = "c.d"',
    'isEmpty("") and not (isEmpty(person.name.lastName)) and not (isNotEmpty(person.name.lastName))',
    'not (notEqualWithIgnoreCase(workEmail.address, "JÜRGEN@straße.DE"))',
    # time
    "addYears(b2b.convertedDate, 1) occurs on date(2025, 3, 1)",
    "addMonths(b2b.convertedDate, -12) occurs on date(2023, 3, 1)",
    "addHours(b2b.convertedDate, -11) occurs on date(2024, 2, 28)",
    "addDays(b2b.convertedDate, 0.5).isNull() and addYears(b2b.convertedDate, 100001).isNull()",
    "dateDiff(b2b.convertedDate, addHours(b2b.convertedDate, -47)) = -1",
    "diffInSeconds(b2b.convertedDate, addDays(b2b.convertedDate, 1)) = 86400",
    "compareDates(b2b.convertedDate, now2).isNull() and compareDates(b2b.convertedDate, b2b.convertedDate) = 0",  # noqa: E501
    "dateBetween(b2b.convertedDate, b2b.convertedDate, b2b.convertedDate)",
    "dayOfWeek(b2b.convertedDate) = 4 and dayOfYear(b2b.convertedDate) = 60 and extractHours(b2b.convertedDate) = 10",  # noqa: E501
    'toDateTime("2024-02-29T11:00:00+01:00") = b2b.convertedDate',
    "countOnlyNull(accounts.opportunities.opportunityStage) = 1",
    "distinctCountWithNull(accounts.opportunities.opportunityStage) = 3",
    "countWithNull(accounts.opportunities.opportunityStage) = 4",
]


@pytest.mark.parametrize("text", TRUE)
def test_what_holds(text: str) -> None:
    assert meets(text)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        (
            "https://user:pw@www.example.com:8080/a/b.html?x=1#top",
            ("https", "www.example.com", "/a/b.html", "top"),
        ),
        ("//cdn.example.com/x", (None, "cdn.example.com", "/x", None)),
        ("http://[2001:db8::1]:80/", ("http", "[2001:db8::1]", "/", None)),
        ("/new-product?utm=1", (None, None, "/new-product", None)),
        ("mailto:a@b.c", ("mailto", None, "a@b.c", None)),
        ("https://example.com", ("https", "example.com", None, None)),
        ("", (None, None, None, None)),
    ],
)
def test_the_parts_of_an_address_follow_its_standard(url: str, parts: tuple[str | None, ...]) -> None:
    for name, part in zip(("Protocol", "Host", "Path", "Fragment"), parts, strict=True):
        found = f'getUrl{name}("{url}")'

        assert meets(f"{found}.isNull()" if part is None else f'{found} = "{part}"'), (name, url)


@pytest.mark.parametrize(
    ("now", "years", "months"),
    [
        ("2025-02-28T23:00:00Z", 0, 11),
        ("2025-02-28T23:59:59.999Z", 0, 11),
        ("2025-03-01T00:00:00Z", 1, 12),
        ("2024-02-29T10:00:00Z", 0, 0),
        ("2024-03-29T09:59:59Z", 0, 0),
        ("2024-03-29T10:00:00Z", 0, 1),
        ("2028-02-29T10:00:00Z", 4, 48),
    ],
)
def test_an_age_grows_where_a_window_of_that_length_ends(now: str, years: int, months: int) -> None:
    assert meets(f"age(b2b.convertedDate) = {years} and ageInMonths(b2b.convertedDate) = {months}", now)


def test_what_is_not_yet_has_no_age() -> None:
    assert meets("age(b2b.convertedDate).isNull()", "2024-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("age(b2b.convertedDate) >= 3", "2027-03-01T00:00:00Z"),
        ("ageInDays(b2b.convertedDate) > 1000", "2026-11-26T10:00:00Z"),
        ('modelInstances("event").count() > 2', None),
    ],
)
def test_an_explanation_knows_when_an_age_is_reached(text: str, changes: str | None) -> None:
    definition = resolve(parse(text), SCHEMA, "person").definition
    found = explain(definition, world(), ME)

    assert (None if changes is None else ms(changes)) == changes_ms(found)


def test_everything_of_a_class_grows_as_events_come_into_being() -> None:
    definition = resolve(parse('modelInstances("event").count() > 2'), SCHEMA, "person").definition
    found = explain(definition, world("2026-11-12T00:00:00Z"), ME)

    assert ms("2026-11-20T09:00:00Z") == changes_ms(found)
