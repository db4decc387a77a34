"""What another unified world would say of the same entities: values that change, events that change hands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from townsend.profiles.changes import nodes_of
from townsend.profiles.making import acting_class
from townsend.profiles.names import called, identities_of
from townsend.profiles.values import plain, shown
from townsend.store.facts_schema import identifier

if TYPE_CHECKING:
    from townsend.profiles.unified import Unified

__all__ = ["EventMoves", "ValueChange", "ValueChanges", "event_moves", "value_changes"]

EXAMPLES = 3
# Columns compared at a time: a join holds them all in memory.
_COLUMNS = 16


@dataclass(frozen=True)
class ValueChange:
    """A field whose value changes.

    Args:
        field: its path.
        changed: in how many entities.
        examples: the first of them: id, identities, value before and after.
    """

    field: str
    changed: int
    examples: tuple[tuple[int, tuple[str, ...], Any, Any], ...]

    def to_json(self) -> dict[str, Any]:
        examples = [
            {"id": one, "identities": list(names), "before": before, "after": after}
            for one, names, before, after in self.examples
        ]
        return {"field": self.field, "changed": self.changed, "examples": examples}


@dataclass(frozen=True)
class ValueChanges:
    """The entities of one class whose merged values change.

    Args:
        cls: the class.
        entities: entities of the old world that have another value in some field in the new one.
        fields: field by field, the one that changes most first.
    """

    cls: str
    entities: int
    fields: tuple[ValueChange, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "class": self.cls,
            "entities": self.entities,
            "fields": [one.to_json() for one in self.fields],
        }

    def lines(self) -> list[str]:
        """For a terminal."""
        found = [f"{self.cls}: other values in {self.entities:,} entities"]
        for one in self.fields:
            found.append(f"  {one.field}: {one.changed:,}")
            found += [
                f"    {entity} ({called(list(names))}): {shown(before)} → {shown(after)}"
                for entity, names, before, after in one.examples
            ]
        return found


@dataclass(frozen=True)
class EventMoves:
    """Events of one class that would belong to somebody else.

    Args:
        cls: the class of events.
        moved: how many.
        examples: the first pairs, those of most events first: events, whose they are, whose they would be.
    """

    cls: str
    moved: int
    examples: tuple[tuple[int, tuple[str, ...], tuple[str, ...]], ...]

    def to_json(self) -> dict[str, Any]:
        examples = [
            {"events": events, "before": list(before), "after": list(after)}
            for events, before, after in self.examples
        ]
        return {"class": self.cls, "moved": self.moved, "examples": examples}

    def lines(self) -> list[str]:
        """For a terminal; empty if none moves."""
        found = [f"{self.cls}: {self.moved:,} change hands"] if self.moved else []
        return found + [
            f"  {events:,} from {_whom(before)} to {_whom(after)}" for events, before, after in self.examples
        ]


def _whom(names: Sequence[str]) -> str:
    return called(list(names)) or "nobody"


def value_changes(old: Unified, new: Unified) -> list[ValueChanges]:
    """What changes in the merged values of each class; classes without a change are left out.

    An entity of the old world is compared with the one that holds its id in the new world.
    """
    found = []
    for name, cls in new.schema.classes.items():
        if cls.is_event or name not in old.columns or name not in new.columns:
            continue
        both = old.columns[name] & new.columns[name]
        paths = [path for path in (*cls.shape.names(), "extra") if path in both]
        changes = _Values(old, new, name, paths).changes()
        if changes.entities:
            found.append(changes)
    return found


class _Values:
    """The merged values of one class in two worlds."""

    def __init__(self, old: Unified, new: Unified, cls: str, paths: list[str]) -> None:
        self.old, self.new, self.cls, self.paths = old, new, cls, paths
        self.rows = (
            f"FROM {old.name}.{identifier(cls)} o "
            f"JOIN {new.name}.{identifier('node_' + cls)} k ON k.n = o.id "
            f"JOIN {new.name}.{identifier(cls)} n ON n.id = k.id"
        )

    def changes(self) -> ValueChanges:
        con = self.new.con
        con.execute("CREATE OR REPLACE TEMP TABLE townsend_changed (id INTEGER)")
        counts: dict[str, int] = {}
        for start in range(0, len(self.paths), _COLUMNS):
            part = self.paths[start : start + _COLUMNS]
            listed = ", ".join(f"count(*) FILTER ({_differs(path)})" for path in part)
            row = con.execute(f"SELECT {listed} {self.rows}").fetchall()[0]
            moved = {path: int(count) for path, count in zip(part, row, strict=True) if count}
            counts |= moved
            if moved:
                con.execute(
                    f"INSERT INTO townsend_changed SELECT o.id {self.rows} "
                    f"WHERE {' OR '.join(map(_differs, moved))}"
                )
        entities = con.execute("SELECT count(DISTINCT id) FROM townsend_changed").fetchall()[0][0]
        con.execute("DROP TABLE townsend_changed")
        ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
        fields = tuple(ValueChange(path, count, self._examples(path)) for path, count in ordered)
        return ValueChanges(self.cls, int(entities), fields)

    def _examples(self, path: str) -> tuple[tuple[int, tuple[str, ...], Any, Any], ...]:
        cls, column = self.new.schema.classes[self.cls], identifier(path)
        rows = self.new.con.execute(
            f"SELECT o.id, o.{column}, n.{column} {self.rows} WHERE {_differs(path)} "
            f"ORDER BY o.id LIMIT {EXAMPLES}"
        ).fetchall()
        names = identities_of(self.old, self.cls, (one for one, _, _ in rows))
        return tuple(
            (int(one), tuple(names[int(one)]), plain(cls, path, before), plain(cls, path, after))
            for one, before, after in rows
        )


def _differs(path: str) -> str:
    return f"o.{identifier(path)} IS DISTINCT FROM n.{identifier(path)}"


def event_moves(old: Unified, new: Unified, before: Mapping[str, str]) -> list[EventMoves]:
    """Events that would belong to another entity than the one that holds their old entity's id.

    Args:
        before: class of events to a table ``(r, who)`` of whose identity each event was, by row, where the
            facts were changed since; without an entry events still name the same identity.
    """
    acting = acting_class(new.schema)
    found = []
    for name, cls in new.schema.classes.items():
        if not cls.is_event or acting is None or not _has_who(new, name):
            continue
        was = f"JOIN {before[name]} w ON w.r = e.rowid" if name in before else ""
        rows = new.con.execute(
            f"""
            SELECT o.id, n.id, sum(p.events) AS events FROM (
                SELECT {"w.who" if was else "e.who"} AS was, e.who AS is_now, count(*) AS events
                FROM facts.{identifier(name)} e {was}
                WHERE e.{identifier(cls.time_field or "")} <= $now GROUP BY ALL) p
            LEFT JOIN {nodes_of(old, acting)} o ON o.n = p.was
            LEFT JOIN {nodes_of(new, acting)} h ON h.n = o.id
            LEFT JOIN {nodes_of(new, acting)} n ON n.n = p.is_now
            WHERE h.id IS DISTINCT FROM n.id OR (o.id IS NOT NULL AND n.id IS NULL)
            GROUP BY ALL ORDER BY events DESC, o.id, n.id
            """,
            {"now": new.now_ms},
        ).fetchall()
        top = rows[:EXAMPLES]
        whose = identities_of(old, acting, (one for one, _, _ in top if one is not None))
        theirs = identities_of(new, acting, (one for _, one, _ in top if one is not None))
        examples = tuple(
            (int(events), tuple(whose.get(was, ())), tuple(theirs.get(goes, ()))) for was, goes, events in top
        )
        found.append(EventMoves(name, sum(int(events) for _, _, events in rows), examples))
    return [one for one in found if one.moved]


def _has_who(world: Unified, cls: str) -> bool:
    rows = world.con.execute(
        "SELECT 1 FROM duckdb_columns() WHERE database_name = current_database() "
        "AND schema_name = 'facts' AND table_name = ? AND column_name = 'who'",
        [cls],
    ).fetchall()
    return bool(rows)
