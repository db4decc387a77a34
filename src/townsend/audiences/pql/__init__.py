"""PQL: text, tree, JSON, and the resolved form."""

from townsend.audiences.pql.context import Warned
from townsend.audiences.pql.fromjson import from_json
from townsend.audiences.pql.parse import parse
from townsend.audiences.pql.print import formatted, text_of
from townsend.audiences.pql.resolve import Resolved, resolve, resolve_field
from townsend.audiences.pql.tojson import to_json

__all__ = [
    "Resolved",
    "Warned",
    "formatted",
    "from_json",
    "parse",
    "resolve",
    "resolve_field",
    "text_of",
    "to_json",
]
