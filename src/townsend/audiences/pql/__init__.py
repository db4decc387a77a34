"""PQL: text, tree, and the resolved form."""

from townsend.audiences.pql.context import Warned
from townsend.audiences.pql.parse import parse
from townsend.audiences.pql.resolve import Resolved, resolve

__all__ = ["Resolved", "Warned", "parse", "resolve"]
