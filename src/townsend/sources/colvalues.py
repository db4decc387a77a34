"""Columns of a vendor's texts, read as the type that is declared; what is spelled oddly is left in doubt.

Only spellings that mean the same everywhere are read here. A value in doubt is null, and its row goes the way
of single rows, which knows every spelling (see ``values``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from townsend.model import LeafType
from townsend.sources.columns import Form

__all__ = [
    "FORMS",
    "Doubts",
    "distinct",
    "enclosed",
    "fragment",
    "nested",
    "object_text",
    "present",
    "quoted",
    "typed",
    "ways",
]

FORMS: Mapping[LeafType, Form] = {
    "string": "string", "boolean": "boolean", "integer": "integer", "number": "numeral",
    "datetime": "timestamp", "date": "date",
}  # fmt: skip
_TYPES: Mapping[LeafType, pa.DataType] = {
    "string": pa.string(), "boolean": pa.bool_(), "integer": pa.int64(), "number": pa.string(),
    "datetime": pa.timestamp("us"), "date": pa.date32(),
}  # fmt: skip
_BOOLEANS = ("true", "1", "yes"), ("false", "0", "no")
_NUMBER = r"^(0|-?[1-9][0-9]{0,14})(\.[0-9]{1,6})?$"
_INTEGER = r"^(0|-?[1-9][0-9]{0,17})$"
_INSTANT = r"^(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z)?$"
_DAY = r"^(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}$"
_CONTROL = r"[\x00-\x1f]"


@dataclass
class Doubts:
    """Rows of a lot that columns cannot say for sure."""

    rows: np.ndarray[Any, np.dtype[np.bool_]]

    @classmethod
    def none(cls, rows: int) -> Doubts:
        return cls(np.zeros(rows, bool))

    def add(self, mask: pa.Array) -> None:
        """Rows where that is true."""
        self.rows |= pc.fill_null(mask, False).to_numpy(zero_copy_only=False)


def present(column: pa.Array, null: str | None) -> pa.Array:
    """The texts, those that stand for no value null: blank ones and the vendor's word."""
    blank = pc.or_(pc.utf8_is_space(column), pc.equal(column, ""))
    if null is not None:
        blank = pc.or_(blank, pc.equal(column, null))
    return pc.if_else(blank, None, column) if pc.any(blank).as_py() else column


def typed(texts: pa.Array, kind: LeafType, doubts: Doubts) -> pa.Array:
    """Texts as ``READERS`` and intake would read them, null where there is doubt."""
    if kind == "string":
        return texts
    if kind in ("datetime", "date"):
        return _instants(texts, kind, doubts)
    return distinct(texts, lambda one: _plain(one, kind), doubts)


def distinct(texts: pa.Array, read: Callable[[pa.Array], pa.Array], doubts: Doubts) -> pa.Array:
    """What becomes of each text, found out once for all rows that have it."""
    if texts.null_count == len(texts):
        return pa.nulls(len(texts), read(pa.array([], pa.string())).type)
    coded = pc.dictionary_encode(texts)
    found = read(coded.dictionary).take(coded.indices)
    if found.null_count != texts.null_count:
        doubts.add(pc.and_(pc.is_valid(texts), pc.is_null(found)))
    return found


def _plain(texts: pa.Array, kind: LeafType) -> pa.Array:
    if kind == "boolean":
        small = pc.utf8_lower(texts)
        yes, no = (pc.is_in(small, pa.array(words)) for words in _BOOLEANS)
        return pc.if_else(yes, True, pc.if_else(no, False, pa.scalar(None, pa.bool_())))
    if kind == "integer":
        sure = pc.match_substring_regex(texts, _INTEGER)
        return pc.cast(pc.if_else(sure, texts, None), pa.int64())
    return pc.if_else(pc.match_substring_regex(texts, _NUMBER), texts, None)


def _instants(texts: pa.Array, kind: LeafType, doubts: Doubts) -> pa.Array:
    pattern = _INSTANT if kind == "datetime" else _DAY
    sure = pc.fill_null(pc.match_substring_regex(texts, pattern), True)
    if not pc.all(sure).as_py():
        doubts.add(pc.invert(sure))
        texts = pc.if_else(sure, texts, None)
    bare = pc.utf8_rtrim(texts, "Z") if kind == "datetime" else texts
    try:
        return pc.cast(bare, _TYPES[kind])
    except pa.ArrowInvalid:
        # A day or an hour that no calendar has.
        doubts.add(pc.is_valid(bare))
        return pa.nulls(len(texts), _TYPES[kind])


# ---------------------------------------------------------------- as JSON


def quoted(texts: pa.Array, doubts: Doubts) -> pa.Array:
    """Texts as canonical JSON."""
    return pc.binary_join_element_wise('"', escaped(texts, doubts), '"', "")


def escaped(texts: pa.Array, doubts: Doubts) -> pa.Array:
    """Texts as they stand between the quotes."""
    if not pc.all(pc.string_is_ascii(texts)).as_py():
        texts = pc.utf8_normalize(texts, "NFC")
    control = pc.match_substring_regex(texts, _CONTROL)
    if pc.any(control).as_py():
        doubts.add(control)
    for mark in ("\\", '"'):
        if pc.any(pc.match_substring(texts, mark)).as_py():
            texts = pc.replace_substring(texts, mark, "\\" + mark)
    return texts


def fragment(values: pa.Array, kind: LeafType, doubts: Doubts, *, instants: bool) -> pa.Array:
    """Typed values as JSON.

    Args:
        instants: epoch milliseconds for instants and dates, as items of lists have them; else their texts.
    """
    if kind == "string" or (kind in ("datetime", "date") and not instants):
        return quoted(values, doubts)
    if kind == "datetime":
        micros = pc.cast(values, pa.int64())
        return pc.cast(pc.floor(pc.divide(pc.cast(micros, pa.float64()), 1_000.0)), pa.int64()).cast(
            pa.string()
        )
    if kind == "date":
        return pc.multiply(pc.cast(pc.cast(values, pa.int32()), pa.int64()), 86_400_000).cast(pa.string())
    return values if kind == "number" else values.cast(pa.string())


def object_text(members: Mapping[str, pa.Array]) -> pa.Array:
    """JSON objects of these members, canonical; null where none is there."""
    names = sorted(members)
    parts = [pc.binary_join_element_wise(f'"{_name(name)}":', members[name], "") for name in names]
    return enclosed("{", parts, "}")


def enclosed(opening: str, parts: Sequence[pa.Array], closing: str) -> pa.Array:
    """What is there of some parts, between brackets; null where none is."""
    if len(parts) == 1:
        return pc.binary_join_element_wise(opening, parts[0], closing, "")
    # Joining that skips nulls goes wrong in rows in which all are; so none is null here.
    each = [pc.coalesce(pc.binary_join_element_wise(part, ",", ""), "") for part in parts]
    inside = pc.utf8_rtrim(pc.binary_join_element_wise(*each, ""), ",")
    return pc.if_else(pc.equal(inside, ""), None, pc.binary_join_element_wise(opening, inside, closing, ""))


def _name(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def texts_of(values: Sequence[Any], kind: LeafType) -> pa.Array:
    """Values that a mapping gave, as the texts that ``typed`` reads; null where there is doubt."""

    def text(value: Any) -> str | None:
        if value is None:
            return None
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return str(value).lower() if kind == "boolean" else None
        return str(value) if kind in ("integer", "number") else None

    return pa.array([text(value) for value in values], pa.string())


def nested(members: Mapping[str, pa.Array]) -> pa.Array | None:
    """JSON objects of members by dotted path."""
    own = {path: one for path, one in members.items() if "." not in path}
    below: dict[str, dict[str, pa.Array]] = {}
    for path, one in members.items():
        if "." in path:
            name, _, rest = path.partition(".")
            below.setdefault(name, {})[rest] = one
    for name, inner in below.items():
        found = nested(inner)
        if found is not None:
            own[name] = found
    return object_text(own) if own else None


def ways(path: str) -> list[str]:
    """The path and the objects on its way."""
    names = path.split(".")
    return [".".join(names[: n + 1]) for n in range(len(names))]
