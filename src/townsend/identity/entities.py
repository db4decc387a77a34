"""Entities of a class: which identities are one, which number names it, and who is no more.

An entity's id is the smallest number among its live members, so a merge keeps the oldest id and a
split gives each part the id it had before. A retired record takes no part; retired records that no
live one names make retired entities of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from townsend.identity.conflicts import settle
from townsend.identity.gathered import Evidence, Gathered, gather
from townsend.identity.graph import components
from townsend.identity.links import RecordLinks
from townsend.identity.moment import Ints, Moment, distinct
from townsend.identity.numbers import Mask, Span, look_up
from townsend.identity.rules import IdentityRules
from townsend.model import EntityClass

__all__ = ["Entities", "Evidence", "entities_of", "raw_labels", "resolve"]

NOBODY = np.iinfo(np.int64).max
_NONE = np.zeros(0, np.int64)


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
    found = gather(evidence, rules.links_per_value)
    labels = raw_labels(found)
    removed: list[tuple[int, int, int]] = []
    if cls.name == "person" and rules.unique:
        labels, removed = settle(moment, rules, found.nodes, labels, found.links, found.inside)
    return entities_of(found, labels, removed)


def raw_labels(found: Gathered) -> Ints:
    """The component of each node, as a label from 0, whatever is ambiguous in it."""
    first, second = (found.span.at(found.places, ends) for ends in found.links[:2])
    return components(len(found.nodes), first, second)


def entities_of(found: Gathered, labels: Ints, removed: list[tuple[int, int, int]]) -> Entities:
    """The entities that components are, and what is left of retired records.

    Args:
        found: what links.
        labels: the component of each node.
        removed: links that were left out of these components.
    """
    span, nodes, records, events = found.span, found.nodes, found.records, found.events
    count = int(labels.max()) + 1 if len(labels) else 0
    backed = np.zeros(count, bool)
    backed[labels[span.at(found.places, found.live)]] = True
    since = np.full(count, NOBODY)
    np.minimum.at(since, labels[span.at(found.places, events.who)], events.since_ms)
    # Identities of a retired record don't make a person from events alone.
    is_joining, is_named = span.mask(found.joining), span.mask(found.named)
    dead_names = span.mask(records.named[~span.held(is_joining, records.owner)])
    dead_keys = span.mask(records.key) & ~is_joining
    buried = np.zeros(count, bool)
    buried[labels[span.held(found.gone | ((dead_names | dead_keys) & ~is_named), nodes)]] = True
    exists = backed | ((since < NOBODY) & ~buried)

    smallest = np.full(count, NOBODY)
    members = span.held(found.alive, nodes)
    # Nodes ascend; of several that are written to one place the last one stays.
    smallest[labels[members][::-1]] = nodes[members][::-1]
    there = exists[labels]
    n, ids = nodes[there], smallest[labels[there]]
    by_event = exists & ~backed
    retired_n, retired_id = _retired(span, records, is_joining, n)
    entities = Entities(
        n,
        ids,
        retired_n,
        retired_id,
        records.key,
        found.live,
        smallest[by_event],
        since[by_event],
        found.crowded,
        found.crowd,
        removed,
    )
    entities.show(*_shown(found))
    return entities


def _shown(found: Gathered) -> tuple[Ints, Ints, Ints]:
    """Which identities answers list: those of live records and of events.

    Returns:
        Identities, and pairs of a record's key and an identity that this record alone lends its entity.
    """
    span, events, live, owner, named = found.span, found.events, found.live, found.owner, found.named
    is_live, crowds = span.mask(live), span.mask(found.crowded)
    shown = span.mask(live, named, events.first, events.second, events.who)
    # A record that went into another is not addressed any more, and a value that lost its links is
    # still what each of its records says.
    shown &= ~(span.mask(found.records.key) & ~is_live) & ~crowds
    crowd = span.held(is_live, owner) & span.held(crowds, named)
    return (
        span.numbers(shown),
        np.concatenate([owner[crowd], found.crowded]),
        np.concatenate([named[crowd], found.crowded]),
    )


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
