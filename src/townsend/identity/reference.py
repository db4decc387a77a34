"""The identity graph, slow and obvious: what the fast path must give, said again in plain Python.

No numbers, no tables, no arrays. It is there to be read and to be compared with.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import TypeVar

from townsend.identity.links import PAIRWISE_MAX
from townsend.identity.rules import IdentityRules

__all__ = ["Event", "Merge", "People", "Record", "connected", "people"]

Identity = tuple[str, str]
Node = TypeVar("Node", bound=Hashable)


@dataclass(frozen=True)
class Record:
    """The current version of a record: its own key, what else it names, when, whether it is retired."""

    key: Identity
    names: tuple[Identity, ...] = ()
    seen_ms: int = 0
    deleted: bool = False


@dataclass(frozen=True)
class Event:
    """An event: its identities, the one of highest priority first."""

    names: tuple[Identity, ...]
    at_ms: int


@dataclass(frozen=True)
class Merge:
    """``lost`` went into ``kept``."""

    kept: Identity
    lost: Identity
    at_ms: int = 0


@dataclass
class People:
    """Live people by their identities, each with the keys of the live records behind it."""

    groups: list[frozenset[Identity]] = field(default_factory=list)
    records: list[frozenset[Identity]] = field(default_factory=list)


def people(
    records: Sequence[Record],
    events: Sequence[Event],
    merges: Sequence[Merge],
    rules: IdentityRules,
    now_ms: int,
) -> People:
    """Everybody there is at an instant.

    Args:
        records: one per key.
        events: each ``_id`` once.
        merges: of record keys.
        rules: blocked values, priorities, unique namespaces and the bound on links of a value.
        now_ms: events and merges after it do not exist.
    """
    merges = [merge for merge in merges if merge.at_ms <= now_ms]
    events = [event for event in events if event.at_ms <= now_ms]
    events = [_ordered(event, rules) for event in events]
    acting = {event.names[0] for event in events if not _blocked(event.names[0], rules)}
    followed = _followed(records, merges)
    live = [record for record in records if not record.deleted and record.key not in followed]
    joining = live + [record for record in records if record.key in followed]
    named = {record.key: _names(record, rules) for record in joining}
    met = [
        (pair, event.at_ms)
        for event in events
        for pair in _pairs(event.names[0], event.names[1:])
        if not any(_blocked(name, rules) for name in pair)
    ]
    crowded = _crowded(named, [pair for pair, _ in met], live, rules.links_per_value)
    seen: dict[frozenset[Identity], int] = {}

    def link(pairs: Iterable[tuple[Identity, Identity]], at_ms: int) -> None:
        for pair in map(frozenset, pairs):
            seen[pair] = max(seen.get(pair, at_ms), at_ms)

    for record in joining:
        link(_pairs(record.key, named[record.key] - crowded - {record.key}), record.seen_ms)
    for pair, at_ms in met:
        link([pair] if not crowded & {*pair} else [], at_ms)
    for lost, (kept, at_ms) in followed.items():
        seen[frozenset((kept, lost))] = max(seen.get(frozenset((kept, lost)), at_ms), at_ms)
    nodes = {name for record in joining for name in (record.key, *named[record.key])}
    nodes |= {name for event in events for name in event.names if not _blocked(name, rules)}
    nodes |= {name for lost, (kept, _) in followed.items() for name in (lost, kept)}
    groups = _settle(nodes, seen, rules)
    return _existing(groups, records, live, joining, acting)


def connected(nodes: Collection[Node], links: Iterable[tuple[Node, Node]]) -> list[set[Node]]:
    """The groups of nodes that hang together, found by walking."""
    beside: dict[Node, set[Node]] = {node: set() for node in nodes}
    for first, second in links:
        beside[first].add(second)
        beside[second].add(first)
    groups: list[set[Node]] = []
    seen: set[Node] = set()
    for node in nodes:
        if node in seen:
            continue
        group: set[Node] = set()
        waiting = [node]
        while waiting:
            one = waiting.pop()
            if one not in group:
                group.add(one)
                waiting += beside[one]
        seen |= group
        groups.append(group)
    return groups


def _blocked(name: Identity, rules: IdentityRules) -> bool:
    return name[1] in rules.blocked.get(name[0], ())


def _pairs(first: Identity, others: Collection[Identity]) -> Iterable[tuple[Identity, Identity]]:
    """The links between what a record or an event names."""
    if len(others) > PAIRWISE_MAX:
        return product([first], others)
    return combinations([first, *others], 2)


def _ordered(event: Event, rules: IdentityRules) -> Event:
    """A blocked value is who acts only where there is no other."""
    return Event(tuple(sorted(event.names, key=lambda name: _blocked(name, rules))), event.at_ms)


def _names(record: Record, rules: IdentityRules) -> set[Identity]:
    return {name for name in record.names if not _blocked(name, rules)}


def _followed(records: Sequence[Record], merges: Sequence[Merge]) -> dict[Identity, tuple[Identity, int]]:
    """Keys that went into another one, step by step into a record that is there: the next key, and when."""
    there = {record.key for record in records if not record.deleted}
    into: dict[Identity, Identity] = {}
    when: dict[Identity, int] = {}
    for merge in sorted(merges, key=lambda m: (m.at_ms, m.kept, m.lost)):
        if merge.lost in _way(merge.kept, into):
            del into[merge.kept]  # it went the other way before
        into[merge.lost] = merge.kept
        when[merge.lost] = merge.at_ms
    return {key: (into[key], when[key]) for key in into if _way(key, into)[-1] in there}


def _way(key: Identity, into: Mapping[Identity, Identity]) -> list[Identity]:
    way = [key]
    while way[-1] in into:
        way.append(into[way[-1]])
    return way


def _crowded(
    named: Mapping[Identity, set[Identity]],
    met: Sequence[tuple[Identity, Identity]],
    live: Sequence[Record],
    bound: int,
) -> set[Identity]:
    """Values that join more distinct records than the bound allows."""
    own = {record.key for record in live} | set(named)
    joined: dict[Identity, set[Identity]] = {}
    for key, names in named.items():
        for name in {key, *names}:
            joined.setdefault(name, set()).add(key)
    for pair in met:
        for first, second in (pair, pair[::-1]):
            if first in own:
                joined.setdefault(second, set()).add(first)
    return {name for name, keys in joined.items() if len(keys) > bound}


def _settle(
    nodes: set[Identity], seen: Mapping[frozenset[Identity], int], rules: IdentityRules
) -> list[set[Identity]]:
    """Groups, links being left out where a unique namespace would be ambiguous."""
    kept: list[tuple[Identity, Identity]] = []
    for group in connected(nodes, [(min(pair), max(pair)) for pair in seen]):
        inside = {(min(pair), max(pair)): at for pair, at in seen.items() if pair <= group}
        if not inside:
            continue
        last = max(inside.values())
        order = sorted(
            inside,
            key=lambda p: (
                inside[p] != last,
                rules.priority(p[0][0]) + rules.priority(p[1][0]),
                -inside[p],
                p,
            ),
        )
        taken: list[tuple[Identity, Identity]] = []
        for pair in order:
            if all(_unambiguous(one, rules) for one in connected(group, [*taken, pair])):
                taken.append(pair)
        kept += taken
    return connected(nodes, kept)


def _unambiguous(group: Collection[Identity], rules: IdentityRules) -> bool:
    spaces = [space for space, _ in group if space in rules.unique]
    return len(spaces) == len(set(spaces))


def _existing(
    groups: Iterable[set[Identity]],
    records: Sequence[Record],
    live: Sequence[Record],
    joining: Sequence[Record],
    acting: Collection[Identity],
) -> People:
    """The groups that are somebody: a live record, or an event of theirs and no retired record."""
    own = {record.key for record in live}
    alive = {name for record in joining for name in (record.key, *record.names)}
    gone = {name for r in records if r not in joining for name in (r.key, *r.names)} - alive
    found = People()
    for group in sorted(groups, key=sorted):
        if group & own or (group & set(acting) and not group & gone):
            found.groups.append(frozenset(group))
            found.records.append(frozenset(group & own))
    return found
