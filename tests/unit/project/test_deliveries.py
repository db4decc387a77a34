"""A project's activations, against a vendor in memory: who is wanted, who is not, and why."""

from __future__ import annotations

import pytest
from tests.stories.bodea import account, key, person
from tests.unit.project.shop import Shop, shop

from townsend.problem import Invalid

__all__ = ["shop"]


def test_members_reach_every_destination_they_are_mapped_to(shop: Shop) -> None:
    shop.people(1, 2)
    shop.audience("buyers", "[{to: list}, {to: other, name: Buyers}]")

    plans, reports = shop.plan(), shop.deliver()

    assert {"list": 2, "other": 2} == {name: len(plan.adds) for name, plan in plans.items()}
    assert {"list": 2, "other": 2} == {name: report.added for name, report in reports.items()}
    assert ({1, 2}, {1, 2}) == (shop.there(), shop.there("Buyers", "other"))


def test_excluded_audiences_are_left_out_here_or_everywhere(shop: Shop) -> None:
    shop.people(1, 2, 3)
    shop.audience("buyers", "[{to: list, exclude: [first]}, {to: other}]")
    shop.audience("first", pql='workEmail.address = "p1@townsend.com"')
    shop.audience("second", pql='workEmail.address = "p2@townsend.com"')
    shop.settings(exclude="[second]")

    plans = shop.plan()
    shop.deliver()

    assert ({3}, {1, 3}) == (shop.there(), shop.there(destination="other"))
    assert {"excluded by first": 1, "excluded by second": 1} == plans["list"].excluded_by_reason()


def test_a_suppressed_company_takes_its_people_along(shop: Shop) -> None:
    shop.load("account", account("1", "crm1", "Rival"), account("2", "crm1", "Friend"))
    shop.load("person", person("p1", "crm1", "p1@townsend.com", [key("1", "crm1")]))
    shop.load("person", person("p2", "crm1", "p2@townsend.com", [key("2", "crm1")]))
    shop.audience("buyers", "[{to: list, exclude: [rivals]}]")
    shop.audience("rivals", pql='accountName = "Rival"', of="account")

    shop.deliver()

    assert {2} == shop.there()


def test_somebody_excluded_later_is_taken_out_again(shop: Shop) -> None:
    shop.people(1, 2)
    shop.audience("buyers", "[{to: list}]")
    shop.deliver()
    shop.audience("first", pql='workEmail.address = "p1@townsend.com"')
    shop.audience("buyers", "[{to: list, exclude: [first]}]")

    shop.deliver()

    assert {2} == shop.there()


@pytest.mark.parametrize(("unknown", "there"), [("allow", {1, 3}), ("deny", {3})])
def test_silence_about_consent_means_what_the_project_says(shop: Shop, unknown: str, there: set[int]) -> None:
    shop.settings(unknown)
    shop.people(1)
    shop.people(2, consents={"marketing": {"email": {"val": "n"}}})
    shop.people(3, consents={"marketing": {"email": {"val": "y"}}})
    shop.audience("buyers", "[{to: list}]")

    shop.deliver()

    assert there == shop.there()


def test_consent_withdrawn_takes_people_out_of_delivered_lists(shop: Shop) -> None:
    shop.people(1, 2)
    shop.audience("buyers", "[{to: list}]")
    shop.deliver()
    shop.people(2, consents={"marketing": {"any": {"val": "n", "time": "2026-11-22T10:00:00Z"}}})

    report = shop.deliver()["list"]

    assert ({1}, 1, 1) == (shop.there(), report.removed, report.excluded)


def test_an_activation_taken_out_of_the_file_is_emptied(shop: Shop) -> None:
    shop.people(1, 2)
    shop.audience("buyers", "[{to: list}, {to: other}]")
    shop.deliver()
    shop.audience("buyers", "[{to: other}]")

    plans, reports = shop.plan(), shop.deliver()

    assert (2, "emptied") == (len(plans["list"].removes), reports["list"].state)
    assert (set(), {1, 2}) == (shop.there(), shop.there(destination="other"))
    assert {"other"} == shop.deliver().keys()


def test_a_deleted_audience_is_emptied_also_when_it_is_named(shop: Shop) -> None:
    shop.people(1)
    shop.audience("buyers", "[{to: list}]")
    shop.deliver()
    (shop.folder / "audiences" / "buyers.yaml").unlink()

    shop.deliver("buyers")

    assert set() == shop.there()


def test_delivering_one_audience_leaves_others_alone(shop: Shop) -> None:
    shop.people(1)
    shop.audience("buyers", "[{to: list}]")
    shop.audience("readers", "[{to: list}]")
    shop.deliver()
    shop.audience("readers")

    shop.deliver("buyers")

    assert {1} == shop.there("readers")


def test_a_destination_gone_from_the_settings_is_said_and_stops_nothing(shop: Shop) -> None:
    shop.people(1)
    shop.audience("buyers", "[{to: list}, {to: other}]")
    shop.deliver()
    text = (shop.folder / "townsend.yaml").read_text("utf-8")
    (shop.folder / "townsend.yaml").write_text(text.replace(", other: {type: linkedin}", ""), "utf-8")
    shop.audience("buyers", "[{to: list}]")

    reports = shop.deliver()

    assert ("kept", "up to date") == (reports["other"].state, reports["list"].state)
    assert "no longer in the settings" in reports["other"].flags[0]


@pytest.mark.parametrize(
    ("activate", "code"),
    [
        ("[{to: lists}]", "audience.destination"),
        ("[{to: list}, {to: list}]", "audience.twice"),
        ("[{to: list, exclude: [rival]}]", "audience.unknown"),
    ],
)
def test_what_is_written_wrong_stops_before_anything_is_sent(shop: Shop, activate: str, code: str) -> None:
    shop.people(1)
    shop.audience("buyers", activate)

    with pytest.raises(Invalid) as caught:
        shop.deliver()

    assert (code, 0) == (caught.value.code, shop.vendors["list"].calls)


def test_two_audiences_cannot_fill_one_list(shop: Shop) -> None:
    shop.people(1)
    shop.audience("buyers", "[{to: list}]")
    shop.audience("readers", "[{to: list, name: buyers}]")

    with pytest.raises(Invalid) as caught:
        shop.deliver()

    assert ("audience.same_list", 0) == (caught.value.code, shop.vendors["list"].calls)


def test_a_list_taken_over_by_another_audience_ends_right(shop: Shop) -> None:
    shop.people(1, 2)
    shop.audience("buyers", "[{to: list}]")
    shop.deliver()
    (shop.folder / "audiences" / "buyers.yaml").unlink()
    shop.audience("readers", "[{to: list, name: buyers}]")

    shop.deliver()

    assert {1, 2} == shop.there()


def test_accounts_are_not_sent_where_people_are_wanted(shop: Shop) -> None:
    shop.load("account", account("1", "crm1"))
    shop.audience("firms", "[{to: list}]", of="account")

    plan, report = shop.plan()["list"], shop.deliver()["list"]

    assert (0, {"list takes people, this is an audience of class account": 1}) == (
        plan.wanted,
        plan.excluded_by_reason(),
    )
    assert ("empty", 0) == (report.state, shop.vendors["list"].calls)


def test_one_vendor_out_of_reach_does_not_stop_the_other(shop: Shop) -> None:
    shop.people(1)
    shop.audience("buyers", "[{to: list}, {to: other}]")
    shop.vendors["list"].faults = ["unheard"] * 50

    reports = shop.deliver("buyers")

    assert (True, {1}) == (reports["list"].failed, shop.there(destination="other"))


def test_what_was_delivered_is_recorded_as_membership(shop: Shop) -> None:
    shop.people(1)
    shop.audience("buyers", "[{to: list}]")
    shop.deliver()
    shop.deliver()

    with shop.open() as project:
        (row,) = project.history("buyers")

    assert ("entered", "p1@townsend.com", "first") == (row["change"], row["who"], row["cause"])


def test_two_members_found_to_be_one_neither_leave_nor_enter(shop: Shop) -> None:
    shop.people(1)
    shop.load("person", person("9", "crm1", "p9@townsend.com"))
    shop.audience("buyers", "[{to: list}]")
    shop.deliver()

    shop.load("person", person("9", "crm1", "p1@townsend.com"))
    report = shop.deliver()["list"]

    assert ({1}, 0) == (shop.there(), report.added)
    with shop.open() as project:
        assert ["entered", "entered"] == [row["change"] for row in project.history("buyers")]
        assert 1 == project.state.count_members("buyers")
