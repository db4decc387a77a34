"""Amounts in one currency, or undecided."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.unit.profiles.house import House, house, opportunity

from townsend.profiles import MoneyRules, Rate
from townsend.profiles.money import rates_into

__all__ = ["house"]

RATES = (
    Rate.on("EUR", "USD", Decimal("1.10"), "2026-01-01"),
    Rate.on("EUR", "USD", Decimal("1.20"), "2026-03-01"),
)


def amounts(house: House) -> dict[str, Decimal | None]:
    rows = house.rows("opportunity")
    return {row["opportunityKey.sourceID"]: row.get("opportunityAmount.amount") for row in rows}


def deal(record: str, day: int | None = None, **money: object) -> dict[str, object]:
    return opportunity(record, day=day, opportunityAmount={"amount": 100, **money})


def test_the_newest_rate_not_after_the_conversion_date_counts(house: House) -> None:
    house.money = MoneyRules("USD", rates=RATES)
    house.take(
        "opportunity",
        deal("1", currencyCode="EUR", conversionDate="2026-02-28T23:59:59.999Z"),
        deal("2", currencyCode="eur", conversionDate="2026-03-01T00:00:00Z"),
        deal("3", currencyCode="USD"),
    )

    assert {"1": Decimal(110), "2": Decimal(120), "3": Decimal(100)} == amounts(house)


def test_without_a_conversion_date_the_records_own_time_counts(house: House) -> None:
    house.money = MoneyRules("USD", rates=(*RATES, Rate.on("EUR", "USD", Decimal(2), "2026-03-10")))
    house.take("opportunity", deal("1", 2, currencyCode="EUR"), deal("2", 12, currencyCode="EUR"))

    assert {"1": Decimal(120), "2": Decimal(200)} == amounts(house)


def test_a_missing_code_means_the_sources_currency(house: House) -> None:
    house.money = MoneyRules("USD", sources={"crm_2": "EUR"}, rates=RATES)
    house.take("opportunity", deal("1", 5))
    house.take("opportunity", deal("2", 5), source="crm_2")

    assert {"1": Decimal(100), "2": Decimal(120)} == amounts(house)


def test_without_a_rate_the_value_is_undecided_and_said_so(house: House) -> None:
    house.money = MoneyRules("USD", rates=RATES)
    house.take(
        "opportunity",
        deal("1", currencyCode="CHF"),
        deal("2", currencyCode="EUR", conversionDate="2025-12-31T23:59:59Z"),
        deal("3", currencyCode="USD"),
    )

    found = house.pairs("undecided")

    assert {"1": None, "2": None, "3": Decimal(100)} == amounts(house)
    marks = {
        row["opportunityKey.sourceID"]: row.get("opportunityAmount.!amount")
        for row in house.rows("opportunity")
    }
    report = house.unify().report

    assert {"1": "100 CHF on 2026-03-18", "2": "100 EUR on 2025-12-31", "3": None} == marks
    assert ["opportunityAmount.amount"] * 2 == [path for _, _, path, _, _ in found]
    assert [("opportunity", "opportunityAmount.amount", 2)] == report.undecided
    assert [("CHF", "2026-03-18", 1), ("EUR", "2025-12-31", 1)] == report.rates
    assert "no rate of exchange from CHF holds on 2026-03-18 (amounts that need one: 1)" in report.money()[1]


def test_a_loser_without_a_rate_makes_nothing_undecided(house: House) -> None:
    from tests.unit.profiles.house import key

    house.take("opportunity", deal("1", 2, currencyCode="CHF"))
    audit = {"externalKey": key("1"), "lastUpdatedDate": "2026-03-09T00:00:00Z"}
    house.take("opportunity", deal("2", currencyCode="USD") | {"extSourceSystemAudit": audit}, source="crm_2")

    assert {"2": Decimal(100)} == amounts(house)
    assert [] == house.pairs("undecided")


def test_what_no_longer_fits_is_undecided_not_an_error(house: House) -> None:
    house.money = MoneyRules("USD", rates=RATES)
    house.take("opportunity", opportunity("1", opportunityAmount={"amount": 10**28, "currencyCode": "EUR"}))

    assert {"1": None} == amounts(house)


def test_a_rate_the_other_way_is_turned_round_if_there_is_no_direct_one() -> None:
    back = Rate.on("USD", "CHF", Decimal("0.8"), "2026-01-01")
    both = MoneyRules("USD", rates=(back, Rate.on("USD", "EUR", Decimal(1), "2026-01-01"), *RATES))

    found = rates_into(both)

    assert [Decimal("1.25")] == [rate for _, rate in found["CHF"]]
    assert [Decimal("1.10"), Decimal("1.20")] == [rate for _, rate in found["EUR"]]


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "Infinity"])
def test_a_rate_that_is_no_price_is_refused(rate: str) -> None:
    with pytest.raises(ValueError):
        Rate.on("EUR", "USD", Decimal(rate), "2026-01-01")
