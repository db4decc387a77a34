"""What another unified world would join and split: counted per class, with the first of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from townsend.profiles.names import called, identities_of
from townsend.store.facts_schema import identifier

if TYPE_CHECKING:
    from townsend.profiles.unified import Unified

__all__ = ["ClusterChanges", "Regrouped", "cluster_changes", "nodes_of"]

EXAMPLES = 5
PARTS_SHOWN = 10


@dataclass(frozen=True)
class Regrouped:
    """An entity that would be made of several, or fall into several.

    Args:
        id: the entity of the new world that holds them all, or the one of the old world that falls apart.
        parts: the others, each with its identities.
    """

    id: int
    parts: tuple[tuple[int, tuple[str, ...]], ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "parts": [{"id": one, "identities": list(names)} for one, names in self.parts],
        }

    def text(self) -> str:
        """The parts in one line."""
        return " + ".join(f"{one} ({called(list(names))})" for one, names in self.parts)


@dataclass(frozen=True)
class ClusterChanges:
    """How the entities of one class differ between two worlds.

    Args:
        cls: the class.
        before: entities in the old world …
        after: … and in the new one.
        joined: entities of the old world that share an entity with others in the new one.
        split: entities of the old world whose numbers are in several entities of the new one.
        joins: the first entities of the new world that are made of several, those of most first …
        splits: … and the first of the old world that fall into several.
    """

    cls: str
    before: int
    after: int
    joined: int
    split: int
    joins: tuple[Regrouped, ...] = ()
    splits: tuple[Regrouped, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "class": self.cls,
            "before": self.before,
            "after": self.after,
            "joined": self.joined,
            "split": self.split,
            "joins": [one.to_json() for one in self.joins],
            "splits": [one.to_json() for one in self.splits],
        }

    def lines(self) -> list[str]:
        """For a terminal; empty if nothing changes."""
        if not (self.joined or self.split):
            return []
        found = [
            f"{self.cls}: join {self.joined:,} and split {self.split:,} entities "
            f"({self.before:,} → {self.after:,})"
        ]
        found += [f"  joined: {one.text()}" for one in self.joins]
        return found + [f"  split {one.id} into: {one.text()}" for one in self.splits]


def cluster_changes(old: Unified, new: Unified) -> list[ClusterChanges]:
    """The changes of each class that has entities in either world, in the order of the schema.

    Args:
        old: a world over some facts.
        new: another over the same facts, on the same connection.
    """
    found = []
    for name, cls in new.schema.classes.items():
        if cls.is_event or not ({name} & (old.columns.keys() | new.columns.keys())):
            continue
        before, after = nodes_of(old, name), nodes_of(new, name)
        new.con.execute(
            f"CREATE OR REPLACE TEMP TABLE townsend_pair AS "
            f"SELECT DISTINCT o.id AS was, n.id AS is_now FROM {before} o LEFT JOIN {after} n USING (n)"
        )
        row = new.con.execute(
            f"""
            WITH fate AS (SELECT was, count(is_now) AS parts FROM townsend_pair GROUP BY was)
            SELECT (SELECT count(DISTINCT id) FROM {before}), (SELECT count(DISTINCT id) FROM {after}),
                   (SELECT count(DISTINCT was) FROM townsend_pair
                    SEMI JOIN ({_several("is_now", "was")}) USING (is_now)),
                   (SELECT count(*) FROM fate WHERE parts > 1)
            """
        ).fetchall()[0]
        joins = _regrouped(new, old, name, "is_now", "was")
        splits = _regrouped(old, new, name, "was", "is_now")
        before_all, after_all, joined, split = map(int, row)
        found.append(ClusterChanges(name, before_all, after_all, joined, split, joins, splits))
        new.con.execute("DROP TABLE townsend_pair")
    return found


def nodes_of(world: Unified, cls: str) -> str:
    """SQL: numbers ``n`` and ids ``id`` of a class's live entities; no rows if it has none."""
    nodes = f"{world.name}.{identifier('node_' + cls)}"
    live = f"{world.name}.{identifier(cls)}"
    try:
        world.con.execute(f"SELECT 1 FROM {nodes}, {live} LIMIT 0").fetchall()
    except duckdb.CatalogException:
        return "(SELECT CAST(NULL AS INTEGER) AS n, CAST(NULL AS INTEGER) AS id WHERE false)"
    return f"(SELECT n, id FROM {nodes} SEMI JOIN {live} USING (id))"


def _several(whole: str, part: str) -> str:
    """Entities that stand against several of the other world."""
    return (
        f"SELECT {whole}, list({part} ORDER BY {part}) AS parts FROM townsend_pair "
        f"WHERE {whole} IS NOT NULL AND {part} IS NOT NULL GROUP BY {whole} HAVING count(*) > 1"
    )


def _regrouped(of: Unified, parts_of: Unified, cls: str, whole: str, part: str) -> tuple[Regrouped, ...]:
    rows = of.con.execute(
        f"SELECT {whole}, parts[:{PARTS_SHOWN}] FROM ({_several(whole, part)}) "
        f"ORDER BY len(parts) DESC, {whole} LIMIT {EXAMPLES}"
    ).fetchall()
    names = identities_of(parts_of, cls, _all(parts for _, parts in rows))
    return tuple(
        Regrouped(int(one), tuple((int(each), tuple(names[int(each)])) for each in parts))
        for one, parts in rows
    )


def _all(lists: Iterable[list[int]]) -> set[int]:
    return {one for each in lists for one in each}
