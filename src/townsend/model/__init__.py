"""The language of facts: classes, fields, keys, identities and relationships."""

from townsend.model.masterdata import XREF, XREF_CLASS
from townsend.model.schema import (
    Edge,
    EntityClass,
    IdentityField,
    Inverse,
    Reference,
    Relationship,
    Schema,
    Steps,
    ToOne,
    builtin_schema,
    schema_from,
    unknown_class,
)
from townsend.model.shape import MARK, Array, Leaf, LeafType, Shape, is_mark, mark_of

__all__ = [
    "MARK",
    "XREF",
    "XREF_CLASS",
    "Array",
    "Edge",
    "EntityClass",
    "IdentityField",
    "Inverse",
    "Leaf",
    "LeafType",
    "Reference",
    "Relationship",
    "Schema",
    "Shape",
    "Steps",
    "ToOne",
    "builtin_schema",
    "is_mark",
    "mark_of",
    "schema_from",
    "unknown_class",
]
