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
from townsend.identity.moment import Ints, Moment, distinct, without
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
        live: keys of the live records.
        event_id: ids of entities known from events alone …
        first_ms: … and when their first event was.
        shown_id: for each identity that answers list, the entity …
        shown_n: … and the identity's number.
        crowded: numbers of values that joined too many records, and lost their links …
        crowd: … and how many records that was.
        removed: links left out so that a namespace stays unique: two numbers, time.
        links: every link that counts: two numbers.
    """

    n: Ints
    id: Ints
    retired_n: Ints
    retired_id: Ints
    live: Ints
    event_id: Ints
    first_ms: Ints
    shown_id: Ints
    shown_n: Ints
    crowded: Ints
    crowd: Ints
    removed: list[tuple[int, int, int]] = field(default_factory=list)

    def of(self, numbers: Ints) -> Ints:
        """The entity of each number, -1 for none."""
        return _lookup(self.n, self.id, numbers)

    def retired_of(self, numbers: Ints) -> Ints:
        """The retired entity of each number, -1 for none."""
        return _lookup(self.retired_n, self.retired_id, numbers)


def resolve(moment: Moment, rules: IdentityRules, cls: EntityClass, evidence: Evidence) -> Entities:
    """Make the entities of a class out of the evidence."""
    records, events = evidence.records, evidence.events or EventLinks(_NONE, _NONE, _NONE, _NONE, _NONE)
    lost, joins = _merging(records, evidence.merges)
    is_lost = np.isin(records.key, lost)
    live = records.key[(records.deleted == 0) & ~is_lost]
    joining = np.concatenate([live, records.key[is_lost]])
    counts = np.isin(records.owner, joining)
    owner, named = records.owner[counts], records.named[counts]
    crowded, crowd = _crowded(joining, owner, named, events, rules.links_per_value)
    linked = ~np.isin(named, crowded)
    clear = ~(np.isin(events.first, crowded) | np.isin(events.second, crowded))
    alive = distinct(np.concatenate([joining, named, events.first, events.second, events.who]))
    gone = without(np.concatenate([records.key, records.owner, records.named[~counts]]), alive)
    hub, spoke, said_ms = _stars(evidence.golden, gone)

    # What links: inside records, inside events, by merges, by master data.
    ways = [
        (owner[linked], named[linked], _times(records, owner[linked])),
        (events.first[clear], events.second[clear], events.seen_ms[clear]),
        joins,
        (hub, spoke, said_ms),
    ]
    first, second, seen = (np.concatenate([way[place] for way in ways]) for place in range(3))
    nodes = distinct(np.concatenate([joining, named[linked], events.who, first, second]))
    a, b = np.searchsorted(nodes, first), np.searchsorted(nodes, second)
    labels = components(len(nodes), a, b)
    removed: list[tuple[int, int, int]] = []
    if cls.name == "person" and rules.unique:
        inside = (owner[linked], named[linked], ways[0][2])
        labels, removed = settle(moment, rules, nodes, labels, (first, second, seen), inside)
    return _entities(
        records, events, live, joining, alive, gone, nodes, labels, removed, (crowded, crowd), (owner, named)
    )


def _entities(
    records: RecordLinks,
    events: EventLinks,
    live: Ints,
    joining: Ints,
    alive: Ints,
    gone: Ints,
    nodes: Ints,
    labels: Ints,
    removed: list[tuple[int, int, int]],
    crowds: tuple[Ints, Ints],
    named: tuple[Ints, Ints],
) -> Entities:
    """Components that are somebody, and what is left of retired records."""
    count = int(labels.max()) + 1 if len(labels) else 0
    backed = np.zeros(count, bool)
    backed[labels[np.searchsorted(nodes, live)]] = True
    since = np.full(count, NOBODY)
    np.minimum.at(since, labels[np.searchsorted(nodes, events.who)], events.since_ms)
    # Identities of a retired record don't make a person from events alone.
    buried = np.zeros(count, bool)
    buried[labels[np.isin(nodes, gone)]] = True
    dead_names = without(records.named[~np.isin(records.owner, joining)], named[1])
    buried[labels[np.isin(nodes, dead_names)]] = True
    dead_keys = without(records.key, joining)
    buried[labels[np.isin(nodes, without(dead_keys, named[1]))]] = True
    exists = backed | ((since < NOBODY) & ~buried)

    smallest = np.full(count, NOBODY)
    members = np.isin(nodes, alive)
    np.minimum.at(smallest, labels[members], nodes[members])
    there = exists[labels]
    n, ids = nodes[there], smallest[labels[there]]
    by_event = exists & ~backed
    retired_n, retired_id = _retired(records, joining, n)
    found = Entities(
        n,
        ids,
        retired_n,
        retired_id,
        live,
        smallest[by_event],
        since[by_event],
        _NONE,
        _NONE,
        *crowds,
        removed,
    )
    _show(found, records, events, live, named)
    return found


def _show(
    found: Entities, records: RecordLinks, events: EventLinks, live: Ints, named: tuple[Ints, Ints]
) -> None:
    """Which identities answers list: those of live records and of events."""
    by_live = np.isin(named[0], live)
    shown = distinct(np.concatenate([live, named[1], events.first, events.second, events.who]))
    # A record that went into another is not addressed any more, and a value that lost its links is
    # still what each of its records says.
    shown = shown[~np.isin(shown, without(records.key, live))]
    crowd = by_live & np.isin(named[1], found.crowded)
    shown = shown[~np.isin(shown, found.crowded)]
    ids = np.concatenate([found.of(named[0][crowd]), found.of(found.crowded)])
    told = distinct((ids << 32) | np.concatenate([named[1][crowd], found.crowded]))
    ids = np.concatenate([found.of(shown), told >> 32])
    numbers = np.concatenate([shown, told & 0xFFFFFFFF])
    found.shown_id, found.shown_n = ids[ids >= 0], numbers[ids >= 0]


def _merging(records: RecordLinks, merges: Merges | None) -> tuple[Ints, tuple[Ints, Ints, Ints]]:
    """Keys of records that went into a live one, and the links by merges."""
    if merges is None or not len(merges.kept):
        return _NONE, (_NONE, _NONE, _NONE)
    there = set(records.key[records.deleted == 0].tolist())
    known = set(records.key.tolist())
    into: dict[int, tuple[int, int]] = {}
    links: list[tuple[int, int, int]] = []
    for kept, lost, seen_ms, retires in zip(
        merges.kept.tolist(),
        merges.lost.tolist(),
        merges.seen_ms.tolist(),
        merges.retires.tolist(),
        strict=True,
    ):
        if retires:
            if _last(kept, into) == lost:
                # What went into another comes back by a later merge the other way round.
                del into[kept]
            into[lost] = (kept, seen_ms)
        else:
            links.append((kept, lost, seen_ms))
    followed = [lost for lost in into if _last(lost, into) in there and _last(lost, into) != lost]
    links += [(into[lost][0], lost, into[lost][1]) for lost in followed]
    columns = np.array(links, np.int64).reshape(-1, 3).T
    return np.array([lost for lost in followed if lost in known], np.int64), (
        columns[0],
        columns[1],
        columns[2],
    )


def _last(key: int, into: dict[int, tuple[int, int]]) -> int:
    passed = {key}
    while key in into and into[key][0] not in passed:
        key = into[key][0]
        passed.add(key)
    return key


def _crowded(joining: Ints, owner: Ints, named: Ints, events: EventLinks, bound: int) -> tuple[Ints, Ints]:
    """Values that join more distinct records than the bound, and how many that is."""
    forth, back = np.isin(events.first, joining), np.isin(events.second, joining)
    values = np.concatenate([joining, named, events.second[forth], events.first[back]])
    keys = np.concatenate([joining, owner, events.first[forth], events.second[back]])
    if not len(values):
        return _NONE, _NONE
    # Only a value that occurs often enough can be crowded; counting distinct pairs is for those.
    suspect = np.bincount(values)[values] > bound
    pairs = np.unique(np.stack([values[suspect], keys[suspect]]), axis=1)
    found, counts = np.unique(pairs[0], return_counts=True)
    return found[counts > bound], counts[counts > bound]


def _stars(golden: Golden | None, gone: Ints) -> tuple[Ints, Ints, Ints]:
    """Each golden record's members linked to the first of them."""
    if golden is None:
        return _NONE, _NONE, _NONE
    kept = ~np.isin(golden.n, gone)
    group, n, seen = golden.group[kept], golden.n[kept], golden.seen_ms[kept]
    starts = np.ones(len(group), bool)
    starts[1:] = group[1:] != group[:-1]
    hub = n[starts][np.cumsum(starts) - 1] if len(n) else n
    return hub[~starts], n[~starts], seen[~starts]


def _retired(records: RecordLinks, joining: Ints, taken: Ints) -> tuple[Ints, Ints]:
    """Entities of retired records, linked by what they name among themselves."""
    dead = without(records.key, np.concatenate([joining, taken]))
    if not len(dead):
        return _NONE, _NONE
    free = np.isin(records.owner, dead) & ~np.isin(records.named, taken)
    owner, named = records.owner[free], records.named[free]
    nodes = distinct(np.concatenate([dead, named]))
    labels = components(len(nodes), np.searchsorted(nodes, owner), np.searchsorted(nodes, named))
    smallest = np.full(int(labels.max()) + 1, NOBODY)
    np.minimum.at(smallest, labels, nodes)
    return nodes, smallest[labels]


def _times(records: RecordLinks, owner: Ints) -> Ints:
    order = np.argsort(records.key, kind="stable")
    return records.seen_ms[order][np.searchsorted(records.key[order], owner)]


def _lookup(keys: Ints, values: Ints, wanted: Ints) -> Ints:
    """The value of each wanted key; ``keys`` ascending."""
    if not len(keys):
        return np.full(len(wanted), -1, np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], -1)
