"""What the language means by null, by text, by lists and by numbers; both engines, from loaded files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unicodedata import normalize

import pytest
from tests.stories.bodea import NOW, account, opportunity, person, xref
from tests.stories.spec_world import ENGINES, SpecWorld, crm

from townsend.project.project import Project

JOB = "extendedWorkDetails.jobTitle"
FIRST_NAME = "person.name.firstName"


def one(name: str, b2b: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    start = {"b2b": {"personKey": crm(name)} | (b2b or {}), "workEmail": {"address": f"{name}@x.com"}}
    return start | more


def fill(world: SpecWorld) -> None:
    """a has everything, b zeros and empty things, c half of it, d nearly nothing."""
    world.load(
        "person",
        [
            one(
                "a",
                {"personScore": 80, "isBlocked": True, "personType": "Lead"},
                organizations=["US", "CA"],
                extendedWorkDetails={"jobTitle": "VP Sales"},
                person={"name": {"firstName": "John"}},
                num="42",
                flag="true",
                mixed=3,
                tags=["x", "y", None],
                obj={"k": 1},
                cup=normalize("NFD", "Café"),
            ),
            one(
                "b",
                {"personScore": 0, "isBlocked": False, "personType": "contact"},
                organizations=[],
                extendedWorkDetails={"jobTitle": "vp sales"},
                person={"name": {"firstName": "JOHN"}},
                num="abc",
                flag="no",
                mixed="3",
                big=9007199254740993,
            ),
            one(
                "c",
                {"personScore": 45.5},
                organizations=["ca"],
                extendedWorkDetails={"jobTitle": "Straße"},
                person={"name": {"firstName": "Johnny"}},
                mixed=True,
            ),
            one("d", mixed=None, homeAddress={"city": "Rome"}, num=42),
        ],
    )
    status = {"seg1": {"status": "realized"}, "seg2": {"status": "exited"}, "seg3": {"status": "existing"}}
    world.load("person", [one("e", segmentMembership={"ups": status})])


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    world = SpecWorld(tmp_path_factory.mktemp("language") / "spec")
    fill(world)
    with Project(world.folder) as project:
        yield project


def holds(opened: Project, pql: str, expected: str) -> None:
    for engine in ENGINES:
        found = SpecWorld.names(opened, pql, "person", NOW, engine)

        assert list(expected) == found, f"{engine}: {pql}"


NULLS = [
    ("b2b.personScore != 80", "bc"),
    ("not (b2b.personScore = 80)", "bcde"),
    ("b2b.personScore notIn [80]", "bc"),
    ("not (b2b.personScore in [80])", "bcde"),
    ("b2b.personScore", "abc"),
    ("b2b.isBlocked", "a"),
    ("not b2b.isBlocked", "bcde"),
    ("!(b2b.isBlocked)", "bcde"),
    ("organizations", "ac"),
    ("not (organizations)", "bde"),
    ("organizations.isNull()", "bde"),
    ("organizations.count() = 0", "bde"),
    ("homeAddress", "d"),
    ("(b2b.personScore / 0).isNull()", "abcde"),
    ("(b2b.personScore % 0).isNull()", "abcde"),
    ("(b2b.personScore + num).isNull()", "bcde"),
    (f'{JOB}.doesNotContain("sales", false)', "c"),
    (f'{JOB}.notEqualTo("VP Sales")', "bc"),
    ("b2b.personScore = 80 or b2b.personScore = 0 and b2b.isBlocked", "a"),
    ("if(b2b.personScore.isNotNull(), b2b.personScore, -1) < 1", "bde"),
]
TEXT = [
    (f'{JOB}.contains("sales", false)', "ab"),
    (f'{JOB}.contains("Sales")', "a"),
    (f'{JOB}.startsWith("vp")', "b"),
    (f'{JOB}.endsWith("SALES", false)', "ab"),
    (f'{JOB}.contains("STRAßE", false)', "c"),
    (f'{JOB}.equals("STRASSE", false)', ""),
    (f'{FIRST_NAME} like "John%"', "ac"),
    (f'{FIRST_NAME} like "Joh_"', "a"),
    (f'{FIRST_NAME} matches "John"', "ac"),
    (f'{FIRST_NAME}.matches("(?i)^john$")', "ab"),
    ('b2b.personType.equals("Lead", "contact")', "ab"),
    ("b2b.personType = 'Lead'", "a"),
    ('cup = "Café"', "a"),
    (normalize("NFD", 'cup = "Café"'), "a"),
    ('cup.equals("CAFÉ", false) and cup like "Caf_"', "a"),
]
NUMBERS = [
    ('b2b.personScore > "45"', "ac"),
    ("b2b.personScore in [80.0, 45.50]", "ac"),
    ("b2b.personScore * 2 + 1 = 92", "c"),
    ("10 - 4 - 3 = 3 and 2 * 3 % 4 = 2 and 7 / 2 = 3.5", "abcde"),
    ("0.1 + 0.2 = 0.3", "abcde"),
    ("(999999999999999999 * 10).isNull()", "abcde"),
    ("big = 9007199254740993", "b"),
    ("big = 9007199254740992", ""),
]
LISTS = [
    ('organizations = "US"', "a"),
    ('organizations != "US"', "ac"),
    ('organizations notIn ["US"]', "ac"),
    ('organizations = ["CA", "US", "US"]', "a"),
    ('organizations != ["US", "CA"]', "bc"),
    ('organizations.subsetOf(["CA", "US"])', "ab"),
    ('organizations.supersetOf(["US"])', "a"),
    ('organizations.intersects(["US", "ca"])', "ac"),
    ('"MX" notIn organizations', "abc"),
    ('organizations.includes("CA")', "a"),
    ('organizations.doesNotContain("U")', "ac"),
    ('organizations[this = "US"].count() = 1', "a"),
    ('organizations.forall(this = "ca")', "bcde"),
    ('organizations.none(this = "ca")', "abde"),
    ("tags.count() = 2 and countWithNull(tags) = 3", "a"),
    ('tags[this = "x"].count() = 1', "a"),
]
UNDECLARED = [
    ("num = 42", "ad"),
    ('num = "42"', "a"),
    ("flag = true", "a"),
    ("flag", "ab"),
    ("mixed = 3", "ab"),
    ('mixed = "3"', "b"),
    ("mixed", "abc"),
    ("obj.k = 1", "a"),
    ('segmentMembership["ups"]["seg1"]["status"] = "realized"', "e"),
    ('segmentMembership.get("ups").seg2.status = "exited"', "e"),
    ('inSegment("seg1") and inSegment("seg3")', "e"),
    ('inSegment("seg2") or inSegment("nowhere")', ""),
]


@pytest.mark.parametrize(("pql", "expected"), NULLS)
def test_a_test_with_a_null_side_is_false_and_so_is_its_partner(
    opened: Project, pql: str, expected: str
) -> None:
    holds(opened, pql, expected)


@pytest.mark.parametrize(("pql", "expected"), TEXT)
def test_text_is_compared_as_written_or_without_case(opened: Project, pql: str, expected: str) -> None:
    holds(opened, pql, expected)


@pytest.mark.parametrize(("pql", "expected"), NUMBERS)
def test_numbers_are_exact(opened: Project, pql: str, expected: str) -> None:
    holds(opened, pql, expected)


@pytest.mark.parametrize(("pql", "expected"), LISTS)
def test_a_list_beside_a_value_means_some_item_and_beside_a_list_the_whole(
    opened: Project, pql: str, expected: str
) -> None:
    holds(opened, pql, expected)


@pytest.mark.parametrize(("pql", "expected"), UNDECLARED)
def test_an_undeclared_field_takes_its_type_from_what_stands_beside_it(
    opened: Project, pql: str, expected: str
) -> None:
    holds(opened, pql, expected)


@pytest.mark.parametrize(
    ("pql", "code"),
    [
        (f'{FIRST_NAME}.matches("(?=a)b")', "pql.regex"),
        (f'{FIRST_NAME}.matches("(a)\\\\1")', "pql.regex"),
        ("organizations + 1 = 2", "pql.type"),
        ('organizations["US"]', "pql.type"),
        ("organizations[0]", "pql.type"),
        ('b2b.personScore = "abc"', "pql.type"),
        ("b2b.personScore < true", "pql.type"),
        ("b2b.personScore = null", "pql.null"),
        ("b2b.personScore == 80", "pql.syntax"),
        ("b2b.persnScore = 1", "pql.field"),
        ('b2b.personType.contain("x")', "pql.function"),
        ("b2b.personType.equals()", "pql.arguments"),
    ],
)
def test_what_has_no_sure_meaning_is_refused(opened: Project, pql: str, code: str) -> None:
    from townsend.problem import Invalid

    with pytest.raises(Invalid) as refused:
        opened.ask(pql)

    assert code == refused.value.code


# ---------------------------------------------------------------- distinct entities and totals


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """p1 and p2 at One (two records: 100, 100 and 900) and Two (50, lost; and a deal without an amount)."""
    world = SpecWorld(tmp_path_factory.mktemp("totals") / "spec")
    names = [account("1", "crm1", "One", accountScore=10), account("2", "crm1", "Two", accountScore=20)]
    world.load("account", names)
    world.load("account", [account("1", "crm2", "One again")], "crm_2")
    world.load("person", [person(who, "crm1", f"{who}@x.com", [crm("1"), crm("2")]) for who in ("p1", "p2")])
    other = {"sourceType": "Salesforce", "sourceInstanceID": "crm2", "sourceID": "1"}
    other["sourceKey"] = "1@crm2.Salesforce"
    world.load(
        "opportunity",
        [
            opportunity("o1", "crm1", crm("1"), 100),
            opportunity("o2", "crm1", crm("1"), 100),
            opportunity("o3", "crm1", crm("2"), 50, won=False),
            opportunity("o4", "crm1", other, 900),
            {"opportunityKey": crm("o5"), "accountKey": crm("2"), "isWon": True, "isClosed": True},
        ],
    )
    path = world.folder / "golden.csv"
    path.write_text(xref(("G", "crm1", "1"), ("G", "crm2", "1")), "utf-8")
    from townsend.cli.main import main

    assert main(["load", "account_xref", str(path), "--source", "mdm", "-p", str(world.folder)]) == 0
    with Project(world.folder) as project:
        yield project


@pytest.mark.parametrize(
    "pql",
    [
        "accounts.count() = 2 and accounts.opportunities.count() = 5",
        "accounts.opportunities.opportunityAmount.amount.sum() = 1150",
        "accounts.opportunities.opportunityAmount.amount.count() = 4",
        "accounts.opportunities.opportunityAmount.amount.distinct().count() = 3",
        "accounts.opportunities.average(opportunityAmount.amount) = 287.5",
        "accounts.average(opportunities.sum(opportunityAmount.amount)) = 575",
        "accounts.min(opportunities.sum(opportunityAmount.amount)) = 50",
        "accounts.opportunities[opportunityAmount.amount > 1000].sum(opportunityAmount.amount) = 0",
        "accounts.opportunities[opportunityAmount.amount > 1000].max(opportunityAmount.amount).isNull()",
        "accounts.people.accounts.opportunities.count() = 5",
        "accounts.forall(opportunities.count() >= 2) and not accounts.forall(opportunities.count() = 2)",
        'not accounts.exists(opportunities.exists(opportunityAmount.amount = 900) and accountName = "Two")',
        'accounts.exists(opportunities.opportunityAmount.amount = 900) and accounts.accountName = "Two"',
        "accounts.exists(opportunities.exists(opportunityAmount.amount = ^.accountScore * 2.5))",
        'accounts.exists(opportunities.exists(^^.workEmail.address.endsWith("@x.com")))',
        'accounts.opportunities.exists(^.workEmail.address.endsWith("@x.com"))',
        "accounts.opportunities.topN(opportunityAmount.amount, 2).sum(opportunityAmount.amount) = 1000",
        "accounts.opportunities.bottomN(opportunityAmount.amount, 1).opportunityAmount.amount = 50",
        "(select A from accounts, O from A.opportunities where O.isWon).count() = 4",
        "(let Deals = accounts.opportunities[isWon] in Deals.count() = 4)",
        "(sum O.opportunityAmount.amount over O from accounts.opportunities where O.isWon) = 1100",
    ],
)
def test_each_entity_counts_once_and_what_is_missing_is_left_out(company: Project, pql: str) -> None:
    for engine in ENGINES:
        found = SpecWorld.names(company, pql, "person", NOW, engine)

        assert ["p1", "p2"] == found, f"{engine}: {pql}"
