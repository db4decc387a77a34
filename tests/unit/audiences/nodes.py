"""Core nodes by hand, short enough to read as a sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from townsend.audiences.core import (
    ANY,
    BOOLEAN,
    DATETIME,
    INTEGER,
    NUMBER,
    STRING,
    Aggregate,
    Chain,
    Compare,
    Const,
    Definition,
    EntityType,
    Expr,
    Field,
    Follow,
    Item,
    ItemType,
    ListOf,
    ListType,
    MapType,
    ObjectType,
    ScalarType,
    Span,
    Step,
    Text,
    Truth,
    Type,
    Where,
)
from townsend.audiences.explain import Explanation
from townsend.model import builtin_schema

SCHEMA = builtin_schema()


def ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def changes_ms(explanation: Explanation) -> int | None:
    """When the answer changes, in epoch milliseconds."""
    at = explanation.changes_at
    return None if at is None else (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def me(cls: str = "person") -> Item:
    return Item(0, EntityType(cls))


def it(var: int, type_: str | Type) -> Item:
    return Item(var, EntityType(type_) if isinstance(type_, str) else type_)


def lit(value: Any) -> Expr:
    if isinstance(value, list):
        items = tuple(lit(item) for item in value)
        return ListOf(items, ListType(items[0].type if items else ANY))
    if isinstance(value, float):
        value = Decimal(str(value))
    for kind, type_ in ((bool, BOOLEAN), (int, INTEGER), (Decimal, NUMBER), (str, STRING)):
        if isinstance(value, kind):
            return Const(value, type_)
    return Const(value, ANY)


def moment(text: str) -> Const:
    return Const(ms(text), DATETIME)


def far(base: Expr, *names: str, via: str | None = None, retired: bool = False) -> Expr:
    """Relationships one after another."""
    for name in names:
        inner = base.type.item if isinstance(base.type, ListType) else base.type
        assert isinstance(inner, EntityType)
        relationship = SCHEMA.relationships[inner.cls, name]
        many = relationship.many or isinstance(base.type, ListType)
        to = EntityType(relationship.far)
        base = Follow(base, relationship, via, retired, ListType(to) if many else to)
    return base


def get(base: Expr, path: str) -> Field:
    """A field with its declared type."""
    inner = base.type
    if isinstance(inner, ItemType):
        shape = inner.shape
    else:
        assert isinstance(inner, EntityType), inner
        shape = SCHEMA.classes[inner.cls].shape
    type_: Type
    if path in shape.leaves:
        type_ = ScalarType(shape.leaves[path].type)
    elif path in shape.arrays:
        array = shape.arrays[path]
        item = ItemType(array.shape) if array.shape else ScalarType(array.item or "string")
        type_ = ListType(item)
    elif path in shape.maps:
        type_ = MapType()
    else:
        type_ = ObjectType(path) if path in shape.objects else ANY
    return Field(base, path, type_)


def where(base: Expr, cond: Any, var: int = 1) -> Where:
    """``base[cond]``; ``cond`` makes the condition from the item."""
    assert isinstance(base.type, ListType)
    return Where(base, var, cond(Item(var, base.type.item)), base.type)


def agg(op: Any, base: Expr, body: Any, var: int = 1) -> Aggregate:
    assert isinstance(base.type, ListType)
    return Aggregate(op, base, var, body(Item(var, base.type.item)), NUMBER)


def cmp(left: Expr, op: Any, right: Any, at: Span | None = None) -> Compare:
    right = right if hasattr(right, "type") else lit(right)
    return Compare(op, left, right) if at is None else Compare(op, left, right, at=at)


def text(subject: Expr, op: Any, pattern: Any, case: bool = True) -> Text:
    return Text(op, subject, pattern if hasattr(pattern, "type") else lit(pattern), case)


def step(
    label: str, what: Expr, when: Any = None, count: int = 1, gap: Any = None, where: Any = None
) -> Step:
    return Step(label, what, when, count, gap, where)


def event(var: int = 1) -> Item:
    return Item(var, EntityType("event"))


def chain(*steps: Step, base: Expr | None = None, at: Span | None = None) -> Chain:
    events = far(me(), "xEvent") if base is None else base
    return Chain(events, 1, "timestamp", steps) if at is None else Chain(events, 1, "timestamp", steps, at=at)


def won(opportunity: Item) -> Expr:
    return Truth(get(opportunity, "isWon"))


def amount(opportunity: Item) -> Field:
    return get(opportunity, "opportunityAmount.amount")


def audience(condition: Expr, of: str = "person", text: str = "") -> Definition:
    return Definition(of, condition, text)
