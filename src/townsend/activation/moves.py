"""Who entered and left several audiences at one instant, recorded in one transaction.

What a recording of an audience's whole answer comes to (``membership``), for whoever knows already who moved:
it costs by the number of those who did, not by the size of the audiences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from townsend.activation.membership import (
    CONTINUES,
    ENTERED,
    LEFT,
    MERGED,
    copy_members,
    generation_of,
    members_recorded,
    next_generation,
)

if TYPE_CHECKING:
    from townsend.store.facts import Facts
    from townsend.store.state import State

__all__ = ["Move", "Transition", "record_moves"]

# As the table has them.
COLUMNS = {
    "audience": pa.string(),
    "id": pa.int32(),
    "change": pa.string(),
    "at_ms": pa.int64(),
    "version": pa.string(),
    "cause": pa.string(),
}


@dataclass(frozen=True, slots=True)
class Move:
    """Who moved in one audience.

    Args:
        version: of the definition by which they did.
        entered: entities to why they are in: ``facts``, ``time``, ``definition`` …
        left: entities to why they are out.
        renamed: members' numbers of before to the entities that hold them now, where these differ …
        members: … and who of these entities is in now.
    """

    audience: str
    of: str
    version: str
    entered: Mapping[int, str]
    left: Mapping[int, str]
    renamed: Mapping[int, int]
    members: frozenset[int]


class Transition(NamedTuple):
    """One membership that began or ended, and its place among all that were ever recorded."""

    cursor: int
    audience: str
    id: int
    cls: str
    change: str
    at_ms: int
    cause: str


def record_moves(
    facts: Facts, state: State, moves: Sequence[Move], at_ms: int, note: Callable[[], None] | None = None
) -> list[Transition]:
    """Write down who moved; facts are committed first, and a crash before the copy is made only delays it.

    Args:
        moves: one an audience, of those in which something moved.
        note: writes what else belongs into the same transaction.

    Returns:
        Who entered and left, in the order of the record.
    """
    if not moves:
        return []
    since = {one.audience: _since(facts, state, one) for one in moves}
    rows = [row for one in moves for row in _rows(one, since[one.audience], at_ms)]
    last = facts.one("SELECT max(rowid) FROM facts.transition")
    before = -1 if last is None or last[0] is None else int(last[0])
    columns = {name: [row[at] for row in rows] for at, name in enumerate(COLUMNS)}
    table: Any = pa.table({name: pa.array(columns[name], kind) for name, kind in COLUMNS.items()})
    with facts.transaction():
        facts.con.register("townsend_moved", table)
        try:
            # Few rows of one table arrive in their order; their place says in which they were learned.
            facts.con.execute("INSERT INTO facts.transition SELECT * FROM townsend_moved")
        finally:
            facts.con.unregister("townsend_moved")
        for one in moves:
            next_generation(facts, one.audience)
        if note is not None:
            note()
    _copy(facts, state, moves, since, at_ms)
    return _recorded(facts, before, {one.audience: one.of for one in moves})


def _since(facts: Facts, state: State, move: Move) -> dict[int, int]:
    """Since when the renamed members, and those that they are one with now, were in."""
    if not move.renamed:
        return {}
    known = members_recorded(facts, state, move.audience)
    return {one: known[one] for one in {*move.renamed, *move.renamed.values()} if one in known}


def _rows(move: Move, since: Mapping[int, int], at_ms: int) -> list[tuple[str, int, str, int, str, str]]:
    def row(entity: int, change: str, at: int, cause: str) -> tuple[str, int, str, int, str, str]:
        return move.audience, entity, change, at, move.version, cause

    rows = [row(number, MERGED, since.get(number, at_ms), "facts") for number in sorted(move.renamed)]
    rows += [
        row(entity, CONTINUES, at, "facts")
        for entity, at in sorted(_joined(move, since, at_ms).items())
        if entity not in since
    ]
    rows += [row(one, LEFT, at_ms, move.left[one]) for one in sorted(move.left)]
    rows += [row(one, ENTERED, at_ms, move.entered[one]) for one in sorted(move.entered)]
    return rows


def _joined(move: Move, since: Mapping[int, int], at_ms: int) -> dict[int, int]:
    """Since when those are in who hold renamed members: the earliest of all that became one."""
    found: dict[int, int] = {}
    for number, entity in move.renamed.items():
        times = [since.get(number, at_ms), since.get(entity, at_ms), found.get(entity, at_ms)]
        found[entity] = min(times)
    return found


def _copy(
    facts: Facts,
    state: State,
    moves: Sequence[Move],
    since: Mapping[str, Mapping[int, int]],
    at_ms: int,
) -> None:
    current: list[tuple[Move, int]] = []
    for one in moves:
        generation = generation_of(facts, one.audience)
        if (state.members.generation(one.audience) or 0) == generation - 1:
            current.append((one, generation))
        else:
            # A process ended between record and copy, or the copy was lost: it is made whole.
            recorded = members_recorded(facts, state, one.audience)
            copy_members(facts, state, one.audience, recorded, one.version, at_ms)
    with state.transaction():
        for one, generation in current:
            joined = _joined(one, since[one.audience], at_ms)
            put = {entity: at for entity, at in joined.items() if entity in one.members}
            state.members.drop(one.audience, [*one.renamed, *one.left])
            state.members.put(one.audience, put | dict.fromkeys(one.entered, at_ms), one.version)
            state.members.mark(one.audience, generation, one.version, at_ms)


def _recorded(facts: Facts, before: int, of: Mapping[str, str]) -> list[Transition]:
    """The rows after a place, those that say who moved; they have places only once they are committed."""
    found = facts.con.execute(
        "SELECT rowid, audience, id, change, at_ms, cause FROM facts.transition "
        f"WHERE rowid > $before AND change IN ('{ENTERED}', '{LEFT}') ORDER BY rowid",
        {"before": before},
    ).fetchall()
    return [Transition(at, name, one, of[name], change, ms, why) for at, name, one, change, ms, why in found]
