"""What qualifies members as columns: one value a column, from the most telling record of each list.

The columns of a list called ``opportunities``: the figure (``opportunities.sum``, ``opportunities.count``);
of the record that tells most, the latest or the largest, ``opportunities.name``, ``.key``, ``.source``, and
``.at`` if it has a time, and the fields that the definition names (``opportunities.isWon``). Of what was
passed on the way to that record, ``accounts.name`` and ``accounts.key``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from townsend.audiences.core import (
    DATETIME,
    INTEGER,
    STRING,
    Aggregate,
    Chain,
    EntityType,
    Expr,
    Follow,
    ScalarType,
    Some,
    Type,
)
from townsend.audiences.explain.evidence import Counted, counted, name_of, ranked
from townsend.audiences.explain.paths import FieldPath, ListPath, Path
from townsend.audiences.explain.sequences import looked_at
from townsend.audiences.reference.scope import Scope
from townsend.audiences.reference.values import Entity, Value
from townsend.model import LeafType, Schema

__all__ = ["Column", "Telling", "columns_of"]


class Column(NamedTuple):
    """A column and the type of its values; instants are epoch milliseconds."""

    name: str
    type: LeafType


def columns_of(paths: Iterable[Sequence[Path]], schema: Schema) -> tuple[Column, ...]:
    """The columns of what conditions look at, in their order."""
    return tuple(column for some in paths for path in some for column in _columns(path, schema))


def _columns(path: Path, schema: Schema) -> Iterator[Column]:
    if isinstance(path, FieldPath):
        yield Column(path.name, _leaf(path.value.type))
        return
    figure, kind = _figure(path)
    yield Column(f"{path.name}.{figure}", kind)
    time = schema.classes[path.item.cls].time_field if isinstance(path.item, EntityType) else None
    if isinstance(path.item, EntityType):
        yield from (Column(f"{path.name}.{part}", "string") for part in ("name", "key", "source"))
        if time is not None:
            yield Column(f"{path.name}.at", "datetime")
    for _, named in path.said:
        if named.name != time:
            yield Column(f"{path.name}.{named.name}", _leaf(named.value.type))
    for name, _ in path.hops:
        yield from (Column(f"{name}.{part}", "string") for part in ("name", "key"))
    for _, inner in path.inner:
        yield from _columns(inner, schema)


def _figure(path: ListPath) -> tuple[str, LeafType]:
    if isinstance(path.node, Aggregate):
        return path.node.op, _leaf(path.node.type)
    return "count", _leaf(INTEGER)


def _leaf(kind: Type) -> LeafType:
    return kind.name if isinstance(kind, ScalarType) else _leaf(STRING)


@dataclass(frozen=True)
class Telling:
    """Fills the columns for one entity.

    Args:
        scope: where the conditions are asked.
    """

    scope: Scope

    def fields(self, path: Path) -> dict[str, Any]:
        """The values of a path's columns; what is missing may be absent."""
        if isinstance(path, FieldPath):
            return {path.name: self.scope.value(path.value)}
        items = self._items(path)
        figure, _ = _figure(path)
        found: dict[str, Any] = {f"{path.name}.{figure}": self._measured(path, items)}
        if not items:
            return found
        most = ranked(self.scope.world, items)[0].item
        for var, named in path.said:
            found[f"{path.name}.{named.name}"] = self.scope.bind(var, most).value(named.value)
        found |= self._record(path.name, most, ("name", "key", "source", "at"))
        for name, near in self._passed(path, most):
            found |= self._record(name, near, ("name", "key"))
        for var, inner in path.inner:
            found |= Telling(self.scope.bind(var, most)).fields(inner)
        return found

    def _measured(self, path: ListPath, items: list[Counted]) -> Any:
        if isinstance(path.node, Aggregate):
            return self.scope.value(path.node)
        if isinstance(path.node, Chain) and path.step is not None:
            return len(looked_at(path.node, self.scope).mets[path.step])
        return len(items)

    def _items(self, path: ListPath) -> list[Counted]:
        """What counts."""
        node, scope = path.node, self.scope
        if isinstance(node, Chain) and path.step is not None:
            picked = looked_at(node, scope).picked
            return [Counted(met.item) for met in picked[path.step]] if picked else []
        if isinstance(node, Some):
            items = scope.items(node.base)
            return [Counted(one) for one in items if scope.bind(node.var, one).holds(node.cond)]
        return counted(node, scope)

    def _record(self, name: str, item: Value, wanted: Sequence[str]) -> dict[str, Any]:
        if not isinstance(item, Entity):
            return {}
        world = self.scope.world
        keys = world.keys(item)
        time = world.schema.classes[item.cls].time_field
        known = {
            "name": name_of(world, item),
            "key": keys[0].value if keys else None,
            "source": keys[0].source if keys else None,
            "at": world.value(item, time, DATETIME) if time else None,
        }
        return {f"{name}.{part}": known[part] for part in wanted if part != "at" or time}

    def _passed(self, path: ListPath, item: Value) -> Iterator[tuple[str, Entity]]:
        """For each relationship passed, one entity by which the item was reached; the nearest first."""
        last: Expr = path.own
        for name, hop in reversed(path.hops):
            found = self.scope.value(hop)
            for near in found if isinstance(found, list) else [found]:
                if isinstance(near, Entity) and self._leads(near, last, item):
                    yield name, near
                    item, last = near, hop
                    break
            else:
                return

    def _leads(self, near: Entity, step: Expr, item: Value) -> bool:
        if not isinstance(step, Follow):
            return True
        return item in self.scope.follow(near, step.relationship, step.via, step.retired)
