"""What numbers and entities are called, for examples in reports: ``namespace:value``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from townsend.profiles.unified import Unified

__all__ = ["called", "identities_of", "spelled"]

LISTED = 3


def spelled(con: duckdb.DuckDBPyConnection, numbers: Iterable[int]) -> dict[int, str]:
    """Numbers of the dictionary as ``namespace:value``."""
    rows = con.execute(
        "SELECT n, space || ':' || value FROM facts.number WHERE n IN (SELECT unnest($n))",
        {"n": sorted({int(n) for n in numbers})},
    ).fetchall()
    return {int(n): str(name) for n, name in rows}


def identities_of(unified: Unified, cls: str, ids: Iterable[int]) -> dict[int, list[str]]:
    """The identities that answers list of these entities, sorted; an entity without any has an empty list."""
    wanted = sorted({int(one) for one in ids})
    found: dict[int, list[str]] = {one: [] for one in wanted}
    if unified.schema.entity_class(cls).is_event:
        return found
    for one, names in unified.con.execute(
        f"SELECT id, list(DISTINCT space || ':' || value ORDER BY space || ':' || value) "
        f"FROM {unified.name}.identity WHERE class = $cls AND id IN (SELECT unnest($ids)) GROUP BY id",
        {"cls": cls, "ids": wanted},
    ).fetchall():
        found[int(one)] = list(names)
    return found


def called(identities: list[str]) -> str:
    """A few of an entity's identities in one line."""
    return ", ".join(identities[:LISTED]) + (" …" if len(identities) > LISTED else "")
