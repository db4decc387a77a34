"""What a definition looks at, so that no more than that is read to explain an answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from townsend.audiences.batch import lowered
from townsend.audiences.batch.frame import EntityRow, Frame
from townsend.audiences.batch.lower import Lower
from townsend.audiences.batch.sql import all_of, any_of, column, written
from townsend.audiences.batch.tables import Tables
from townsend.audiences.core import (
    NUMBER,
    AllOf,
    AnyType,
    Chain,
    Definition,
    EntityType,
    Expr,
    Field,
    Follow,
    InSegment,
    ListType,
    LoadedSegment,
    Step,
)
from townsend.audiences.evaluate import sure_and_maybe
from townsend.audiences.explain.evidence import name_fields
from townsend.audiences.reference.events import EVENTS
from townsend.audiences.reference.store import StoreWorld
from townsend.audiences.reference.stored import Fields, Reading
from townsend.audiences.walk import everything, free, tail_parts
from townsend.model import Inverse, Relationship, Schema, Steps, ToOne, mark_of

if TYPE_CHECKING:
    from townsend.profiles import Unified

__all__ = ["NEARBY_ROWS", "fields_of", "telling_events", "world_around"]

NEARBY_ROWS = 2_000  # a class with more rows is asked only for those around the entities explained
MEMBERSHIPS = "segmentMembership"
EVENT = "event"


def world_around(
    definition: Definition, unified: Unified, ids: Iterable[int], *, as_it_is: bool = False
) -> StoreWorld:
    """The world as far as a definition sees it from some entities of its class; these are read together.

    Args:
        as_it_is: nobody will ask what is missing, or about another instant.
    """
    reading = Reading(fields_of(definition, unified.schema), telling_events(definition, unified, as_it_is))
    world = StoreWorld(unified, NEARBY_ROWS, reading)
    world.expect(definition.of, ids)
    return world


def fields_of(definition: Definition, schema: Schema) -> Fields:
    """By class, the paths that evaluating and telling about a definition will ask for, and what leads on."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    found[definition.of].update(())
    _collect(definition, schema, found)
    return {cls: frozenset(paths.union(name_fields(schema, cls))) for cls, paths in found.items()}


def _collect(definition: Definition, schema: Schema, found: defaultdict[str, set[str]]) -> None:
    for node in _all_of(definition):
        match node:
            case Field():
                if isinstance(node.base.type, EntityType):
                    found[node.base.type.cls].update(_columns(node))
            case Follow():
                _lead(node.relationship, node.via, schema, found)
            case Chain():
                found[_class_of(node.base)].add(node.time)
            case AllOf():
                found[_class_of(node)].update(())
            case LoadedSegment():
                found[_class_of(node.subject)].add(MEMBERSHIPS)
            case InSegment():
                found[node.definition.of].update(())


def _columns(node: Field) -> list[str]:
    if isinstance(node.type, AnyType):
        return ["extra"]
    return [node.path, mark_of(node.path)] if node.type == NUMBER and "." in node.path else [node.path]


def _lead(
    relationship: Relationship, via: str | None, schema: Schema, found: defaultdict[str, set[str]]
) -> None:
    """What a relationship is walked by."""
    found[relationship.far].update(())
    plan = relationship.other_ways.get(via, relationship.plan) if via is not None else relationship.plan
    match plan:
        case ToOne(reference):
            found[relationship.near].add("@" + reference)
        case Inverse(reference):
            found[relationship.far].add("@" + reference)
        case Steps(names):
            near = relationship.near
            for name in names:
                step = schema.relationships[near, name]
                _lead(step, None, schema, found)
                near = step.far


def _class_of(expr: Expr) -> str:
    kind = expr.type.item if isinstance(expr.type, ListType) else expr.type
    assert isinstance(kind, EntityType)
    return kind.cls


# ---------------------------------------------------------------- events


def telling_events(definition: Definition, unified: Unified, as_it_is: bool = False) -> str | None:
    """SQL: which events can matter to a definition that asks for events in sequences only.

    An event that is none of a sequence's steps, whenever it happens, changes nothing. Of tens of thousands of
    events few are left, ``as_it_is`` those in a step's window only. None if every event may matter.
    """
    steps = _steps_of(definition, unified)
    if not steps:
        return None
    lower = Lower(Tables(unified))
    frame = Frame(lower.tables.entities(EVENT, EVENTS))
    key = column(EVENTS, lower.tables.id_name(EVENT))
    row = EntityRow(lower.tables, frame, lower.names, EVENT, key, EVENTS)
    telling = []
    for chain, step in steps:
        env = {chain.var: row}
        time = row.field(chain.time)
        if as_it_is and step.when is not None and time is not None:
            within = lower.within(time, step.when, env)
            telling.append(all_of([within, lower.condition(step.what, env)]))
        else:
            telling.append(lower.condition(step.what, env))
    return None if frame.is_joined else written(any_of(telling))


def _steps_of(definition: Definition, unified: Unified) -> list[tuple[Chain, Step]]:
    """The steps of all sequences; none if they don't say all about events."""
    events = [node for node in _all_of(definition) if _is_events(node)]
    chains = [node for node in _all_of(definition) if isinstance(node, Chain)]
    found = [(chain, step) for chain in chains for step in chain.steps]
    alone = len(events) == len(chains) and all(_is_events(chain.base) for chain in chains)
    if (
        not found
        or not alone
        or definition.of == EVENT
        or sure_and_maybe(definition, unified)[0] is not definition
    ):
        return []
    for chain, step in found:
        window = [] if step.when is None else list(tail_parts(step.when))
        if not all(free(part) <= {chain.var} for part in (step.what, *window)) or _gaps(step, definition):
            return []
    return found


def _gaps(step: Step, definition: Definition) -> bool:
    """Whether batch can't ask what a step asks for."""
    return bool(lowered(Definition(EVENT, step.what, definition.text)))


def _is_events(node: Expr) -> bool:
    return isinstance(node, Follow | AllOf) and node.type == ListType(EntityType(EVENT))


def _all_of(definition: Definition) -> Iterator[Expr]:
    """Every node, those of audiences that it uses too."""
    for node in everything(definition.condition):
        yield node
        if isinstance(node, InSegment):
            yield from _all_of(node.definition)
