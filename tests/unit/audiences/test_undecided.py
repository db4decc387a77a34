"""Money without a rate of exchange: what it leaves open, and what not; the same from every evaluator."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.properties.worlds import WITH_MONEY
from tests.unit.profiles.house import House, account, house, key, opportunity, person, updated

from townsend.audiences.core import Definition
from townsend.audiences.evaluate import evaluate, evaluate_many, sizes
from townsend.audiences.explain import explain
from townsend.audiences.pql import parse, resolve
from townsend.audiences.preview import preview
from townsend.audiences.reference import Entity, StoreWorld
from townsend.profiles import MoneyRules, Rate, Unified

__all__ = ["house"]

AMOUNT = "opportunityAmount.amount"
CASES = [
    (f"opportunities.exists({AMOUNT} > 50)", "both", "unsure"),
    (f"opportunities[{AMOUNT} > 50]", "both", "unsure"),
    (f"opportunities.none({AMOUNT} > 50)", "empty small", "unsure"),
    (f"not opportunities.exists({AMOUNT} > 50)", "empty small", "unsure"),
    (f"(forall V from opportunities : V.{AMOUNT} > 50)", "empty", "both unsure"),
    (f"(forall V from opportunities : V.{AMOUNT} > 200)", "empty", "unsure"),
    (f"(one V from opportunities where V.{AMOUNT} > 50)", "", "both unsure"),
    (f"opportunities.sum({AMOUNT}) > 50", "", "both unsure"),
    (f"not (opportunities.sum({AMOUNT}) > 50)", "empty small", "both unsure"),
    (f"opportunities.sum({AMOUNT}) > 50 or true", "both empty small unsure", ""),
    (f"opportunities.sum({AMOUNT}) > 50 and false", "", ""),
    (f"opportunities.sum({AMOUNT}) > 50 or opportunities.count() = 2", "both", "unsure"),
    (f"opportunities.min({AMOUNT}) < 50", "small", "both unsure"),
    (f"opportunities[{AMOUNT} > 50].count() >= 1", "", "both unsure"),
    (f"opportunities[{AMOUNT} > 50].exists(opportunityStage.isNull())", "", "both unsure"),
    ("opportunities.count() = 2", "both", ""),
    (f"opportunities.exists({AMOUNT}.isNotNull())", "both small", "unsure"),
    ('opportunities.exists(opportunityAmount.currencyCode = "CHF")', "both unsure", ""),
    ("opportunities.exists(opportunityAmount.isNotNull())", "both small unsure", ""),
    (f"if(opportunities.count() = 2, opportunities.sum({AMOUNT}), 100) > 50", "empty small unsure", "both"),
    (f"opportunities.topN({AMOUNT}, 1).exists({AMOUNT} > 50)", "", "both unsure"),
    (f"100 in opportunities.{AMOUNT}", "", "both unsure"),
    ('inSegment("big")', "both", "unsure"),
    ('not (inSegment("big"))', "empty small", "unsure"),
]


def deal(record: str, of: str, amount: int, code: str) -> dict[str, Any]:
    return opportunity(record, of=of, opportunityAmount={"amount": amount, "currencyCode": code})


@pytest.fixture
def deals(house: House) -> Unified:
    """Accounts with known deals, with one that nobody can say, with both kinds, with none."""
    house.take("account", *(account(name, accountName=name) for name in ("both", "unsure", "small", "empty")))
    rows = [("1", "both", 100, "USD"), ("2", "both", 100, "CHF"), ("3", "unsure", 100, "CHF")]
    house.take("opportunity", *(deal(*row) for row in rows), deal("4", "small", 10, "USD"))
    return house.unify()


def asked(text: str, unified: Unified, of: str = "account") -> Definition:
    big = {"big": ("account", f"opportunities.exists({AMOUNT} > 50)")}
    return resolve(parse(text), unified.schema, of, seen=lambda *_: True, audiences=big.get).definition


def called(unified: Unified, ids: Any, column: str = "accountName", of: str = "account") -> str:
    found = unified.con.execute(f'SELECT id, "{column}" FROM {unified.name}."{of}"').fetchall()
    return " ".join(sorted(name for one, name in found if one in set(map(int, ids))))


@pytest.mark.parametrize(("text", "members", "undecided"), CASES)
def test_what_nobody_can_say_is_left_open_and_nothing_else(
    deals: Unified, text: str, members: str, undecided: str
) -> None:
    for engine in ("auto", "reference"):
        found = evaluate(asked(text, deals), deals, engine)

        assert (members, undecided) == (called(deals, found.ids), called(deals, found.undecided)), engine


def test_many_at_once_leave_open_what_each_does(deals: Unified) -> None:
    definitions = [asked(text, deals) for text, _, _ in CASES]
    alone = [evaluate(one, deals) for one in definitions]

    together = evaluate_many(definitions, deals)

    assert [one.ids.tolist() for one in alone] == [one.ids.tolist() for one in together]
    assert [one.undecided.tolist() for one in alone] == [one.undecided.tolist() for one in together]


def test_an_estimate_counts_members_alone(deals: Unified) -> None:
    definition = asked(f"not opportunities.exists({AMOUNT} > 50)", deals)

    assert [2] == [one.size for one in sizes(definition, deals)]
    assert [2] == [one.size for one in preview(definition, deals).sizes]


def test_an_explanation_names_the_amount(deals: Unified) -> None:
    definition = asked(f"opportunities.sum({AMOUNT}) > 50 and opportunities.count() > 0", deals)
    (who,) = [one for one in range(1, 20) if called(deals, [one]) == "unsure"]

    explanation = explain(definition, StoreWorld(deals), Entity("account", who))

    (missing,) = [finding for _, finding in explanation.missing()]
    assert not explanation.holds
    assert ("value.undecided", "100 CHF on 2026-03-18") == (missing.code, missing.facts["amount"])
    assert any("100 CHF on 2026-03-18" in line for line in explanation.lines())


def test_a_negation_is_explained_by_the_amount_too(deals: Unified) -> None:
    definition = asked(f"not opportunities.exists({AMOUNT} > 50)", deals)
    (who,) = [one for one in range(1, 20) if called(deals, [one]) == "unsure"]

    explanation = explain(definition, StoreWorld(deals), Entity("account", who))

    assert not explanation.holds
    assert ["value.undecided"] == [finding.code for _, finding in explanation.missing()]


# ---------------------------------------------------------------- events and items of arrays


def order(
    record: str, who: str, total: dict[str, Any] | None = None, *lines: dict[str, Any]
) -> dict[str, Any]:
    row = {
        "_id": record,
        "timestamp": "2026-03-10T00:00:00Z",
        "eventType": "order",
        "personKey": key(who),
        "order": {"lines": [{"sku": "PS", "price": one} for one in lines]},
    }
    if total is not None:
        row["order"] |= {"total": total}
    return row


@pytest.fixture
def orders(house: House) -> Unified:
    house.schema = WITH_MONEY
    house.money = MoneyRules(
        "USD", sources={"shop_2": "EUR"}, rates=(Rate.on("EUR", "USD", Decimal(2), "2026-01-01"),)
    )
    house.take("person", *(person(name, f"{name}@x.org") for name in ("dollar", "euro", "franc", "shop")))
    euro, franc = ({"amount": 10, "currencyCode": code} for code in ("EUR", "CHF"))
    house.take(
        "event",
        order("1", "dollar", {"amount": 10}, {"amount": 10}, {"amount": 10}),
        order("2", "euro", euro, euro, {"amount": 1}),
        order("3", "franc", franc, franc, {"amount": 1}),
    )
    house.take("event", order("4", "shop", {"amount": 10}, {"amount": 10}), source="shop_2")
    return house.unify()


@pytest.mark.parametrize(
    ("text", "members", "undecided"),
    [
        ("xEvent.exists(order.total.amount = 10)", "dollar", "franc"),
        ("xEvent.exists(order.total.amount = 20)", "euro shop", "franc"),
        ("xEvent.sum(order.total.amount) > 15", "euro shop", "franc"),
        ("xEvent[order.total.amount > 15].count() = 1", "euro shop", "franc"),
        ("chain(xEvent, timestamp, [A: WHAT(order.total.amount > 15)])", "euro shop", "franc"),
        ("xEvent.exists(order.lines.sum(price.amount) = 21)", "euro", "franc"),
        ("xEvent.exists(order.lines.exists(price.amount = 1))", "euro franc", ""),
        ("xEvent.exists(order.lines.exists(price.amount = 20))", "euro shop", "franc"),
    ],
)
def test_money_in_events_and_their_lines_is_of_one_currency(
    orders: Unified, text: str, members: str, undecided: str
) -> None:
    for engine in ("auto", "reference"):
        found = evaluate(asked(text, orders, "person"), orders, engine)
        names = [called(orders, ids, "workEmail.address", "person") for ids in (found.ids, found.undecided)]

        assert [members, undecided] == [name.replace("@x.org", "") for name in names], engine


def test_missing_rates_are_told_with_the_first_day_on_which_they_are_needed(orders: Unified) -> None:
    assert [("CHF", "2026-03-10", 2)] == orders.report.rates
    assert [("event", "order.lines.price.amount", 1), ("event", "order.total.amount", 1)] == (
        orders.report.undecided
    )


def test_events_of_one_currency_need_no_table_of_their_own(house: House) -> None:
    house.schema = WITH_MONEY
    house.take("event", order("1", "dollar", {"amount": 10}, {"amount": 10, "currencyCode": "USD"}))
    found = house.unify()

    tables = found.con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'u'").fetchall()

    assert "event_worth" not in {name for (name,) in tables}


def test_items_of_records_are_of_one_currency_before_they_become_one_array(house: House) -> None:
    house.schema = WITH_MONEY
    house.money = MoneyRules("USD", rates=(Rate.on("EUR", "USD", Decimal(2), "2026-01-01"),))
    prices = [{"amount": 1, "currencyCode": "EUR"}, {"amount": Decimal("0.5"), "currencyCode": "chf"}]
    house.take("account", account("1", purchases=[{"sku": "PS", "price": one} for one in prices]))
    unified = house.unify()

    found = evaluate(asked("purchases.exists(price.amount = 2)", unified), unified)
    unsure = evaluate(asked("purchases.sum(price.amount) > 1", unified), unified)

    assert (1, 0) == (len(found.ids), len(found.undecided))
    assert (0, 1) == (len(unsure.ids), len(unsure.undecided))
    assert [("CHF", "2026-03-18", 1)] == unified.report.rates


def test_a_mark_that_comes_with_the_data_is_none(house: House) -> None:
    house.schema = WITH_MONEY
    house.take("account", account("1", purchases=[{"price": {"!amount": "100 CHF on 2026-03-01"}}]))
    unified = house.unify()

    found = evaluate(asked("purchases.sum(price.amount) = 0", unified), unified, "reference")

    assert (1, 0) == (len(found.ids), len(found.undecided))


def test_an_amount_that_comes_later_is_undecided_too_and_a_correction_decides(house: House) -> None:
    """The stored world is brought up to date, and says what one made from the ground says."""
    house.take("account", account("1", accountName="one"))
    house.take("opportunity", deal("2", "1", 10, "USD"))
    found = []
    for day, amount, code in ((11, 10, "USD"), (12, 100, "CHF"), (13, 100, "USD")):
        house.take("opportunity", deal("1", "1", amount, code) | updated(day))
        unified = house.unify()
        result = evaluate(asked(f"opportunities.sum({AMOUNT}) > 50", unified), unified)
        found.append((len(result.ids), len(result.undecided), unified.report.rates))
        del unified

    assert [(0, 0, []), (0, 1, [("CHF", "2026-03-12", 1)]), (1, 0, [])] == found
