"""Components in which a namespace that should be unique is not: rebuilt one by one.

Only these pay for pairs, texts and Python; everything else was settled by arrays.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from townsend.identity.graph import Identity, Link, components, optimise
from townsend.identity.links import PAIRWISE_MAX
from townsend.identity.moment import Ints, Moment, distinct
from townsend.identity.rules import IdentityRules

__all__ = ["settle"]

Links = tuple[Ints, Ints, Ints]


def settle(
    moment: Moment, rules: IdentityRules, nodes: Ints, labels: Ints, links: Links, inside: Links
) -> tuple[Ints, list[tuple[int, int, int]]]:
    """Labels under which every namespace that must be unique is.

    Args:
        moment: to look up the identities of the nodes in question.
        rules: priorities and unique namespaces.
        nodes: numbers, ascending.
        labels: the raw component of each.
        links: all links: two numbers and when last seen.
        inside: those of them that stand for a record: its key, what it names, its time. Whatever one
            record names is linked pairwise.

    Returns:
        New labels, and the links left out.
    """
    torn = _ambiguous(moment, rules, nodes, labels)
    if not len(torn):
        return labels, []
    first, second, seen = links
    touched = np.isin(labels[np.searchsorted(nodes, first)], torn)
    identity = _identities(moment, nodes[np.isin(labels, torn)])
    by_label: dict[int, list[Link[int]]] = defaultdict(list)
    for a, b, at, label in _rows(first[touched], second[touched], seen[touched], nodes, labels):
        by_label[label].append(Link(a, b, at))
    for label, link in _pairwise(inside, nodes, labels, torn):
        by_label[label].append(link)
    priority = {namespace.code: place for place, namespace in enumerate(rules.person, 1)}
    kept: list[tuple[int, int]] = []
    removed: list[tuple[int, int, int]] = []
    for found in by_label.values():
        outcome = optimise(found, identity, priority, rules.unique)
        kept += [(link.first, link.second) for link in outcome.kept]
        removed += [(link.first, link.second, link.seen_ms) for link in outcome.removed]
    pairs = np.array(kept, np.int64).reshape(-1, 2)
    ends = [np.concatenate([first[~touched], pairs[:, 0]]), np.concatenate([second[~touched], pairs[:, 1]])]
    near, far = (np.searchsorted(nodes, end) for end in ends)
    return components(len(nodes), near, far), sorted(removed)


def _ambiguous(moment: Moment, rules: IdentityRules, nodes: Ints, labels: Ints) -> Ints:
    """Labels of components that hold two values of a unique namespace."""
    spaces = sorted(rules.unique)
    numbers, space = moment.arrays(
        "SELECT n, list_position($spaces, space) FROM facts.number WHERE list_contains($spaces, space)",
        {"spaces": spaces},
    )
    known = np.isin(numbers, nodes)
    label = labels[np.searchsorted(nodes, numbers[known])]
    held = np.sort(label * (len(spaces) + 1) + space[known])
    return distinct(held[1:][held[1:] == held[:-1]] // (len(spaces) + 1))


def _identities(moment: Moment, numbers: Ints) -> dict[int, Identity]:
    moment.table("torn", {"n": numbers})
    return {
        int(n): (space, value)
        for n, space, value in moment.rows(
            "SELECT d.n, d.space, d.value FROM facts.number d SEMI JOIN torn USING (n)"
        )
    }


def _rows(
    first: Ints, second: Ints, seen: Ints, nodes: Ints, labels: Ints
) -> list[tuple[int, int, int, int]]:
    label = labels[np.searchsorted(nodes, first)]
    return list(zip(first.tolist(), second.tolist(), seen.tolist(), label.tolist(), strict=True))


def _pairwise(inside: Links, nodes: Ints, labels: Ints, torn: Ints) -> list[tuple[int, Link[int]]]:
    """The links between what a record names, besides those to its own key; none if it names very many."""
    owner, named, seen = inside
    chosen = np.isin(labels[np.searchsorted(nodes, owner)], torn)
    held: dict[int, list[int]] = defaultdict(list)
    times: dict[int, tuple[int, int]] = {}
    for key, other, at, label in _rows(owner[chosen], named[chosen], seen[chosen], nodes, labels):
        held[key].append(other)
        times[key] = (at, label)
    return [
        (times[key][1], Link(first, second, times[key][0]))
        for key, names in held.items()
        if len(names) <= PAIRWISE_MAX
        for place, first in enumerate(names)
        for second in names[place + 1 :]
    ]
