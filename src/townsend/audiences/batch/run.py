"""Members of a definition by one query in DuckDB.

The query is a SQLGlot tree from first to last; only its dialect is DuckDB's. It reads the unified tables and
the events, and writes nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from townsend.audiences.batch.gaps import gaps_in
from townsend.audiences.batch.lower import Lower
from townsend.audiences.batch.order import conditions, guess
from townsend.audiences.batch.shared import members_of_many
from townsend.audiences.batch.sql import written
from townsend.audiences.batch.tables import Tables, UnifiedTables
from townsend.audiences.core import Definition

__all__ = ["Ids", "effort", "lowered", "members", "members_of_many", "sql"]

Ids = npt.NDArray[np.int32]


def lowered(definition: Definition) -> list[tuple[str, str]]:
    """What of a definition batch evaluation can't do: kinds of node with the reason; empty if nothing."""
    return list(dict.fromkeys((gap.kind, gap.reason) for gap in gaps_in(definition.condition)))


def effort(definition: Definition, unified: UnifiedTables) -> float:
    """About how many rows a definition's conditions make the engine read, besides those of the root class."""
    tables = Tables(unified)
    return sum(guess(tables, one).rows for one in conditions(definition, tables.policy))


def sql(definition: Definition, unified: UnifiedTables) -> str:
    """The query for a definition's members, in DuckDB's dialect."""
    return written(Lower(Tables(unified)).members(definition))


def members(definition: Definition, unified: UnifiedTables, one_in: int = 1) -> Ids:
    """Ids of the members, ascending.

    Args:
        one_in: of about so many entities only one is looked at, the same ones each time.

    Raises:
        Broken: ``batch.*`` for a definition with gaps; ask ``lowered`` first.
    """
    query = written(Lower(Tables(unified), one_in).members(definition))
    found = unified.con.execute(query).fetchnumpy()["id"]
    return np.sort(np.ma.getdata(found).astype(np.int32))
