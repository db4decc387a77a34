"""An erasure takes a person out of everything, proves it, and cannot be undone by loading again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.stories.bodea import account, key, opportunity, person, visit
from tests.unit.project.shop import NOW, Shop, shop

from townsend.problem import Invalid
from townsend.project.load import load_into
from townsend.project.privacy import ErasureReport, access_person, erase_person
from townsend.store.facts import Facts

__all__ = ["shop"]

pytestmark = pytest.mark.slow
P1, P2 = "p1@townsend.com", "p2@townsend.com"
WON = "opportunities[isWon].sum(opportunityAmount.amount) = 1100000"


@pytest.fixture
def bodea(shop: Shop) -> Shop:
    """p2 in two systems, with an address of old, an event, a relation row and a broken row."""
    one = key("1", "crm1")
    shop.load("account", account("1", "crm1"))
    shop.load("opportunity", opportunity("o1", "crm1", one, 1_100_000))
    shop.load("person", person("p1", "crm1", P1, [one]))
    shop.load("person", person("p2", "crm1", "old@townsend.com", [one]))
    shop.load("person", person("p2", "crm1", P2, [one]))
    shop.load("person", person("12", "mkto1", "P2@Townsend.com "))
    shop.load("person", person("13", "mkto1", P2, isDeleted=True))
    shop.load("event", visit("v1", key("12", "mkto1"), "2026-11-03T09:00:00Z"))
    shop.load("event", visit("v2", key("p1", "crm1"), "2026-11-03T09:00:00Z"))
    relation = {"accountPersonKey": key("r1", "crm1"), "accountKey": one, "personKey": key("p2", "crm1")}
    shop.load("account_person", relation)
    shop.audience("buyers", "[{to: list}, {to: other, paused: true}]")
    shop.deliver()
    return shop


def erase(shop: Shop, who: str) -> ErasureReport:
    with shop.open() as project:
        return erase_person(project, who, NOW, progress=lambda _: None)


def count(shop: Shop, table: str) -> int:
    with shop.open() as project:
        found = project.facts.one(f"SELECT count(*) FROM facts.{table}")
    return int(found[0]) if found else 0


def members(shop: Shop, pql: str, of: str = "person") -> list[Any]:
    with shop.open() as project:
        return [row["identities"] for row in project.ask(pql, of, now=NOW).rows()]


def test_everything_of_the_person_goes_and_nothing_else(bodea: Shop) -> None:
    report = erase(bodea, P2)

    assert report.erased is not None
    assert {"person": 4, "event": 1, "account_person": 1, "transition": 1} == report.erased.rows
    assert {"account": 1, "opportunity": 1} == report.erased.kept
    assert [1, 1] == [count(bodea, table) for table in ("person", "event")]
    assert [[P1]] == [one["Email"] for one in members(bodea, "true")]
    assert 1 == len(members(bodea, WON, "account"))


def test_they_are_taken_out_of_delivered_lists_at_once(bodea: Shop) -> None:
    report = erase(bodea, P2)

    assert ({1}, 0) == (bodea.there(), report.open_deliveries)
    assert [("list", "buyers", 1, 0)] == [
        (one.destination, one.audience, one.removed, one.waiting) for one in report.removals
    ]


def test_no_file_of_the_project_names_them_any_more(bodea: Shop) -> None:
    source = bodea.folder / "list.csv"
    source.write_text(f"email\n{P2.upper()}\n", "utf-8")

    report = erase(bodea, P2)

    assert [source] == [one.path for one in report.remains]
    held = b"".join(path.read_bytes() for path in (bodea.folder / ".townsend").rglob("*") if path.is_file())
    assert [True, False, False, False, False] == [
        one in held
        for one in (b"p1@townsend.com", b"p2@townsend.com", b"old@townsend", b"p2@crm1", b"12@mkto1")
    ]


def test_the_proof_names_nobody(bodea: Shop) -> None:
    report = erase(bodea, P2)

    said = json.dumps(report.to_json()) + "\n".join(report.lines())
    assert not [one for one in ("p2@", "old@", "12@mkto1") if one in said]


def test_erasing_again_finds_nothing_and_is_no_error(bodea: Shop) -> None:
    first = erase(bodea, P2)

    again = [erase(bodea, who) for who in (P2, f"Email:{P2}", "12@mkto1.Salesforce", str(first.entity))]

    assert [(None, None, 0)] * 4 == [(one.entity, one.erased, one.open_deliveries) for one in again]


def test_loading_them_again_brings_nobody_back(bodea: Shop) -> None:
    erase(bodea, P2)

    bodea.load("person", person("p2", "crm1", P2), person("99", "crm9", "OLD@townsend.com"))
    bodea.load("event", visit("v9", key("12", "mkto1"), "2026-11-03T09:00:00Z"))
    bodea.deliver()

    assert [[P1]] == [one["Email"] for one in members(bodea, "true")]
    assert {1} == bodea.there()


def test_a_removal_that_is_not_answered_outlives_the_person(bodea: Shop) -> None:
    bodea.vendors["list"].faults = ["unheard"] * 9

    report = erase(bodea, P2)

    assert (1, {1, 2}) == (report.open_deliveries, bodea.there())
    assert "the vendor does not answer" in "\n".join(report.lines())
    bodea.vendors["list"].faults = []
    bodea.audience("buyers", "[{to: list, paused: true}]")
    bodea.deliver()
    assert {1} == bodea.there()


def test_a_crash_in_between_is_finished_by_saying_it_again(
    bodea: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("erase_facts", "_rewrite", "send_erasures"):
        with monkeypatch.context() as patch:
            patch.setattr(f"townsend.project.privacy.{step}", dies)
            with pytest.raises(KeyboardInterrupt):
                erase(bodea, P2)
    report = erase(bodea, P2)

    assert ({1}, 0) == (bodea.there(), report.open_deliveries)
    held = (bodea.folder / ".townsend" / "townsend.duckdb").read_bytes()
    assert b"p2@townsend.com" not in held


def test_a_quarantined_row_that_names_them_goes_too(bodea: Shop) -> None:
    path = bodea.folder / "broken.ndjson"
    broken = [{"workEmail": {"address": one}, "b2b": {"personScore": "much"}} for one in (P1, P2)]
    path.write_text("".join(json.dumps(row) + "\n" for row in broken), "utf-8")
    with bodea.open() as project:
        load_into(project, "person", [path], "crm_1", again=False, progress=lambda _: None)
    assert 2 == count(bodea, "quarantine")

    report = erase(bodea, P2)

    assert report.erased is not None
    assert (1, 1) == (report.erased.rows["quarantine"], count(bodea, "quarantine"))
    with bodea.open() as project:
        (again,) = load_into(project, "person", [path], "crm_1", again=True, progress=lambda _: None)
    assert (1, 1) == (again.accepted.dropped, count(bodea, "quarantine"))


def test_an_address_that_somebody_else_holds_is_not_barred(shop: Shop) -> None:
    """Too many share it, so it joins nobody, and it is not one person's to take away."""
    many = [person(f"q{n}", "crm1", "info@townsend.com") for n in range(60)]
    shop.load("person", *many)

    report = erase(shop, "b2b_person:q7@crm1.Salesforce")
    shop.load("person", person("new", "crm1", "info@townsend.com"))

    assert (1, 60) == (report.shared, len(members(shop, "true")))


def test_a_stranger_is_refused(bodea: Shop) -> None:
    with pytest.raises(Invalid) as caught:
        erase(bodea, "nobody@townsend.com")

    assert "who.unknown" == caught.value.code


def test_access_gives_everything_that_is_held(bodea: Shop) -> None:
    with bodea.open() as project:
        held = access_person(project, P2, NOW)

    assert {"person": 4, "event": 1, "account_person": 1} == {
        table: len(rows) for table, rows in held["facts"].items()
    }
    assert {"old@townsend.com", P2} == {
        one["value"] for one in held["identities"] if one["namespace"] == "Email"
    }
    assert [("list", True)] == [(one["destination"], one["there"]) for one in held["deliveries"]]
    assert ["buyers"] == [one["audience"] for one in held["memberships"]]
    assert ["entered"] == [one["change"] for one in held["history"]]
    assert P1 not in json.dumps(held, default=str)


def test_numbers_are_never_handed_out_again(bodea: Shop) -> None:
    with Facts.open(bodea.folder / ".townsend" / "townsend.duckdb") as facts:
        before = facts.one("SELECT max(n), count(*) FROM facts.number")
    erase(bodea, P2)

    with Facts.open(bodea.folder / ".townsend" / "townsend.duckdb") as facts:
        assert before == facts.one("SELECT max(n), count(*) FROM facts.number")
