"""Many records at once: leads with accounts, accounts with each other."""

from __future__ import annotations

import pyarrow as pa

from townsend.identity.matching.index import MatchIndex
from townsend.identity.matching.rules import MatchRules

__all__ = ["match_accounts", "match_leads"]


def match_leads(
    leads: pa.Table, accounts: pa.Table, rules: MatchRules, *, competing: bool = True
) -> pa.Table:
    """The accounts that leads may belong to.

    Args:
        leads: ``id`` and any of the columns of a ``Side``: name of the company, domain of the e-mail, …
        accounts: the same of accounts.
        rules: thresholds, weights and guards.
        competing: see ``MatchIndex.leads``.

    Returns:
        ``left`` (lead), ``right`` (account), ``score`` (0 to 1), ``rule``, ``reasons`` (JSON text, see
        ``Reason``), ``rank`` (1 is the best of a lead); by lead, best first; none below ``review_at``.
    """
    return MatchIndex(accounts, rules).leads(leads, competing=competing)


def match_accounts(accounts: pa.Table, rules: MatchRules) -> pa.Table:
    """Pairs of accounts that may be one company, as ``match_leads`` gives them, ``left`` < ``right``."""
    return MatchIndex(accounts, rules).duplicates()
