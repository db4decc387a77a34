"""Bridges: links without which a cluster would fall into two parts, and how much hangs on each side.

Pure and linear in the number of links: one walk over the graph (Tarjan), without recursion.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count as count_from

import numpy as np

from townsend.identity.moment import Ints

__all__ = ["Bridges", "bridges"]


@dataclass(frozen=True)
class Bridges:
    """The bridges of a graph, one entry each.

    Args:
        link: index among the links that were given.
        near: the weight of the smaller part that would be left …
        far: … and of the other one.
    """

    link: Ints
    near: Ints
    far: Ints


def bridges(count: int, first: Ints, second: Ints, weight: Ints) -> Bridges:
    """Find the bridges among links; two links between the same nodes are none.

    Args:
        count: how many dense nodes there are.
        first: one end of each link.
        second: the other end.
        weight: what each node counts for, such as 1 for a record and 0 for a value.

    >>> bridges(4, np.array([0, 1, 2]), np.array([1, 2, 3]), np.ones(4, np.int64)).near.tolist()
    [1, 2, 1]
    """
    starts, beside, edges = _sides(count, first, second)
    place = starts[:count]
    seen, low, via = [0] * count, [0] * count, [-1] * count
    held: list[int] = weight.tolist()
    found: list[tuple[int, int, int]] = []
    clock = count_from(1)
    for root in range(count):
        if seen[root]:
            continue
        seen[root] = low[root] = next(clock)
        path, parts = [root], len(found)
        while path:
            node = path[-1]
            at = place[node]
            if at < starts[node + 1]:
                place[node] += 1
                other = beside[at]
                if seen[other] and edges[at] != via[node]:
                    low[node] = min(low[node], seen[other])
                elif not seen[other]:
                    seen[other] = low[other] = next(clock)
                    via[other] = edges[at]
                    path.append(other)
                continue
            path.pop()
            if path:
                up = path[-1]
                low[up] = min(low[up], low[node])
                held[up] += held[node]
                if low[node] > seen[up]:
                    found.append((via[node], held[node], root))
        found[parts:] = [
            (link, min(part, held[top] - part), max(part, held[top] - part))
            for link, part, top in found[parts:]
        ]
    columns = np.array(sorted(found), np.int64).reshape(-1, 3).T
    return Bridges(columns[0], columns[1], columns[2])


def _sides(count: int, first: Ints, second: Ints) -> tuple[list[int], list[int], list[int]]:
    """For each node where its links begin; for each link of each node the other end and the link's index."""
    ends, others = np.concatenate([first, second]), np.concatenate([second, first])
    order = np.argsort(ends, kind="stable")
    starts = np.searchsorted(ends[order], np.arange(count + 1))
    edges = np.tile(np.arange(len(first)), 2)[order]
    return starts.tolist(), others[order].tolist(), edges.tolist()
