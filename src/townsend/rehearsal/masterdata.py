"""The master data system's file: which accounts of both CRMs are one company.

The neutral form of cross-references: entity_type, golden_id, source_system, source_instance, source_key,
valid_from, valid_to, status, match_confidence, match_rule, survivor_rank, updated_at.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime

from townsend.rehearsal.company import generate
from townsend.rehearsal.firms import CRMS, Firm
from townsend.rehearsal.salesforce.keys import Keys
from townsend.rehearsal.times import DAY_MS, ms_of, text

__all__ = ["COLUMNS", "master_data_csv"]

COLUMNS = (
    "entity_type", "golden_id", "source_system", "source_instance", "source_key", "valid_from", "valid_to",
    "status", "match_confidence", "match_rule", "survivor_rank", "updated_at",
)  # fmt: skip
CONFIDENCE = {"manual": "1.00", "duns": "0.98", "name+domain": "0.93", "withdrawn": "0.71"}


def master_data_csv(*, seed: int, size: int, anchor: datetime) -> str:
    """The cross-reference file of the company that servers with the same seed, size and anchor hold.

    A few matches were taken back (``inactive``, with an end), and a few keys are Salesforce ids of 15
    characters, as such files have them.
    """
    company = generate(seed, size, ms_of(anchor))
    keys = [Keys(crm) for crm in CRMS]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for firm in company.firms:
        writer.writerows(_rows(firm, keys, company.anchor_ms))
    return out.getvalue()


def _rows(firm: Firm, keys: list[Keys], anchor_ms: int) -> Iterator[tuple[str, ...]]:
    if firm.golden is None:
        return
    # Master data learns of an account some days after its CRM does.
    since = firm.created_ms + 3 * DAY_MS
    rank = 0
    for crm in CRMS:
        if not firm.known[crm]:
            continue
        rank += 1
        # A match that was taken back was with the account that came second.
        withdrawn = firm.matched == "withdrawn" and rank == 2
        ended = max(since + DAY_MS, anchor_ms - 20 * DAY_MS)
        key = keys[crm].account(firm.n)
        yield (
            "account",
            firm.golden,
            "salesforce",
            f"crm_{crm + 1}",
            key[:15] if firm.n % 5 == 4 else key,
            text(since),
            text(ended) if withdrawn else "",
            "inactive" if withdrawn else "active",
            "1.00" if rank == 1 else CONFIDENCE[firm.matched],
            firm.matched if firm.matched != "withdrawn" else "name+domain",
            str(rank),
            text(ended if withdrawn else since),
        )
