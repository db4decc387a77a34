"""The generated company: the story's answer stands on every seed, and the background is believable."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from functools import cache

import pytest
from tests.unit.rehearsal.callers import ANCHOR, ANCHOR_MS

from townsend.rehearsal import master_data_csv
from townsend.rehearsal.company import Company, generate
from townsend.rehearsal.ids import to18
from townsend.rehearsal.marketo.world import World
from townsend.rehearsal.salesforce.records import records
from townsend.rehearsal.times import DAY_MS

Account = tuple[int, str]


@cache
def company_of(seed: int, size: int) -> Company:
    return generate(seed, size, ANCHOR_MS)


@cache
def visitors(seed: int, size: int) -> set[str]:
    """E-mails of who visited the new product page in the last month, as both Marketo instances tell it."""
    found = set()
    for i in (0, 1):
        world = World(company_of(seed, size), i, None)
        book = world.activities
        for one in book.many(book.between(ANCHOR_MS - 31 * DAY_MS, ANCHOR_MS, {1}, ANCHOR_MS)):
            if one.told.primary is not None and "/new-product" in one.told.primary:
                found.add(world.people.by_id[one.lead].email)
    return found - {""}


@cache
def buyers(seed: int, size: int) -> set[str]:
    """E-mails of who belongs to companies that won over a million, from rows and master data alone."""
    golden: dict[Account, str] = {}
    for row in csv.DictReader(io.StringIO(master_data_csv(seed=seed, size=size, anchor=ANCHOR))):
        if row["status"] == "active":
            golden[int(row["source_instance"][-1]) - 1, to18(row["source_key"][:15])] = row["golden_id"]
    won: dict[str, dict[str, float]] = defaultdict(dict)
    homes: dict[str, set[str]] = defaultdict(set)
    for crm in (0, 1):
        tables = records(company_of(seed, size), crm)
        email = {row["Id"]: (row["Email"] or "").lower() for row in tables["Contact"] if not row["IsDeleted"]}
        for row in tables["Opportunity"]:
            if row["IsWon"] and not row["IsDeleted"]:
                name = golden.get((crm, row["AccountId"]), f"{crm}/{row['AccountId']}")
                won[name][row["Id"]] = row["Amount"]
        ties = [(row["Id"], row["AccountId"]) for row in tables["Contact"]]
        ties += [(row["ContactId"], row["AccountId"]) for row in tables.get("AccountContactRelation", [])]
        for contact, account in ties:
            if email.get(contact):
                homes[email[contact]].add(golden.get((crm, account), f"{crm}/{account}"))
    return {who for who, names in homes.items() if sum(sum(won[name].values()) for name in names) > 1_000_000}


@pytest.mark.parametrize("seed", [7, 1, 2, 3])
@pytest.mark.parametrize("size", [0, 300, 3_000])
def test_only_p2_both_bought_and_visited(seed: int, size: int) -> None:
    assert {"p2@townsend.com"} == buyers(seed, size) & visitors(seed, size)


def test_each_condition_alone_has_a_believable_number_of_people() -> None:
    assert 20 <= len(buyers(7, 3_000)) <= 200
    assert 40 <= len(visitors(7, 3_000)) <= 300


def test_the_story_alone_is_the_story() -> None:
    assert {"p1@townsend.com", "p2@townsend.com", "p3@townsend.com"} == buyers(7, 0)
    assert {"p2@townsend.com"} == visitors(7, 0)


def test_no_crm_alone_brings_the_story_over_a_million() -> None:
    for crm in (0, 1):
        won = [row["Amount"] for row in records(company_of(7, 0), crm)["Opportunity"] if row["IsWon"]]

        assert sum(won) < 1_000_000


def test_sizes_are_those_asked_for() -> None:
    company = company_of(7, 3_000)
    tables = [records(company, crm) for crm in (0, 1)]
    worlds = [World(company, i, None) for i in (0, 1)]

    assert 3_003 == len(company.humans)
    assert 380 <= sum(len(table["Account"]) for table in tables) <= 430
    assert 590 <= sum(len(table["Opportunity"]) for table in tables) <= 620
    assert 57_000 <= sum(len(world.activities) for world in worlds) <= 63_000


def test_synced_leads_are_the_contacts_of_the_crm_beside() -> None:
    for i in (0, 1):
        world = World(company_of(7, 300), i, None)
        tables = records(company_of(7, 300), i)
        people = {row["Id"]: row for kind in ("Contact", "Lead") for row in tables[kind]}
        synced = [lead for lead in world.people.by_id.values() if lead.values.get("sfdcId")]

        assert len(synced) > 50
        for lead in synced:
            row = people[lead.values["sfdcId"]]
            assert (row["Email"] or "").lower() == lead.email
            assert row.get("AccountId") == lead.values["sfdcAccountId"]


def test_the_same_seed_gives_the_same_company_and_another_another() -> None:
    first, again, other = (generate.__wrapped__(seed, 200, ANCHOR_MS) for seed in (5, 5, 6))

    assert first.humans == again.humans
    assert [first.deals, first.firms] == [again.deals, again.firms]
    assert first.humans != other.humans


def test_a_key_has_one_active_golden_id() -> None:
    rows = list(csv.DictReader(io.StringIO(master_data_csv(seed=7, size=3_000, anchor=ANCHOR))))
    active = [(row["source_instance"], row["source_key"]) for row in rows if row["status"] == "active"]

    assert len(active) == len(set(active)) > 300
    assert any(row["status"] == "inactive" and row["valid_to"] for row in rows)
    assert {15, 18} == {len(row["source_key"]) for row in rows}
