"""A mapping applied to columns: the same rows as ``Mapper.row`` makes, thousands at a time.

A field read as it is becomes one vectorised step. What needs more (values, formats, lists) is asked of the
mapping itself, once for each distinct value. Rows in doubt are made one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from townsend.model import LeafType, Shape
from townsend.sources.columns import AT, EXTRA, Columns, Form, Row
from townsend.sources.colvalues import (
    FORMS,
    Doubts,
    enclosed,
    escaped,
    fragment,
    nested,
    object_text,
    present,
    texts_of,
    typed,
    ways,
)
from townsend.sources.mapping import Mapper

__all__ = ["by_columns"]

_encode = msgspec.json.Encoder(order="sorted").encode
_LISTS = ("split", "ids", "keys")


def by_columns(
    mapper: Mapper,
    cells: pa.Table,
    odd: pa.Array | None = None,
    came: Callable[[int], Row] | None = None,
) -> Columns:
    """Rows of the mapper's class, one for each of the vendor's.

    Args:
        cells: the vendor's rows: a column of texts for each field, null where there is none.
        odd: rows that are to be made one by one.
        came: one of the vendor's rows as it came, if its cells do not say all.
    """
    lot = _Lot(mapper, cells.combine_chunks(), came)
    if odd is not None:
        lot.doubts.add(odd)
    if mapper.told:
        # Who looks on wants to see each row.
        lot.doubts.rows[:] = True
        return lot.columns()
    for target, spec in mapper.fields.items():
        lot.put(target, spec, None)
    for name, target in mapper.also.items():
        lot.put(target, name, mapper.kinds.get(name))
    return lot.columns()


class _Lot:
    def __init__(self, mapper: Mapper, cells: pa.Table, came: Callable[[int], Row] | None) -> None:
        self.mapper = mapper
        self.shape = mapper.shape
        self.cells = cells
        self.rows = cells.num_rows
        self.came = came or (lambda row: cast(Row, cells.slice(row, 1).to_pylist()[0]))
        self.doubts = Doubts.none(self.rows)
        self.arrays: dict[str, pa.Array] = {}
        self.forms: dict[str, Form] = {}
        self.extra: dict[str, pa.Array] = {}
        self.maps: dict[str, dict[str, pa.Array]] = {}
        self._present: dict[str, pa.Array] = {}

    # ------------------------------------------------------------ what is read

    def text(self, name: str) -> pa.Array:
        """The texts of one field, null where there is no value."""
        found = self._present.get(name)
        if found is None:
            there = name in self.cells.schema.names
            column = self.cells[name].combine_chunks() if there else pa.nulls(self.rows, pa.string())
            if isinstance(column, pa.ChunkedArray):
                column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string())
            found = self._present[name] = present(column, self.mapper.null)
        return found

    def first(self, names: str | Sequence[str]) -> pa.Array:
        """The first of these fields that has a value."""
        if isinstance(names, str):
            return self.text(names)
        found = [self.text(name) for name in names]
        return found[0] if len(found) == 1 else pc.coalesce(*found)

    def values(self, target: str, spec: Any, kind: LeafType, shape: Shape) -> pa.Array:
        """The values of a leaf, typed."""
        if not isinstance(spec, Mapping):
            return typed(self.first(spec), kind, self.doubts)
        if "constant" in spec:
            one = typed(texts_of([spec["constant"]], kind), kind, Doubts.none(1))
            if one.null_count and spec["constant"] is not None:
                self.doubts.rows[:] = True
            return pa.repeat(one[0], self.rows)
        texts = self._asked(target, spec, "from", kind, shape)
        return typed(texts, kind, self.doubts)

    def _asked(
        self, target: str, spec: Mapping[str, Any], way: str, kind: LeafType, shape: Shape
    ) -> pa.Array:
        """What the mapping itself says of each distinct text."""
        texts = self.first(spec[way])
        coded = pc.dictionary_encode(texts)
        get = self.mapper.getter(target, {**spec, way: "@"}, shape)
        came = [get({"@": value}) for value in coded.dictionary.to_pylist()]
        read = texts_of(came, kind)
        unread = [
            value is not None and text is None for value, text in zip(came, read.to_pylist(), strict=True)
        ]
        if any(unread):
            self.doubts.add(pa.array(unread).take(coded.indices))
        return read.take(coded.indices)

    def key(self, spec: Mapping[str, Any]) -> tuple[pa.Array, str, str] | None:
        """The ids of a key with its suffix, and whose they are; None if nobody's."""
        instance = self.mapper.others.get(spec["of"]) if "of" in spec else self.mapper.instance
        if instance is None:
            return None
        ids, suffix = self.first(spec["key"]), str(spec.get("suffix", ""))
        if instance.id_of is not str and ids.null_count < len(ids):
            coded = pc.dictionary_encode(ids)
            spelled = [instance.id_of(one) for one in coded.dictionary.to_pylist()]
            ids = pa.array(spelled, pa.string()).take(coded.indices)
        return (pc.binary_join_element_wise(ids, suffix, "") if suffix else ids), instance.id, instance.type

    def listed(self, target: str, spec: Mapping[str, Any], shape: Shape) -> pa.Array:
        """Lists as canonical JSON."""
        way = next(word for word in _LISTS if word in spec)
        texts = self.first(spec[way])
        if texts.null_count == self.rows:
            return pa.nulls(self.rows, pa.string())
        coded = pc.dictionary_encode(texts)
        get = self.mapper.getter(target, {**spec, way: "@"}, shape)
        found = [get({"@": value}) for value in coded.dictionary.to_pylist()]
        made = [None if one is None else _encode(one).decode() for one in found]
        if not all(one is None or one.isascii() for one in made):
            made = pc.utf8_normalize(pa.array(made, pa.string()), "NFC").to_pylist()
        return pa.array(made, pa.string()).take(coded.indices)

    # ------------------------------------------------------------ where it goes

    def put(self, target: str, spec: Any, own: LeafType | None) -> None:
        """One line of the mapping; ``own`` is the type of a field that has no place in it."""
        shape = self.shape
        if isinstance(spec, list) and spec and isinstance(spec[0], Mapping):
            self._put(target, self._items(target, spec), "document")
        elif isinstance(spec, Mapping) and "key" in spec:
            self._key(target, spec)
        elif isinstance(spec, Mapping) and any(word in spec for word in _LISTS):
            self._listed(target, spec)
        elif (leaf := shape.leaves.get(target)) is not None:
            self._put(target, self.values(target, spec, leaf.type, shape), FORMS[leaf.type])
        else:
            self._undeclared(target, spec, own)

    def _put(self, path: str, values: pa.Array, form: Form) -> None:
        if values.null_count < len(values):
            self.arrays[path], self.forms[path] = values, form

    def _key(self, target: str, spec: Mapping[str, Any]) -> None:
        found = self.key(spec)
        if found is None:
            return
        ids, instance, kind = found
        if f"{target}.sourceKey" not in self.shape.leaves:
            if ids.null_count < len(ids):
                self.extra[target] = _key_text(found, self.doubts)
            return
        if ids.null_count == len(ids):
            return
        there = pc.is_valid(ids)
        for name, values in (
            ("sourceType", pc.if_else(there, kind, None)),
            ("sourceInstanceID", pc.if_else(there, instance, None)),
            ("sourceID", ids),
            ("sourceKey", pc.binary_join_element_wise(ids, f"@{instance}.{kind}", "")),
        ):
            self._put(f"{target}.{name}", values, "string")

    def _listed(self, target: str, spec: Mapping[str, Any]) -> None:
        shape, found = self.shape, self.listed(target, spec, self.shape)
        array = shape.arrays.get(target)
        above = next((one for one in shape.maps if target.startswith(one + ".")), None)
        if array is not None and (array.item == "string" if "split" in spec else array.shape is not None):
            self._put(target, found, "document")
        elif above is not None and target.count(".") == above.count(".") + 1:
            self.maps.setdefault(above, {})[target.rpartition(".")[2]] = found
        else:
            self.doubts.add(pc.is_valid(found))

    def _undeclared(self, target: str, spec: Any, own: LeafType | None) -> None:
        shape = self.shape
        above = next((one for one in (*shape.maps, *shape.leaves) if target.startswith(one + ".")), None)
        if above is not None or target in shape.objects or target in shape.arrays or target in shape.maps:
            # What stands inside of something declared is judged row by row.
            self.doubts.rows[:] = True
            return
        if isinstance(spec, Mapping) and (
            "constant" in spec or "values" in spec or "decimal" in spec or "times" in spec
        ):
            # Of any type.
            self.doubts.rows[:] = True
            return
        if isinstance(spec, Mapping):
            texts = self._asked(target, spec, "from", "string", shape)
        else:
            texts = self.first(spec)
        kind = own or "string"
        if kind in ("datetime", "date"):
            self.doubts.add(
                pc.or_(pc.not_equal(pc.utf8_trim_whitespace(texts), texts), pc.ends_with(texts, "+0000"))
            )
            kind = "string"
        values = typed(texts, kind, self.doubts)
        if values.null_count < len(values):
            self.extra[target] = fragment(values, kind, self.doubts, instants=False)

    # ------------------------------------------------------------ lists of objects

    def _items(self, target: str, specs: Sequence[Mapping[str, Any]]) -> pa.Array:
        array = self.shape.arrays[target]
        assert array.shape is not None
        items = [item for one in specs if (item := self._item(array.shape, one)) is not None]
        if not items:
            return pa.nulls(self.rows, pa.string())
        return enclosed("[", items, "]")

    def _item(self, shape: Shape, fields: Mapping[str, Any]) -> pa.Array | None:
        """One item of a list as JSON; None if no row has it."""
        members: dict[str, pa.Array] = {}
        for target, spec in fields.items():
            if isinstance(spec, Mapping) and "key" in spec:
                key = self.key(spec)
                if key is not None:
                    members[target] = _key_text(key, self.doubts)
            elif (leaf := shape.leaves.get(target)) is not None:
                values = self.values(target, spec, leaf.type, shape)
                members[target] = fragment(values, leaf.type, self.doubts, instants=True)
            else:
                self.doubts.rows[:] = True
        return nested({name: one for name, one in members.items() if one.null_count < len(one)})

    # ------------------------------------------------------------ the whole

    def columns(self) -> Columns:
        for path, members in self.maps.items():
            if there := {name: one for name, one in members.items() if one.null_count < len(one)}:
                self._put(path, object_text(there), "document")
        at = pa.array(np.arange(self.rows))
        names, arrays = [AT, *self.arrays], [at, *self.arrays.values()]
        extra = nested(self.extra)
        if extra is not None:
            names, arrays = [*names, EXTRA], [*arrays, extra]
        table = pa.Table.from_arrays(arrays, names=names)
        mapper, came = self.mapper, self.came

        def made(row: int) -> Row:
            return mapper.row(came(row))

        rest: dict[int, Row] = {}
        if self.doubts.rows.any():
            table = table.filter(pa.array(~self.doubts.rows))
            rest = {int(row): made(int(row)) for row in np.flatnonzero(self.doubts.rows)}
        undeclared = {way for path in self.extra for way in ways(path)}
        return Columns(table, self.forms, made, rest, frozenset(undeclared))


def _key_text(key: tuple[pa.Array, str, str], doubts: Doubts) -> pa.Array:
    ids, instance, kind = key
    inner = escaped(ids, doubts)
    of, what = (_encode(one).decode() for one in (instance, kind))
    return pc.binary_join_element_wise(
        '{"sourceID":"', inner, f'","sourceInstanceID":{of},"sourceKey":"', inner,
        f'@{of[1:-1]}.{what[1:-1]}","sourceType":{what}}}', "",
    )  # fmt: skip
