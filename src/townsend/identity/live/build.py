"""The live graph of a class, made of all its facts at once."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from townsend.identity.conflicts import settle
from townsend.identity.entities import entities_of, raw_labels
from townsend.identity.gathered import Evidence, Gathered, gather
from townsend.identity.live.changes import Claim
from townsend.identity.live.clusters import Clusters
from townsend.identity.live.graph import LiveGraph
from townsend.identity.live.known import DELETED, KNOWN, LOST, NEVER, Known, Texts
from townsend.identity.merging import is_followed, replayed
from townsend.identity.moment import Ints, Moment
from townsend.identity.rules import IdentityRules
from townsend.identity.xref import Golden
from townsend.model import EntityClass

__all__ = ["golden_of", "live_graph"]


def live_graph(
    moment: Moment,
    rules: IdentityRules,
    cls: EntityClass,
    evidence: Evidence,
    claims: Mapping[int, Sequence[Claim]],
    coming: Iterable[tuple[int, tuple[int, ...]]],
    blocked: Ints,
    size: int,
    texts: Texts,
) -> LiveGraph:
    """Make the graph of a class.

    Args:
        moment: to look up the dictionary, and the instant.
        rules: linking rules.
        cls: the class.
        evidence: what is known of it at the moment; its master data is taken from ``claims``.
        claims: numbers of keys to all that master data says of them.
        coming: events after the moment that link: time and identities.
        blocked: numbers of blocked values.
        size: one more than the largest number.
        texts: looks up identities of numbers, as long as the graph is used.
    """
    evidence = replace(evidence, golden=golden_of(claims, moment.now_ms, texts)[0])
    found = gather(evidence, rules.links_per_value)
    labels = raw_labels(found)
    splits = cls.name == "person" and bool(rules.unique)
    parts, removed = labels, list[tuple[int, int, int]]()
    if splits:
        parts, removed = settle(moment, rules, found.nodes, labels, found.links, found.inside)
    entities = entities_of(found, parts, removed)
    known = _known(found, evidence, rules, size, set(blocked.tolist()))
    _claim(known, claims, moment.now_ms, texts)
    clusters = Clusters(_all_labels(found, labels, size))
    entity = np.full(size, -1, np.int32)
    entity[entities.n] = entities.id
    return LiveGraph(
        rules,
        splits,
        known,
        clusters,
        array("i", entity.tobytes()),
        dict(zip(entities.retired_n.tolist(), entities.retired_id.tolist(), strict=True)),
        _places(moment, rules, size),
        clusters.by_label(np.array(removed, np.int64).reshape(-1, 3)),
        moment.now_ms,
        coming,
        texts,
    )


def golden_of(
    claims: Mapping[int, Sequence[Claim]], now_ms: int, texts: Texts
) -> tuple[Golden, dict[int, tuple[str, int]]]:
    """The golden records that hold, and the one of each key that belongs to exactly one."""
    held: dict[int, tuple[str, int]] = {}
    for key, said in claims.items():
        holding = [claim for claim in said if claim.holds(now_ms)]
        if len({claim.golden for claim in holding}) == 1:
            held[key] = (holding[0].golden, max(claim.seen_ms for claim in holding))
    found = texts(held)
    rows = sorted((golden, found[key][1], key, seen_ms) for key, (golden, seen_ms) in held.items())
    groups = {golden: at for at, golden in enumerate(dict.fromkeys(row[0] for row in rows))}
    columns = np.array([(groups[golden], key, ms) for golden, _, key, ms in rows], np.int64).reshape(-1, 3)
    return Golden(columns[:, 0], columns[:, 1], columns[:, 2]), held


def _known(found: Gathered, evidence: Evidence, rules: IdentityRules, size: int, blocked: set[int]) -> Known:
    """The facts, number by number; master data is still missing."""
    records, events = found.records, found.events
    known = Known(rules.links_per_value)
    known.blocked = blocked
    _merge(known, records.key, records.deleted, evidence)
    marks = np.zeros(size, np.uint8)
    marks[records.key] = KNOWN | np.where(records.deleted != 0, DELETED, 0)
    lost = np.array(list(known.followed), np.int64)
    marks[lost[(marks[lost] & KNOWN) != 0]] |= LOST
    seen, since = np.zeros(size, np.int64), np.full(size, NEVER)
    seen[records.key] = records.seen_ms
    since[events.who] = events.since_ms
    known.marks = bytearray(marks.tobytes())
    known.seen, known.since = array("q", seen.tobytes()), array("q", since.tobytes())
    known.fill((records.owner, records.named), (events.first, events.second, events.seen_ms))
    return known


def _merge(known: Known, keys: Ints, deleted: Ints, evidence: Evidence) -> None:
    if evidence.merges is None:
        return
    there = set(keys[deleted == 0].tolist())
    known.into, links = replayed(evidence.merges)
    known.joined = {(kept, lost): at_ms for kept, lost, at_ms in links}
    for lost, (kept, at_ms) in known.into.items():
        known.fed.setdefault(kept, set()).add(lost)
        if is_followed(lost, known.into, there.__contains__):
            known.followed.add(lost)
            known.joined[kept, lost] = at_ms
    for kept, lost in known.joined:
        known.joins.setdefault(kept, set()).add(lost)
        known.joins.setdefault(lost, set()).add(kept)


def _claim(known: Known, claims: Mapping[int, Sequence[Claim]], now_ms: int, texts: Texts) -> None:
    known.claims = {key: tuple(said) for key, said in claims.items() if said}
    _, known.golden = golden_of(known.claims, now_ms, texts)
    known.shine(texts)


def _all_labels(found: Gathered, labels: Ints, size: int) -> Ints:
    """Labels of all numbers from 0 on; those that nothing is known of are alone."""
    count = int(labels.max()) + 1 if len(labels) else 0
    every = np.full(size, -1, np.int64)
    every[found.nodes] = labels
    alone = np.flatnonzero(every < 0)
    every[alone] = np.arange(count, count + len(alone))
    return every


def _places(moment: Moment, rules: IdentityRules, size: int) -> array[int]:
    """The place of each number's namespace in the rules, from 1; 0 for others."""
    places = np.zeros(size, np.int32)
    numbers, at = moment.arrays(
        "SELECT n, list_position($spaces, space) FROM facts.number WHERE list_contains($spaces, space)",
        {"spaces": [namespace.code for namespace in rules.person]},
    )
    places[numbers] = at
    return array("i", places.tobytes())
