"""Who meets a definition, by the engine that can tell.

``batch`` answers whatever it can lower. For the rest, the conditions that it can lower are asked first, and
the reference evaluator looks only at who is left; a note says so. The answer is the same either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import duckdb
import numpy as np

from townsend.audiences import batch, reference
from townsend.audiences.batch.run import Ids
from townsend.audiences.core import (
    BOOLEAN,
    And,
    Const,
    Definition,
    EntityType,
    Expr,
    Field,
    InSegment,
)
from townsend.audiences.patience import ask_first
from townsend.audiences.walk import conjuncts, everything
from townsend.problem import Invalid

if TYPE_CHECKING:
    from townsend.profiles import Unified

__all__ = ["TOGETHER", "Engine", "Result", "Size", "conditions_of", "evaluate", "evaluate_many", "sizes"]

Engine = Literal["auto", "batch", "reference"]
TOGETHER = "all together"
OVERFLOW = "a sum grew beyond what batch can add, so the reference evaluator answered"


@dataclass(frozen=True, slots=True)
class Result:
    """An answer.

    Attributes:
        ids: the members, ascending.
        engine: who answered: ``batch``, ``reference``, or ``batch+reference``.
        notes: sentences for a person about how the answer was found.
        undecided: how many entities lack a value that the definition names, because no rate of exchange
            was known for it; conditions on it are false.
    """

    ids: Ids
    engine: str
    notes: tuple[str, ...]
    undecided: int


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
    undecided = _undecided(definition, unified, _missing(unified))
    if engine == "reference":
        return Result(_one_by_one(definition, unified, unasked), "reference", (), undecided)
    gaps = batch.lowered(definition)
    try:
        if not gaps:
            return Result(batch.members(definition, unified), "batch", (), undecided)
        return _narrowed(definition, unified, gaps, undecided, unasked)
    except duckdb.OutOfRangeException:
        # A sum that left 128 bits on its way. Numbers so large are slips of a source, and rare.
        return Result(_one_by_one(definition, unified, unasked), "reference", (OVERFLOW,), undecided)


def evaluate_many(definitions: Sequence[Definition], unified: Unified) -> list[Result]:
    """The members of several definitions; what they have in common is computed once.

    Each result is what ``evaluate`` gives for that definition alone.
    """
    together = [at for at, one in enumerate(definitions) if _can_share(one, unified)]
    try:
        members = batch.members_of_many([definitions[at] for at in together], unified)
    except duckdb.OutOfRangeException:
        return [evaluate(one, unified) for one in definitions]
    missing = _missing(unified)
    found = {
        at: Result(ids, "batch", (), _undecided(definitions[at], unified, missing))
        for at, ids in zip(together, members, strict=True)
    }
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


def _one_by_one(definition: Definition, unified: Unified, unasked: int | None) -> Ids:
    """The members by the reference evaluator alone."""
    if unasked is not None:
        everybody = batch.members(Definition(definition.of, Const(True, BOOLEAN), ""), unified)
        ask_first(definition, unified, everybody, unasked)
    return _ids(reference.members(definition, reference.StoreWorld(unified)))


def _narrowed(
    definition: Definition,
    unified: Unified,
    gaps: list[tuple[str, str]],
    undecided: int,
    unasked: int | None,
) -> Result:
    """Conditions that can be lowered first; then the others, on who is left."""
    easy = [
        condition
        for condition in conjuncts(definition.condition)
        if not batch.lowered(Definition(definition.of, condition, ""))
    ]
    first = Definition(definition.of, And(tuple(easy)) if easy else Const(True, BOOLEAN), definition.text)
    left = batch.members(first, unified)
    ask_first(definition, unified, left, unasked)
    found = reference.members(definition, reference.StoreWorld(unified), among=left.tolist())
    reasons = "; ".join(f"{kind}: {reason}" for kind, reason in gaps)
    note = f"the reference evaluator looked at {len(left)} of them one by one ({reasons})"
    return Result(_ids(found), "batch+reference" if easy else "reference", (note,), undecided)


def _ids(found: list[int]) -> Ids:
    return np.array(found, dtype=np.int32)


def _missing(unified: Unified) -> frozenset[tuple[str, str]]:
    """Classes and paths of which some entity lacks an amount, because no rate was known."""
    query = f"SELECT DISTINCT class, path FROM {unified.name}.undecided"
    return frozenset((cls, path) for cls, path in unified.con.execute(query).fetchall())


def _undecided(definition: Definition, unified: Unified, missing: frozenset[tuple[str, str]]) -> int:
    """How many entities lack an amount that the definition names."""
    named = sorted(missing & set(_fields(definition.condition))) if missing else []
    if not named:
        return 0
    marks = " OR ".join("(class = ? AND path = ?)" for _ in named)
    row = unified.con.execute(
        f"SELECT count(DISTINCT (class, id)) FROM {unified.name}.undecided WHERE {marks}",
        [part for pair in named for part in pair],
    ).fetchone()
    return 0 if row is None else int(row[0])


def _fields(condition: Expr) -> list[tuple[str, str]]:
    found = []
    for node in everything(condition):
        if isinstance(node, Field) and isinstance(node.base.type, EntityType):
            found.append((node.base.type.cls, node.path))
        elif isinstance(node, InSegment):
            found += _fields(node.definition.condition)
    return found
