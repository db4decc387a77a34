"""What links in one class, put together: who takes part, which values join too many, all links and times.

From here on only numbers count. Components of these links are *raw*: a unique namespace may still be
ambiguous in them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from townsend.identity.links import EventLinks, Merges, RecordLinks
from townsend.identity.merging import merging
from townsend.identity.moment import Ints, without
from townsend.identity.numbers import Mask, Places, Span
from townsend.identity.xref import Golden

__all__ = ["Evidence", "Gathered", "gather"]

_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Evidence:
    """All that is known about who is whom in one class, or in a part of it.

    Args:
        records: records …
        events: … events …
        merges: … merges …
        golden: … and master data.
        crowded: of a part, values that join too many records, most of which may be in other parts.
    """

    records: RecordLinks
    events: EventLinks | None = None
    merges: Merges | None = None
    golden: Golden | None = None
    crowded: Ints = field(default_factory=lambda: _NONE)


@dataclass(frozen=True)
class Gathered:
    """What links, and what is known of each number.

    Args:
        records: the records …
        events: … and what events say.
        span: all numbers that occur.
        live: keys of live records.
        joining: keys of records that take part: live ones, and those that went into one that is there.
        owner: for each identity that a record taking part names, the record's key …
        named: … and the identity's number.
        crowded: numbers of values that join too many records …
        crowd: … and how many records that is.
        alive: the numbers of which records that take part, or events, speak.
        gone: the numbers of which only other records speak.
        inside: links of records with what they name: two numbers, and when last seen …
        links: … and all links, these among them.
        nodes: the numbers that may be somebody's, ascending …
        places: … and number to its place among them.
    """

    records: RecordLinks
    events: EventLinks
    span: Span
    live: Ints
    joining: Ints
    owner: Ints
    named: Ints
    crowded: Ints
    crowd: Ints
    alive: Mask
    gone: Mask
    inside: tuple[Ints, Ints, Ints]
    links: tuple[Ints, Ints, Ints]
    nodes: Ints
    places: Places


def gather(evidence: Evidence, links_per_value: int) -> Gathered:
    """Put together what links."""
    records, events = evidence.records, evidence.events or EventLinks(_NONE, _NONE, _NONE, _NONE, _NONE)
    lost, joins = merging(records, evidence.merges)
    acting = (events.first, events.second, events.who)
    others = (*joins[:2], evidence.golden.n if evidence.golden else _NONE)
    span = Span.of([records.key, records.named, *acting, *others])
    is_lost = span.held(span.mask(lost), records.key)
    live = records.key[(records.deleted == 0) & ~is_lost]
    joining = np.concatenate([live, records.key[is_lost]])
    counts = span.held(span.mask(joining), records.owner)
    owner, named = records.owner[counts], records.named[counts]
    crowded, crowd = _crowded(span, joining, owner, named, events, links_per_value)
    there = (evidence.crowded >= span.low) & (evidence.crowded < span.low + span.size)
    elsewhere = without(evidence.crowded[there], crowded)
    crowded, crowd = np.concatenate([crowded, elsewhere]), np.concatenate([crowd, elsewhere * 0])
    crowds = span.mask(crowded)
    linked = ~span.held(crowds, named)
    clear = ~(span.held(crowds, events.first) | span.held(crowds, events.second))
    alive = span.mask(joining, named, *acting)
    gone = span.mask(records.key, records.owner, records.named[~counts]) & ~alive
    hub, spoke, said_ms = _stars(evidence.golden, span, gone)

    # What links: inside records, inside events, by merges, by master data.
    inside = (owner[linked], named[linked], _times(span, records, owner[linked]))
    ways = [
        inside,
        (events.first[clear], events.second[clear], events.seen_ms[clear]),
        joins,
        (hub, spoke, said_ms),
    ]
    first, second, seen = (np.concatenate([way[place] for way in ways]) for place in range(3))
    nodes = span.numbers(span.mask(joining, inside[1], events.who, first, second))
    return Gathered(
        records,
        events,
        span,
        live,
        joining,
        owner,
        named,
        crowded,
        crowd,
        alive,
        gone,
        inside,
        (first, second, seen),
        nodes,
        span.places(nodes),
    )


def _crowded(
    span: Span, joining: Ints, owner: Ints, named: Ints, events: EventLinks, bound: int
) -> tuple[Ints, Ints]:
    """Values that join more distinct records than the bound, and how many that is."""
    is_joining = span.mask(joining)
    forth, back = span.held(is_joining, events.first), span.held(is_joining, events.second)
    values = np.concatenate([joining, named, events.second[forth], events.first[back]])
    keys = np.concatenate([joining, owner, events.first[forth], events.second[back]])
    if not len(values):
        return _NONE, _NONE
    # Only a value that occurs often enough can be crowded; counting distinct pairs is for those.
    suspect = (np.bincount(values - span.low) > bound)[values - span.low]
    if not suspect.any():
        return _NONE, _NONE
    pairs = np.unique(np.stack([values[suspect], keys[suspect]]), axis=1)
    found, counts = np.unique(pairs[0], return_counts=True)
    return found[counts > bound], counts[counts > bound]


def _stars(golden: Golden | None, span: Span, gone: Mask) -> tuple[Ints, Ints, Ints]:
    """Each golden record's members linked to the first of them."""
    if golden is None:
        return _NONE, _NONE, _NONE
    kept = ~span.held(gone, golden.n)
    group, n, seen = golden.group[kept], golden.n[kept], golden.seen_ms[kept]
    starts = np.ones(len(group), bool)
    starts[1:] = group[1:] != group[:-1]
    hub = n[starts][np.cumsum(starts) - 1] if len(n) else n
    return hub[~starts], n[~starts], seen[~starts]


def _times(span: Span, records: RecordLinks, owner: Ints) -> Ints:
    seen = np.zeros(span.size, np.int64)
    seen[records.key - span.low] = records.seen_ms
    return seen[owner - span.low]
