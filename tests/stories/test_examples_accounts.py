"""The documented audiences of companies, each on data that tells right from wrong."""

from __future__ import annotations

import pytest
from tests.stories.bodea import Bodea, key
from tests.stories.examples_world import EXAMPLES, GONE, LOST, OPEN, WON, Market


@pytest.fixture
def market(bodea: Bodea) -> Market:
    return Market(bodea)


def test_a1_nobody_with_either_title(market: Market) -> None:
    """A company of which nobody is known has no such contact either."""
    for name in ("plain", "empty", "coo", "cmo", "retired", "untitled", "former"):
        market.company(name)
    market.person("anna", "plain", title="CFO")
    market.person("ben", "coo", title="coo")
    market.person("cara", "cmo", title="CMO")
    market.person("cora", "cmo", title="Engineer")
    market.person("dora", "retired", title="CMO", **GONE)
    market.person("emil", "untitled")
    market.contact(market.person("finn", title="CMO"), "former", isActive=False)

    assert ["empty", "former", "plain", "retired", "untitled"] == market.members("without-coo-or-cmo")


def test_a2_the_role_is_held_at_this_company(market: Market) -> None:
    for name in ("plain", "titled", "role", "roles", "former", "elsewhere", "home", "unsaid"):
        market.company(name)
    market.person("anna", "plain", title="CFO")
    market.person("ben", "titled", title="CIO")
    for name in ("cara", "dora", "emil", "finn", "gina"):
        market.person(name)
    market.contact("cara", "role", personRole="CMO", isActive=True)
    market.contact("dora", "roles", personRoles=["Buyer", "CIO"])
    market.contact("emil", "former", personRole="CMO", isActive=False)
    market.contact("finn", "elsewhere", personRole="Adviser")
    market.contact("finn", "home", personRole="CIO")
    market.contact("gina", "unsaid")

    assert ["elsewhere", "former", "plain", "unsaid"] == market.members("missing-cmo-or-cio")


def test_a3_three_to_nine_months_both_bounds_included(market: Market) -> None:
    def bought(company: str, at: str, *skus: str, event_type: str = "commerce.purchases") -> None:
        if company not in market.companies:
            market.company(company)
        market.purchase(at, *skus, event_type=event_type, accountKey=key(company, "crm1"))

    bought("inside", "2026-05-01T00:00:00Z", "STARTER")
    bought("newest", "2026-08-22T12:00:00Z", "STARTER")
    bought("too-new", "2026-08-22T12:00:00.001Z", "STARTER")
    bought("oldest", "2026-02-22T12:00:00Z", "STARTER")
    bought("too-old", "2026-02-22T11:59:59.999Z", "STARTER")
    bought("both-sides", "2025-12-01T00:00:00Z", "STARTER")
    bought("both-sides", "2026-10-01T00:00:00Z", "STARTER")
    bought("again", "2025-12-01T00:00:00Z", "STARTER")
    bought("again", "2026-06-01T00:00:00Z", "OTHER", "STARTER")
    bought("upgraded", "2026-05-01T00:00:00Z", "STARTER")
    bought("upgraded", "2024-05-01T00:00:00Z", "PREMIUM")
    bought("together", "2026-05-01T00:00:00Z", "STARTER", "PREMIUM")
    bought("looked", "2026-05-01T00:00:00Z", "STARTER", event_type="commerce.productViews")
    bought("tempted", "2026-05-01T00:00:00Z", "STARTER")
    bought("tempted", "2026-06-01T00:00:00Z", "PREMIUM", event_type="commerce.productViews")
    market.company("bystander")
    market.person("anna", "bystander")
    market.purchase("2026-05-01T00:00:00Z", "STARTER", personKey=key("anna", "crm1"))

    assert ["again", "inside", "newest", "oldest", "tempted"] == market.members("ready-for-cross-sell")


def test_a4_one_of_the_competitors_products(market: Market) -> None:
    market.company("theirs", technologies=["Mail", "Globex CRM"])
    market.company("other", technologies=["Initech Engage"])
    market.company("ours", technologies=["Bodea CRM"])
    market.company("similar", technologies=["Globex CRM Export"])
    market.company("plain", technologies=[])
    market.company("untold")
    market.company("closed", technologies=["Globex CRM"], **GONE)

    assert ["other", "theirs"] == market.members("using-a-competitor")


def test_a5_a_deal_that_is_not_known_to_be_closed_suppresses(market: Market) -> None:
    for name in ("customer", "open", "unsaid", "lost", "plain", "gone", "mixed"):
        market.company(name)
    market.deal("customer", **WON)
    market.deal("open", **OPEN)
    market.deal("unsaid")
    market.deal("lost", **LOST)
    market.deal("gone", **OPEN, **GONE)
    market.deal("mixed", **LOST)
    market.deal("mixed", **WON)

    assert ["customer", "mixed", "open", "unsaid"] == market.members("not-for-advertising")


def test_a6_topic_and_score_stand_on_one_signal(market: Market) -> None:
    for name in ("surging", "calm", "mixed", "gone", "unscored"):
        market.company(name)
    market.intent("surging", "marketing automation", 81)
    market.intent("calm", "Marketing Automation", 80)
    market.intent("mixed", "Marketing Automation", 50)
    market.intent("mixed", "Payroll", 95)
    market.intent("gone", "Marketing Automation", 95, **GONE)
    market.intent("unscored", "Marketing Automation", None)

    assert ["surging"] == market.members("surging")


def test_every_example_checks_without_a_word(market: Market) -> None:
    names = sorted(path.stem for path in EXAMPLES.glob("*.yaml"))
    market.settle(*names)

    checked = market("check")

    assert len(names) == 22
    assert names == sorted(row["audience"] for row in checked.rows)
    assert [] == [row for row in checked.rows if not row["ok"]]
