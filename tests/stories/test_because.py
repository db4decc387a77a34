"""By which records members qualify, as the command line tells it."""

from __future__ import annotations

import json

import pytest
from tests.stories.bodea import NOW, Bodea
from tests.stories.examples_world import NEW_PRODUCT, WON, Market


@pytest.fixture
def market(bodea: Bodea) -> Market:
    market = Market(bodea)
    market.company("big", accountName="Big")
    market.deal("big", 700_000, **WON)
    market.deal("big", 600_000, **WON)
    for name, seen in (("anna", "2026-11-20T09:00:00Z"), ("ben", "2026-11-21T09:00:00Z")):
        market.visit(market.person(name, "big"), "2026-11-01T09:00:00Z", seen, url=NEW_PRODUCT)
    market.settle("high-value-visitors")
    return market


def test_members_come_with_conditions_and_columns(market: Market) -> None:
    anna, ben = market("members", "high-value-visitors", "--because", "--now", NOW).rows
    alone = market("members", "high-value-visitors", "--now", NOW).rows

    assert ["compare", "step"] == [one["kind"] for one in anna["because"]]
    assert (1_300_000, "Big", 700_000) == tuple(
        anna["fields"][name]
        for name in ("opportunities.sum", "accounts.name", "opportunities.opportunityAmount.amount")
    )
    assert (2, "2026-11-21T09:00:00Z", NEW_PRODUCT) == tuple(
        ben["fields"][f"Visit.{name}"] for name in ("count", "at", "name")
    )
    assert ["id", "class", "identities"] == list(alone[0])


def test_an_explanation_tells_the_same_records(market: Market) -> None:
    member, _ = market("members", "high-value-visitors", "--because", "--now", NOW).rows
    explained = market.explained("high-value-visitors", "anna", NOW)
    money, visits = explained["condition"]["parts"]

    def told(condition: dict) -> list[tuple[str, object]]:
        return [(one["name"], one.get("value")) for one in condition["evidence"]]

    assert told(money) == told(member["because"][0])
    assert told(visits["parts"][0]) == told(member["because"][1])


def test_a_table_fits_beside_the_members(market: Market) -> None:
    found = market.bodea("query", "--because", "accounts.opportunities.count() > 1", "--now", NOW).out

    assert "2 > 1: opportunity" in found


def test_more_than_a_few_are_told_of_only_when_it_may_take_long(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("townsend.project.answer.UNASKED", 1)
    asked = market("members", "high-value-visitors", "--because", "--now", NOW)

    assert (2, "engine.slow") == (asked.code, json.loads(asked.err)["error"]["code"])
    assert 2 == len(market("members", "high-value-visitors", "--because", "--slow", "--now", NOW).rows)


def test_a_table_in_python_has_a_column_for_each(market: Market) -> None:
    import townsend

    pql = "accounts.opportunities[isWon].sum(opportunityAmount.amount) > 1000000"
    with townsend.Project(market.bodea.folder) as project:
        table = project.query(pql, now=NOW, because=True)

    assert [1_300_000] * 2 == table["opportunities.sum"].to_pylist()
    assert {"id", "class", "identities", "accounts.name", "opportunities.key"} <= set(table.column_names)
