"""Some events taken out of a class once, for several questions about them.

To find the few events of some entities among millions is a scan of one column; what is asked of them then
costs next to nothing, however many ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from townsend.audiences.batch.frame import Frame, as_source
from townsend.audiences.batch.sql import column, compare, number, written
from townsend.audiences.batch.tables import Tables, UnifiedTables
from townsend.audiences.core import AllOf, EntityType, Expr, Field, Follow, InSegment, Listed, LoadedSegment
from townsend.audiences.walk import everything
from townsend.model import mark_of

__all__ = ["Narrowed", "narrowed", "stays", "table_of"]

ROW = "/row"  # where an event stands in its class's own table
BESIDE = frozenset({"who", "extra", "nulls"})
_numbers = count()


class Narrowed(Tables):
    """The tables of a world, but of one class of events only some."""

    def __init__(self, unified: UnifiedTables, cls: str, table: str) -> None:
        super().__init__(unified)
        self._cls = cls
        self._table = table

    def id_name(self, cls: str) -> str:
        return ROW if cls == self._cls else super().id_name(cls)

    def _name(self, cls: str) -> str:
        return f'"{self._table}"' if cls == self._cls else super()._name(cls)


def stays(condition: Expr) -> bool:
    """Whether a condition about an event looks at nothing but its own fields."""
    leading = (Follow, InSegment, Listed, LoadedSegment, AllOf)
    return not any(isinstance(one, leading) for one in everything(condition))


@contextmanager
def narrowed(
    tables: Tables, cls: str, pointer: str, numbers: Frame, since: int, conditions: Iterable[Expr]
) -> Iterator[Narrowed]:
    """The events of a class that name one of some entities, as far as conditions look at them.

    Args:
        pointer: the column by which they do.
        numbers: the entities' numbers, to be selected from the source ``n`` as ``n``.
        since: no earlier events matter.
    """
    time = tables.schema.classes[cls].time_field
    assert time is not None
    asked = {path for one in conditions for path in _fields(one, cls)}
    frame = Frame(tables.entities(cls, "e"))
    few = as_source(numbers.select(column("n", "n")), "few")
    frame.join(few, compare("=", column("few", "n"), column("e", pointer)))
    frame.require(compare(">=", column("e", time), number(since)))
    columns = [
        column("e", name)
        for name in sorted(tables.columns(cls))
        if tables.has(cls, name)
        and (name in {time, pointer} | BESIDE or any(_holds(name, one) for one in asked))
    ]
    query = frame.select(column("e", "rowid").as_(ROW, quoted=True), *columns)
    with _registered(tables, tables.con.sql(written(query)).to_arrow_table()) as name:
        yield Narrowed(tables.unified, cls, name)


@contextmanager
def table_of(tables: Tables, ids: npt.NDArray[np.int32]) -> Iterator[str]:
    """A table of these ids in a column ``id``, while it is needed."""
    with _registered(tables, pa.table({"id": pa.array(ids, pa.int32())})) as name:
        yield name


@contextmanager
def _registered(tables: Tables, rows: pa.Table) -> Iterator[str]:
    name = f"townsend_few_{next(_numbers)}"
    tables.con.register(name, rows)
    try:
        yield name
    finally:
        tables.con.unregister(name)


def _fields(condition: Expr, cls: str) -> Iterator[str]:
    for one in everything(condition):
        if isinstance(one, Field) and one.base.type == EntityType(cls):
            yield one.path


def _holds(name: str, path: str) -> bool:
    """Whether a column has something of what a path names."""
    return name in (path, mark_of(path)) or name.startswith(path + ".") or path.startswith(name + ".")
