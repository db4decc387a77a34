"""A definition as it was written: what parsing gives, and what printing turns back into text.

Nodes carry the span of text they came from, which takes no part in equality. Names are not yet bound to
anything; see ``resolve``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal as OneOf

from townsend.audiences.core import NOWHERE, Span
from townsend.audiences.pql.notes import Comment, Remark
from townsend.audiences.pql.when import (
    Chain,
    CompareOp,
    Instant,
    Now,
    Occurs,
    Part,
    Relative,
    Step,
    TailBetween,
    TailDuring,
    TailNode,
    TailSide,
    TailWindow,
    TimeNode,
)

__all__ = [
    "And",
    "Bracket",
    "Call",
    "Chain",
    "Climb",
    "Compare",
    "CompareOp",
    "Infix",
    "Instant",
    "Lambda",
    "Let",
    "List",
    "Literal",
    "Member",
    "Name",
    "Negative",
    "Node",
    "Not",
    "Now",
    "Object",
    "Occurs",
    "Or",
    "Parameter",
    "Part",
    "PrefixAggregate",
    "Quantifier",
    "Query",
    "Relative",
    "Remark",
    "Select",
    "Step",
    "TailBetween",
    "TailDuring",
    "TailNode",
    "TailSide",
    "TailWindow",
    "TimeNode",
    "Variable",
]


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, number or boolean."""

    value: str | int | Decimal | bool
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class List:
    """``["US", "CA"]``."""

    items: tuple[Node, ...]
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Object:
    """``{"k": value}``."""

    pairs: tuple[tuple[str, Node], ...]
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A bare name: a variable, or a field of the innermost item."""

    name: str
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Parameter:
    """``$1``."""

    number: int
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Climb:
    """``^``, ``^^``: the item that many brackets further out."""

    levels: int
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Member:
    """``target.name``."""

    target: Node
    name: str
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """``target.name(args)``, or ``name(args)`` without a target; ``named`` holds ``via: "direct"``."""

    target: Node | None
    name: str
    args: tuple[Node, ...]
    named: tuple[tuple[str, Node], ...] = ()
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Bracket:
    """``target[inner]``: a filter, or a look-up if ``inner`` is a string."""

    target: Node
    inner: Node
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    items: tuple[Node, ...]
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    items: tuple[Node, ...]
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """``not item``, ``!item``."""

    item: Node
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """``left op right``."""

    op: CompareOp
    left: Node
    right: Node
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Infix:
    """``in notIn like matches`` and ``+ - * / %``."""

    op: OneOf["in", "notIn", "like", "matches", "+", "-", "*", "/", "%"]
    left: Node
    right: Node
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Negative:
    """``-item``."""

    item: Node
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Lambda:
    """``(X) => body``."""

    names: tuple[str, ...]
    body: Node
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Let:
    """``let name = value in body``."""

    name: str
    value: Node
    body: Node
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Variable:
    """``name from source where condition``."""

    name: str
    source: Node
    condition: Node | None
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Select:
    """``select V from A where C``."""

    variables: tuple[Variable, ...]
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Quantifier:
    """``exists forall some all none one`` over variables."""

    kind: OneOf["exists", "forall", "some", "all", "none", "one"]
    variables: tuple[Variable, ...]
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class PrefixAggregate:
    """``sum value over variables``; without a value, of the items themselves."""

    op: OneOf["sum", "average", "min", "max"]
    value: Node | None
    variables: tuple[Variable, ...]
    at: Span = field(default=NOWHERE, compare=False)


Node = (
    Literal
    | List
    | Object
    | Name
    | Parameter
    | Climb
    | Member
    | Call
    | Bracket
    | And
    | Or
    | Not
    | Compare
    | Infix
    | Negative
    | Lambda
    | Let
    | Select
    | Quantifier
    | PrefixAggregate
    | Occurs
    | Chain
)


@dataclass(frozen=True, slots=True)
class Query:
    """A whole definition: its text, its tree, remarks about its spelling, and its comments."""

    root: Node
    text: str = field(default="", compare=False)
    remarks: tuple[Remark, ...] = field(default=(), compare=False)
    comments: tuple[Comment, ...] = field(default=(), compare=False)
