"""Master data's class: which records of which systems one golden record stands for, in the neutral form."""

from __future__ import annotations

from townsend.model.schema import EntityClass
from townsend.model.shape import Leaf, LeafType, Shape

__all__ = ["XREF", "XREF_CLASS"]

XREF = "account_xref"
_FIELDS: dict[str, LeafType] = {
    "entity_type": "string",
    "golden_id": "string",
    "source_system": "string",
    "source_instance": "string",
    "source_key": "string",
    "valid_from": "datetime",
    "valid_to": "datetime",
    "status": "string",
    "match_confidence": "number",
    "match_rule": "string",
    "survivor_rank": "integer",
    "updated_at": "datetime",
}
XREF_CLASS = EntityClass(
    name=XREF,
    namespace=XREF,
    key=None,
    id_field="golden_id",
    time_field=None,
    shape=Shape({p: Leaf(p, k) for p, k in _FIELDS.items()}, {}, frozenset(), frozenset(), frozenset()),
    identities=(),
    references={},
)
