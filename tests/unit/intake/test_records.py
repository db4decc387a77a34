"""Versions of records: what is new is added, what is known changes nothing, nothing is overwritten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.intake.desk import DAY_MS, NOW, NOW_MS, Desk, account, counts, stated

LATER = NOW + timedelta(days=1)
MARCH_1, MARCH_2 = "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"


def current(desk: Desk) -> list[tuple[Any, ...]]:
    """The current name of every account: by own or acceptance time, then acceptance, then hash."""
    return desk.rows(
        """SELECT "accountKey.sourceKey", "accountName" FROM facts.account
           QUALIFY row_number() OVER (PARTITION BY key ORDER BY coalesce(own_ms, accepted_ms) DESC,
                                      accepted_ms DESC, hash DESC) = 1 ORDER BY 1"""
    )


def test_a_changed_row_is_one_more_version(desk: Desk) -> None:
    desk.take("account", account(1, accountName="old"))
    changed = desk.take("account", account(1, accountName="new"), now=LATER)

    assert {"rows": 1, "accepted": 1} == counts(changed)
    assert [("old", NOW_MS), ("new", NOW_MS + DAY_MS)] == desk.values("account", "accountName", "accepted_ms")


def test_a_row_equal_to_the_current_version_is_not_a_new_one(desk: Desk) -> None:
    desk.take("account", account(1, accountName="x"))
    same = desk.take("account", account(1, accountName="x"), now=LATER)

    assert {"rows": 1, "unchanged": 1} == counts(same)
    assert [NOW_MS] == desk.values("account", "accepted_ms")


def test_a_row_that_goes_back_to_what_was_before_is_a_new_version(desk: Desk) -> None:
    for days, name in enumerate(["x", "y", "x"]):
        desk.take("account", account(1, accountName=name), now=NOW + timedelta(days=days))

    assert ["x", "y", "x"] == desk.values("account", "accountName")


def test_an_own_time_is_the_version_and_an_older_one_may_come_late(desk: Desk) -> None:
    new = stated([account(1, accountName="new")], MARCH_2)
    old = stated([account(1, accountName="old")], MARCH_1)
    desk.take("account", *new)
    late = desk.take("account", *old, now=LATER)

    assert {"rows": 1, "accepted": 1} == counts(late)
    assert [("1@CRM1.Salesforce", "new")] == current(desk)
    assert [1_772_409_600_000, 1_772_323_200_000] == desk.values("account", "own_ms")


def test_a_dated_version_that_was_ever_stored_is_known(desk: Desk) -> None:
    old = stated([account(1, accountName="old")], MARCH_1)
    desk.take("account", *old)
    desk.take("account", *stated([account(1, accountName="new")], MARCH_2))
    again = desk.take("account", *old, now=LATER)

    assert {"rows": 1, "unchanged": 1} == counts(again)


def test_a_statement_overtaken_by_a_dated_version_is_news_when_repeated(desk: Desk) -> None:
    """Without a time of its own a row speaks of the moment it came."""
    desk.take("account", account(1, accountName="x"))
    desk.take("account", *stated([account(1, accountName="y")], "2026-03-19T00:00:00Z"), now=LATER)
    again = desk.take("account", account(1, accountName="x"), now=LATER)

    assert {"rows": 1, "accepted": 1} == counts(again)
    assert [("1@CRM1.Salesforce", "x")] == current(desk)


def test_a_version_is_whole(desk: Desk) -> None:
    desk.take("account", account(1, accountName="x", accountType="customer"))
    desk.take("account", account(1, accountName="x"), now=LATER)

    assert ["customer", None] == desk.values("account", "accountType")


def test_a_null_is_said_and_not_the_same_as_absent(desk: Desk) -> None:
    desk.take("account", account(1, accountName="x"))
    null = desk.take("account", account(1, accountName="x", accountType=None), now=LATER)

    assert {"rows": 1, "accepted": 1} == counts(null)
    assert [None, ["accountType"]] == desk.values("account", "nulls")


def test_a_null_object_clears_every_field_of_it(desk: Desk) -> None:
    desk.take("account", account(1, accountPhone=None))
    (nulls,) = desk.values("account", "nulls")

    assert {"accountPhone.number", "accountPhone.primary"} < set(nulls)


def test_a_source_that_sends_patches_says_so_on_each_version(desk: Desk) -> None:
    desk.take("account", account(1, accountName="x", accountType="customer"))
    desk.take("account", account(1, accountType="partner"), now=LATER, rows="patch")
    again = desk.take("account", account(1, accountType="partner"), now=LATER, rows="patch")

    assert [(False, "x", "customer"), (True, None, "partner")] == desk.values(
        "account", "patch", "accountName", "accountType"
    )
    assert {"rows": 1, "unchanged": 1} == counts(again)


@pytest.mark.parametrize(("said", "deleted"), [(True, True), (False, False), (None, False)])
def test_is_deleted_retires_a_record(desk: Desk, said: bool | None, deleted: bool) -> None:
    desk.take("account", account(1, isDeleted=said))

    assert [deleted] == desk.values("account", "deleted")


def test_the_same_row_twice_in_one_lot_is_one_version(desk: Desk) -> None:
    twice = desk.take("account", account(1, accountName="x"), account(1, accountName="x"))

    assert {"rows": 2, "accepted": 1, "unchanged": 1} == counts(twice)


def test_instances_with_equal_ids_do_not_collide(desk: Desk) -> None:
    other = {"accountKey": {"sourceKey": "1@CRM2.Salesforce"}, "accountName": "x"}
    desk.take("account", account(1, accountName="x"), other)

    assert 2 == len(set(desk.values("account", "key")))


def test_a_new_column_in_the_store_makes_nothing_new(desk: Desk) -> None:
    """A hash over what a row says must not depend on what other rows say."""
    desk.take("account", account(1, accountName="x"))
    desk.take("account", account(2, accountName="y", accountType="z", zeta=1))
    same = desk.take("account", account(1, accountName="x"), account(3, accountNumber="1"))

    assert {"rows": 2, "accepted": 1, "unchanged": 1} == counts(same)


def test_the_source_and_the_file_stay_with_a_version(desk: Desk) -> None:
    desk.load("account", desk.file("a.ndjson", [account(1)]), name="crm_9")
    desk.take("account", account(2))

    assert [("crm_9", 1), ("crm_1", 2)] == desk.values("account", "source", "take")
