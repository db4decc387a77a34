"""Scalars, and values kept as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from townsend.audiences import instants
from townsend.audiences.batch import numbers
from townsend.audiences.batch.frame import EntityRow, Env, ItemRow, Lowering, ValueRow
from townsend.audiences.batch.json import as_json, entry, inside, read, read_instant
from townsend.audiences.batch.sql import (
    FALSE,
    NULL,
    TRUE,
    Sql,
    case,
    cast,
    compare,
    function,
    number,
    text,
    try_cast,
)
from townsend.audiences.core import (
    AnyType,
    Arithmetic,
    Coerce,
    Conditional,
    Const,
    DatePart,
    Dig,
    EntityType,
    Expr,
    Field,
    First,
    Follow,
    Item,
    Negative,
    ScalarType,
    Type,
)
from townsend.model import LeafType
from townsend.problem import Broken

__all__ = ["JSON", "KINDS", "SCALARS", "entity", "figure", "group", "is_number"]

KINDS: dict[LeafType, str] = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "number": numbers.DECIMAL,
    "datetime": "BIGINT",
    "date": "BIGINT",
}
NUMERIC = ("integer", "number")
PARTS = {"weekday": "isodow", "yearday": "dayofyear"}


def is_number(kind: Type) -> bool:
    """Numbers and instants: what can be added up and put in order."""
    return isinstance(kind, ScalarType) and kind.name not in ("string", "boolean")


def group(kind: Type) -> str:
    """What can be equal to each other: ``number``, ``string``, ``boolean``, or a class of entities."""
    if isinstance(kind, EntityType):
        return "entity " + kind.cls
    assert isinstance(kind, ScalarType)
    return "number" if is_number(kind) else kind.name


def figure(low: Lowering, expr: Expr, env: Env) -> Sql:
    """A number or instant; null for anything else."""
    return low.value(expr, env) if is_number(expr.type) else NULL(numbers.DECIMAL)


# ---------------------------------------------------------------- entities


def entity(low: Lowering, expr: Expr, env: Env) -> EntityRow | None:
    """One entity; see ``Lowering.entity``."""
    if isinstance(expr, Item):
        row = env[expr.var]
        if isinstance(row, EntityRow):
            return row
    if isinstance(expr, Follow):
        from townsend.audiences.batch.steps import simple_steps

        found = low.entity(expr.base, env)
        for step in simple_steps(low.tables.schema, expr):
            if found is not None:
                found = found.one(step.reference, step.far, expr.retired)
        return found
    if isinstance(expr, First):
        from townsend.audiences.batch.ranks import first

        return first(low, expr, env)
    raise Broken("batch.entity", f"{type(expr).__name__} is no entity that batch evaluation can reach")


def _id(low: Lowering, expr: Expr, env: Env) -> Sql:
    found = low.entity(expr, env)
    return NULL("INTEGER") if found is None else found.id()


# ---------------------------------------------------------------- scalars


def const(_: Lowering, node: Const, __: Env) -> Sql:
    """A literal."""
    value = node.value
    if value is None:
        return NULL(KINDS[node.type.name]) if isinstance(node.type, ScalarType) else NULL()
    if isinstance(value, bool):
        return TRUE() if value else FALSE()
    return text(value) if isinstance(value, str) else numbers.constant(value)


def item(_: Lowering, node: Item, env: Env) -> Sql:
    """What the variable stands for."""
    row = env[node.var]
    if isinstance(row, EntityRow):
        return row.id()
    if isinstance(row, ValueRow):
        return row.value.copy()
    raise Broken("batch.item", f"${node.var} is JSON, where a scalar was expected")


def field(low: Lowering, node: Field, env: Env) -> Sql:
    """A declared scalar field."""
    assert isinstance(node.type, ScalarType)
    if isinstance(node.base.type, EntityType):
        row = low.entity(node.base, env)
        found = None if row is None else row.field(node.path)
        return NULL(KINDS[node.type.name]) if found is None else found
    value = inside(low.json(node.base, env), node.path.split("."))
    return read(value, node.type.name, spelled=False)


def arithmetic(low: Lowering, node: Arithmetic, env: Env) -> Sql:
    """Exact, or null; see ``numbers``."""
    return numbers.compute(node.op, figure(low, node.left, env), figure(low, node.right, env))


def negative(low: Lowering, node: Negative, env: Env) -> Sql:
    """The number with the other sign."""
    return numbers.compute("-", number(0), figure(low, node.value, env))


def conditional(low: Lowering, node: Conditional, env: Env) -> Sql:
    """One of two values."""
    return case(
        (low.condition(node.test, env), low.value(node.then, env)), otherwise=low.value(node.otherwise, env)
    )


def coerce(low: Lowering, node: Coerce, env: Env) -> Sql:
    """An undeclared value, or a scalar of another type, read as a scalar."""
    assert isinstance(node.type, ScalarType)
    kind, source = node.type.name, node.value.type
    if not isinstance(source, ScalarType):
        return read(low.json(node.value, env), kind)
    value = low.value(node.value, env)
    if group(source) == group(node.type):
        return _between_numbers(value, source.name, kind)
    if source.name == "string":
        return _spelled(value, kind)
    return NULL(KINDS[kind])


def _between_numbers(value: Sql, source: LeafType, kind: LeafType) -> Sql:
    if kind in ("string", "boolean") or source == kind:
        return value
    if kind in NUMERIC:
        return numbers.fit(value)
    return try_cast(function("floor", numbers.fit(value)), "BIGINT")


def _spelled(value: Sql, kind: LeafType) -> Sql:
    if kind in NUMERIC:
        return numbers.read_number(value)
    if kind == "boolean":
        word = function("lower", value)
        true, false = compare("=", word, text("true")), compare("=", word.copy(), text("false"))
        return case((true, TRUE()), (false, FALSE()))
    return read_instant(value)


def date_part(low: Lowering, node: DatePart, env: Env) -> Sql:
    """A part of a date in UTC, of now if no instant is given."""
    if node.value is None:
        return number(instants.part_of(low.tables.now_ms, node.part))
    moment = function("epoch_ms", cast(figure(low, node.value, env), "BIGINT"))
    return function("try", function(PARTS.get(node.part, node.part), moment))


SCALARS: dict[type, Callable[[Lowering, Any, Env], Sql]] = {
    Const: const,
    Item: item,
    Field: field,
    Follow: _id,
    First: _id,
    Arithmetic: arithmetic,
    Negative: negative,
    Conditional: conditional,
    Coerce: coerce,
    DatePart: date_part,
}


# ---------------------------------------------------------------- JSON


def json_item(_: Lowering, node: Item, env: Env) -> Sql:
    """An array's item, or an undeclared value in a list."""
    row = env[node.var]
    if isinstance(row, ItemRow):
        return row.json.copy()
    raise Broken("batch.item", f"${node.var} is a scalar or an entity, where JSON was expected")


def json_field(low: Lowering, node: Field, env: Env) -> Sql:
    """An array, a map or an undeclared value of an entity or item."""
    if not isinstance(node.base.type, EntityType):
        return inside(low.json(node.base, env), node.path.split("."))
    row = low.entity(node.base, env)
    if row is None:
        return NULL("JSON")
    if isinstance(node.type, AnyType):
        extra = row.field("extra")
        return NULL("JSON") if extra is None else inside(as_json(extra), node.path.split("."))
    stored = row.field(node.path)
    return NULL("JSON") if stored is None else as_json(stored)


def json_dig(low: Lowering, node: Dig, env: Env) -> Sql:
    """One entry of a map."""
    known = node.key.value if isinstance(node.key, Const) else None
    if isinstance(node.key.type, ScalarType) and node.key.type.name == "string":
        key = low.value(node.key, env)
        return entry(low.json(node.base, env), key, known if isinstance(known, str) else None)
    return NULL("JSON")


def json_conditional(low: Lowering, node: Conditional, env: Env) -> Sql:
    """One of two values."""
    return case(
        (low.condition(node.test, env), low.json(node.then, env)), otherwise=low.json(node.otherwise, env)
    )


JSON: dict[type, Callable[[Lowering, Any, Env], Sql]] = {
    Item: json_item,
    Field: json_field,
    Dig: json_dig,
    Conditional: json_conditional,
}
