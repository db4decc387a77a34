"""A stored world brought up to date is the world made from the ground: every table, row by row.

Small worlds, few values, batches of whatever may come: people, accounts, deals, relation rows, events,
merges, retired records, references to what comes later. The seed is in the failure.
"""

from __future__ import annotations

import gc
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.unit.profiles.house import NOW, NOW_MS, House, key

from townsend.identity import IdentityRules, Namespace
from townsend.profiles import MergePolicy
from townsend.profiles import unified as module
from townsend.profiles.build import build
from townsend.store.facts import Facts

PEOPLE = [f"p{at}" for at in range(7)]
COMPANIES = [f"a{at}" for at in range(5)]
DEALS = [f"d{at}" for at in range(4)]
MAILS = [f"{name}@bodea.example" for name in "abcde"]
COOKIES = ["1", "2", "3"]
RENEW = module.renew


@pytest.fixture
def renewed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each try to bring a world up to date did so."""
    done: list[bool] = []

    def renew(*args: Any) -> Any:
        made = RENEW(*args)
        done.append(made is not None)
        return made

    monkeypatch.setattr(module, "renew", renew)
    return done


def random_rules(rng: Random) -> IdentityRules:
    spaces = ["b2b_person", "Email", "ECID"]
    rng.shuffle(spaces)
    namespaces = tuple(Namespace(one, rng.random() < 0.3) for one in spaces)
    blocked = {"Email": frozenset({MAILS[0]})} if rng.random() < 0.2 else {}
    fields = {"account": ("accountOrganization.DUNSNumber",)} if rng.random() < 0.5 else {}
    return IdentityRules(namespaces, fields=fields, blocked=blocked, links_per_value=rng.choice([2, 3, 50]))


def random_row(rng: Random, at: int) -> tuple[str, dict[str, Any]]:
    records = ["opportunity", "account_person", "opportunity_person"]
    cls = rng.choice(["person"] * 3 + ["account"] * 2 + ["event"] * 2 + records)
    row = ROWS[cls](rng, at)
    if cls != "event":
        row["extSourceSystemAudit"] = {
            "lastUpdatedDate": f"2026-03-{rng.randint(1, 17):02d}T00:00:00Z"
        } | row.get("extSourceSystemAudit", {})
        if rng.random() < 0.15:
            row["isDeleted"] = True
    return cls, row


def _person(rng: Random, at: int) -> dict[str, Any]:
    row: dict[str, Any] = {"b2b": {"personKey": key(rng.choice(PEOPLE))}}
    if rng.random() < 0.7:
        row["workEmail"] = {"address": rng.choice(MAILS)}
    if rng.random() < 0.4:
        row["b2b"]["accountKey"] = key(rng.choice(COMPANIES))
    if rng.random() < 0.3:
        row["personComponents"] = [
            {"sourceAccountKey": key(rng.choice(COMPANIES)), "sourcePersonKey": key(rng.choice(PEOPLE))}
            for _ in range(rng.randint(1, 2))
        ]
    if rng.random() < 0.3:
        row["extSourceSystemAudit"] = {"externalKey": key(rng.choice(PEOPLE))}
    if rng.random() < 0.3:
        row["identityMap"] = {"ECID": [{"id": rng.choice(COOKIES)}]}
    if rng.random() < 0.5:
        row["person"] = {"name": {"firstName": rng.choice("xyz")}}
    return row


def _account(rng: Random, at: int) -> dict[str, Any]:
    row: dict[str, Any] = {"accountKey": key(rng.choice(COMPANIES)), "accountName": rng.choice("xyz")}
    if rng.random() < 0.4:
        row["accountOrganization"] = {"DUNSNumber": rng.choice(["1", "2"])}
    if rng.random() < 0.4:
        row["accountParentKey"] = key(rng.choice(COMPANIES))
    if rng.random() < 0.2:
        row["extSourceSystemAudit"] = {"externalKey": key(rng.choice(COMPANIES))}
    return row


def _opportunity(rng: Random, at: int) -> dict[str, Any]:
    row: dict[str, Any] = {"opportunityKey": key(rng.choice(DEALS)), "isWon": rng.random() < 0.5}
    row["opportunityAmount"] = {"amount": rng.randint(1, 9), "currencyCode": rng.choice(["USD", "CHF"])}
    if rng.random() < 0.7:
        row["accountKey"] = key(rng.choice(COMPANIES))
    return row


def _account_person(rng: Random, at: int) -> dict[str, Any]:
    return {
        "accountPersonKey": key(f"ap{rng.randint(0, 5)}"),
        "accountKey": key(rng.choice(COMPANIES)),
        "personKey": key(rng.choice(PEOPLE)),
        "isActive": rng.random() < 0.8,
    }


def _opportunity_person(rng: Random, at: int) -> dict[str, Any]:
    return {
        "opportunityPersonKey": key(f"op{rng.randint(0, 5)}"),
        "opportunityKey": key(rng.choice(DEALS)),
        "personKey": key(rng.choice(PEOPLE)),
    }


def _event(rng: Random, at: int) -> dict[str, Any]:
    row: dict[str, Any] = {"_id": f"e{at}", "identityMap": {}}
    row["timestamp"] = (NOW - timedelta(days=rng.randint(0, 9))).isoformat()
    if rng.random() < 0.6:
        row["personKey"] = key(rng.choice(PEOPLE))
        if rng.random() < 0.15:
            row["leadOperation"] = {"mergeLeads": {"sourceKeys": [key(rng.choice(PEOPLE))]}}
    if rng.random() < 0.5:
        row["identityMap"]["Email"] = [{"id": rng.choice(MAILS)}]
    if rng.random() < 0.4 or not (row["identityMap"] or "personKey" in row):
        row["identityMap"]["ECID"] = [{"id": rng.choice(COOKIES)}]
    return row


ROWS = {
    "person": _person,
    "account": _account,
    "opportunity": _opportunity,
    "account_person": _account_person,
    "opportunity_person": _opportunity_person,
    "event": _event,
}


def tables(con: Any, name: str) -> dict[str, Counter[tuple[tuple[str, str], ...]]]:
    """The tables of a world, each with its rows; what is null is left out."""
    database, _, schema = name.rpartition(".")
    found = {}
    for (table,) in con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = ? "
        "AND database_name = coalesce(?, current_database())",
        [schema, database or None],
    ).fetchall():
        if table == "made":
            continue
        rows = con.execute(f'SELECT * FROM {name}."{table}"')
        names = [one[0] for one in rows.description]
        counted = Counter(
            tuple(
                sorted(
                    (column, str(value))
                    for column, value in zip(names, row, strict=True)
                    if value is not None
                )
            )
            for row in rows.fetchall()
        )
        if counted:
            found[table] = counted
    return found


def anew(house: House, now_ms: int) -> tuple[dict[str, Counter[Any]], Any]:
    """The tables and the report of a world made from the ground."""
    con = house.facts.con.cursor()
    house.facts.con.execute("ATTACH ':memory:' AS ground")
    try:
        con.execute("SET TimeZone = 'UTC'")
        making = build(
            house.facts,
            con,
            "ground.main",
            house.schema,
            house.identity,
            house.merge,
            house.money,
            now_ms,
            None,
        )
        return tables(con, "ground.main"), making.report
    finally:
        con.close()
        house.facts.con.execute("DETACH ground")


def check(seed: int, steps: int) -> None:
    rng = Random(seed)
    with tempfile.TemporaryDirectory() as folder, Facts.open(Path(folder) / "t.duckdb") as facts:
        house = House(facts, identity=random_rules(rng))
        if rng.random() < 0.3:
            house.merge = {
                "person": MergePolicy(by="changed"),
                "account": MergePolicy(by="source", order=("s2",)),
            }
        first = [random_row(rng, at) for at in range(25)]
        at = len(first)
        claims = [
            {"golden_id": f"G{rng.randint(0, 2)}", "source_system": "Salesforce", "source_instance": "crm1"}
            | {"source_key": one, "entity_type": "account"}
            for one in rng.sample(COMPANIES, rng.choice([0, 0, 2, 4]))
        ]
        if claims:
            house.take("account_xref", *claims, source="mdm")
        take(house, first, rng)
        for step in range(steps):
            house.unify()
            gc.collect()
            rows = [random_row(rng, at + more) for more in range(rng.choice([1, 1, 2, 5]))]
            at += len(rows)
            take(house, rows, rng)
            house.unify()
            expected, report = anew(house, NOW_MS)
            found = tables(facts.con, "u")
            said = f"seed {seed}, step {step}: {rows}"
            for table in expected.keys() | found.keys():
                assert expected.get(table, Counter()) == found.get(table, Counter()), f"{table}: {said}"
            assert plain(report) == plain(house.unify().report), said


def plain(report: Any) -> dict[str, Any]:
    """A report without counts of nothing."""
    return {
        name: {one: many for one, many in value.items() if many} if isinstance(value, dict) else value
        for name, value in report.to_json().items()
    }


def take(house: House, rows: list[tuple[str, dict[str, Any]]], rng: Random) -> None:
    for cls in ROWS:
        chosen = [row for kind, row in rows if kind == cls]
        if chosen:
            house.take(cls, *chosen, source=rng.choice(["s1", "s2"]))


def test_a_world_brought_up_to_date_is_the_world_made_from_the_ground(renewed: list[bool]) -> None:
    for seed in range(4):
        check(seed, 6)

    assert sum(renewed) > len(renewed) / 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 112))
def test_a_world_brought_up_to_date_for_long(seed: int) -> None:
    check(seed, 15)
