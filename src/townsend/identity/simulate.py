"""The linking rules tried on a handful of events, without a store: ``townsend graph simulate``.

Every event links its identities pairwise; later events are newer. Nothing else is assumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from townsend.identity.graph import Identity, Link, optimise
from townsend.identity.reference import connected
from townsend.identity.rules import Namespace
from townsend.store.facts_values import normal_value

__all__ = ["Simulation", "simulate"]


@dataclass(frozen=True)
class Simulation:
    """Graphs (single identities are graphs of one) and the links left out."""

    graphs: list[list[Identity]]
    removed: list[tuple[Identity, Identity]]


def simulate(namespaces: Sequence[Namespace], events: Iterable[Sequence[Identity]]) -> Simulation:
    """The graphs that these events make.

    Args:
        namespaces: in priority order, highest first; others come after them and are not unique.
        events: the identities of each event, (namespace, value), oldest event first. Values that name
            nobody, such as "anonymous", are left out.

    Returns:
        Graphs and removed links, everything in them sorted.
    """
    nodes: set[Identity] = set()
    seen: dict[tuple[Identity, Identity], int] = {}
    for at, event in enumerate(events):
        identities = sorted({one for one in map(_usable, event) if one is not None})
        nodes.update(identities)
        for place, first in enumerate(identities):
            for second in identities[place + 1 :]:
                seen[first, second] = at
    links = [Link(first, second, at) for (first, second), at in seen.items()]
    priority = {namespace.code: place for place, namespace in enumerate(namespaces, 1)}
    unique = frozenset(namespace.code for namespace in namespaces if namespace.unique)
    kept: list[tuple[Identity, Identity]] = []
    removed: list[tuple[Identity, Identity]] = []
    for group in connected(nodes, [(link.first, link.second) for link in links]):
        inside = [link for link in links if link.first in group]
        # What is not ambiguous loses nothing, so there is no need to ask first.
        outcome = optimise(inside, {node: node for node in group}, priority, unique)
        kept += [(link.first, link.second) for link in outcome.kept]
        removed += [(link.first, link.second) for link in outcome.removed]
    graphs = sorted(sorted(group) for group in connected(nodes, kept))
    return Simulation(graphs, sorted(removed))


def _usable(identity: Identity) -> Identity | None:
    space, value = identity
    kept = normal_value(space, value)
    return None if kept is None else (space, kept)
