"""Each node of core, and the decisions about null, lists and coercion."""

from __future__ import annotations

import typing
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.audiences.nodes import (
    SCHEMA,
    agg,
    audience,
    cmp,
    far,
    get,
    it,
    lit,
    me,
    moment,
    ms,
    text,
    where,
)

from townsend.audiences import core
from townsend.audiences.core import (
    ANY,
    BOOLEAN,
    DATETIME,
    INTEGER,
    NUMBER,
    STRING,
    Arithmetic,
    Calendar,
    Coerce,
    Compare,
    Conditional,
    Const,
    Count,
    DateOf,
    DatePart,
    Dig,
    Distinct,
    During,
    Each,
    Field,
    In,
    InSegment,
    InstantOf,
    IsNull,
    Listed,
    ListType,
    LoadedSegment,
    MapType,
    Negative,
    Not,
    ObjectType,
    Occurs,
    Or,
    SetTest,
    Side,
    Some,
    Truth,
)
from townsend.audiences.reference import Entity, InMemoryWorld, members, value
from townsend.audiences.reference.evaluate import RULES
from townsend.problem import Broken

NOW = ms("2026-03-18T12:00:00Z")
ANNA = Entity("person", 1)
NULL = Const(None, STRING)


@pytest.fixture
def world() -> InMemoryWorld:
    made = InMemoryWorld(SCHEMA, NOW)
    made.add(
        "person",
        1,
        {
            "workEmail": {"address": "anna@x.com"},
            "homeAddress": {"city": "Ulm"},
            "person": {"birthDate": "1990-05-17"},
            "b2b": {"personScore": 80.5, "isBlocked": False},
            "extendedWorkDetails": {"departments": ["sales", "HR", "sales"]},
            "organizations": [],
            "personComponents": [
                {"sourceAccountKey": {"sourceKey": "a@1.S"}, "personScore": 3, "workEmail": {"address": "A"}},
                {"sourceAccountKey": {"sourceKey": "b@1.S"}, "personScore": None},
            ],
            "identityMap": {"ECID": [{"id": "1"}]},
            "segmentMembership": {"ups": {"vip": {"status": "realized"}, "old": {"status": "exited"}}},
            "tier": "gold",
            "loyalty": {"points": "1200", "ratio": 0.25, "since": "2020-02-03T04:05:06.7899+01:00"},
            "tags": ["a", 3, True, None],
            "flag": False,
            "empty": [],
        },
    )
    for number, (won, amount) in enumerate([(True, 100), (True, 100), (False, 50), (None, None)], 1):
        world_fields: dict[str, Any] = {"opportunityName": f"O{number}"}
        if won is not None:
            world_fields |= {"isWon": won, "opportunityAmount": {"amount": amount}}
        made.add("opportunity", number, world_fields, account=5)
    made.add("account", 5, {"accountName": "Acme"})
    made.add("account", 6, {"accountName": "Empty"})
    made.edge("person_account", 1, 5, "direct")
    made.edge("person_account", 1, 6, "relation")
    return made


def of(world: InMemoryWorld, expr: Any) -> Any:
    return value(expr, world, {0: ANNA})


def any_(path: str) -> Field:
    return Field(me(), path, ANY)


def test_every_node_of_core_has_a_rule() -> None:
    assert set(typing.get_args(core.Expr)) == set(RULES)


def test_a_node_without_a_rule_is_our_fault() -> None:
    class Strange:
        type = BOOLEAN

    with pytest.raises(Broken, match="Strange"):
        value(Strange(), InMemoryWorld(SCHEMA, 0), {})  # type: ignore[arg-type]


# ---------------------------------------------------------------- null


@pytest.mark.parametrize("op", ["=", "!=", "<", "<=", ">", ">="])
def test_a_comparison_with_null_is_false(world: InMemoryWorld, op: Any) -> None:
    missing = get(me(), "b2b.personStatus")

    assert not of(world, cmp(missing, op, "x"))
    assert not of(world, Compare(op, lit("x"), missing))
    assert not of(world, Compare(op, missing, missing))
    assert of(world, Not(Compare(op, missing, missing)))


@pytest.mark.parametrize(
    "op", ["equals", "notEqualTo", "contains", "doesNotContain", "doesNotStartWith", "like", "matches"]
)
def test_a_text_test_with_null_is_false(world: InMemoryWorld, op: Any) -> None:
    assert not of(world, text(get(me(), "b2b.personStatus"), op, "x"))
    assert not of(world, text(lit("x"), op, NULL))


def test_null_in_and_not_in_are_false(world: InMemoryWorld) -> None:
    assert not of(world, In(NULL, lit(["x"]), False))
    assert not of(world, In(NULL, lit(["x"]), True))
    assert not of(world, In(lit("x"), get(me(), "personComponents"), False))
    assert of(world, In(lit("x"), get(me(), "organizations"), True))
    assert not of(InMemoryWorld(SCHEMA, 0), In(lit("x"), get(me(), "organizations"), True))


def test_arithmetic_with_null_is_null(world: InMemoryWorld) -> None:
    assert of(world, Arithmetic("+", lit(1), Const(None, NUMBER))) is None
    assert of(world, Arithmetic("/", lit(1), lit(0))) is None
    assert of(world, Arithmetic("%", lit(1), lit(0))) is None
    assert of(world, Negative(Const(None, NUMBER))) is None


def test_truth_is_presence_a_booleans_value_and_a_list_not_empty(world: InMemoryWorld) -> None:
    for expr, expected in [
        (get(me(), "workEmail.address"), True),
        (get(me(), "b2b.personStatus"), False),
        (get(me(), "b2b.isBlocked"), False),
        (Field(me(), "homeAddress", ObjectType("homeAddress")), True),
        (Field(me(), "workAddress", ObjectType("workAddress")), False),
        (get(me(), "organizations"), False),
        (far(me(), "accounts"), True),
        (far(me(), "campaigns"), False),
        (any_("tier"), True),
        (any_("flag"), False),
        (any_("empty"), False),
        (any_("nothing"), False),
        (get(me(), "identityMap"), True),
    ]:
        assert expected == of(world, Truth(expr)), expr


def test_is_null_sees_null_and_lists_without_values(world: InMemoryWorld) -> None:
    scores = Each(
        get(me(), "personComponents"),
        1,
        get(it(1, get(me(), "personComponents").type.item), "personStatus"),
        ListType(STRING),
    )  # type: ignore[union-attr]

    assert of(world, IsNull(get(me(), "b2b.personStatus"), False))
    assert not of(world, IsNull(get(me(), "workEmail.address"), False))
    assert of(world, IsNull(scores, False))
    assert of(world, IsNull(get(me(), "organizations"), False))
    assert of(world, IsNull(get(me(), "extendedWorkDetails.departments"), True))


# ---------------------------------------------------------------- lists


def amounts(world: InMemoryWorld, op: str, base: Any) -> Any:
    return of(world, agg(op, base, lambda o: get(o, "opportunityAmount.amount")))


def test_aggregates_leave_out_what_is_missing(world: InMemoryWorld) -> None:
    every = far(me(), "accounts", "opportunities")

    assert 250 == amounts(world, "sum", every)
    assert Decimal("83.333333333") == amounts(world, "average", every)
    assert 50 == amounts(world, "min", every)
    assert 100 == amounts(world, "max", every)
    assert 4 == of(world, Count(every))


def test_aggregates_of_nothing(world: InMemoryWorld) -> None:
    none = where(
        far(me(), "accounts", "opportunities"), lambda o: text(get(o, "opportunityName"), "equals", "-")
    )

    assert 0 == amounts(world, "sum", none)
    assert [None, None, None] == [amounts(world, op, none) for op in ("average", "min", "max")]
    assert 0 == of(world, Count(none))
    assert 0 == of(world, Count(get(me("account"), "relatedAccountKeys")))


def test_a_sum_over_accounts_is_over_accounts(world: InMemoryWorld) -> None:
    """accounts.average(opportunities.sum(x)): the empty account counts with 0."""
    inner = agg(
        "sum", far(it(1, "account"), "opportunities"), lambda o: get(o, "opportunityAmount.amount"), 2
    )

    assert 125 == of(world, agg("average", far(me(), "accounts"), lambda _: inner))


def test_each_keeps_repeats_and_nulls_and_distinct_does_not(world: InMemoryWorld) -> None:
    departments = get(me(), "extendedWorkDetails.departments")
    amounts = Each(
        far(me(), "accounts", "opportunities"),
        1,
        get(it(1, "opportunity"), "opportunityAmount.amount"),
        ListType(NUMBER),
    )

    assert ["sales", "HR", "sales"] == of(world, departments)
    assert ["sales", "HR"] == of(world, Distinct(departments, departments.type))
    assert [100, 100, 50, None] == of(world, amounts)
    assert [100, 50] == of(world, Distinct(amounts, amounts.type))
    assert 4 == of(world, Count(amounts))


def test_a_list_inside_each_is_flattened(world: InMemoryWorld) -> None:
    inner = Each(
        far(it(1, "account"), "opportunities"),
        2,
        get(it(2, "opportunity"), "opportunityName"),
        ListType(STRING),
    )

    assert ["O1", "O2", "O3", "O4"] == of(world, Each(far(me(), "accounts"), 1, inner, ListType(STRING)))


def test_items_of_arrays_are_read_as_declared(world: InMemoryWorld) -> None:
    components = get(me(), "personComponents")
    item = it(1, components.type.item)  # type: ignore[union-attr]

    assert ["a@1.S", "b@1.S"] == of(
        world, Each(components, 1, get(item, "sourceAccountKey.sourceKey"), ListType(STRING))
    )
    assert [3, None] == of(world, Each(components, 1, get(item, "personScore"), ListType(NUMBER)))
    assert 1 == of(
        world, Count(where(components, lambda one: Truth(Field(one, "workEmail", ObjectType("workEmail")))))
    )


def test_quantifiers_over_something_and_nothing(world: InMemoryWorld) -> None:
    deals, none = far(me(), "accounts", "opportunities"), far(me(), "campaigns")
    won = Truth(get(it(1, "opportunity"), "isWon"))
    third = text(get(it(1, "opportunity"), "opportunityName"), "equals", "O3")
    always = Const(True, BOOLEAN)

    for quantifier, expected in [("exists", True), ("forall", False), ("none", False), ("one", False)]:
        assert expected == of(world, Some(quantifier, deals, 1, won)), quantifier  # type: ignore[arg-type]
    assert of(world, Some("one", deals, 1, third))
    for quantifier, expected in [("exists", False), ("forall", True), ("none", True), ("one", False)]:
        assert expected == of(world, Some(quantifier, none, 1, always)), quantifier  # type: ignore[arg-type]


def test_sets_drop_nulls_and_take_a_missing_list_as_empty(world: InMemoryWorld) -> None:
    departments, missing = get(me(), "extendedWorkDetails.departments"), get(me(), "organizations")

    assert of(world, SetTest("intersects", departments, lit(["HR", "IT"])))
    assert of(world, SetTest("subsetOf", departments, lit(["HR", "sales", "IT"])))
    assert not of(world, SetTest("supersetOf", departments, lit(["HR", "IT"])))
    assert of(world, SetTest("equal", departments, lit(["sales", "HR"])))
    assert of(world, SetTest("unequal", departments, lit(["sales"])))
    assert of(world, SetTest("subsetOf", missing, departments))
    assert not of(world, SetTest("intersects", missing, departments))


def test_a_to_one_step_from_many_yields_each_entity_once(world: InMemoryWorld) -> None:
    assert [Entity("account", 5)] == of(world, far(me(), "accounts", "opportunities", "account"))
    assert value(far(me("opportunity"), "campaign"), world, {0: Entity("opportunity", 1)}) is None


# ---------------------------------------------------------------- undeclared values


def test_undeclared_values_keep_their_json_type(world: InMemoryWorld) -> None:
    for left, op, right, expected in [
        (any_("loyalty.points"), "=", "1200", True),
        (any_("loyalty.points"), "=", 1200, False),
        (any_("loyalty.points"), "!=", 1200, True),
        (any_("loyalty.ratio"), "=", 0.25, True),
        (any_("loyalty.ratio"), "<", 1, True),
        (any_("loyalty.points"), "<", 1, False),
        (any_("flag"), "=", 0, False),
        (any_("nothing"), "!=", 1, False),
    ]:
        assert expected == of(world, cmp(left, op, right)), (left.path, op, right)


@pytest.mark.parametrize(
    ("given_value", "type_", "expected"),
    [
        ("12.5", NUMBER, Decimal("12.5")),
        (" 7 ", NUMBER, 7),
        ("1e3", NUMBER, 1000),
        (".5", NUMBER, Decimal("0.5")),
        ("0x10", NUMBER, None),
        ("1_000", NUMBER, None),
        ("", NUMBER, None),
        ("nan", NUMBER, None),
        ("1e400", NUMBER, None),
        (True, NUMBER, None),
        (3.25, NUMBER, Decimal("3.25")),
        ("TRUE", BOOLEAN, True),
        ("false", BOOLEAN, False),
        ("yes", BOOLEAN, None),
        (1, BOOLEAN, None),
        (12, STRING, None),
        (["x"], STRING, None),
        ("2026-03-18", DATETIME, NOW - 12 * 3_600_000),
        ("2026-03-18T13:00:00.0009+01:00", DATETIME, NOW),
        ("2026-03-18T12:00:00Z", DATETIME, NOW),
        ("2026-03-18 12:00", DATETIME, NOW),
        ("20260318", DATETIME, None),
        ("2026-02-30", DATETIME, None),
        (NOW, DATETIME, NOW),
        (str(NOW), DATETIME, None),
        (-0.5, DATETIME, -1),
        ({"a": 1}, NUMBER, None),
    ],
)
def test_coercion_reads_what_can_be_read(given_value: Any, type_: Any, expected: Any) -> None:
    world = InMemoryWorld(SCHEMA, NOW)
    world.add("person", 1, {"x": given_value})

    assert expected == value(Coerce(any_("x"), type_), world, {0: ANNA})


def test_maps_and_undeclared_objects_are_dug(world: InMemoryWorld) -> None:
    ups = Dig(get(me(), "segmentMembership"), lit("ups"), MapType())

    assert "realized" == of(world, Dig(Dig(ups, lit("vip")), lit("status")))
    assert Decimal("0.25") == of(world, Dig(any_("loyalty"), lit("ratio")))
    assert of(world, Dig(any_("tags"), lit("x"))) is None
    assert of(world, Dig(ups, NULL)) is None
    assert of(world, In(lit(3), any_("tags"), False))
    assert not of(world, In(lit(1), any_("tags"), False))
    assert not of(world, In(lit("gold"), any_("tier"), True))


# ---------------------------------------------------------------- scalars


def test_choice_and_parts_of_dates(world: InMemoryWorld) -> None:
    assert 1 == of(world, Conditional(Const(True, BOOLEAN), lit(1), lit(2), INTEGER))
    assert 2 == of(world, Conditional(Const(False, BOOLEAN), lit(1), lit(2), INTEGER))
    assert [2026, 3, 18] == [of(world, DatePart(part, None)) for part in ("year", "month", "day")]  # type: ignore[arg-type]
    birth = get(me(), "person.birthDate")
    assert [1990, 5, 17] == [of(world, DatePart(part, birth)) for part in ("year", "month", "day")]  # type: ignore[arg-type]
    assert of(world, DatePart("year", Const(None, DATETIME))) is None


def test_occurs_takes_expressions_as_references(world: InMemoryWorld) -> None:
    birth = get(me(), "person.birthDate")
    this_year = DateOf(DatePart("year", None), lit(1), lit(1))

    assert of(world, Occurs(birth, Side("before", this_year)))
    assert of(world, Occurs(birth, During(InstantOf(moment("1990-05-17")))))
    assert not of(world, Occurs(birth, Side("before", InstantOf(Const(None, DATETIME)))))
    assert of(world, Occurs(Const(NOW, DATETIME), During(Calendar(0, "day"))))
    assert not of(world, Occurs(Const(None, DATETIME), During(Calendar(0, "day"))))


@pytest.mark.parametrize(
    ("op", "left", "right", "expected"),
    [
        ("+", 0.1, 0.2, Decimal("0.3")),
        ("*", 0.00001, 0.00001, 0),
        ("*", 0.0000000005, 1, 0),
        ("*", 0.0000000015, 1, Decimal("0.000000002")),
        ("*", 10**10, 10**9, None),
        ("+", 2**63 - 1, 1, None),
        ("-", 1 - 2**63, 1, None),
        ("-", 2**63 - 1, 1, 2**63 - 2),
        ("*", 10**9, 10**9 - 1, 10**18 - 10**9),
        ("/", 7, 2, Decimal("3.5")),
        ("/", 1, 3, Decimal("0.333333333")),
        ("%", -7, 3, -1),
        ("%", 7, -3, 1),
        ("%", 7.5, 2, Decimal("1.5")),
        ("%", -(10**17) - 1, 10, -1),
    ],
)
def test_arithmetic_is_exact_to_nine_places(op: Any, left: Any, right: Any, expected: Any) -> None:
    as_decimal = [Decimal(repr(x)) if isinstance(x, float) else x for x in (left, right)]
    sides = [Const(x, NUMBER) for x in as_decimal]

    assert expected == value(Arithmetic(op, *sides), InMemoryWorld(SCHEMA, 0), {})


@given(st.lists(st.decimals(-1000, 1000, places=9) | st.integers(-1000, 1000)))
def test_a_sum_does_not_depend_on_order(given_numbers: list[Any]) -> None:
    from townsend.audiences.reference.numbers import total

    assert sum(given_numbers) == total(given_numbers) == total(given_numbers[::-1])


def test_three_is_three_point_zero_and_true_is_not_one() -> None:
    world = InMemoryWorld(SCHEMA, 0)
    world.add("person", 1, {"a": True})

    assert value(cmp(lit(3), "=", Const(Decimal("3.0"), NUMBER)), world, {})
    assert not value(cmp(any_("a"), "=", 1), world, {0: ANNA})


# ---------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("op", "subject", "pattern", "case", "expected"),
    [
        ("equals", "Sales", "sales", True, False),
        ("equals", "Sales", "sALES", False, True),
        ("equals", "İ", "i", False, True),
        ("equals", "ΣΑΣ", "σασ", False, True),
        ("equals", "ΣΑΣ", "σας", False, False),
        ("equals", "STRASSE", "straße", False, False),
        ("notEqualTo", "a", "b", True, True),
        ("startsWith", "Head of Sales", "head", False, True),
        ("doesNotStartWith", "Head", "head", True, True),
        ("endsWith", "Head of Sales", "Sales", True, True),
        ("doesNotEndWith", "Head of Sales", "Sales", True, False),
        ("contains", "Head of Sales", "OF", False, True),
        ("doesNotContain", "Head of Sales", "OF", True, True),
        ("contains", "x", "", True, True),
        ("like", "a.b\nc", "a.%c", True, True),
        ("like", "axb", "a.b", True, False),
        ("like", "äb", "_b", True, True),
        ("like", "a_b", "a_", True, False),
        ("like", "A", "a", True, False),
        ("matches", "Johnny", "John", True, True),
        ("matches", "JOHN", "(?i)^john$", True, True),
        ("matches", "x", "(", True, False),
        ("matches", "é", "^.$", True, True),
    ],
)
def test_text(op: Any, subject: str, pattern: str, case: bool, expected: bool) -> None:
    assert expected == value(text(lit(subject), op, pattern, case), InMemoryWorld(SCHEMA, 0), {})


# ---------------------------------------------------------------- segments, retired rows


def test_segment_of_segments_is_about_its_subject(world: InMemoryWorld) -> None:
    rich = audience(
        cmp(
            agg("sum", far(me("account"), "opportunities"), lambda o: get(o, "opportunityAmount.amount")),
            ">",
            100,
        ),
        of="account",
    )
    inside = Some("exists", far(me(), "accounts"), 1, InSegment("rich", it(1, "account"), rich))

    assert of(world, inside)
    assert not of(world, Some("forall", far(me(), "accounts"), 1, InSegment("rich", it(1, "account"), rich)))


def test_a_list_audience_has_whom_it_names(world: InMemoryWorld) -> None:
    world.add_list("targets", [1, 3])
    world.add_list("others", [])

    assert of(world, Listed("targets", me()))
    assert not of(world, Listed("others", me()))
    assert not of(world, Some("exists", far(me(), "accounts"), 1, Listed("others", it(1, "account"))))
    assert of(world, Some("none", far(me(), "accounts"), 1, Listed("others", it(1, "account"))))


def test_loaded_memberships_count_in_any_namespace(world: InMemoryWorld) -> None:
    assert of(world, LoadedSegment("vip", me()))
    assert not of(world, LoadedSegment("old", me()))
    assert not of(world, LoadedSegment("unknown", me()))


def test_retired_rows_are_reached_only_when_asked_for(world: InMemoryWorld) -> None:
    world.add("list", 1, {"marketingListName": "Anniversary users"})
    world.add("list_member", 1, retired=True, person=1, list=1)
    world.add("list_member", 2, retired=True, person=1, list=7)

    assert [] == of(world, far(me(), "listMemberships"))
    assert [Entity("list_member", 1), Entity("list_member", 2)] == of(
        world, far(me(), "listMemberships", retired=True)
    )
    assert [Entity("list", 1)] == of(world, far(far(me(), "listMemberships", retired=True), "list"))
    assert [] == of(world, far(me(), "lists"))
    assert [] == members(audience(Truth(far(me("list_member"), "person")), of="list_member"), world)


def test_relations_through_rows_and_other_ways(world: InMemoryWorld) -> None:
    world.add("opportunity_person", 1, {"personRole": "Decision Maker"}, person=1, opportunity=2)

    assert [Entity("opportunity", 2)] == of(world, far(me(), "opportunities"))
    assert [ANNA] == value(far(me("opportunity"), "people"), world, {0: Entity("opportunity", 2)})
    assert [] == value(far(me("opportunity"), "people"), world, {0: Entity("opportunity", 3)})
    assert [ANNA] == value(
        far(me("opportunity"), "people", via="account"), world, {0: Entity("opportunity", 3)}
    )


def test_a_relation_row_whose_far_side_is_gone_stays_with_a_null_field(world: InMemoryWorld) -> None:
    world.add("account", 8, retired=True)
    world.add("account_person", 1, person=1, account=8)

    assert [Entity("account_person", 1)] == of(world, far(me(), "accountRelations"))
    assert value(far(me("account_person"), "account"), world, {0: Entity("account_person", 1)}) is None


def test_or_needs_one(world: InMemoryWorld) -> None:
    assert of(world, Or((cmp(NULL, "=", "x"), Const(True, BOOLEAN))))
    assert not of(world, Or(()))
