"""How large an audience is while it is being written: exactly where that is cheap, else from a sample.

A sample is the same each time, and says what it is and how far off it may be. A question that takes too long
can be given up by ``con.interrupt()`` of the world's connection, from another thread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from townsend.audiences import batch, reference
from townsend.audiences.batch.run import Ids
from townsend.audiences.core import BOOLEAN, Const, Definition
from townsend.audiences.evaluate import Size, conditions_of, sizes, sure_and_maybe

if TYPE_CHECKING:
    from townsend.profiles import Unified

__all__ = ["Preview", "preview"]

EXACT_ROWS = 200e6  # up to so many rows to read (a second or two), nobody needs a sample
SAMPLED = 20_000  # how many entities a sample has
ONE_BY_ONE = 500  # and how many, if the reference evaluator must look at each
SURE = 1.96  # standard errors on either side in which 95 of 100 samples lie


@dataclass(frozen=True, slots=True)
class Preview:
    """What is known about an audience's size.

    Attributes:
        sizes: of each condition alone, and last, if there are several, of all together; estimates if
            there was a sample.
        sample: which one, such as ``one person in 31``; None if the sizes are exact.
        error: for each size, how many it may be too high or too low, 19 times of 20; 0 if it is exact.
    """

    sizes: tuple[Size, ...]
    sample: str | None
    error: tuple[int, ...]

    def rows(self) -> list[dict[str, Any]]:
        """One row a size, for a person or a machine."""
        return [
            {
                "condition": " ".join(one.text.split()),
                "members": one.size,
                "error": error,
                "sample": self.sample,
            }
            for one, error in zip(self.sizes, self.error, strict=True)
        ]


def preview(
    definition: Definition, unified: Unified, exact_rows: float = EXACT_ROWS, sampled: int | None = None
) -> Preview:
    """The size of an audience and of each of its conditions.

    Args:
        exact_rows: how many rows it may take to read for an exact answer.
        sampled: about how many entities to look at else.
    """
    slow = bool(batch.lowered(definition))
    people = len(batch.members(_everybody(definition), unified))
    few = sampled or (ONE_BY_ONE if slow else SAMPLED)
    one_in = max(1, people // few)
    cheap = people <= few if slow else batch.effort(definition, unified) <= exact_rows
    if cheap or one_in == 1:
        exact = tuple(sizes(definition, unified))
        return Preview(exact, None, (0,) * len(exact))
    looked_at = batch.members(_everybody(definition), unified, one_in)
    asked = conditions_of(definition)
    found = [_among(one, unified, one_in, looked_at) for _, one in asked[: max(1, len(asked) - 1)]]
    if len(asked) > 1:
        found.append(reduce(lambda a, b: np.intersect1d(a, b, assume_unique=True), found))
    scale = people / max(1, len(looked_at))
    estimates = [min(people, round(len(ids) * scale)) for ids in found]
    return Preview(
        tuple(Size(text, size) for (text, _), size in zip(asked, estimates, strict=True)),
        f"one {definition.of} in {one_in}",
        tuple(_error(len(ids), len(looked_at), people) for ids in found),
    )


def _everybody(definition: Definition) -> Definition:
    return Definition(definition.of, Const(True, BOOLEAN), "")


def _among(definition: Definition, unified: Unified, one_in: int, looked_at: Ids) -> Ids:
    """Who of a sample meets a condition."""
    sure, _ = sure_and_maybe(definition, unified)
    if not batch.lowered(sure):
        return batch.members(sure, unified, one_in)
    world = reference.StoreWorld(unified)
    return np.array(reference.members(definition, world, among=looked_at.tolist()), dtype=np.int32)


def _error(found: int, sampled: int, people: int) -> int:
    """How far an estimate may be off, by the rule of Agresti and Coull; never 0 where not all were asked."""
    share = (found + 2) / (sampled + 4)
    return math.ceil(SURE * people * math.sqrt(share * (1 - share) / (sampled + 4)))
