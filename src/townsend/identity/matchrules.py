"""Which kinds of matches a project looks for, and by which rules; and the one name of those rules.

Plain values: nothing here reads facts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Set
from dataclasses import asdict, dataclass
from typing import Any

from townsend.identity.matching.rules import MatchRules
from townsend.store.facts_matches import Kind

__all__ = ["Matching"]

# Grows when the same records and rules give other matches than before.
MAKE = 1


@dataclass(frozen=True)
class Matching:
    """Rules by kind of match; a kind without rules is not looked for.

    Args:
        leads: people without an account, and the accounts they may belong to.
        accounts: records of accounts that are one company.
        related: accounts of one group of companies.
    """

    leads: MatchRules | None = None
    accounts: MatchRules | None = None
    related: MatchRules | None = None

    @property
    def kinds(self) -> dict[Kind, MatchRules]:
        """The kinds that are looked for."""
        known: dict[Kind, MatchRules | None] = {
            "lead": self.leads,
            "account": self.accounts,
            "related": self.related,
        }
        return {kind: rules for kind, rules in known.items() if rules is not None}

    @property
    def engine(self) -> str:
        """Which engine answers; empty if nothing is looked for."""
        return next((rules.engine for rules in self.kinds.values()), "")

    def key(self) -> str:
        """A text that differs if any rule does; the same in every process."""
        written = json.dumps([MAKE, asdict(self)], sort_keys=True, default=_plain)
        return hashlib.sha256(written.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    assert isinstance(value, Set), "rules are made of plain values and sets of text"
    return sorted(value)
