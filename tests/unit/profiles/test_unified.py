"""When the stored world holds, when it is made anew, and what is left alone meanwhile."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.profiles.house import DAY_MS, NOW, NOW_MS, House, account, house, person

from townsend.identity import IdentityRules
from townsend.profiles import build as making
from townsend.profiles import unified as module
from townsend.profiles import update
from townsend.store.facts import Facts

__all__ = ["house"]

DAY = timedelta(days=1)
BUILD, RENEW = making.build, making.renew


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The places in which worlds were made; with a + those where one was brought up to date."""
    places: list[str] = []

    def build(facts: Facts, con: Any, name: str, *more: Any) -> Any:
        places.append(name)
        return BUILD(facts, con, name, *more)

    def renew(facts: Facts, con: Any, name: str, *more: Any) -> Any:
        found = RENEW(facts, con, name, *more)
        places.extend([f"{name}+"] if found is not None else [])
        return found

    monkeypatch.setattr(module, "build", build)
    monkeypatch.setattr(module, "renew", renew)
    return places


def same(one: str, valid_from: str | None = None, valid_to: str | None = None) -> dict[str, Any]:
    row = {"golden_id": "G", "source_system": "Salesforce", "source_instance": "crm1", "source_key": one}
    return row | {"valid_from": valid_from, "valid_to": valid_to}


def two_accounts(house: House, **bounds: str) -> None:
    house.take("account", account("A"), account("B"))
    house.take("account_xref", same("A", **bounds), same("B", **bounds), source="mdm")


def test_the_stored_world_serves_until_something_changes(house: House, built: list[str]) -> None:
    house.take("account", account("A"))
    house.unify()
    house.unify(NOW + DAY)
    house.unify(NOW - DAY)
    assert ["u"] == built

    house.take("account", account("B"))
    house.unify()
    assert ["u", "u+"] == built

    house.identity = IdentityRules(links_per_value=3)
    house.unify()

    assert ["u", "u+", "u"] == built


def test_another_process_finds_the_stored_world(house: House, built: list[str]) -> None:
    house.take("account", account("A"))
    house.unify()
    house.facts.close()
    house.facts = Facts.open(house.facts.path)

    world = house.unify()

    assert (["u"], 1) == (built, len(house.rows("account", world)))


def test_a_world_holds_between_the_boundaries_of_master_data(house: House, built: list[str]) -> None:
    two_accounts(house, valid_from="2026-03-17T12:00:00Z", valid_to="2026-03-19T12:00:00Z")

    assert NOW_MS + DAY_MS == house.unify().until_ms
    assert 1 == len(house.rows("account", house.unify(NOW + DAY - timedelta(milliseconds=1))))
    assert ["u"] == built
    assert 2 == len(house.rows("account", house.unify(NOW + DAY)))
    assert ["u", "u"] == built


def test_the_past_is_made_in_memory_and_the_stored_world_stays(house: House, built: list[str]) -> None:
    two_accounts(house, valid_from="2026-03-17T12:00:00Z")
    now = house.unify()

    past = house.unify(NOW - 2 * DAY)

    assert (1, 2) == (len(house.rows("account", now)), len(house.rows("account", past)))
    assert "u" == house.unify().name
    assert past.name == house.unify(NOW - 2 * DAY).name
    assert 2 == len(built)


def test_as_of_is_made_in_memory(house: House, built: list[str]) -> None:
    house.take("account", account("A"))

    assert "u" != house.unify(as_of=NOW).name
    assert "u" == house.unify().name
    assert 2 == len(built)


def test_a_world_that_is_held_stays_readable_whatever_is_asked_next(house: House) -> None:
    two_accounts(house)
    one = house.unify()
    house.identity = IdentityRules(min_confidence=0.5)
    house.take("account", account("C"))

    other = house.unify()

    assert (1, 2) == (len(house.rows("account", one)), len(house.rows("account", other)))


def test_worlds_in_memory_are_let_go_of(house: House) -> None:
    house.take("account", account("A"))
    for day in range(1, 6):
        house.unify(as_of=NOW - day * DAY)
        gc.collect()

    found = house.facts.con.execute(
        "SELECT count(*) FROM duckdb_databases() WHERE database_name LIKE 'townsend_world%'"
    )

    assert [(1,)] == found.fetchall()


@pytest.mark.parametrize("renewed", [False, True])
def test_a_making_that_fails_leaves_the_stored_world_as_it_was(
    house: House, monkeypatch: pytest.MonkeyPatch, renewed: bool
) -> None:
    house.take("account", account("A", accountName="before"))
    house.unify()
    house.take("account", account("A", accountName="after"))
    if not renewed:
        house.identity = IdentityRules(links_per_value=3)

    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(making, "write_edges", fail)
        patch.setattr(update, "report_undecided", fail)
        with pytest.raises(KeyboardInterrupt):
            house.unify()
    left = house.facts.con.execute("SELECT accountName FROM u.account").fetchall()

    assert [("before",)] == left
    assert "after" == house.row("account")["accountName"]


def test_a_store_that_is_only_read_is_not_written(house: House) -> None:
    house.take("account", account("A"))
    house.facts.close()
    house.facts = Facts.open(house.facts.path, read_only=True)

    world = house.unify()

    assert "u" != world.name
    assert 1 == len(house.rows("account", world))
    assert not house.facts.has_table("u", "account")


def test_an_empty_store_has_an_empty_world(house: House) -> None:
    world = house.unify()

    assert {} == dict(world.columns)
    assert [] == house.pairs("undecided", world)
    assert [] == world.report.lines()


def test_people_known_from_events_alone_exist_from_the_first_on(house: House) -> None:
    visit = {"eventType": "web", "identityMap": {"ECID": [{"id": "38"}]}}
    house.take("event", visit | {"_id": "1", "timestamp": "2026-03-18T13:00:00Z"})
    house.take("event", visit | {"_id": "2", "timestamp": "2026-03-18T12:30:00Z"})

    assert NOW_MS + 1_800_000 == house.row("person")["first_ms"]


def test_a_retired_record_leaves_nobody_behind(house: House) -> None:
    house.take("person", person("1", "p@bodea.example", isDeleted=True))
    row = {
        "_id": "1",
        "timestamp": "2026-03-18T11:00:00Z",
        "identityMap": {"Email": [{"id": "P@bodea.example"}]},
    }
    house.take("event", row)

    assert [] == house.rows("person")
    assert 1 == len(house.rows("person_retired"))
    assert [] == house.pairs("identity")


def test_a_value_on_too_many_records_is_reported_without_naming_it(house: House) -> None:
    house.identity = IdentityRules(links_per_value=3)
    house.take("person", *(person(str(at), "info@bodea.example") for at in range(5)))

    world = house.unify()

    assert 5 == len(house.rows("person", world))
    assert [("person", "Email", 1, 5)] == world.report.crowded
    assert "info@" not in " ".join(world.report.lines())
    assert 5 == sum(space == "Email" for _, _, space, _ in house.pairs("identity", world))


def test_the_report_comes_back_from_the_store(house: House) -> None:
    house.identity = IdentityRules(links_per_value=1)
    house.take("person", person("1", "a@b.example"), person("2", "a@b.example"))
    said = house.unify().report.lines()
    house.facts.close()
    house.facts = Facts.open(house.facts.path)

    assert said == house.unify().report.lines() != []


def test_the_fingerprint_of_rules_is_the_same_in_every_process() -> None:
    code = (
        "from townsend.identity import IdentityRules\nfrom townsend.model import builtin_schema\n"
        "from townsend.profiles.rules import MoneyRules\nfrom townsend.profiles.stamp import fingerprint\n"
        "rules = IdentityRules(blocked={'Email': frozenset('abcdefgh')})\n"
        "print(fingerprint(builtin_schema(), rules, {}, MoneyRules()))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert 1 == len(found)
