"""Membership is a history: who entered and left each audience, when we learned it, and by which version.

Transitions are facts, appended and never changed; the state store keeps a copy of who is in now, rebuilt
from them whenever it is behind. A member is an entity, not a number: when a merge or a split changes the
number by which an entity is called, nobody enters or leaves. Such a change is noted with a pair of rows
of their own, ``merged`` (this number is part of another one now) and ``continues`` (this number goes on
with a membership), so that the history can be read without knowing the identities of its time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from townsend.intake.rules import epoch_ms

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.store.facts import Facts
    from townsend.store.state import State

__all__ = [
    "Holders",
    "Moved",
    "copy_members",
    "generation_of",
    "holders",
    "members_recorded",
    "next_generation",
]
__all__ += ["record_membership"]

ENTERED, LEFT, MERGED, CONTINUES = "entered", "left", "merged", "continues"

Holders = Callable[[Iterable[int]], Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class Moved:
    """How many members entered and left with one recording."""

    entered: int
    left: int


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    change: str
    at_ms: int


def record_membership(
    facts: Facts,
    state: State,
    audience: str,
    ids: Iterable[int],
    *,
    now: datetime,
    version: str,
    cause: str,
    held: Holders | None = None,
) -> Moved:
    """Write down who entered and left since the last recording; the same answer again writes nothing.

    Args:
        ids: the members now.
        now: the instant of the answer.
        version: of the definition that gave it.
        cause: why it was asked, such as ``run``.
        held: which entity holds a number now, by number; without an entry nobody does. Numbers stand for
            themselves if it is None.

    Returns:
        How many moved. Facts are committed first; a crash before the copy is made only delays the copy.
    """
    at_ms = epoch_ms(now)
    members = {int(one) for one in ids}
    before = members_recorded(facts, state, audience)
    since, rows = _followed(before, {} if held is None else held(before))
    entered = sorted(members - since.keys())
    left = sorted(since.keys() - members)
    rows += [_Row(one, LEFT, at_ms) for one in left]
    rows += [_Row(one, ENTERED, at_ms) for one in entered]
    now_in = {one: at for one, at in since.items() if one in members} | dict.fromkeys(entered, at_ms)
    _append(
        facts, audience, [row for row in rows if row.change != CONTINUES or row.id in members], version, cause
    )
    copy_members(facts, state, audience, now_in, version, at_ms)
    return Moved(len(entered), len(left))


def members_recorded(facts: Facts, state: State, audience: str) -> dict[int, int]:
    """Who is in as last recorded: entity id by then, and since when (epoch ms)."""
    if state.members.generation(audience) == generation_of(facts, audience):
        return state.members.since(audience)
    found = facts.con.execute(_LAST, [audience]).fetchall()
    return {int(one): int(at) for one, at in found}


def holders(unified: Unified, cls: str) -> Holders:
    """Which entity holds a number in a unified world, for a class; events stand for themselves."""
    if unified.schema.entity_class(cls).is_event:
        return lambda ids: {one: one for one in ids}
    if cls not in unified.columns:
        # The last of the class may just have gone.
        return lambda _: {}

    def held(ids: Iterable[int]) -> Mapping[int, int]:
        numbers = pa.table({"n": pa.array(np.fromiter(ids, np.int32))})
        if not numbers.num_rows:
            return {}
        con = unified.con
        con.register("townsend_asked", numbers)
        try:
            found = con.execute(
                f'SELECT a.n, n.id FROM townsend_asked a JOIN {unified.name}."node_{cls}" n ON n.n = a.n'
            ).fetchall()
        finally:
            con.unregister("townsend_asked")
        return {int(n): int(entity) for n, entity in found}

    return held


def _followed(before: Mapping[int, int], held: Mapping[int, int]) -> tuple[dict[int, int], list[_Row]]:
    """The recorded members by their numbers of today, with the pairs of rows that say what was renamed.

    A number that nobody holds any more stays as it is: it is going to leave.
    """
    since: dict[int, int] = {}
    rows: list[_Row] = []
    for number, at in before.items():
        entity = held.get(number, number)
        since[entity] = min(at, since.get(entity, at))
        if entity != number:
            rows.append(_Row(number, MERGED, at))
    # Its time is since when the membership holds, so that nothing is lost when the copy is rebuilt.
    rows += [_Row(entity, CONTINUES, at) for entity, at in since.items() if entity not in before]
    return since, rows


def _append(facts: Facts, audience: str, rows: list[_Row], version: str, cause: str) -> None:
    if not rows:
        return
    table: Any = pa.table(
        {
            "id": pa.array([row.id for row in rows], pa.int32()),
            "change": pa.array([row.change for row in rows], pa.string()),
            "at_ms": pa.array([row.at_ms for row in rows], pa.int64()),
            "place": pa.array(range(len(rows)), pa.int64()),
        }
    )
    with facts.transaction():
        facts.con.register("townsend_moved", table)
        try:
            facts.con.execute(
                "INSERT INTO facts.transition SELECT $audience, id, change, at_ms, $version, $cause "
                "FROM townsend_moved ORDER BY place",
                {"audience": audience, "version": version, "cause": cause},
            )
        finally:
            facts.con.unregister("townsend_moved")
        next_generation(facts, audience)


def copy_members(
    facts: Facts, state: State, audience: str, now_in: Mapping[int, int], version: str, at_ms: int
) -> None:
    """Make the state's copy say who is in, and since when, as the facts do."""
    generation = generation_of(facts, audience)
    kept = state.members.since(audience)
    with state.transaction():
        state.members.drop(audience, kept.keys() - now_in.keys())
        changed = {one: at for one, at in now_in.items() if kept.get(one) != at}
        state.members.put(audience, changed, version)
        state.members.mark(audience, generation, version, at_ms)


def generation_of(facts: Facts, audience: str) -> int:
    """How often something was recorded of an audience."""
    return int(facts.meta(f"generation:{audience}") or 0)


def next_generation(facts: Facts, audience: str) -> None:
    """Say that more was, in the transaction that records it."""
    facts.set_meta(f"generation:{audience}", str(generation_of(facts, audience) + 1))


# Rows are appended only, so their place in the table is the order in which they were learned.
_LAST = f"""
SELECT id, at_ms FROM (
    SELECT id, change, at_ms FROM facts.transition WHERE audience = ?
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY rowid DESC) = 1)
WHERE change IN ('{ENTERED}', '{CONTINUES}')
"""
