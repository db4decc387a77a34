"""What became of records that went into others: links to those that stay, however long the way.

A later merge the other way round brings a record back. What ends at no live record is no merge.
"""

from __future__ import annotations

import numpy as np

from townsend.identity.links import Merges, RecordLinks
from townsend.identity.moment import Ints

__all__ = ["merging"]

_NONE = np.zeros(0, np.int64)


def merging(records: RecordLinks, merges: Merges | None) -> tuple[Ints, tuple[Ints, Ints, Ints]]:
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
