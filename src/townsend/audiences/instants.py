"""Time arithmetic for every evaluator: calendar units, windows, and when an answer changes by time alone.

Pure and exact, on whole epoch milliseconds in UTC. A tail such as ``<= 1 month before now`` becomes
half-open stretches whose edges move with now and never move backwards; that is why each edge can be
inverted exactly. The decisions are those of PQL's notes 13 to 17:

* The distance is measured from the reference, and compared. ``<=`` holds at its bound, ``<`` does not;
  ``<=`` is always ``<`` or ``=``, and ``!=`` is ``<`` or ``>``, on the named side of the reference.
* The near end is the reference: an instant belongs to its own windows, a calendar unit does not, so
  ``<= 3 days before today`` ends with yesterday.
* ``= 3 days before today`` is a whole day, and likewise the far end of ``<`` and ``>=``: where the window's
  unit is at least as large as the reference's, distances are counted in the reference's unit; where it is
  smaller but a day or more, in its own; below that, and from an instant, to the millisecond.
* A month later or earlier where the day does not exist is the first instant of the following month.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, assert_never

from townsend.audiences.calendar import DAY, SIZE, date_parts, day_of, over, part_of, shift, start_of, unshift
from townsend.audiences.core import (
    Between,
    Calendar,
    DateOf,
    During,
    Expr,
    InstantOf,
    Now,
    Side,
    Tail,
    TimeRef,
    Unit,
    Window,
)

__all__ = [
    "DAY",
    "FARTHEST",
    "Edge",
    "Interval",
    "Resolve",
    "Stretch",
    "date_parts",
    "day_of",
    "holds",
    "interval",
    "next_flip",
    "over",
    "part_of",
    "shift",
    "start_of",
    "stretches",
    "unshift",
]

# Bounds farther than this many milliseconds from 1970 are held there: they fit a 64-bit integer, and no
# fact lies beyond.
FARTHEST = 2**62

Interval = tuple[int | None, int | None]
"""Half-open milliseconds, low included and high excluded; None is open."""

Resolve = Callable[[Expr], "int | Decimal | None"]
"""The value of an expression inside a reference: a timestamp, or a part of a date; None is null."""


# ---------------------------------------------------------------- edges that move with now


@dataclass(frozen=True, slots=True)
class Edge:
    """An instant as a function of now, which never moves backwards.

    Args:
        anchor: now, the start of a calendar unit around now, or a fixed instant.
        shifts: numbers and units added to it, one after another.
    """

    anchor: Now | Calendar | int
    shifts: tuple[tuple[int, Unit], ...] = ()

    def moved(self, number: int, unit: Unit) -> Edge:
        return Edge(self.anchor, (*self.shifts, (number, unit)))

    def at(self, now: int) -> int:
        """Where the edge is."""
        ms = self.anchor if isinstance(self.anchor, int) else now
        if isinstance(self.anchor, Calendar):
            ms = start_of(now, self.anchor.unit, self.anchor.offset)
        for number, unit in self.shifts:
            ms = shift(ms, number, unit)
        return max(-FARTHEST, min(FARTHEST, ms))

    def reaches(self, ms: int) -> int | None:
        """The first now at which the edge is at ``ms`` or later; None for an edge that does not move."""
        for number, unit in reversed(self.shifts):
            ms = unshift(ms, number, unit)
        match self.anchor:
            case int():
                return None
            case Now():
                return ms
            case Calendar(offset, unit):
                start = start_of(ms - 1, unit, 1)  # the first start of a unit at or after ms
                return start_of(start, unit, -offset)


class Stretch(NamedTuple):
    """The instants at or after every edge of ``low`` and before every edge of ``high``."""

    low: tuple[Edge, ...]
    high: tuple[Edge, ...]


class _Reference(NamedTuple):
    """A reference as edges: from start, before end; ``unit`` is None for an instant."""

    start: Edge
    end: Edge
    unit: Unit | None


def stretches(tail: Tail, resolve: Resolve) -> list[Stretch]:
    """The tail as stretches with moving edges; none if a reference is null.

    ``resolve`` is asked now, once for each expression; what it says is taken as fixed.
    """
    match tail:
        case Window():
            ref = _reference(tail.ref, resolve)
            return [] if ref is None else _window(tail, ref)
        case Side(direction, of):
            ref = _reference(of, resolve)
            if ref is None:
                return []
            return [Stretch((), (ref.start,)) if direction == "before" else Stretch((ref.end,), ())]
        case During(of):
            ref = _reference(of, resolve)
            return [] if ref is None else [Stretch((ref.start,), (ref.end,))]
        case Between(first, second):
            low, high = _reference(first, resolve), _reference(second, resolve)
            return [] if low is None or high is None else [Stretch((low.start,), (high.end,))]
        case _:
            assert_never(tail)


def _reference(ref: TimeRef, resolve: Resolve) -> _Reference | None:
    match ref:
        case Now():
            return _Reference(Edge(ref), Edge(ref, ((1, "millisecond"),)), None)
        case Calendar(offset, unit):
            return _Reference(Edge(ref), Edge(Calendar(offset + 1, unit)), unit)
        case InstantOf(expr):
            ms = _whole(resolve(expr))
            return None if ms is None else _Reference(Edge(ms), Edge(ms + 1), None)
        case DateOf(year, month, day):
            parts = [_whole(resolve(part)) for part in (year, month, day)]
            known = [part for part in parts if part is not None]
            start = day_of(known[0], known[1], known[2]) if len(known) == 3 else None
            return None if start is None else _Reference(Edge(start), Edge(start + DAY), "day")
        case _:
            assert_never(ref)


def _whole(value: int | Decimal | None) -> int | None:
    if value is None or value != int(value):
        return None
    return int(value)


def _window(window: Window, ref: _Reference) -> list[Stretch]:
    """All six comparisons from one picture: the side, and the target (what ``=`` means) on it."""
    target, target_end = _target(window, ref)
    if window.direction == "before":
        near = ref.end if ref.unit is None else ref.start
        closer, equal = Stretch((target_end,), (near,)), Stretch((target,), (target_end, near))
        farther = Stretch((), (target, near))
        closer_equal, farther_equal = Stretch((target,), (near,)), Stretch((), (target_end, near))
    else:
        near = ref.start if ref.unit is None else ref.end
        closer, equal = Stretch((near,), (target,)), Stretch((near, target), (target_end,))
        farther = Stretch((near, target_end), ())
        closer_equal, farther_equal = Stretch((near,), (target_end,)), Stretch((near, target), ())
    return {
        "<": [closer],
        "<=": [closer_equal],
        "=": [equal],
        ">=": [farther_equal],
        ">": [farther],
        "!=": [farther, closer] if window.direction == "before" else [closer, farther],
    }[window.op]


def _target(window: Window, ref: _Reference) -> tuple[Edge, Edge]:
    number, unit = window.number, window.unit
    after = window.direction == "after"
    signed = number if after else -number
    if ref.unit is not None and SIZE[unit] >= SIZE[ref.unit]:
        start = ref.start.moved(signed, unit)
        return start, start.moved(1, ref.unit)
    if ref.unit is not None and SIZE[unit] >= SIZE["day"]:
        if after:
            return ref.end.moved(number - 1, unit), ref.end.moved(number, unit)
        return ref.start.moved(-number, unit), ref.start.moved(1 - number, unit)
    start = (ref.end if after and ref.unit is not None else ref.start).moved(signed, unit)
    return start, start.moved(1, "millisecond")


# ---------------------------------------------------------------- what evaluators ask


def interval(tail: Tail, now_ms: int, resolve: Resolve) -> list[Interval]:
    """Where the tail holds at now: half-open intervals in ascending order, none of them empty.

    At most two (``!=``); none at all if a reference is null.
    """
    found: list[Interval] = []
    for low_edges, high_edges in stretches(tail, resolve):
        low = max((edge.at(now_ms) for edge in low_edges), default=None)
        high = min((edge.at(now_ms) for edge in high_edges), default=None)
        if low is None or high is None or low < high:
            found.append((low, high))
    return found


def holds(tail: Tail, ms: int | None, now_ms: int, resolve: Resolve) -> bool:
    """Whether that instant lies where the tail says; a null instant does not."""
    return ms is not None and _within(stretches(tail, resolve), ms, now_ms)


def next_flip(tail: Tail, ms: int, now_ms: int, resolve: Resolve) -> int | None:
    """The first now after ``now_ms`` at which ``holds`` says otherwise for ``ms``; None if it never does.

    What ``resolve`` says is taken as fixed: an expression that reads the current date needs more care.
    """
    known = stretches(tail, resolve)
    edges = {edge for low, high in known for edge in (*low, *high)}
    # As now grows, an edge passes ms once: when it is first later than ms.
    passed = {edge.reaches(ms + 1) for edge in edges}
    before = _within(known, ms, now_ms)
    for instant in sorted(one for one in passed if one is not None and one > now_ms):
        if _within(known, ms, instant) != before:
            return instant
    return None


def _within(known: Sequence[Stretch], ms: int, now_ms: int) -> bool:
    return any(
        all(ms >= edge.at(now_ms) for edge in low) and all(ms < edge.at(now_ms) for edge in high)
        for low, high in known
    )
