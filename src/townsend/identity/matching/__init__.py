"""Which lead belongs to which account, which accounts are one company, which belong together.

Exact normalised rules need nothing else; scores come from Splink where it is installed. Everything is
a function of the records and the rules: nothing here reads a store, a clock or a network.
"""

from townsend.identity.matching.candidate import Candidate, Reason, candidates
from townsend.identity.matching.groups import related_groups
from townsend.identity.matching.index import MatchIndex
from townsend.identity.matching.match import match_accounts, match_leads
from townsend.identity.matching.rules import MatchRules, engine
from townsend.identity.matching.side import Side

__all__ = [
    "Candidate",
    "MatchIndex",
    "MatchRules",
    "Reason",
    "Side",
    "candidates",
    "engine",
    "match_accounts",
    "match_leads",
    "related_groups",
]
