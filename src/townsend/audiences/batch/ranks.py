"""Order among the items of each list: the highest, the lowest, the first.

A list of entities gets a column that numbers its items from 1. Their order is the one of the reference
evaluator: what is ranked by, then the order before, which is that of an earlier ranking or the natural one.
"""

from __future__ import annotations

from functools import lru_cache

from sqlglot import exp

from townsend.audiences.batch.frame import EntityRow, Env, Frame, Lowering, Rows, as_source
from townsend.audiences.batch.lists import dedupe, moved
from townsend.audiences.batch.sql import Sql, case, column, compare, function, is_null, number, text
from townsend.audiences.batch.values import figure
from townsend.audiences.core import First, Ranked

__all__ = ["first", "ranked"]

CLASSES_KEPT = 100


def ranked(low: Lowering, node: Ranked, base: Rows) -> Rows:
    """The ``number`` items with the highest or lowest value."""
    base = dedupe(base, low)
    value = figure(low, node.body, base.bind(node.var))
    base.frame.require(is_null(value, negated=True))
    by = exp.Ordered(this=value.copy(), desc=node.op == "topN", nulls_first=False)
    return _numbered(low, base, [by, *_order(low, base)], node.number)


def first(low: Lowering, node: First, env: Env) -> EntityRow | None:
    """The first item for each owner of such a list, joined to the owner's row; absent if there is none."""
    base = dedupe(low.rows(node.base, env), low)
    if base.owner is None:
        return None  # nothing is stored
    found = _numbered(low, base, _order(low, base), 1)
    alias = low.names.new()
    assert isinstance(found.row, EntityRow)
    owner, one = base.owner, found.row
    source = found.frame.source(*found.linked(), one.id().as_("x", quoted=True), alias=alias)
    owner.frame.left_join(source, compare("=", column(alias, "k"), owner.id()))
    return EntityRow(
        one.tables, owner.frame, one.names, one.cls, column(alias, "x"), absent=True, retired=one.retired
    )


def _numbered(low: Lowering, base: Rows, order: list[exp.Ordered], most: int) -> Rows:
    """The rows that come first in the order, so many of each list, with their place in it."""
    assert isinstance(base.row, EntityRow)
    old, alias = base.row, low.names.new()
    place = exp.Window(
        this=function("row_number"),
        partition_by=[] if base.link is None else [base.link.copy()],
        order=exp.Order(expressions=order),
    )
    query = base.frame.select(*base.linked(), old.id().as_("i", quoted=True), place.as_("place", quoted=True))
    frame = Frame(as_source(query, alias))
    frame.require(compare("<=", column(alias, "place"), number(most)))
    row = EntityRow(
        old.tables, frame, old.names, old.cls, column(alias, "i"), absent=old.absent, retired=old.retired
    )
    found = moved(base, frame, alias, row)
    found.place = column(alias, "place")
    return found


def _order(low: Lowering, rows: Rows) -> list[exp.Ordered]:
    """By the place that the items have; else events by time and id, other entities by their smallest key."""
    row = rows.row
    assert isinstance(row, EntityRow)
    if rows.place is not None:
        return [_up(rows.place.copy())]
    if low.tables.is_event(row.cls):
        return [_up(one) for one in [*_of_event(low, row), row.id()]]
    source, identity = low.tables.stored("source"), low.tables.stored("identity")
    if source is None:
        return [_up(row.id())]
    alias = low.names.new()
    keys = as_source(_keys(source, identity, row.cls).copy(), alias)
    rows.frame.left_join(keys, compare("=", column(alias, "id"), row.id()))
    return [_up(column(alias, "key")), _up(row.id())]


def _of_event(low: Lowering, row: EntityRow) -> list[Sql]:
    time = low.tables.schema.classes[row.cls].time_field
    moment = None if time is None else row.field(time)
    key, source = row.field("_id"), row.field("source")
    found = [] if moment is None else [function("coalesce", moment, number(0))]
    if key is not None:
        found.append(function("coalesce", key, text("")))
        if source is not None:
            named = is_null(key.copy(), negated=True)
            found.append(function("coalesce", case((named, source)), text("")))
    return found


@lru_cache(CLASSES_KEPT)
def _keys(source: str, identity: str | None, cls: str) -> exp.Select:
    """The smallest ``key`` of the records of each ``id``; without records, of its identities in events."""
    of = f"class = {text(cls).sql('duckdb')}"
    query = f"""
        SELECT s.id, row(k.value, coalesce(s.source, '')) AS key
        FROM {source} AS s JOIN facts.number AS k ON k.n = s.n WHERE s.{of}"""
    if identity is not None:
        query += f"""
        UNION ALL SELECT id, row(space || ':' || value, '') FROM {identity}
        WHERE {of} AND id NOT IN (SELECT id FROM {source} WHERE {of})"""
    return exp.maybe_parse(
        f"SELECT id, min(key) AS key FROM ({query}) GROUP BY id", into=exp.Select, dialect="duckdb"
    )


def _up(value: Sql) -> exp.Ordered:
    return exp.Ordered(this=value, nulls_first=True)
