"""The answers to many conditions about the entities of one class, brought up to date by asking as few as may.

Definitions are taken apart into leaves, each answered as a set of ids and kept. A change of facts, or the
passing of time, concerns some leaves for some entities: these are asked again, the others stand. Membership
is put together from the leaves, for the entities concerned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from townsend.audiences import batch
from townsend.audiences.batch.formula import Formula, Leaves
from townsend.audiences.batch.tables import Tables
from townsend.audiences.core import (
    BOOLEAN,
    And,
    Const,
    Definition,
    EntityType,
    Expr,
    InSegment,
    Item,
    Listed,
)
from townsend.audiences.evaluate import evaluate
from townsend.audiences.live.dependencies import Reads, reads_of
from townsend.audiences.live.search import Search, Touched
from townsend.audiences.walk import everything
from townsend.model import Schema

if TYPE_CHECKING:
    from townsend.profiles import Unified

__all__ = ["Book", "Concerned"]

FEW_MIN = 5_000  # so many entities are always asked for alone …
FEW_SHARE = 0.05  # … and up to this share of the class; above, everybody is asked
EVERYBODY = Const(True, BOOLEAN)
_lists = count()
Some: TypeAlias = npt.NDArray[np.int32] | None


@dataclass
class Concerned:
    """Who may be in or out now, by facts and by time; ``everybody`` says that there is no telling."""

    facts: BitMap = field(default_factory=BitMap)
    time: BitMap = field(default_factory=BitMap)
    everybody: bool = False


@dataclass
class _Leaf:
    """One condition: what it hangs on, who meets it (None: not asked yet), and how it was asked."""

    condition: Expr
    reads: Reads
    whole: bool  # asked as a definition of its own, by whichever engine can tell
    ids: BitMap | None = None
    ways: Counter[str] = field(default_factory=Counter)


class Book:
    """The leaves of all definitions of one class under one merge policy.

    Args:
        of: the class.
        policy: the merge policy; None for each class's own.
    """

    def __init__(self, of: str, policy: str | None, schema: Schema) -> None:
        self.of = of
        self.policy = policy
        self._schema = schema
        self._numbers = Leaves(policy)
        self._leaves: list[_Leaf] = []
        self._everybody = self._leaf(EVERYBODY, whole=schema.classes[of].is_event)
        self._asked_ms: int | None = None

    # -------------------------------------------------------- definitions

    def formula(self, definition: Definition) -> Formula:
        """A definition over the leaves; new ones are answered with the next ``renew``."""
        if self._schema.classes[self.of].is_event or batch.lowered(definition):
            return self._leaf(definition.condition, whole=True)
        found = self._numbers.formula(definition.condition)
        for condition in list(self._numbers.numbers)[len(self._leaves) :]:
            self._leaves.append(self._made(condition, whole=False))
        return found

    def keep(self, other: Book) -> None:
        """Take over what another book of the same class knows of the same leaves."""
        known = {leaf.condition: leaf for leaf in other._leaves}
        for leaf in self._leaves:
            same = known.get(leaf.condition)
            if same is not None and same.whole == leaf.whole:
                leaf.ids, leaf.ways = same.ids, same.ways
        self._asked_ms = other._asked_ms

    def forget(self, *, lists_only: bool = False) -> None:
        """Ask everything anew the next time, or what hangs on a list audience."""
        for leaf in self._leaves:
            if not lists_only or any(isinstance(one, Listed) for one in _deep(leaf.condition)):
                leaf.ids = None

    def ways(self, formula: Formula) -> Counter[str]:
        """How often the leaves of a formula were asked: for some, for everybody, one by one."""
        found: Counter[str] = Counter()
        for number in set(_numbers_in(formula)):
            found.update(self._leaves[number].ways)
        return found

    def volatile(self, formula: Formula) -> list[str]:
        """Why a formula has to be asked again whenever time has passed."""
        reasons = (why for at in sorted(set(_numbers_in(formula))) for why in self._leaves[at].reads.volatile)
        return list(dict.fromkeys(reasons))

    # -------------------------------------------------------- change

    def renew(self, world: Unified, touched: Touched | None) -> Concerned:
        """Bring the leaves up to date with a world.

        Args:
            touched: what changed in the facts since the last time; None if nobody knows.

        Returns:
            Who may be in or out now.
        """
        before, self._asked_ms = self._asked_ms, world.now_ms
        if touched is None or before is None:
            self.forget()
        concerned = Concerned(everybody=touched is None or before is None)
        asked: dict[bytes, tuple[BitMap, list[_Leaf]]] = {}
        everybody: list[_Leaf] = []
        search = Search(
            Tables(world), touched or {}, before, world.now_ms, [leaf.reads for leaf in self._leaves]
        )
        few = max(FEW_MIN, FEW_SHARE * len(self._leaves[self._everybody].ids or ()))
        for leaf in self._leaves:
            known = leaf.ids is not None
            by_facts = search.by_facts(leaf.reads) if known else None
            by_time = search.by_time(leaf.reads) if known else None
            if by_facts is None or by_time is None or len(by_facts | by_time) > few:
                everybody.append(leaf)
                continue
            concerned.facts |= by_facts
            concerned.time |= by_time
            both = by_facts | by_time
            if both:
                asked.setdefault(both.serialize(), (both, []))[1].append(leaf)
        self._ask_all(world, everybody, concerned, search)
        for both, leaves in asked.values():
            ids = np.array(both, np.int32)
            for leaf, found in zip(leaves, self._answers(leaves, world, ids), strict=True):
                assert leaf.ids is not None
                leaf.ids -= both
                leaf.ids |= found
                leaf.ways["some"] += 1
        return concerned

    def _ask_all(self, world: Unified, leaves: list[_Leaf], concerned: Concerned, search: Search) -> None:
        for leaf, found in zip(leaves, self._answers(leaves, world, None), strict=True):
            if leaf.ids is None:
                concerned.everybody = True
            elif search.changed:
                concerned.facts |= leaf.ids ^ found
            else:
                concerned.time |= leaf.ids ^ found
            leaf.ids = found
            leaf.ways["everybody"] += 1

    def members(self, formula: Formula, among: BitMap | None = None) -> BitMap:
        """Who meets a formula, of everybody or of some."""
        if isinstance(formula, int):
            ids = self._leaves[formula].ids
            assert ids is not None
            return ids.copy() if among is None else ids & among
        parts = (self.members(part, among) for part in formula.parts)
        if formula.word == "not":
            return self.members(self._everybody, among) - next(parts)
        found = next(parts)
        for part in parts:
            if formula.word == "and":
                found &= part
            else:
                found |= part
        return found

    # -------------------------------------------------------- answers

    def _answers(self, leaves: Sequence[_Leaf], world: Unified, ids: Some) -> list[BitMap]:
        if not Tables(world).exists(self.of):
            return [BitMap() for _ in leaves]  # nothing of the class ever came
        shared = [leaf for leaf in leaves if not leaf.whole]
        found: dict[int, BitMap] = {}
        try:
            asked = [Definition(self.of, leaf.condition, "") for leaf in shared]
            members = batch.members_of_many(asked, world, ids) if asked else []
            found = {id(leaf): BitMap(one) for leaf, one in zip(shared, members, strict=True)}
        except duckdb.OutOfRangeException:
            pass  # a sum that left 128 bits on its way: each leaf by whoever can tell
        return [found[id(leaf)] if id(leaf) in found else self._answer(leaf, world, ids) for leaf in leaves]

    def _answer(self, leaf: _Leaf, world: Unified, ids: Some) -> BitMap:
        definition = Definition(self.of, leaf.condition, "")
        if ids is not None:
            some = Listed(_named(world, ids), Item(0, EntityType(self.of)))
            definition = Definition(self.of, And((some, leaf.condition)), "")
        result = evaluate(definition, world)
        leaf.ways["one by one"] += "reference" in result.engine
        return BitMap(result.ids)

    def _leaf(self, condition: Expr, *, whole: bool) -> int:
        number = self._numbers.numbers.setdefault(condition, len(self._numbers.numbers))
        if number == len(self._leaves):
            self._leaves.append(self._made(condition, whole=whole))
        self._leaves[number].whole |= whole
        return number

    def _made(self, condition: Expr, *, whole: bool) -> _Leaf:
        return _Leaf(condition, reads_of(condition, self.of, self._schema), whole)


def _named(world: Unified, ids: npt.NDArray[np.int32]) -> str:
    """A name by which the world knows these ids as a list audience; no file can have it."""
    name, others = f"/some/{next(_lists)}", world.lists
    world.lists = lambda asked, which: ids if which == name else others(asked, which)
    return name


def _numbers_in(formula: Formula) -> Iterator[int]:
    if isinstance(formula, int):
        yield formula
    else:
        for part in formula.parts:
            yield from _numbers_in(part)


def _deep(condition: Expr) -> Iterator[Expr]:
    """A condition and all inside it, other audiences' definitions too."""
    for node in everything(condition):
        yield node
        if isinstance(node, InSegment):
            yield from _deep(node.definition.condition)
