"""Kinds of resolved values, how each is called in a message, and when two can be put side by side."""

from __future__ import annotations

from typing import Literal

from townsend.audiences import core
from townsend.audiences.core import (
    ANY,
    AnyType,
    EntityType,
    Expr,
    GroupsType,
    ItemType,
    ListType,
    MapType,
    ObjectType,
    RecordType,
    ScalarType,
    Type,
)

__all__ = ["Group", "as_text", "group", "is_condition", "item_type", "listed", "truth"]

Group = Literal["string", "boolean", "number", "instant"]
"""Scalars that can equal each other: 3 is 3.0, and a date is the instant at which it begins."""

_CONDITIONS = (
    core.And,
    core.Or,
    core.Not,
    core.Truth,
    core.Compare,
    core.Text,
    core.In,
    core.SetTest,
    core.IsNull,
    core.Some,
    core.InSegment,
    core.Listed,
    core.LoadedSegment,
    core.Occurs,
    core.Chain,
)
_GROUPS: dict[str, Group] = {"integer": "number", "date": "instant", "datetime": "instant"}
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "datetime": "an instant",
    "date": "a date",
}


def is_condition(expr: Expr) -> bool:
    """Whether an expression is true or false by itself, never null."""
    return isinstance(expr, _CONDITIONS)


def item_type(expr: Expr) -> Type:
    """What a list holds; of an undeclared value, which may turn out to be a list, undeclared values."""
    return expr.type.item if isinstance(expr.type, ListType) else ANY


def listed(expr: Expr) -> ListType:
    """The type of some of the items of ``expr``."""
    return expr.type if isinstance(expr.type, ListType) else ListType(item_type(expr))


def group(type_: Type) -> Group | None:
    """The group of a scalar; None for anything else."""
    if not isinstance(type_, ScalarType):
        return None
    return _GROUPS.get(type_.name, type_.name)  # type: ignore[arg-type]


def truth(expr: Expr) -> Expr:
    """An expression in Boolean position; a filter there asks whether any item passes."""
    if isinstance(expr, core.Where):
        return core.Some("exists", expr.base, expr.var, expr.cond, at=expr.at)
    return expr if is_condition(expr) else core.Truth(expr, at=expr.at)


def as_text(type_: Type) -> str:
    """How a kind is called in a message."""
    match type_:
        case ScalarType(name):
            return _WORDS[name]
        case EntityType(cls):
            return f"one {cls}"
        case ListType(item):
            inner = f"{item.cls} entities" if isinstance(item, EntityType) else "values"
            return f"a list of {inner}"
        case ObjectType(path):
            return f"the object {path}"
        case MapType():
            return "a map"
        case GroupsType(_, value):
            return f"a map to {as_text(value)}"
        case RecordType(fields):
            return f"an object ({', '.join(name for name, _ in fields)})"
        case ItemType():
            return "one item of a list"
        case AnyType():
            return "an undeclared value"
