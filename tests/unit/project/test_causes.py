"""Because of what members move: the definition, the rules, the facts, or time alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.project.shop import NOW, Shop, shop

from townsend.project.run import RunReport, evaluate_audiences

__all__ = ["shop"]

RECENT = "xEvent.exists(timestamp occurs <= 7 days before now)"


def record(shop: Shop, days: int = 0) -> RunReport:
    report = RunReport()
    with shop.open() as project:
        evaluate_audiences(project, NOW + timedelta(days=days), report, lambda _: None)
    assert [] == report.failed
    return report


def causes(shop: Shop, name: str = "buyers") -> list[tuple[str, str]]:
    with shop.open() as project:
        return [(row["change"], row["cause"]) for row in project.history(name)]


def moved(shop: Shop, name: str = "buyers") -> list[str]:
    with shop.open() as project:
        return [one["message"] for one in project.check(name) if one["code"] == "audience.changed"]


def visit(shop: Shop, number: int) -> None:
    shop.load(
        "event",
        {
            "_id": f"v{number}",
            "timestamp": "2026-11-20T00:00:00Z",
            "eventType": "visit",
            "identityMap": {"Email": [{"id": f"p{number}@townsend.com"}]},
        },
    )


def test_each_move_is_recorded_with_its_cause(shop: Shop) -> None:
    shop.people(1, 2)
    visit(shop, 1)
    shop.audience("buyers", pql=RECENT)
    record(shop)
    visit(shop, 2)
    record(shop)
    shop.audience("buyers", pql=f'{RECENT} and workEmail.address.startsWith("p2")')
    record(shop)
    record(shop, days=30)

    assert [
        ("entered", "first"),
        ("entered", "facts"),
        ("left", "definition"),
        ("left", "time"),
    ] == causes(shop)


def test_a_changed_definition_says_whom_it_moves_until_it_is_recorded(shop: Shop) -> None:
    shop.people(1, 2, 3)
    shop.audience("buyers", pql='workEmail.address.startsWith("p1")')
    record(shop)
    before = moved(shop)
    shop.audience("buyers", pql='not (workEmail.address.startsWith("p1"))')
    (text,) = moved(shop)
    report = record(shop)

    assert [] == before == moved(shop)
    assert "2 would enter, 1 would leave (1 → 2)" in text
    assert ["buyers: the definition changed: 2 entered, 1 left"] == report.notes


def test_the_definition_of_an_audience_that_is_used_counts_as_ones_own(shop: Shop) -> None:
    shop.people(1, 2)
    shop.audience("inner", pql='workEmail.address.startsWith("p1")')
    shop.audience("buyers", pql='inSegment("inner")')
    record(shop)
    shop.audience("inner", pql="true")
    (text,) = moved(shop)
    record(shop)

    assert text.startswith("what it uses, inner, changed")
    assert [("entered", "first"), ("entered", "definition")] == causes(shop)


def test_a_definition_that_is_wrong_is_not_evaluated(shop: Shop) -> None:
    shop.people(1)
    shop.audience("buyers")
    record(shop)
    shop.audience("buyers", pql="nothingKnown = 1")

    with shop.open() as project:
        assert ["error"] == [one["level"] for one in project.check("buyers")]


@pytest.mark.parametrize("most", [None, 1])
def test_members_of_a_list_qualify_by_the_value_in_its_file(shop: Shop, most: int | None) -> None:
    shop.people(1, 2)
    (shop.folder / "targets.csv").write_text("email\np1@townsend.com\n", "utf-8")
    text = "name: targets\nof: person\nmembers: {file: targets.csv, by: email}\n"
    (shop.folder / "audiences" / "targets.yaml").write_text(text, "utf-8")
    with shop.open() as project:
        answer = project.members("targets", now=NOW)
        (row,) = answer.rows(most, because=True)
        table = answer.table(because=True)

    assert {"listed": "p1@townsend.com"} == row["fields"]
    assert ["p1@townsend.com"] == row["because"][0]["measured"]
    assert ["p1@townsend.com"] == table["listed"].to_pylist()
