"""What a SOQL query is made of: fields reached over parents, literals, and comparisons.

Text is compared without letter case; ids of 15 and 18 characters are the same record; null equals null
and nothing else; ``!=`` also holds for null, ``<`` and its like never do.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from townsend.rehearsal.ids import to18
from townsend.rehearsal.salesforce.schema import Field, SObject, sobjects
from townsend.rehearsal.times import parse

__all__ = ["Lookup", "Malformed", "Path", "QueryFault", "Row", "Test", "Token", "Value"]
__all__ += ["compare", "folded", "like", "literal", "long_id", "path_of"]

Row = dict[str, Any]
Value = str | int | float | bool | None
Test = Callable[[Row], bool]
PARENTS_MAX = 5
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_NUMBERS = {"currency", "double", "percent", "int"}
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class QueryFault(Exception):
    """A query that the org refuses; ``code`` is its errorCode."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def Malformed(message: str) -> QueryFault:  # noqa: N802  reads as what it raises
    """A query that cannot be read."""
    return QueryFault("MALFORMED_QUERY", message)


class Token(NamedTuple):
    """A word of the query."""

    kind: str
    text: str


class Path(NamedTuple):
    """A field, reached over the reference fields of ``via``."""

    via: tuple[Field, ...]
    field: Field
    text: str


Lookup = Callable[[Row, Path], Any]


def path_of(sobject: SObject, text: str) -> Path:
    """A field by its written name, such as ``Account.Parent.Name``.

    Raises:
        QueryFault: INVALID_FIELD if the object or a parent has no such field or relationship.
    """
    *parents, last = text.split(".")
    if parents and parents[0].lower() == sobject.name.lower():
        parents = parents[1:]
    if len(parents) > PARENTS_MAX:
        raise Malformed(f"{text}: more than {PARENTS_MAX} levels of parents")
    via = []
    here = sobject
    for parent in parents:
        relation = here.relation(parent)
        if relation is None:
            raise QueryFault("INVALID_FIELD", f"Didn't understand relationship '{parent}' in field path.")
        via.append(relation)
        here = sobjects()[relation.to[0]]
    field = here.find(last)
    if field is None:
        raise QueryFault("INVALID_FIELD", f"No such column '{last}' on entity '{here.name}'.")
    names = [str(relation.relationship) for relation in via]
    return Path(tuple(via), field, ".".join([*names, field.name]))


def literal(token: Token, path: Path) -> Value:
    """The value of a literal beside a field; instants as epoch milliseconds.

    Raises:
        QueryFault: the literal is not of the field's type.
    """
    kind = path.field.type
    if token.kind == "name":
        word = token.text.upper()
        if word not in {"TRUE", "FALSE", "NULL"}:
            raise Malformed(f"unexpected token: '{token.text}'")
        if word != "NULL" and kind != "boolean":
            raise _wrong_type(path)
        return None if word == "NULL" else word == "TRUE"
    fits = {
        "text": kind not in {*_NUMBERS, "boolean", "datetime", "date"},
        "instant": kind == "datetime",
        "day": kind == "date",
        "number": kind in _NUMBERS,
    }
    if token.kind not in fits:
        raise Malformed(f"unexpected token: '{token.text}'")
    if not fits[token.kind]:
        raise _wrong_type(path)
    if token.kind == "text":
        return _unquoted(token.text)
    if token.kind == "instant":
        return parse(token.text)
    if token.kind == "day":
        return token.text
    return float(token.text) if "." in token.text else int(token.text)


def _wrong_type(path: Path) -> QueryFault:
    quoted = path.field.type in {*_NUMBERS, "boolean", "datetime", "date"}
    wanted = "should not be enclosed in quotes" if quoted else "should be enclosed in quotes"
    return QueryFault(
        "INVALID_FIELD",
        f"value of filter criterion for field '{path.text}' must be of type {path.field.type} and {wanted}",
    )


def _unquoted(text: str) -> str:
    # A backslash before % or _ means something to LIKE only, which reads it itself.
    return re.sub(
        r"\\(.)",
        lambda match: match[0] if match[1] in "%_" else _ESCAPES.get(match[1], match[1]),
        text[1:-1],
        flags=re.DOTALL,
    )


def folded(value: Any) -> Any:
    """A value as it is compared: text in lower case."""
    return value.lower() if isinstance(value, str) else value


def like(pattern: str) -> re.Pattern[str]:
    """LIKE's pattern: ``%`` any text, ``_`` one character, both escaped by a backslash."""
    parts = []
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "\\" and at + 1 < len(pattern):
            at += 1
            parts.append(re.escape(pattern[at]))
        else:
            parts.append({"%": ".*", "_": "."}.get(letter, re.escape(letter)))
        at += 1
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def long_id(path: Path, value: Value) -> Value:
    """An id of 15 characters as 18, if the field holds ids."""
    short = path.field.type in {"id", "reference"} and isinstance(value, str) and len(value) == 15
    return to18(str(value)) if short else value


def compare(path: Path, sign: str, value: Value) -> Callable[[Row, Lookup], bool]:
    """A test of one field against one value.

    Raises:
        QueryFault: the sign is none, or orders what has no order.
    """
    wanted = folded(long_id(path, value))
    if sign == "=":
        return lambda row, look: bool(folded(look(row, path)) == wanted)
    if sign in {"!=", "<>"}:
        return lambda row, look: bool(folded(look(row, path)) != wanted)
    if sign not in _ORDERED or value is None or path.field.type == "boolean":
        raise Malformed(f"{path.text} {sign}: this operator does not fit here")
    ordered = _ORDERED[sign]

    def test(row: Row, look: Lookup) -> bool:
        found = look(row, path)
        return found is not None and ordered(folded(found), wanted)

    return test
