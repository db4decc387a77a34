"""How many rows an object has, and what reading them costs: one call, which counts and reads none of them."""

from __future__ import annotations

from datetime import datetime

from townsend.sources.contract import Estimate
from townsend.sources.salesforce_objects import Described, written
from townsend.sources.salesforce_read import BULK_FROM
from townsend.vendors.salesforce import Org

__all__ = ["estimate", "records"]

ROWS_PER_CALL = 2_000  # by REST
BULK_CALLS = 5  # create, ask for the status, fetch; the results come in large pieces
BULK_ROWS_PER_CALL = 100_000


def records(org: Org, about: Described, since: str | None, *, deleted: bool) -> int:
    """Rows that changed at or after an instant, all if None; with or without those in the recycle bin."""
    conditions = [f"{about.stamp} >= {since}"] if since is not None and about.stamp else []
    if not deleted and about.deletes:
        conditions.append("IsDeleted = false")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return org.query(f"SELECT COUNT() FROM {about.name}{where}").total


def estimate(org: Org, about: Described, since: datetime | None) -> Estimate:
    """What reading rows that changed since costs: by REST, or in bulk from ``BULK_FROM`` rows on."""
    rows = records(org, about, None if since is None else written(since), deleted=True)
    if rows < BULK_FROM:
        return Estimate(rows, 1 + max(1, -(-rows // ROWS_PER_CALL)), since)
    return Estimate(rows, 1 + BULK_CALLS + rows // BULK_ROWS_PER_CALL, since, "by a bulk job")
