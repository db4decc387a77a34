"""Consent is as current as the moment it was given, and a "no" yields only to a later, explicit "yes"."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from townsend.governance.consent import NO, UNKNOWN, Statement, choice_of, refusals, verdict

NOW = 1_000
ACTION = "marketing.email"


@pytest.mark.parametrize(
    ("statements", "choice"),
    [
        ([], "unknown"),
        ([("y", None, 1)], "yes"),
        ([("n", None, 1)], "no"),
        ([("N ", None, 1)], "no"),
        # Two systems: the later word counts, by when it was given and not by when it was synced.
        ([("n", 100, 900), ("y", 200, 300)], "yes"),
        ([("y", 100, 900), ("n", 200, 300)], "no"),
        ([("n", 200, 300), ("y", 200, 300)], "no"),
        # A "yes" that does not say when, or is still to come, lifts nothing.
        ([("n", 100, 100), ("y", None, 999)], "no"),
        ([("n", 100, 100), ("y", NOW + 1, 999)], "no"),
        ([("n", 100, 100), ("y", NOW, 999)], "yes"),
        # A "no" that does not say when was said by the time of its record.
        ([("n", None, 500), ("y", 400, 600)], "no"),
        ([("n", None, 500), ("y", 501, 600)], "yes"),
        # Defaults and legal bases yield to what was said.
        ([("dn", None, 1)], "no"),
        ([("dn", None, 1), ("y", None, 1)], "yes"),
        ([("dn", None, 1), ("dy", None, 1)], "no"),
        ([("LI", None, 1)], "yes"),
        ([("LI", None, 1), ("n", None, 1)], "no"),
        ([("p", None, 1)], "unknown"),
        ([("", None, 1)], "unknown"),
    ],
)
def test_what_records_say_together(statements: list[tuple[str, int | None, int]], choice: str) -> None:
    assert choice == choice_of([Statement(*one) for one in statements], NOW)


@pytest.mark.parametrize(
    ("action", "every", "unknown", "reason"),
    [
        ("yes", "no", "allow", NO),
        ("no", "yes", "allow", NO),
        ("unknown", "unknown", "allow", None),
        ("unknown", "unknown", "deny", UNKNOWN),
        ("unknown", "yes", "deny", None),
        ("yes", "unknown", "deny", None),
    ],
)
def test_a_no_to_anything_excludes_from_everything(
    action: Any, every: Any, unknown: Any, reason: str | None
) -> None:
    assert reason == verdict(action, every, unknown)


@dataclass
class World:
    """As much of a unified world as consent looks at."""

    con: duckdb.DuckDBPyConnection
    now_ms: int = NOW
    name: str = "u"
    versions: dict[int, list[dict[str, Any]]] = field(default_factory=dict)


COLUMNS = {
    "key": pa.int32(),
    "own_ms": pa.int64(),
    "accepted_ms": pa.int64(),
    "hash": pa.uint64(),
    "deleted": pa.bool_(),
    "patch": pa.bool_(),
    "nulls": pa.list_(pa.string()),
    f"consents.{ACTION}.val": pa.string(),
    f"consents.{ACTION}.time": pa.int64(),
    "consents.metadata.time": pa.int64(),
    "consents.marketing.any.val": pa.string(),
}


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), unknown=st.sampled_from(["allow", "deny"]))
def test_the_sql_says_what_the_definition_says(seed: int, unknown: Any) -> None:
    rng = Random(seed)
    people = {one: [10 * one + n for n in range(rng.randint(1, 3))] for one in range(1, 6)}
    versions = {key: _versions(rng, key) for keys in people.values() for key in keys}
    con = duckdb.connect(config={"threads": 1})
    con.execute("CREATE SCHEMA facts; CREATE SCHEMA u; CREATE TABLE u.node_person (n INTEGER, id INTEGER)")
    con.executemany(
        "INSERT INTO u.node_person VALUES (?, ?)",
        [(key, one) for one, keys in people.items() for key in keys],
    )
    rows = [row for listed in versions.values() for row in listed]
    table = pa.table(
        {name: pa.array([row.get(name) for row in rows], kind) for name, kind in COLUMNS.items()}
    )
    con.register("given", table)
    con.execute("CREATE TABLE facts.person AS SELECT * FROM given")

    found = refusals(World(con), list(people), ACTION, unknown)  # type: ignore[arg-type]

    expected = {}
    for one, keys in people.items():
        action, every = (
            choice_of([said for key in keys if (said := _statement(versions[key], path)) is not None], NOW)
            for path in (ACTION, "marketing.any")
        )
        reason = verdict(action, every, unknown)
        if reason is not None:
            expected[one] = reason
    con.close()
    assert expected == found


def _versions(rng: Random, key: int) -> list[dict[str, Any]]:
    def row(number: int) -> dict[str, Any]:
        given_at = rng.choice([None, 100, 300, 500, NOW, NOW + 5])
        found: dict[str, Any] = {
            "key": key,
            "own_ms": rng.choice([None, 100, 200, 400]),
            "accepted_ms": rng.choice([50, 300, 600]),
            "hash": key * 100 + number,
            "deleted": rng.random() < 0.1,
            "patch": rng.random() < 0.4,
            f"consents.{ACTION}.val": rng.choice([None, "y", "n", "dy", "dn", "LI", "N"]),
            f"consents.{ACTION}.time": given_at,
            "consents.metadata.time": rng.choice([None, None, 250]),
            "consents.marketing.any.val": rng.choice([None, None, None, "n", "y"]),
        }
        nulls = [path for path in (f"consents.{ACTION}.val", "consents") if rng.random() < 0.1]
        if nulls:
            found["nulls"] = nulls
            found |= {name: None for name in found if name.startswith("consents.") and name.endswith(".val")}
        return found

    return [row(number) for number in range(rng.randint(1, 4))]


def _statement(versions: list[dict[str, Any]], path: str) -> Statement | None:
    """What a record says about an action: its newest word since its last whole version."""
    newest = sorted(
        versions,
        key=lambda one: (one["own_ms"] or one["accepted_ms"], one["accepted_ms"], one["hash"]),
        reverse=True,
    )
    if newest[0]["deleted"]:
        return None
    clearing = {"consents", "consents.marketing", f"consents.{path}", f"consents.{path}.val"}
    for one in newest:
        val = one[f"consents.{path}.val"]
        if val is not None:
            given_at = one.get(f"consents.{path}.time")
            own = one["consents.metadata.time"] if given_at is None else given_at
            return Statement(val, own, one["own_ms"] or one["accepted_ms"])
        if clearing & set(one.get("nulls", ())) or not one["patch"]:
            return None
    return None
