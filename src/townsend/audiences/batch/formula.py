"""Definitions as formulas over leaves, so that what several of them ask is asked once.

A leaf is a condition that is neither ``and``, ``or`` nor ``not``. Audiences that a condition asks for by name
are taken apart too, where they are asked for the same entity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from townsend.audiences.core import And, Expr, InSegment, Item, Not, Or

__all__ = ["Bits", "Combined", "Formula", "Leaves", "bits_of"]

Bits: TypeAlias = npt.NDArray[np.uint8]
"""One bit an entity, eight a byte, by ascending id; bits after the last entity mean nothing."""


@dataclass(frozen=True, slots=True)
class Combined:
    """Formulas joined by one word; ``not`` has one part."""

    word: Literal["and", "or", "not"]
    parts: tuple[Formula, ...]


Formula: TypeAlias = int | Combined
"""A leaf by its number, or a combination."""


@dataclass(slots=True)
class Leaves:
    """The different leaves of some definitions of one class, numbered in order of appearance.

    Args:
        policy: the merge policy under which all of them see the facts.
    """

    policy: str | None = None
    numbers: dict[Expr, int] = field(default_factory=dict)

    def formula(self, condition: Expr) -> Formula:
        """A condition about ``Item(0)``, its new leaves being numbered."""
        match condition:
            case And(items):
                return Combined("and", tuple(self.formula(item) for item in items))
            case Or(items):
                return Combined("or", tuple(self.formula(item) for item in items))
            case Not(item):
                return Combined("not", (self.formula(item),))
            case InSegment(_, Item(0), definition, policy) if policy == self.policy:
                return self.formula(definition.condition)
            case _:
                return self.numbers.setdefault(condition, len(self.numbers))


def bits_of(formula: Formula, leaves: Sequence[Bits]) -> Bits:
    """Who meets a formula.

    Args:
        leaves: who meets each leaf; not changed.
    """
    if isinstance(formula, int):
        return leaves[formula]
    parts = [bits_of(part, leaves) for part in formula.parts]
    if formula.word == "not":
        return np.invert(parts[0])
    join = np.bitwise_and if formula.word == "and" else np.bitwise_or
    found: Bits = join.reduce(parts)
    return found
