"""Members of a definition by one query in DuckDB.

The query is a SQLGlot tree from first to last; only its dialect is DuckDB's. It reads the unified tables and
the events, and writes nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from townsend.audiences.batch.gaps import gaps_in
from townsend.audiences.batch.lower import Lower
from townsend.audiences.batch.tables import Tables, UnifiedTables
from townsend.audiences.core import Definition

__all__ = ["Ids", "lowered", "members", "sql"]

Ids = npt.NDArray[np.int32]


def lowered(definition: Definition) -> list[tuple[str, str]]:
    """What of a definition batch evaluation can't do: kinds of node with the reason; empty if nothing."""
    return list(dict.fromkeys((gap.kind, gap.reason) for gap in gaps_in(definition.condition)))


def sql(definition: Definition, unified: UnifiedTables) -> str:
    """The query for a definition's members, in DuckDB's dialect."""
    return Lower(Tables(unified)).members(definition).sql(dialect="duckdb")


def members(definition: Definition, unified: UnifiedTables) -> Ids:
    """Ids of the members, ascending.

    Raises:
        Broken: ``batch.*`` for a definition with gaps; ask ``lowered`` first.
    """
    found = unified.con.execute(sql(definition, unified)).fetchnumpy()["id"]
    return np.sort(np.ma.getdata(found).astype(np.int32))
