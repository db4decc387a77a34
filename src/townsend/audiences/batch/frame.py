"""Queries under construction, and what a variable stands for in them.

A ``Frame`` is one SELECT being built. A variable is bound to a row of some frame; asking such a row for a
field may add a join to that frame, once. Frames are written out only after everything about their rows
has been said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from sqlglot import exp

from townsend.audiences.batch.sql import Sql, all_of, case, column, compare, is_null
from townsend.audiences.batch.tables import Tables
from townsend.audiences.core import Definition, EntityType, Expr, Tail, Type

__all__ = [
    "EntityRow",
    "Env",
    "Frame",
    "ItemRow",
    "Lowering",
    "Row",
    "Rows",
    "ValueRow",
    "as_source",
    "named_table",
]


class Frame:
    """A SELECT being built: a source, joins, conditions."""

    def __init__(self, source: Sql) -> None:
        self._source = source
        self._joins: list[exp.Join] = []
        self._where: list[Sql] = []

    def join(self, source: Sql, on: Sql) -> None:
        self._joins.append(exp.Join(this=source, on=on))

    def left_join(self, source: Sql, on: Sql) -> None:
        self._joins.append(exp.Join(this=source, on=on, side="LEFT"))

    def only(self, key: Sql, among: str | None) -> None:
        """Keep only the rows whose key is an ``id`` of that table; all if it is None."""
        if among is not None:
            on = compare("=", column(among, "id"), key)
            self._joins.append(exp.Join(this=named_table(among), on=on, kind="SEMI"))

    def join_asof(self, source: Sql, same: Sql, earlier: Sql) -> None:
        """Join the latest row of a source for which both conditions hold."""
        on = exp.And(this=same, expression=earlier)
        self._joins.append(exp.Join(this=source, on=on, method="ASOF"))

    def without(self, key: Sql, source: Sql) -> None:
        """Leave out the rows whose key is an ``id`` of that source."""
        on = compare("=", column(source.alias, "id"), key)
        self._joins.append(exp.Join(this=source, on=on, kind="ANTI"))

    @property
    def is_joined(self) -> bool:
        """Whether something was joined to the source."""
        return bool(self._joins)

    def require(self, condition: Sql | None) -> None:
        """Keep only the rows for which the condition is true."""
        if condition is not None:
            self._where.append(condition)

    def select(self, *columns: Sql, distinct: bool = False) -> exp.Select:
        """The finished query. The frame can't be used afterwards."""
        # Built by hand: SQLGlot's methods look at each part as text that might have to be parsed.
        query = exp.Select(expressions=list(columns), joins=self._joins)
        query.set("from_", exp.From(this=self._source))
        if self._where:
            query.set("where", exp.Where(this=all_of(self._where)))
        if distinct:
            query.set("distinct", exp.Distinct())
        return query

    def source(self, *columns: Sql, alias: str, distinct: bool = False) -> Sql:
        """The finished query as a source of other frames."""
        return as_source(self.select(*columns, distinct=distinct), alias)


def as_source(query: exp.Select, alias: str) -> Sql:
    """A query as a source of a frame."""
    return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))


def named_table(name: str, alias: str | None = None) -> Sql:
    """A table that the query itself defines, as a source."""
    table: Sql = exp.Table(this=exp.to_identifier(name, quoted=True))
    if alias is not None:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    return table


@dataclass(eq=False)
class EntityRow:
    """An entity in a frame, by the expression of its id.

    Args:
        alias: the source in the frame that holds its fields; None until one is needed.
        absent: whether the id may be null, there being no entity.
        retired: whether it may be a retired row.
        among: a table whose column ``id`` holds all that it can be, if that is known; what belongs to
            others need not be looked at.
        sure: whether there is a row of that id, once somebody asks for its fields.
    """

    tables: Tables
    frame: Frame
    names: Names
    cls: str
    key: Sql
    alias: str | None = None
    absent: bool = False
    retired: bool = False
    among: str | None = None
    sure: bool = False
    _ones: dict[tuple[str, bool], EntityRow] = field(default_factory=dict)
    _worth_alias: str | None = None

    @property
    def type(self) -> Type:
        return EntityType(self.cls)

    def id(self) -> Sql:
        return self.key.copy()

    def field(self, name: str) -> Sql | None:
        """The column of that name; None if the class has none."""
        own = column(self.source(), name) if self.tables.has(self.cls, name) else None
        if not self.tables.is_event(self.cls):
            return own
        alias = self._worth_alias or self.names.new()
        worth = self.tables.worth(self.cls, name, alias)
        if worth is None:
            return own
        if self._worth_alias is None:
            self._worth_alias = alias
            key = column(self.source(), self.tables.id_name(self.cls))
            self.frame.left_join(worth, compare("=", column(alias, "id"), key))
        known = column(alias, name)
        return known if own is None else case((is_null(column(alias, "id")), own), otherwise=known)

    def one(self, reference: str, to: str, retired: bool) -> EntityRow | None:
        """The entity that a to-one reference names, if it is there now; None if nothing ever named one."""
        if (reference, retired) in self._ones:
            return self._ones[reference, retired]
        pointer = self.tables.pointer(self.cls, reference)
        if pointer is None or not self.tables.exists(to):
            return None
        near = column(self.source(), pointer)
        if self.tables.is_event(self.cls):
            node = self.names.new()
            self.frame.left_join(self.tables.node(to, node), compare("=", column(node, "n"), near))
            near = column(node, "id")
        alias = self.names.new()
        key = column(alias, self.tables.id_name(to))
        on = [compare("=", key.copy(), near)]
        born = self.tables.born(to, alias)
        self.frame.left_join(
            self.tables.entities(to, alias, retired), all_of(on if born is None else [*on, born])
        )
        found = EntityRow(self.tables, self.frame, self.names, to, key, alias, True, retired)
        self._ones[reference, retired] = found
        return found

    def source(self) -> str:
        """The alias of what holds its fields, joined at first use."""
        if self.alias is None:
            self.alias = self.names.new()
            on = compare("=", column(self.alias, self.tables.id_name(self.cls)), self.id())
            source = self.tables.entities(self.cls, self.alias, self.retired)
            join = self.frame.join if self.sure else self.frame.left_join
            join(source, on)
        return self.alias


@dataclass(frozen=True, eq=False)
class ItemRow:
    """A JSON value: an object of an array, a map, or an undeclared value."""

    json: Sql
    type: Type


@dataclass(frozen=True, eq=False)
class ValueRow:
    """A scalar."""

    value: Sql
    type: Type


Row: TypeAlias = EntityRow | ItemRow | ValueRow
Env: TypeAlias = Mapping[int, Row]


@dataclass(eq=False)
class Rows:
    """A list as rows of a frame.

    Args:
        row: one item.
        env: what conditions about an item may refer to besides it.
        owner: whose list it is, in the frame outside. With an owner the frame holds the lists of *all*
            entities of the owner's class, told apart by ``link``; without, only the one list that is meant.
        exact: whether each item stands there as often as in the list; else it may stand there more often.
        hops: to-many steps since rows were last made distinct.
        place: the number of an item in its list, where the list was put in order.
    """

    frame: Frame
    row: Row
    env: Env
    owner: EntityRow | None = None
    link: Sql | None = None
    exact: bool = True
    hops: int = 0
    place: Sql | None = None

    def bind(self, var: int) -> Env:
        """What a condition about the item sees, the item being ``var``."""
        return {**self.env, var: self.row}

    def linked(self) -> list[Sql]:
        """The column ``k`` that tells lists apart, where there is one."""
        return [] if self.link is None else [self.link.copy().as_("k", quoted=True)]


class Names:
    """Aliases that differ within one query."""

    def __init__(self) -> None:
        self._count = 0

    def new(self) -> str:
        self._count += 1
        return f"t{self._count}"


class Lowering(Protocol):
    """What the parts of lowering ask of each other."""

    tables: Tables
    names: Names

    def value(self, expr: Expr, env: Env) -> Sql:
        """A scalar, or the id of an entity; null where it is missing."""
        ...

    def json(self, expr: Expr, env: Env) -> Sql:
        """An undeclared value, map, array or array item as JSON; SQL's or JSON's null if it is missing."""
        ...

    def condition(self, expr: Expr, env: Env, definite: bool = False) -> Sql:
        """A condition; where ``definite`` never null, else null stands for false."""
        ...

    def within(self, value: Sql, tail: Tail, env: Env) -> Sql:
        """That an instant lies where the tail says; null may stand for false."""
        ...

    def anyone(self, cls: str, retired: bool = False) -> EntityRow:
        """Any entity of a class that is there now, in a frame of its own."""
        ...

    def entity(self, expr: Expr, env: Env) -> EntityRow | None:
        """One entity; None if there never is one."""
        ...

    def rows(self, expr: Expr, env: Env, uses: frozenset[int] = frozenset(), exact: bool = False) -> Rows:
        """A list. ``uses`` are the variables that conditions put on its items will refer to."""
        ...

    def under(self, policy: str | None) -> Lowering:
        """Lowering of what is asked under another merge policy, in the same query."""
        ...

    def constant(self, expr: Expr) -> object:
        """The worth of an expression without variables."""
        ...

    def members(self, definition: Definition, retired: bool = False) -> exp.Select:
        """The query for the ids of all entities that meet a definition, in a column ``id``.

        With ``retired``, of those that are not there now too.
        """
        ...
