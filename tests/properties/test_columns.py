"""Columns are rows: what a mapping makes of a table at once is what it makes of its rows one by one.

The same dirty cells go both ways into two stores, which hold the same facts and the same refusals afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from tests.unit.intake.desk import NOW, Desk, counts

from townsend.intake import accept_rows
from townsend.sources.colmapping import by_columns
from townsend.sources.columns import Columns, joined
from townsend.sources.instance import Instance
from townsend.sources.mapping import Mapper, load_tables
from townsend.store import quarantine
from townsend.store.facts_schema import identifier

# Columns that say where and in which order a row came, not what it says.
ARRIVAL = {"@r", "key", "take", "who", "idents", "#account"}
MARKETO = Instance("123-ABC-456", "Marketo")
SALESFORCE = Instance("00D5g000001XyZA", "Salesforce")
TEXTS = [
    "Acme",
    " Acme ",
    "Bodéa",
    "Bode\u0301a",
    'a "quoted" \\ word',
    "line\nfeed",
    "tab\there",
    "株式会社",
]
TEXTS += ["", "  ", "null", "NULL", "N/A", "anonymous", "a@b.c", " A@B.C ", "a;b; c", "[1,2]", "{}", "\u00a0"]
NUMBERS = [
    "0",
    "7",
    "-7",
    "007",
    "+7",
    "1e3",
    "12.5",
    "12.50",
    ".5",
    "1,000",
    "12.1234567891",
    "9" * 19,
    "-0",
]
TRUTHS = ["true", "false", "TRUE", "1", "0", "yes", "no", "t", "maybe"]
TIMES = ["2026-03-01T10:00:00Z", "2026-03-01T10:00:00+0000", "2026-03-01T10:00:00.123Z", "2026-03-01"]
TIMES += ["2026-03-01 10:00:00", "2026-02-30T10:00:00Z", "01.03.2026", "2026-03-01T10:00:00", "1772359200"]
CELLS: Sequence[str | None] = [*TEXTS, *NUMBERS, *TRUTHS, *TIMES, None, None, None]


def a_cell(random: Random, name: str) -> str | None:
    """Mostly what such a field holds, now and then anything at all."""
    if random.random() < 0.2:
        return random.choice(CELLS)
    low = name.lower()
    if low in {"id", "marketoguid"} or low.endswith("id"):
        return str(random.randrange(1, 6))
    if any(word in low for word in ("at", "date", "stamp")):
        return random.choice(TIMES)
    return random.choice([None, "Acme", "12", "true", "a@b.c"])


def some_rows(random: Random, names: Sequence[str]) -> list[dict[str, str | None]]:
    return [{name: a_cell(random, name) for name in names} for _ in range(random.randrange(1, 12))]


def as_table(names: Sequence[str], rows: Sequence[Mapping[str, str | None]]) -> pa.Table:
    return pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in names})


def kept(take: Callable[[Desk], Any]) -> dict[str, Any]:
    """What a store holds after rows were taken."""
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        found: dict[str, Any] = {"accepted": counts(take(desk))}
        tables = [
            name
            for (name,) in desk.rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'facts'")
        ]
        for table in tables:
            if table in {"take", "meta", "cursor", "pull", "quarantine", "number"}:
                continue
            columns = [
                name
                for (name,) in desk.rows(
                    "SELECT column_name FROM duckdb_columns() "
                    f"WHERE schema_name = 'facts' AND table_name = '{table}'"
                )
                if name not in ARRIVAL
            ]
            listed = ", ".join(map(identifier, columns))
            rows = desk.rows(f"SELECT {listed} FROM facts.{identifier(table)}") if columns else []
            found[table] = sorted(repr(dict(zip(columns, row, strict=True))) for row in rows)
        found["numbers"] = sorted(desk.numbers())
        found["refused"] = sorted(
            repr((row.place, row.path, row.code, row.expected, (row.got or "").strip('"'), row.row))
            for row in quarantine.ls(desk.facts)
        )
        desk.facts.close()
    return found


def both_ways(cls: str, columns: Columns, rows: Sequence[Mapping[str, Any]]) -> tuple[Any, Any]:
    def taken(rows: Sequence[Mapping[str, Any]]) -> Callable[[Desk], Any]:
        return lambda desk: accept_rows(desk.facts, desk.rules, cls, rows, desk.source, NOW)

    return kept(taken(list(rows))), kept(taken(columns))


def table_names(vendor: str) -> list[tuple[str, str]]:
    return [(vendor, name) for name in load_tables(vendor)]


def a_mapper(random: Random, vendor: str, name: str) -> Mapper:
    table = load_tables(vendor)[name]
    instance, null = (MARKETO, "null") if vendor == "marketo" else (SALESFORCE, None)
    own = {
        "Region__c": "salesforce.Region__c",
        "Seats__c": "salesforce.seats.Seats__c",
        "Since__c": "x.Since__c",
    }
    also = {one: own[one] for one in random.sample(sorted(own), random.randrange(3))}
    kinds = {
        one: random.choice(["string", "integer", "number", "boolean", "datetime", "date"]) for one in also
    }
    others = {"crm": SALESFORCE} if random.random() < 0.7 else {}
    return Mapper(table, instance, others, also, kinds, null)  # type: ignore[arg-type]


# Lists and their members never come as extracts.
NAMES = [one for one in table_names("marketo") if one[1] not in {"list", "list_member"}]


@pytest.mark.parametrize(("vendor", "name"), [*NAMES, *table_names("salesforce")])
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_table_is_its_rows(vendor: str, name: str, seed: int) -> None:
    note(f"seed {seed}")
    random = Random(seed)
    mapper = a_mapper(random, vendor, name)
    names = [one for one in dict.fromkeys(mapper.reads) if random.random() < 0.9 or one.lower() == "id"]
    cells = some_rows(random, names)
    parts = [by_columns(mapper, as_table(names, some)) for some in (cells[:3], cells[3:]) if some]

    by_row, by_column = both_ways(mapper.cls, joined(parts), [mapper.row(row) for row in cells])

    assert by_row == by_column
