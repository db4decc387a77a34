"""Instants and windows, and sequences of events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from townsend.audiences.core.types import BOOLEAN, NOWHERE, Span, Type

if TYPE_CHECKING:
    from townsend.audiences.core import Expr

__all__ = [
    "Between",
    "Calendar",
    "Chain",
    "DateOf",
    "Direction",
    "During",
    "Gap",
    "InstantOf",
    "Now",
    "Occurs",
    "Side",
    "Step",
    "Tail",
    "TimeRef",
    "Unit",
    "Window",
]


Unit = Literal[
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "decade",
    "century",
    "millennium",
]


@dataclass(frozen=True, slots=True)
class Now:
    """The evaluation instant."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """A whole UTC calendar unit: ``today`` is (0, day), ``last month`` (-1, month); weeks begin on Monday."""

    offset: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class DateOf:
    """``date(y, m, d)``: that UTC day; null if it does not exist."""

    year: Expr
    month: Expr
    day: Expr


@dataclass(frozen=True, slots=True)
class InstantOf:
    """Another timestamp."""

    value: Expr


TimeRef = Now | Calendar | DateOf | InstantOf


@dataclass(frozen=True, slots=True)
class Window:
    """``CMP N UNIT before|after REF``: the distance from the reference, on that side of it."""

    op: Literal["=", "!=", "<", "<=", ">", ">="]
    number: int
    unit: Unit
    direction: Literal["before", "after"]
    ref: TimeRef


@dataclass(frozen=True, slots=True)
class Side:
    """``before REF`` or ``after REF``, strictly; of a calendar unit: outside it."""

    direction: Literal["before", "after"]
    ref: TimeRef


@dataclass(frozen=True, slots=True)
class During:
    """``[on] REF``: inside the calendar unit, or equal to the instant."""

    ref: TimeRef


@dataclass(frozen=True, slots=True)
class Between:
    """From the start of the first to the end of the second; both ends belong to it."""

    first: TimeRef
    second: TimeRef


Tail = Window | Side | During | Between
Direction = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class Occurs:
    """An instant lies where ``tail`` says."""

    value: Expr
    tail: Tail
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Gap:
    """How long after the step before; see ``Step``."""

    op: Literal["=", "!=", "<", "<=", ">", ">="]
    number: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class Step:
    """``count`` distinct events passing ``what`` and ``when``, all strictly later than the step before.

    ``gap`` compares this step's earliest event with the latest of the step before; ``where`` is a
    condition outside the event. Equal instants may fill one count, never two steps.
    """

    label: str
    what: Expr
    when: Tail | None
    count: int
    gap: Gap | None
    where: Expr | None


@dataclass(frozen=True, slots=True)
class Chain:
    """Some choice of events of ``base`` meets all steps in order; ``var`` is the event in ``what``."""

    base: Expr
    var: int
    time: str
    steps: tuple[Step, ...]
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)
