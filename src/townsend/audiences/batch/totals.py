"""Counts and aggregates over lists.

What is counted for many owners is counted once for all of them, grouped by owner, and joined to whoever asks.
Where a list goes on from a set of entities to what belongs to each of them alone (accounts, then their
opportunities), each entity's share is added up first, and then the shares of the distinct entities.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from townsend.audiences.batch import numbers
from townsend.audiences.batch.frame import EntityRow, Env, Frame, Lowering, Rows
from townsend.audiences.batch.lists import dedupe
from townsend.audiences.batch.sql import NULL, Sql, case, column, compare, function, is_null, number
from townsend.audiences.batch.steps import simple_steps
from townsend.audiences.batch.values import figure, is_number
from townsend.audiences.core import Aggregate, Count, EntityType, Expr, Follow, Item, ListType, Where
from townsend.audiences.walk import free, is_list, spine

__all__ = ["Measured", "listed_values", "measured", "total"]

# A variable that no definition has: one entity of a set whose shares are added up.
SHARE = -1


@dataclass(eq=False)
class Measured:
    """A list of every owner, and what to compute over it.

    Args:
        result: the aggregate, of rows grouped by the link.
        nothing: the result for an owner without a list; None is null.
    """

    rows: Rows
    result: Sql
    nothing: int | None

    def by_owner(self, alias: str) -> Sql:
        """A source with the owner's id ``k`` and the result ``v``."""
        query = self.rows.frame.select(*self.rows.linked(), self.result.as_("v", quoted=True))
        query.set("group", exp.Group(expressions=[_link(self.rows)]))
        return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))


def total(low: Lowering, node: Count | Aggregate, env: Env) -> Sql:
    """A count or aggregate as a scalar."""
    found = measured(low, node, env)
    if found is None:
        return NULL(numbers.DECIMAL)
    owner = found.rows.owner
    if owner is None:
        return exp.Paren(this=found.rows.frame.select(found.result))
    alias = low.names.new()
    owner.frame.left_join(found.by_owner(alias), compare("=", column(alias, "k"), owner.id()))
    if found.nothing is None:
        return column(alias, "v")
    missing = is_null(column(alias, "k"))
    return exp.Paren(this=case((missing, number(found.nothing)), otherwise=column(alias, "v")))


def measured(low: Lowering, node: Count | Aggregate, env: Env) -> Measured | None:
    """The list and the aggregate over it; None if it is null whatever the facts."""
    if isinstance(node, Aggregate) and not is_number(node.body.type):
        return None if node.op != "sum" else Measured(low.rows(node.base, env), number(0), 0)
    shared = _shared(low, node)
    if shared is not None:
        found = _of_shares(low, node, shared, env)
        if found is not None:
            return found
    if isinstance(node, Count):
        rows = dedupe(low.rows(node.base, env, exact=not _entities(node.base)), low)
        return Measured(rows, function("count", exp.Star()), 0)
    uses = free(node.body) - {node.var}
    rows = low.rows(node.base, env, uses, exact=not _entities(node.base))
    value = figure(low, node.body, rows.bind(node.var))
    if not rows.exact:
        rows, value = _once(low, rows, value)
    else:
        rows, value = _own(low, rows, value)
    return Measured(rows, _aggregate(node.op, value), 0 if node.op == "sum" else None)


def listed_values(low: Lowering, rows: Rows, item: Sql) -> Sql:
    """The non-null items of a list as one SQL list."""
    nothing = exp.Array(expressions=[])
    rows.frame.require(is_null(item, negated=True))
    rows, item = _own(low, rows, item)
    if rows.owner is None:
        query = rows.frame.select(function("list", item.copy()))
        return function("coalesce", exp.Paren(this=query), nothing)
    alias = low.names.new()
    found = Measured(rows, function("list", item.copy()), None)
    rows.owner.frame.left_join(found.by_owner(alias), compare("=", column(alias, "k"), rows.owner.id()))
    return function("coalesce", column(alias, "v"), nothing)


def _entities(base: Expr) -> bool:
    return isinstance(base.type, ListType) and isinstance(base.type.item, EntityType)


def _aggregate(op: str, value: Sql) -> Sql:
    if op == "average":
        return numbers.average(function("sum", value), function("count", value.copy()))
    if op == "sum":
        return numbers.fit(function("coalesce", function("sum", value), number(0)))
    return function(op, value)


def _once(low: Lowering, rows: Rows, value: Sql) -> tuple[Rows, Sql]:
    """The rows of distinct entities, with the value that each has."""
    assert isinstance(rows.row, EntityRow)
    alias = low.names.new()
    query = rows.frame.select(
        *rows.linked(), rows.row.id().as_("i", quoted=True), value.as_("x", quoted=True), distinct=True
    )
    frame = Frame(exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True))))
    link = None if rows.link is None else column(alias, "k")
    return Rows(frame, rows.row, {}, rows.owner, link, True), column(alias, "x")


def _own(low: Lowering, rows: Rows, value: Sql) -> tuple[Rows, Sql]:
    """The rows with the value as a column of their own, where SQL needs that before it can be added up.

    Of columns from outside alone an aggregate would belong to the query outside, and grouped rows can't ask
    a query inside.
    """
    if rows.link is not None and value.find(exp.Select) is None:
        return rows, value
    alias = low.names.new()
    query = rows.frame.select(*rows.linked(), value.as_("x", quoted=True))
    frame = Frame(exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True))))
    link = None if rows.link is None else column(alias, "k")
    return Rows(frame, rows.row, {}, rows.owner, link, True), column(alias, "x")


def _link(rows: Rows) -> Sql:
    assert rows.link is not None
    return rows.link.copy()


# ---------------------------------------------------------------- shares


def _shared(low: Lowering, node: Count | Aggregate) -> Expr | None:
    """The list of entities of which each has its own share; None if there is nothing to gain."""
    if isinstance(node, Aggregate) and not free(node.body) <= {node.var}:
        return None
    expr, found = node.base, None
    while is_list(expr) and isinstance(expr, Where | Follow):
        if isinstance(expr, Where):
            if not free(expr.cond) <= {expr.var}:
                break
        elif not is_list(expr.base) or not all(
            one.functional for one in simple_steps(low.tables.schema, expr)
        ):
            break
        else:
            found = expr.base
        expr = expr.base
    if found is None or not any(
        isinstance(one, Follow) and not all(s.functional for s in simple_steps(low.tables.schema, one))
        for one in spine(found)
    ):
        return None
    return found if _entities(found) else None


def _of_shares(low: Lowering, node: Count | Aggregate, shared: Expr, env: Env) -> Measured | None:
    assert isinstance(shared.type, ListType)
    rows = low.rows(shared, env)
    own = _replaced(node.base, shared, Item(SHARE, shared.type.item))
    inner = low.rows(own, rows.bind(SHARE))
    if inner.owner is None:
        return None  # nothing is stored
    if isinstance(node, Count):
        parts = [function("count", exp.Star())]
    else:
        value = figure(low, node.body, inner.bind(node.var))
        parts = [function("sum" if node.op == "average" else node.op, value)]
        if node.op == "average":
            parts.append(function("count", value.copy()))
    alias = low.names.new()
    named = [part.as_(f"p{at}", quoted=True) for at, part in enumerate(parts)]
    query = inner.frame.select(*inner.linked(), *named)
    query.set("group", exp.Group(expressions=[_link(inner)]))
    source = exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    rows.frame.join(source, compare("=", column(alias, "k"), inner.owner.id()))
    shares = [column(alias, f"p{at}") for at in range(len(parts))]
    if not rows.exact:
        rows, shares = _shares_once(low, rows, shares)
    return Measured(rows, *_combined(node, shares))


def _shares_once(low: Lowering, rows: Rows, shares: list[Sql]) -> tuple[Rows, list[Sql]]:
    assert isinstance(rows.row, EntityRow)
    alias = low.names.new()
    named = [share.as_(f"p{at}", quoted=True) for at, share in enumerate(shares)]
    query = rows.frame.select(*rows.linked(), rows.row.id().as_("i", quoted=True), *named, distinct=True)
    frame = Frame(exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True))))
    link = None if rows.link is None else column(alias, "k")
    moved = Rows(frame, rows.row, {}, rows.owner, link, True)
    return moved, [column(alias, f"p{at}") for at in range(len(shares))]


def _combined(node: Count | Aggregate, shares: list[Sql]) -> tuple[Sql, int | None]:
    if isinstance(node, Count):
        return function("coalesce", function("sum", shares[0]), number(0)), 0
    if node.op == "average":
        return numbers.average(function("sum", shares[0]), function("sum", shares[1])), None
    return _aggregate(node.op, shares[0]), 0 if node.op == "sum" else None


def _replaced(expr: Expr, old: Expr, new: Expr) -> Expr:
    """``expr`` with ``new`` in the place of ``old`` on its spine."""
    from dataclasses import replace

    if expr is old:
        return new
    assert isinstance(expr, Where | Follow)
    return replace(expr, base=_replaced(expr.base, old, new))
