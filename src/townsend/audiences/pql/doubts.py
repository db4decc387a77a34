"""What can be said about a definition without any facts: conditions that never hold, and what will be slow.

These are warnings. A condition is called impossible only where that is sure: two comparisons of one and the
same value with literals that no value meets, a condition beside its own negation, a list or range of nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from townsend.audiences import core
from townsend.audiences.calendar import day_of
from townsend.audiences.core import Definition, Expr, Span
from townsend.audiences.pql.context import Warned
from townsend.audiences.pql.places import said_at
from townsend.audiences.pql.ranges import Range
from townsend.audiences.walk import conjuncts, everything

__all__ = ["STEPS_WARNED", "doubts"]

STEPS_WARNED = 4  # relationships to many, one after another


def doubts(definition: Definition) -> list[Warned]:
    """Warnings with their places, in the order of the text; not about other audiences that it uses.

    Codes: ``pql.never``, ``pql.cost``, ``pql.slow``.
    """
    found = [
        *((span, "pql.never", text) for span, text in _never(definition)),
        *((span, "pql.cost", text) for span, text in _costs(definition.condition)),
        *((span, "pql.slow", text) for span, text in _slow(definition.condition)),
    ]
    found.sort(key=lambda one: one[0].start)
    placed = (Warned(code, said_at(text, definition.text, span.start)) for span, code, text in found)
    return list(dict.fromkeys(placed))


# ---------------------------------------------------------------- never


def _never(definition: Definition) -> Iterator[tuple[Span, str]]:
    together: set[int] = set()
    for node in everything(definition.condition):
        if id(node) in together:
            continue
        parts = conjuncts(node)
        if isinstance(node, core.And):
            together.update(id(inner) for inner in [*parts, *_inner_ands(node)])
        yield from _contradictions(parts, definition.text)
        yield from (one for part in parts for one in _alone(part))


def _inner_ands(node: core.And) -> Iterator[Expr]:
    for item in node.items:
        if isinstance(item, core.And):
            yield item
            yield from _inner_ands(item)


def _contradictions(parts: list[Expr], text: str) -> Iterator[tuple[Span, str]]:
    """Conditions that must hold together, one value against another."""
    ranges: dict[Expr, Range] = {}
    negated = {part.item: part for part in parts if isinstance(part, core.Not)}
    for part in parts:
        if part in negated:
            yield negated[part].at, f"this never holds: it is the opposite of “{_cut(text, part)}”"
        subject = _subject(part)
        if subject is None or (isinstance(part, core.Not) and part.item in parts):
            continue
        known = ranges.setdefault(subject, Range.of(subject))
        if known.empty:
            continue
        known.take(part)
        if known.empty:
            others = [other for other in known.taken if other is not part]
            if others:
                told = " and ".join(f"“{_cut(text, other)}”" for other in others)
                yield part.at, f"this never holds together with {told}"
            else:
                yield part.at, "this never holds"


def _subject(part: Expr) -> Expr | None:
    """The value that a condition compares with literals."""
    match part:
        case core.Compare(_, left, core.Const()) if not isinstance(left, core.Const):
            return left
        case core.Compare(_, core.Const(), right) if not isinstance(right, core.Const):
            return right
        case core.Text("equals" | "startsWith" | "endsWith" | "contains", subject, core.Const(), True):
            return subject
        case core.In(subject, core.ListOf()) | core.IsNull(subject):
            return subject
        case core.Truth(value) | core.Not(core.Truth(value)) if value.type == core.BOOLEAN:
            return value
    return None


def _alone(part: Expr) -> Iterator[tuple[Span, str]]:
    """What can't hold whatever stands beside it."""
    if isinstance(part, core.Occurs):
        tail = part.tail
        refs = [tail.first, tail.second] if isinstance(tail, core.Between) else [tail.ref]
        days = [_day(ref) for ref in refs if isinstance(ref, core.DateOf)]
        if False in days:
            yield part.at, "this never holds: there is no such day"
        elif isinstance(tail, core.Between) and len(days) == 2 and None not in days and days[0] > days[1]:  # type: ignore[operator]
            yield part.at, "this never holds: the second day comes before the first"


def _day(ref: core.DateOf) -> int | bool | None:
    """The instant at which a day begins; False if there is no such day, None if that hangs on facts."""
    parts = [ref.year, ref.month, ref.day]
    known = [part.value for part in parts if isinstance(part, core.Const) and isinstance(part.value, int)]
    if len(known) < 3:
        return None
    found = day_of(known[0], known[1], known[2])
    return False if found is None else found


def _cut(text: str, part: Expr) -> str:
    return " ".join(text[part.at.start : part.at.end].split())


# ---------------------------------------------------------------- cost


def _costs(condition: Expr) -> Iterator[tuple[Span, str]]:
    inner: set[int] = set()
    for node in everything(condition):
        if isinstance(node, core.AllOf):
            yield node.at, f"every {node.cls} is looked at for each entity; a relationship is faster"
        if not isinstance(node, core.Follow) or id(node) in inner:
            continue
        steps, walk = 0, node
        while isinstance(walk, core.Follow | core.Where):
            inner.add(id(walk))
            if isinstance(walk, core.Follow) and walk.relationship.many:
                steps += 1
            walk = walk.base  # type: ignore[assignment]
        if steps >= STEPS_WARNED:
            message = f"this path leads over {steps} lists, each of which may multiply what is looked at"
            yield node.at, f"{message}; filter on the way, or split it with inSegment(…)"


def _slow(condition: Expr) -> Iterator[tuple[Span, str]]:
    from townsend.audiences.batch.gaps import gaps_in

    others = (node.definition for node in everything(condition) if isinstance(node, core.InSegment))
    theirs = Counter(gap for other in others for gap in gaps_in(other.condition))
    told: set[tuple[str, str]] = set()
    for gap in (Counter(gaps_in(condition)) - theirs).elements():
        if (gap.kind, gap.reason) not in told:
            told.add((gap.kind, gap.reason))
            yield gap.at, f"looked at one by one, which takes time where many are left: {gap.reason}"
