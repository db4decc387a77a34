"""Conditions without conditions inside: what was measured, what was wanted, and what to say if it fails."""

from __future__ import annotations

from typing import Any

from townsend.audiences import instants
from townsend.audiences.core import (
    Compare,
    Const,
    Expr,
    In,
    IsNull,
    Listed,
    LoadedSegment,
    Occurs,
    ScalarType,
    SetTest,
    Text,
    Truth,
)
from townsend.audiences.explain.tree import Finding, Wanted, iso
from townsend.audiences.reference.numbers import compute, is_number
from townsend.audiences.reference.scope import Scope
from townsend.audiences.reference.values import Entity

__all__ = ["VALUES_MAX", "measured", "shown", "subjects"]

VALUES_MAX = 20  # of a list of values

Measured = tuple[Any, "Wanted | None", Finding]

TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def subjects(expr: Expr) -> tuple[Expr, ...]:
    """The expressions whose values a leaf looks at."""
    match expr:
        case Compare() | SetTest():
            return (expr.left, expr.right)
        case Text():
            return (expr.subject, expr.pattern)
        case In():
            return (expr.subject, expr.items)
        case IsNull() | Truth() | Occurs():
            return (expr.value,)
        case _:
            return ()


def measured(expr: Expr, scope: Scope) -> Measured:
    """What a leaf found, what it wanted, and what is missing if it does not hold."""
    match expr:
        case Compare():
            return _compare(expr, scope)
        case Text():
            subject, pattern = scope.value(expr.subject), scope.value(expr.pattern)
            facts = {"op": expr.op, "measured": subject, "wanted": pattern, "case": expr.case}
            return subject, Wanted(expr.op, pattern), _present(subject, pattern, Finding("text.fails", facts))
        case In():
            subject = shown(scope.value(expr.subject), expr.subject)
            items = shown(scope.value(expr.items), expr.items)
            op = "notIn" if expr.negated else "in"
            code = "list.has" if expr.negated else "list.lacks"
            finding = Finding(code, {"measured": subject, "wanted": items})
            return subject, Wanted(op, items), _present(subject, items, finding)
        case SetTest():
            left, right = (
                shown(scope.items(expr.left), expr.left),
                shown(scope.items(expr.right), expr.right),
            )
            return (
                left,
                Wanted(expr.op, right),
                Finding("set.fails", {"op": expr.op, "measured": left, "wanted": right}),
            )
        case Occurs():
            return _occurs(expr, scope)
        case _:
            return _presence(expr, scope)


def _presence(expr: Expr, scope: Scope) -> Measured:
    match expr:
        case IsNull():
            found = shown(scope.value(expr.value), expr.value)
            return (
                found,
                None,
                Finding("value.absent" if expr.negated else "value.present", {"measured": found}),
            )
        case Truth():
            found = scope.value(expr.value)
            code = "list.empty" if found == [] else "value.absent" if found is None else "value.false"
            return len(found) if isinstance(found, list) else shown(found, expr.value), None, Finding(code)
        case Listed():
            return expr.name, None, Finding("listed.no", {"name": expr.name})
        case LoadedSegment():
            return expr.name, None, Finding("segment.not_loaded", {"name": expr.name})
        case _:
            return None, None, Finding("value.false")


def _compare(expr: Compare, scope: Scope) -> Measured:
    op, left, right = expr.op, expr.left, expr.right
    if isinstance(left, Const) and not isinstance(right, Const):
        op, left, right = TURNED.get(op, op), right, left  # type: ignore[assignment]
    raw, held_against = scope.value(left), scope.value(right)
    found, wanted = shown(raw, left), shown(held_against, right)
    facts: dict[str, Any] = {"op": op, "measured": found, "wanted": wanted}
    code = {"=": "value.differs", "!=": "value.same"}.get(op, "value.fails")
    if op in TURNED and found is raw and is_number(raw) and is_number(held_against):
        low = op in (">", ">=")
        code = "number.too_low" if low else "number.too_high"
        difference = compute("-", held_against, raw) if low else compute("-", raw, held_against)
        facts["short" if low else "over"] = difference
    return found, Wanted(op, wanted), _present(raw, held_against, Finding(code, facts))


def _occurs(expr: Occurs, scope: Scope) -> Measured:
    ms = scope.instant(expr.value)
    found = instants.interval(expr.tail, scope.world.now_ms, scope.number)
    # The last millisecond that belongs to it, as a person would say it.
    spoken = [
        [None if low is None else iso(low), None if high is None else iso(high - 1)] for low, high in found
    ]
    shown = None if ms is None else iso(ms)
    finding = Finding("time.outside", {"measured": shown, "wanted": spoken})
    return shown, Wanted("occurs", spoken), _present(ms, found or None, finding)


def _present(found: Any, wanted: Any, finding: Finding) -> Finding:
    if found is None:
        return Finding("value.absent", {"wanted": finding.facts.get("wanted")})
    return (
        Finding("value.unknown", {"measured": finding.facts.get("measured")}) if wanted is None else finding
    )


def shown(value: Any, expr: Expr) -> Any:
    """A value as an explanation holds it: instants as text, entities as class and id, lists cut."""
    if isinstance(value, list):
        return [shown(item, expr) for item in value[:VALUES_MAX]]
    if isinstance(value, Entity):
        return f"{value.cls} {value.id}"
    kind = expr.type
    item = getattr(kind, "item", kind)
    if isinstance(item, ScalarType) and item.name in ("datetime", "date") and isinstance(value, int):
        return iso(value)
    return value
