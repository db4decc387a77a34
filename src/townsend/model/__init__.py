"""The language of facts: classes, fields, keys, identities and relationships."""

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
from townsend.model.shape import Array, Leaf, LeafType, Shape

__all__ = [
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
    "schema_from",
    "unknown_class",
]
