"""The shape of a class or of an array's items: its leaves, arrays and maps by dotted path.

Objects are never stored as such: a field's dotted path is its name everywhere, in tables, in PQL and in
messages. Two kinds of object are remembered because they merge as one: keys and money.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from townsend.problem import Invalid

__all__ = ["KEY_LEAVES", "MONEY_LEAVES", "Array", "Leaf", "LeafType", "Shape", "shape_of"]

LeafType = Literal["string", "boolean", "integer", "number", "datetime", "date"]

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
    def objects(self) -> frozenset[str]:
        """Paths that are neither leaf, array nor map but lead to one."""
        paths = [*self.leaves, *self.arrays, *self.maps]
        return frozenset(prefix for path in paths for prefix in _prefixes(path))

    def names(self) -> Iterator[str]:
        """Every field a query may name, leaves first."""
        yield from self.leaves
        yield from self.arrays
        yield from self.maps


def shape_of(fields: Mapping[str, Any], blocks: Mapping[str, Mapping[str, Any]], place: str) -> Shape:
    """The shape that a mapping of the schema file describes.

    Args:
        fields: path to type, as in ``xdm.yaml``.
        blocks: named groups of fields that a type may stand for.
        place: file and class, for messages.

    Raises:
        Invalid: ``schema.type``, a type that is not known.
    """
    leaves: dict[str, Leaf] = {}
    arrays: dict[str, Array] = {}
    maps: set[str] = set()
    keys: set[str] = set()
    money: set[str] = set()

    def leaf(path: str, kind: LeafType) -> None:
        leaves[path] = Leaf(path, kind)

    def add(path: str, kind: Any) -> None:
        if isinstance(kind, list) and len(kind) == 1 and kind[0] in LEAF_TYPES:
            arrays[path] = Array(path, kind[0], None, None)
        elif isinstance(kind, Mapping) and "items" in kind:
            arrays[path] = Array(path, None, _items(kind["items"], blocks, place), kind.get("by"))
        elif isinstance(kind, Mapping) and "map" in kind:
            maps.add(path)
        elif kind == "key":
            keys.add(path)
            for name, inner in KEY_LEAVES.items():
                leaf(f"{path}.{name}", inner)
        elif kind == "money":
            money.add(path)
            for name, inner in MONEY_LEAVES.items():
                leaf(f"{path}.{name}", inner)
        elif isinstance(kind, str) and kind in LEAF_TYPES:
            leaf(path, kind)  # type: ignore[arg-type]
        elif isinstance(kind, str) and kind in blocks:
            for name, inner_kind in blocks[kind].items():
                add(f"{path}.{name}", inner_kind)
        else:
            known = ", ".join(sorted(LEAF_TYPES | {"key", "money"} | set(blocks)))
            raise Invalid(
                "schema.type",
                f"{place}: {path} has the unknown type {kind!r}; write one of {known}, "
                "[type] for a list, {items: …} for a list of objects or {map: any}",
                path=path,
                got=str(kind),
            )

    for path, kind in fields.items():
        add(path, kind)
    return Shape(leaves, arrays, frozenset(maps), frozenset(keys), frozenset(money))


def _items(kind: Any, blocks: Mapping[str, Mapping[str, Any]], place: str) -> Shape:
    if kind == "key":
        return shape_of(dict(KEY_LEAVES), blocks, place)
    if isinstance(kind, str) and kind in blocks:
        return shape_of(blocks[kind], blocks, place)
    return shape_of(kind, blocks, place)


def _prefixes(path: str) -> Iterator[str]:
    parts = path.split(".")
    for end in range(1, len(parts)):
        yield ".".join(parts[:end])
