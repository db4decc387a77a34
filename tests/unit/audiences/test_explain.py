"""Explanations of the story: why p2 is in, why p1 is not, what is missing, and when each changes."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from tests.unit.audiences.bodea import LAST_MONTH, MONEY, NOW, P1, P2, SAW, SEED, VISIT, VISITED, bodea
from tests.unit.audiences.nodes import (
    SCHEMA,
    agg,
    amount,
    audience,
    chain,
    changes_ms,
    cmp,
    far,
    get,
    it,
    lit,
    me,
    ms,
    step,
    text,
    where,
    won,
)

from townsend.audiences.core import (
    And,
    Calendar,
    Const,
    Count,
    DateOf,
    DatePart,
    During,
    Gap,
    In,
    InSegment,
    IsNull,
    Listed,
    LoadedSegment,
    Not,
    Now,
    Occurs,
    Or,
    SetTest,
    Side,
    Some,
    Truth,
    Window,
)
from townsend.audiences.explain import explain
from townsend.audiences.explain.tree import Condition
from townsend.audiences.explain.words import ENGLISH
from townsend.audiences.reference import Entity, InMemoryWorld, holds


def who(number: int) -> Entity:
    return Entity("person", number)


def money_of(condition: Condition) -> Condition:
    return condition.parts[0]


def test_p2_is_in_with_the_money_the_visit_and_the_records_behind_them() -> None:
    found = explain(SEED, bodea(), who(P2))
    money, visit = found.condition.parts
    (seen,) = visit.parts

    assert found.holds
    assert 1_100_000 == money.measured
    assert (">", 1_000_000) == (money.wanted.op, money.wanted.value)  # type: ignore[union-attr]
    assert [("Opportunity 2", 900_000), ("Opportunity 1", 200_000)] == [
        (e.name, e.value) for e in money.evidence
    ]
    assert [("o2@crm2.Salesforce", "crm_2")] == [tuple(key) for key in money.evidence[0].keys]
    assert [["1@crm1.Salesforce", "2@crm2.Salesforce"]] == [[k.value for k in e.keys] for e in money.through]
    assert [(VISIT, "marketo_1")] == [(e.at_ms, e.keys[0].source) for e in seen.evidence]
    assert [] == list(found.missing())


def test_each_condition_shows_its_own_text() -> None:
    found = explain(SEED, bodea(), who(P2))

    assert SEED.text == found.condition.text
    assert (
        "accounts.opportunities[isWon].sum(opportunityAmount.amount) > 1000000"
        == money_of(found.condition).text
    )


def test_p2_leaves_one_millisecond_after_the_bound_because_of_the_visit() -> None:
    change = explain(SEED, bodea(), who(P2)).change

    assert change is not None
    assert ms("2026-12-03T09:00:00.001Z") == change.at_ms
    assert not change.holds
    assert change.because[0].startswith("chain(")
    assert ["v1"] == [one.keys[0].value for one in change.leaving]
    assert () == change.entering


def test_p1_is_not_in_and_the_visit_is_what_is_missing() -> None:
    found = explain(SEED, bodea(), who(P1))
    ((condition, finding),) = found.missing()

    assert not found.holds
    assert money_of(found.condition).holds
    assert ("step", "chain.events", 0, 1) == (
        condition.kind,
        finding.code,
        finding.facts["found"],
        finding.facts["wanted"],
    )
    assert changes_ms(found) is None


def test_a_visit_too_old_is_told_from_none() -> None:
    found = explain(SEED, bodea().at(ms("2027-02-01")), who(P2))
    ((condition, finding),) = found.missing()

    assert ("chain.window", 1, VISIT) == (finding.code, finding.facts["outside"], finding.facts["latest_ms"])
    assert [False] == [one.counts for one in condition.evidence]


def test_the_missing_amount_is_named() -> None:
    found = explain(SEED, bodea(one_company=False), who(P1))
    finding = {c.kind: f for c, f in found.missing()}["compare"]

    assert ("number.too_low", 800_000) == (finding.code, finding.facts["short"])


def test_what_is_left_out_comes_with_its_reason() -> None:
    world = bodea(one_company=False)
    world.add(
        "opportunity",
        77,
        {"opportunityName": "Open", "isWon": False, "opportunityAmount": {"amount": 5}},
        account=11,
    )
    money = money_of(explain(SEED, world, who(P1)).condition)
    (alternative,) = money.alternatives

    assert ("Open", False, "truth") == (
        alternative.item.name,
        alternative.item.counts,
        alternative.condition.kind,
    )


def test_an_event_of_the_future_is_an_entry_by_time() -> None:
    found = explain(SEED, bodea().at(VISIT - 5), who(P2))

    assert not found.holds
    assert found.change is not None
    assert (VISIT, True) == (found.change.at_ms, found.change.holds)
    assert ["v1"] == [one.keys[0].value for one in found.change.entering]


def test_a_relation_that_ends_is_an_exit_by_time() -> None:
    world = bodea()
    world.add("person", 4)
    world.edge("person_account", 4, 11, "relation", start_ms=NOW + 5, end_ms=NOW + 10)
    rich = audience(MONEY)

    assert NOW + 5 == changes_ms(explain(rich, world, who(4)))
    assert NOW + 10 == changes_ms(explain(rich, world.at(NOW + 5), who(4)))
    assert changes_ms(explain(rich, world.at(NOW + 10), who(4))) is None


def test_somebody_who_does_not_exist_yet_enters_when_they_do() -> None:
    world = bodea()
    world.add("person", 4, first_ms=NOW + 7)
    found = explain(audience(Not(MONEY)), world, who(4))

    assert (False, False, NOW + 7) == (found.exists, found.holds, changes_ms(found))
    assert "does not exist" in found.lines()[0]
    assert not explain(audience(MONEY), world, who(99)).exists


def test_the_calendar_turns_an_answer() -> None:
    world = InMemoryWorld(SCHEMA, NOW)
    world.add("person", 1, {"person": {"birthDate": "1990-05-17"}})
    birthday_month = audience(
        cmp(DatePart("month", get(me(), "person.birthDate")), "=", DatePart("month", None))
    )
    of_the_year = audience(
        Occurs(get(me(), "person.birthDate"), Side("before", DateOf(DatePart("year", None), lit(1), lit(1))))
    )

    assert ms("2027-05-01") == changes_ms(explain(birthday_month, world, who(1)))
    assert ms("1991-01-01") == changes_ms(explain(of_the_year, world.at(ms("1990-06-01")), who(1)))


def test_a_search_without_end_stops_and_says_where() -> None:
    world = InMemoryWorld(SCHEMA, NOW)
    world.add("person", 1)
    always = audience(cmp(DatePart("year", None), ">", 2000))
    found = explain(always, world, who(1))

    assert changes_ms(found) is None
    assert ms("2526-01-01") == found.searched_until_ms
    assert "2526-01-01" in found.lines()[-1]


def test_the_search_ends_where_who_is_who_may_change_unless_it_can_be_renewed() -> None:
    until = ms("2026-12-01")
    world = bodea()
    limited = InMemoryWorld(SCHEMA, NOW, until_ms=until)
    limited._memory.rows.update(world._memory.rows)
    limited._memory._pairs.update(world._memory._pairs)
    split = bodea(one_company=False, now=until)
    per_company = audience(
        Some(
            "exists",
            far(me(), "accounts"),
            1,
            cmp(agg("sum", where(far(it(1, "account"), "opportunities"), won, 2), amount, 2), ">", 1_000_000),
        )
    )

    stopped = explain(per_company, limited, who(P1))
    assert (None, until) == (changes_ms(stopped), stopped.searched_until_ms)
    assert "2026-12-01" in stopped.lines()[-1]
    renewed = explain(per_company, limited, who(P1), renew=lambda at, one: (split.at(at), one))
    assert (until, None) == (changes_ms(renewed), renewed.searched_until_ms)


def test_somebody_who_becomes_part_of_another_leaves() -> None:
    until = ms("2026-12-01")
    limited = InMemoryWorld(SCHEMA, NOW, until_ms=until)
    limited.add("person", 1)
    merged = InMemoryWorld(SCHEMA, until)
    found = explain(audience(Not(MONEY)), limited, who(1), renew=lambda at, one: (merged.at(at), one))

    assert (until, ()) == (changes_ms(found), found.change and found.change.because)
    assert "another entity" in found.lines()[-1]


def test_the_terminal_form_tells_the_story() -> None:
    lines = explain(SEED, bodea(), who(P2)).lines()

    assert "p2@townsend.com is a member at 2026-11-22T12:00:00Z." == lines[0]
    assert any("1,100,000, wanted > 1,000,000" in line for line in lines)
    assert any("opportunity Opportunity 2: 900,000 (o2@crm2.Salesforce, crm_2)" in line for line in lines)
    assert any("Leaves at 2026-12-03T09:00:00.001Z" in line for line in lines)
    assert any("v1, marketo_1" in line for line in lines)


def test_the_json_form_is_plain() -> None:
    found = explain(SEED, bodea(), who(P2)).to_json()

    assert found == json.loads(json.dumps(found))
    assert (True, "2026-12-03T09:00:00.001Z") == (found["member"], found["changes_at"])
    assert 1_100_000 == found["condition"]["parts"][0]["measured"]


# ---------------------------------------------------------------- every kind of condition


ADDRESS = get(me(), "workEmail.address")
BIRTH = get(me(), "person.birthDate")
DEPARTMENTS = get(me(), "extendedWorkDetails.departments")
DEALS = far(me(), "accounts", "opportunities")
HUGE = cmp(get(it(1, "opportunity"), "opportunityAmount.amount"), ">", 5_000_000)
B_THEN_A = chain(step("B", text(get(it(1, "event"), "_id"), "equals", "b")), step("A", SAW))

FAILING: list[tuple[Any, str]] = [
    (cmp(ADDRESS, "=", "x"), "value.differs"),
    (cmp(ADDRESS, "!=", "p2@townsend.com"), "value.same"),
    (cmp(get(me(), "b2b.personStatus"), "!=", "x"), "value.absent"),
    (cmp(lit(1), ">", get(me(), "b2b.personScore")), "value.absent"),
    (cmp(Count(DEALS), ">", 2), "number.too_low"),
    (cmp(Count(DEALS), "<", 2), "number.too_high"),
    (cmp(BIRTH, "<", BIRTH), "value.fails"),
    (text(ADDRESS, "contains", "@bodea"), "text.fails"),
    (text(ADDRESS, "contains", get(me(), "b2b.personStatus")), "value.unknown"),
    (In(ADDRESS, lit(["a", "b"]), False), "list.lacks"),
    (In(ADDRESS, lit(["p2@townsend.com"]), True), "list.has"),
    (SetTest("intersects", DEPARTMENTS, lit(["HR"])), "set.fails"),
    (IsNull(ADDRESS, False), "value.present"),
    (IsNull(get(me(), "b2b.personStatus"), True), "value.absent"),
    (Truth(get(me(), "b2b.personStatus")), "value.absent"),
    (Truth(get(me(), "b2b.isBlocked")), "value.false"),
    (Truth(far(me(), "campaigns")), "list.empty"),
    (LoadedSegment("vip", me()), "segment.not_loaded"),
    (Listed("targets", me()), "listed.no"),
    (Const(False, lit(True).type), "value.false"),
    (Occurs(BIRTH, During(Calendar(0, "year"))), "time.outside"),
    (Occurs(get(me(), "b2b.convertedDate"), During(Calendar(0, "year"))), "value.absent"),
    (Some("exists", far(me(), "campaigns"), 1, HUGE), "some.empty"),
    (Some("exists", DEALS, 1, HUGE), "some.exists"),
    (Some("forall", DEALS, 1, HUGE), "some.forall"),
    (Some("none", DEALS, 1, won(it(1, "opportunity"))), "some.none"),
    (Some("one", DEALS, 1, won(it(1, "opportunity"))), "some.one"),
    (Not(cmp(ADDRESS, "=", "p2@townsend.com")), "not.holds"),
    (InSegment("rich", me(), audience(cmp(Count(DEALS), ">", 2))), "number.too_low"),
    (chain(step("V", SAW, count=2)), "chain.events"),
    (chain(step("V", SAW, Window(">", 1, "year", "before", Now()))), "chain.window"),
    (chain(step("V", SAW, where=cmp(ADDRESS, "=", "x"))), "chain.where"),
    (chain(step("V", SAW), step("W", SAW)), "chain.order"),
    (chain(step("V", SAW), step("W", SAW, gap=Gap(">", 1, "day"))), "chain.order"),
]


@pytest.fixture
def world() -> InMemoryWorld:
    made = bodea()
    made.add(
        "person",
        P2,
        {
            "workEmail": {"address": "p2@townsend.com"},
            "person": {"birthDate": "1990-05-17"},
            "b2b": {"isBlocked": False},
            "extendedWorkDetails": {"departments": ["sales"]},
        },
    )
    made.add_list("targets", [P1])
    return made


@pytest.mark.parametrize(("condition", "code"), FAILING, ids=[f"{c}-{n}" for n, (_, c) in enumerate(FAILING)])
def test_what_is_missing_has_a_code_and_words(world: InMemoryWorld, condition: Any, code: str) -> None:
    found = explain(audience(condition), world, who(P2))

    assert not found.holds
    assert [code] == [finding.code for _, finding in found.missing()]
    assert found.lines()
    assert json.dumps(found.to_json())
    # Turned round it holds, and nothing is missing.
    turned = explain(audience(Not(condition)), world, who(P2))
    assert turned.holds
    assert [] == list(turned.missing())
    assert turned.lines()


def test_a_list_is_said_to_have_somebody_or_not(world: InMemoryWorld) -> None:
    listed = audience(Listed("targets", me()))

    assert any("in the list targets" in line for line in explain(listed, world, who(P1)).lines())
    assert any("not in the list targets" in line for line in explain(listed, world, who(P2)).lines())
    assert "listed" == explain(listed, world, who(P1)).condition.kind


def test_every_code_of_a_finding_has_words() -> None:
    assert {code for _, code in FAILING} <= set(ENGLISH)
    for sentence in ENGLISH.values():
        assert all(
            name is None or name.isidentifier() for _, name, _, _ in string.Formatter().parse(sentence)
        )


def test_an_unmet_choice_names_every_way_in(world: InMemoryWorld) -> None:
    either = Or((cmp(ADDRESS, "=", "x"), cmp(Count(DEALS), ">", 2)))

    assert ["value.differs", "number.too_low"] == [
        f.code for _, f in explain(audience(either), world, who(P2)).missing()
    ]


def test_the_closest_item_comes_first(world: InMemoryWorld) -> None:
    world.add(
        "opportunity",
        78,
        {"opportunityName": "Lost", "isWon": False, "opportunityAmount": {"amount": 900_000}},
        account=11,
    )
    cond = And(
        (
            won(it(1, "opportunity")),
            cmp(get(it(1, "opportunity"), "opportunityAmount.amount"), ">", 1_000_000),
        )
    )
    found = explain(audience(Some("exists", DEALS, 1, cond)), world, who(P2)).condition

    assert ["Opportunity 2", "Opportunity 1", "Lost"] == [one.item.name for one in found.alternatives]
    assert 0 == found.more_alternatives


def test_many_pieces_of_evidence_are_cut_and_counted(world: InMemoryWorld) -> None:
    for number in range(30):
        world.add(
            "opportunity", 100 + number, {"isWon": True, "opportunityAmount": {"amount": number}}, account=11
        )
    found = explain(audience(cmp(Count(DEALS), ">", 2)), world, who(P2)).condition

    assert (20, 12) == (len(found.evidence), found.more)


def test_a_sequence_shows_a_choice_that_meets_it() -> None:
    world = bodea()
    for number, day in enumerate([1, 2, 4, 5]):
        world.add(
            "event",
            50 + number,
            {
                "_id": f"e{day}",
                "timestamp": NOW - (10 - day) * 86_400_000,
                "eventType": "b" if day == 5 else "a",
            },
            person=P1,
        )
    kind = get(it(1, "event"), "eventType")
    node = chain(
        step("A", text(kind, "equals", "a"), count=2),
        step("B", text(kind, "equals", "b"), gap=Gap("<", 2, "day")),
    )
    found = explain(audience(node), world, who(P1))

    assert found.holds
    assert [[52, 51], [53]] == [[one.id for one in part.evidence] for part in found.condition.parts]


def test_an_explanation_agrees_with_the_evaluator(world: InMemoryWorld) -> None:
    for condition, _ in FAILING:
        for definition in (audience(condition), audience(Not(condition)), audience(And((condition, MONEY)))):
            for one in world.entities("person"):
                assert holds(definition, world, one) == explain(definition, world, one).holds
    assert explain(audience(Or((VISITED, chain(step("V", SAW, LAST_MONTH))))), world, who(P2)).holds
