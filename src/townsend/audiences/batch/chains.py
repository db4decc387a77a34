"""Sequences of events, by earliest times.

Without gaps the greedy choice is exact: if any choice of events meets the steps, then so does the one that
ends each step as early as it can. So a step is the n-th smallest time of its events that are later than the
end of the step before: one grouping for all owners, and one join with the step before.
"""

from __future__ import annotations

from sqlglot import exp

from townsend.audiences.batch.conditions import member
from townsend.audiences.batch.frame import EntityRow, Env, Lowering, Rows
from townsend.audiences.batch.sql import FALSE, Sql, all_of, column, compare, function, number
from townsend.audiences.core import Chain, Expr, Step, Tail
from townsend.audiences.walk import free, tail_parts

__all__ = ["chain"]


def chain(low: Lowering, node: Chain, env: Env, _: bool) -> Sql:
    """Whether all steps can be met in order; never null."""
    wheres = [low.condition(step.where, env, True) for step in node.steps if step.where is not None]
    uses = _uses(node)
    before: exp.Select | None = None
    rows: Rows | None = None
    for at, step in enumerate(node.steps):
        rows = low.rows(node.base, env, uses, exact=step.count > 1)
        time = rows.row.field(node.time) if isinstance(rows.row, EntityRow) else None
        if time is None:
            return FALSE()
        inner = rows.bind(node.var)
        if step.when is not None:
            rows.frame.require(low.within(time.copy(), step.when, inner))
        rows.frame.require(low.condition(step.what, inner))
        if before is not None:
            _after(low, rows, time, before)
        before = _met(rows, time, step.count, last=at == len(node.steps) - 1)
    assert rows is not None
    assert before is not None
    if rows.owner is None:
        return all_of([*wheres, exp.Exists(this=before)])
    return all_of([*wheres, member(rows.owner, before)])


def _after(low: Lowering, rows: Rows, time: Sql, before: exp.Select) -> None:
    """Keep the events later than the end of the step before."""
    if rows.link is None:
        rows.frame.require(compare(">", time.copy(), exp.Paren(this=before)))
        return
    alias = low.names.new()
    source = exp.Subquery(this=before, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    later = compare(">", time.copy(), column(alias, "t"))
    rows.frame.join(source, all_of([compare("=", column(alias, "k"), rows.link.copy()), later]))


def _met(rows: Rows, time: Sql, count: int, last: bool) -> exp.Select:
    """The owners who meet a step in ``k``, and its earliest end in ``t``."""
    if last and count == 1:
        return rows.frame.select(*(rows.linked() or [number(1)]))
    ends: Sql = function("min", time.copy())
    if count > 1:
        ends = function("list_extract", function("min", time.copy(), number(count)), number(count))
    end = [] if last else [ends.as_("t", quoted=True)]
    query = rows.frame.select(*rows.linked(), *(end or ([] if rows.link is not None else [number(1)])))
    if rows.link is not None:
        query.set("group", exp.Group(expressions=[rows.link.copy()]))
    enough = compare(">=", function("count", exp.Star()), number(count))
    query.set("having", exp.Having(this=enough))
    return query


def _uses(node: Chain) -> frozenset[int]:
    found: frozenset[int] = frozenset()
    for step in node.steps:
        for inner in _conditions(step):
            found |= free(inner) - {node.var}
    return found


def _conditions(step: Step) -> list[Expr]:
    when: Tail | None = step.when
    return [step.what, *(tail_parts(when) if when is not None else ())]
