"""Why somebody is in a saved audience or not, over the project's facts, and when that changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from townsend.activation.membership import holders
from townsend.audiences.explain import Explanation, explain
from townsend.audiences.explain.around import NEARBY_ROWS, world_around
from townsend.audiences.explain.evidence import describe
from townsend.audiences.reference import Entity, StoreWorld, World
from townsend.profiles.view import find
from townsend.project.audiencefile import AudienceFile
from townsend.project.listaudience import condition_of, found_in
from townsend.project.matchevidence import with_matches

if TYPE_CHECKING:
    from townsend.profiles import Unified
    from townsend.project.project import Project

__all__ = ["explain_member"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def explain_member(project: Project, name: str, who: str, now: datetime | None) -> Explanation:
    """Each condition with its value and the records behind it, and the instant of the next change.

    Raises:
        Invalid: ``audience.unknown``; ``audience.file`` for a list; ``who.unknown``, ``who.several``.
    """
    audience = project.audience(name)
    unified = project.unified(now, policy=audience.policy)
    entity = Entity(audience.of, find(unified, audience.of, who))
    if audience.pql is None:
        return _explain_listed(project, audience, unified, entity)
    definition = project.resolve(audience.pql, audience.of, strict=False, name=name).definition

    def renew(at_ms: int, one: Entity) -> tuple[World, Entity]:
        """The world where who is who has changed; whoever holds the number then is who was meant."""
        later = project.unified(EPOCH + timedelta(milliseconds=at_ms), policy=audience.policy)
        holder = holders(later, one.cls)([one.id]).get(one.id, one.id)
        return world_around(definition, later, [holder]), Entity(one.cls, holder)

    found = explain(definition, world_around(definition, unified, [entity.id]), entity, renew)
    return with_matches(found, unified)


def _explain_listed(
    project: Project, audience: AudienceFile, unified: Unified, entity: Entity
) -> Explanation:
    """A list knows one condition: a value of theirs is in its file."""
    theirs, in_file = found_in(project.folder, audience, unified, entity.id)
    world = StoreWorld(unified, NEARBY_ROWS)
    born = world.born(entity)
    return Explanation(
        of=describe(world, entity),
        now_ms=unified.now_ms,
        holds=bool(in_file),
        exists=born is not None and born <= unified.now_ms,
        condition=condition_of(audience, theirs, in_file),
        change=None,
        searched_until_ms=unified.until_ms,
    )
