"""Everything the facts hold about a person: each record in all its versions, as it came."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from townsend.governance.erase import rows_about
from townsend.governance.footprint import Footprint
from townsend.model import LeafType, Schema
from townsend.store.facts import Facts

__all__ = ["facts_about", "iso"]

_INSTANTS: frozenset[LeafType] = frozenset({"datetime", "date"})


def facts_about(facts: Facts, schema: Schema, foot: Footprint) -> dict[str, Any]:
    """The rows about a person, by table; of each row what has a value.

    Events, relation rows, links and quarantined rows are included, as are versions that are not current.
    """
    identities = pa.table(
        {
            "space": pa.array([space for space, _ in foot.identities], pa.string()),
            "value": pa.array([value for _, value in foot.identities], pa.string()),
        }
    )
    con = facts.con
    con.register("townsend_identity", identities)
    found: dict[str, Any] = {}
    try:
        for table, condition, parameters in rows_about(facts, schema, foot):
            name = table.removeprefix("facts.").strip('"')
            rows = con.execute(f"SELECT t.* FROM {table} t WHERE {condition}", parameters)
            columns = [str(column[0]) for column in rows.description or ()]
            kinds = _kinds(schema, name)
            if listed := [_row(columns, row, kinds) for row in rows.fetchall()]:
                found[name] = listed
    finally:
        con.unregister("townsend_identity")
    return found


def iso(at_ms: int) -> str:
    """An instant as ISO 8601 has it."""
    text = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _kinds(schema: Schema, name: str) -> Mapping[str, str]:
    """How a table's columns are to be shown: instants, JSON, all others as they are."""
    kinds = {
        "accepted_ms": "instant",
        "own_ms": "instant",
        "at_ms": "instant",
        "extra": "json",
        "nulls": "plain",
    }
    cls = schema.classes.get(name)
    if cls is not None:
        kinds |= {leaf.path: "instant" for leaf in cls.shape.leaves.values() if leaf.type in _INSTANTS}
        kinds |= dict.fromkeys([*cls.shape.arrays, *cls.shape.maps], "json")
    return kinds


def _row(columns: list[str], row: tuple[Any, ...], kinds: Mapping[str, str]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for column, value in zip(columns, row, strict=True):
        if value is None or column in ("hash", "take"):
            continue
        kind = kinds.get(column)
        if kind == "instant" and isinstance(value, int):
            shown[column.removesuffix("_ms")] = iso(value)
        elif kind == "json" and isinstance(value, str):
            shown[column] = json.loads(value)
        else:
            shown[column] = value
    return shown
