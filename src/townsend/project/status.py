"""``townsend status``: how fresh, how large, what waits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from townsend.project.rules import rules_pending

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = ["status_of"]


def status_of(project: Project) -> dict[str, Any]:
    """The state of a project without pulling, evaluating or sending anything."""
    con = project.facts.con.cursor()
    notes = []
    if rules_pending(project.settings, project.facts):
        notes.append("identity or merge settings changed; see `townsend plan`, then `townsend apply`")
    return {
        "name": project.settings.name,
        "folder": str(project.folder.resolve()),
        "revision": project.facts.revision(),
        "classes": _classes(project),
        "streams": [
            {"source": source, "stream": stream, "at": _time(at), "cursor": cursor}
            for source, stream, cursor, at in con.execute(
                "SELECT source, stream, value, at_ms FROM facts.cursor ORDER BY 1, 2"
            ).fetchall()
        ],
        "deliveries": project.state.deliveries(),
        "quarantine": _count(con, "SELECT count(*) FROM facts.quarantine WHERE replayed_ms IS NULL"),
        "files": _count(con, "SELECT count(*) FROM facts.take WHERE checksum IS NOT NULL"),
        "notes": notes,
    }


def _classes(project: Project) -> list[dict[str, Any]]:
    facts = project.facts
    found = []
    for cls in project.schema.classes.values():
        if not facts.columns(cls.name):
            continue
        rows = _count(facts.con.cursor(), f'SELECT count(*) FROM facts."{cls.name}"')
        entities = None
        if not cls.is_event and facts.has_table("u", cls.name):
            entities = _count(facts.con.cursor(), f'SELECT count(*) FROM u."{cls.name}"')
        found.append({"class": cls.name, "rows": rows, "entities": entities})
    return found


def _count(cursor: Any, sql: str) -> int:
    return int(cursor.execute(sql).fetchone()[0])


def _time(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC)
