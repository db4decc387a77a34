"""Order does not matter: the same rows in any order and any lots, with repeats, are the same facts."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from tests.unit.intake.desk import DAY_MS, NOW, NOW_MS, Desk

from townsend.identity.moment import Moment
from townsend.identity.versions import read_versions

CLASSES = ("account", "person", "event", "account_xref")
TIMES = [f"2026-03-{day:02}T00:00:00Z" for day in range(1, 10)]
# Columns that say where and how a row came, not what it says.
ARRIVAL = {"@r", "key", "take", "accepted_ms", "own_ms", "rowid", "who", "idents", "#account"}


@dataclass(frozen=True)
class Row:
    """What a source hands over: whole rows or patches of one class."""

    cls: str
    body: dict[str, Any]
    patch: bool = False


def audit(random: Random, dated: bool) -> dict[str, Any]:
    return {"extSourceSystemAudit": {"lastUpdatedDate": random.choice(TIMES)}} if dated else {}


def an_account(random: Random, dated: bool) -> Row:
    body: dict[str, Any] = {"accountKey": {"sourceKey": f"{random.randrange(3)}@C.Salesforce"}}
    choices: dict[str, Any] = {
        "accountName": random.choice(["Acme", "Bodéa", None]),
        "accountScore": random.choice([1, 1.5, None]),
        "isDeleted": random.choice([True, False]),
        "tier": random.choice([1, "1", {"x": 1}]),
    }
    body |= {name: choices[name] for name in random.sample(sorted(choices), random.randrange(4))}
    return Row("account", body | audit(random, dated), patch=random.random() < 0.3)


def a_person(random: Random, dated: bool) -> Row:
    mails = ["a@b.c", " A@B.C ", "anonymous", "d@e.f"]
    body: dict[str, Any] = {"workEmail": {"address": random.choice(mails)}}
    if random.random() < 0.7:
        body["b2b"] = {"personKey": {"sourceKey": f"{random.randrange(3)}@M.Marketo"}}
    else:
        body["identityMap"] = {"ECID": [{"id": f"c{random.randrange(2)}"}]}
    return Row("person", body | audit(random, dated))


def an_event(random: Random, _: bool) -> Row:
    body: dict[str, Any] = {"_id": f"e{random.randrange(4)}", "timestamp": random.choice(TIMES[:2])}
    body |= {"eventType": random.choice("ab")}
    if random.random() < 0.8:
        body["personKey"] = {"sourceKey": f"{random.randrange(3)}@M.Marketo"}
    if random.random() < 0.5:
        body["identityMap"] = {"Email": [{"id": random.choice(["a@b.c", "A@B.C"])}], "ECID": [{"id": "c1"}]}
    if random.random() < 0.3:
        body["accountKey"] = {"sourceKey": "1@C.Salesforce"}
    return Row("event", body)


def a_link(random: Random, dated: bool) -> Row:
    body = {
        "golden_id": random.choice(["G1", "G2"]),
        "source_system": "Salesforce",
        "source_instance": "C",
        "source_key": str(random.randrange(2)),
        "status": random.choice(["active", "withdrawn"]),
    }
    return Row("account_xref", body | ({"updated_at": random.choice(TIMES)} if dated else {}))


def some_rows(random: Random, dated: bool) -> list[Row]:
    kinds = (an_account, a_person, an_event, a_link)
    return [random.choice(kinds)(random, dated) for _ in range(random.randrange(1, 24))]


def hand_in(desk: Desk, rows: Sequence[Row], random: Random) -> None:
    """The rows shuffled, some twice, in lots, the store closed and opened now and then."""
    given_in = [*rows, *random.sample(rows, random.randrange(len(rows) + 1))]
    random.shuffle(given_in)
    while given_in:
        size = random.randrange(1, len(given_in) + 1)
        lot, given_in = given_in[:size], given_in[size:]
        for cls in random.sample(CLASSES, len(CLASSES)):
            for patch in (False, True):
                bodies = [row.body for row in lot if (row.cls, row.patch) == (cls, patch)]
                desk.take(cls, *bodies, rows="patch" if patch else "whole")
        if random.random() < 0.3:
            desk.reopen()


def said(desk: Desk, sql: str) -> set[tuple[Any, ...]]:
    """What rows say, without what is absent and without how they came."""
    result = desk.facts.con.execute(sql)
    names = [column[0] for column in result.description or ()]
    return {
        tuple(
            (name, tuple(value) if isinstance(value, list) else value)
            for name, value in sorted(zip(names, row, strict=True))
            if value is not None and name not in ARRIVAL
        )
        for row in result.fetchall()
    }


def current(desk: Desk) -> dict[str, Any]:
    """The facts as the next folder reads them."""
    schema = desk.rules.schema
    columns = {name: desk.facts.columns(name) for name in schema.classes}
    moment = Moment(desk.facts.con, schema, columns, NOW_MS + DAY_MS)
    found: dict[str, Any] = {"numbers": {*desk.numbers()}}
    for cls in moment.records():
        versions = read_versions(moment, cls)
        found[cls.name] = said(desk, f'SELECT * EXCLUDE ("@r", "@t", hash, patch) FROM {versions.now}')
        found[f"every {cls.name}"] = said(desk, f'SELECT * FROM facts."{cls.name}"')
    if moment.events():
        whose = "(SELECT (d.space, d.value)::VARCHAR FROM facts.number d WHERE d.n = who) AS owner"
        twice = 'SELECT "_id" FROM facts.event GROUP BY ALL HAVING count(*) > 1'
        assert [] == desk.rows(twice), "an id is one event"
        found["event"] = said(desk, f"SELECT *, {whose} FROM facts.event")
    found["account_xref"] = said(desk, "SELECT * FROM facts.account_xref")
    found["conflicts"] = said(desk, "SELECT got FROM facts.quarantine WHERE code = 'event.conflict'")
    return found


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), dated=st.booleans())
def test_the_same_rows_in_any_order_lots_and_repeats_are_the_same_facts(seed: int, dated: bool) -> None:
    note(f"seed {seed}")
    random = Random(seed)
    rows = some_rows(random, dated)
    seen = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            desk = Desk(Path(folder))
            hand_in(desk, rows, random)
            seen.append(current(desk))
            desk.facts.close()

    assert seen[0] == seen[1]


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_rows_handed_in_again_later_change_nothing(seed: int) -> None:
    """What carries its own time is known for good; what has none is known while it is the last word."""
    random = Random(seed)
    rows = some_rows(random, dated=True)
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        hand_in(desk, rows, random)
        before, revision = current(desk), desk.facts.revision()
        for row in random.sample(rows, len(rows)):
            later = NOW + timedelta(hours=random.randrange(20))
            desk.take(row.cls, row.body, now=later, rows="patch" if row.patch else "whole")
        after = current(desk)
        unchanged = desk.facts.revision() == revision
        desk.facts.close()

    assert before == after
    assert unchanged
