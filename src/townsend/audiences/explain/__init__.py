"""Why somebody is in an audience or not, by which records, what is missing, and when that changes."""

from townsend.audiences.explain.explain import explain
from townsend.audiences.explain.tree import Change, Condition, Evidence, Explanation, Finding

__all__ = ["Change", "Condition", "Evidence", "Explanation", "Finding", "explain"]
