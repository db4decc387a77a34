"""Conditions as relative clauses: ``whose score is more than 50``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from townsend.audiences import core
from townsend.audiences.core import Aggregate, Const, Count, Expr, Item, ListType
from townsend.audiences.pql.words.values import Speaker

__all__ = ["clause", "tail"]

TURNED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def clause(speaker: Speaker, expr: Expr) -> str:
    """A condition about the speaker's own entity or item."""
    rule = RULES.get(type(expr))
    if rule is None:  # a value in Boolean position
        return _there(speaker, expr)
    return rule(speaker, expr)


def _framed(speaker: Speaker, subject: Expr, predicate: str) -> str:
    """What is said of a value, as a clause about whom it belongs to."""
    if isinstance(subject, Item) and not isinstance(subject.type, core.EntityType):
        return speaker.say("frame.item", predicate=predicate)
    code = "frame.own" if speaker.is_own(subject) else "frame.other"
    return speaker.say(code, subject=speaker.value(subject), predicate=predicate)


# ---------------------------------------------------------------- logic


def _joined(code: str) -> Callable[[Speaker, Any], str]:
    def rule(speaker: Speaker, node: core.And | core.Or) -> str:
        parts = []
        for item in node.items:
            said = clause(speaker, item)
            nested = isinstance(item, core.And | core.Or) and len(item.items) > 1
            parts.append(speaker.say("group", clause=said) if nested else said)
        return speaker.words.all(code, parts) or speaker.say("always" if code == "and" else "never")

    return rule


def _not(speaker: Speaker, node: core.Not) -> str:
    return speaker.say("not", clause=clause(speaker, node.item))


def _const(speaker: Speaker, node: Const) -> str:
    return speaker.say("always" if node.value is True else "never")


# ---------------------------------------------------------------- values


def _there(speaker: Speaker, expr: Expr) -> str:
    """A value in Boolean position."""
    kind = expr.type
    if isinstance(expr, Const) and isinstance(expr.value, bool):
        return _const(speaker, expr)
    if isinstance(kind, ListType):
        return speaker.say("items.exists", items=speaker.value(expr))
    if kind == core.BOOLEAN:
        return speaker.say("flag.yes", field=speaker.value(expr))
    return speaker.say("present", value=speaker.value(expr))


def _compare(speaker: Speaker, node: core.Compare) -> str:
    op, left, right = str(node.op), node.left, node.right
    if isinstance(left, Const) and not isinstance(right, Const):
        op, left, right = TURNED[op], right, left
    if op == "=" and left.type == core.BOOLEAN and isinstance(right, Const) and right.value is not None:
        return speaker.say("flag.yes" if right.value else "flag.no", field=speaker.value(left))
    total = _total(speaker, op, left, right)
    if total is not None:
        return total
    return _framed(speaker, left, speaker.say(f"compared.{op}", value=speaker.other(right)))


def _total(speaker: Speaker, op: str, left: Expr, right: Expr) -> str | None:
    """``whose accounts’ opportunities add up to more than …``; None where that can't be said."""
    if isinstance(left, Count) and speaker.is_own(left):
        return speaker.say(f"count.{op}", items=speaker.counted(left), value=speaker.other(right))
    if not isinstance(left, Aggregate) or left.op != "sum" or not speaker.is_own(left):
        return None
    if left.body == Item(left.var, left.body.type):
        return None
    field = speaker.inside(left.base, left.var).value(left.body)
    return speaker.say(f"sum.{op}", items=speaker.value(left.base), field=field, value=speaker.other(right))


def _text(speaker: Speaker, node: core.Text) -> str:
    return _framed(speaker, node.subject, _text_predicate(speaker, node))


def _text_predicate(speaker: Speaker, node: core.Text) -> str:
    said = speaker.say(f"text.{node.op}", value=speaker.other(node.pattern))
    return said if node.case else speaker.say("text.any_case", predicate=said)


def _in_predicate(speaker: Speaker, node: core.In) -> str:
    return speaker.say("notIn" if node.negated else "in", values=speaker.value(node.items))


def _in(speaker: Speaker, node: core.In) -> str:
    return _framed(speaker, node.subject, _in_predicate(speaker, node))


def _set(speaker: Speaker, node: core.SetTest) -> str:
    return _framed(speaker, node.left, speaker.say(f"set.{node.op}", values=speaker.value(node.right)))


def _null(speaker: Speaker, node: core.IsNull) -> str:
    return _framed(speaker, node.value, speaker.say("null.no" if node.negated else "null.yes"))


def _segment(speaker: Speaker, node: core.InSegment | core.Listed | core.LoadedSegment) -> str:
    code = "loaded" if isinstance(node, core.LoadedSegment) else "segment"
    name = speaker.words.text(node.name)
    if isinstance(node.subject, Item) and node.subject.var == speaker.own:
        return speaker.say(code, name=name)
    return speaker.say(f"{code}.of", subject=speaker.value(node.subject), name=name)


# ---------------------------------------------------------------- lists


def _some(speaker: Speaker, node: core.Some) -> str:
    inner = speaker.inside(node.base, node.var)
    if node.cond == Const(True, core.BOOLEAN) and node.quantifier != "forall":
        return speaker.say(f"items.{node.quantifier}", items=speaker.value(node.base))
    predicate = _predicate(inner, node)
    if predicate is not None:
        values = speaker.value(node.base)
        return speaker.say(f"value.{node.quantifier}", values=values, predicate=predicate)
    if node.quantifier == "forall":
        return speaker.say("items.forall", items=speaker.value(node.base), clause=clause(inner, node.cond))
    chosen = core.Where(node.base, node.var, node.cond, node.base.type)
    return speaker.say(f"items.{node.quantifier}", items=speaker.value(chosen))


def _predicate(speaker: Speaker, node: core.Some) -> str | None:
    """What is said of a plain value that is the item itself; None for anything else."""
    cond = node.cond
    subject = _subject(cond)
    if isinstance(subject, core.Coerce):
        subject = subject.value
    if not isinstance(subject, Item) or subject.var != node.var or isinstance(subject.type, core.EntityType):
        return None
    match cond:
        case core.Compare(op, _, right):
            return speaker.say(f"compared.{op}", value=speaker.other(right))
        case core.Text():
            return _text_predicate(speaker, cond)
        case core.In():
            return _in_predicate(speaker, cond)
        case core.Occurs():
            return speaker.say("occurs", tail=tail(speaker, cond.tail))
    return None


def _subject(cond: Expr) -> Expr | None:
    match cond:
        case core.Compare(_, left, _):
            return left
        case core.Text(_, subject) | core.In(subject):
            return subject
        case core.Occurs(value):
            return value
    return None


# ---------------------------------------------------------------- time


def _occurs(speaker: Speaker, node: core.Occurs) -> str:
    return _framed(speaker, node.value, speaker.say("occurs", tail=tail(speaker, node.tail)))


def tail(speaker: Speaker, node: core.Tail) -> str:
    """Where an instant lies."""
    match node:
        case core.Window(op, number, unit, direction, ref):
            count = speaker.words.units(number, unit)
            code = f"tail.window.{op}.{direction}"
            return speaker.say(code, count=count, reference=_reference(speaker, ref))
        case core.Side(direction, ref):
            return speaker.say(f"tail.side.{direction}", reference=_reference(speaker, ref))
        case core.During(ref):
            return speaker.say("tail.during", reference=_reference(speaker, ref))
        case core.Between(first, second):
            start, end = _reference(speaker, first), _reference(speaker, second)
            return speaker.say("tail.between", first=start, second=end)


def _reference(speaker: Speaker, ref: core.TimeRef) -> str:
    match ref:
        case core.Now():
            return speaker.say("reference.now")
        case core.Calendar(offset, unit):
            return str(speaker.words.vocabulary["calendar"][unit][offset + 1])
        case core.DateOf(year, month, day):
            parts = [_digits(speaker, part) for part in (year, month, day)]
            return speaker.say("reference.date", year=parts[0], month=parts[1], day=parts[2])
        case core.InstantOf(value):
            return speaker.other(value)


def _digits(speaker: Speaker, part: Expr) -> str:
    if isinstance(part, Const) and isinstance(part.value, int):
        return f"{part.value:02}"
    return speaker.value(part)


def _chain(speaker: Speaker, node: core.Chain) -> str:
    steps = speaker.words.all("chain.then", (_step(speaker, node, step) for step in node.steps))
    return speaker.say("chain", items=speaker.value(node.base), steps=steps)


def _step(speaker: Speaker, node: core.Chain, step: core.Step) -> str:
    inner = speaker.inside(node.base, node.var)
    said = clause(inner, step.what)
    if step.count == 1:
        whole = speaker.say("step", clause=said)
    else:
        whole = speaker.say("step.count", clause=said, count=speaker.words.number(step.count))
    if step.when is not None:
        whole = speaker.say("step.when", step=whole, tail=tail(inner, step.when))
    if step.gap is not None:
        count = speaker.words.units(step.gap.number, step.gap.unit)
        whole = speaker.say(f"gap.{step.gap.op}", step=whole, count=count)
    if step.where is not None:
        whole = speaker.say("step.where", step=whole, clause=clause(speaker, step.where))
    return whole


RULES: Mapping[type, Callable[[Speaker, Any], str]] = {
    core.And: _joined("and"),
    core.Or: _joined("or"),
    core.Not: _not,
    Const: _const,
    core.Truth: lambda speaker, node: _there(speaker, node.value),
    core.Compare: _compare,
    core.Text: _text,
    core.In: _in,
    core.SetTest: _set,
    core.IsNull: _null,
    core.Some: _some,
    core.InSegment: _segment,
    core.Listed: _segment,
    core.LoadedSegment: _segment,
    core.Occurs: _occurs,
    core.Chain: _chain,
}
