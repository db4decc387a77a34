"""The part of the tree that is about time: references, tails of ``occurs``, sequences."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from townsend.audiences.core import NOWHERE, Span, Unit

if TYPE_CHECKING:
    from townsend.audiences.pql.tree import Node

__all__ = [
    "Chain",
    "CompareOp",
    "Instant",
    "Now",
    "Occurs",
    "Part",
    "Relative",
    "Step",
    "TailBetween",
    "TailDuring",
    "TailNode",
    "TailSide",
    "TailWindow",
    "TimeNode",
]

CompareOp = OneOf["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Now:
    """``now``."""

    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Relative:
    """``today``, ``last month``: a calendar unit so many units away."""

    offset: int
    unit: Unit
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Instant:
    """A timestamp, or ``date(y, m, d)``."""

    value: Node
    at: Span = field(default=NOWHERE, compare=False)


TimeNode = Now | Relative | Instant


@dataclass(frozen=True, slots=True)
class TailWindow:
    """``<= 3 days before now``."""

    op: CompareOp
    number: int
    unit: Unit
    direction: OneOf["before", "after", "from"]
    ref: TimeNode
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class TailSide:
    """``before today``."""

    direction: OneOf["before", "after", "from"]
    ref: TimeNode
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class TailDuring:
    """``on date(2026, 3, 18)``, ``last month``."""

    ref: TimeNode
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class TailBetween:
    """``between first and second``."""

    first: TimeNode
    second: TimeNode
    at: Span = field(default=NOWHERE, compare=False)


TailNode = TailWindow | TailSide | TailDuring | TailBetween


@dataclass(frozen=True, slots=True)
class Occurs:
    """``value occurs tail``."""

    value: Node
    tail: TailNode
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Part:
    """One condition of a step after its WHAT."""

    kind: OneOf["when", "count", "gap", "where"]
    value: TailNode | int | tuple[CompareOp, int, Unit] | Node
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Step:
    """``label: WHAT(what) parts``."""

    label: str
    what: Node
    parts: tuple[Part, ...]
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Chain:
    """``chain(array, time, [steps])``."""

    array: Node
    time: Node
    steps: tuple[Step, ...]
    at: Span = field(default=NOWHERE, compare=False)
