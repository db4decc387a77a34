"""Many records become one view: merge policies, money, and the unified tables that audiences read."""

from townsend.profiles.rules import MergePolicy, MoneyRules, Rate
from townsend.profiles.unified import Unified, unify

__all__ = ["MergePolicy", "MoneyRules", "Rate", "Unified", "unify"]
