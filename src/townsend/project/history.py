"""What was said of an audience, and when: its recorded transitions, never recomputed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from townsend.activation.membership import ENTERED, LEFT, holders
from townsend.audiences import answers
from townsend.project import definitions

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = ["history_of"]


def history_of(project: Project, name: str) -> list[dict[str, Any]]:
    """Who entered and left an audience, in the order in which it was recorded.

    Args:
        name: an audience; one whose file is gone is still known by its history.

    Returns:
        ``{"audience", "at", "change", "id", "who", "version", "cause"}`` each. ``who`` is an identity of the
        entity that holds the id now, None if nobody does.

    Raises:
        Invalid: ``audience.unknown``.
    """
    rows = project.facts.con.execute(_TRANSITIONS, [name, [ENTERED, LEFT]]).fetchall()
    audiences = project.audiences()
    if not rows or name in audiences:
        definitions.named(audiences, name)
    if not rows:
        return []
    of = audiences[name].of if name in audiences else "person"
    unified = project.unified()
    held = holders(unified, of)({int(row[0]) for row in rows})
    found = answers.rows(unified, of, sorted(set(held.values())))
    called = {row["id"]: _called(row["identities"]) for row in found}
    return [
        {
            "audience": name,
            "at": datetime.fromtimestamp(at_ms / 1000, UTC),
            "change": change,
            "id": entity,
            "who": called.get(held.get(entity, -1)),
            "version": version,
            "cause": cause,
        }
        for entity, change, at_ms, version, cause in rows
    ]


def _called(identities: dict[str, list[str]]) -> str | None:
    """One identity to know somebody by: an e-mail if there is one."""
    spaces = sorted(identities, key=lambda space: (space != "Email", space))
    return next((identities[space][0] for space in spaces if identities[space]), None)


_TRANSITIONS = """
SELECT id, change, at_ms, version, cause FROM facts.transition
WHERE audience = ? AND list_contains(?::VARCHAR[], change) ORDER BY rowid
"""
