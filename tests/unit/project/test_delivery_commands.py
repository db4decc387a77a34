"""What the commands say and how they end when deliveries are planned, refused or not heard."""

from __future__ import annotations

import json

import pytest
from tests.unit.project.shop import Shop, shop

from townsend.cli.main import main

__all__ = ["shop"]


@pytest.fixture
def buyers(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    # Commands open projects on the machine's clock; nobody waits for a vendor in memory.
    monkeypatch.setattr("townsend.activation.deliver.WAITS_S", (0.0, 0.0))
    shop.people(1, 2)
    shop.audience("buyers", "[{to: list}]")
    return shop


def run(shop: Shop, *words: str) -> int:
    return main([*words, "--project", str(shop.folder)])


def test_done_is_0_and_the_table_says_what_was_added(
    buyers: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == run(buyers, "activate")

    out = capsys.readouterr().out
    assert ["buyers", "→", "list", "2", "delivered"] == [
        word for word in out.splitlines()[-1].split() if word != "0"
    ]


def test_refused_is_3_with_the_vendors_words(buyers: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    buyers.vendors["list"].refuses["p2@townsend.com"] = "Lead is blocked"

    assert 3 == run(buyers, "activate")
    assert "note: buyers → list: 1 refused: Lead is blocked" in capsys.readouterr().err


def test_not_reached_is_1_and_loses_nothing(buyers: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    buyers.vendors["list"].faults = ["unheard"] * 20

    assert 1 == run(buyers, "activate")
    assert "the vendor does not answer" in capsys.readouterr().err
    buyers.vendors["list"].faults = []
    assert 0 == run(buyers, "activate")
    assert {1, 2} == buyers.there()


def test_a_run_that_could_not_deliver_is_1(buyers: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    buyers.vendors["list"].faults = ["unheard"] * 20

    assert 1 == run(buyers, "run", "--json")
    (done,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert "waiting" == done["deliveries"][0]["state"]


def test_a_plan_sends_nothing_and_lists_reasons(buyers: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    buyers.people(2, consents={"marketing": {"email": {"val": "n"}}})

    assert 0 == run(buyers, "activate", "--plan", "--json")
    (plan,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (1, {"consent: no": 1}, 0) == (
        plan["add"],
        plan["excluded_by_reason"],
        buyers.vendors["list"].calls,
    )
    assert 0 == run(buyers, "plan")
    assert "1 left out: consent: no" in capsys.readouterr().out


def test_an_erasure_that_waits_for_a_vendor_is_3(buyers: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    run(buyers, "activate")
    buyers.vendors["list"].faults = ["unheard"]
    capsys.readouterr()

    assert 3 == run(buyers, "erase", "p2@townsend.com", "--json")
    told = capsys.readouterr()
    assert "townsend activate" in told.err
    assert 1 == json.loads(told.out)["open_deliveries"]
    assert 0 == run(buyers, "activate")
    assert 0 == run(buyers, "erase", "p2@townsend.com")


def test_access_is_json_either_way(buyers: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    run(buyers, "activate")
    capsys.readouterr()

    assert 0 == run(buyers, "access", "p2@townsend.com", "--json")
    machine = json.loads(capsys.readouterr().out)
    assert 0 == run(buyers, "access", "p2@townsend.com")
    person = json.loads(capsys.readouterr().out)
    assert machine["deliveries"] == person["deliveries"]
    assert "list" == machine["deliveries"][0]["destination"]
