"""Who meets a definition, by the engine that can tell.

``batch`` answers whatever it can lower. For the rest, the conditions that it can lower are asked first, and
the reference evaluator looks only at who is left; a note says so. The answer is the same either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

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
from townsend.audiences.walk import conjuncts, everything
from townsend.problem import Invalid

if TYPE_CHECKING:
    from townsend.profiles import Unified

__all__ = ["TOGETHER", "Engine", "Result", "Size", "evaluate", "sizes"]

Engine = Literal["auto", "batch", "reference"]
TOGETHER = "all together"


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


def evaluate(definition: Definition, unified: Unified, engine: str = "auto") -> Result:
    """The members of a definition.

    Args:
        engine: ``auto`` takes batch where it can; ``batch`` refuses what it can't do alone; ``reference`` is
            slow and needs nothing.

    Raises:
        Invalid: ``engine.unknown``; ``engine.unable`` if ``batch`` was asked for and can't.
    """
    if engine not in get_args(Engine):
        raise Invalid(
            "engine.unknown",
            f"there is no engine {engine!r}; the engines are {', '.join(get_args(Engine))}",
            got=engine,
        )
    undecided = _undecided(definition, unified)
    if engine == "reference":
        found = reference.members(definition, reference.StoreWorld(unified))
        return Result(_ids(found), "reference", (), undecided)
    gaps = batch.lowered(definition)
    if not gaps:
        return Result(batch.members(definition, unified), "batch", (), undecided)
    if engine == "batch":
        kind, reason = gaps[0]
        raise Invalid(
            "engine.unable",
            f"batch evaluation can't do {kind} here ({reason}); leave out the engine, or ask for reference",
            kind=kind,
        )
    return _narrowed(definition, unified, gaps, undecided)


def sizes(definition: Definition, unified: Unified) -> list[Size]:
    """How many meet each condition that must hold, alone; and last, if there are several, all of them."""
    found = []
    conditions = conjuncts(definition.condition)
    for condition in conditions:
        span = condition.at
        text = definition.text[span.start : span.end].strip() or definition.text
        one = Definition(definition.of, condition, definition.text)
        found.append(Size(text, len(evaluate(one, unified).ids)))
    if len(conditions) > 1:
        found.append(Size(TOGETHER, len(evaluate(definition, unified).ids)))
    return found


def _narrowed(
    definition: Definition, unified: Unified, gaps: list[tuple[str, str]], undecided: int
) -> Result:
    """Conditions that can be lowered first; then the others, on who is left."""
    easy = [
        condition
        for condition in conjuncts(definition.condition)
        if not batch.lowered(Definition(definition.of, condition, ""))
    ]
    first = Definition(definition.of, And(tuple(easy)) if easy else Const(True, BOOLEAN), definition.text)
    left = batch.members(first, unified)
    found = reference.members(definition, reference.StoreWorld(unified), among=left.tolist())
    reasons = "; ".join(f"{kind}: {reason}" for kind, reason in gaps)
    note = f"the reference evaluator looked at {len(left)} of them one by one ({reasons})"
    return Result(_ids(found), "batch+reference" if easy else "reference", (note,), undecided)


def _ids(found: list[int]) -> Ids:
    return np.array(found, dtype=np.int32)


def _undecided(definition: Definition, unified: Unified) -> int:
    """How many entities lack an amount that the definition names."""
    named = sorted(set(_fields(definition.condition)))
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
