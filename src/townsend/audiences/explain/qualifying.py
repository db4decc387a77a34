"""By which records members qualify: as conditions, as an explanation has them, and as columns of a list.

Pure, over any ``World``, by the rules of the reference evaluator. What a definition looks at is worked out
once; then each member costs little, so that ten thousand are told of in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from townsend.audiences.core import And, Chain, Definition, Expr, InSegment, Not, Or, Some, Tail
from townsend.audiences.explain.columns import Column, Telling, columns_of
from townsend.audiences.explain.conditions import DEPTH_MAX, Explainer
from townsend.audiences.explain.leaves import shown
from townsend.audiences.explain.paths import ListPath, Path, paths_of
from townsend.audiences.explain.sequences import looked_at
from townsend.audiences.explain.tree import Condition, Evidence
from townsend.audiences.instants import Interval, interval
from townsend.audiences.reference.evaluate import RULES
from townsend.audiences.reference.scope import Scope, Seen
from townsend.audiences.reference.values import Entity, Value
from townsend.audiences.reference.world import World
from townsend.audiences.walk import everything, free, is_list, tail_parts
from townsend.model import Schema

__all__ = ["Qualified", "Qualifying"]


class Qualified(NamedTuple):
    """What makes one entity a member.

    Args:
        conditions: those that hold and count, with the records behind them.
        fields: the most telling record of each list, and the figures, by column; null for what is missing.
    """

    conditions: tuple[Condition, ...]
    fields: Mapping[str, Any]


class Qualifying:
    """Tells by which records members of one audience qualify.

    Args:
        definition: the audience.
        schema: classes and relationships.

    Attributes:
        columns: the columns of ``Qualified.fields``, in the order of the text; the same for every member.
    """

    def __init__(self, definition: Definition, schema: Schema) -> None:
        self._definition = definition
        self._paths = paths_of(definition)
        self._windows: dict[tuple[int, int], list[Interval]] = {}
        self._closed = frozenset(id(node) for node in _asked(definition.condition) if free(node) <= {0})
        self.columns: tuple[Column, ...] = columns_of(self._paths.values(), schema)

    def of(self, world: World, entity: Entity) -> Qualified:
        """What makes a member one; an entity that is none has nothing to show."""
        scope = _Kept(world, RULES, {0: entity})
        scope.closed, scope.kept, scope.windows = self._closed, {}, self._windows
        fields = dict.fromkeys(column.name for column in self.columns)
        if not scope.holds(self._definition.condition):
            return Qualified((), fields)
        conditions = []
        for leaf, inner, explainer in _held(self._definition.condition, scope, Explainer(self._definition)):
            paths = self._paths.get(id(leaf), ())
            conditions += _conditions(leaf, inner, explainer, paths)
            for path in paths:
                fields |= Telling(inner).fields(path)
        return Qualified(tuple(conditions), fields)


Held = tuple[Expr, Scope, Explainer]


def _held(expr: Expr, scope: Scope, explainer: Explainer) -> Iterator[Held]:
    """The conditions that make another one hold, where they are asked and by whom they are explained."""
    match expr:
        case And():
            for item in expr.items:
                yield from _held(item, scope, explainer)
        case Or():
            for item in expr.items:
                if scope.holds(item):
                    yield from _held(item, scope, explainer)
        case InSegment():
            subject = scope.value(expr.subject)
            if isinstance(subject, Entity):
                inside = replace(explainer, definition=expr.definition)
                yield from _held(expr.definition.condition, scope.root(subject, expr.policy), inside)
        case _:
            yield expr, scope, explainer


def _conditions(leaf: Expr, scope: Scope, explainer: Explainer, paths: tuple[Path, ...]) -> list[Condition]:
    if isinstance(leaf, Not):
        # What is not there has no records.
        return [explainer.blank(leaf, scope)]
    found = explainer.condition(leaf, scope, needed=False)
    if isinstance(leaf, Chain):
        lists = [path for path in paths if isinstance(path, ListPath)]
        return [_filled(part, scope, [path]) for part, path in zip(found.parts, lists, strict=True)]
    found = _filled(found, scope, [path for path in paths if isinstance(path, ListPath)])
    return [_deeper(found, leaf, scope, explainer)] if isinstance(leaf, Some) else [found]


def _filled(condition: Condition, scope: Scope, paths: list[ListPath]) -> Condition:
    """The condition, each piece of evidence with the values that the condition asks for."""
    said = {getattr(path.item, "cls", None): path.said for path in paths}
    evidence = []
    for one in condition.evidence:
        values = {
            named.name: shown(scope.bind(var, Entity(one.cls, one.id)).value(named.value), named.value)
            for var, named in said.get(one.cls, ())
        }
        known = {name: value for name, value in values.items() if value is not None}
        evidence.append(replace(one, values=known))
    return replace(condition, evidence=tuple(evidence))


def _deeper(condition: Condition, node: Some, scope: Scope, explainer: Explainer) -> Condition:
    """The condition, each piece of evidence with the records that make it count in turn."""
    if explainer.depth >= DEPTH_MAX:
        return condition
    deeper = replace(explainer, depth=explainer.depth + 1)

    def because(one: Evidence) -> tuple[Condition, ...]:
        if one.cls not in scope.world.schema.classes:
            return ()
        inner = scope.bind(node.var, Entity(one.cls, one.id))
        held = _held(node.cond, inner, deeper)
        found = [each for leaf, at, by in held for each in _conditions(leaf, at, by, ())]
        return tuple(each for each in found if each.evidence)

    return replace(
        condition, evidence=tuple(replace(one, because=because(one)) for one in condition.evidence)
    )


def _asked(condition: Expr) -> Iterator[Expr]:
    """What is asked for more than once: lists and sequences, those of audiences that it uses too."""
    for node in everything(condition):
        if is_list(node) or isinstance(node, Chain):
            yield node
        if isinstance(node, InSegment):
            yield from _asked(node.definition.condition)


class _Keeping(Scope):
    """A scope that looks at a list or a sequence once, however often it is asked for.

    Attributes:
        closed: by their ``id``, what depends on the root entity alone.
        kept: what was found.
        windows: where a tail holds that depends on now alone, by its ``id`` and that instant.
    """

    closed: frozenset[int]
    kept: dict[Hashable, Any]
    windows: dict[tuple[int, int], list[Interval]]

    def value(self, expr: Expr) -> Value:
        if id(expr) not in self.closed:
            return super().value(expr)
        found: Value = self.once((id(expr), self.bound[0], "value"), lambda: self._look(expr))
        return found

    def _look(self, expr: Expr) -> Value:
        met = isinstance(expr, Chain) and looked_at(expr, self).picked
        return True if met else super().value(expr)

    def once(self, _key: Hashable, make: Callable[[], Any]) -> Any:
        key = (_key, id(self.world))
        if key not in self.kept:
            # The world is kept too, so that no other gets its id.
            self.kept[key] = make(), self.world
        return self.kept[key][0]

    def lies(self, tail: Tail, ms: int | None) -> bool:
        key = id(tail), self.world.now_ms
        if key not in self.windows:
            if any(True for _ in tail_parts(tail)):
                return super().lies(tail, ms)
            self.windows[key] = interval(tail, self.world.now_ms, self.number)
        known = self.windows[key]
        return ms is not None and any(
            (low is None or low <= ms) and (high is None or ms < high) for low, high in known
        )


class _Kept(Seen, _Keeping):
    """The same for an onlooker."""

    def value(self, expr: Expr) -> Value:
        return Seen.value(self, expr)

    def _inside(self) -> Scope:
        inner = _Keeping(self.world, self.rules, self.bound)
        inner.closed, inner.kept, inner.windows = self.closed, self.kept, self.windows
        return inner
