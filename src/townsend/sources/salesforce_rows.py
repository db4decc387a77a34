"""What is done to an org's rows beside the mapping: merges as events, quantities that are not whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from townsend.sources.instance import Instance

__all__ = ["keep_fractions", "merges"]

QUANTITY, FRACTION = "TotalOpportunityQuantity", "FractionalQuantity"


def keep_fractions(rows: Sequence[dict[str, Any]]) -> None:
    """Move quantities that are no whole number, which XDM's is, to a field that goes below the group."""
    for row in rows:
        quantity = row.get(QUANTITY)
        if isinstance(quantity, Decimal) and quantity != quantity.to_integral_value():
            row[FRACTION] = row.pop(QUANTITY)


def merges(rows: Sequence[Mapping[str, Any]], stamp: str | None, instance: Instance) -> list[dict[str, Any]]:
    """Merges of people as events: the losing record is deleted and names the one that stayed.

    Args:
        stamp: the field that says when a row changed last.
    """
    found = []
    for row in rows:
        kept = row.get("MasterRecordId")
        if kept and row.get("IsDeleted"):
            lost = instance.key(row["Id"])
            found.append(
                {
                    "_id": f"merge:{lost['sourceKey']}",
                    "timestamp": row.get("LastModifiedDate") or row.get(stamp or ""),
                    "eventType": "leadOperation.mergeLeads",
                    "producedBy": "salesforce",
                    "personKey": instance.key(kept),
                    "leadOperation": {"mergeLeads": {"sourceKeys": [lost], "mergedInCRM": True}},
                }
            )
    return found
