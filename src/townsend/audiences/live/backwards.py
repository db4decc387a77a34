"""Whom a change may concern: paths walked backwards from what changed.

Every step is one query over a set of ids. Retired rows and pairs, and pairs that do not count now, are walked
too: who is found may answer differently, who is not cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from townsend.audiences.batch.frame import Frame
from townsend.audiences.batch.sql import Sql, column, compare, is_null, written
from townsend.audiences.batch.tables import Tables
from townsend.audiences.live.dependencies import Hop, Path
from townsend.model import Edge, Inverse, ToOne

__all__ = ["NOBODY", "Ids", "backwards", "listed"]

Ids: TypeAlias = npt.NDArray[np.int64]
NOBODY: Ids = np.zeros(0, np.int64)
_numbers = count()


def backwards(tables: Tables, path: Path, ids: Ids) -> Ids:
    """The entities from which a path may lead to one of ``ids``; repeats dropped, in no order."""
    for hop in reversed(path):
        if not len(ids):
            return NOBODY
        ids = _before(tables, hop, ids)
    return ids


@contextmanager
def listed(tables: Tables, ids: Ids) -> Iterator[str]:
    """A table of ids in a column ``id``, while it is needed."""
    name = f"townsend_changed_{next(_numbers)}"
    tables.con.register(name, pa.table({"id": pa.array(ids, pa.int64())}))
    try:
        yield name
    finally:
        tables.con.unregister(name)


def _before(tables: Tables, hop: Hop, ids: Ids) -> Ids:
    """One step back."""
    relationship = tables.schema.relationships[hop.near, hop.name]
    plan = relationship.plan
    with listed(tables, ids) as changed:
        match plan:
            case Edge():
                found = _pairs(tables, plan, changed)
            case ToOne(reference):
                found = _named(tables, hop.near, reference, relationship.far, changed)
            case Inverse(reference):
                found = _naming(tables, relationship.far, reference, hop.near, changed)
            case _:
                raise AssertionError("steps are taken one by one")
        if found is None:
            return NOBODY
        frame, near = found
        frame.require(is_null(near, negated=True))
        query = written(frame.select(near.as_("id", quoted=True), distinct=True))
        return np.ma.getdata(tables.con.execute(query).fetchnumpy()["id"]).astype(np.int64)


def _pairs(tables: Tables, plan: Edge, changed: str) -> tuple[Frame, Sql] | None:
    source = tables.edge(plan, "e", retired=True)
    if source is None:
        return None
    near, far = ("far", "near") if plan.backward else ("near", "far")
    frame = Frame(source)
    frame.only(column("e", far), changed)
    return frame, column("e", near)


def _named(tables: Tables, near: str, reference: str, far: str, changed: str) -> tuple[Frame, Sql] | None:
    """The rows that name one of some entities."""
    pointer = tables.pointer(near, reference) if tables.exists(near) else None
    if pointer is None:
        return None
    frame = Frame(tables.entities(near, "e", retired=True))
    if tables.is_event(near):
        frame.join(tables.node(far, "n"), compare("=", column("n", "n"), column("e", pointer)))
        frame.only(column("n", "id"), changed)
    else:
        frame.only(column("e", pointer), changed)
    return frame, column("e", tables.id_name(near))


def _naming(tables: Tables, far: str, reference: str, near: str, changed: str) -> tuple[Frame, Sql] | None:
    """The entities that some rows name."""
    pointer = tables.pointer(far, reference) if tables.exists(far) else None
    if pointer is None:
        return None
    frame = Frame(tables.entities(far, "e", retired=True))
    frame.only(column("e", tables.id_name(far)), changed)
    if not tables.is_event(far):
        return frame, column("e", pointer)
    frame.join(tables.node(near, "n"), compare("=", column("n", "n"), column("e", pointer)))
    return frame, column("n", "id")
