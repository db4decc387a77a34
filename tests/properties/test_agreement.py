"""Two evaluators, one meaning: random worlds, random audiences, random instants; members and undecided alike.

Set ``AGREEMENT_SEEDS=first:count`` for other worlds or a longer run (ten audiences a world). A failure names
the seed, the audience and the world, which is all it takes to see it again.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple, get_args

import pytest
from tests.properties.questions import ROOTS, Question
from tests.properties.variants import POLICY, computed_fields, merged_otherwise
from tests.properties.worlds import DAY, RandomWorld, random_world

from townsend.audiences import batch
from townsend.audiences.batch.gaps import GAPS, NEVER
from townsend.audiences.core import Definition, Expr, InSegment
from townsend.audiences.evaluate import evaluate, sure_and_maybe
from townsend.audiences.explain import explain
from townsend.audiences.pql import parse, resolve
from townsend.audiences.reference import Decided, Entity, StoreWorld, decide, holds
from townsend.audiences.walk import everything

AUDIENCES_PER_WORLD = 10
FIRST, COUNT = (int(part) for part in os.environ.get("AGREEMENT_SEEDS", "1:70").split(":"))
KINDS = frozenset(kind.__name__ for kind in get_args(Expr))
MOVES = [0, 0, 0, 1, -1, DAY, 3 * DAY, 30 * DAY, -7 * DAY]


class Case(NamedTuple):
    """One audience in one world."""

    seed: int
    definition: Definition
    unified: RandomWorld
    computed: dict[str, dict[str, str]]

    def __str__(self) -> str:
        where = f"under {self.unified.policy}, with {self.computed}"
        return f"seed {self.seed}: {self.definition.of}: {self.definition.text}\n{where}\n{self.unified!r}"


def cases(seeds: range) -> Iterator[Case]:
    """Some audiences for each world, each at an instant of its own; the later ones may use the first two."""
    for seed in seeds:
        rng = Random(seed)
        unified = random_world(rng)
        built = unified.now_ms
        saved: dict[str, tuple[str, str | None]] = {}
        unified.list_some(rng, saved)
        twin = merged_otherwise(rng, unified)
        policies = {f"saved {at}": rng.choice([None, POLICY]) for at in range(2)}
        computed, named = computed_fields(rng, unified.schema)
        for at in range(AUDIENCES_PER_WORLD):
            unified.now_ms = twin.now_ms = built + rng.choice([*MOVES, rng.randint(-40 * DAY, 40 * DAY)])
            of = rng.choice(ROOTS)
            text = Question(rng, unified.schema, saved, named).about(of)
            resolved = resolve(
                parse(text),
                unified.schema,
                of,
                seen=lambda *_: True,
                audiences=saved.get,
                policies=policies.get,
                computed=computed,
                strict=False,
            )
            yield Case(seed, resolved.definition, twin if rng.random() < 0.2 else unified, computed)
            if at < 2:
                saved[f"saved {at}"] = (of, text)
        unified.close()


def kinds_in(expr: Expr) -> Iterator[str]:
    """Of every node, audiences that are used included."""
    for node in everything(expr):
        yield type(node).__name__
        if isinstance(node, InSegment):
            yield from kinds_in(node.definition.condition)


class Tally:
    """Which kinds of node each evaluator really computed, and why batch left some to the other."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.lowered: Counter[str] = Counter()
        self.left: Counter[tuple[str, str]] = Counter()
        self.members = 0
        self.undecided = 0

    def add(self, case: Case, found: Decided, gaps: list[tuple[str, str]]) -> None:
        kinds = set(kinds_in(case.definition.condition))
        self.asked.update(kinds)
        self.members += len(found.members)
        self.undecided += len(found.undecided)
        self.left.update(gaps)
        if not gaps:
            self.lowered.update(kinds)

    def __str__(self) -> str:
        lines = ["", f"{'node':<14}{'reference':>10}{'batch':>8}"]
        lines += [f"{kind:<14}{self.asked[kind]:>10}{self.lowered[kind]:>8}" for kind in sorted(KINDS)]
        lines += [f"left to the reference: {kind}, {reason}: {n}" for (kind, reason), n in self.left.items()]
        return "\n".join(lines)


@pytest.mark.slow
def test_batch_and_reference_give_the_same_members(record_property: Callable[[str, object], None]) -> None:
    """Batch leaves nothing but what it declares; every kind of node is really computed by both."""
    tally = Tally()
    for case in cases(range(FIRST, FIRST + COUNT)):
        expected = decide(case.definition, StoreWorld(case.unified))
        result = evaluate(case.definition, case.unified)
        sure, maybe = sure_and_maybe(case.definition, case.unified)
        gaps = batch.lowered(sure) or batch.lowered(maybe)
        tally.add(case, expected, gaps)

        assert expected.members == result.ids.tolist(), str(case)
        assert expected.undecided == result.undecided.tolist(), str(case)
        assert ("batch" == result.engine) == (not gaps), str(case)

    record_property("computed, per kind of node", str(tally))

    alone = {kind.__name__ for kind in NEVER}

    assert {kind for kind, _ in tally.left} <= {kind.__name__ for kind in GAPS} | alone
    assert alone == KINDS - set(tally.lowered), "computed by one evaluator alone"
    assert set() == KINDS - set(tally.asked), "never asked"
    assert tally.members > COUNT
    assert tally.undecided > COUNT // 2


@pytest.mark.slow
def test_an_explanation_never_disagrees_and_tells_the_next_change_exactly() -> None:
    """Nothing differs until the instant that is named, and there it does."""
    changes = 0
    for case in cases(range(FIRST, FIRST + max(1, COUNT // 2))):
        rng = Random(case.seed)
        world = StoreWorld(case.unified)
        everyone = [one.id for one in world.entities(case.definition.of)]
        for who in rng.sample(everyone, min(2, len(everyone))):
            entity = Entity(case.definition.of, who)
            now = holds(case.definition, world, entity)
            explained = explain(case.definition, world, entity)

            assert now == explained.holds, f"{who} in {case}"

            if explained.change is not None:
                changes += 1
                last = explained.change.at_ms - 1
                after = holds(case.definition, world.at(explained.change.at_ms), entity)

                assert (not now) == after == explained.change.holds, f"{who} at {last + 1} in {case}"
            elif explained.searched_until_ms is not None:
                last = explained.searched_until_ms - 1
            else:
                last = case.unified.now_ms + 4_000 * DAY

            for at in {last, *(rng.randint(case.unified.now_ms, last) for _ in range(3))}:
                assert now == holds(case.definition, world.at(at), entity), f"{who} at {at} in {case}"

    assert changes > 0
