"""What another unified world would join and split: counted per class, by the numbers that entities hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from townsend.profiles.unified import Unified

__all__ = ["ClusterChanges", "cluster_changes"]


@dataclass(frozen=True)
class ClusterChanges:
    """How the entities of one class differ between two worlds.

    Args:
        cls: the class.
        before: entities in the old world …
        after: … and in the new one.
        joined: entities of the old world that share an entity with others in the new one.
        split: entities of the old world whose numbers are in several entities of the new one.
    """

    cls: str
    before: int
    after: int
    joined: int
    split: int

    def to_json(self) -> dict[str, Any]:
        return {
            "class": self.cls,
            "before": self.before,
            "after": self.after,
            "joined": self.joined,
            "split": self.split,
        }


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
        before, after = _nodes(old, name), _nodes(new, name)
        row = new.con.execute(
            f"""
            WITH pair AS (
                SELECT DISTINCT o.id AS was, n.id AS is_now FROM {before} o LEFT JOIN {after} n USING (n)),
            fate AS (SELECT was, count(is_now) AS parts FROM pair GROUP BY was),
            shared AS (SELECT is_now FROM pair WHERE is_now IS NOT NULL GROUP BY is_now HAVING count(*) > 1)
            SELECT (SELECT count(DISTINCT id) FROM {before}), (SELECT count(DISTINCT id) FROM {after}),
                   (SELECT count(DISTINCT was) FROM pair SEMI JOIN shared USING (is_now)),
                   (SELECT count(*) FROM fate WHERE parts > 1)
            """
        ).fetchall()[0]
        found.append(ClusterChanges(name, *map(int, row)))
    return found


def _nodes(world: Unified, cls: str) -> str:
    """Numbers and ids of live entities."""
    nodes = f'{world.name}."node_{cls}"'
    live = f'{world.name}."{cls}"'
    try:
        world.con.execute(f"SELECT 1 FROM {nodes}, {live} LIMIT 0").fetchall()
    except duckdb.CatalogException:
        return "(SELECT CAST(NULL AS INTEGER) AS n, CAST(NULL AS INTEGER) AS id WHERE false)"
    return f"(SELECT n, id FROM {nodes} SEMI JOIN {live} USING (id))"
