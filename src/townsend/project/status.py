"""``townsend status``: how fresh, how large, what waits."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from townsend.project.freshness import alarms, freshness_of
from townsend.project.matching import counts
from townsend.project.rules import RULES_WAIT, rules_pending

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = ["status_of"]


def status_of(project: Project, now: datetime) -> dict[str, Any]:
    """The state of a project at an instant, without pulling, evaluating or sending anything."""
    con = project.facts.con.cursor()
    notes = []
    if rules_pending(project.settings, project.facts):
        notes.append(RULES_WAIT)
    fresh = freshness_of(project, now)
    return {
        "name": project.settings.name,
        "folder": str(project.folder.resolve()),
        "revision": project.facts.revision(),
        "classes": _classes(project),
        "streams": [one.to_json() for one in fresh],
        "deliveries": project.state.deliveries(),
        "matches": counts(project),
        "quarantine": _count(con, "SELECT count(*) FROM facts.quarantine WHERE replayed_ms IS NULL"),
        "files": _count(con, "SELECT count(*) FROM facts.take WHERE checksum IS NOT NULL"),
        "alarms": list(alarms(fresh)),
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
