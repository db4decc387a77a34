"""The unified worlds that are stored: what they are called, and letting go of them."""

from __future__ import annotations

from collections.abc import Collection

import duckdb

from townsend.profiles.report import Report
from townsend.profiles.stamp import read_stamp
from townsend.store.facts_schema import identifier

__all__ = ["STORED", "drop_stored", "stored_name", "stored_report"]

STORED = "u"


def stored_name(policy: str | None) -> str:
    """The schema of the stored world under a merge policy; of None the one under each class's own."""
    return STORED if policy is None else f"{STORED}_{policy}"


def stored_report(con: duckdb.DuckDBPyConnection, policy: str | None) -> Report | None:
    """What was reported when the stored world under a policy was made; None if there is none."""
    found = read_stamp(con, stored_name(policy))
    return None if found is None else found[1]


def drop_stored(con: duckdb.DuckDBPyConnection, keep: Collection[str | None] = ()) -> None:
    """Drop the stored worlds, but for those under the policies named; the next question makes them anew."""
    for (name,) in con.execute(
        "SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database() "
        "AND (schema_name = $own OR starts_with(schema_name, $own || '_'))",
        {"own": STORED},
    ).fetchall():
        if (None if name == STORED else name.removeprefix(f"{STORED}_")) not in keep:
            con.execute(f"DROP SCHEMA {identifier(name)} CASCADE")
