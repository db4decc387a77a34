"""Conditions: true or false, never null."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from townsend.audiences.core.types import BOOLEAN, NOWHERE, Span, Type

if TYPE_CHECKING:
    from townsend.audiences.core import Definition, Expr

__all__ = [
    "And",
    "Compare",
    "In",
    "InSegment",
    "IsNull",
    "Listed",
    "LoadedSegment",
    "Not",
    "Or",
    "SetTest",
    "Some",
    "Text",
    "Truth",
]


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    items: tuple[Expr, ...]
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    items: tuple[Expr, ...]
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; of null in Boolean position, true."""

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
    """Two lists as sets, nulls dropped; false where one of them is missing. What a path leads to is there."""

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
    """How many items pass: ``exists`` at least one, ``forall`` all, ``none`` none, ``one`` exactly one."""

    quantifier: Literal["exists", "forall", "none", "one"]
    base: Expr
    var: int
    cond: Expr
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class InSegment:
    """``subject`` (an entity) is a member of the audience ``name``, at the same instant.

    ``policy`` is the merge policy under which that audience sees the facts; None for each class's own.
    """

    name: str
    subject: Expr
    definition: Definition
    policy: str | None = None
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class LoadedSegment:
    """``subject`` has a loaded membership ``segmentMembership.<any>.<name>``, status realized or existing."""

    name: str
    subject: Expr
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """``subject`` (an entity) is named by the list audience ``name``; the world knows whom that names."""

    name: str
    subject: Expr
    type: Type = BOOLEAN
    at: Span = field(default=NOWHERE, compare=False)
