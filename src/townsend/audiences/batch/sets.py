"""Conditions about lists: how many items pass, membership, sets, presence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from townsend.audiences.batch import json as js
from townsend.audiences.batch.conditions import member, same_type, settled
from townsend.audiences.batch.frame import Env, ItemRow, Lowering, Row, Rows
from townsend.audiences.batch.lists import SQL_TYPES, dedupe, item_column
from townsend.audiences.batch.sql import (
    FALSE,
    Sql,
    all_of,
    any_of,
    compare,
    function,
    is_null,
    not_,
    number,
    text,
    try_cast,
)
from townsend.audiences.batch.totals import listed_values
from townsend.audiences.core import (
    AnyType,
    Const,
    Dig,
    EntityType,
    Expr,
    Field,
    In,
    IsNull,
    ListOf,
    ListType,
    ObjectType,
    ScalarType,
    SetTest,
    Some,
    Truth,
    Type,
)
from townsend.audiences.walk import free

__all__ = ["SETS"]


def exists(rows: Rows, negated: bool = False) -> Sql:
    """That a list has (no) rows; never null."""
    if rows.owner is not None and rows.link is not None:
        return member(rows.owner, rows.frame.select(rows.link.copy()), negated)
    found: Sql = exp.Exists(this=rows.frame.select(number(1)))
    return exp.Paren(this=exp.Not(this=found)) if negated else found


def some(low: Lowering, node: Some, env: Env, _: bool) -> Sql:
    """How many items pass."""
    uses = free(node.cond) - {node.var}
    one = node.quantifier == "one"
    every = node.quantifier == "forall"
    rows = low.rows(node.base, env, uses, exact=one and not _entities(node.base))
    passes = low.condition(node.cond, rows.bind(node.var), definite=every)
    rows.frame.require(not_(passes) if every else passes)
    if not one:
        return exists(rows, negated=node.quantifier != "exists")
    rows = dedupe(rows, low)
    single = exp.Having(this=compare("=", function("count", exp.Star()), number(1)))
    if rows.owner is None or rows.link is None:
        query = rows.frame.select(number(1))
        query.set("having", single)
        return exp.Exists(this=query)
    query = rows.frame.select(rows.link.copy())
    query.set("group", exp.Group(expressions=[rows.link.copy()]))
    query.set("having", single)
    return member(rows.owner, query)


# ---------------------------------------------------------------- presence


def truth(low: Lowering, node: Truth, env: Env, definite: bool) -> Sql:
    """A value in Boolean position."""
    kind = node.value.type
    if isinstance(kind, ListType):
        return exists(low.rows(node.value, env))
    if isinstance(kind, ScalarType) and kind.name == "boolean":
        return settled(low.value(node.value, env), definite)
    if not isinstance(kind, AnyType):
        return _there(low, node.value, env)
    value = low.json(node.value, env)
    name = function("json_type", value)
    not_false = any_of([compare("!=", name, text("BOOLEAN")), compare("=", _as_text(value), text("true"))])
    length = compare(">", function("json_array_length", value.copy()), number(0))
    not_empty = any_of([compare("!=", name.copy(), text("ARRAY")), length])
    return settled(all_of([compare("!=", name.copy(), text("NULL")), not_false, not_empty]), definite)


def null_test(low: Lowering, node: IsNull, env: Env, _: bool) -> Sql:
    """Absent; of a list: no item that is present."""
    kind = node.value.type
    if isinstance(kind, ListType):
        return _lacks(low, node.value, env, negated=node.negated)
    there = _there(low, node.value, env)
    if isinstance(kind, AnyType):
        array = function("coalesce", js.is_array(low.json(node.value, env)), FALSE())
        filled = _lacks(low, node.value, env, negated=True)
        there = all_of([there, any_of([not_(array), filled])])
    return there if node.negated else not_(there)


def _lacks(low: Lowering, value: Expr, env: Env, negated: bool) -> Sql:
    """That a list has no (or, ``negated``, some) item that is present."""
    rows = low.rows(value, env)
    rows.frame.require(_present(rows.row))
    return exists(rows, negated=not negated)


def _there(low: Lowering, value: Expr, env: Env) -> Sql:
    """That a value that is no list is present; never null."""
    if isinstance(value.type, ObjectType) and isinstance(value, Field):
        return _object_there(low, value, env)
    if isinstance(value.type, ScalarType | EntityType):
        return is_null(low.value(value, env), negated=True)
    return js.present(low.json(value, env))


def _object_there(low: Lowering, value: Field, env: Env) -> Sql:
    row = low.entity(value.base, env) if isinstance(value.base.type, EntityType) else None
    if row is None:
        return FALSE()
    prefix = value.path + "."
    found = [name for name in sorted(low.tables.columns(row.cls)) if name.startswith(prefix)]
    leaves = [row.field(name) for name in found]
    return any_of([is_null(leaf, negated=True) for leaf in leaves if leaf is not None])


def _present(row: Row) -> Sql:
    return (
        js.present(row.json.copy()) if isinstance(row, ItemRow) else is_null(item_column(row), negated=True)
    )


def _as_text(value: Sql) -> Sql:
    return function("json_extract_string", value.copy(), text("$"))


# ---------------------------------------------------------------- membership


def among(low: Lowering, node: In, env: Env, _: bool) -> Sql:
    """Membership of a list; both the value and the list must be there."""
    if isinstance(node.items, ListOf):
        return _among_listed(low, node, node.items, env)
    kind = node.items.type.item if isinstance(node.items.type, ListType) else node.items.type
    subject = low.value(node.subject, env)
    known = all_of([is_null(subject, negated=True), *_list_known(low, node.items, env)])
    if not _comparable(node.subject.type, kind):
        return known if node.negated else FALSE()
    rows = low.rows(node.items, env)
    item = _alike(item_column(rows.row), kind)
    rows.frame.require(is_null(item_column(rows.row), negated=True))
    wanted = _alike(subject.copy(), node.subject.type)
    if rows.owner is not None and rows.link is not None:
        pair = exp.Tuple(expressions=[rows.owner.id(), wanted])
        query = rows.frame.select(rows.link.copy(), item)
        found: Sql = exp.Paren(this=exp.In(this=pair, query=exp.Subquery(this=query)))
        found = all_of([is_null(rows.owner.id(), negated=True), found]) if rows.owner.absent else found
    else:
        rows.frame.require(compare("=", item, wanted))
        found = exp.Exists(this=rows.frame.select(number(1)))
    return all_of([known, not_(function("coalesce", found, FALSE())) if node.negated else found])


def _among_listed(low: Lowering, node: In, items: ListOf, env: Env) -> Sql:
    known = is_null(low.value(node.subject, env), negated=True)
    values = [item for item in items.items if not (isinstance(item, Const) and item.value is None)]
    equal = [item for item in values if same_type(node.subject, item)]
    if all(isinstance(item, Const) for item in equal):
        found: Sql = FALSE()
        if equal:
            options = [low.value(item, env) for item in equal]
            found = exp.Paren(this=exp.In(this=low.value(node.subject, env), expressions=options))
        if not node.negated:
            return all_of([known, found]) if equal else FALSE()
        return all_of([known, not_(found)])
    tests = [compare("=", low.value(node.subject, env), low.value(item, env)) for item in equal]
    found = any_of([function("coalesce", test, FALSE()) for test in tests])
    return all_of([known, not_(found) if node.negated else found])


def _list_known(low: Lowering, items: Expr, env: Env) -> list[Sql]:
    """That a list that may be null is not."""
    if isinstance(items, Field | Dig):
        return [function("coalesce", js.is_array(low.json(items, env)), FALSE())]
    return []


def _comparable(left: Type, right: Type) -> bool:
    from townsend.audiences.batch.values import group

    kinds = (ScalarType, EntityType)
    return isinstance(left, kinds) and isinstance(right, kinds) and group(left) == group(right)


def _alike(value: Sql, kind: Type) -> Sql:
    """One SQL type for all numbers."""
    if isinstance(kind, ScalarType) and kind.name not in ("string", "boolean"):
        return try_cast(value, SQL_TYPES["number"])
    return value


def set_test(low: Lowering, node: SetTest, env: Env, _: bool) -> Sql:
    """Two lists as sets, nulls dropped; both must be there."""
    known = [*_list_known(low, node.left, env), *_list_known(low, node.right, env)]
    return all_of([*known, _sets_compared(low, node, env)])


def _sets_compared(low: Lowering, node: SetTest, env: Env) -> Sql:
    left, right = _set(low, node.left, env), _set(low, node.right, env)

    def within(small: Sql, large: Sql) -> Sql:
        return function("list_has_all", large.copy(), small.copy())

    if node.op == "intersects":
        return function("list_has_any", left, right)
    if node.op == "subsetOf":
        return within(left, right)
    if node.op == "supersetOf":
        return within(right, left)
    same = all_of([within(left, right), within(right, left)])
    return not_(same) if node.op == "unequal" else same


def _set(low: Lowering, expr: Expr, env: Env) -> Sql:
    rows = low.rows(expr, env)
    kind = expr.type.item if isinstance(expr.type, ListType) else expr.type
    return listed_values(low, rows, _alike(item_column(rows.row), kind))


def _entities(base: Expr) -> bool:
    return isinstance(base.type, ListType) and isinstance(base.type.item, EntityType)


SETS: dict[type, Callable[[Lowering, Any, Env, bool], Sql]] = {
    Some: some,
    Truth: truth,
    IsNull: null_test,
    In: among,
    SetTest: set_test,
}
