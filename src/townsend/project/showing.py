"""The whole view of one entity: its values, what it is related to, what it is worth, and its audiences."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from townsend.activation.membership import members_recorded
from townsend.profiles.shelf import shelves_of
from townsend.profiles.values import instant
from townsend.profiles.view import EntityView, find, view
from townsend.profiles.viewed import Membership
from townsend.project.computed import computed_of
from townsend.project.worlds import world_of

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.project.project import Project

__all__ = ["memberships_of", "show_entity"]


def show_entity(
    project: Project,
    cls: str,
    who: str,
    now: datetime | None = None,
    as_of: datetime | None = None,
    policy: str | None = None,
) -> EntityView:
    """The view of whoever is meant.

    Raises:
        Invalid: ``class.unknown``; ``who.unknown``, ``who.several``; ``policy.unknown``.
    """
    project.schema.entity_class(cls)
    rules = project.rules
    unified = world_of(project, rules, now, as_of, policy)
    policies = {name: rules.merge_under(name) for name in (None, *rules.policies)}
    entity = find(unified, cls, who)
    return replace(
        view(unified, project.facts, policies, cls, entity),
        computed=computed_of(project, unified, cls, entity),
        audiences=tuple(memberships_of(project, unified, cls, entity)),
    )


def memberships_of(project: Project, unified: Unified, cls: str, entity: int) -> list[Membership]:
    """The audiences that an entity is in as last recorded, by name; whichever of its numbers was a member."""
    numbers = [entity]
    if not unified.schema.entity_class(cls).is_event:
        rows = shelves_of(project.facts, unified).rows(f'{unified.name}."node_{cls}"', "id", numbers)
        numbers += [row["n"] for row in rows]
    since: dict[str, Membership] = {}
    audiences = project.audiences()
    for row in _recorded(project, numbers):
        audience = audiences.get(row.audience)
        if audience is None or audience.of == cls:
            known = since.get(row.audience)
            if known is None or row.since < known.since:
                since[row.audience] = row
    return [since[name] for name in sorted(since)]


def _recorded(project: Project, numbers: list[int]) -> list[Membership]:
    """What the copy says, where it reflects what was recorded; else what was recorded."""
    facts, members = project.facts, project.state.members
    meta = facts.con.execute(
        "SELECT substr(key, length('generation:') + 1), value FROM facts.meta "
        "WHERE starts_with(key, 'generation:')"
    ).fetchall()
    stale = {name for name, generation in meta if members.generation(name) != int(generation)}
    found = [
        Membership(row.audience, instant(row.since_ms), row.version)
        for row in members.of(set(numbers))
        if row.audience not in stale
    ]
    for name in stale:
        recorded = members_recorded(facts, project.state, name)
        found += [Membership(name, instant(recorded[one]), "") for one in numbers if one in recorded]
    return found
