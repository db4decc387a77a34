"""By which records somebody is a member: told with the member, and as columns."""

from __future__ import annotations

from typing import Any

from tests.unit.audiences.bodea import MONEY, NOW, P1, P2, SEED, VISIT, VISITED, bodea
from tests.unit.audiences.nodes import SCHEMA, agg, amount, audience, cmp, far, get, it, me, text, where, won

from townsend.audiences.core import And, Count, Definition, InSegment, Not, Or, Some
from townsend.audiences.explain.lines import brief
from townsend.audiences.explain.qualifying import Qualified, Qualifying
from townsend.audiences.reference import Entity, InMemoryWorld

RICH = Some(
    "exists",
    far(me(), "accounts"),
    1,
    cmp(agg("sum", where(far(it(1, "account"), "opportunities"), won, var=2), amount, var=2), ">", 1_000_000),
)


def told(definition: Definition, who: int = P2, world: InMemoryWorld | None = None) -> Qualified:
    return Qualifying(definition, SCHEMA).of(world or bodea(), Entity("person", who))


def test_a_member_carries_the_figure_its_records_and_the_way_to_them() -> None:
    fields = told(SEED).fields

    assert {
        "opportunities.sum": 1_100_000,
        "opportunities.name": "Opportunity 2",
        "opportunities.key": "o2@crm2.Salesforce",
        "opportunities.source": "crm_2",
        "opportunities.opportunityAmount.amount": 900_000,
        "accounts.name": "Townsend",
        "accounts.key": "1@crm1.Salesforce",
    }.items() <= fields.items()
    assert (1, VISIT, "marketo_1") == tuple(fields[f"V.{part}"] for part in ("count", "at", "source"))


def test_conditions_are_those_of_an_explanation_with_the_values_that_counted() -> None:
    money, visit = told(SEED).conditions

    assert [1_100_000, 1] == [money.measured, visit.measured]
    assert [("Opportunity 2", 900_000), ("Opportunity 1", 200_000)] == [
        (one.name, one.value) for one in money.evidence
    ]
    assert {"isWon": True, "opportunityAmount.amount": 900_000} == money.evidence[0].values
    assert ["web.webPageDetails.URL"] == list(visit.evidence[0].values)


def test_columns_follow_from_the_definition_alone() -> None:
    qualifying = Qualifying(SEED, SCHEMA)
    columns = [column.name for column in qualifying.columns]

    assert columns == list(qualifying.of(bodea(), Entity("person", P2)).fields)
    assert columns == list(qualifying.of(bodea(), Entity("person", P1)).fields)


def test_who_is_no_member_has_nothing_to_show() -> None:
    found = told(SEED, P1)

    assert () == found.conditions
    assert {None} == set(found.fields.values())


def test_a_way_that_does_not_lead_in_is_left_out() -> None:
    """p1 has the money and no visit: the first way fails as a whole."""
    both = And((MONEY, VISITED))
    found = told(audience(Or((both, cmp(Count(far(me(), "accounts")), ">", 0)))), P1)

    assert [1] == [condition.measured for condition in found.conditions]
    assert found.fields["opportunities.sum"] is None
    assert 1 == found.fields["accounts_2.count"]


def test_what_must_not_be_is_told_without_records() -> None:
    (condition,) = told(audience(Not(VISITED)), P1).conditions

    assert condition.holds
    assert () == condition.evidence


def test_a_record_tells_why_it_counts_in_turn() -> None:
    found = told(audience(RICH))
    (company,) = found.conditions[0].evidence
    (inner,) = company.because

    assert 1_100_000 == inner.measured
    assert ["Opportunity 2", "Opportunity 1"] == [one.name for one in inner.evidence]
    assert ("Townsend", 1_100_000, "Opportunity 2") == tuple(
        found.fields[name] for name in ("accounts.name", "opportunities.sum", "opportunities.name")
    )
    assert "1,100,000 > 1,000,000: opportunity Opportunity 2: 900,000" in brief(found.conditions[0])


def test_an_audience_inside_another_tells_its_own_records() -> None:
    inside: Any = InSegment("seed", me(), SEED)

    assert told(SEED).fields == told(audience(inside)).fields
    assert told(SEED).conditions == told(audience(inside)).conditions


def test_fields_of_the_member_are_columns_by_their_path() -> None:
    found = told(audience(text(get(me(), "workEmail.address"), "endsWith", "townsend.com")))

    assert {"workEmail.address": "p2@townsend.com"} == dict(found.fields)


def test_the_account_named_is_the_one_that_leads_to_the_record() -> None:
    """Two companies; the largest deal is of the second."""
    found = told(
        audience(cmp(agg("sum", where(far(me(), "accounts", "opportunities"), won), amount), ">", 0)),
        P2,
        bodea(one_company=False),
    )

    assert ("Opportunity 2", "Townsend Inc.") == (
        found.fields["opportunities.name"],
        found.fields["accounts.name"],
    )
    assert NOW > VISIT
