"""Graphs of identities: who hangs together, and which links must go so that a namespace stays unique.

Pure: links and priorities in, groups out. The same links in any order give the same groups.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

__all__ = ["Identity", "Link", "Outcome", "components", "optimise"]

Ints = npt.NDArray[np.int64]
Identity = tuple[str, str]  # namespace, value
Node = TypeVar("Node", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Link(Generic[Node]):
    """Two identities seen together, last at ``seen_ms``."""

    first: Node
    second: Node
    seen_ms: int


@dataclass(frozen=True)
class Outcome(Generic[Node]):
    """What became of the links of one component, in the order in which they were tried."""

    kept: list[Link[Node]]
    removed: list[Link[Node]]


def components(count: int, first: Ints, second: Ints) -> Ints:
    """The component of each of ``count`` dense nodes, as a label from 0.

    Args:
        count: how many nodes there are.
        first: one end of each link.
        second: the other end.
    """
    if not len(first):
        return np.arange(count, dtype=np.int64)
    matrix = coo_matrix((np.ones(len(first), dtype=np.int8), (first, second)), shape=(count, count))
    _, labels = connected_components(matrix.tocsr(), directed=False)
    return np.asarray(labels, dtype=np.int64)


def optimise(
    links: Iterable[Link[Node]],
    identity: Mapping[Node, Identity],
    priority: Mapping[str, int],
    unique: frozenset[str],
) -> Outcome[Node]:
    """Rebuild one component so that it holds at most one value of each unique namespace.

    Links are tried in this order: those last seen at the component's newest instant first; then by the
    sum of the two namespaces' priorities, smaller first; then newest first; then by the two identities
    as text. A link that would bring two values of a unique namespace together is left out.

    Args:
        links: the component's links, in any order; of repeats the newest counts.
        identity: namespace and value of each node.
        priority: namespace to place, 1 being the most important; others come after all of these.
        unique: namespaces of which a graph holds at most one value.

    Source: "identity optimisation algorithm", reading B; see docs/decisions.
    """
    newest: dict[tuple[Node, Node], int] = {}
    for link in links:
        pair = _ordered(link.first, link.second, identity)
        newest[pair] = max(newest.get(pair, link.seen_ms), link.seen_ms)
    if not newest:
        return Outcome([], [])
    last = max(newest.values())
    lowest = max(priority.values(), default=0) + 1

    def place(entry: tuple[tuple[Node, Node], int]) -> tuple[bool, int, int, Identity, Identity]:
        (first, second), seen = entry
        a, b = identity[first], identity[second]
        weight = priority.get(a[0], lowest) + priority.get(b[0], lowest)
        return seen != last, weight, -seen, a, b

    forest = _Forest(identity, unique)
    kept: list[Link[Node]] = []
    removed: list[Link[Node]] = []
    for (first, second), seen in sorted(newest.items(), key=place):
        (kept if forest.join(first, second) else removed).append(Link(first, second, seen))
    return Outcome(kept, removed)


def _ordered(first: Node, second: Node, identity: Mapping[Node, Identity]) -> tuple[Node, Node]:
    return (first, second) if identity[first] <= identity[second] else (second, first)


class _Forest(Generic[Node]):
    """Disjoint sets that know the unique values in them."""

    def __init__(self, identity: Mapping[Node, Identity], unique: frozenset[str]) -> None:
        self._identity = identity
        self._unique = unique
        self._parent: dict[Node, Node] = {}
        self._values: dict[Node, dict[str, str]] = {}
        self._size: dict[Node, int] = {}

    def join(self, first: Node, second: Node) -> bool:
        """Bring two sets together; False if that would make a unique namespace ambiguous."""
        a, b = self._root(first), self._root(second)
        if a == b:
            return True
        mine, theirs = self._values[a], self._values[b]
        if any(theirs.get(space, value) != value for space, value in mine.items()):
            return False
        if self._size[a] < self._size[b]:
            a, b = b, a
        self._parent[b] = a
        self._size[a] += self._size.pop(b)
        self._values[a] |= self._values.pop(b)
        return True

    def _root(self, node: Node) -> Node:
        if node not in self._parent:
            space, value = self._identity[node]
            self._parent[node] = node
            self._size[node] = 1
            self._values[node] = {space: value} if space in self._unique else {}
        root = node
        while self._parent[root] != root:
            root = self._parent[root]
        while self._parent[node] != root:
            self._parent[node], node = root, self._parent[node]
        return root
