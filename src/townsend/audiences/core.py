"""The resolved form of a definition: what every evaluator computes, and nothing else.

Parsing gives a tree of what was written; resolving gives this: names bound to scopes, relationships to
their plans, lists and scalars told apart, coercions made visible. All evaluators read this form, so a
construct has one meaning. Two equal leaves are equal objects, wherever they were written.

Variables are scope depths: 0 is the root entity, 1 the item of the outermost bracket, and so on.

Meaning, for all evaluators:

* A condition is true or false, never null. ``Compare``, ``Text``, ``In``, ``Occurs`` with a null side are false.
* A list of entities holds each unified entity once. ``Each`` keeps one value per item, repeats and all.
* Aggregates leave out null values. ``sum`` of nothing is 0; ``average``, ``min``, ``max`` of nothing null.
* ``forall`` over nothing is true. Numbers are exact decimals of nine places; see ``Arithmetic``.
* Instants are whole epoch milliseconds in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from townsend.model import LeafType, Relationship, Shape

__all__ = [
    "ANY",
    "BOOLEAN",
    "DATETIME",
    "INTEGER",
    "NUMBER",
    "STRING",
    "Aggregate",
    "And",
    "AnyType",
    "Arithmetic",
    "Between",
    "Calendar",
    "Chain",
    "Coerce",
    "Compare",
    "Conditional",
    "Const",
    "Count",
    "DateOf",
    "DatePart",
    "Definition",
    "Dig",
    "Distinct",
    "During",
    "Each",
    "EntityType",
    "Expr",
    "Field",
    "Follow",
    "Gap",
    "In",
    "InSegment",
    "InstantOf",
    "IsNull",
    "Item",
    "ItemType",
    "ListOf",
    "ListType",
    "LoadedSegment",
    "MapType",
    "Negative",
    "Not",
    "Now",
    "ObjectType",
    "Occurs",
    "Or",
    "ScalarType",
    "SetTest",
    "Side",
    "Some",
    "Span",
    "Step",
    "Tail",
    "Text",
    "TimeRef",
    "Truth",
    "Type",
    "Unit",
    "Where",
    "Window",
]


# ---------------------------------------------------------------- types


@dataclass(frozen=True, slots=True)
class ScalarType:
    name: LeafType


@dataclass(frozen=True, slots=True)
class AnyType:
    """An undeclared value: each keeps the JSON type it came with."""


@dataclass(frozen=True, slots=True)
class EntityType:
    cls: str


@dataclass(frozen=True, slots=True)
class ObjectType:
    """An object inside an entity or item, such as ``homeAddress``; present if any leaf below is."""

    path: str


@dataclass(frozen=True, slots=True)
class ItemType:
    """An item of an array of objects. Two arrays of one shape have one type."""

    shape: Shape = field(hash=False)


@dataclass(frozen=True, slots=True)
class MapType:
    pass


@dataclass(frozen=True, slots=True)
class ListType:
    item: Type


Type = ScalarType | AnyType | EntityType | ObjectType | ItemType | MapType | ListType

STRING = ScalarType("string")
BOOLEAN = ScalarType("boolean")
INTEGER = ScalarType("integer")
NUMBER = ScalarType("number")
DATETIME = ScalarType("datetime")
ANY = AnyType()


@dataclass(frozen=True, slots=True)
class Span:
    """Where in the definition's text: character offsets, end excluded."""

    start: int
    end: int


NOWHERE = Span(0, 0)


# ---------------------------------------------------------------- values


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

    Null if a side is, on division or modulo by zero, and when the result's magnitude reaches 10^18.
    """

    op: Literal["+", "-", "*", "/", "%"]
    left: Expr
    right: Expr
    type: Type = NUMBER
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Negative:
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
    """Year, month (1-12) or day of month, in UTC, of an instant; of now if ``value`` is None."""

    part: Literal["year", "month", "day"]
    value: Expr | None
    type: Type = INTEGER
    at: Span = field(default=NOWHERE, compare=False)


# ---------------------------------------------------------------- conditions


@dataclass(frozen=True, slots=True)
class And:
    items: tuple[Expr, ...]
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple[Expr, ...]
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    item: Expr
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Truth:
    """A value in Boolean position: a boolean's value; a list not empty; anything else present.

    Of an undeclared value: false if it is null or JSON false, else true (an empty JSON array is false).
    """

    value: Expr
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """Two scalars, both present. Strings with case; ``3 = 3.0``; ``< <= > >=`` for numbers and instants.

    Both sides have one type after ``Coerce``; two undeclared sides compare as their JSON values do
    (numbers as numbers), different JSON types being unequal. Entities compare by id, in ``=`` and ``!=``.
    """

    op: Literal["=", "!=", "<", "<=", ">", ">="]
    left: Expr
    right: Expr
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A test of two strings. Without case: both lower-cased simply, character by character.

    ``like``: whole string, ``%`` any run, ``_`` one character, with case. ``matches``: RE2, found anywhere.
    """

    op: Literal[
        "equals",
        "notEqualTo",
        "startsWith",
        "doesNotStartWith",
        "endsWith",
        "doesNotEndWith",
        "contains",
        "doesNotContain",
        "like",
        "matches",
    ]
    subject: Expr
    pattern: Expr
    case: bool
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class In:
    """``subject`` is (or, ``negated``, is not) a non-null member of ``items``, a list expression."""

    subject: Expr
    items: Expr
    negated: bool
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SetTest:
    """Two lists as sets, nulls dropped. A missing list is empty."""

    op: Literal["intersects", "subsetOf", "supersetOf", "equal", "unequal"]
    left: Expr
    right: Expr
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class IsNull:
    """The value is absent; a list holds no non-null value. ``negated`` turns it round."""

    value: Expr
    negated: bool
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Some:
    """How many items pass: ``exists`` at least one, ``forall`` every one, ``none`` none, ``one`` exactly one."""

    quantifier: Literal["exists", "forall", "none", "one"]
    base: Expr
    var: int
    cond: Expr
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class InSegment:
    """``subject`` (an entity) is a member of the audience ``name``, at the same instant."""

    name: str
    subject: Expr
    definition: Definition
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class LoadedSegment:
    """``subject`` has a loaded membership ``segmentMembership.<any>.<name>``, status realized or existing."""

    name: str
    subject: Expr
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


# ---------------------------------------------------------------- time

Unit = Literal[
    "millisecond", "second", "minute", "hour", "day", "week", "month", "year", "decade", "century", "millennium"
]


@dataclass(frozen=True, slots=True)
class Now:
    """The evaluation instant."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """A complete UTC calendar unit: ``today`` is (0, day), ``last month`` (-1, month). Weeks start on Monday."""

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


@dataclass(frozen=True, slots=True)
class Occurs:
    """An instant lies where ``tail`` says."""

    value: Expr
    tail: Tail
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Gap:
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
    """True if some choice of events of ``base`` meets all steps in order. ``var`` is the event in ``what``."""

    base: Expr
    var: int
    time: str
    steps: tuple[Step, ...]
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


Expr = (
    Const
    | ListOf
    | Item
    | Field
    | Dig
    | Follow
    | Where
    | Each
    | Distinct
    | Count
    | Aggregate
    | Arithmetic
    | Negative
    | Conditional
    | Coerce
    | DatePart
    | And
    | Or
    | Not
    | Truth
    | Compare
    | Text
    | In
    | SetTest
    | IsNull
    | Some
    | InSegment
    | LoadedSegment
    | Occurs
    | Chain
)


@dataclass(frozen=True, slots=True)
class Definition:
    """A resolved audience: the root class, the condition about ``Item(0)``, and the text it came from."""

    of: str
    condition: Expr
    text: str = field(compare=False)
