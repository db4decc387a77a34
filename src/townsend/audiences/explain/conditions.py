"""From a condition to its explanation: what was found, what was wanted, what is missing.

``needed`` says whether a condition has to hold for the whole; under a ``not`` it has not, and nothing is
missing there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

from townsend.audiences.core import (
    And,
    Chain,
    Compare,
    Definition,
    Expr,
    In,
    InSegment,
    IsNull,
    Listed,
    LoadedSegment,
    Not,
    Occurs,
    Or,
    SetTest,
    Some,
    Text,
    Truth,
)
from townsend.audiences.explain import leaves, sequences
from townsend.audiences.explain.alternatives import left_out, nearest
from townsend.audiences.explain.evidence import Counted, base_of, counted, describe, most_telling, through
from townsend.audiences.explain.tree import Condition, Finding, Kind, Wanted
from townsend.audiences.reference.scope import Scope, Undecided
from townsend.audiences.walk import free

__all__ = ["DEPTH_MAX", "Explainer"]

DEPTH_MAX = 6  # lists inside lists whose items are looked at one by one
THROUGH_MAX = 10  # entities named on the way to a list

KINDS: dict[type, Kind] = {
    And: "all",
    Or: "any",
    Not: "not",
    InSegment: "segment",
    Listed: "listed",
    LoadedSegment: "segment",
    Compare: "compare",
    Text: "text",
    In: "in",
    SetTest: "set",
    IsNull: "null",
    Truth: "truth",
    Some: "some",
    Occurs: "time",
    Chain: "chain",
}


@dataclass(frozen=True)
class Explainer:
    """Explains the conditions of one definition.

    Args:
        definition: whose text the conditions are cut from.
        depth: how many lists deep we are.
    """

    definition: Definition
    depth: int = 0

    def condition(self, expr: Expr, scope: Scope, needed: bool = True) -> Condition:
        """How a condition stands, with everything below it."""
        found = INNER.get(type(expr), Explainer._leaf)(self, expr, scope, needed)
        unsure = scope.asked(expr) if found.missing else None
        if isinstance(unsure, Undecided):
            facts = {"path": unsure.path, "amount": unsure.mark}
            return replace(found, missing=(Finding("value.undecided", facts),))
        return found

    def blank(self, expr: Expr, scope: Scope) -> Condition:
        """A condition without details."""
        at = expr.at
        return Condition(
            KINDS.get(type(expr), "value"), self.definition.text[at.start : at.end], scope.holds(expr)
        )

    # -------------------------------------------------------- conditions made of conditions

    def _parts(self, expr: And | Or, scope: Scope, needed: bool) -> Condition:
        parts = tuple(self.condition(item, scope, needed) for item in expr.items)
        return replace(self.blank(expr, scope), parts=parts)

    def _not(self, expr: Not, scope: Scope, needed: bool) -> Condition:
        found = self.blank(expr, scope)
        missing = (Finding("not.holds"),) if needed and not found.holds else ()
        return replace(found, parts=(self.condition(expr.item, scope, not needed),), missing=missing)

    def _segment(self, expr: InSegment, scope: Scope, needed: bool) -> Condition:
        found = replace(self.blank(expr, scope), measured=expr.name)
        (subject,) = counted_subject(expr, scope) or (None,)
        if subject is None:
            return found
        inner = replace(self, definition=expr.definition)
        part = inner.condition(expr.definition.condition, scope.root(subject, expr.policy), needed)
        return replace(found, parts=(part,))

    # -------------------------------------------------------- lists

    def _some(self, expr: Some, scope: Scope, needed: bool) -> Condition:
        items = scope.items(expr.base)
        passes = [scope.bind(expr.var, one).holds(expr.cond) for one in items]
        passing = list(compress(items, passes))
        evidence, more = most_telling(scope.world, [Counted(one) for one in passing])
        op, wanted = {"exists": (">=", 1), "forall": ("=", len(items)), "none": ("=", 0), "one": ("=", 1)}[
            expr.quantifier
        ]
        found = replace(
            self.blank(expr, scope),
            measured=len(passing),
            wanted=Wanted(op, wanted),
            evidence=evidence,
            more=more,
            through=self._through(expr.base, scope),
        )
        if found.holds or not needed:
            return found
        code = "some.empty" if not items else f"some.{expr.quantifier}"
        facts = {"passing": len(passing), "of": len(items), "failing": len(items) - len(passing)}
        found = replace(found, missing=(Finding(code, facts),))
        if expr.quantifier == "none" or self.depth >= DEPTH_MAX:
            return found
        failing = [one for one, passed in zip(items, passes, strict=True) if not passed]
        return nearest(
            found, failing, lambda one: self._about(expr.cond, scope.bind(expr.var, one)), scope.world
        )

    def _about(self, cond: Expr, scope: Scope) -> Condition:
        return replace(self, depth=self.depth + 1).condition(cond, scope)

    def _chain(self, expr: Chain, scope: Scope, needed: bool) -> Condition:
        steps = sequences.steps_of(expr, scope, self.definition.text, needed)
        return replace(self.blank(expr, scope), parts=steps, through=self._through(expr.base, scope))

    def _through(self, base: Expr | None, scope: Scope) -> tuple[Any, ...]:
        return tuple(describe(scope.world, one) for one in through(base, scope)[:THROUGH_MAX])

    # -------------------------------------------------------- everything else

    def _leaf(self, expr: Expr, scope: Scope, needed: bool) -> Condition:
        measured, wanted, finding = leaves.measured(expr, scope)
        found = replace(self.blank(expr, scope), measured=measured, wanted=wanted)
        found = replace(found, computed=self._computed(expr, scope))
        subjects = leaves.subjects(expr)
        evidence = [one for subject in subjects for one in counted(subject, scope)]
        shown, more = most_telling(scope.world, evidence)
        base = next((base for base in map(base_of, subjects) if base is not None), None)
        found = replace(found, evidence=shown, more=more, through=self._through(base, scope))
        if found.holds or not needed:
            return found
        found = replace(found, missing=(finding,))
        if base is None or self.depth >= DEPTH_MAX or (wanted is not None and wanted.op in ("<", "<=")):
            return found
        where, items = left_out(base, scope)
        if where is None:
            return found
        return nearest(
            found, items, lambda one: self._about(where.cond, scope.bind(where.var, one)), scope.world
        )

    def _computed(self, expr: Expr, scope: Scope) -> tuple[Finding, ...]:
        """What computed fields that the condition names are made of, as far as this place can tell."""
        named = [one for one in self.definition.worked if expr.at.start <= one.at.start < expr.at.end]
        return tuple(
            Finding("computed.part", {"text": _written(one.text, part), "value": scope.value(part)})
            for one in named
            for part in one.parts
            if free(part) <= scope.bound.keys()
        )


def _written(text: str, expr: Expr) -> str:
    """The text of an expression, in one line."""
    return " ".join(text[expr.at.start : expr.at.end].split())


def counted_subject(expr: InSegment, scope: Scope) -> tuple[Any, ...]:
    """The entity a segment is asked about; empty if there is none."""
    subject = scope.value(expr.subject)
    return () if subject is None else (subject,)


INNER: dict[type, Callable[[Explainer, Any, Scope, bool], Condition]] = {
    And: Explainer._parts,
    Or: Explainer._parts,
    Not: Explainer._not,
    InSegment: Explainer._segment,
    Some: Explainer._some,
    Chain: Explainer._chain,
}
