"""The few SQLGlot nodes that lowering is written with.

Every function returns a new tree; a tree handed in becomes part of the result, so a stored one is copied
first. Text of users only ever enters as a literal node.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import cache
from itertools import islice

from sqlglot import exp

__all__ = [
    "FALSE",
    "NULL",
    "TRUE",
    "all_of",
    "any_of",
    "case",
    "cast",
    "column",
    "compare",
    "function",
    "is_null",
    "listed",
    "not_",
    "number",
    "once",
    "text",
    "try_cast",
    "written",
]

SMALL = 32  # nodes of an expression that may be written more than once
CALLS_DEEP = 10_000  # some twenty for each level of a definition

Sql = exp.Expr

COMPARISONS: dict[str, type[exp.Binary]] = {
    "=": exp.EQ,
    "!=": exp.NEQ,
    "<": exp.LT,
    "<=": exp.LTE,
    ">": exp.GT,
    ">=": exp.GTE,
}


def TRUE() -> Sql:  # noqa: N802 - a constant, made anew since trees own their parts
    """Always."""
    return exp.true()


def FALSE() -> Sql:  # noqa: N802
    """Never."""
    return exp.false()


def NULL(kind: str | None = None) -> Sql:  # noqa: N802
    """Nothing, of an SQL type."""
    return cast(exp.null(), kind) if kind else exp.null()


def column(table: str, name: str) -> Sql:
    """A column of a source, both quoted."""
    # Built by hand: `exp.column` would look at each name as text that might have to be parsed.
    return exp.Column(
        this=exp.Identifier(this=name, quoted=True), table=exp.Identifier(this=table, quoted=True)
    )


def text(value: str) -> Sql:
    """A literal."""
    return exp.Literal.string(value)


def number(value: int) -> Sql:
    """A literal."""
    literal: Sql = exp.Literal.number(abs(value))
    return exp.Neg(this=literal) if value < 0 else literal


def function(name: str, *arguments: Sql) -> Sql:
    """A call by DuckDB's own name, past SQLGlot's rewriting."""
    return exp.Anonymous(this=name, expressions=list(arguments))


@cache
def _kind(name: str) -> exp.DataType:
    return exp.DataType.build(name, dialect="duckdb")


def _of_kind(name: str) -> exp.DataType:
    known = _kind(name)
    return known.copy() if known.expressions else exp.DataType(this=known.this, nested=False)


def cast(value: Sql, kind: str) -> Sql:
    """A value as another SQL type; fails where it can't be."""
    return exp.Cast(this=value, to=_of_kind(kind))


def try_cast(value: Sql, kind: str) -> Sql:
    """A value as another SQL type; null where it can't be."""
    return exp.TryCast(this=value, to=_of_kind(kind))


def once(value: Sql, rule: Callable[[Sql], Sql]) -> Sql:
    """What a rule makes of a value that it writes several times; a large value is written and computed once.

    Else each level of an expression would multiply what is inside it. A rule refers to no other such value.
    """
    if next(islice(value.walk(), SMALL, None), None) is None:
        return rule(value)
    name = exp.Identifier(this="x", quoted=True)
    made = exp.Lambda(this=rule(exp.Column(this=name)), expressions=[name.copy()])
    return function("list_extract", function("list_transform", listed([value]), made), number(1))


def compare(op: str, left: Sql, right: Sql) -> Sql:
    """One of PQL's six comparisons; null if a side is."""
    return exp.Paren(this=COMPARISONS[op](this=left, expression=right))


def is_null(value: Sql, negated: bool = False) -> Sql:
    """That a value is (not) null; never null itself."""
    test = exp.Is(this=value, expression=exp.null())
    return exp.Paren(this=exp.Not(this=exp.Paren(this=test)) if negated else test)


def not_(condition: Sql) -> Sql:
    """The opposite; null of null."""
    return exp.Paren(this=exp.Not(this=exp.Paren(this=condition)))


def all_of(conditions: Iterable[Sql]) -> Sql:
    """All of them; true if there are none."""
    kept = list(conditions)
    return _joined(exp.And, kept) if kept else exp.true()


def any_of(conditions: Iterable[Sql]) -> Sql:
    """Any of them; false if there are none."""
    kept = list(conditions)
    return _joined(exp.Or, kept) if kept else exp.false()


def _joined(kind: type[exp.Connector], conditions: list[Sql]) -> Sql:
    if len(conditions) == 1:
        return conditions[0]
    whole = conditions[0]
    for condition in conditions[1:]:
        whole = kind(this=whole, expression=condition)
    return exp.Paren(this=whole)


def case(*branches: tuple[Sql, Sql], otherwise: Sql | None = None) -> Sql:
    """``CASE WHEN … THEN … ELSE otherwise END``; a null test is a false one."""
    return exp.Case(ifs=[exp.If(this=test, true=value) for test, value in branches], default=otherwise)


def listed(items: Iterable[Sql]) -> Sql:
    """``[a, b, …]``."""
    return exp.Array(expressions=list(items))


def written(query: exp.Expr) -> str:
    """A query in DuckDB's dialect, however deep it nests; the tree is used up."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, CALLS_DEEP))
    try:
        return query.sql(dialect="duckdb", copy=False)
    finally:
        sys.setrecursionlimit(before)
