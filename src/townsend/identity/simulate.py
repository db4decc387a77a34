"""The linking rules tried on a handful of events, without a store: ``townsend graph simulate``.

Every event links its identities pairwise, or with the strongest of them if they are very many; later
events are newer. Nothing else is assumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from townsend.identity.graph import Identity, Link, optimise
from townsend.identity.links import pairs_met
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
    priority = {namespace.code: place for place, namespace in enumerate(namespaces, 1)}
    nodes: set[Identity] = set()
    seen: dict[tuple[Identity, Identity], int] = {}
    for at, event in enumerate(events):
        identities = sorted({one for one in map(_usable, event) if one is not None})
        nodes.update(identities)
        # The strongest first, as an event belongs to it.
        identities.sort(key=lambda one: (priority.get(one[0], len(priority) + 1), one))
        for first, second in pairs_met(identities):
            seen[first, second] = at
    links = [Link(first, second, at) for (first, second), at in seen.items()]
    unique = frozenset(namespace.code for namespace in namespaces if namespace.unique)
    kept: list[tuple[Identity, Identity]] = []
    removed: list[tuple[Identity, Identity]] = []
    groups = connected(nodes, [(link.first, link.second) for link in links])
    place = {node: at for at, group in enumerate(groups) for node in group}
    inside: dict[int, list[Link[Identity]]] = {}
    for link in links:
        inside.setdefault(place[link.first], []).append(link)
    for at, found in inside.items():
        # What is not ambiguous loses nothing, so there is no need to ask first.
        outcome = optimise(found, {node: node for node in groups[at]}, priority, unique)
        kept += [(link.first, link.second) for link in outcome.kept]
        removed += [(link.first, link.second) for link in outcome.removed]
    graphs = sorted(sorted(group) for group in connected(nodes, kept))
    return Simulation(graphs, sorted(removed))


def _usable(identity: Identity) -> Identity | None:
    space, value = identity
    kept = normal_value(space, value)
    return None if kept is None else (space, kept)
