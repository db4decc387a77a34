"""Scalars made from scalars: arithmetic, choice, coercion, parts of dates."""

from __future__ import annotations

from townsend.audiences import instants
from townsend.audiences.core import Arithmetic, Coerce, Conditional, DatePart, Negative, ScalarType
from townsend.audiences.reference import numbers
from townsend.audiences.reference.scope import Rule, Scope
from townsend.audiences.reference.values import Value, read

__all__ = ["RULES"]


def arithmetic(node: Arithmetic, scope: Scope) -> Value:
    """Exact, or null; see ``numbers``."""
    return numbers.compute(node.op, scope.number(node.left), scope.number(node.right))


def negative(node: Negative, scope: Scope) -> Value:
    """The number with the other sign."""
    found = scope.number(node.value)
    return None if found is None else numbers.rounded(-found)


def conditional(node: Conditional, scope: Scope) -> Value:
    """One of two values."""
    return scope.value(node.then if scope.holds(node.test) else node.otherwise)


def coerce(node: Coerce, scope: Scope) -> Value:
    """An undeclared value, or text, read as a scalar."""
    found = scope.value(node.value)
    return read(found, node.type.name) if isinstance(node.type, ScalarType) else found


def date_part(node: DatePart, scope: Scope) -> Value:
    """A part of a date in UTC, of now if no instant is given."""
    if node.value is None:
        return scope.today(node.part)
    ms = scope.instant(node.value)
    return None if ms is None else instants.part_of(ms, node.part)


RULES: dict[type, Rule] = {
    Arithmetic: arithmetic,
    Negative: negative,
    Conditional: conditional,
    Coerce: coerce,
    DatePart: date_part,
}
