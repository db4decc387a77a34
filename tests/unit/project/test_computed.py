"""Computed fields of a project: in queries, audiences, explanations and views, right at every instant."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.profiles.house import account, opportunity, person

from townsend.problem import Invalid
from townsend.project.computed import computed_of, wrong_fields
from townsend.project.doctor import examine
from townsend.project.load import load_into
from townsend.project.project import Project

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
LATER = datetime(2026, 4, 18, 12, tzinfo=UTC)
VISITS = 'people.xEvent[eventType = "visit" and timestamp occurs <= 30 days before now].count()'
SETTINGS = f"""
name: scores
computed:
  account:
    won: opportunities[isWon].sum(opportunityAmount.amount)
    score: |
      {VISITS} * 2
        + won / 100
    hot: score > 10
  person:
    best: accounts.max(score)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "townsend.yaml").write_text(SETTINGS, "utf-8")
    opened = Project(tmp_path)
    key = account("a")["accountKey"]
    load(opened, "account", account("a"), account("b"))
    load(opened, "person", person("p", "p@bodea.example", b2b={"accountKey": key}))
    load(
        opened,
        "opportunity",
        opportunity("o", "a", isWon=True, opportunityAmount={"amount": 700, "currencyCode": "USD"}),
    )
    visits = [{"_id": f"v{day}", "timestamp": f"2026-03-{day:02d}T00:00:00Z"} for day in (1, 10, 17)]
    who = {"identityMap": {"Email": [{"id": "p@bodea.example"}]}, "eventType": "visit"}
    load(opened, "event", *(one | who for one in visits))
    return opened


def load(project: Project, cls: str, *rows: dict[str, Any]) -> None:
    path = project.folder / f"{cls}.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), "utf-8")
    (report,) = load_into(project, cls, [path], "crm_1", again=True, progress=lambda _: None)
    assert report.accepted.quarantined == 0


def settings(project: Project, text: str) -> Project:
    project.close()
    (project.folder / "townsend.yaml").write_text(text, "utf-8")
    return Project(project.folder)


def test_a_query_names_it_like_any_field(project: Project) -> None:
    assert 1 == project.query("score = 13", of="account", now=NOW).num_rows
    assert 1 == project.query("best = 13 and accounts[hot].count() = 1", now=NOW).num_rows


def test_a_window_in_it_is_right_at_every_instant(project: Project) -> None:
    assert 1 == project.query("score = 7", of="account", now=LATER).num_rows
    assert 0 == project.query("hot", of="account", now=LATER).num_rows


def test_a_view_tells_its_worth_and_what_it_is_made_of(project: Project) -> None:
    world = project.unified(NOW)
    ids = project.query("won > 0", of="account", now=NOW)["id"].to_pylist()
    found = computed_of(project, world, "account", ids[0])

    assert {"won": Decimal(700), "score": 13, "hot": True} == {name: one.value for name, one in found.items()}
    assert ((VISITS, 3), ("won", 700)) == found["score"].parts


def test_an_explanation_tells_what_it_is_made_of(project: Project) -> None:
    (project.folder / "audiences").mkdir()
    (project.folder / "audiences" / "hot.yaml").write_text("name: hot\nof: account\npql: score > 12\n")
    found = project.explain("hot", "a@crm1.Salesforce", now=NOW)

    assert found.holds
    assert [(VISITS, 3), ("won", 700)] == [
        (one.facts["text"], one.facts["value"]) for one in found.condition.computed
    ]
    assert f"        {VISITS} is 3" in found.lines()
    assert found.change is not None
    assert datetime(2026, 3, 31, 0, 0, 0, 1000, UTC).timestamp() * 1000 == found.change.at_ms


@pytest.mark.parametrize(
    ("computed", "code", "said"),
    [
        ("{account: {accountName: '1'}}", "settings.computed", "accountName is a declared field of account"),
        ("{account: {people: '1'}}", "settings.computed", "people is a relationship of account"),
        ("{account: {my score: '1'}}", "settings.computed", "'my score' cannot name a field"),
        ("{account: {and: '1'}}", "settings.computed", "'and' cannot name a field"),
        ("{account: {score: 1}}", "settings.type", "computed.account.score: expected text, got 1"),
        ("{firm: {score: '1'}}", "class.unknown", "firm"),
    ],
)
def test_a_name_that_cannot_be_one_is_told_with_its_place(
    project: Project, computed: str, code: str, said: str
) -> None:
    with pytest.raises(Invalid) as refused, settings(project, f"name: x\ncomputed: {computed}\n") as opened:
        opened.query("true", now=NOW)

    assert code == refused.value.code
    assert said in refused.value.text


def test_a_text_that_is_wrong_is_found_before_anybody_uses_it(project: Project) -> None:
    text = "name: x\ncomputed: {account: {odd: peple.count(), fine: people.count()}}\n"
    with settings(project, text) as opened:
        wrong = dict(wrong_fields(opened))
        told = [one for one in examine(opened, lambda _: None) if one.check.startswith("computed")]

    assert ["account.odd"] == list(wrong)
    assert "did you mean 'people'" in wrong["account.odd"].text
    assert [("error", "computed account.odd")] == [(one.level, one.check) for one in told]
