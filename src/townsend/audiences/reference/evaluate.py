"""What a definition means: the specification that every other evaluator must agree with.

One entity at a time, without indexes, plans or shortcuts, over any ``World``. Nothing here reads a clock, a
file or a network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from townsend.audiences.core import Definition, Expr
from townsend.audiences.reference import chains, conditions, functions, groups, lists, scalars
from townsend.audiences.reference.scope import Rule, Scope, Undecided
from townsend.audiences.reference.values import Entity, Value
from townsend.audiences.reference.world import World

__all__ = ["RULES", "Decided", "decide", "holds", "members", "value"]

RULES: Mapping[type, Rule] = {
    **lists.RULES,
    **groups.RULES,
    **scalars.RULES,
    **functions.RULES,
    **conditions.RULES,
    **chains.RULES,
}


class Decided(NamedTuple):
    """Ids of the members, and of those about whom nobody can say; both ascending."""

    members: list[int]
    undecided: list[int]


def holds(definition: Definition, world: World, entity: Entity) -> bool:
    """Whether an entity is a member now; what does not exist now is none, nor is what nobody can say."""
    return _asked(definition, world, entity) is True


def _asked(definition: Definition, world: World, entity: Entity) -> bool | Undecided:
    born = world.born(entity)
    if born is None or born > world.now_ms:
        return False
    return Scope(world, RULES, {0: entity}).asked(definition.condition)


def value(expr: Expr, world: World, bindings: Mapping[int, Value]) -> Value:
    """What an expression is worth.

    Args:
        expr: any node of ``core``.
        world: the facts at an instant.
        bindings: value by variable; 0 is the root entity.

    Raises:
        Undecided: nobody can say.
    """
    return Scope(world, RULES, bindings).value(expr)


def members(definition: Definition, world: World, among: Iterable[int] | None = None) -> list[int]:
    """Ids of the members, ascending; of those ``among`` if given."""
    return decide(definition, world, among).members


def decide(definition: Definition, world: World, among: Iterable[int] | None = None) -> Decided:
    """Who is a member, and about whom nobody can say; of those ``among`` if given."""
    if among is None:
        candidates = list(world.entities(definition.of))
    else:
        candidates = [Entity(definition.of, one) for one in sorted(set(among))]
    asked = [(one.id, _asked(definition, world, one)) for one in candidates]
    return Decided(
        [one for one, found in asked if found is True],
        [one for one, found in asked if isinstance(found, Undecided)],
    )
