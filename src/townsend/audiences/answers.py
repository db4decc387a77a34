"""Members as they leave the engine: an id, a class, and the identities it is known by.

Values are normalised at intake and sorted here, so two answers can be compared by what they say. When asked,
each member also tells by which records it qualifies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from townsend.audiences.core import Definition
from townsend.audiences.reference import Entity
from townsend.model import LeafType

if TYPE_CHECKING:
    from townsend.audiences.explain.columns import Column
    from townsend.audiences.explain.qualifying import Qualified, Qualifying
    from townsend.profiles import Unified

__all__ = ["SCHEMA", "Because", "Reasons", "rows", "table"]

IDENTITIES = pa.map_(pa.string(), pa.list_(pa.string()))
SCHEMA = pa.schema([("id", pa.int32()), ("class", pa.string()), ("identities", IDENTITIES)])


TOGETHER = 500  # members whose records are read at one go
# The types of columns of what qualifies, by that of a field.
ARROW: Mapping[LeafType, pa.DataType] = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "number": pa.decimal128(38, 9),
    "datetime": pa.timestamp("ms", "UTC"),
    "date": pa.timestamp("ms", "UTC"),
}
Ids = Sequence[int] | npt.NDArray[np.integer[Any]]


class Reasons(Protocol):
    """Tells by which records members qualify."""

    @property
    def columns(self) -> tuple[Column, ...]: ...

    def of(self, ids: Iterable[int]) -> Iterator[Qualified]:
        """For each of the members, in that order."""
        ...


class Because:
    """By which records the members of a definition qualify.

    Args:
        definition: the audience.
        unified: the world in which they are members.
    """

    def __init__(self, definition: Definition, unified: Unified) -> None:
        self._definition = definition
        self._unified = unified

    @cached_property
    def _qualifying(self) -> Qualifying:
        from townsend.audiences.explain.qualifying import Qualifying

        return Qualifying(self._definition, self._unified.schema)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of what qualifies, the same for every member."""
        return self._qualifying.columns

    def of(self, ids: Iterable[int]) -> Iterator[Qualified]:
        """What makes each of the members one, in that order; about a millisecond each."""
        from townsend.audiences.explain.around import world_around

        cls, wanted = self._definition.of, [int(one) for one in ids]
        for at in range(0, len(wanted), TOGETHER):
            some = wanted[at : at + TOGETHER]
            world = world_around(self._definition, self._unified, some, as_it_is=True)
            yield from (self._qualifying.of(world, Entity(cls, one)) for one in some)


def table(unified: Unified, cls: str, ids: Ids, because: Reasons | None = None) -> pa.Table:
    """The entities of a class as an Arrow table with ``id``, ``class`` and ``identities``.

    Args:
        ids: in any order; the answer is ascending and names each once.
        because: adds a column for each field of what qualifies a member.

    Returns:
        One row an id. ``identities`` is a map from namespace to sorted values; empty if it has none.
    """
    wanted = np.unique(np.asarray(ids, dtype=np.int32))
    found = _identified(unified, cls, wanted)
    if because is None:
        return found
    fields = [one.fields for one in because.of(wanted.tolist())]
    for name, kind in because.columns:
        values = pa.array([one[name] for one in fields], ARROW[kind])
        found = found.append_column(name, values)
    return found


def rows(unified: Unified, cls: str, ids: Ids, because: Reasons | None = None) -> list[dict[str, Any]]:
    """The same as ``{"id", "class", "identities": {namespace: [value, …]}}`` each, for JSON.

    Args:
        because: adds ``"because"``, conditions as an explanation has them, and ``"fields"``, by column.
    """
    wanted = np.unique(np.asarray(ids, dtype=np.int32))
    found = _identified(unified, cls, wanted).to_pylist()
    known = [{**row, "identities": dict(row["identities"])} for row in found]
    if because is None:
        return known
    kinds = dict(because.columns)
    return [
        {
            **row,
            "because": [condition.to_json() for condition in one.conditions],
            "fields": {name: _spoken(value, kinds[name]) for name, value in one.fields.items()},
        }
        for row, one in zip(known, because.of(wanted.tolist()), strict=True)
    ]


def _spoken(value: Any, kind: LeafType) -> Any:
    from townsend.audiences.explain.tree import iso, plain

    return iso(value) if kind in ("datetime", "date") and isinstance(value, int) else plain(value)


def _identified(unified: Unified, cls: str, wanted: npt.NDArray[np.int32]) -> pa.Table:
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
