"""Members as they leave the engine: an id, a class, and the identities it is known by.

Values are normalised at intake and sorted here, so two answers can be compared by what they say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from townsend.profiles import Unified

__all__ = ["SCHEMA", "rows", "table"]

IDENTITIES = pa.map_(pa.string(), pa.list_(pa.string()))
SCHEMA = pa.schema([("id", pa.int32()), ("class", pa.string()), ("identities", IDENTITIES)])


Ids = Sequence[int] | npt.NDArray[np.integer[Any]]


def table(unified: Unified, cls: str, ids: Ids) -> pa.Table:
    """The entities of a class as an Arrow table with ``id``, ``class`` and ``identities``.

    Args:
        ids: in any order; the answer is ascending and names each once.

    Returns:
        One row an id. ``identities`` is a map from namespace to sorted values; empty if it has none.
    """
    wanted = np.unique(np.asarray(ids, dtype=np.int32))
    if len(wanted) == 0:
        return SCHEMA.empty_table()
    if unified.schema.entity_class(cls).is_event:
        known = _event_identities(unified, wanted)
    else:
        known = _entity_identities(unified, cls, wanted)
    lists = [[(space, values) for space, values in known.get(int(one), {}).items()] for one in wanted]
    return pa.table(
        {
            "id": pa.array(wanted, pa.int32()),
            "class": pa.array([cls] * len(wanted), pa.string()),
            "identities": pa.array(lists, IDENTITIES),
        },
        SCHEMA,
    )


def rows(unified: Unified, cls: str, ids: Ids) -> list[dict[str, Any]]:
    """The same as ``{"id", "class", "identities": {namespace: [value, …]}}`` each."""
    found = table(unified, cls, ids).to_pylist()
    return [{**row, "identities": dict(row["identities"])} for row in found]


def _entity_identities(
    unified: Unified, cls: str, wanted: npt.NDArray[np.int32]
) -> dict[int, dict[str, list[str]]]:
    found = unified.con.execute(
        "SELECT i.id, i.space, list_sort(list(DISTINCT i.value)) "
        f"FROM {unified.name}.identity i JOIN (SELECT unnest(?) AS id) w ON w.id = i.id "
        "WHERE i.class = ? GROUP BY i.id, i.space ORDER BY i.id, i.space",
        [wanted.tolist(), cls],
    ).fetchall()
    return _nested(found)


def _event_identities(unified: Unified, wanted: npt.NDArray[np.int32]) -> dict[int, dict[str, list[str]]]:
    found = unified.con.execute(
        "SELECT e.rowid, 'event', [e._id] FROM facts.event e "
        "JOIN (SELECT unnest(?) AS id) w ON w.id = e.rowid ORDER BY e.rowid",
        [wanted.tolist()],
    ).fetchall()
    return _nested(found)


def _nested(found: Sequence[tuple[int, str, list[str]]]) -> dict[int, dict[str, list[str]]]:
    nested: dict[int, dict[str, list[str]]] = {}
    for entity, space, values in found:
        nested.setdefault(entity, {})[space] = values
    return nested
