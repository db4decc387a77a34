"""Conditions: true or false. A test with a null side is false, its negative form too.

Where nobody can say what a part is (``Undecided``), the other parts may still settle the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from townsend.audiences.core import (
    And,
    Compare,
    In,
    InSegment,
    IsNull,
    Listed,
    LoadedSegment,
    MapType,
    Not,
    Or,
    SetTest,
    Some,
    Text,
    Truth,
    Where,
)
from townsend.audiences.reference import texts
from townsend.audiences.reference.numbers import is_number
from townsend.audiences.reference.scope import Rule, Scope, Undecided
from townsend.audiences.reference.values import Entity, identity, items_of, present, same

__all__ = ["RULES", "STILL_IN"]

# Statuses of a loaded membership that mean "a member now".
STILL_IN = ("realized", "existing")


def and_(node: And, scope: Scope) -> bool:
    """All of them."""
    return _settled((scope.asked(item) for item in node.items), False)


def or_(node: Or, scope: Scope) -> bool:
    """Any of them."""
    return _settled((scope.asked(item) for item in node.items), True)


def _settled(parts: Iterable[bool | Undecided], decisive: bool) -> bool:
    """What one part that is ``decisive`` settles, whatever the others are; else the opposite."""
    unsure: Undecided | None = None
    for part in parts:
        if part is decisive:
            return decisive
        if isinstance(part, Undecided):
            unsure = unsure or part
    if unsure is not None:
        raise unsure
    return not decisive


def not_(node: Not, scope: Scope) -> bool:
    """The opposite; so null in Boolean position becomes true."""
    return not scope.holds(node.item)


def truth(node: Truth, scope: Scope) -> bool:
    """A value in Boolean position."""
    if isinstance(node.value, Where):
        # That some items pass can be sure where nobody can say which others do.
        return some(Some("exists", node.value.base, node.value.var, node.value.cond), scope)
    return present(scope.value(node.value))


def compare(node: Compare, scope: Scope) -> bool:
    """Equality of any two scalars; order of numbers and instants."""
    left, right = scope.value(node.left), scope.value(node.right)
    if left is None or right is None:
        return False
    match node.op:
        case "=":
            return same(left, right)
        case "!=":
            return not same(left, right)
    if not (is_number(left) and is_number(right)):
        return False
    order = (left > right) - (left < right)
    return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[node.op]


def text(node: Text, scope: Scope) -> bool:
    """A test of two strings."""
    subject, pattern = scope.value(node.subject), scope.value(node.pattern)
    if not isinstance(subject, str) or not isinstance(pattern, str):
        return False
    return texts.passes(node.op, subject, pattern, node.case)


def in_(node: In, scope: Scope) -> bool:
    """Membership of a list; both the value and the list must be there."""
    subject, items = scope.value(node.subject), scope.value(node.items)
    if subject is None or not isinstance(items, list):
        return False
    return any(same(subject, item) for item in items) != node.negated


def set_test(node: SetTest, scope: Scope) -> bool:
    """Two lists as sets, nulls dropped; both must be there."""
    one, other = scope.value(node.left), scope.value(node.right)
    if one is None or other is None:
        return False
    left = {identity(item) for item in items_of(one) if item is not None}
    right = {identity(item) for item in items_of(other) if item is not None}
    return {
        "intersects": not left.isdisjoint(right),
        "subsetOf": left <= right,
        "supersetOf": left >= right,
        "equal": left == right,
        "unequal": left != right,
    }[node.op]


def is_null(node: IsNull, scope: Scope) -> bool:
    """Absent; of a list: no item that is present."""
    found = scope.value(node.value)
    absent = all(item is None for item in found) if isinstance(found, list) else found is None
    return absent != node.negated


def some(node: Some, scope: Scope) -> bool:
    """How many items pass."""
    passing = (scope.bind(node.var, item).asked(node.cond) for item in scope.items(node.base))
    match node.quantifier:
        case "exists":
            return _settled(passing, True)
        case "forall":
            return _settled(passing, False)
        case "none":
            return not _settled(passing, True)
        case "one":
            return _one(passing)


def _one(passing: Iterable[bool | Undecided]) -> bool:
    """Exactly one; two that pass settle it."""
    sure, unsure = 0, None
    for part in passing:
        if isinstance(part, Undecided):
            unsure = unsure or part
        elif part:
            sure += 1
            if sure > 1:
                return False
    if unsure is not None:
        raise unsure
    return sure == 1


def in_segment(node: InSegment, scope: Scope) -> bool:
    """The other audience's condition about this entity, at the same instant."""
    subject = scope.value(node.subject)
    return isinstance(subject, Entity) and scope.root(subject, node.policy).holds(node.definition.condition)


def listed(node: Listed, scope: Scope) -> bool:
    """Whether a list audience names the entity."""
    subject = scope.value(node.subject)
    return isinstance(subject, Entity) and scope.world.lists(node.name, subject)


def loaded_segment(node: LoadedSegment, scope: Scope) -> bool:
    """A membership that came with the data, in any namespace."""
    subject = scope.value(node.subject)
    if not isinstance(subject, Entity):
        return False
    spaces = scope.world.value(subject, "segmentMembership", MapType())
    for space in spaces.values() if isinstance(spaces, Mapping) else ():
        found = space.get(node.name) if isinstance(space, Mapping) else None
        if isinstance(found, Mapping) and found.get("status") in STILL_IN:
            return True
    return False


RULES: dict[type, Rule] = {
    And: and_,
    Or: or_,
    Not: not_,
    Truth: truth,
    Compare: compare,
    Text: text,
    In: in_,
    SetTest: set_test,
    IsNull: is_null,
    Some: some,
    InSegment: in_segment,
    Listed: listed,
    LoadedSegment: loaded_segment,
}
