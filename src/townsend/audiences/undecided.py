"""Money whose worth nobody can say: what is sure about a condition, and what may be.

A condition over an amount without a needed rate of exchange has three values, and so have those made of it.
Batch evaluation knows two. So it is asked twice: for what holds whatever the amounts are worth, and for what
may hold. The reference evaluator needs none of this; it knows three, and the two must agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from townsend.audiences.core import (
    DATETIME,
    STRING,
    And,
    Chain,
    Conditional,
    Definition,
    EntityType,
    Expr,
    Field,
    InSegment,
    IsNull,
    Item,
    ItemType,
    ListType,
    Not,
    Occurs,
    Or,
    Some,
    Step,
    Truth,
    Where,
)
from townsend.audiences.walk import parts, tail_parts
from townsend.model import mark_of

__all__ = ["Amounts", "Sides", "sides_of"]

Amounts = frozenset[tuple[str, str]]
"""Classes, and paths of amounts in them, that nobody can say for some entity."""


class Sides(NamedTuple):
    """A condition of three values as two of two: what surely holds, and what may; the same if decided."""

    sure: Expr
    maybe: Expr

    @property
    def decided(self) -> bool:
        return self.sure is self.maybe


def sides_of(
    definition: Definition, policy: str | None, amounts: Callable[[str | None], Amounts]
) -> tuple[Definition, Definition] | None:
    """Definitions of whom surely and whom maybe belongs to an audience; None if they are the same.

    Args:
        policy: the merge policy under which the definition sees the facts.
        amounts: what nobody can say under a policy.
    """
    found = _Splitting(policy, amounts).sides(definition.condition)
    if found.decided:
        return None
    return replace(definition, condition=found.sure), replace(definition, condition=found.maybe)


class _Splitting:
    def __init__(self, policy: str | None, amounts: Callable[[str | None], Amounts]) -> None:
        self.policy = policy
        self.amounts_under = amounts
        self.amounts = amounts(policy)

    # -------------------------------------------------------- conditions

    def sides(self, node: Expr) -> Sides:
        """What surely holds, and what may."""
        match node:
            case And() | Or():
                parts_ = [self.sides(item) for item in node.items]
                if all(one.decided for one in parts_):
                    return Sides(node, node)
                return Sides(
                    replace(node, items=tuple(one.sure for one in parts_)),
                    replace(node, items=tuple(one.maybe for one in parts_)),
                )
            case Not():
                inner = self.sides(node.item)
                if inner.decided:
                    return Sides(node, node)
                return Sides(replace(node, item=inner.maybe), replace(node, item=inner.sure))
            case Some():
                return self._some(node)
            case Truth(Where(base, var, cond)):
                found = self._some(Some("exists", base, var, cond, at=node.at))
                return Sides(node, node) if found.decided else found
            case Chain():
                return self._chain(node)
            case InSegment():
                return self._segment(node)
            case _:
                doubt = _any(self._parts_in_doubt(node))
                return Sides(node, node) if doubt is None else _but(Sides(node, node), doubt)

    def _some(self, node: Some) -> Sides:
        base, inner = self.doubt(node.base), self.sides(node.cond)
        found = Sides(node, node)
        if not inner.decided:
            sure, maybe = replace(node, cond=inner.sure), replace(node, cond=inner.maybe)
            match node.quantifier:
                case "exists" | "forall":
                    found = Sides(sure, maybe)
                case "none":
                    found = Sides(maybe, sure)
                case "one":
                    no_two = Or((replace(sure, quantifier="none"), sure))
                    some = replace(maybe, quantifier="exists")
                    found = Sides(And((sure, maybe)), And((some, no_two)))
        return found if base is None else _but(found, base)

    def _chain(self, node: Chain) -> Sides:
        base = self.doubt(node.base)
        steps = [self._step(node, step) for step in node.steps]
        found = Sides(node, node)
        if any(sure is not maybe for sure, maybe in steps):
            # More events never make a sequence fail.
            found = Sides(
                replace(node, steps=tuple(sure for sure, _ in steps)),
                replace(node, steps=tuple(maybe for _, maybe in steps)),
            )
        return found if base is None else _but(found, base)

    def _step(self, node: Chain, step: Step) -> tuple[Step, Step]:
        what = self.sides(step.what)
        where = None if step.where is None else self.sides(step.where)
        if step.when is not None:
            window = _any([self.doubt(part) for part in tail_parts(step.when)])
            if window is not None:
                assert isinstance(node.base.type, ListType)
                time = Field(Item(node.var, node.base.type.item), node.time, DATETIME)
                lies = _but(Sides(*[Occurs(time, step.when)] * 2), window)
                what = Sides(And((what.sure, lies.sure)), And((what.maybe, lies.maybe)))
                step = replace(step, when=None)
        if what.decided and (where is None or where.decided):
            return step, step
        return (
            replace(step, what=what.sure, where=None if where is None else where.sure),
            replace(step, what=what.maybe, where=None if where is None else where.maybe),
        )

    def _segment(self, node: InSegment) -> Sides:
        subject = self.doubt(node.subject)
        split = sides_of(node.definition, node.policy, self.amounts_under)
        found = Sides(node, node)
        if split is not None:
            found = Sides(*(replace(node, definition=one) for one in split))
        return found if subject is None else _but(found, subject)

    # -------------------------------------------------------- values

    def doubt(self, node: Expr) -> Expr | None:
        """That nobody can say what a value is worth, as a condition; None if that never happens."""
        match node:
            case Field():
                return _any([self.doubt(node.base), self._unknown(node)])
            case And() | Or() | Not() | Some() | Chain() | InSegment() | Truth(Where()):
                found = self.sides(node)
                return None if found.decided else And((found.maybe, Not(found.sure)))
            case Conditional(test, then, otherwise):
                one, other = self.doubt(then), self.doubt(otherwise)
                return _any(
                    [
                        self.doubt(test),
                        None if one is None else And((test, one)),
                        None if other is None else And((Not(test), other)),
                    ]
                )
            case _:
                return _any(self._parts_in_doubt(node))

    def _parts_in_doubt(self, node: Expr) -> list[Expr | None]:
        found: list[Expr | None] = []
        for inner, var in parts(node):
            doubt = self.doubt(inner)
            if doubt is not None and var is not None:
                doubt = Some("exists", node.base, var, doubt)  # type: ignore[union-attr] # what binds has a list
            found.append(doubt)
        return found

    def _unknown(self, node: Field) -> Expr | None:
        """That the amount itself is one that nobody can say."""
        match node.base.type:
            case EntityType(cls):
                known = (cls, node.path) in self.amounts
            case ItemType(shape):
                is_money = node.path.rpartition(".")[0] in shape.money
                known = is_money and any(path.endswith("." + node.path) for _, path in self.amounts)
            case _:
                known = False
        if not known:
            return None
        return IsNull(Field(node.base, mark_of(node.path), STRING), negated=True)


def _any(doubts: Sequence[Expr | None]) -> Expr | None:
    found = tuple(one for one in doubts if one is not None)
    return Or(found) if len(found) > 1 else next(iter(found), None)


def _but(sides: Sides, doubt: Expr) -> Sides:
    """The same where there is no doubt; where there is, nothing is sure and all may be."""
    return Sides(And((sides.sure, Not(doubt))), Or((sides.maybe, doubt)))
