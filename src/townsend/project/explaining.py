"""Why somebody is in a saved audience or not, over the project's facts, and when that changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from townsend.activation.membership import holders
from townsend.audiences.explain import Explanation, explain
from townsend.audiences.reference import Entity, StoreWorld, World
from townsend.problem import Invalid
from townsend.profiles.view import find

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = ["explain_member"]

NEARBY_ROWS = 2_000  # a class with more rows is asked only for those around the entity explained
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def explain_member(project: Project, name: str, who: str, now: datetime | None) -> Explanation:
    """Each condition with its value and the records behind it, and the instant of the next change.

    Raises:
        Invalid: ``audience.unknown``; ``audience.listed`` for a list; ``who.unknown``, ``who.several``.
    """
    audience = project.audience(name)
    if audience.pql is None:
        raise Invalid("audience.listed", f"{name} is a list of values; there is no condition to explain")
    unified = project.unified(now)
    definition = project.resolve(audience.pql, audience.of, strict=False, name=name).definition
    entity = Entity(audience.of, find(unified, audience.of, who))

    def renew(at_ms: int, one: Entity) -> tuple[World, Entity]:
        """The world where who is who has changed; whoever holds the number then is who was meant."""
        later = project.unified(EPOCH + timedelta(milliseconds=at_ms))
        holder = holders(later, one.cls)([one.id]).get(one.id, one.id)
        return StoreWorld(later, NEARBY_ROWS), Entity(one.cls, holder)

    return explain(definition, StoreWorld(unified, NEARBY_ROWS), entity, renew)
