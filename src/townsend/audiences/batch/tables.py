"""The unified tables as SQLGlot sources: what is stored where, and what exists at the instant.

Tables and columns appear with use, so each is asked for; what was never seen is null or empty.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from weakref import WeakKeyDictionary

import duckdb
import pyarrow as pa
from sqlglot import exp

from townsend.audiences.batch.sql import NULL, Sql, all_of, any_of, column, compare, is_null, number, text
from townsend.audiences.unified import UnifiedTables
from townsend.model import Edge, Reference

__all__ = ["Tables", "UnifiedTables"]


NAMES_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class _Known:
    """What was found out about the tables of one world, which stay as they are while somebody holds it."""

    columns: dict[str, frozenset[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    last_ms: dict[str, int | None] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)


_list_numbers = count()
# Lists of worlds that are gone: by connection, the names under which they are still registered.
_spent: WeakKeyDictionary[duckdb.DuckDBPyConnection, list[str]] = WeakKeyDictionary()
_worlds: WeakKeyDictionary[UnifiedTables, _Known] = WeakKeyDictionary()


class Tables:
    """The tables of one unified world.

    Args:
        unified: the world; its connection is only read.
    """

    def __init__(self, unified: UnifiedTables) -> None:
        self.schema = unified.schema
        self.now_ms = unified.now_ms
        self.policy = unified.policy
        self.con = unified.con
        self._prefix = unified.name
        self.unified = unified
        self._known = _worlds.setdefault(unified, _Known())

    def under(self, policy: str | None) -> Tables:
        """The same facts merged by a named policy; None for each class's own."""
        return self if policy == self.policy else Tables(self.unified.under(policy))

    # -------------------------------------------------------- classes

    def is_event(self, cls: str) -> bool:
        return self.schema.classes[cls].is_event

    def id_name(self, cls: str) -> str:
        """The column that holds an entity's id."""
        return "rowid" if self.is_event(cls) else "id"

    def exists(self, cls: str) -> bool:
        """Whether the class has a table."""
        return bool(self._columns_of(self._name(cls)))

    def has(self, cls: str, name: str) -> bool:
        """Whether the class's table has that column."""
        return name in self._columns_of(self._name(cls))

    def columns(self, cls: str) -> frozenset[str]:
        own = self._columns_of(self._name(cls))
        return own | self._columns_of(self._worth(cls)) if self.is_event(cls) else own

    def worth(self, cls: str, name: str, alias: str) -> Sql | None:
        """What to take for what some events say in a field, by ``id``: money of the project's currency.

        None if no event says anything about other money there.
        """
        table = self._worth(cls)
        return _table(table, alias) if self.is_event(cls) and name in self._columns_of(table) else None

    def rows(self, cls: str) -> int:
        """How many rows the class has."""
        return self._rows_of(self._name(cls))

    def edge_rows(self, plan: Edge) -> int:
        """How many pairs an edge table has."""
        return self._rows_of(self._edge(plan))

    def entities(self, cls: str, alias: str, retired: bool = False) -> Sql:
        """All rows of a class, live ones or retired ones too, as a source called ``alias``."""
        twin = self._retired(cls)
        if not retired or self.is_event(cls) or not self._columns_of(twin):
            return _table(self._name(cls), alias)
        both = exp.Union(
            this=_all_of(self._name(cls)), expression=_all_of(twin), distinct=False, by_name=True
        )
        return exp.Subquery(this=both, alias=_alias(alias))

    def born(self, cls: str, alias: str) -> Sql | None:
        """That a row of ``entities`` is there now; None if every row is."""
        time = self.schema.classes[cls].time_field
        if time is not None:
            return compare("<=", column(alias, time), number(self.now_ms))
        if not self._comes_later(cls):
            return None
        before = compare("<=", column(alias, "first_ms"), number(self.now_ms))
        return any_of([is_null(column(alias, "first_ms")), before])

    def absent(self, cls: str, alias: Callable[[], str]) -> list[Sql]:
        """Sources of the ``id`` of what relationships lead to though it is not there now."""
        found = []
        if self._rows_of(self._retired(cls)):
            found.append(_table(self._retired(cls), alias()))
        if self._comes_later(cls):
            later = exp.Select(expressions=[_bare("id")]).from_(_table(self._name(cls), alias()), copy=False)
            later.where(exp.GT(this=_bare("first_ms"), expression=number(self.now_ms)), copy=False)
            found.append(exp.Subquery(this=later, alias=_alias(alias())))
        return found

    def stored(self, name: str) -> str | None:
        """The full name of another unified table; None if there is none."""
        full = f"{self._prefix}.{_quoted(name)}"
        return full if self._columns_of(full) else None

    def listed(self, name: str, alias: str) -> Sql:
        """The ids that a list audience names, as a source of ``id`` called ``alias``."""
        known = self._known.lists
        if name not in known:
            view = f"townsend_listed_{next(_list_numbers)}"
            ids = pa.table({"id": self.unified.ids_listed(name)})
            spent = _spent.setdefault(self.con, [])
            self.con.abort()  # the rest of a result that nobody reads on would stand in the way
            while spent:
                self.con.unregister(spent.pop())
            self.con.register(view, ids)
            weakref.finalize(self.unified, spent.append, view)
            known[name] = view
        return _table(_quoted(known[name]), alias)

    def count_listed(self, name: str) -> int:
        """How many entities a list audience names."""
        return len(self.unified.ids_listed(name))

    # -------------------------------------------------------- relationships

    def pointer(self, cls: str, reference: str) -> str | None:
        """The column by which a row names another entity; None if none ever did.

        An event's holds a number, to be looked up in ``node``; any other row's the far entity's id.
        """
        name = "@" + reference
        if self.is_event(cls):
            found: Reference = self.schema.classes[cls].references[reference]
            name = "who" if found.field is None else "#" + reference
            if not self._columns_of(self._node(found.to)):
                return None
        return name if self.has(cls, name) else None

    def node(self, cls: str, alias: str) -> Sql:
        """Pairs ``n``, ``id``: each number of the class and the entity that holds it."""
        return _table(self._node(cls), alias)

    def edge(self, plan: Edge, alias: str, retired: bool = False) -> Sql | None:
        """The rows of an edge table, of those with retired ends too; None if there is none."""
        name = self._edge(plan)
        if not self._columns_of(name):
            return None
        twin = f"{self._prefix}.{_quoted(f'edge_{plan.table}_retired')}"
        if not retired or not self._columns_of(twin):
            return _table(name, alias)
        both = exp.Union(this=_all_of(name), expression=_all_of(twin), distinct=False)
        return exp.Subquery(this=both, alias=_alias(alias))

    def edge_counts(self, plan: Edge, via: str | None, alias: str) -> Sql | None:
        """That a row of ``edge`` counts now and by a chosen way; None if every row does."""
        if not plan.via:
            return None
        ways = (via,) if via is not None else plan.default
        way: Sql = exp.In(this=column(alias, "via"), expressions=[text(one) for one in ways])
        started = any_of(
            [
                is_null(column(alias, "start_ms")),
                compare("<=", column(alias, "start_ms"), number(self.now_ms)),
            ]
        )
        going = any_of(
            [is_null(column(alias, "end_ms")), compare(">", column(alias, "end_ms"), number(self.now_ms))]
        )
        return all_of([way, started, going])

    # -------------------------------------------------------- names

    def _name(self, cls: str) -> str:
        return f"facts.{_quoted(cls)}" if self.is_event(cls) else f"{self._prefix}.{_quoted(cls)}"

    def _node(self, cls: str) -> str:
        return f"{self._prefix}.{_quoted('node_' + cls)}"

    def _worth(self, cls: str) -> str:
        return f"{self._prefix}.{_quoted(cls + '_worth')}"

    def _retired(self, cls: str) -> str:
        return f"{self._prefix}.{_quoted(cls + '_retired')}"

    def _edge(self, plan: Edge) -> str:
        return f"{self._prefix}.{_quoted('edge_' + plan.table)}"

    def _columns_of(self, table: str) -> frozenset[str]:
        known = self._known.columns
        if table not in known:
            try:
                found = self.con.execute(f"SELECT * FROM {table} LIMIT 0").description
            except duckdb.CatalogException:
                found = None
            known[table] = frozenset(one[0] for one in found or ())
        return known[table]

    def _comes_later(self, cls: str) -> bool:
        """Whether an entity of the class appears after now."""
        known = self._known.last_ms
        if cls not in known:
            query = f"SELECT max(first_ms) FROM {self._name(cls)}"
            found = self.con.execute(query).fetchone() if self.has(cls, "first_ms") else None
            known[cls] = found[0] if found else None
        last = known[cls]
        return last is not None and last > self.now_ms

    def _rows_of(self, table: str) -> int:
        known = self._known.rows
        if table not in known:
            found = None
            if self._columns_of(table):
                found = self.con.execute(f"SELECT count(*) FROM {table}").fetchone()
            known[table] = found[0] if found else 0
        return known[table]


def empty(alias: str, **columns: str) -> Sql:
    """A source without rows, with columns of the given types."""
    nothing = exp.Select(expressions=[NULL(kind).as_(name, quoted=True) for name, kind in columns.items()])
    return exp.Subquery(this=nothing.where(exp.false(), copy=False), alias=_alias(alias))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _bare(name: str) -> Sql:
    return exp.column(exp.to_identifier(name, quoted=True))


def _alias(name: str) -> exp.TableAlias:
    return exp.TableAlias(this=exp.to_identifier(name, quoted=True))


def _table(name: str, alias: str) -> Sql:
    table = _named(name)
    table.set("alias", _alias(alias))
    return table


def _named(name: str) -> exp.Table:
    return exp.Table(**{key: exp.Identifier(this=part, quoted=True) for key, part in _parts(name)})


@lru_cache(NAMES_KEPT)
def _parts(name: str) -> tuple[tuple[str, str], ...]:
    """The parts of a table's quoted name, which is parsed once."""
    parsed = exp.to_table(name, dialect="duckdb")
    return tuple((key, part.name) for key, part in parsed.args.items() if part)


def _all_of(name: str) -> exp.Select:
    return exp.Select(expressions=[exp.Star()]).from_(_named(name), copy=False)
