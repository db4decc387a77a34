"""Nested rows made flat: a column per declared dotted path, the rest kept as one document.

Only the shape is judged here (an object where a value is declared, an item of the wrong type);
values are converted by ``convert``, for all kinds of input in one way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from townsend.intake.batch import Batch, Column, Kind
from townsend.intake.items import Wrong, array_text, canonical, map_text
from townsend.model import EntityClass, Shape
from townsend.store.quarantine import Refusal

__all__ = ["Flattener", "keep"]

RELATION = "townsend_rows"
_LEAF, _ARRAY, _MAP, _OBJECT = range(4)
# A path, what stands there, and its column: which rows have a value, and the values.
_Place = tuple[str, int, tuple[list[int], list[Any]]]
_WORDS = {
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "datetime": "an instant",
    "date": "a date",
}


class Flattener:
    """Takes rows one by one and gives them back as a batch.

    Args:
        cls: their class.
        open_schema: keep undeclared fields, else refuse the row.
        form: ``text`` when every value is text that may spell another type.
    """

    def __init__(self, cls: EntityClass, open_schema: bool, form: Literal["typed", "text"] = "typed") -> None:
        self._shape = cls.shape
        self._open = open_schema
        self._form = form
        self._plan = _plan(cls.shape)
        self._known: dict[str, dict[str, _Place]] = {}
        self._rows: list[int] = []
        self._columns: dict[str, tuple[list[int], list[Any]]] = {}
        self._extra: list[str | None] = []
        self._nulls: list[list[str] | None] = []
        self._undeclared: set[str] = set()

    def add(self, ordinal: int, row: Any, place: str) -> Refusal | None:
        """Take one row of plain JSON types; what is wrong with its shape comes back, without its text."""
        try:
            if type(row) is not dict:
                raise Wrong("", "an object", row)
            nulls: list[str] = []
            extra: dict[str, Any] = {}
            self._walk(row, "", nulls, extra)
            if extra and not self._open:
                self._take_back()
                return _undeclared(place, min(_paths(extra)))
            text = canonical(extra) if extra else None
        except Wrong as wrong:
            self._take_back()
            return _refusal(place, wrong)
        self._rows.append(ordinal)
        self._nulls.append(sorted(set(nulls)) if nulls else None)
        self._extra.append(text)
        if extra:
            self._undeclared.update(_paths(extra))
        return None

    def _take_back(self) -> None:
        """Take out the values of the row that is not taken after all."""
        index = len(self._rows)
        for indices, values in self._columns.values():
            while indices and indices[-1] == index:
                indices.pop()
                values.pop()

    def _walk(self, row: Mapping[str, Any], prefix: str, nulls: list[str], extra: dict[str, Any]) -> None:
        """Put a row's values into their columns: this runs for each value of each row."""
        index = len(self._rows)
        known = self._known.get(prefix) or self._names(prefix)
        for name, value in row.items():
            found = known.get(name)
            if found is None:
                keep(extra, prefix + name, value)
                continue
            path, place, (indices, values) = found
            if value is None:
                nulls.extend(_below(self._shape, path) if place == _OBJECT else (path,))
            elif place == _LEAF:
                if value.__class__ is dict or value.__class__ is list:
                    raise Wrong(path, _WORDS[self._shape.leaves[path].type], value)
                indices.append(index)
                values.append(value)
            elif place == _OBJECT:
                if type(value) is not dict:
                    raise Wrong(path, "an object", value)
                self._walk(value, path + ".", nulls, extra)
            else:
                if self._form == "text" and isinstance(value, str):
                    text = value
                elif place == _ARRAY:
                    text = array_text(self._shape.arrays[path], value)
                else:
                    text = map_text(path, value)
                indices.append(index)
                values.append(text)

    def _names(self, prefix: str) -> dict[str, _Place]:
        """What may stand in the object at a prefix: by name, or dotted names."""
        known = {
            path[len(prefix) :]: (path, place, self._columns.setdefault(path, ([], [])))
            for path, place in self._plan.items()
            if path.startswith(prefix)
        }
        self._known[prefix] = known
        return known

    def __len__(self) -> int:
        return len(self._rows)

    def batch(self, **more: Any) -> Batch:
        """What was taken so far; the flattener is spent then.

        Args:
            more: further fields of the batch, such as ``rows``, ``place`` and ``raw``.
        """
        arrays: list[pa.Array] = [pa.array(self._rows, pa.int64())]
        names = ["@row"]
        columns: list[Column] = []
        for path in sorted(path for path, (indices, _) in self._columns.items() if indices):
            indices, values = self._columns[path]
            kind, array = _arrow(values, self._plan[path], self._form)
            arrays.append(_scatter(array, indices, len(self._rows)))
            names.append(path)
            columns.append(Column(path, kind, '"' + path.replace('"', '""') + '"'))
        has_extra = any(text is not None for text in self._extra)
        has_nulls = any(paths is not None for paths in self._nulls)
        if has_extra:
            arrays.append(pa.array(self._extra, pa.string()))
            names.append("@extra")
        if has_nulls:
            arrays.append(pa.array(self._nulls, pa.list_(pa.string())))
            names.append("@nulls")
        return Batch(
            relation=RELATION,
            columns=columns,
            extra='"@extra"' if has_extra else None,
            nulls='"@nulls"' if has_nulls else None,
            undeclared=frozenset(self._undeclared),
            tables={RELATION: pa.Table.from_arrays(arrays, names=names)},
            form=self._form,
            **more,
        )


def keep(extra: dict[str, Any], path: str, value: Any) -> None:
    """Put an undeclared value where its dotted path leads, objects made on the way.

    >>> found = {"a": {"b": 1}}
    >>> keep(found, "a.c", 2)
    >>> found
    {'a': {'b': 1, 'c': 2}}
    """
    *way, last = path.split(".")
    target = extra
    for name in way:
        inner = target.setdefault(name, {})
        if not isinstance(inner, dict):
            # Two spellings of one path disagree; the longer name stands for itself.
            extra[path] = value
            return
        target = inner
    if isinstance(value, Mapping) and isinstance(target.get(last), dict):
        target[last] = {**target[last], **value}
    else:
        target[last] = value


def _plan(shape: Shape) -> dict[str, int]:
    plan = dict.fromkeys(shape.objects, _OBJECT)
    plan |= dict.fromkeys(shape.maps, _MAP)
    plan |= dict.fromkeys(shape.arrays, _ARRAY)
    plan |= dict.fromkeys(shape.leaves, _LEAF)
    return plan


def _below(shape: Shape, path: str) -> Iterator[str]:
    return (name for name in shape.names() if name.startswith(path + "."))


def _paths(value: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, inner in value.items():
        path = f"{prefix}{name}"
        yield path
        for each in inner if type(inner) is list else (inner,):
            if type(each) is dict:
                yield from _paths(each, path + ".")


def _refusal(place: str, wrong: Wrong) -> Refusal:
    todo = "correct the value and load the row again"
    return Refusal(place, wrong.path or None, "row.type", wrong.expected, wrong.got, todo, "")


def _undeclared(place: str, path: str) -> Refusal:
    return Refusal(
        place,
        path,
        "row.undeclared",
        "only declared fields, as the project says `schema: closed`",
        path,
        "declare it in the project's schema folder, or write `schema: open`",
        "",
    )


def _arrow(values: Sequence[Any], place: int, form: str) -> tuple[Kind, pa.Array]:
    """The values of one column in the narrowest kind that holds them all."""
    if place != _LEAF:
        return ("text" if form == "text" else "document"), pa.array(values, pa.string())
    kinds = {type(value) for value in values}
    if kinds <= {str}:
        return ("text" if form == "text" else "string"), pa.array(values, pa.string())
    if kinds <= {bool}:
        return "boolean", pa.array(values, pa.bool_())
    if kinds <= {int} and all(-(2**63) <= value < 2**63 for value in values):
        return "integer", pa.array(values, pa.int64())
    if kinds <= {int, Decimal}:
        return "numeral", pa.array([str(value) for value in values], pa.string())
    return "json", pa.array([canonical(value) for value in values], pa.string())


def _scatter(array: pa.Array, indices: Iterable[int], length: int) -> pa.Array:
    if len(array) == length:
        return array
    position = np.full(length, -1, dtype=np.int64)
    position[np.fromiter(indices, np.int64, len(array))] = np.arange(len(array))
    return array.take(pa.array(position, mask=position < 0))
