"""A deal in a currency without a rate: nobody is taken in or kept out by guessing, and what to do is said."""

from __future__ import annotations

import json

import pytest
import yaml
from tests.stories.bodea import Bodea
from tests.stories.examples_world import Market

from townsend.project.project import Project

BIG = "opportunities.exists(opportunityAmount.amount > 1000)"
RATE = "no rate of exchange from CHF holds on"


@pytest.fixture
def market(bodea: Bodea) -> Market:
    found = Market(bodea)
    found.company("acme")
    for name in ("anna", "hugo", "ida"):
        found.person(name, "acme")
    found.role("anna", found.deal("acme", 2_000))
    found.role("hugo", found.deal("acme", 2_000, "CHF"))
    found.role("ida", found.deal("acme", 2_000, "CHF"))
    found.role("ida", found.deal("acme", 3_000))
    found.settle()
    found.define("big", BIG)
    found.define("small", f"not ({BIG})")
    return found


def test_who_is_undecided_is_named_with_the_missing_rate(market: Market) -> None:
    shown = market.bodea("audience", "members", "big").err

    assert "undecided: 1\n" in shown
    assert "hugo@" in shown
    assert RATE in shown


def test_a_program_is_told_how_many_and_gets_members_alone(market: Market) -> None:
    found = market.bodea("query", f"not ({BIG})", "--json")

    assert "undecided: 1\n" == found.err
    assert all("hugo" not in line for line in found.out.splitlines())


def test_the_denial_is_undecided_too(market: Market) -> None:
    with Project(market.bodea.folder) as project:
        big, small = project.ask(BIG), project.ask(f"not ({BIG})")

    assert 1 == len(big.undecided)
    assert list(big.undecided) == list(small.undecided)
    assert not set(big.undecided) & {*big.ids, *small.ids}


def test_a_run_notes_it_for_each_audience(market: Market) -> None:
    report = json.loads(market.bodea("run", "--json").out)

    assert [1, 1] == [one["undecided"] for one in report["audiences"] if one["audience"] in ("big", "small")]
    assert any(RATE in note for note in report["notes"])


def test_check_and_doctor_name_the_rate(market: Market) -> None:
    market.bodea("audience", "count", "big")

    assert RATE in market.bodea("audience", "check", "big").out
    assert RATE in market.bodea("doctor").out


def test_a_rate_decides(market: Market) -> None:
    path = market.bodea.folder / "townsend.yaml"
    settings = yaml.safe_load(path.read_text("utf-8"))
    settings["rates"] = [{"from": "CHF", "to": "USD", "rate": 1.1, "on": "2020-01-01"}]
    path.write_text(yaml.safe_dump(settings), "utf-8")

    assert "" == market.bodea("audience", "members", "big", "--json").err
    assert "3" == market.bodea("query", BIG, "--count").out.strip()
