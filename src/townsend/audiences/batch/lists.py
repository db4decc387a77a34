"""Lists as rows: relationships become joins, brackets become conditions.

A list that starts at one entity and whose conditions look at nothing outside it (but that entity) is written
for *all* entities of the class at once, with a ``link`` to tell them apart; so it is computed once, as a set,
however many rows ask for it. Any other list refers to the rows outside, and DuckDB takes it apart.
"""

from __future__ import annotations

from sqlglot import exp

from townsend.audiences.batch.frame import EntityRow, Env, Frame, ItemRow, Lowering, Row, Rows, ValueRow
from townsend.audiences.batch.json import read
from townsend.audiences.batch.sql import NULL, Sql, column, compare, function, is_null, listed, try_cast
from townsend.audiences.batch.steps import Step, extended, simple_steps, started
from townsend.audiences.batch.tables import empty
from townsend.audiences.core import (
    AllOf,
    Distinct,
    Each,
    EntityType,
    Expr,
    Follow,
    Item,
    ListOf,
    ListType,
    Ordered,
    Ranked,
    ScalarType,
    Type,
    Where,
)
from townsend.audiences.walk import is_list, spine, spine_uses
from townsend.problem import Broken

__all__ = ["SQL_TYPES", "dedupe", "item_column", "moved", "rows"]

HOPS_MAX = 2  # to-many steps after which repeated entities are dropped before the next one
SQL_TYPES = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "integer": "DECIMAL(38, 9)",
    "number": "DECIMAL(38, 9)",
    "datetime": "BIGINT",
    "date": "BIGINT",
}


def rows(
    low: Lowering, expr: Expr, env: Env, uses: frozenset[int] = frozenset(), exact: bool = False
) -> Rows:
    """A list expression as rows; see ``Lowering.rows``."""
    *_, last = spine(expr)
    builder = _Builder(low, env)
    if isinstance(last, Follow):
        return builder.follow(expr, last, uses | spine_uses(expr), exact)
    return builder.on(expr, last, builder.start(last), exact)


def dedupe(rows: Rows, low: Lowering) -> Rows:
    """The same entities, each once in its list."""
    if rows.exact or not isinstance(rows.row, EntityRow):
        return rows
    old = rows.row
    alias = low.names.new()
    query = rows.frame.select(*rows.linked(), old.id().as_("i", quoted=True), distinct=True)
    frame = Frame(exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(alias))))
    row = EntityRow(
        old.tables, frame, old.names, old.cls, column(alias, "i"), absent=old.absent, retired=old.retired
    )
    return moved(rows, frame, alias, row)


def item_column(row: Row) -> Sql:
    """What stands for an item in a column of its own."""
    match row:
        case EntityRow():
            return row.id()
        case ItemRow():
            return row.json.copy()
        case ValueRow():
            return row.value.copy()


def moved(rows: Rows, frame: Frame, alias: str, row: Row) -> Rows:
    """Rows of a new frame that has the link in column ``k``; the owner can be asked for fields there too."""
    if rows.link is None:
        return Rows(frame, row, rows.env, exact=True)
    link = column(alias, "k")
    env = {
        var: EntityRow(one.tables, frame, one.names, one.cls, link.copy(), retired=one.retired)
        for var, one in rows.env.items()
        if isinstance(one, EntityRow)
    }
    return Rows(frame, row, env, rows.owner, link, True)


class _Builder:
    """One list, from what it starts with to its last bracket."""

    def __init__(self, low: Lowering, env: Env) -> None:
        self.low = low
        self.env = env

    # -------------------------------------------------------- where lists start

    def follow(self, expr: Expr, last: Follow, uses: frozenset[int], exact: bool) -> Rows:
        owner = self.low.entity(last.base, self.env)
        steps = simple_steps(self.low.tables.schema, last)
        var = last.base.var if isinstance(last.base, Item) else None
        while owner is not None and not steps[0].many:
            owner, var = owner.one(steps[0].reference, steps[0].far, last.retired), None
            steps = steps[1:]
        if owner is None:
            return self.on(expr, last, self._nothing(last.type), exact)
        # What hangs on an owner outside is asked for by that owner only, so his table need not be named.
        found = started(self.low, steps[0], last.retired, owner.among, owner.retired)
        if found is None:
            return self.on(expr, last, self._nothing(last.type), exact)
        if uses and (var is None or not uses <= {var}):
            found.frame.require(compare("=", found.link or NULL(), owner.id()))
            found.link, found.env = None, self.env
        else:
            found.owner = owner
            if uses and var is not None:
                assert found.link is not None
                inner = EntityRow(
                    owner.tables,
                    found.frame,
                    owner.names,
                    owner.cls,
                    found.link.copy(),
                    retired=owner.retired,
                )
                found.env = {var: inner}
        for step in steps[1:]:
            found = self._bounded(found, step)
            if not extended(self.low, found, step, last.retired):
                return self.on(expr, last, self._nothing(last.type), exact)
        return self.on(expr, last, dedupe(found, self.low) if exact else found, exact)

    def start(self, last: Expr) -> Rows:
        """A list that does not start with a relationship: a literal, an array, an undeclared value."""
        if isinstance(last, AllOf) and not self.low.tables.exists(last.cls):
            return self._nothing(last.type)
        if isinstance(last, AllOf):
            anyone = self.low.anyone(last.cls)
            return Rows(anyone.frame, anyone, self.env)
        alias = self.low.names.new()
        kind = last.type.item if isinstance(last.type, ListType) else last.type
        if isinstance(last, ListOf):
            values = [self.low.value(item, self.env) for item in last.items]
            made: Sql = listed(values)
            if isinstance(kind, ScalarType):
                made = try_cast(made, SQL_TYPES[kind.name] + "[]")
        else:
            made = try_cast(self.low.json(last, self.env), "JSON[]")
        query = exp.Select(expressions=[function("unnest", made).as_("x", quoted=True)])
        frame = Frame(_subquery(query, alias))
        item = column(alias, "x")
        literal = isinstance(last, ListOf) and isinstance(kind, ScalarType)
        return Rows(frame, ValueRow(item, kind) if literal else _json_row(item, kind), self.env)

    def _nothing(self, kind: Type) -> Rows:
        """No items at all, of that type."""
        alias = self.low.names.new()
        frame = Frame(empty(alias, x="INTEGER"))
        item = kind.item if isinstance(kind, ListType) else kind
        if not isinstance(item, EntityType):
            raise Broken("batch.type", f"a relationship leads to {item}, which is no entity")
        row = EntityRow(self.low.tables, frame, self.low.names, item.cls, column(alias, "x"))
        return Rows(frame, row, self.env)

    # -------------------------------------------------------- what follows

    def on(self, expr: Expr, last: Expr, start: Rows, exact: bool) -> Rows:
        """``expr`` on top of the rows of ``last``, which is on its spine."""
        if expr is last:
            return start
        if isinstance(expr, Where):
            found = self.on(expr.base, last, start, exact)
            found.frame.require(self.low.condition(expr.cond, found.bind(expr.var)))
            return found
        if isinstance(expr, Ordered):
            return self.on(expr.base, last, start, exact)  # whoever looks at the order makes it
        if isinstance(expr, Ranked):
            from townsend.audiences.batch.ranks import ranked

            return ranked(self.low, expr, self.on(expr.base, last, start, exact))
        if isinstance(expr, Each):
            return self._each(expr, self.on(expr.base, last, start, exact), exact)
        if isinstance(expr, Distinct):
            return self._distinct(self.on(expr.base, last, start, False))
        if isinstance(expr, Follow):
            found = self.on(expr.base, last, start, False)
            for step in simple_steps(self.low.tables.schema, expr):
                found = self._bounded(found, step)
                if not extended(self.low, found, step, expr.retired):
                    return self._nothing(expr.type)
            return dedupe(found, self.low) if exact else found
        raise Broken("batch.node", f"{type(expr).__name__} is no list", node=type(expr).__name__)

    def _bounded(self, rows: Rows, step: Step) -> Rows:
        """Rows that a long path does not multiply without end: now and then each entity once."""
        return dedupe(rows, self.low) if step.many and rows.hops >= HOPS_MAX else rows

    def _each(self, each: Each, base: Rows, exact: bool) -> Rows:
        env = base.bind(each.var)
        body = each.body
        if is_list(body):
            return self._flattened(body, base, env, exact)
        row: Row
        if isinstance(body.type, EntityType):
            row = self.low.entity(body, env) or EntityRow(
                self.low.tables, base.frame, self.low.names, body.type.cls, NULL("INTEGER"), absent=True
            )
        elif isinstance(body.type, ScalarType):
            row = ValueRow(self.low.value(body, env), body.type)
        else:
            row = ItemRow(self.low.json(body, env), body.type)
        return Rows(base.frame, row, base.env, base.owner, base.link, base.exact)

    def _flattened(self, body: Expr, base: Rows, env: Env, exact: bool) -> Rows:
        """The items of the list that ``body`` is for each row of ``base``."""
        *_, last = spine(body)
        alias = self.low.names.new()
        if not isinstance(last, Follow):
            array = try_cast(self.low.json(last, env), "JSON[]")
            query = base.frame.select(*base.linked(), function("unnest", array).as_("x", quoted=True))
            kind = last.type.item if isinstance(last.type, ListType) else last.type
            frame = Frame(_subquery(query, alias))
            items = moved(base, frame, alias, _json_row(column(alias, "x"), kind))
            items.exact = base.exact
            return self.on(body, last, items, exact)
        inner = rows(self.low, body, env, exact=exact)
        if inner.link is None or inner.owner is None:
            raise Broken("batch.each", "a list for each item that looks outside it; it is declared as a gap")
        query = inner.frame.select(*inner.linked(), item_column(inner.row).as_("x", quoted=True))
        base.frame.join(_subquery(query, alias), compare("=", column(alias, "k"), inner.owner.id()))
        item = column(alias, "x")
        row: Row
        if isinstance(inner.row, EntityRow):
            one = inner.row
            row = EntityRow(
                one.tables, base.frame, one.names, one.cls, item, absent=one.absent, retired=one.retired
            )
        elif isinstance(inner.row, ValueRow):
            row = ValueRow(item, inner.row.type)
        else:
            row = ItemRow(item, inner.row.type)
        return Rows(base.frame, row, base.env, base.owner, base.link, base.exact and inner.exact)

    def _distinct(self, base: Rows) -> Rows:
        if isinstance(base.row, EntityRow):
            base.frame.require(is_null(base.row.id(), negated=True))
            base.exact = False
            return dedupe(base, self.low)
        alias = self.low.names.new()
        base.frame.require(is_null(item_column(base.row), negated=True))
        query = base.frame.select(*base.linked(), item_column(base.row).as_("x", quoted=True), distinct=True)
        frame = Frame(_subquery(query, alias))
        return moved(base, frame, alias, ValueRow(column(alias, "x"), base.row.type))


def _json_row(item: Sql, kind: Type) -> Row:
    if isinstance(kind, ScalarType):
        return ValueRow(read(item, kind.name), kind)
    return ItemRow(item, kind)


def _subquery(query: exp.Select, alias: str) -> Sql:
    return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
