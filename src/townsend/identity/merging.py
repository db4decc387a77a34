"""What became of records that went into others: links to those that stay, however long the way.

A later merge the other way round brings a record back. What ends at no live record is no merge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from townsend.identity.links import Merges, RecordLinks
from townsend.identity.moment import Ints

__all__ = ["is_followed", "merging", "replayed"]

_NONE = np.zeros(0, np.int64)


def merging(records: RecordLinks, merges: Merges | None) -> tuple[Ints, tuple[Ints, Ints, Ints]]:
    """Keys of records that went into a live one, and the links by merges."""
    if merges is None or not len(merges.kept):
        return _NONE, (_NONE, _NONE, _NONE)
    there = set(records.key[records.deleted == 0].tolist())
    known = set(records.key.tolist())
    into, links = replayed(merges)
    followed = [lost for lost in into if is_followed(lost, into, there.__contains__)]
    links += [(into[lost][0], lost, into[lost][1]) for lost in followed]
    columns = np.array(links, np.int64).reshape(-1, 3).T
    return np.array([lost for lost in followed if lost in known], np.int64), (
        columns[0],
        columns[1],
        columns[2],
    )


def replayed(merges: Merges) -> tuple[dict[int, tuple[int, int]], list[tuple[int, int, int]]]:
    """What each losing key went into, and when; and the links of those that both stay."""
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
            if lost in _way(kept, into):
                # What went into another comes back by a later merge the other way round.
                del into[kept]
            into[lost] = (kept, seen_ms)
        else:
            links.append((kept, lost, seen_ms))
    return into, links


def is_followed(lost: int, into: Mapping[int, tuple[int, int]], there: Callable[[int], bool]) -> bool:
    """Whether a losing key ends, step by step, at a record that is there."""
    last = _last(lost, into)
    return last != lost and there(last)


def _last(key: int, into: Mapping[int, tuple[int, int]]) -> int:
    """Where a key ends, step by step."""
    return _way(key, into)[-1]


def _way(key: int, into: Mapping[int, tuple[int, int]]) -> list[int]:
    """A key and what it went into, step by step; ways have an end, since none leads back."""
    way = [key]
    while way[-1] in into:
        way.append(into[way[-1]][0])
    return way
