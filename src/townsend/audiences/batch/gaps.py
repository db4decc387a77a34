"""What batch evaluation leaves to the reference evaluator: node kinds, when, and why.

The table is complete: what it does not name is lowered, and a property test compares the two evaluators on
all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from townsend.audiences.batch.values import group
from townsend.audiences.calendar import FIXED
from townsend.audiences.core import (
    NOWHERE,
    AllOf,
    AnyType,
    Between,
    Chain,
    Common,
    Compare,
    Conditional,
    Const,
    Contents,
    DateOf,
    Distinct,
    Each,
    Elapsed,
    EntityType,
    Entries,
    Entry,
    Expr,
    Field,
    First,
    Follow,
    Grouped,
    In,
    InSegment,
    IsNull,
    Item,
    ListOf,
    ListType,
    LoadedSegment,
    MapOf,
    MapType,
    ObjectType,
    Occurs,
    PerKey,
    Pick,
    Ranked,
    Record,
    ScalarType,
    SetTest,
    Shifted,
    Span,
    Tail,
    TextFunction,
    TimeRef,
    Truth,
    Type,
)
from townsend.audiences.walk import chain_uses, everything, free, is_list, root_of, spine, spine_uses
from townsend.model import Steps

__all__ = ["GAPS", "NEVER", "Gap", "gaps_in"]


class Gap(NamedTuple):
    """One thing that is not lowered."""

    kind: str
    reason: str
    at: Span = NOWHERE


def _is_plain(kind: Type) -> bool:
    return isinstance(kind, ScalarType | EntityType)


def _item(expr: Expr) -> Type:
    return expr.type.item if isinstance(expr.type, ListType) else expr.type


def _compare(node: Compare) -> bool:
    return not (_is_plain(node.left.type) and _is_plain(node.right.type))


def _in(node: In) -> bool:
    if not _is_plain(node.subject.type):
        return True
    if isinstance(node.items, ListOf):
        return not all(_is_plain(item.type) for item in node.items.items)
    return not _is_plain(_item(node.items))


def _set(node: SetTest) -> bool:
    left, right = _item(node.left), _item(node.right)
    return not (_is_plain(left) and _is_plain(right) and group(left) == group(right))


def _conditional(node: Conditional) -> bool:
    return not isinstance(node.type, ScalarType | AnyType)


def _each(node: Each) -> bool:
    """A list for each item, which looks at more than that item."""
    body = node.body
    if isinstance(body.type, ObjectType):
        return True
    if not is_list(body):
        return False
    uses = spine_uses(body)
    root = root_of(body)
    *_, last = spine(body)
    if isinstance(last, Follow) and root is not None and isinstance(root.type, EntityType):
        own = {root.var} if isinstance(root, Item) else set()
        return not uses <= own
    return bool(uses) or isinstance(last, ListOf | AllOf)


def _presence(node: Truth | IsNull) -> bool:
    """An object or map inside an array's item counts as present if any leaf below it is."""
    value = node.value
    if not isinstance(value.type, ObjectType | MapType) or not isinstance(value, Field):
        return isinstance(value.type, ObjectType)
    return not isinstance(value.base.type, EntityType)


def _distinct(node: Distinct) -> bool:
    return not _is_plain(_item(node))


def _occurs(node: Occurs) -> bool:
    return _moving_date(node.tail)


def _chain(node: Chain) -> bool:
    """The steps must be those of all owners at once."""
    if all(step.gap is None for step in node.steps[1:]):
        return False
    *_, last = spine(node.base)
    if isinstance(last, AllOf):
        return True
    uses = chain_uses(node) | spine_uses(node.base)
    if not uses:
        return False
    if not isinstance(last, Follow) or not isinstance(last.base, Item):
        return True
    return not uses <= {last.base.var} or isinstance(last.relationship.plan, Steps)


def _chain_dates(node: Chain) -> bool:
    return any(step.when is not None and _moving_date(step.when) for step in node.steps)


def _moving_date(tail: Tail) -> bool:
    refs: tuple[TimeRef, ...] = (tail.first, tail.second) if isinstance(tail, Between) else (tail.ref,)
    return any(
        free(part) for ref in refs if isinstance(ref, DateOf) for part in (ref.year, ref.month, ref.day)
    )


def _quoted_name(node: LoadedSegment) -> bool:
    return '"' in node.name or "\\" in node.name


def _from_behind(node: TextFunction) -> bool:
    return node.op == "lastIndexOf"


def _shifted(node: Shifted) -> bool:
    return not isinstance(node.number, Const)


def _elapsed(node: Elapsed) -> bool:
    return node.unit not in FIXED


def _of_values(node: Ranked) -> bool:
    return not isinstance(_item(node), EntityType)


def _first(node: First) -> bool:
    """The list must be that of all owners at once, so that each can have its first item."""
    if not isinstance(node.type, EntityType):
        return True
    *_, last = spine(node.base)
    if not isinstance(last, Follow):
        return True
    own = {last.base.var} if isinstance(last.base, Item) else set()
    return not spine_uses(node.base) <= own


def _list_of_lists(node: ListOf) -> bool:
    return not all(isinstance(item.type, ScalarType) for item in node.items)


GAPS: Mapping[type, list[tuple[Callable[[Any], bool], str]]] = {
    Compare: [(_compare, "undeclared values, objects and items are compared by their content")],
    In: [(_in, "undeclared values, objects and items are compared by their content")],
    SetTest: [(_set, "undeclared values, objects and items are compared by their content")],
    Distinct: [(_distinct, "undeclared values, objects and items are compared by their content")],
    Conditional: [(_conditional, "a choice between lists, objects or entities")],
    Each: [(_each, "a list or object for each item that depends on more than the item")],
    Truth: [(_presence, "presence of an object inside an array's item")],
    IsNull: [(_presence, "presence of an object inside an array's item")],
    Occurs: [(_occurs, "a date made of fields")],
    Chain: [
        (_chain, "GAP between events that are chosen by something outside the sequence"),
        (_chain_dates, "a date made of fields"),
    ],
    LoadedSegment: [(_quoted_name, "a name with quotes")],
    ListOf: [(_list_of_lists, "a list literal of something else than scalars")],
    TextFunction: [(_from_behind, "DuckDB looks for a text from the front only")],
    Shifted: [(_shifted, "a number of units that differs from row to row")],
    Ranked: [(_of_values, "an order among the items of an array")],
    First: [(_first, "the first item of an array, or of a list that looks outside itself")],
    Elapsed: [(_elapsed, "months and years have no fixed length")],
}


# Kinds that batch leaves alone altogether.
NEVER: Mapping[type, str] = {
    Common: "a list made of two others",
    Record: "objects made while asking",
    Pick: "objects made while asking",
    Grouped: "maps made while asking",
    MapOf: "maps made while asking",
    Entries: "the keys of maps",
    Contents: "the keys of maps",
    Entry: "maps made while asking",
    PerKey: "maps made while asking",
}


def gaps_in(expr: Expr) -> Iterator[Gap]:
    """Everything in a condition that is not lowered, audiences that it uses included."""
    for node in everything(expr):
        if type(node) in NEVER:
            yield Gap(type(node).__name__, NEVER[type(node)], node.at)
        for applies, reason in GAPS.get(type(node), ()):
            if applies(node):
                yield Gap(type(node).__name__, reason, node.at)
        if isinstance(node, InSegment):
            yield from gaps_in(node.definition.condition)
