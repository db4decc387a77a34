"""Master data's hints: which record of a company should win."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.profiles.house import NOW, House, account, house

from townsend.profiles import MergePolicy
from townsend.profiles.view import find, view

__all__ = ["house"]

SAME = {"entity_type": "account", "golden_id": "G", "source_system": "Salesforce", "source_instance": "crm1"}


def hinted(house: House, *ranks: int | None, **more: Any) -> None:
    rows = [
        {"source_key": key} | ({} if rank is None else {"survivor_rank": rank})
        for key, rank in zip("ABC", ranks, strict=False)
    ]
    house.take("account_xref", *(SAME | row | more for row in rows), source="mdm")


def name(house: House) -> str:
    """The company's name, after the view said the same."""
    world = house.unify()
    row = house.row("account", world)
    shown = view(
        world, house.facts, {None: dict(house.merge)}, "account", find(world, "account", str(row["id"]))
    )

    assert row["accountName"] == shown.values["accountName"].value == shown.values["accountName"].winner.value
    return str(row["accountName"])


@pytest.mark.parametrize(("ranks", "wins"), [((3, 1, 2), "B"), ((None, None, 9), "C"), ((1, 1, 1), "A")])
def test_of_records_of_one_time_the_one_ranked_first_wins(
    house: House, ranks: tuple[int | None, ...], wins: str
) -> None:
    house.take("account", *(account(one, 5, accountName=one) for one in "ABC"))
    hinted(house, *ranks)

    assert wins == name(house)


def test_a_hint_does_not_beat_a_newer_value_unless_the_policy_says_so(house: House) -> None:
    house.take("account", account("A", 2, accountName="A"), account("B", 5, accountName="B"))
    hinted(house, 1, 2)
    by_time = name(house)
    house.merge = {"account": MergePolicy("master")}

    assert ("B", "A") == (by_time, name(house))


def test_a_record_ranked_first_that_does_not_say_it_leaves_it_to_the_next(house: House) -> None:
    house.merge = {"account": MergePolicy("master")}
    house.take("account", account("A", 5), account("B", 2, accountName="B"), account("C", 3, accountName="C"))
    hinted(house, 1, 2, 3)

    assert "B" == name(house)


def test_a_trusted_source_comes_before_a_hint_and_a_hint_before_the_key(house: House) -> None:
    house.take("account", account("A", 5, accountName="A"), source="crm_1")
    house.take("account", account("B", 5, accountName="B"), source="crm_2")
    hinted(house, 2, 1)
    untold = name(house)
    house.merge = {"account": MergePolicy("time", ("crm_1", "crm_2"))}

    assert ("B", "A") == (untold, name(house))


def test_a_hint_that_is_withdrawn_counts_no_more(house: House) -> None:
    house.take("account", *(account(one, 5, accountName=one) for one in "AB"))
    hinted(house, 2, 1)
    before = name(house)
    hinted(house, 1, 1, updated_at=NOW.isoformat())

    assert ("B", "A") == (before, name(house))
