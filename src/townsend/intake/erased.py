"""Refused rows that name somebody who was erased: dropped like all others of theirs, not kept in quarantine.

A refused row is text as it came, so every value in it is compared with the digests that are left of the
erased, under each namespace that has one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from townsend.store.facts import Facts
from townsend.store.facts_values import normal_value
from townsend.store.quarantine import Refusal

__all__ = ["without_erased"]

_BETWEEN = re.compile(r"[\s,;|\"'<>{}\[\]]+")


def without_erased(facts: Facts, refused: Iterable[Refusal]) -> list[Refusal]:
    """These refusals but for those whose row names somebody erased."""
    rows = list(refused)
    barred = {
        (str(space), str(digest))
        for space, digest in (
            facts.con.execute("SELECT space, digest FROM facts.tombstone").fetchall() if rows else []
        )
    }
    if not barred:
        return rows
    spaces = sorted({space for space, _ in barred})

    def names_erased(row: str) -> bool:
        return any(
            (space, facts.digest(space, spelled)) in barred
            for value in set(_values(row))
            for space in spaces
            if (spelled := normal_value(space, value)) is not None
        )

    return [one for one in rows if not names_erased(one.row)]


def _values(row: str) -> Iterator[str]:
    """Every text in a row, and every key that its parts spell."""
    try:
        content = json.loads(row)
    except ValueError:
        yield from _BETWEEN.split(row)
        return
    yield from _texts(content)


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for one in content:
            yield from _texts(one)
    elif isinstance(content, dict):
        parts = [content.get(name) for name in ("sourceID", "sourceInstanceID", "sourceType")]
        if all(isinstance(part, str | int) for part in parts):
            yield "{}@{}.{}".format(*parts)
        for one in content.values():
            yield from _texts(one)
