"""The documented audiences of people around attributes, roles, campaigns and lists, told right from wrong."""

from __future__ import annotations

from typing import Any

import pytest
from tests.stories.bodea import Bodea, key
from tests.stories.examples_world import GONE, Market

MILLION = 1_000_000
IN_TIME = ("2026-11-01T08:00:00Z", "2026-11-02T08:00:00Z", "2026-11-03T08:00:00Z")


@pytest.fixture
def market(bodea: Bodea) -> Market:
    return Market(bodea)


def revenue(amount: float) -> dict[str, Any]:
    return {"accountOrganization": {"annualRevenue": {"amount": amount, "currencyCode": "USD"}}}


def dollars(amount: float, currency: str = "USD") -> dict[str, Any]:
    return {"amount": amount, "currencyCode": currency}


def changed(at: str) -> dict[str, Any]:
    return {"extSourceSystemAudit": {"lastUpdatedDate": at}}


def test_6_three_visits_within_a_month_to_the_millisecond(market: Market) -> None:
    """The title is a word of its own: a VPN engineer is no VP."""
    market.company("big", **revenue(100 * MILLION))
    market.company("small", **revenue(100 * MILLION - 0.01))
    market.company("untold")
    market.visit(market.person("anna", "big", title="VP Marketing"), *IN_TIME)
    market.visit(market.person("ben", "big", title="VP Sales"), *IN_TIME[:2], "2026-10-22T11:59:59.999Z")
    market.visit(market.person("cara", "big", title="VPN Engineer"), *IN_TIME)
    market.visit(market.person("dora", "untold", title="VP Sales"), *IN_TIME)
    market.visit(
        market.person("emil", "small", "big", title="Regional vice president, Sales"),
        *IN_TIME[:2],
        "2026-10-22T12:00:00Z",
    )
    market.visit(market.person("finn", "small", title="VP Sales"), *IN_TIME)
    market.visit(market.person("gina", "big"), *IN_TIME)

    assert ["anna", "emil"] == market.members("vps-who-look-at-prices")


def test_9_the_newest_score_counts_and_80_is_not_above_80(market: Market) -> None:
    market.person("anna", b2b={"personScore": 80.5})
    market.person("ben", b2b={"personScore": 80})
    market.person("cara")
    market.person("dora", b2b={"personScore": 90}, **changed("2026-01-01T00:00:00Z"))
    market.person("dora", system="crm2", b2b={"personScore": 70}, **changed("2026-06-01T00:00:00Z"))
    market.person("emil", b2b={"personScore": 70}, **changed("2026-01-01T00:00:00Z"))
    market.person("emil", system="crm2", b2b={"personScore": 90}, **changed("2026-06-01T00:00:00Z"))
    market.person("finn", b2b={"personScore": 99}, **GONE)

    assert ["anna", "emil"] == market.members("likely-buyers")


def test_10_the_parent_is_big_not_the_company_nor_the_grandparent(market: Market) -> None:
    def below(parent: str) -> dict[str, Any]:
        return {"accountParentKey": key(parent, "crm1")}

    market.company("group", **revenue(100 * MILLION + 1))
    market.company("child", **below("group"))
    market.company("grandchild", **below("child"))
    market.company("exact", **revenue(100 * MILLION))
    market.company("child-of-exact", **below("exact"))
    market.company("sold", **revenue(900 * MILLION), **GONE)
    market.company("orphan", **below("sold"))
    market.company("child-of-unknown", **below("child"))
    market.person("anna", "child")
    market.person("ben", "group")
    market.person("cara", "grandchild")
    market.person("dora", "child-of-exact")
    market.person("emil", "orphan")
    market.person("finn", "exact", "child")
    market.person("gina", "child-of-unknown")

    assert ["anna", "finn"] == market.members("at-children-of-big-parents")


def test_11_role_company_and_flag_stand_on_one_relation(market: Market) -> None:
    market.company("Acme")
    market.company("Beta")
    for name in ("anna", "ben", "cara", "dora", "emil", "finn", "gina"):
        market.person(name)
    market.contact("anna", "Acme", personRoles=["Buyer", "Manager"], isActive=True)
    market.contact("ben", "Acme", personRole="Manager", isActive=True)
    market.contact("cara", "Acme", personRole="Manager", isActive=False)
    market.contact("cara", "Acme", personRole="Engineer", isActive=True)
    market.contact("dora", "Beta", personRole="Manager", isActive=True)
    market.contact("dora", "Acme", personRole="Engineer", isActive=True)
    market.contact("emil", "Acme", personRole="Manager")
    market.contact("finn", "Acme", personRole="Manager", isActive=True, **GONE)
    market.contact("gina", "Acme", isActive=True)

    assert ["anna", "ben"] == market.members("active-managers-at-acme")


def test_12_one_campaign_cost_more_than_its_own_budget(market: Market) -> None:
    """Two fields of one campaign, in whatever currency each is given."""
    market.campaign("over", actualCost=dollars(101), budgetedCost=dollars(100))
    market.campaign("even", actualCost=dollars(100), budgetedCost=dollars(100))
    market.campaign("large", actualCost=dollars(300), budgetedCost=dollars(400))
    market.campaign("small", actualCost=dollars(10), budgetedCost=dollars(20))
    market.campaign("open-ended", actualCost=dollars(500))
    market.campaign("euro", actualCost=dollars(100, "EUR"), budgetedCost=dollars(107))
    market.campaign("cheap-euro", actualCost=dollars(100, "EUR"), budgetedCost=dollars(108))
    market.campaign("gone", actualCost=dollars(900), budgetedCost=dollars(100), **GONE)
    for name, campaigns in (
        ("anna", ("over", "even")),
        ("ben", ("even",)),
        ("cara", ("large", "small")),
        ("emil", ("open-ended",)),
        ("finn", ("euro",)),
        ("gina", ("gone", "cheap-euro")),
    ):
        market.person(name)
        for one in campaigns:
            market.joins(name, one)
    market.joins(market.person("dora"), "over", **GONE)

    assert ["anna", "finn"] == market.members("in-overspent-campaigns")


def test_13_who_is_on_the_list_now(market: Market) -> None:
    market.list("Anniversary users", "L1")
    market.list("Newsletter", "L2")
    market.list("Anniversary users", "L3", **GONE)
    for name in ("anna", "ben", "cara", "dora", "emil", "finn"):
        market.person(name)
    market.listed("anna", "L1")
    market.listed("ben", "L1", **GONE)
    market.listed("cara", "L2")
    market.listed("dora", "L3")
    market.listed("emil", "L1", **GONE)
    market.listed("emil", "L1")

    assert ["anna", "emil"] == market.members("anniversary-users")
