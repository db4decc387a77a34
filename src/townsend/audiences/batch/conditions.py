"""Conditions: SQL that is true exactly where the condition holds.

Null counts as false everywhere but under a negation; there, and only there, a condition is asked to be
``definite``. So a comparison stays bare where DuckDB can push it down to the rows it reads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import re2
from sqlglot import exp

from townsend.audiences.batch.frame import EntityRow, Env, Frame, Lowering
from townsend.audiences.batch.sql import (
    FALSE,
    TRUE,
    Sql,
    all_of,
    any_of,
    column,
    compare,
    function,
    is_null,
    not_,
    text,
)
from townsend.audiences.batch.totals import measured
from townsend.audiences.batch.values import group
from townsend.audiences.core import (
    Aggregate,
    And,
    Compare,
    Const,
    Count,
    EntityType,
    Expr,
    InSegment,
    Listed,
    LoadedSegment,
    Not,
    Or,
    ScalarType,
    Text,
)

__all__ = ["CONDITIONS", "member", "nothing_passes", "set_alone", "settled", "total_and_number"]

FLIPPED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
# Statuses of a loaded membership that mean "a member now".
STILL_IN = ("realized", "existing")


def settled(condition: Sql, definite: bool) -> Sql:
    """False instead of null, where it matters."""
    return function("coalesce", condition, FALSE()) if definite else condition


def member(owner: EntityRow, query: exp.Select, negated: bool = False) -> Sql:
    """That an entity's id is (not) among the ids of a query, which holds no nulls; never null."""
    found = exp.Paren(this=exp.In(this=owner.id(), query=exp.Subquery(this=query)))
    if negated:
        outside: Sql = exp.Paren(this=exp.Not(this=found))
        return any_of([is_null(owner.id()), outside]) if owner.absent else outside
    return all_of([is_null(owner.id(), negated=True), found]) if owner.absent else found


def set_alone(owner: EntityRow, condition: Sql) -> exp.Select | None:
    """The query of ``member``, its ids once each as ``id``, if a condition on the owner is nothing else."""
    found = condition.this if isinstance(condition, exp.Paren) else None
    if not isinstance(found, exp.In) or owner.frame.is_joined or found.this != owner.key:
        return None
    query: exp.Select = found.args["query"].this
    (link,) = query.expressions
    query.set("expressions", [link.unalias().as_("id", quoted=True)])
    if not query.args.get("group"):
        query.distinct(copy=False)
    return query


def and_(low: Lowering, node: And, env: Env, definite: bool) -> Sql:
    """All of them."""
    return all_of([low.condition(item, env, definite) for item in node.items])


def or_(low: Lowering, node: Or, env: Env, definite: bool) -> Sql:
    """Any of them."""
    return any_of([low.condition(item, env, definite) for item in node.items])


def negation(low: Lowering, node: Not, env: Env, _: bool) -> Sql:
    """The opposite."""
    return not_(low.condition(node.item, env, True))


# ---------------------------------------------------------------- comparisons


def comparison(low: Lowering, node: Compare, env: Env, definite: bool) -> Sql:
    """Equality of two scalars or entities; order of numbers and instants."""
    against = total_and_number(node)
    if against is not None:
        return _total_compared(low, *against, env, definite)
    kinds = {group(node.left.type), group(node.right.type)}
    if len(kinds) > 1:
        both = [is_null(low.value(side, env), negated=True) for side in (node.left, node.right)]
        return all_of(both) if node.op == "!=" else FALSE()
    if node.op not in ("=", "!=") and kinds != {"number"}:
        return FALSE()
    return settled(compare(node.op, low.value(node.left, env), low.value(node.right, env)), definite)


def total_and_number(node: Compare) -> tuple[Count | Aggregate, str, Const] | None:
    """The sides of a comparison of a total with a number, the total first; None if it is another."""
    for total, op, other in ((node.left, node.op, node.right), (node.right, FLIPPED[node.op], node.left)):
        if (
            isinstance(total, Count | Aggregate)
            and isinstance(other, Const)
            and group(other.type) == "number"
        ):
            return total, op, other
    return None


def _total_compared(
    low: Lowering, total: Count | Aggregate, op: str, const: Const, env: Env, definite: bool
) -> Sql:
    """A total against a number: a set of owners, where the total is taken for all of them."""
    found = measured(low, total, env)
    if found is None or const.value is None:
        return FALSE()
    limit = low.value(const, env)
    if found.rows.owner is None or found.rows.link is None:
        worth = exp.Paren(this=found.rows.frame.select(found.result))
        return settled(compare(op, worth, limit), definite)
    holds_for_nothing = nothing_passes(found.nothing, op, const)
    passes = compare(op, found.result, limit)
    if holds_for_nothing:
        passes = not_(function("coalesce", passes, FALSE()))
    query = found.rows.frame.select(found.rows.link.copy())
    query.set("group", exp.Group(expressions=[found.rows.link.copy()]))
    query.set("having", exp.Having(this=passes))
    return member(found.rows.owner, query, negated=holds_for_nothing)


def nothing_passes(value: int | None, op: str, const: Const) -> bool:
    """Whether an owner without a list passes, whose total is ``value``; None is null."""
    limit = const.value
    if value is None:
        return False
    assert limit is not None
    assert not isinstance(limit, str)
    return {
        "=": value == limit,
        "!=": value != limit,
        "<": value < limit,
        "<=": value <= limit,
        ">": value > limit,
        ">=": value >= limit,
    }[op]


# ---------------------------------------------------------------- text


def text_test(low: Lowering, node: Text, env: Env, definite: bool) -> Sql:
    """A test of two strings."""
    if not (_is_string(node.subject) and _is_string(node.pattern)):
        return FALSE()
    if node.op == "matches" and isinstance(node.pattern, Const):
        return settled(_matches(low.value(node.subject, env), str(node.pattern.value)), definite)
    subject, pattern = low.value(node.subject, env), low.value(node.pattern, env)
    if not node.case and node.op not in ("like", "matches"):
        subject, pattern = function("lower", subject), function("lower", pattern)
    tests: dict[str, Callable[[Sql, Sql], Sql]] = {
        "equals": lambda a, b: compare("=", a, b),
        "notEqualTo": lambda a, b: compare("!=", a, b),
        "startsWith": lambda a, b: function("starts_with", a, b),
        "doesNotStartWith": lambda a, b: not_(function("starts_with", a, b)),
        "endsWith": lambda a, b: function("ends_with", a, b),
        "doesNotEndWith": lambda a, b: not_(function("ends_with", a, b)),
        "contains": lambda a, b: function("contains", a, b),
        "doesNotContain": lambda a, b: not_(function("contains", a, b)),
        "like": lambda a, b: exp.Paren(this=exp.Like(this=a, expression=b)),
        "matches": lambda a, b: function("try", function("regexp_matches", a, b)),
    }
    return settled(tests[node.op](subject, pattern), definite)


def _is_string(expr: Expr) -> bool:
    return isinstance(expr.type, ScalarType) and expr.type.name == "string"


def _matches(subject: Sql, pattern: str) -> Sql:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error:
        return FALSE()  # a pattern that RE2 can't read matches nothing
    return function("regexp_matches", subject, text(pattern))


# ---------------------------------------------------------------- other audiences


def in_segment(low: Lowering, node: InSegment, env: Env, _: bool) -> Sql:
    """A member of another audience, at the same instant."""
    subject = low.entity(node.subject, env)
    if subject is None:
        return FALSE()
    return member(subject, low.under(node.policy).members(node.definition, retired=subject.retired))


def listed(low: Lowering, node: Listed, env: Env, _: bool) -> Sql:
    """One of the entities that a list audience names."""
    subject = low.entity(node.subject, env)
    if subject is None:
        return FALSE()
    alias = subject.names.new()
    return member(subject, Frame(low.tables.listed(node.name, alias)).select(column(alias, "id")))


def loaded_segment(low: Lowering, node: LoadedSegment, env: Env, _: bool) -> Sql:
    """A membership that came with the data, in any namespace."""
    subject = low.entity(node.subject, env)
    stored = None if subject is None else subject.field("segmentMembership")
    if stored is None:
        return FALSE()
    path = f'$.*."{node.name}".status'
    found = function("json_extract_string", stored, text(path))
    wanted = exp.Array(expressions=[text(one) for one in STILL_IN])
    return function("coalesce", function("list_has_any", found, wanted), FALSE())


def const(_: Lowering, node: Const, __: Env, ___: bool) -> Sql:
    """A literal."""
    return TRUE() if node.value is True else FALSE()


def same_type(left: Expr, right: Expr) -> bool:
    """Whether values of the two can be equal."""
    kinds = (ScalarType, EntityType)
    return (
        isinstance(left.type, kinds)
        and isinstance(right.type, kinds)
        and group(left.type) == group(right.type)
    )


CONDITIONS: dict[type, Callable[[Lowering, Any, Env, bool], Sql]] = {
    And: and_,
    Or: or_,
    Not: negation,
    Compare: comparison,
    Text: text_test,
    InSegment: in_segment,
    Listed: listed,
    LoadedSegment: loaded_segment,
    Const: const,
}
