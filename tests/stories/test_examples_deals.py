"""The documented audiences of people around deals, each on data that tells right from wrong."""

from __future__ import annotations

import pytest
from tests.stories.bodea import Bodea, key
from tests.stories.examples_world import GONE, LOST, NEW_PRODUCT, OPEN, WON, Market

MILLION = 1_000_000
CANADA = {"accountBillingAddress": {"country": "canada"}}
FINANCE = {"accountOrganization": {"industry": "Finance"}}
HR = ("HR",)


@pytest.fixture
def market(bodea: Bodea) -> Market:
    return Market(bodea)


def test_1_decision_makers_are_those_whose_live_role_says_so(market: Market) -> None:
    deal = market.deal(market.company("acme"))
    for name in ("anna", "ben", "cara", "dora", "emil", "finn"):
        market.person(name, "acme")
    market.role("anna", deal)
    market.role("ben", deal, "Influencer")
    market.role("cara", deal, **GONE)
    market.role("emil", deal, "decision maker")
    market.role("finn", deal, None)

    assert ["anna"] == market.members("decision-makers")


def test_2_one_deal_over_a_million_that_names_the_person(market: Market) -> None:
    """Not two that add up to it, not a colleague's, not exactly a million; in any currency."""
    market.company("acme")
    for name in ("anna", "ben", "cara", "dora", "emil", "finn", "gina", "hugo"):
        market.person(name, "acme")
    market.role("anna", market.deal("acme", MILLION + 0.01))
    market.role("ben", market.deal("acme", MILLION))
    market.role("cara", market.deal("acme", 600_000))
    market.role("cara", market.deal("acme", 600_000))
    market.role("emil", market.deal("acme", 2 * MILLION, **GONE))
    market.role("finn", market.deal("acme", 2 * MILLION), **GONE)
    market.role("gina", market.deal("acme", 950_000, "EUR"))
    market.role("hugo", market.deal("acme", 2 * MILLION, "CHF"))

    assert ["anna", "gina"] == market.members("tied-to-a-big-deal")
    assert "undecided: 1" in market("count", "tied-to-a-big-deal").err


def test_3_the_deals_company_is_in_canada_not_the_persons(market: Market) -> None:
    market.company("maple", **CANADA)
    market.company("code", accountBillingAddress={"countryCode": "CA"})
    market.company("coast", accountBillingAddress={"country": "USA", "state": "CA"})
    market.company("nowhere")
    market.company("gone", **CANADA, **GONE)
    for name, company in (
        ("anna", "maple"),
        ("ben", "code"),
        ("cara", "coast"),
        ("dora", "nowhere"),
        ("emil", "gone"),
    ):
        market.role(market.person(name, "coast"), market.deal(company), "Influencer")
    market.person("finn", "maple")

    assert ["anna", "ben"] == market.members("in-deals-with-canada")


def test_4_the_role_and_the_industry_are_those_of_one_deal(market: Market) -> None:
    market.company("bank", **FINANCE)
    market.company("shop", accountOrganization={"industry": "Retail"})
    market.company("blank")
    finance, retail, blank = market.deal("bank"), market.deal("shop"), market.deal("blank")
    for name, deal, at in (
        ("anna", finance, "2026-11-20T12:00:00Z"),
        ("ben", retail, "2026-11-20T12:00:00Z"),
        ("dora", finance, "2026-11-19T12:00:00Z"),
        ("emil", finance, "2026-11-19T11:59:59.999Z"),
        ("finn", blank, "2026-11-20T12:00:00Z"),
    ):
        market.role(market.person(name), deal)
        market.visit(name, at)
    market.role("ben", finance, "Influencer")
    market.role(market.person("cara"), finance)
    market.visit("cara", "2026-11-20T12:00:00Z", url=NEW_PRODUCT)

    assert ["anna", "dora"] == market.members("finance-decision-makers-at-pricing")


def test_5_one_deal_is_both_open_and_big(market: Market) -> None:
    for name in ("big", "mixed", "exact", "blank", "unsaid"):
        market.company(name)
    market.deal("big", 2 * MILLION, **OPEN)
    market.deal("mixed", 2 * MILLION, **WON)
    market.deal("mixed", 10, **OPEN)
    market.deal("exact", MILLION, **OPEN)
    market.deal("blank", None, **OPEN)
    market.deal("unsaid", 2 * MILLION)
    market.person("anna", "big", departments=("HR", "EMEA"))
    market.person("ben", "mixed", departments=HR)
    market.person("cara", "big", departments=("Sales",))
    market.person("dora", "mixed", departments=("Human Resources",))
    market.contact("dora", "exact")
    market.person("emil", "blank", departments=HR)
    market.person("finn", "unsaid", departments=HR)
    market.person("gina", departments=HR)
    market.contact("gina", "big", isActive=False)
    market.person("hugo", "big")

    assert ["anna", "dora"] == market.members("hr-at-a-big-open-deal")


def test_7_the_role_is_in_the_deal_that_was_lost(market: Market) -> None:
    market.company("acme")
    lost, won, half = (
        market.deal("acme", **LOST),
        market.deal("acme", **WON),
        market.deal("acme", isClosed=True),
    )
    for name, deal in (("anna", lost), ("ben", won), ("cara", half), ("dora", lost), ("emil", lost)):
        market.role(market.person(name, "acme"), deal)
    market.role("ben", lost, "Influencer")
    for name in ("anna", "ben", "cara"):
        market.visit(name, "2026-11-22T12:00:00Z")
    market.visit("dora", "2026-11-19T11:59:59.999Z")

    assert ["anna"] == market.members("decision-makers-of-lost-deals-at-pricing")


def test_8_related_companies_count_whoever_of_the_two_names_the_other(market: Market) -> None:
    """Related to a related one is not related."""
    market.company("rich")
    market.company("partner", relatedAccountKeys=[key("rich", "crm1")])
    market.company("named", relatedAccountKeys=[key("far", "crm1")])
    market.company("far")
    market.company("beyond", relatedAccountKeys=[key("partner", "crm1")])
    market.company("former", relatedAccountKeys=[key("closed", "crm1")])
    market.company("closed")
    market.deal("rich", MILLION, **OPEN)
    market.deal("named", MILLION, **OPEN)
    market.deal("closed", 2 * MILLION, **WON)
    market.deal("closed", 10, **OPEN)
    for name, company in (
        ("anna", "rich"),
        ("ben", "partner"),
        ("cara", "far"),
        ("dora", "beyond"),
        ("emil", "former"),
    ):
        market.person(name, company, departments=HR)
    market.person("finn", "partner", departments=("Sales",))

    assert ["anna", "ben", "cara"] == market.members("hr-around-a-big-open-deal")


def test_14_the_last_24_hours_end_to_the_millisecond(market: Market) -> None:
    market.company("acme")
    lost, won = market.deal("acme", **LOST), market.deal("acme", **WON)
    for name, deal, at in (
        ("anna", lost, "2026-11-21T12:00:00Z"),
        ("ben", lost, "2026-11-21T11:59:59.999Z"),
        ("cara", won, "2026-11-22T11:00:00Z"),
        ("dora", lost, "2026-11-22T12:00:00.001Z"),
    ):
        market.role(market.person(name, "acme"), deal, None)
        market.visit(name, at)
    market.person("emil", "acme")
    market.visit("emil", "2026-11-22T11:00:00Z")

    assert ["anna"] == market.members("lost-deal-at-pricing-today")
    assert ["dora"] == market.members("lost-deal-at-pricing-today", now="2026-11-22T12:00:00.001Z")


def test_15_any_company_of_the_person_with_an_open_deal(market: Market) -> None:
    for name in ("open", "closed", "gone", "unsaid"):
        market.company(name)
    market.deal("open", **OPEN)
    market.deal("closed", **LOST)
    market.deal("gone", **OPEN, **GONE)
    market.deal("unsaid")
    market.person("anna", "closed", "open", departments=("Sales",))
    market.contact("anna", "open")
    market.person("ben", "closed", departments=("Sales",))
    market.person("cara", "gone", departments=("Sales",))
    market.person("dora", "unsaid", departments=("Sales",))
    market.person("emil", "open", departments=("Presales",))
    market.person("finn", "open")

    assert ["anna"] == market.members("sales-at-open-deals")


def test_16_the_seed_over_both_systems_and_both_silos(market: Market) -> None:
    """Two accounts that master data calls one; each way to a deal counts it once."""
    market.company("one")
    market.company("two", system="crm2")
    market.xrefs += [("G-1", "crm1", "one"), ("G-1", "crm2", "two")]
    market.deal("one", 200_000, **WON)
    market.deal("two", 900_000, system="crm2", **WON)
    market.company("twice")
    market.deal("twice", 600_000, **WON)
    market.deal("twice", 600_000, **LOST)
    market.company("exact")
    market.deal("exact", MILLION, **WON)
    market.deal("exact", MILLION, **WON, **GONE)
    market.person("anna", "one")
    market.visit("anna", "2026-11-03T09:00:00Z", url=NEW_PRODUCT)
    market.person("ben", "one")
    market.person("cara", "one")
    market.person("cara", "two", system="crm2")
    market.visit("cara", "2026-10-22T12:00:00Z", url=NEW_PRODUCT)
    market.person("dora", "one")
    market.visit("dora", "2026-10-22T11:59:59.999Z", url=NEW_PRODUCT)
    market.person("emil", "twice")
    market.contact("emil", "twice")
    market.visit("emil", "2026-11-03T09:00:00Z", url=NEW_PRODUCT)
    market.person("finn", "exact")
    market.visit("finn", "2026-11-03T09:00:00Z", url=NEW_PRODUCT)

    assert ["anna", "cara"] == market.members("high-value-visitors")
