"""Activities of an extract as columns: each type by its own mapping, its attributes unfolded once.

The attributes are a JSON object in one cell. Values that are neither text nor whole numbers, and truths where
the mapping wants more than the value itself, go the way of single rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from townsend.sources.colmapping import by_columns
from townsend.sources.columns import Columns, Row, gathered
from townsend.sources.mapping import Mapper

__all__ = ["activities_by_columns"]

_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
_decode_all = msgspec.json.Decoder(list[dict[str, Any]], float_hook=Decimal).decode
Mask = np.ndarray[Any, np.dtype[np.bool_]]


def activities_by_columns(
    mappers: Mapping[int, Mapper], tables: Iterable[pa.Table], suffix: str
) -> Iterator[Columns]:
    """Events; types without a mapper are left out.

    Args:
        tables: the cells of extracts.
        suffix: what makes an activity's GUID unique among instances.
    """
    for table in tables:
        kinds = table["activityTypeId"]
        parts = []
        for kind in pc.unique(kinds).to_pylist():
            mapper = mappers.get(int(kind))
            if mapper is not None:
                rows = np.flatnonzero(pc.equal(kinds, kind).to_numpy())
                parts.append((rows, _of_type(mapper, table.take(pa.array(rows)), suffix)))
        if parts:
            yield gathered(parts, table.num_rows)


def _of_type(mapper: Mapper, table: pa.Table, suffix: str) -> Columns:
    guids = table["marketoGUID"]
    odd = pc.is_null(guids).combine_chunks().to_numpy(zero_copy_only=False).copy()
    texts = table["attributes"].combine_chunks() if "attributes" in table.column_names else None
    columns = {name: table[name].combine_chunks() for name in table.column_names if name != "attributes"}
    if texts is not None:
        plain = _plain_names(mapper.fields)
        told = _unfolded(texts)
        for name in mapper.reads:
            if name not in columns and name != "attributes":
                columns[name] = _attribute(told, name, name in plain, name not in mapper.also, odd)
    columns["_id"] = pc.binary_join_element_wise(guids, suffix, "").combine_chunks()

    def as_it_came(row: int) -> Row:
        cells = table.slice(row, 1).to_pylist()[0]
        text = cells.get("attributes")
        attributes = _decode(text) if text and text != "null" else {}
        return {**attributes, **cells, "_id": f"{cells['marketoGUID'] or ''}{suffix}"}

    return by_columns(mapper, pa.table(columns), pa.array(odd), as_it_came)


def _unfolded(texts: pa.Array) -> list[dict[str, Any]]:
    """The attributes of each row."""
    cells = ["{}" if text is None or text == "null" else text for text in texts.to_pylist()]
    return _decode_all("[" + ",".join(cells) + "]")


def _attribute(told: Sequence[dict[str, Any]], name: str, plain: bool, numbers: bool, odd: Mask) -> pa.Array:
    """The texts of one attribute; rows in which it is something else are marked as odd."""
    values = [one.get(name) for one in told]
    try:
        return pa.array(values, pa.string())
    except pa.ArrowTypeError:
        texts: list[str | None] = []
        for row, value in enumerate(values):
            if value is None or isinstance(value, str):
                texts.append(value)
            elif isinstance(value, bool) and plain:
                texts.append("true" if value else "false")
            elif type(value) is int and numbers:
                texts.append(str(value))
            else:
                texts.append(None)
                odd[row] = True
        return pa.array(texts, pa.string())


def _plain_names(fields: Mapping[str, Any]) -> set[str]:
    """Fields of which nothing but the value itself, or what a list says of it, is read."""
    plain: set[str] = set()
    other: set[str] = set()

    def look(specs: Iterable[Any]) -> None:
        for spec in specs:
            names = spec
            if isinstance(spec, Mapping):
                names = next(
                    (spec[word] for word in ("from", "key", "split", "ids", "keys") if word in spec), ()
                )
            elif isinstance(spec, list) and spec and isinstance(spec[0], Mapping):
                look(one for item in spec for one in item.values())
                continue
            found = {names} if isinstance(names, str) else set(names)
            is_plain = not isinstance(spec, Mapping) or spec.keys() == {"from", "values"}
            (plain if is_plain else other).update(found)

    look(fields.values())
    return plain - other
