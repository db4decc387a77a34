"""Whom a change may touch in one class: the numbers that hang together with what is new, and no others.

It rests on what a stored world says: entities, links left out, what its traces remember. Values that join
too many records lead nowhere, unless they may not be too many any more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from townsend.identity.links import Merges
from townsend.identity.moment import Ints, Moment, distinct, text_literal
from townsend.model import EntityClass
from townsend.store.facts_schema import identifier

__all__ = ["Region", "widened"]

NUMBERS = "region_n"


@dataclass(frozen=True)
class Region:
    """The numbers of one class that something may happen to.

    Args:
        cls: the class.
        n: the numbers, ascending.
        keys: those of them that are keys of records.
        ids: ids of the entities, live and retired, that have them in the stored world.
    """

    cls: EntityClass
    n: Ints
    keys: Ints
    ids: Ints


def widened(
    moment: Moment, world: str, cls: EntityClass, seeds: Ints, merges: Merges, acts: bool, most: int
) -> Region | None:
    """All that hangs together with some numbers.

    Args:
        moment: what is read.
        world: prefix of the stored world's tables.
        cls: the class.
        seeds: numbers to begin with.
        merges: all merges of the class.
        acts: whether it is the class of those who act in events.
        most: None is given if there are more numbers than this.
    """
    n = distinct(seeds)
    node, name = f"{world}.{identifier(f'node_{cls.name}')}", text_literal(cls.name)
    free = f"ANTI JOIN (SELECT n FROM {world}.trace_crowded WHERE class = {name}) c USING (n)"
    ways = [
        f"SELECT n FROM {node} WHERE id IN (SELECT id FROM {node} SEMI JOIN {NUMBERS} USING (n))",
        f"SELECT b FROM {world}.removed r JOIN {NUMBERS} x ON x.n = r.a WHERE class = {name}",
        f"SELECT a FROM {world}.removed r JOIN {NUMBERS} x ON x.n = r.b WHERE class = {name}",
        f"SELECT b.n FROM {world}.trace_buried b JOIN {NUMBERS} x ON x.n = b.key WHERE class = {name}",
        f"SELECT key FROM {world}.trace_buried b JOIN {NUMBERS} x USING (n) WHERE class = {name}",
        f"SELECT n FROM {world}.trace_golden WHERE class = {name} AND place IN "
        f"(SELECT place FROM {world}.trace_golden SEMI JOIN {NUMBERS} USING (n) WHERE class = {name})",
    ]
    if acts:
        ways += [
            f"SELECT b FROM {world}.trace_met m JOIN (SELECT n FROM {NUMBERS} {free}) x ON x.n = m.a",
            f"SELECT a FROM {world}.trace_met m JOIN (SELECT n FROM {NUMBERS} {free}) x ON x.n = m.b",
        ]
    query = " UNION ".join(ways)
    while True:
        moment.table(NUMBERS, {"n": n.astype(np.int32)})
        (found,) = moment.arrays(query)
        wider = distinct(np.concatenate([n, found, *_merged(n, merges)]))
        if len(wider) == len(n):
            break
        if len(wider) > most:
            return None
        n = wider
    own = np.zeros(0, np.int64)
    if moment.columns.get(cls.name):
        (own,) = moment.arrays(
            f"SELECT DISTINCT key FROM facts.{identifier(cls.name)} SEMI JOIN {NUMBERS} x ON x.n = key"
        )
    (ids,) = moment.arrays(f"SELECT DISTINCT id FROM {node} SEMI JOIN {NUMBERS} USING (n)")
    return Region(cls, n, np.sort(own), np.sort(ids))


def _merged(n: Ints, merges: Merges) -> tuple[Ints, Ints]:
    """What these numbers were merged with."""
    return merges.lost[np.isin(merges.kept, n)], merges.kept[np.isin(merges.lost, n)]
