"""Where a definition finds what qualifies somebody: each field and list it looks at, under a name of its own.

The names follow from the definition alone, so that every member has the same columns. A list is called by
the last relationship that leads to it (``opportunities``), a step of a sequence by its label, a field by its
path. A name that is taken gets a number: ``opportunities_2``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from townsend.audiences.core import (
    Aggregate,
    AllOf,
    And,
    Chain,
    Count,
    Definition,
    Distinct,
    Each,
    EntityType,
    Expr,
    Field,
    Follow,
    InSegment,
    Item,
    ListType,
    Not,
    Or,
    ScalarType,
    Some,
    Step,
    Type,
    Where,
)
from townsend.audiences.explain.leaves import subjects
from townsend.audiences.walk import parts

__all__ = ["Binding", "FieldPath", "ListPath", "Named", "Path", "paths_of"]


# Columns of every list, see ``columns``.
TOLD_ANYWAY = frozenset({"sum", "average", "min", "max", "count", "name", "key", "source", "at"})


class Binding(NamedTuple):
    """A variable, and a condition or value about the items it is bound to."""

    var: int
    about: Expr


class Named(NamedTuple):
    """A value under the last part of its column's name."""

    name: str
    value: Expr


@dataclass(frozen=True, eq=False)
class FieldPath:
    """A field of the entity itself."""

    name: str
    value: Expr


@dataclass(frozen=True, eq=False)
class ListPath:
    """A list, or what is computed from one.

    Args:
        name: what its columns begin with.
        node: the aggregate, the count or the list; a sequence.
        step: which step of the sequence.
        item: the type of its items.
        hops: names and nodes of the relationships passed on the way, outermost first.
        own: the list before anything is said about its items.
        said: fields that conditions and sums name of an item, by the variable it is bound to.
        inner: what is looked at from an item, by the variable.
    """

    name: str
    node: Expr
    step: int | None
    item: Type
    hops: tuple[tuple[str, Follow], ...]
    own: Expr
    said: tuple[tuple[int, Named], ...]
    inner: tuple[tuple[int, Path], ...]


Path = FieldPath | ListPath


def paths_of(definition: Definition) -> dict[int, tuple[Path, ...]]:
    """By the ``id`` of each condition that has no conditions inside (a sequence has one for each step)."""
    names = _Names()
    return {id(leaf): tuple(_paths(leaf, 0, names)) for leaf in _leaves(definition.condition)}


class _Names:
    """Names, each given once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def give(self, name: str) -> str:
        free, number = name, 1
        while free in self._taken:
            number += 1
            free = f"{name}_{number}"
        self._taken.add(free)
        return free


def _leaves(expr: Expr) -> Iterator[Expr]:
    """The conditions that can make somebody a member; what must not be leads to no record."""
    match expr:
        case And() | Or():
            for item in expr.items:
                yield from _leaves(item)
        case InSegment(subject=Item(0)):
            yield from _leaves(expr.definition.condition)
        case Not():
            return
        case _:
            yield expr


def _paths(leaf: Expr, var: int, names: _Names) -> Iterator[Path]:
    """What one condition about the entity ``var`` looks at."""
    match leaf:
        case Chain():
            for at, step in enumerate(leaf.steps):
                yield _step(leaf, at, step, names)
        case Some(quantifier="none"):
            return
        case Some():
            yield from _list(leaf, leaf.base, [Binding(leaf.var, leaf.cond)], names)
        case _:
            for subject in subjects(leaf):
                yield from _looked_at(subject, var, names)


def _looked_at(expr: Expr, var: int, names: _Names) -> Iterator[Path]:
    """The outermost lists of a value, and the fields of the entity."""
    if isinstance(expr, Aggregate | Count):
        bindings = [Binding(expr.var, expr.body)] if isinstance(expr, Aggregate) else []
        yield from _list(expr, expr.base, bindings, names)
    elif isinstance(expr.type, ListType) and _starts(expr):
        yield from _list(expr, expr, [], names)
    elif isinstance(expr.type, ScalarType) and (path := _dotted(expr, var)) is not None:
        if var == 0:
            yield FieldPath(names.give(path), expr)
    else:
        for inner, _ in parts(expr):
            yield from _looked_at(inner, var, names)


def _starts(expr: Expr) -> bool:
    """Whether a list begins with records, or with an array of somebody's."""
    while isinstance(expr, Where | Each | Distinct):
        expr = expr.base
    return isinstance(expr, Follow | AllOf | Field)


def _list(node: Expr, base: Expr, bindings: list[Binding], names: _Names) -> Iterator[Path]:
    own = base
    while isinstance(own, Where | Each | Distinct):
        if isinstance(own, Where):
            bindings.append(Binding(own.var, own.cond))
        elif isinstance(own, Each):
            bindings = [Binding(own.var, own.body)]
        own = own.base
    if not isinstance(own, Follow | AllOf | Field) or not isinstance(own.type, ListType):
        return
    name = names.give(_called(own))
    yield _path(name, node, None, own, bindings[::-1], names)


def _step(node: Chain, at: int, step: Step, names: _Names) -> Path:
    name = names.give(step.label)
    return _path(name, node, at, node.base, [Binding(node.var, step.what)], names)


def _path(
    name: str, node: Expr, step: int | None, own: Expr, bindings: list[Binding], names: _Names
) -> ListPath:
    assert isinstance(own.type, ListType)
    hops = []
    before = own.base if isinstance(own, Follow | Field) else None
    while isinstance(before, Follow | Where | Each | Distinct):
        if isinstance(before, Follow):
            hops.append((names.give(before.relationship.name), before))
        before = before.base
    said: dict[str, tuple[int, Named]] = {}
    inner: list[tuple[int, Path]] = []
    for var, about in bindings:
        for named in _said(about, var):
            called = f"{named.name}_2" if named.name in TOLD_ANYWAY else named.name
            said.setdefault(called, (var, Named(called, named.value)))
        inner += [(var, path) for path in _inside(about, var, names)]
    return ListPath(
        name, node, step, own.type.item, tuple(hops[::-1]), own, tuple(said.values()), tuple(inner)
    )


def _inside(about: Expr, var: int, names: _Names) -> Iterator[Path]:
    """What a condition or a value about an item looks at from there."""
    if not isinstance(about.type, ScalarType) or about.type.name != "boolean":
        yield from _looked_at(about, var, names)
        return
    for leaf in _leaves(about):
        yield from _paths(leaf, var, names)


def _said(expr: Expr, var: int) -> Iterator[Named]:
    """The fields that an expression names of an item, those of what it leads to in one step or more too."""
    path = _dotted(expr, var)
    if path is not None and isinstance(expr.type, ScalarType):
        yield Named(path, expr)
        return
    for inner, _ in parts(expr):
        yield from _said(inner, var)


def _dotted(expr: Expr, var: int) -> str | None:
    """A field's path from an item, such as ``opportunity.account.accountName``; None for what is none."""
    names: list[str] = []
    while isinstance(expr, Field | Follow):
        if isinstance(expr, Follow) and not isinstance(expr.type, EntityType):
            return None
        names.append(expr.path if isinstance(expr, Field) else expr.relationship.name)
        expr = expr.base
    return ".".join(names[::-1]) if names and isinstance(expr, Item) and expr.var == var else None


def _called(own: Expr) -> str:
    match own:
        case Follow():
            return own.relationship.name
        case Field():
            return own.path
        case _:
            assert isinstance(own.type, ListType)
            assert isinstance(own.type.item, EntityType)
            return own.type.item.cls
