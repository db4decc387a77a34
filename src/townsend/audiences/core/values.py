"""Values: literals, fields, entities reached by relationships, lists and what is computed from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from townsend.audiences.core.types import ANY, INTEGER, NOWHERE, NUMBER, Span, Type
from townsend.model import Relationship

if TYPE_CHECKING:
    from townsend.audiences.core import Expr

__all__ = [
    "Aggregate",
    "Arithmetic",
    "Coerce",
    "Conditional",
    "Const",
    "Count",
    "DatePart",
    "Dig",
    "Distinct",
    "Each",
    "Field",
    "Follow",
    "Item",
    "ListOf",
    "Negative",
    "Where",
]


@dataclass(frozen=True, slots=True)
class Const:
    """A literal. Datetimes are epoch milliseconds."""

    value: str | int | Decimal | bool | None
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list literal."""

    items: tuple[Expr, ...]
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Item:
    """The entity, array item or scalar bound at that depth; 0 is the root."""

    var: int
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of one entity or array item, by its full dotted path; null if ``base`` is.

    ``type`` tells what it is: a scalar; a ``ListType`` for an array (of scalars or ``ItemType``); a
    ``MapType``; an ``ObjectType``; ``AnyType`` for a path that is not declared (looked up in ``extra``).
    """

    base: Expr
    path: str
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Dig:
    """One step into a map or an undeclared value: its entry ``key`` (a string); null if absent."""

    base: Expr
    key: Expr
    type: Type = ANY
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Follow:
    """Entities reached by a relationship.

    From one entity by a to-one relationship: ``EntityType``, null if there is none. Otherwise a
    ``ListType`` of entities without repeats, also when ``base`` is itself such a list. ``retired`` adds
    retired rows (``deleted(path)``). Events later than now are never reached.
    """

    base: Expr
    relationship: Relationship = field(hash=False)
    via: str | None
    retired: bool
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Where:
    """The items for which ``cond`` holds, ``var`` being bound to each."""

    base: Expr
    var: int
    cond: Expr
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Each:
    """``body`` for each item, in order, repeats and nulls kept; a ``body`` that is a list is flattened."""

    base: Expr
    var: int
    body: Expr
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Distinct:
    """The items without repeats, nulls dropped."""

    base: Expr
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Count:
    """How many items; 0 for a missing list. Nulls count as items."""

    base: Expr
    type: Type = INTEGER
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Over ``body`` for each item. ``sum``/``average`` of numbers; ``min``/``max`` also of instants.

    ``average`` is one double division of an exact sum by a count.
    """

    op: Literal["sum", "average", "min", "max"]
    base: Expr
    var: int
    body: Expr
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``+ - *`` exact: results are rounded half-even to nine places; ``/`` is one double operation whose
    result is then a number again (rounded to nine places); ``%`` has the sign of the dividend.

    Null if a side is, on division or modulo by zero, and when the result's magnitude reaches 2^63.
    """

    op: Literal["+", "-", "*", "/", "%"]
    left: Expr
    right: Expr
    type: Type = NUMBER
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Negative:
    """The number with the other sign."""

    value: Expr
    type: Type = NUMBER
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Conditional:
    """``then`` if ``test`` holds, else ``otherwise``."""

    test: Expr
    then: Expr
    otherwise: Expr
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Coerce:
    """An undeclared value read as a scalar of ``type``; null where it can't be.

    To number: a JSON number, or a string that spells one. To boolean: a JSON boolean, or "true"/"false"
    (any case). To string: a JSON string only. To datetime: epoch milliseconds or ISO 8601 text.
    """

    value: Expr
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class DatePart:
    """A part of an instant in UTC; year, month or day of now if ``value`` is None.

    Months are 1 to 12, days of the week 1 (Monday) to 7, days of the year 1 to 366.
    """

    part: Literal["year", "month", "day", "hour", "minute", "second", "weekday", "yearday"]
    value: Expr | None
    type: Type = INTEGER
    at: Span = field(default=NOWHERE, compare=False)
