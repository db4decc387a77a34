"""From a resolved definition to one SQL query."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlglot import exp

from townsend.audiences.batch import lists, times, totals, values
from townsend.audiences.batch.chains import chain
from townsend.audiences.batch.conditions import CONDITIONS, set_alone, settled
from townsend.audiences.batch.frame import (
    EntityRow,
    Env,
    Frame,
    Lowering,
    Names,
    Rows,
    as_source,
    named_table,
)
from townsend.audiences.batch.functions import FUNCTIONS
from townsend.audiences.batch.order import stages
from townsend.audiences.batch.sets import SETS
from townsend.audiences.batch.sql import FALSE, Sql, column, compare, function, number, written
from townsend.audiences.batch.tables import Tables, empty
from townsend.audiences.core import (
    Aggregate,
    Chain,
    Count,
    Definition,
    Expr,
    InSegment,
    Listed,
    Occurs,
    ScalarType,
    Tail,
)
from townsend.problem import Broken

__all__ = ["Lower"]

Condition = Callable[[Lowering, Any, Env, bool], Sql]
HOLDS: dict[type, Condition] = {**CONDITIONS, **SETS, Occurs: times.occurs, Chain: chain}


class Lower:
    """Lowering for one unified world; see ``frame.Lowering``.

    Args:
        one_in: of about so many entities of the root class only one is looked at, the same ones each time.
    """

    def __init__(self, tables: Tables, one_in: int = 1) -> None:
        self.tables = tables
        self.one_in = one_in
        self.names = Names()

    def under(self, policy: str | None) -> Lower:
        """The same over the same facts merged by a named policy, its aliases differing from these."""
        tables = self.tables.under(policy)
        if tables is self.tables:
            return self
        other = Lower(tables)
        other.names = self.names
        return other

    def members(self, definition: Definition, retired: bool = False, among: str | None = None) -> exp.Select:
        """The query for all that meet a definition.

        Args:
            among: a table in whose column ``id`` are all who matter, all of them there now.
        """
        cls = definition.of
        if not self.tables.exists(cls):
            alias = self.names.new()
            return Frame(empty(alias, id="INTEGER")).select(column(alias, "id"))
        earlier: list[tuple[str, exp.Select]] = []
        if self.one_in > 1 and not retired:
            among = self.names.new()
            earlier.append((among, self._sample(cls)))
        # Retired entities are asked for rarely, and only from inside another condition.
        asked = [[definition.condition]] if retired else stages(self.tables, definition)
        for together in asked:
            query = self._together(cls, together, among, retired)
            among = self.names.new()
            earlier.append((among, query))
        _, last = earlier.pop()
        for name, query in earlier:
            named = exp.TableAlias(this=exp.to_identifier(name, quoted=True))
            last.with_(named, query, materialized=True, copy=False)
        return last

    def _together(self, cls: str, conditions: list[Expr], among: str | None, retired: bool) -> exp.Select:
        """The ids of entities that meet some conditions, of a class or among those of a table."""
        row = (
            self.anyone(cls, retired)
            if among is None
            else self.one_of(cls, named_table(among, self.names.new()), among)
        )
        first, *others = conditions
        holds = [self.condition(first, {0: row})]
        alone = None if retired or self.tables.is_event(cls) else set_alone(row, holds[0])
        if alone is not None:
            # A set of ids is small beside the class: start there, and leave out who is not there now.
            row, holds = self._of_set(cls, alone, among), []
            if isinstance(first, InSegment | Listed):
                row.frame.only(row.id(), among)  # those it names are any of the class
        holds += [self.condition(one, {0: row}) for one in others]
        for one in holds:
            row.frame.require(one)
        return row.frame.select(row.id().as_("id", quoted=True))

    def _of_set(self, cls: str, ids: exp.Select, among: str | None) -> EntityRow:
        """One of the entities whose ids a query gives, which may hold retired ones and those of later."""
        row = self.one_of(cls, as_source(ids, self.names.new()), among)
        if among is None:
            for source in self.tables.absent(cls, self.names.new):
                row.frame.without(row.id(), source)
        return row

    def _sample(self, cls: str) -> exp.Select:
        row = self.anyone(cls)
        rest = exp.Mod(this=function("hash", row.id()), expression=number(self.one_in))
        row.frame.require(compare("=", exp.Paren(this=rest), number(0)))
        return row.frame.select(row.id().as_("id", quoted=True))

    def anyone(self, cls: str, retired: bool = False) -> EntityRow:
        """Any entity of a class that is there now, in a frame of its own."""
        alias = self.names.new()
        frame = Frame(self.tables.entities(cls, alias, retired))
        if not retired:
            frame.require(self.tables.born(cls, alias))
        key = column(alias, self.tables.id_name(cls))
        return EntityRow(self.tables, frame, self.names, cls, key, alias, retired=retired)

    def one_of(self, cls: str, source: Sql, among: str | None) -> EntityRow:
        """One of the entities whose ids a source has in ``id``, all of them in the table ``among``."""
        key = column(source.alias, "id")
        return EntityRow(self.tables, Frame(source), self.names, cls, key, among=among, sure=True)

    def value(self, expr: Expr, env: Env) -> Sql:
        if isinstance(expr, Count | Aggregate):
            return totals.total(self, expr, env)
        rule = values.SCALARS.get(type(expr)) or FUNCTIONS.get(type(expr))
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
        found: tuple[Any, ...] | None = self.tables.con.execute(written(query)).fetchone()
        assert found is not None
        worth: int | Decimal | str | bool | None = found[0]
        return worth


def _unknown(expr: Expr) -> Broken:
    name = type(expr).__name__
    return Broken(
        "batch.node", f"batch evaluation has no rule for {name}; `gaps` should have said so", node=name
    )
