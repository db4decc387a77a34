"""What is read around an entity is all that an explanation needs, and every member tells why it is one."""

from __future__ import annotations

import json
import os
from random import Random

import pytest
from tests.properties.test_agreement import cases

from townsend.audiences.answers import Because
from townsend.audiences.explain import explain
from townsend.audiences.explain.around import world_around
from townsend.audiences.reference import Entity, StoreWorld, decide

FIRST, COUNT = (int(part) for part in os.environ.get("AGREEMENT_SEEDS", "1:30").split(":"))


@pytest.mark.slow
def test_an_explanation_from_what_is_read_around_an_entity_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also if every class is too large to be read whole."""
    monkeypatch.setattr("townsend.audiences.explain.around.NEARBY_ROWS", 0)
    asked = 0
    for case in cases(range(FIRST, FIRST + COUNT)):
        whole = StoreWorld(case.unified)
        everyone = [one.id for one in whole.entities(case.definition.of)]
        some = Random(case.seed).sample(everyone, min(2, len(everyone)))
        around = world_around(case.definition, case.unified, some)
        for who in some:
            asked += 1
            entity = Entity(case.definition.of, who)
            expected = explain(case.definition, whole, entity).to_json()

            assert expected == explain(case.definition, around, entity).to_json(), f"{who} in {case}"

    assert asked > COUNT


@pytest.mark.slow
def test_every_member_tells_why_and_has_the_same_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("townsend.audiences.explain.around.NEARBY_ROWS", 0)
    told = 0
    for case in cases(range(FIRST, FIRST + COUNT)):
        members = decide(case.definition, StoreWorld(case.unified)).members
        because = Because(case.definition, case.unified)  # type: ignore[arg-type]
        columns = [column.name for column in because.columns]

        assert len(set(columns)) == len(columns), str(case)

        for who, found in zip(members, because.of(members), strict=True):
            told += 1

            assert columns == list(found.fields), f"{who} in {case}"
            assert all(condition.holds for condition in found.conditions), f"{who} in {case}"
            assert json.dumps([condition.to_json() for condition in found.conditions])

    assert told > COUNT
