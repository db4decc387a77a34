"""Why an entity is a member of an audience or not, and when that changes.

Pure, over any ``World``; the same rules as the reference evaluator, so an explanation can't disagree with it.
"""

from __future__ import annotations

from townsend.audiences.core import And, Chain, Definition, Expr, InSegment, Not, Or, Some
from townsend.audiences.explain import changes, leaves, sequences
from townsend.audiences.explain.changes import Renew
from townsend.audiences.explain.conditions import Explainer
from townsend.audiences.explain.evidence import EVIDENCE_MAX, counted, describe
from townsend.audiences.explain.tree import Change, Evidence, Explanation
from townsend.audiences.reference.evaluate import RULES, holds
from townsend.audiences.reference.scope import Scope, Seen
from townsend.audiences.reference.values import Entity
from townsend.audiences.reference.world import World

__all__ = ["explain"]


def explain(
    definition: Definition,
    world: World,
    entity: Entity,
    renew: Renew | None = None,
) -> Explanation:
    """Why an entity is in an audience or not.

    Args:
        definition: the audience.
        world: the facts at the instant in question.
        entity: who; may be unknown, or not exist yet.
        renew: makes the world anew for an instant at which who is who may be different, such as the end of a
            row of master data. Without it the search for the next change ends there, and says so.
    """
    scope = Seen(world, RULES, {0: entity})
    answer = holds(definition, world, entity)
    flip = changes.next_flip(definition, world, entity, renew)
    change = None
    if flip.world is not None and flip.entity is not None:
        after = Seen(flip.world, RULES, {0: flip.entity})
        change = _change(definition, entity, flip.entity, scope, after, not answer)
    return Explanation(
        of=describe(world, entity),
        now_ms=world.now_ms,
        holds=answer,
        exists=_exists(world, entity),
        condition=Explainer(definition).condition(definition.condition, scope),
        change=change,
        searched_until_ms=flip.searched_until_ms,
    )


def _exists(world: World, entity: Entity) -> bool:
    born = world.born(entity)
    return born is not None and born <= world.now_ms


def _change(
    definition: Definition, was_who: Entity, is_who: Entity, before: Scope, after: Scope, answer: bool
) -> Change:
    if not (_exists(before.world, was_who) and _exists(after.world, is_who)):
        return Change(after.world.now_ms, answer)
    different = changes.changed(definition.condition, before, after)
    was = {one for expr in different for one in _resting_on(expr, before)}
    is_ = {one for expr in different for one in _resting_on(expr, after)}
    return Change(
        at_ms=after.world.now_ms,
        holds=answer,
        because=tuple(definition.text[expr.at.start : expr.at.end] for expr in different),
        entering=_described(after.world, is_ - was),
        leaving=_described(before.world, was - is_),
    )


def _resting_on(expr: Expr, scope: Scope) -> set[Entity]:
    """The entities that count for a condition."""
    if isinstance(expr, And | Or):
        return {one for part in expr.items for one in _resting_on(part, scope)}
    if isinstance(expr, Not):
        return _resting_on(expr.item, scope)
    if isinstance(expr, InSegment):
        subject = scope.value(expr.subject)
        inside = expr.definition.condition
        return _resting_on(inside, scope.root(subject, expr.policy)) if isinstance(subject, Entity) else set()
    if isinstance(expr, Chain):
        return {one for step in expr.steps for one in sequences.fitting(expr, step, scope)}
    if isinstance(expr, Some):
        items = scope.items(expr.base)
        return {
            one for one in items if isinstance(one, Entity) and scope.bind(expr.var, one).holds(expr.cond)
        }
    found = (one.item for subject in leaves.subjects(expr) for one in counted(subject, scope))
    return {one for one in found if isinstance(one, Entity)}


def _described(world: World, entities: set[Entity]) -> tuple[Evidence, ...]:
    return tuple(describe(world, one) for one in sorted(entities)[:EVIDENCE_MAX])
