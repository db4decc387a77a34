"""The shape of a class or of an array's items: its leaves, arrays and maps by dotted path.

Objects are never stored as such: a field's dotted path is its name everywhere, in tables, in PQL and in
messages. Two kinds of object are remembered because they merge as one: keys and money.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, cast

from townsend.problem import Invalid

__all__ = [
    "KEY_LEAVES",
    "MARK",
    "MONEY_LEAVES",
    "Array",
    "Leaf",
    "LeafType",
    "Shape",
    "is_mark",
    "mark_of",
    "shape_of",
]

LeafType = Literal["string", "boolean", "integer", "number", "datetime", "date"]

# Beside an amount whose worth nobody can say stands what it was, as text; see ``profiles.money``.
MARK = "!amount"
LEAF_TYPES: frozenset[str] = frozenset({"string", "boolean", "integer", "number", "datetime", "date"})
KEY_LEAVES: Mapping[str, LeafType] = {
    "sourceID": "string",
    "sourceInstanceID": "string",
    "sourceType": "string",
    "sourceKey": "string",
}
MONEY_LEAVES: Mapping[str, LeafType] = {
    "amount": "number",
    "currencyCode": "string",
    "conversionDate": "datetime",
}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar field."""

    path: str
    type: LeafType


@dataclass(frozen=True, slots=True)
class Array:
    """An array: of scalars (``item`` set) or of objects (``shape`` set).

    ``by`` is the path inside an item that names it; items with one name replace each other in a merge.
    """

    path: str
    item: LeafType | None
    shape: Shape | None
    by: str | None


@dataclass(frozen=True)
class Shape:
    """All fields of a class, or of an item of an array, by dotted path."""

    leaves: Mapping[str, Leaf]
    arrays: Mapping[str, Array]
    maps: frozenset[str]
    keys: frozenset[str]
    money: frozenset[str]

    @cached_property
    def naming(self) -> tuple[str, ...]:
        """Leaves that are called a name."""
        return tuple(path for path in self.leaves if path.lower().endswith("name"))

    @cached_property
    def objects(self) -> frozenset[str]:
        """Paths that are neither leaf, array nor map but lead to one."""
        paths = [*self.leaves, *self.arrays, *self.maps]
        return frozenset(prefix for path in paths for prefix in _prefixes(path))

    def names(self) -> Iterator[str]:
        """Every field a query may name, leaves first."""
        yield from self.leaves
        yield from self.arrays
        yield from self.maps


def mark_of(amount: str) -> str:
    """Where it is noted that nobody can say what an amount is worth.

    >>> mark_of("opportunityAmount.amount")
    'opportunityAmount.!amount'
    """
    return f"{amount.rpartition('.')[0]}.{MARK}"


def is_mark(path: str) -> bool:
    """Whether a column is such a note."""
    return path.endswith("." + MARK)


def shape_of(fields: Mapping[str, Any], blocks: Mapping[str, Mapping[str, Any]], place: str) -> Shape:
    """The shape that a mapping of the schema file describes.

    Args:
        fields: path to type, as in ``xdm.yaml``.
        blocks: named groups of fields that a type may stand for.
        place: file and class, for messages.

    Raises:
        Invalid: ``schema.type``, a type that is not known.
    """
    draft = _Draft(blocks, place)
    for path, kind in fields.items():
        draft.add(path, kind)
    return Shape(
        draft.leaves, draft.arrays, frozenset(draft.maps), frozenset(draft.keys), frozenset(draft.money)
    )


class _Draft:
    """A shape while its fields are read one by one."""

    def __init__(self, blocks: Mapping[str, Mapping[str, Any]], place: str) -> None:
        self.leaves: dict[str, Leaf] = {}
        self.arrays: dict[str, Array] = {}
        self.maps: set[str] = set()
        self.keys: set[str] = set()
        self.money: set[str] = set()
        self._blocks = blocks
        self._place = place

    def add(self, path: str, kind: Any) -> None:
        """Take one field, whatever form its type is written in."""
        if isinstance(kind, list) and len(kind) == 1 and kind[0] in LEAF_TYPES:
            self.arrays[path] = Array(path, kind[0], None, None)
        elif isinstance(kind, Mapping) and "items" in kind:
            self.arrays[path] = Array(path, None, self._items(kind["items"], path), kind.get("by"))
        elif isinstance(kind, Mapping) and "map" in kind:
            self.maps.add(path)
        elif isinstance(kind, str):
            self._add_named(path, kind)
        else:
            raise self._unknown(path, kind)

    def _add_named(self, path: str, kind: str) -> None:
        if kind == "key":
            self.keys.add(path)
            self._add_all(path, KEY_LEAVES)
        elif kind == "money":
            self.money.add(path)
            self._add_all(path, MONEY_LEAVES)
        elif kind in LEAF_TYPES:
            self.leaves[path] = Leaf(path, cast("LeafType", kind))
        elif kind in self._blocks:
            self._add_all(path, self._blocks[kind])
        else:
            raise self._unknown(path, kind)

    def _add_all(self, path: str, fields: Mapping[str, Any]) -> None:
        for name, kind in fields.items():
            self.add(f"{path}.{name}", kind)

    def _items(self, kind: Any, path: str) -> Shape:
        if kind == "key":
            return shape_of(KEY_LEAVES, self._blocks, self._place)
        if isinstance(kind, str) and kind in self._blocks:
            return shape_of(self._blocks[kind], self._blocks, self._place)
        if isinstance(kind, Mapping):
            return shape_of(kind, self._blocks, f"{self._place}: {path}")
        raise self._unknown(path, kind)

    def _unknown(self, path: str, kind: Any) -> Invalid:
        known = ", ".join(sorted(LEAF_TYPES | {"key", "money"} | set(self._blocks)))
        return Invalid(
            "schema.type",
            f"{self._place}: {path} has the unknown type {kind!r}; write one of {known}, "
            "[type] for a list, {items: …} for a list of objects or {map: any}",
            path=path,
            got=str(kind),
        )


def _prefixes(path: str) -> Iterator[str]:
    parts = path.split(".")
    for end in range(1, len(parts)):
        yield ".".join(parts[:end])
