"""From a resolved definition to one SQL query."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlglot import exp

from townsend.audiences.batch import lists, times, totals, values
from townsend.audiences.batch.chains import chain
from townsend.audiences.batch.conditions import CONDITIONS, settled
from townsend.audiences.batch.frame import EntityRow, Env, Frame, Lowering, Names, Rows
from townsend.audiences.batch.sets import SETS
from townsend.audiences.batch.sql import FALSE, Sql, column
from townsend.audiences.batch.tables import Tables, empty
from townsend.audiences.core import Aggregate, Chain, Count, Definition, Expr, Occurs, ScalarType, Tail
from townsend.problem import Broken

__all__ = ["Lower"]

Condition = Callable[[Lowering, Any, Env, bool], Sql]
HOLDS: dict[type, Condition] = {**CONDITIONS, **SETS, Occurs: times.occurs, Chain: chain}


class Lower:
    """Lowering for one unified world; see ``frame.Lowering``."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.names = Names()

    def members(self, definition: Definition, retired: bool = False) -> exp.Select:
        alias = self.names.new()
        cls = definition.of
        if not self.tables.exists(cls):
            return Frame(empty(alias, id="INTEGER")).select(column(alias, "id"))
        frame = Frame(self.tables.entities(cls, alias, retired))
        if not retired:
            frame.require(self.tables.born(cls, alias))
        row = EntityRow(
            self.tables,
            frame,
            self.names,
            cls,
            column(alias, self.tables.id_name(cls)),
            alias,
            retired=retired,
        )
        frame.require(self.condition(definition.condition, {0: row}))
        return frame.select(row.id().as_("id", quoted=True))

    def value(self, expr: Expr, env: Env) -> Sql:
        if isinstance(expr, Count | Aggregate):
            return totals.total(self, expr, env)
        rule = values.SCALARS.get(type(expr))
        if rule is not None:
            return rule(self, expr, env)
        if type(expr) in HOLDS:
            return self.condition(expr, env, True)
        raise _unknown(expr)

    def json(self, expr: Expr, env: Env) -> Sql:
        rule = values.JSON.get(type(expr))
        if rule is None:
            raise _unknown(expr)
        return rule(self, expr, env)

    def condition(self, expr: Expr, env: Env, definite: bool = False) -> Sql:
        rule: Condition | None = HOLDS.get(type(expr))
        if rule is not None:
            return rule(self, expr, env, definite)
        if isinstance(expr.type, ScalarType) and expr.type.name == "boolean":
            return settled(self.value(expr, env), definite)
        return FALSE()

    def within(self, value: Sql, tail: Tail, env: Env) -> Sql:
        return times.within(self, value, tail, env)

    def entity(self, expr: Expr, env: Env) -> EntityRow | None:
        return values.entity(self, expr, env)

    def rows(self, expr: Expr, env: Env, uses: frozenset[int] = frozenset(), exact: bool = False) -> Rows:
        return lists.rows(self, expr, env, uses, exact)

    def constant(self, expr: Expr) -> int | Decimal | str | bool | None:
        query = exp.Select(expressions=[self.value(expr, {})])
        found: tuple[Any, ...] | None = self.tables.con.execute(query.sql(dialect="duckdb")).fetchone()
        assert found is not None
        worth: int | Decimal | str | bool | None = found[0]
        return worth


def _unknown(expr: Expr) -> Broken:
    name = type(expr).__name__
    return Broken(
        "batch.node", f"batch evaluation has no rule for {name}; `gaps` should have said so", node=name
    )
