"""Audiences under named merge policies: each sees the facts by its own, whoever asks for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.profiles.house import key

from townsend.audiences.reference import StoreWorld, members
from townsend.problem import Invalid
from townsend.project.load import load_into
from townsend.project.plan import apply_changes, plan_changes
from townsend.project.privacy import erase_person
from townsend.project.project import Project
from townsend.project.run import RunReport, evaluate_audiences

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
MERGE = """
name: policies
merge:
  person:
    by: time
    policies:
      crm_first: {by: source, order: [crm_1, marketo_1]}
"""
OPEN = 'b2b.personStatus = "open"'


def row(record: str, email: str, status: str, day: int) -> dict[str, Any]:
    return {
        "b2b": {"personKey": key(record), "personStatus": status},
        "workEmail": {"address": email},
        "extSourceSystemAudit": {"lastUpdatedDate": f"2026-03-{day:02d}T00:00:00Z"},
    }


def load(project: Project, source: str, *rows: dict[str, Any]) -> None:
    path = project.folder / f"{source}.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), "utf-8")
    (report,) = load_into(project, "person", [path], source, again=True, progress=lambda _: None)
    assert report.accepted.quarantined == 0


def audience(project: Project, name: str, pql: str, policy: str | None = None) -> None:
    folder = project.folder / "audiences"
    folder.mkdir(exist_ok=True)
    line = f"policy: {policy}\n" if policy else ""
    (folder / f"{name}.yaml").write_text(f"name: {name}\n{line}pql: '{pql}'\n", "utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """One person: the CRM says open, and Marketo, later, closed."""
    (tmp_path / "townsend.yaml").write_text(MERGE, "utf-8")
    opened = Project(tmp_path)
    load(opened, "crm_1", row("1", "a@bodea.example", "open", 1))
    load(
        opened, "marketo_1", row("2", "a@bodea.example", "closed", 2), row("3", "b@bodea.example", "open", 2)
    )
    return opened


def emails(project: Project, name: str) -> list[str]:
    return [row["identities"]["Email"][0] for row in project.members(name, now=NOW).rows()]


def test_an_audience_sees_the_facts_under_its_own_policy(project: Project) -> None:
    audience(project, "newest", OPEN)
    audience(project, "trusted", OPEN, "crm_first")

    assert ["b@bodea.example"] == emails(project, "newest")
    assert ["a@bodea.example", "b@bodea.example"] == emails(project, "trusted")


def test_a_query_names_its_policy(project: Project) -> None:
    assert 1 == project.query(OPEN, now=NOW).num_rows
    assert 2 == project.query(OPEN, now=NOW, policy="crm_first").num_rows


def test_an_audience_inside_another_keeps_its_own_policy(project: Project) -> None:
    audience(project, "newest", OPEN)
    audience(project, "trusted", OPEN, "crm_first")
    asked = 'inSegment("trusted") and not inSegment("newest")'

    for policy in (None, "crm_first"):
        found = project.ask(asked, now=NOW, policy=policy)
        definition = project.resolve(asked, "person", strict=True).definition
        world = project.unified(NOW, policy=policy)

        assert ["a@bodea.example"] == [row["identities"]["Email"][0] for row in found.rows()]
        assert found.ids.tolist() == members(definition, StoreWorld(world))


def test_a_run_evaluates_each_audience_under_its_own_policy(project: Project) -> None:
    audience(project, "newest", OPEN)
    audience(project, "trusted", OPEN, "crm_first")
    audience(project, "both", 'inSegment("trusted") and not inSegment("newest")')
    audience(project, "lost", OPEN, "crm_frist")
    report = RunReport()
    answers = evaluate_audiences(project, NOW, report, lambda _: None)

    assert {"newest": 1, "trusted": 2, "both": 1} == {name: len(one.ids) for name, one in answers.items()}
    assert ["policy.unknown"] == [one.code for one in report.failed]
    assert "did you mean 'crm_first'?" in report.failed[0].text


def test_an_explanation_tells_the_value_that_the_policy_chose(project: Project) -> None:
    audience(project, "newest", OPEN)
    audience(project, "trusted", OPEN, "crm_first")

    assert project.explain("trusted", "a@bodea.example", now=NOW).holds
    assert not project.explain("newest", "a@bodea.example", now=NOW).holds


def test_a_policy_that_nobody_wrote_is_refused_with_the_nearest(project: Project) -> None:
    audience(project, "lost", OPEN, "crm_frist")
    with pytest.raises(Invalid) as refused:
        project.members("lost", now=NOW)

    assert "policy.unknown" == refused.value.code
    assert "did you mean 'crm_first'?" in refused.value.text
    assert ["policy.unknown"] == [one["code"] for one in project.check("lost")]


def test_a_new_policy_waits_for_apply(project: Project) -> None:
    text = MERGE + "      marketo_first: {by: source, order: [marketo_1, crm_1]}\n"
    (project.folder / "townsend.yaml").write_text(text, "utf-8")
    audience(project, "closed", 'b2b.personStatus = "closed"', "marketo_first")
    with Project(project.folder) as later:
        project.close()
        with pytest.raises(Invalid, match="not in effect yet"):
            later.members("closed", now=NOW)
        planned = plan_changes(later, NOW)
        apply_changes(later, NOW)

        assert [("closed", 1, 1)] == [(one.audience, one.before, one.after) for one in planned.members]
        assert ["a@bodea.example"] == emails(later, "closed")


def test_worlds_of_policies_are_stored_beside_the_first_and_made_once(project: Project) -> None:
    first = project.unified(NOW, policy="crm_first")
    name, stamp = first.name, first.stamp
    del first

    assert "u_crm_first" == name
    assert stamp == project.unified(NOW, policy="crm_first").stamp
    assert "u" == project.unified(NOW).name
    assert "u_crm_first" == project.unified(NOW).under("crm_first").name


def test_a_world_under_a_policy_follows_later_facts(project: Project) -> None:
    assert 2 == project.query(OPEN, now=NOW, policy="crm_first").num_rows
    load(project, "crm_1", row("1", "a@bodea.example", "won", 5), row("4", "c@bodea.example", "open", 5))

    assert ["b@bodea.example", "c@bodea.example"] == [
        one["identities"]["Email"][0]
        for one in project.query(OPEN, now=NOW, policy="crm_first").to_pylist(maps_as_pydicts="strict")
    ]


def test_an_erasure_leaves_nothing_in_the_worlds_of_policies(project: Project) -> None:
    project.unified(NOW, policy="crm_first")
    erase_person(project, "a@bodea.example", NOW, progress=lambda _: None)
    rows = project.facts.con.execute("SELECT schema_name FROM duckdb_schemas()").fetchall()

    assert "u_crm_first" not in {name for (name,) in rows}
    assert 1 == project.query(OPEN, now=NOW, policy="crm_first").num_rows
