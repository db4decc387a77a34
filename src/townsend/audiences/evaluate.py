"""Who meets a definition, by the engine that can tell.

``batch`` answers whatever it can lower. For the rest, the conditions that it can lower are asked first, and
the reference evaluator looks only at who is left; a note says so. The answer is the same either way. Where
nobody can say what an amount is worth, batch is asked twice: who surely belongs, and who may.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args
from weakref import WeakKeyDictionary

import duckdb
import numpy as np

from townsend.audiences import batch, reference
from townsend.audiences.batch.run import Ids
from townsend.audiences.core import (
    BOOLEAN,
    And,
    Const,
    Definition,
)
from townsend.audiences.patience import ask_first
from townsend.audiences.undecided import Amounts, sides_of
from townsend.audiences.walk import conjuncts
from townsend.problem import Invalid

if TYPE_CHECKING:
    from townsend.profiles import Unified

__all__ = [
    "TOGETHER",
    "Engine",
    "Result",
    "Size",
    "amounts_in",
    "conditions_of",
    "evaluate",
    "evaluate_many",
    "sizes",
    "sure_and_maybe",
]

Engine = Literal["auto", "batch", "reference"]
TOGETHER = "all together"
# What nobody can say in a world, which stays as it is while somebody holds it.
_known: WeakKeyDictionary[Unified, Amounts] = WeakKeyDictionary()
OVERFLOW = "a sum grew beyond what batch can add, so the reference evaluator answered"


@dataclass(frozen=True, slots=True)
class Result:
    """An answer.

    Attributes:
        ids: the members, ascending.
        engine: who answered: ``batch``, ``reference``, or ``batch+reference``.
        notes: sentences for a person about how the answer was found.
        undecided: about whom nobody can say whether they belong, for want of a rate of exchange, ascending;
            they are no members.
    """

    ids: Ids
    engine: str
    notes: tuple[str, ...]
    undecided: Ids


@dataclass(frozen=True, slots=True)
class Size:
    """How many entities meet a condition.

    Attributes:
        text: the condition as it was written.
    """

    text: str
    size: int


def evaluate(
    definition: Definition, unified: Unified, engine: str = "auto", unasked: int | None = None
) -> Result:
    """The members of a definition.

    Args:
        engine: ``auto`` and ``batch`` take batch where it can, and leave the rest to the reference evaluator;
            ``reference`` is slow and needs nothing.
        unasked: how many entities may be looked at one by one without asking first; None is any number.

    Raises:
        Invalid: ``engine.unknown``; ``engine.slow`` with the time it would take, if there are more.
    """
    if engine not in get_args(Engine):
        raise Invalid(
            "engine.unknown",
            f"there is no engine {engine!r}; the engines are {', '.join(get_args(Engine))}",
            got=engine,
        )
    if engine == "reference":
        return _one_by_one(definition, unified, unasked)
    sure, maybe = sure_and_maybe(definition, unified)
    gaps = batch.lowered(sure) or (batch.lowered(maybe) if maybe is not sure else [])
    try:
        if gaps:
            return _narrowed(definition, maybe, unified, gaps, unasked)
        ids = batch.members(sure, unified)
        return _result(ids, ids if sure is maybe else batch.members(maybe, unified))
    except duckdb.OutOfRangeException:
        # A sum that left 128 bits on its way. Numbers so large are slips of a source, and rare.
        return _one_by_one(definition, unified, unasked, OVERFLOW)


def sure_and_maybe(definition: Definition, unified: Unified) -> tuple[Definition, Definition]:
    """Definitions for batch of whom surely and whom maybe belongs; the same one if nothing is undecided."""
    found = sides_of(definition, unified.policy, lambda policy: amounts_in(unified.under(policy)))
    return (definition, definition) if found is None else found


def evaluate_many(definitions: Sequence[Definition], unified: Unified) -> list[Result]:
    """The members of several definitions; what they have in common is computed once.

    Each result is what ``evaluate`` gives for that definition alone.
    """
    asked: list[Definition] = []
    places: dict[int, tuple[int, int]] = {}
    for at, one in enumerate(definitions):
        sure, maybe = sure_and_maybe(one, unified)
        if _can_share(sure, unified) and _can_share(maybe, unified):
            asked.append(sure)
            places[at] = (len(asked) - 1, len(asked) - 1)
            if maybe is not sure:
                asked.append(maybe)
                places[at] = (len(asked) - 2, len(asked) - 1)
    try:
        members = batch.members_of_many(asked, unified)
    except duckdb.OutOfRangeException:
        return [evaluate(one, unified) for one in definitions]
    found = {at: _result(members[sure], members[maybe]) for at, (sure, maybe) in places.items()}
    return [found.get(at) or evaluate(one, unified) for at, one in enumerate(definitions)]


def sizes(definition: Definition, unified: Unified) -> list[Size]:
    """How many meet each condition that must hold, alone; and last, if there are several, all of them."""
    asked = conditions_of(definition)
    found = evaluate_many([one for _, one in asked], unified)
    return [Size(text, len(result.ids)) for (text, _), result in zip(asked, found, strict=True)]


def conditions_of(definition: Definition) -> list[tuple[str, Definition]]:
    """Each condition that must hold, as written and alone; last, if there are several, all together."""
    found = []
    for one in conjuncts(definition.condition):
        text = definition.text[one.at.start : one.at.end].strip() or definition.text
        found.append((text, Definition(definition.of, one, definition.text)))
    return found if len(found) == 1 else [*found, (TOGETHER, definition)]


def _can_share(definition: Definition, unified: Unified) -> bool:
    # Events are too many to keep a bit for each; a class of which nothing ever came has no table.
    known = definition.of in unified.columns
    return known and not unified.schema.classes[definition.of].is_event and not batch.lowered(definition)


def _result(sure: Ids, maybe: Ids) -> Result:
    undecided = np.zeros(0, np.int32) if maybe is sure else np.setdiff1d(maybe, sure, assume_unique=True)
    return Result(sure, "batch", (), undecided)


def _one_by_one(definition: Definition, unified: Unified, unasked: int | None, *notes: str) -> Result:
    """The members by the reference evaluator alone."""
    if unasked is not None:
        everybody = batch.members(Definition(definition.of, Const(True, BOOLEAN), ""), unified)
        ask_first(definition, unified, everybody, unasked)
    found = reference.decide(definition, reference.StoreWorld(unified))
    return Result(_ids(found.members), "reference", notes, _ids(found.undecided))


def _narrowed(
    definition: Definition,
    maybe: Definition,
    unified: Unified,
    gaps: list[tuple[str, str]],
    unasked: int | None,
) -> Result:
    """Conditions that can be lowered first, as far as they may hold; then the others, on who is left."""
    easy = [
        condition
        for condition in conjuncts(maybe.condition)
        if not batch.lowered(Definition(definition.of, condition, ""))
    ]
    first = Definition(definition.of, And(tuple(easy)) if easy else Const(True, BOOLEAN), definition.text)
    left = batch.members(first, unified)
    ask_first(definition, unified, left, unasked)
    found = reference.decide(definition, reference.StoreWorld(unified), among=left.tolist())
    reasons = "; ".join(f"{kind}: {reason}" for kind, reason in gaps)
    note = f"the reference evaluator looked at {len(left)} of them one by one ({reasons})"
    engine = "batch+reference" if easy else "reference"
    return Result(_ids(found.members), engine, (note,), _ids(found.undecided))


def _ids(found: list[int]) -> Ids:
    return np.array(found, dtype=np.int32)


def amounts_in(unified: Unified) -> Amounts:
    """Classes, and paths of amounts in them, that nobody can say for some entity."""
    if unified not in _known:
        query = f"SELECT DISTINCT class, path FROM {unified.name}.undecided"
        _known[unified] = frozenset((cls, path) for cls, path in unified.con.execute(query).fetchall())
    return _known[unified]
