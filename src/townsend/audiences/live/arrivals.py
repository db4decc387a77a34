"""Whom new events touched, where nothing else happened and they join nobody.

Most of what comes is events of somebody who is known, each under one identity. Such an event changes no
record, no relationship and no identity graph, so it touches itself and whose it is. Anything more, and nobody
can say from here what is another thing now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from townsend.audiences.live.backwards import NOBODY, Ids
from townsend.audiences.live.search import Touched
from townsend.store.facts_schema import identifier

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.profiles.since import Extent
    from townsend.profiles.stamp import Stamp

__all__ = ["Seen", "arrived", "seen_of"]

PERSON = "person"


class Seen(NamedTuple):
    """A world as it was: what it was made of, and how many numbers people held."""

    stamp: Stamp
    people: int


def seen_of(world: Unified) -> Seen:
    """What is to be remembered of a world."""
    if PERSON not in world.columns:
        return Seen(world.stamp, 0)
    (count,) = world.con.execute(f"SELECT count(*) FROM {world.name}.node_person").fetchall()[0]
    return Seen(world.stamp, int(count))


def arrived(world: Unified, seen: Seen) -> Touched | None:
    """What is touched in a world, compared with one seen before; None if more than events came."""
    before = seen.stamp
    if world.stamp == before:
        return {}
    if seen_of(world).people != seen.people:
        return None  # somebody came to be by an event, whom others may have named already
    if not before.could_fit(world.stamp.rules, world.now_ms, world.as_of_ms):
        return None
    was, now = before.extent, world.stamp.extent
    if was is None or now is None or was.number != now.number or was.rows.keys() != now.rows.keys():
        return None
    grown = [name for name, rows in now.rows.items() if rows != was.rows[name]]
    events = [name for name, cls in world.schema.classes.items() if cls.is_event]
    if not set(grown) <= set(events) or _others_came(world, was, events):
        return None
    found = {name: _rows(world, name, was, now.rows[name] - was.rows[name]) for name in grown}
    touched: dict[str, Ids] = {}
    people = [NOBODY]
    for name, one in found.items():
        if one is None:
            return None
        touched[name], whose = one
        people.append(whose)
    return {**touched, PERSON: np.unique(np.concatenate(people))}


def _others_came(world: Unified, was: Extent, events: list[str]) -> bool:
    """Whether rows of another kind came, if only in the place of others."""
    (count,) = world.con.execute(
        "SELECT count(*) FROM facts.take WHERE id > $take AND class NOT IN (SELECT unnest($events))",
        {"take": was.take, "events": events},
    ).fetchall()[0]
    return bool(count)


def _rows(world: Unified, cls: str, was: Extent, grown: int) -> tuple[Ids, Ids] | None:
    """New events by their row, and whose they are; None if one joins identities or is of nobody known."""
    if PERSON not in world.columns:
        return None
    found = world.con.execute(
        "SELECT e.rowid AS row, n.id AS id, e.idents IS NULL AND n.id IS NOT NULL AS plain "
        f"FROM facts.{identifier(cls)} e LEFT JOIN {world.name}.node_person n ON n.n = e.who "
        "WHERE e.take > $take",
        {"take": was.take},
    ).fetchnumpy()
    if len(found["row"]) != grown or not np.ma.filled(found["plain"], False).all():
        return None
    return found["row"].astype(np.int64), np.ma.getdata(found["id"]).astype(np.int64)
