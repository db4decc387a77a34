"""The resolved form of a definition: what every evaluator computes, and nothing else.

Parsing gives a tree of what was written; resolving gives this: names bound to scopes, relationships to
their plans, lists and scalars told apart, coercions made visible. All evaluators read this form, so a
construct has one meaning. Two equal leaves are equal objects, wherever they were written.

Variables are scope depths: 0 is the root entity, 1 the item of the outermost bracket, and so on.

Meaning, for all evaluators:

* A condition is true or false, never null. ``Compare``, ``Text``, ``In`` and ``Occurs`` with a null side are
  false.
* An amount of money without a needed rate of exchange is *undecided*, and so is what is computed from it, but
  for what other parts settle: of ``And``, ``Or``, ``Some``, ``Chain``, a ``Where`` in ``Truth``. Who is
  undecided is no member, and counted.
* A list of entities holds each unified entity once. ``Each`` keeps one value per item, repeats and all.
* Aggregates leave out null values. ``sum`` of nothing is 0; ``average``, ``min``, ``max`` of nothing null.
* Maps (``GroupsType``) have each key once, and no null key.
* ``forall`` over nothing is true. Numbers are exact decimals of nine places; see ``Arithmetic``.
* Instants are whole epoch milliseconds in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from townsend.audiences.core.conditions import (
    And,
    Compare,
    In,
    InSegment,
    IsNull,
    Listed,
    LoadedSegment,
    Not,
    Or,
    SetTest,
    Some,
    Text,
    Truth,
)
from townsend.audiences.core.functions import URL_PARTS, Elapsed, RegexGroup, Shifted, TextFunction
from townsend.audiences.core.groups import (
    AllOf,
    Common,
    Contents,
    Entries,
    Entry,
    First,
    Grouped,
    MapOf,
    Ordered,
    PerKey,
    Pick,
    Ranked,
    Record,
)
from townsend.audiences.core.times import (
    Between,
    Calendar,
    Chain,
    DateOf,
    Direction,
    During,
    Gap,
    InstantOf,
    Now,
    Occurs,
    Side,
    Step,
    Tail,
    TimeRef,
    Unit,
    Window,
)
from townsend.audiences.core.types import (
    ANY,
    BOOLEAN,
    DATETIME,
    INTEGER,
    NOWHERE,
    NUMBER,
    STRING,
    AnyType,
    EntityType,
    GroupsType,
    ItemType,
    ListType,
    MapType,
    ObjectType,
    RecordType,
    ScalarType,
    Span,
    Type,
)
from townsend.audiences.core.values import (
    Aggregate,
    Arithmetic,
    Coerce,
    Conditional,
    Const,
    Count,
    DatePart,
    Dig,
    Distinct,
    Each,
    Field,
    Follow,
    Item,
    ListOf,
    Negative,
    Where,
)

__all__ = [
    "ANY",
    "BOOLEAN",
    "DATETIME",
    "INTEGER",
    "NOWHERE",
    "NUMBER",
    "STRING",
    "URL_PARTS",
    "Aggregate",
    "AllOf",
    "And",
    "AnyType",
    "Arithmetic",
    "Between",
    "Calendar",
    "Chain",
    "Coerce",
    "Common",
    "Compare",
    "Conditional",
    "Const",
    "Contents",
    "Count",
    "DateOf",
    "DatePart",
    "Definition",
    "Dig",
    "Direction",
    "Distinct",
    "During",
    "Each",
    "Elapsed",
    "EntityType",
    "Entries",
    "Entry",
    "Expr",
    "Field",
    "First",
    "Follow",
    "Gap",
    "Grouped",
    "GroupsType",
    "In",
    "InSegment",
    "InstantOf",
    "IsNull",
    "Item",
    "ItemType",
    "ListOf",
    "ListType",
    "Listed",
    "LoadedSegment",
    "MapOf",
    "MapType",
    "Negative",
    "Not",
    "Now",
    "ObjectType",
    "Occurs",
    "Or",
    "Ordered",
    "PerKey",
    "Pick",
    "Ranked",
    "Record",
    "RecordType",
    "RegexGroup",
    "ScalarType",
    "SetTest",
    "Shifted",
    "Side",
    "Some",
    "Span",
    "Step",
    "Tail",
    "Text",
    "TextFunction",
    "TimeRef",
    "Truth",
    "Type",
    "Unit",
    "Where",
    "Window",
    "Worked",
]

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
    | Listed
    | LoadedSegment
    | Occurs
    | Chain
    | AllOf
    | Common
    | Contents
    | Entries
    | Entry
    | First
    | Grouped
    | MapOf
    | Ordered
    | PerKey
    | Pick
    | Ranked
    | Record
    | Elapsed
    | RegexGroup
    | Shifted
    | TextFunction
)


@dataclass(frozen=True, slots=True)
class Worked:
    """A computed field that a definition names: what stands in its place says so no more.

    Args:
        at: where the definition names it.
        text: the field's own text …
        parts: … and what that adds, multiplies and so on, each with its place in that text.
    """

    at: Span
    text: str
    parts: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """A resolved audience: the root class, the condition about ``Item(0)``, and the text it came from.

    ``worked`` tells where that text names computed fields, for explanations only.
    """

    of: str
    condition: Expr
    text: str = field(compare=False)
    worked: tuple[Worked, ...] = field(default=(), compare=False)
