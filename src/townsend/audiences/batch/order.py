"""In which order the conditions of a definition are asked: what is cheap and leaves few first.

The order never changes an answer. All that is known are the sizes of tables and the shape of a condition, so
these are guesses, made to tell a scan of a month of events from one of everything, and a test for one value
from one that most pass. The conditions that follow look only at what belongs to who is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from townsend.audiences.batch.tables import Tables
from townsend.audiences.core import (
    Aggregate,
    And,
    Chain,
    Compare,
    Const,
    Count,
    Definition,
    EntityType,
    Expr,
    Follow,
    In,
    InSegment,
    IsNull,
    Item,
    Listed,
    Not,
    Occurs,
    Or,
    SetTest,
    Some,
    Text,
    Truth,
    Where,
)
from townsend.audiences.walk import everything, is_list, spine
from townsend.model import Edge, Inverse, Relationship, Steps

__all__ = ["Guess", "conditions", "guess", "stages"]

FEW = 0.5  # the share of entities up to which it pays to look only at what belongs to them
WINDOW = 0.1  # the share of its events that a window holds
JOINED = 20  # the price of a row that is joined and grouped, in rows that are only read and dropped
EQUAL, ORDERED, USUAL = 0.1, 0.4, 0.5
WORDED = 0.05  # texts that are searched, such as pages' addresses, have more values than those compared by =


class Guess(NamedTuple):
    """What a condition costs, in rows to read besides the entities' own, and which share meets it."""

    rows: float
    kept: float

    @property
    def rank(self) -> float:
        """Cost for each entity that is ruled out; the smallest comes first."""
        return self.rows / max(1 - self.kept, 0.001)


def conditions(definition: Definition, policy: str | None) -> list[Expr]:
    """The conditions that must all hold, those of audiences asked for the same entity included.

    Args:
        policy: the merge policy under which the definition sees the facts; others see other values.
    """
    found: list[Expr] = []
    waiting = [definition.condition]
    while waiting:
        one = waiting.pop()
        if isinstance(one, And):
            waiting += reversed(one.items)
        elif isinstance(one, InSegment) and isinstance(one.subject, Item) and one.policy == policy:
            # At the top the subject can only be the entity itself, and the variables mean the same inside.
            waiting.append(one.definition.condition)
        else:
            found.append(one)
    return found


def stages(tables: Tables, definition: Definition) -> list[list[Expr]]:
    """The conditions in the order in which to ask them; those of one stage together.

    Every stage but the last leaves few enough that the next should look at these only.
    """
    every = conditions(definition, tables.policy)
    guessed = [(guess(tables, one), one) for one in every]
    guessed.sort(key=lambda pair: pair[0].rank)
    found: list[list[Expr]] = [[]]
    left = 1.0
    for at, (known, one) in enumerate(guessed):
        found[-1].append(one)
        left *= known.kept
        if left <= FEW and any(later.rows > 0 for later, _ in guessed[at + 1 :]) and known.rows > 0:
            found.append([])
    return found


def guess(tables: Tables, condition: Expr) -> Guess:
    """What to expect of a condition."""
    return Guess(sum(_read(tables, node) for node in everything(condition)), _kept(tables, condition))


# ---------------------------------------------------------------- cost


def _read(tables: Tables, node: Expr) -> float:
    """The rows that one node makes the engine read."""
    match node:
        case Follow():
            return _effort(tables, node.relationship)
        case Where(base, _, cond) | Some(_, base, _, cond) if isinstance(base, Follow) and _in_window(cond):
            return (WINDOW - 1) * _effort(tables, base.relationship)
        case Chain(base, _, _, steps) if isinstance(base, Follow):
            windows = [WINDOW if step.when is not None else 1.0 for step in steps]
            return (sum(windows) - 1) * _effort(tables, base.relationship)
        case InSegment():
            return sum(_read(tables, inner) for inner in everything(node.definition.condition))
        case _:
            return 0.0


def _effort(tables: Tables, relationship: Relationship) -> float:
    """Rows to read, in the price of an event's; most events are dropped by what is asked of them."""
    plan = relationship.plan
    price = 1 if isinstance(plan, Inverse) and tables.is_event(relationship.far) else JOINED
    return price * _rows(tables, relationship)


def _rows(tables: Tables, relationship: Relationship) -> float:
    plan = relationship.plan
    if isinstance(plan, Edge):
        return float(tables.edge_rows(plan))
    if isinstance(plan, Inverse):
        return float(tables.rows(relationship.far))
    if isinstance(plan, Steps):
        found, near = 0.0, relationship.near
        for name in plan.names:
            step = tables.schema.relationships[near, name]
            found, near = found + _rows(tables, step), step.far
        return found
    return 0.0


def _in_window(cond: Expr) -> bool:
    """Whether a condition about an event keeps to some stretch of time."""
    if isinstance(cond, And):
        return any(_in_window(item) for item in cond.items)
    return isinstance(cond, Occurs)


# ---------------------------------------------------------------- who is left


def _kept(tables: Tables, cond: Expr) -> float:
    rule = KEPT.get(type(cond))
    return USUAL if rule is None else rule(tables, cond)


def _and(tables: Tables, node: And) -> float:
    return math.prod(_kept(tables, item) for item in node.items)


def _or(tables: Tables, node: Or) -> float:
    return 1 - math.prod(1 - _kept(tables, item) for item in node.items)


def _not(tables: Tables, node: Not) -> float:
    return 1 - _kept(tables, node.item)


def _const(_: Tables, node: Const) -> float:
    return 1.0 if node.value is True else 0.0


def _compare(tables: Tables, node: Compare) -> float:
    shares = {"=": EQUAL, "!=": 1 - EQUAL}
    for total, op, other in ((node.left, node.op, node.right), (node.right, node.op, node.left)):
        if isinstance(total, Count | Aggregate) and isinstance(other, Const):
            many = op in (">", ">=") if total is node.left else op in ("<", "<=")
            if isinstance(total, Count) and isinstance(other.value, int) and many:
                return _some_of(_each(tables, total.base) / max(1, int(other.value)))
            return shares.get(op, ORDERED if many else 1 - ORDERED)
    return shares.get(node.op, ORDERED)


def _text(_: Tables, node: Text) -> float:
    negated = node.op.startswith(("not", "doesNot"))
    return 1 - WORDED if negated else WORDED


def _in(_: Tables, node: In) -> float:
    return 1 - 2 * EQUAL if node.negated else 2 * EQUAL


def _occurs(_: Tables, __: Occurs) -> float:
    return WINDOW


def _presence(tables: Tables, node: Truth | IsNull) -> float:
    if isinstance(node, Truth) and is_list(node.value):
        return _some_of(_each(tables, node.value))
    return USUAL


def _some(tables: Tables, node: Some) -> float:
    found = _some_of(_each(tables, node.base) * _kept(tables, node.cond))
    return {"exists": found, "none": 1 - found}.get(node.quantifier, USUAL)


def _chain(tables: Tables, node: Chain) -> float:
    found = 1.0
    for step in node.steps:
        share = _kept(tables, step.what) * (WINDOW if step.when is not None else 1.0)
        found *= _some_of(_each(tables, node.base) * share / step.count)
    return found


def _in_segment(tables: Tables, node: InSegment) -> float:
    return _kept(tables, node.definition.condition)


def _listed(tables: Tables, node: Listed) -> float:
    cls = node.subject.type
    assert isinstance(cls, EntityType)
    return min(1.0, tables.count_listed(node.name) / max(1, tables.rows(cls.cls)))


def _each(tables: Tables, base: Expr) -> float:
    """How many items the list has for one entity, on average."""
    found = 1.0
    for node in spine(base):
        if isinstance(node, Where):
            found *= _kept(tables, node.cond)
        elif isinstance(node, Follow):
            found *= _rows(tables, node.relationship) / max(1, tables.rows(node.relationship.near))
    return found


def _some_of(expected: float) -> float:
    """The share of entities that have an item, if this many are expected of each."""
    return 1 - math.exp(-expected)


KEPT: dict[type, Callable[[Tables, Any], float]] = {
    And: _and,
    Or: _or,
    Not: _not,
    Const: _const,
    Compare: _compare,
    Text: _text,
    In: _in,
    Occurs: _occurs,
    Truth: _presence,
    IsNull: _presence,
    Some: _some,
    Chain: _chain,
    InSegment: _in_segment,
    Listed: _listed,
    SetTest: lambda *_: USUAL,
}
