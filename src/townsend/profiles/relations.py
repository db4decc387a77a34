"""What one entity is related to at the world's instant, by every relationship of its class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from townsend.model import Edge, Inverse, Relationship, Steps, ToOne
from townsend.profiles.shelf import Shelves
from townsend.store import facts_places
from townsend.store.facts_schema import identifier

if TYPE_CHECKING:
    from townsend.profiles.unified import Unified

__all__ = ["Relations"]


@dataclass(frozen=True)
class Relations:
    """Follows relationships in a world."""

    unified: Unified
    shelves: Shelves

    def follow(self, relationship: Relationship, ids: list[int]) -> list[int]:
        """Live entities that these lead to, ascending, without repeats; events up to the world's instant."""
        plan = relationship.plan
        match plan:
            case Steps(names):
                near, found = relationship.near, ids
                for name in names:
                    step = self.unified.schema.relationships[near, name]
                    found, near = self.follow(step, found), step.far
                return found
            case ToOne(reference):
                found = self._named(relationship.near, reference, relationship.far, ids)
            case Inverse(reference):
                found = self._naming(relationship.far, reference, relationship.near, ids)
            case Edge():
                found = [far for one in ids for far in self.ways(plan, one)]
        # A key may name a retired entity; what rows and pairs stand for is live.
        return self._there(relationship.far, found, not isinstance(plan, ToOne))

    def ways(self, plan: Edge, near: int) -> dict[int, list[str]]:
        """Far end to the ways by which an edge table leads there now; none if it knows no ways."""
        key, far = ("far", "near") if plan.backward else ("near", "far")
        now = self.unified.now_ms
        found: dict[int, set[str]] = {}
        for row in self.shelves.rows(self._table(f"edge_{plan.table}"), key, [near]):
            if not plan.via:
                found.setdefault(row[far], set())
            elif row["via"] in plan.default and _holds(row, now):
                found.setdefault(row[far], set()).add(row["via"])
        return {one: sorted(ways) for one, ways in sorted(found.items())}

    def _named(self, cls: str, reference: str, to: str, ids: list[int]) -> list[int]:
        """What these name."""
        holder = self.unified.schema.classes[cls]
        if not holder.is_event:
            column = f"@{reference}"
            if column not in self.shelves.columns(self._table(cls)):
                return []
            relation = f"(SELECT id, {identifier(column)} AS far FROM {self._table(cls)})"
            rows = self.shelves.rows(relation, "id", ids)
            return [row["far"] for row in rows if row["far"] is not None]
        column = "who" if holder.references[reference].field is None else f"#{reference}"
        if column not in self.shelves.columns(f"facts.{identifier(cls)}"):
            return []
        rows = self._events(cls, ids, column)
        numbers = [row[column] for row in rows if row[column] is not None]
        return [row["id"] for row in self.shelves.rows(self._table(f"node_{to}"), "n", numbers)]

    def _naming(self, cls: str, reference: str, to: str, ids: list[int]) -> list[int]:
        """What names these."""
        holder = self.unified.schema.classes[cls]
        if not holder.is_event:
            column = f"@{reference}"
            if column not in self.shelves.columns(self._table(cls)):
                return []
            relation = f"(SELECT id, {identifier(column)} AS near FROM {self._table(cls)})"
            return [row["id"] for row in self.shelves.rows(relation, "near", ids)]
        own = holder.references[reference].field is None
        column, table = "who" if own else f"#{reference}", f"facts.{identifier(cls)}"
        if column not in self.shelves.columns(table):
            return []
        nodes = self.shelves.rows(self._table(f"node_{to}"), "id", ids)
        numbers = [row["n"] for row in nodes]
        if own and numbers and self.shelves.places_known():
            return facts_places.of_few(self.shelves.con, numbers)
        if numbers:
            found = self.shelves.con.execute(
                f"SELECT rowid FROM {table} WHERE {identifier(column)} IN (SELECT unnest($n))", {"n": numbers}
            ).fetchall()
            return [int(place) for (place,) in found]
        return []

    def _there(self, cls: str, ids: list[int], all_live: bool) -> list[int]:
        """Those that are live and exist by now; ``all_live`` says that none of them is retired."""
        known = self.unified.schema.classes[cls]
        wanted = sorted(set(ids))
        if not wanted:
            return []
        if known.is_event:
            assert known.time_field is not None
            if self._last(cls) <= self.unified.now_ms:
                return wanted
            times = self._events(cls, wanted, known.time_field)
            return [row["id"] for row in times if row[known.time_field] <= self.unified.now_ms]
        columns = self.shelves.columns(self._table(cls))
        if "first_ms" not in columns and all_live:
            return wanted
        first = "first_ms" if "first_ms" in columns else "CAST(NULL AS BIGINT) AS first_ms"
        if not columns:
            return []
        rows = self.shelves.rows(f"(SELECT id, {first} FROM {self._table(cls)})", "id", wanted)
        return [
            row["id"] for row in rows if row["first_ms"] is None or row["first_ms"] <= self.unified.now_ms
        ]

    def _events(self, cls: str, ids: list[int], column: str) -> list[dict[str, Any]]:
        found = self.shelves.con.execute(
            f"SELECT rowid, {identifier(column)} FROM facts.{identifier(cls)} "
            "WHERE rowid IN (SELECT unnest($ids)) ORDER BY rowid",
            {"ids": ids},
        ).fetchall()
        return [{"id": int(one), column: value} for one, value in found]

    def _last(self, cls: str) -> int:
        """When the last event of a class is."""
        return self.shelves.largest(
            f"facts.{identifier(cls)}", self.unified.schema.classes[cls].time_field or ""
        )

    def _table(self, name: str) -> str:
        return f"{self.unified.name}.{identifier(name)}"


def _holds(row: dict[str, Any], now_ms: int) -> bool:
    started = row["start_ms"] is None or row["start_ms"] <= now_ms
    return started and (row["end_ms"] is None or now_ms < row["end_ms"])
