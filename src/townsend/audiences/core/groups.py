"""Lists put in order, grouped, and made of records; maps whose entries have known types."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from townsend.audiences.core.types import NOWHERE, Span, Type

if TYPE_CHECKING:
    from townsend.audiences.core import Expr

__all__ = [
    "AllOf",
    "Common",
    "Contents",
    "Entries",
    "Entry",
    "First",
    "Grouped",
    "MapOf",
    "Ordered",
    "PerKey",
    "Pick",
    "Ranked",
    "Record",
]


@dataclass(frozen=True, slots=True)
class Ordered:
    """A list of entities in an order that does not depend on when they came.

    Entities with a time of their own (events) by that; otherwise, and among equal times, by the smallest key
    of their records.
    """

    base: Expr
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Ranked:
    """The ``number`` items with the highest (``topN``) or lowest (``bottomN``) ``body``, in that order.

    Equal ones stay in the order of ``base``; items without a value are left out.
    """

    op: Literal["topN", "bottomN"]
    base: Expr
    var: int
    body: Expr
    number: int
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class First:
    """The first item; null if there is none."""

    base: Expr
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Common:
    """The items of ``left`` that are also in ``right``, without repeats and nulls; null if there are none."""

    left: Expr
    right: Expr
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every entity of a class that exists now."""

    cls: str
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Record:
    """Values by name, as ``{"name": value}`` makes them."""

    names: tuple[str, ...]
    values: tuple[Expr, ...]
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Pick:
    """One value of a record; null if the record is."""

    base: Expr
    name: str
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Grouped:
    """A map from each value of ``key`` to the list of its items; items without one are left out."""

    base: Expr
    var: int
    key: Expr
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of a map as records of ``key`` and ``value``; none of null.

    In the order of the map; of a map that came with the data, by key.
    """

    base: Expr
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a map holds, one item for each entry, in the order of ``Entries``; lists stay lists."""

    base: Expr
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map with ``key`` and ``value`` of each item; of equal keys the first counts; no null keys."""

    base: Expr
    var: int
    key: Expr
    value: Expr
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a map of known types holds for a key; null if it holds nothing."""

    base: Expr
    key: Expr
    type: Type
    at: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class PerKey:
    """Arithmetic of two maps, for each key that both have."""

    op: Literal["+", "-", "*", "/", "%"]
    left: Expr
    right: Expr
    type: Type
    at: Span = field(default=NOWHERE, compare=False)
