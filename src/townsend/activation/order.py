"""What is to be delivered: an audience, a destination, and who of the audience may be reached there.

Everything that decides who is left out comes together here, each person with one reason: excluded
audiences, consent, erased identities, a class the destination does not take. From here on nothing
looks at facts any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from townsend.activation.contract import Destination, Member
from townsend.governance.consent import refusals
from townsend.store.facts_schema import identifier

if TYPE_CHECKING:
    from townsend.governance.tombstones import Tombstones
    from townsend.profiles import Unified

__all__ = ["ERASED", "NO_IDENTIFIER", "Order", "Suppression", "order_for", "people_of"]

NO_IDENTIFIER = "no identifier the destination takes"
ERASED = "erased"


@dataclass(frozen=True)
class Order:
    """One activation, ready to be compared with what is there.

    Args:
        audience: whose members they are.
        destination: where they go, by its name in the project.
        name: what the list or segment is called there.
        members: who is wanted there, by entity id.
        excluded: who of the audience is not, and why.
        refusing: people excluded by their consent: what identifies them goes nowhere, whoever else has it.
        barred: erased identities (namespace, value): an identifier that leads to one goes nowhere either.
        paused: shown, but not sent.
        mapped: whether the audience still goes there; if not, ``members`` is empty.
    """

    audience: str
    destination: str
    name: str
    members: Mapping[int, Member] = field(default_factory=dict)
    excluded: Mapping[int, str] = field(default_factory=dict)
    refusing: Sequence[Member] = ()
    barred: Tombstones | tuple[()] = ()
    paused: bool = False
    mapped: bool = True


@dataclass(frozen=True)
class Suppression:
    """An audience whose members are left out: of people, or of accounts, whose people are meant then."""

    audience: str
    of: str
    ids: Iterable[int]


def order_for(
    unified: Unified,
    of: str,
    ids: Iterable[int],
    destination: Destination,
    *,
    audience: str,
    name: str,
    suppressions: Sequence[Suppression],
    unknown: Literal["allow", "deny"],
    tombstones: Tombstones,
    paused: bool = False,
) -> Order:
    """Who of an audience may be reached at a destination, and who not and why.

    Args:
        unified: the world the ids are from.
        of: the audience's class. Destinations take people; members of another class are all left out.
        ids: the audience's members.
        suppressions: audiences to leave out, the project's before the activation's own.
        unknown: what silence about consent means.
    """
    wanted = {int(one) for one in ids}
    if of != "person":
        reason = f"{destination.name} takes people, this is an audience of class {of}"
        return Order(
            audience, destination.name, name, {}, dict.fromkeys(sorted(wanted), reason), paused=paused
        )
    excluded: dict[int, str] = {}
    for suppression in suppressions:
        for one in wanted & _people_meant(unified, suppression):
            excluded.setdefault(one, f"excluded by {suppression.audience}")
    asked = np.array(sorted(wanted - excluded.keys()), np.int32)
    refusing = refusals(unified, asked, destination.action, unknown)
    excluded |= refusing
    left = people_of(unified, sorted(wanted - excluded.keys()), destination, tombstones, excluded)
    silent = people_of(unified, sorted(refusing), destination, tombstones, {})
    return Order(audience, destination.name, name, left, excluded, tuple(silent.values()), tombstones, paused)


def people_of(
    unified: Unified,
    ids: Sequence[int],
    destination: Destination,
    tombstones: Tombstones,
    excluded: dict[int, str],
) -> dict[int, Member]:
    """These people as the destination needs them; whoever has no identity for it goes to ``excluded``."""
    identities: dict[int, dict[str, list[str]]] = {}
    erased: set[int] = set()
    for one, space, value in _rows(unified, ids, _IDENTITIES, {"spaces": list(destination.spaces)}):
        if tombstones and (space, value) in tombstones:
            erased.add(one)
            continue
        identities.setdefault(one, {}).setdefault(space, []).append(value)
    fields = _fields(unified, ids, destination.fields)
    people: dict[int, Member] = {}
    for one in ids:
        if one in identities:
            people[one] = Member(one, identities[one], fields.get(one, {}))
        else:
            excluded[one] = ERASED if one in erased else NO_IDENTIFIER
    return people


def _people_meant(unified: Unified, suppression: Suppression) -> set[int]:
    ids = {int(one) for one in suppression.ids}
    if suppression.of != "account":
        return ids
    relationship = unified.schema.relationship("person", "accounts")
    ways = list(getattr(relationship.plan, "default", ())) if relationship else []
    found = _rows(unified, sorted(ids), _PEOPLE_OF_ACCOUNTS, {"ways": ways, "now": unified.now_ms})
    return {int(one) for (one,) in found}


def _fields(unified: Unified, ids: Sequence[int], paths: Sequence[str]) -> dict[int, dict[str, str]]:
    known = [path for path in paths if path in unified.columns.get("person", frozenset())]
    if not known:
        return {}
    columns = ", ".join(f"CAST(p.{identifier(path)} AS VARCHAR)" for path in known)
    sql = "SELECT p.id, " + columns + " FROM {world}.person p JOIN townsend_asked USING (id)"
    return {
        row[0]: {path: value for path, value in zip(known, row[1:], strict=True) if value is not None}
        for row in _rows(unified, ids, sql, {})
    }


def _rows(
    unified: Unified, ids: Sequence[int], sql: str, parameters: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    if not ids:
        return []
    con = unified.con
    con.register("townsend_asked", pa.table({"id": pa.array(ids, pa.int32())}))
    try:
        found: list[tuple[Any, ...]] = con.execute(sql.format(world=unified.name), parameters).fetchall()
    finally:
        con.unregister("townsend_asked")
    return found


_IDENTITIES = """
SELECT i.id, i.space, i.value FROM {world}.identity i JOIN townsend_asked USING (id)
WHERE i.class = 'person' AND list_contains($spaces::VARCHAR[], i.space) ORDER BY ALL
"""
_PEOPLE_OF_ACCOUNTS = """
SELECT DISTINCT e.near FROM {world}.edge_person_account e JOIN townsend_asked a ON a.id = e.far
WHERE list_contains($ways::VARCHAR[], e.via)
    AND coalesce(e.start_ms, $now) <= $now AND ($now < e.end_ms OR e.end_ms IS NULL)
"""
