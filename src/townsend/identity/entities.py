"""Entities of a class: which identities are one, which number names it, and who is no more.

An entity's id is the smallest number among its live members, so a merge keeps the oldest id and a
split gives each part the id it had before. A retired record takes no part; retired records that no
live one names make retired entities of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from townsend.identity.conflicts import settle
from townsend.identity.graph import components
from townsend.identity.links import EventLinks, Merges, RecordLinks
from townsend.identity.merging import merging
from townsend.identity.moment import Ints, Moment, distinct
from townsend.identity.numbers import Mask, Places, Span, look_up
from townsend.identity.rules import IdentityRules
from townsend.identity.xref import Golden
from townsend.model import EntityClass

__all__ = ["Entities", "Evidence", "resolve"]

NOBODY = np.iinfo(np.int64).max
_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Evidence:
    """All that is known about who is whom in one class."""

    records: RecordLinks
    events: EventLinks | None = None
    merges: Merges | None = None
    golden: Golden | None = None


@dataclass
class Entities:
    """The entities of one class.

    Args:
        n: every number that belongs to a live entity …
        id: … and that entity's id.
        retired_n: the same for retired entities.
        retired_id: their ids.
        keys: keys of all records.
        live: keys of the live records.
        event_id: ids of entities known from events alone …
        first_ms: … and when their first event was.
        crowded: numbers of values that joined too many records, and lost their links …
        crowd: … and how many records that was.
        removed: links left out so that a namespace stays unique: two numbers, time.
        shown_id: for each identity that answers list, the entity …
        shown_n: … and the identity's number.
    """

    n: Ints
    id: Ints
    retired_n: Ints
    retired_id: Ints
    keys: Ints
    live: Ints
    event_id: Ints
    first_ms: Ints
    crowded: Ints
    crowd: Ints
    removed: list[tuple[int, int, int]]
    shown_id: Ints = field(default_factory=lambda: _NONE)
    shown_n: Ints = field(default_factory=lambda: _NONE)

    def of(self, numbers: Ints) -> Ints:
        """The entity of each number, -1 for none."""
        return look_up(self.n, self.id, numbers)

    def retired_of(self, numbers: Ints) -> Ints:
        """The retired entity of each number, -1 for none."""
        return look_up(self.retired_n, self.retired_id, numbers)

    def acting(self) -> Entities:
        """Without all that tables have: those known from events alone, and who is retired."""
        return Entities(
            _NONE,
            _NONE,
            self.retired_n,
            self.retired_id,
            _NONE,
            _NONE,
            self.event_id,
            self.first_ms,
            _NONE,
            _NONE,
            [],
        )

    def show(self, shown: Ints, by: Ints, lent: Ints) -> None:
        """Set what answers list: identities of an entity's own, and those that records lend it (``by``)."""
        told = distinct((self.of(by) << 32) | lent)
        ids = np.concatenate([self.of(shown), told >> 32])
        numbers = np.concatenate([shown, told & 0xFFFFFFFF])
        self.shown_id, self.shown_n = ids[ids >= 0], numbers[ids >= 0]


def resolve(moment: Moment, rules: IdentityRules, cls: EntityClass, evidence: Evidence) -> Entities:
    """Make the entities of a class out of the evidence."""
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
    crowded, crowd = _crowded(span, joining, owner, named, events, rules.links_per_value)
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
    places = span.places(nodes)
    labels = components(len(nodes), span.at(places, first), span.at(places, second))
    removed: list[tuple[int, int, int]] = []
    if cls.name == "person" and rules.unique:
        labels, removed = settle(moment, rules, nodes, labels, (first, second, seen), inside)
    graph = _Graph(span, nodes, places, labels)
    return _entities(
        records, events, live, joining, alive, gone, graph, removed, (crowded, crowd), (owner, named)
    )


@dataclass(frozen=True)
class _Graph:
    """The nodes of a graph, ascending, and the component of each."""

    span: Span
    nodes: Ints
    places: Places
    labels: Ints

    def labels_of(self, numbers: Ints) -> Ints:
        """The components of numbers that are nodes."""
        return self.labels[self.span.at(self.places, numbers)]


def _entities(
    records: RecordLinks,
    events: EventLinks,
    live: Ints,
    joining: Ints,
    alive: Mask,
    gone: Mask,
    graph: _Graph,
    removed: list[tuple[int, int, int]],
    crowds: tuple[Ints, Ints],
    named: tuple[Ints, Ints],
) -> Entities:
    """Components that are somebody, and what is left of retired records."""
    span, nodes, labels = graph.span, graph.nodes, graph.labels
    count = int(labels.max()) + 1 if len(labels) else 0
    backed = np.zeros(count, bool)
    backed[graph.labels_of(live)] = True
    since = np.full(count, NOBODY)
    np.minimum.at(since, graph.labels_of(events.who), events.since_ms)
    # Identities of a retired record don't make a person from events alone.
    is_joining, is_named = span.mask(joining), span.mask(named[1])
    dead_names = span.mask(records.named[~span.held(is_joining, records.owner)])
    dead_keys = span.mask(records.key) & ~is_joining
    buried = np.zeros(count, bool)
    buried[labels[span.held(gone | ((dead_names | dead_keys) & ~is_named), nodes)]] = True
    exists = backed | ((since < NOBODY) & ~buried)

    smallest = np.full(count, NOBODY)
    members = span.held(alive, nodes)
    # Nodes ascend; of several that are written to one place the last one stays.
    smallest[labels[members][::-1]] = nodes[members][::-1]
    there = exists[labels]
    n, ids = nodes[there], smallest[labels[there]]
    by_event = exists & ~backed
    retired_n, retired_id = _retired(span, records, is_joining, n)
    shown = _shown(span, records, events, live, named, crowds[0])
    found = Entities(
        n,
        ids,
        retired_n,
        retired_id,
        records.key,
        live,
        smallest[by_event],
        since[by_event],
        *crowds,
        removed,
    )
    found.show(*shown)
    return found


def _shown(
    span: Span, records: RecordLinks, events: EventLinks, live: Ints, named: tuple[Ints, Ints], crowded: Ints
) -> tuple[Ints, Ints, Ints]:
    """Which identities answers list: those of live records and of events.

    Returns:
        Identities, and pairs of a record's key and an identity that this record alone lends its entity.
    """
    is_live, crowds = span.mask(live), span.mask(crowded)
    shown = span.mask(live, named[1], events.first, events.second, events.who)
    # A record that went into another is not addressed any more, and a value that lost its links is
    # still what each of its records says.
    shown &= ~(span.mask(records.key) & ~is_live) & ~crowds
    crowd = span.held(is_live, named[0]) & span.held(crowds, named[1])
    return (
        span.numbers(shown),
        np.concatenate([named[0][crowd], crowded]),
        np.concatenate([named[1][crowd], crowded]),
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


def _retired(span: Span, records: RecordLinks, joining: Mask, taken: Ints) -> tuple[Ints, Ints]:
    """Entities of retired records, linked by what they name among themselves."""
    is_taken = span.mask(taken)
    is_dead = span.mask(records.key) & ~joining & ~is_taken
    if not is_dead.any():
        return _NONE, _NONE
    free = span.held(is_dead, records.owner) & ~span.held(is_taken, records.named)
    owner, named = records.owner[free], records.named[free]
    nodes = span.numbers(is_dead | span.mask(named))
    places = span.places(nodes)
    labels = components(len(nodes), span.at(places, owner), span.at(places, named))
    smallest = np.full(int(labels.max()) + 1, NOBODY)
    smallest[labels[::-1]] = nodes[::-1]
    return nodes, smallest[labels]


def _times(span: Span, records: RecordLinks, owner: Ints) -> Ints:
    seen = np.zeros(span.size, np.int64)
    seen[records.key - span.low] = records.seen_ms
    return seen[owner - span.low]
