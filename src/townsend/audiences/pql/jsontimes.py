"""Tails of ``occurs`` and what they are measured from, to ``pql/json`` and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from townsend.audiences.core import Unit
from townsend.audiences.pql import tree
from townsend.audiences.pql.jsonplace import Place, wrong

__all__ = ["COMPARISONS", "gap_from", "tail_from", "tail_to"]

Read = Callable[[Place], Any]
Write = Callable[[Any], dict[str, Any]]
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
DIRECTIONS = ("before", "after", "from")
OFFSETS = (-1, 0, 1)


def tail_from(place: Place, read: Read) -> tree.TailNode:
    """A tail; ``read`` reads the nodes inside."""
    kind = place.one_of("tailType", ("window", "side", "during", "between"))
    if kind == "between":
        place.only("tailType", "first", "second")
        return tree.TailBetween(_time(place["first"], read), _time(place["second"], read))
    if kind == "during":
        return tree.TailDuring(_time(place.only("tailType", "reference")["reference"], read))
    if kind == "side":
        place.only("tailType", "direction", "reference")
        way: Any = place.one_of("direction", DIRECTIONS)
        return tree.TailSide(way, _time(place["reference"], read))
    place.only("tailType", "comparison", "number", "unit", "direction", "reference")
    op: Any = place.one_of("comparison", COMPARISONS)
    unit: Any = place.one_of("unit", get_args(Unit))
    direction: Any = place.one_of("direction", DIRECTIONS)
    return tree.TailWindow(op, place.whole("number"), unit, direction, _time(place["reference"], read))


def gap_from(place: Place) -> tuple[tree.CompareOp, int, Unit]:
    """How long after the step before."""
    place.only("comparison", "number", "unit")
    op: Any = place.one_of("comparison", COMPARISONS)
    unit: Any = place.one_of("unit", get_args(Unit))
    return op, place.whole("number"), unit


def _time(place: Place, read: Read) -> tree.TimeNode:
    kind = place.one_of("timeType", ("now", "calendar", "instant"))
    if kind == "now":
        place.only("timeType")
        return tree.Now()
    if kind == "instant":
        return tree.Instant(read(place.only("timeType", "value")["value"]))
    place.only("timeType", "offset", "unit")
    offset, unit = place["offset"], place.one_of("unit", get_args(Unit))
    if offset.value not in OFFSETS or isinstance(offset.value, bool):
        raise wrong(offset, "-1 (last), 0 (this) or 1 (next)")
    return tree.Relative(offset.value, unit)  # type: ignore[arg-type]


def tail_to(node: tree.TailNode, write: Write) -> dict[str, Any]:
    """A tail as JSON; ``write`` writes the nodes inside."""
    match node:
        case tree.TailWindow(op, count, unit, direction, ref):
            distance = {"comparison": op, "number": count, "unit": unit, "direction": direction}
            return {"tailType": "window", **distance, "reference": _time_to(ref, write)}
        case tree.TailSide(direction, ref):
            return {"tailType": "side", "direction": direction, "reference": _time_to(ref, write)}
        case tree.TailDuring(ref):
            return {"tailType": "during", "reference": _time_to(ref, write)}
        case tree.TailBetween(first, second):
            return {"tailType": "between", "first": _time_to(first, write), "second": _time_to(second, write)}


def _time_to(node: tree.TimeNode, write: Write) -> dict[str, Any]:
    match node:
        case tree.Now():
            return {"timeType": "now"}
        case tree.Relative(offset, unit):
            return {"timeType": "calendar", "offset": offset, "unit": unit}
        case tree.Instant(value):
            return {"timeType": "instant", "value": write(value)}
