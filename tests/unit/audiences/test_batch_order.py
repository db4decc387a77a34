"""What is asked first: cheap conditions that leave few; the others look at who is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from tests.unit.audiences.nodes import SCHEMA

from townsend.audiences.batch.order import stages
from townsend.audiences.core import Definition
from townsend.audiences.pql import parse, resolve
from townsend.model import Edge

MONEY = "accounts.opportunities[isWon].sum(opportunityAmount.amount) > 1000000"
VISIT = 'xEvent[web.webPageDetails.URL.contains("/new") and timestamp occurs <= 30 days before now]'
EVER = 'xEvent[web.webPageDetails.URL.contains("/new")]'
FIELD = "b2b.isConverted"
ROWS = {"person": 620_000, "account": 110_000, "opportunity": 200_000, "event": 20_000_000}


@dataclass
class Sizes:
    """Tables of which only the sizes are known."""

    schema: Any = SCHEMA
    policy: str | None = None

    def rows(self, cls: str) -> int:
        return ROWS.get(cls, 0)

    def edge_rows(self, _: Edge) -> int:
        return 800_000

    def is_event(self, cls: str) -> bool:
        return cls == "event"


def definition(text: str, saved: str = "") -> Definition:
    audiences = {"saved": ("person", saved)}.get if saved else None
    return resolve(parse(text), SCHEMA, "person", seen=lambda *_: True, audiences=audiences).definition


def texts(found: Definition) -> list[list[str]]:
    """The conditions of each stage, as they were written."""
    spans = [[one.at for one in stage] for stage in stages(cast(Any, Sizes()), found)]
    return [[found.text[at.start : at.end] for at in stage] for stage in spans]


def test_a_window_of_events_comes_before_the_money_of_everybody() -> None:
    assert [[VISIT], [MONEY]] == texts(definition(f"{MONEY} and {VISIT}"))


def test_all_events_of_ever_come_after_the_money() -> None:
    assert [[MONEY], [EVER]] == texts(definition(f"{EVER} and {MONEY}"))


def test_fields_come_first_and_cost_no_stage_of_their_own() -> None:
    assert [[FIELD, VISIT], [MONEY]] == texts(definition(f"{MONEY} and {VISIT} and {FIELD}"))


def test_what_leaves_many_is_not_kept_for_the_next_condition() -> None:
    assert [[f"not ({VISIT})", MONEY]] == texts(definition(f"not ({VISIT}) and {MONEY}"))


def test_a_single_condition_is_a_single_stage() -> None:
    assert [[MONEY]] == texts(definition(MONEY))


def test_the_conditions_of_an_audience_asked_by_name_are_ordered_among_the_others() -> None:
    found = stages(cast(Any, Sizes()), definition(f'{MONEY} and inSegment("saved")', f"{VISIT} and {FIELD}"))

    assert [2, 1] == [len(stage) for stage in found]
    assert definition(MONEY).condition == found[-1][0]
