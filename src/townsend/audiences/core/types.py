"""What a value can be, and where in a text it was written."""

from __future__ import annotations

from dataclasses import dataclass, field

from townsend.model import LeafType, Shape

__all__ = [
    "ANY",
    "BOOLEAN",
    "DATETIME",
    "INTEGER",
    "NOWHERE",
    "NUMBER",
    "STRING",
    "AnyType",
    "EntityType",
    "GroupsType",
    "ItemType",
    "ListType",
    "MapType",
    "ObjectType",
    "RecordType",
    "ScalarType",
    "Span",
    "Type",
]


@dataclass(frozen=True, slots=True)
class ScalarType:
    """One value of a leaf's type."""

    name: LeafType


@dataclass(frozen=True, slots=True)
class AnyType:
    """An undeclared value: each keeps the JSON type it came with."""


@dataclass(frozen=True, slots=True)
class EntityType:
    """One unified entity, relation row or event."""

    cls: str


@dataclass(frozen=True, slots=True)
class ObjectType:
    """An object inside an entity or item, such as ``homeAddress``; present if any leaf below is."""

    path: str


@dataclass(frozen=True, slots=True)
class ItemType:
    """An item of an array of objects. Two arrays of one shape have one type."""

    shape: Shape = field(hash=False)


@dataclass(frozen=True, slots=True)
class MapType:
    """Entries by key, each an undeclared value."""


@dataclass(frozen=True, slots=True)
class GroupsType:
    """Entries by key, all keys and all values of one type each."""

    key: Type
    value: Type


@dataclass(frozen=True, slots=True)
class RecordType:
    """Values by name, each of its own type."""

    fields: tuple[tuple[str, Type], ...]


@dataclass(frozen=True, slots=True)
class ListType:
    """Several of one type."""

    item: Type


Type = (
    ScalarType | AnyType | EntityType | ObjectType | ItemType | MapType | GroupsType | RecordType | ListType
)

STRING = ScalarType("string")
BOOLEAN = ScalarType("boolean")
INTEGER = ScalarType("integer")
NUMBER = ScalarType("number")
DATETIME = ScalarType("datetime")
ANY = AnyType()


@dataclass(frozen=True, slots=True)
class Span:
    """Where in the definition's text: character offsets, end excluded."""

    start: int
    end: int


NOWHERE = Span(0, 0)
