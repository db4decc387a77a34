"""What the answer to a condition hangs on: which entities at the end of which paths, and which clocks.

A path is a way from the entity that is asked about, one stored relationship after another. Whatever an
evaluation of the condition looks at lies at the end of one of its paths, so who may answer differently is
found by walking the paths backwards from what changed. Conditions along a path are not looked at: the paths
lead to more than an evaluation sees, never to less.

By time alone an answer changes where a bound that moves with now passes a timestamp (a ``Clock``), where
something at the end of a path comes into being, begins or ends to count, or where the calendar turns. What
fits none of these is ``volatile``, with the reason: it has to be asked again whenever time has passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from townsend.audiences import instants
from townsend.audiences.batch.steps import simple_steps
from townsend.audiences.core import (
    Aggregate,
    AllOf,
    AnyType,
    Calendar,
    Chain,
    Conditional,
    DatePart,
    Distinct,
    Each,
    Elapsed,
    EntityType,
    Expr,
    Field,
    First,
    Follow,
    InSegment,
    Item,
    ItemType,
    ListType,
    MapType,
    Now,
    ObjectType,
    Occurs,
    Ordered,
    Ranked,
    ScalarType,
    Tail,
    Type,
    Unit,
    Where,
)
from townsend.audiences.instants import Edge
from townsend.audiences.walk import parts
from townsend.model import Schema

__all__ = ["Clock", "Hop", "Path", "Reads", "reads_of"]


class Hop(NamedTuple):
    """A stored relationship on the way: from the class ``near`` by the name ``name``."""

    near: str
    name: str


Path: TypeAlias = tuple[Hop, ...]
# Where an entity comes from; paths from ``AllOf`` start nowhere, and are noted as classes instead.
Places: TypeAlias = frozenset[Path]
HERE: Places = frozenset({()})
NOWHERE: Places = frozenset()


class Clock(NamedTuple):
    """Bounds that move with now over a timestamp, the column ``column`` of the entities at a path's end."""

    path: Path
    cls: str
    column: str
    edges: frozenset[Edge]


@dataclass(frozen=True)
class Reads:
    """What a condition hangs on.

    Attributes:
        of: the class of who is asked about.
        paths: the ways to all that it looks at, each with all its beginnings; ``()`` is the entity itself.
        anywhere: classes of which it may look at any entity.
        clocks: bounds over timestamps.
        turns: calendar units at whose turn everybody is asked anew.
        volatile: why time may change the answer at instants that are not known; empty if they are.
    """

    of: str
    paths: frozenset[Path]
    anywhere: frozenset[str]
    clocks: frozenset[Clock]
    turns: frozenset[Unit]
    volatile: tuple[str, ...]


def reads_of(condition: Expr, of: str, schema: Schema) -> Reads:
    """What a condition about ``Item(0)``, an entity of the class ``of``, hangs on."""
    found = _Reading(schema)
    found.look(condition, {0: _Bound(HERE, None, {})})
    paths = frozenset(path[:end] for path in found.paths for end in range(len(path) + 1)) | HERE
    return Reads(
        of,
        paths,
        frozenset(found.anywhere),
        frozenset(found.clocks),
        frozenset(found.turns),
        tuple(dict.fromkeys(found.volatile)),
    )


@dataclass(frozen=True)
class _Bound:
    """What a variable stands for: entities at these places, or an item of a list, seen with ``env``."""

    places: Places
    base: Expr | None
    env: _Env


_Env: TypeAlias = Mapping[int, _Bound]
_Sources: TypeAlias = "set[tuple[Path, str, str]] | None"


@dataclass
class _Reading:
    schema: Schema
    paths: set[Path] = field(default_factory=set)
    anywhere: set[str] = field(default_factory=set)
    clocks: set[Clock] = field(default_factory=set)
    turns: set[Unit] = field(default_factory=set)
    volatile: list[str] = field(default_factory=list)

    def look(self, node: Expr, env: _Env) -> Places:
        """Note all that an expression looks at; where the entities are that it is or holds."""
        match node:
            case Item(var):
                return env[var].places
            case Follow():
                return self._follow(node, self.look(node.base, env))
            case AllOf(cls):
                self.anywhere.add(cls)
                return NOWHERE
            case InSegment(_, subject, definition):
                places = self.look(subject, env)
                self.look(definition.condition, {0: _Bound(places, subject, env)})
                return NOWHERE
            case Occurs(value, tail):
                self._occurs(value, tail, env)
            case Chain():
                self._chain(node, env)
            case DatePart(part, None):
                self.turns.add(part)  # type: ignore[arg-type] # year, month or day: units too
            case Elapsed(unit, _, None):
                self.volatile.append(f"the {unit}s that have passed since an instant grow one by one")
        return self._inside(node, env)

    def _inside(self, node: Expr, env: _Env) -> Places:
        found = NOWHERE
        base: Places = NOWHERE
        for at, (inner, var) in enumerate(parts(node)):
            seen = env
            if var is not None:
                seen = {**env, var: _Bound(base, node.base, env)}  # type: ignore[union-attr]
            places = self.look(inner, seen)
            base = places if at == 0 else base
            found |= places
        return found if _holds_entities(node.type) else NOWHERE

    def _follow(self, node: Follow, near: Places) -> Places:
        steps = simple_steps(self.schema, node)
        for step in steps:
            near = frozenset((*path, Hop(step.near, step.relationship.name)) for path in near)
            self.paths |= near
        if not near:
            # From any entity of some class: whatever lies beyond may be any too.
            self.anywhere |= {step.far for step in steps} | {steps[0].near}
        return near

    # -------------------------------------------------------- time

    def _occurs(self, value: Expr, tail: Tail, env: _Env) -> None:
        edges = _moving(tail)
        if not edges:
            return
        sources = self._sources(value, env)
        if sources is None:
            self.volatile.append("a window is measured against an instant that is computed")
            return
        self.clocks |= {Clock(*source, edges) for source in sources}

    def _chain(self, node: Chain, env: _Env) -> None:
        edges = frozenset[Edge]().union(*(_moving(step.when) for step in node.steps if step.when is not None))
        kind = node.base.type.item if isinstance(node.base.type, ListType) else node.base.type
        if edges and isinstance(kind, EntityType):
            places = self.look(node.base, env)
            self.clocks |= {Clock(path, kind.cls, node.time, edges) for path in places}
            if not places:
                self.volatile.append("a sequence of events of anybody has a window")

    def _sources(self, value: Expr, env: _Env) -> _Sources:
        """The timestamps one of which a value is: paths, classes and columns; None if it may be another."""
        match value:
            case Field(base, path) if isinstance(base.type, EntityType):
                places = self.look(base, env)
                return {(one, base.type.cls, path) for one in places} if places else None
            case Item(var) if env[var].base is not None:
                base_of = env[var].base
                assert base_of is not None
                return self._sources(base_of, env[var].env)
            case Each(base, var, body) | Aggregate("min" | "max", base, var, body):
                places = self.look(base, env)
                return self._sources(body, {**env, var: _Bound(places, base, env)})
            case Where(base) | Distinct(base) | Ordered(base) | Ranked(_, base) | First(base):
                return self._sources(base, env)
            case Conditional(_, then, otherwise):
                one, other = self._sources(then, env), self._sources(otherwise, env)
                return None if one is None or other is None else one | other
            case _:
                return None


def _holds_entities(kind: Type) -> bool:
    """Whether there may be entities in values of a type."""
    if isinstance(kind, ListType):
        return _holds_entities(kind.item)
    return not isinstance(kind, ScalarType | AnyType | ItemType | MapType | ObjectType)


def _moving(tail: Tail) -> frozenset[Edge]:
    """The bounds of a tail that move with now."""

    def resolve(_: Expr) -> int | Decimal | None:
        return 1  # any instant, and any year, month and day: a bound that hangs on one of these stands still

    found: Iterable[Edge] = (
        edge for low, high in instants.stretches(tail, resolve) for edge in (*low, *high)
    )
    return frozenset(edge for edge in found if isinstance(edge.anchor, Now | Calendar))
