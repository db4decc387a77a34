"""What came into the facts since a world was made, if that is all that happened to them.

Rows carry the number of their take, so what is new is found. Where rows went away or were changed, or came
of a kind on which everybody's identity may rest, there is no telling, and the world is made anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from townsend.identity.moment import Moment
from townsend.store.facts_schema import identifier

__all__ = ["Extent", "News", "extent", "news"]

_LINK = "link"
# Any row more or less of these may move everybody.
_WEIGHTY = ("account_xref", "match", "tombstone")


@dataclass(frozen=True)
class Extent:
    """How far the facts went.

    Args:
        take: the last take.
        number: the last number of the dictionary.
        rows: tables to how many rows they have.
    """

    take: int
    number: int
    rows: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Extent:
        rows = {str(name): int(count) for name, count in written["rows"].items()}
        return cls(int(written["take"]), int(written["number"]), rows)


@dataclass(frozen=True)
class News:
    """What is new: rows of these classes with a take after ``take``, and links from row ``links`` on.

    Args:
        take: the last take that is known.
        rows: classes to how many of their rows are new; others have none.
        links: how many rows of links are known.
        linked: whether there are more.
    """

    take: int
    rows: Mapping[str, int]
    links: int
    linked: bool


def extent(con: duckdb.DuckDBPyConnection, classes: Mapping[str, Any]) -> Extent:
    """How far the facts went by now."""
    tables = [name for name, columns in classes.items() if columns]
    counts = {
        name: int(con.execute(f"SELECT count(*) FROM facts.{identifier(name)}").fetchall()[0][0])
        for name in [*tables, _LINK, *_WEIGHTY]
    }
    take, number = con.execute(
        "SELECT coalesce((SELECT max(id) FROM facts.take), 0), coalesce((SELECT max(n) FROM facts.number), 0)"
    ).fetchall()[0]
    return Extent(int(take), int(number), counts)


def news(moment: Moment, before: Extent) -> News | None:
    """What is new; None if more happened than rows that came."""
    now = extent(moment.con, moment.columns)
    if any(now.rows[name] != before.rows.get(name) for name in _WEIGHTY):
        return None
    if moment.number(
        "SELECT count(*) FROM facts.take WHERE id > $take AND class = 'account_xref'", {"take": before.take}
    ):
        return None
    found: dict[str, int] = {}
    for name in moment.columns:
        if name not in now.rows:
            continue
        came = moment.number(
            f"SELECT count(*) FROM facts.{identifier(name)} WHERE take > $take", {"take": before.take}
        )
        if now.rows[name] != before.rows.get(name, 0) + came:
            return None
        if came:
            found[name] = came
    links, known = now.rows[_LINK], before.rows.get(_LINK, 0)
    numbered = moment.number("SELECT coalesce(max(rowid) + 1, 0) FROM facts.link")
    if links < known or numbered != links:
        return None
    return News(before.take, found, known, links > known)
