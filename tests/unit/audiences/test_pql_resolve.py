"""Tree to meaning: one resolved form for each way of writing, and what is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.unit.audiences.bodea import PQL, SEED
from tests.unit.audiences.nodes import SCHEMA, agg, cmp, far, get, it, me, text, where

from townsend.audiences import core
from townsend.audiences.core import Coerce, Const, Definition, Not, Some, Truth
from townsend.audiences.pql import Resolved, parse, resolve
from townsend.problem import Invalid


def resolved(
    query: str, of: str = "person", strict: bool = True, **others: tuple[str, str | None]
) -> Resolved:
    return resolve(
        parse(query), SCHEMA, of, seen=lambda _, path: path == "tier", audiences=others.get, strict=strict
    )


def condition(query: str, of: str = "person") -> core.Expr:
    return resolved(query, of).definition.condition


def refused(query: str, of: str = "person", **others: tuple[str, str]) -> Invalid:
    with pytest.raises(Invalid) as found:
        resolved(query, of, **others)
    return found.value


# ---------------------------------------------------------------- one meaning, many spellings


def test_the_seed_audience_is_what_the_story_has_by_hand() -> None:
    assert resolved(PQL).definition == SEED


def test_conditions_know_where_they_were_written() -> None:
    money, visit = condition(PQL).items  # type: ignore[union-attr]

    assert PQL.split(" and ")[0] == PQL[money.at.start : money.at.end]
    assert PQL[PQL.index("chain") :] == PQL[visit.at.start : visit.at.end]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("accounts[accountScore > 1]", "accounts.exists(accountScore > 1)"),
        ("accounts.filter(accountScore > 1)", "accounts.exists((A) => A.accountScore > 1)"),
        ("(some A from accounts : A.accountScore > 1)", "(exists A from accounts where A.accountScore > 1)"),
        ("(all A from accounts : A.accountScore > 1)", "accounts.forall(accountScore > 1)"),
        (
            "(select A from accounts where A.accountScore > 1).count() > 1",
            "accounts[accountScore > 1].count() > 1",
        ),
        ("(max A.accountScore over A from accounts) > 1", "accounts.max(accountScore) > 1"),
        ("$1.b2b.personScore > 1", "b2b.personScore > 1"),
        ("(P) => P.b2b.personScore > 1", "b2b.personScore > 1"),
        ("(let S = b2b.personScore in S > 1)", "b2b.personScore > 1"),
        ('b2b.personScore > "1"', "b2b.personScore > 1"),
        ('"1" < b2b.personScore', "1 < b2b.personScore"),
        ('b2b.isBlocked = "TRUE"', "b2b.isBlocked = true"),
        ("b2b.personScore.equals(3)", "b2b.personScore = 3"),
        ('workEmail.address.matches("x")', 'workEmail.address matches "x"'),
        ('segmentMembership.get("ups").status = "a"', 'segmentMembership["ups"]["status"] = "a"'),
        ('organizations.includes("x")', '"x" in organizations'),
        ("b2b.convertedDate occurs on today", "b2b.convertedDate occurs today"),
        ("accounts.exists(^.b2b.personScore > 1)", "accounts.exists($1.b2b.personScore > 1)"),
    ],
)
def test_two_spellings_have_one_meaning(one: str, other: str) -> None:
    assert condition(other) == condition(one)


def test_a_path_through_a_list_is_compared_item_by_item() -> None:
    names = core.Each(
        far(me(), "accounts"), 1, get(it(1, "account"), "accountName"), core.ListType(core.STRING)
    )

    expected = Some("exists", names, 1, cmp(it(1, core.STRING), "=", "x"))
    assert expected == condition('accounts.accountName = "x"')

    negative = Some("exists", names, 1, text(it(1, core.STRING), "doesNotContain", "x"))
    assert negative == condition('accounts.accountName.doesNotContain("x")')


def test_relationships_go_to_any_depth_with_a_way() -> None:
    walked = far(far(me(), "accounts", via="relation"), "parent", "opportunities", "people", "lists")

    assert Truth(walked) == condition('accounts(via: "relation").parent.opportunities.people.lists')


def test_deleted_takes_in_retired_rows_of_the_last_step() -> None:
    rows = far(me(), "listMemberships", retired=True)

    assert Truth(rows) == condition("deleted(listMemberships)")
    assert Truth(far(rows, "list")) == condition("deleted(listMemberships).list")
    kept = where(rows, lambda row: cmp(get(row, "marketingListMemberKey.sourceKey"), "=", "x"))
    assert Some("exists", kept.base, 1, kept.cond) == condition(
        'deleted(listMemberships[marketingListMemberKey.sourceKey = "x"])'
    )


def test_aggregates_are_about_each_item() -> None:
    inner = agg(
        "sum", far(it(1, "account"), "opportunities"), lambda o: get(o, "opportunityAmount.amount"), 2
    )
    outer = core.Aggregate("average", far(me(), "accounts"), 1, inner, core.NUMBER)

    assert cmp(outer, ">", 5) == condition(
        "accounts.average(opportunities.sum(opportunityAmount.amount)) > 5"
    )


def test_an_undeclared_value_takes_its_type_from_what_is_beside_it() -> None:
    tier = get(me(), "tier")

    assert cmp(Coerce(tier, core.NUMBER), "=", 3) == condition("tier = 3")
    assert cmp(Coerce(tier, core.STRING), "=", "3") == condition('tier = "3"')
    assert cmp(Coerce(tier, core.BOOLEAN), "=", True) == condition("tier = true")
    assert core.Compare("=", Coerce(tier, core.NUMBER), get(me(), "b2b.personScore")) == condition(
        "tier = b2b.personScore"
    )
    assert core.Compare("=", tier, tier) == condition("tier = tier")
    assert cmp(Coerce(tier, core.NUMBER), "<", 3) == condition('tier < "3"')


def test_numbers_have_nine_places() -> None:
    found = condition("b2b.personScore = 0.12345678949")

    assert isinstance(found, core.Compare)
    assert Const(Decimal("0.123456789"), core.NUMBER) == found.right


def test_instants_may_be_written_as_text() -> None:
    found = condition('b2b.convertedDate = "1970-01-02"')

    assert isinstance(found, core.Compare)
    assert Const(86_400_000, core.DATETIME) == found.right


def test_a_declared_relationship_wins_over_an_undeclared_field() -> None:
    found = resolve(parse("accounts"), SCHEMA, "person", seen=lambda *_: True).definition.condition

    assert Truth(far(me(), "accounts")) == found


# ---------------------------------------------------------------- other audiences


def test_another_audience_is_asked_about_the_innermost_entity() -> None:
    rich = ("account", "accountScore > 1")
    found = resolved('accounts.exists(inSegment("rich"))', rich=rich).definition.condition
    inner = Definition("account", cmp(get(me("account"), "accountScore"), ">", 1), "")

    assert Some("exists", far(me(), "accounts"), 1, core.InSegment("rich", it(1, "account"), inner)) == found


def test_an_audience_can_be_asked_about_what_a_path_leads_to() -> None:
    rich = ("account", "accountScore > 1")
    one = resolved('account.inSegment("rich")', "opportunity", rich=rich).definition.condition
    inner = Definition("account", cmp(get(me("account"), "accountScore"), ">", 1), "")

    assert core.InSegment("rich", far(me("opportunity"), "account"), inner) == one
    assert condition('accounts.exists(inSegment("x"))') == condition('accounts.inSegment("x")')


def test_an_audience_without_text_is_a_list() -> None:
    targets = ("account", None)
    found = resolved('accounts.inSegment("targets")', targets=targets)

    assert Some("exists", far(me(), "accounts"), 1, core.Listed("targets", it(1, "account"))) == (
        found.definition.condition
    )
    assert () == found.warnings
    with pytest.raises(Invalid) as refused:
        resolved('inSegment("targets")', targets=targets)
    assert "pql.segment" == refused.value.code


def test_two_lists_side_by_side_in_a_test_of_text_are_told_apart() -> None:
    found = condition("accounts.accountName.contains(organizations)")

    assert isinstance(found, Some)
    assert isinstance(found.cond, Some)
    assert text(it(1, core.STRING), "contains", it(2, core.STRING)) == found.cond.cond


def test_an_undeclared_field_of_an_item_can_be_used_with_a_warning() -> None:
    assert ["pql.field"] == [one.code for one in resolved("personComponents.exists(zzz = 1)").warnings]


def test_without_an_audience_loaded_memberships_count_and_a_warning_says_so() -> None:
    found = resolved('inSegment("x")')

    assert core.LoadedSegment("x", me()) == found.definition.condition
    assert ["pql.segment"] == [one.code for one in found.warnings]


def test_a_class_without_memberships_has_nobody_in_it() -> None:
    found = resolved('inSegment("x")', "account")

    assert Truth(Const(False, core.BOOLEAN)) == found.definition.condition
    assert "nobody" in found.warnings[0].text


def test_an_audience_of_another_class_is_refused_with_the_way_there() -> None:
    problem = refused('inSegment("rich")', rich=("account", "accountScore > 1"))

    assert "pql.segment" == problem.code
    assert 'write accounts.inSegment("rich")' in problem.text


@pytest.mark.parametrize("name", [None, "a"])
def test_a_cycle_is_refused(name: str | None) -> None:
    audiences = {
        "a": ("person", 'inSegment("b")'),
        "b": ("person", 'not (accounts.exists(people.exists(inSegment("a"))))'),
    }
    with pytest.raises(Invalid) as found:
        resolve(parse('inSegment("b")'), SCHEMA, "person", audiences=audiences.get, name=name)

    assert "pql.cycle" == found.value.code
    assert "b → a → b" in found.value.text or "a → b → a" in found.value.text


def test_a_slip_in_another_audience_names_it_once() -> None:
    audiences = {f"s{at}": ("person", f'inSegment("s{at + 1}")') for at in range(5)}
    audiences["s5"] = ("person", "b2b.personScore >")
    with pytest.raises(Invalid) as found:
        resolve(parse('inSegment("s0")'), SCHEMA, "person", audiences=audiences.get)

    assert "pql.syntax" == found.value.code
    assert 1 == found.value.text.count("in the audience")
    assert "'s5'" in found.value.text


def test_an_audience_used_twice_is_one_object() -> None:
    found = resolved(
        'inSegment("r") or not inSegment("r")', r=("person", "b2b.isBlocked")
    ).definition.condition

    assert isinstance(found, core.Or)
    first, second = found.items
    assert isinstance(first, core.InSegment)
    assert isinstance(second, Not)
    assert isinstance(second.item, core.InSegment)
    assert first.definition is second.item.definition


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("query", "code", "column", "words"),
    [
        ('workEmail.adress = "x"', "pql.field", 11, "did you mean 'address'?"),
        ("acounts.count() > 1", "pql.field", 1, "did you mean 'accounts'?"),
        ("accounts.opportunities.opportunityAmont.amount > 1", "pql.field", 24, "opportunity has no field"),
        ("accounts.count > 1", "pql.field", 10, "did you mean 'count()'?"),
        ("isBlocked", "pql.field", 1, "did you mean 'b2b.isBlocked'?"),
        ("zzz", "pql.field", 1, "none ever came"),
        ("personComponents.exists(personScor = 1)", "pql.field", 25, "did you mean 'personScore'?"),
        ('workEmail.address.contain("x")', "pql.function", 19, "did you mean 'contains'?"),
        ('contains("x")', "pql.function", 1, "x.contains(…)"),
        ("b2b.isBlocked.currentYear() > 1", "pql.function", 15, "currentYear(…) alone"),
        ('xEvent.productListItems.exists(inSegment("x"))', "pql.segment", 32, "about an entity"),
        ("accounts.count(3)", "pql.arguments", 10, "takes no arguments, got 1"),
        ('workEmail.address.startsWith("a", 1)', "pql.arguments", 35, "true or false"),
        ("accounts.exists()", "pql.arguments", 10, "takes 1 argument, got 0"),
        ("accounts.exists((A, B) => true)", "pql.arguments", 17, "one parameter"),
        ("(A, B) => true", "pql.arguments", 1, "one parameter"),
        ("$2.b2b.personScore > 1", "pql.arguments", 1, "$1"),
        ("inSegment(3)", "pql.arguments", 11, 'inSegment("x")'),
        ("deleted(3)", "pql.arguments", 1, "deleted(listMemberships)"),
        ('accounts("direct")', "pql.arguments", 1, 'accounts(via: "direct")'),
        ('opportunities(via: "direct")', "pql.arguments", 1, "without parentheses"),
        ('accounts(via: "sideways")', "pql.via", 15, '"direct", "relation", "opportunity"'),
        ("^.b2b.personScore > 1", "pql.climb", 1, "there are 0"),
        ("accounts[^^.accountScore > 1]", "pql.climb", 10, "there is 1"),
        ("workEmail.address = null", "pql.null", 21, "workEmail.address.isNull()"),
        ("null != workEmail.address", "pql.null", 1, "workEmail.address.isNotNull()"),
        ('b2b.personScore = "abc"', "pql.type", 19, "expected a number"),
        ('b2b.isBlocked = "yes"', "pql.type", 17, "write true or false"),
        ('b2b.convertedDate = "soon"', "pql.type", 21, "2026-03-18T12:00:00Z"),
        ("workEmail.address = 3", "pql.type", 21, 'write "3"'),
        ('workEmail.address < "x"', "pql.type", 1, "< compares numbers and instants"),
        ("b2b.personScore = b2b.convertedDate", "pql.type", 19, "can't be compared"),
        ("accounts.exists(this = ^)", "pql.type", 24, "one account is never one person"),
        ("accounts < accounts", "pql.type", 1, "no order"),
        ('"x" in workEmail.address', "pql.type", 8, "in needs a list"),
        ("organizations.intersects([1])", "pql.type", 27, "needs text"),
        ('b2b.personScore.contains("x")', "pql.type", 1, "contains needs text"),
        ("workEmail.address + 1 > 2", "pql.type", 1, "“+” needs a number"),
        ("accounts.accountScore + 1 > 2", "pql.type", 1, "a list needs"),
        ("accounts.sum(accountName) > 2", "pql.type", 14, "sum needs a number"),
        ("accounts.sum(opportunities.opportunityAmount.amount) > 2", "pql.type", 14, "got a list"),
        ("workEmail.address occurs today", "pql.type", 1, "occurs needs an instant"),
        ("b2b.convertedDate > date(2026, 1, 1)", "pql.type", 21, "occurs on date"),
        ("b2b.isBlocked.count() > 1", "pql.type", 1, "count needs a list"),
        ("b2b.isBlocked.x", "pql.type", 15, "has no field 'x'"),
        ("(b2b.personScore > 1).isNull()", "pql.type", 1, "never null"),
        ('if(b2b.isBlocked, 1, "x") = 1', "pql.type", 1, "of one kind"),
        ("[accounts].count() > 1", "pql.type", 2, "scalars"),
        ("xEvent.account.exists(parent.exists(accountScore > 1))", "pql.type", 23, "one account"),
        ('workEmail.address.get("x") = 1', "pql.type", 1, "a map"),
        ('workEmail.address.matches("(?=x)")', "pql.regex", 27, "look-around"),
        ('workEmail.address.matches("(a)\\\\1")', "pql.regex", 27, "back references"),
        ("b2b.personScore > 1E19", "pql.number", 19, "2^63"),
        ("xEvent.topN(timestamp, 0).count() > 1", "pql.arguments", 24, "a number of items"),
        ("xEvent.topN(timestamp, 10001).count() > 1", "pql.arguments", 24, "at most 10,000"),
        ("xEvent.topN(eventType, 1).count() > 1", "pql.type", 13, "topN needs a number, got text"),
        ("md5(workEmail.address)", "pql.unsupported", 1, "only changes what is shown"),
        ('mapEntry(workEmail.address, 1) = "x"', "pql.unsupported", 1, "inside map over a map"),
        ('{"a": 1}.b = 1', "pql.field", 10, "it has a"),
        ('{"a": 1, "a": 2}.a = 1', "pql.arguments", 1, "given twice"),
        ("(sum A from accounts, B from accounts) > 1", "pql.arguments", 2, "needs to know of what"),
        ('organizations.intersection("x").count() > 0', "pql.type", 28, "two lists, got text"),
        ("organizations.keys().count() > 0", "pql.type", 1, "keys needs a map, got a list"),
        ("accounts.groupBy(opportunities).count() > 0", "pql.type", 18, "one value for each item"),
        ('xEvent.groupBy(eventType).get(3) = "x"', "pql.type", 31, "get needs text"),
        ("xEvent.groupBy(eventType).map((K) => K).count() > 0", "pql.arguments", 38, "(KEY, VALUE)"),
        ("xEvent.groupBy(eventType) / 2 = 3", "pql.type", 1, "two maps of numbers"),
        ('modelInstances("nothing").count() > 0', "pql.arguments", 16, "the classes are account"),
        ('workEmail.address.regexGroup("a", 1) = "b"', "pql.arguments", 35, "0 groups"),
        ('workEmail.address.regexGroup("(?=a)", 0) = "b"', "pql.regex", 30, "look-around"),
        ("lowerCase(organizations) = 1", "pql.type", 11, "for each item"),
        ("addDays(workEmail.address, 1) occurs before now", "pql.type", 9, "an instant, got text"),
        ('workEmail.address.lowerCase() = "x"', "pql.function", 19, "write lowerCase(…) alone"),
        ("chain(accounts, timestamp, [A: WHAT(true)])", "pql.chain", 7, "goes over events"),
        ("chain(xEvent, time, [A: WHAT(true)])", "pql.chain", 15, "timestamp"),
        ("chain(xEvent, timestamp, [A: WHAT(true) COUNT(0)])", "pql.chain", 41, "not (chain(…))"),
        ("chain(xEvent, timestamp, [A: WHAT(true) COUNT(999999)])", "pql.chain", 41, "100,000"),
        ("chain(xEvent, timestamp, [A: WHAT(true) GAP(> 3 days)])", "pql.chain", 41, "no step before"),
        ("chain(xEvent, timestamp, [A: WHAT(true) WHEN(today) WHEN(today)])", "pql.chain", 53, "twice"),
    ],
)
def test_a_mistake_is_refused_with_its_place_and_what_to_do(
    query: str, code: str, column: int, words: str
) -> None:
    problem = refused(query)

    assert (code, 1, column) == (problem.code, problem.facts["line"], problem.facts["column"]), problem.text
    assert words in problem.text.split("\n")[0]


def test_a_suggestion_travels_with_the_problem() -> None:
    assert "accounts" == refused("acounts").facts["suggestion"]
    assert "contains" == refused('workEmail.address.contain("x")').facts["suggestion"]


def test_a_saved_audience_stays_valid_when_a_field_is_unknown_and_warns() -> None:
    found = resolved('zzz = 1 and workEmail.address.matches("(?=x)")', strict=False)

    assert ["pql.field", "pql.regex"] == [one.code for one in found.warnings]


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(Invalid) as found:
        resolve(parse("true"), SCHEMA, "persom")

    assert "class.unknown" == found.value.code


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("not (" * 60 + "true" + ")" * 60, "pql.depth"),
        ("accounts.exists(people.exists(" * 30 + "true" + "))" * 30, "pql.depth"),
        (
            "let a = 1 in "
            + "".join(
                f"let {c} = {p} + {p} in "
                for p, c in zip("abcdefghijklmnopqr", "bcdefghijklmnopqrs", strict=True)
            )
            + "s > 1",
            "pql.size",
        ),
        ("b2b.personScore in [" + ", ".join(["1"] * 10_001) + "]", "pql.size"),
        ("chain(xEvent, timestamp, [" + ", ".join(["A: WHAT(true)"] * 21) + "])", "pql.chain"),
    ],
    ids=["not", "exists", "let", "list", "steps"],
)
def test_size_and_depth_are_bounded(query: str, code: str) -> None:
    assert code == refused(query).code


def test_audiences_inside_one_another_are_bounded() -> None:
    tower = {f"s{at}": ("person", f'inSegment("s{at + 1}")') for at in range(30)}
    deep = {f"s{at}": ("person", "not (" * 30 + f'inSegment("s{at + 1}")' + ")" * 30) for at in range(30)}

    assert "pql.depth" == refused('inSegment("s0")', **tower).code
    assert "pql.depth" == refused('inSegment("s0")', **deep).code


def test_what_is_doubtful_is_warned_about() -> None:
    assert ["pql.spelling"] == [one.code for one in resolved("workEmail.address = 'x'").warnings]
    assert ["pql.equals"] == [one.code for one in resolved('workEmail.address.equals("a", "b")').warnings]
    assert ["pql.from"] == [
        one.code for one in resolved("b2b.convertedDate occurs > 3 days from now").warnings
    ]
