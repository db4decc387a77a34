"""The whole view of one entity of a project."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.profiles.house import account, person

from townsend.project.load import load_into
from townsend.project.project import Project
from townsend.project.run import RunReport, evaluate_audiences

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
MAIL = "p@bodea.example"
SETTINGS = """
name: showing
merge: {person: {policies: {crm_first: {by: source, order: [crm_1]}}}}
computed: {person: {firms: accounts.count(), again: firms * 2 + b2b.personScore}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "townsend.yaml").write_text(SETTINGS, "utf-8")
    (tmp_path / "audiences").mkdir()
    for name, of in (("everybody", "person"), ("firms", "account")):
        (tmp_path / "audiences" / f"{name}.yaml").write_text(f"of: {of}\npql: 'true'\n", "utf-8")
    opened = Project(tmp_path)
    load(opened, "account", "crm_1", *(account(one, accountName=f"Firm {one}") for one in "AB"))
    held = [
        {"sourcePersonKey": {"sourceKey": "1"}, "sourceAccountKey": account(one)["accountKey"]}
        for one in "AB"
    ]
    load(opened, "person", "crm_1", person("1", MAIL, 1, b2b={"personScore": 5}, personComponents=held))
    load(opened, "person", "marketo_1", person("2", MAIL, 2, b2b={"personScore": 7}))
    return opened


def load(project: Project, cls: str, source: str, *rows: dict[str, Any]) -> None:
    path = project.folder / f"{cls}.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), "utf-8")
    (report,) = load_into(project, cls, [path], source, again=True, progress=lambda _: None)
    assert report.accepted.quarantined == 0


def test_all_of_it_is_there(project: Project) -> None:
    evaluate_audiences(project, NOW, RunReport(), lambda _: None)
    found = project.show("person", MAIL, now=NOW + timedelta(days=1))

    assert {"firms": 2, "again": 11} == {name: one.value for name, one in found.computed.items()}
    assert (("firms", 2), ("b2b.personScore", 7)) == found.computed["again"].parts
    assert [("everybody", NOW)] == [(one.audience, one.since) for one in found.audiences]
    assert ["Firm A", "Firm B"] == [one.name for one in found.related["accounts"].items]
    assert [5] == [one.value for one in found.values["b2b.personScore"].others]
    assert 5 == found.values["b2b.personScore"].under["crm_first"].value


def test_a_policy_shows_what_it_chooses(project: Project) -> None:
    found = project.show("person", MAIL, now=NOW, policy="crm_first")

    assert ("crm_first", 5, 9) == (
        found.policy,
        found.value("b2b.personScore"),
        found.computed["again"].value,
    )


def test_memberships_are_found_by_every_number_that_an_entity_holds(project: Project) -> None:
    load(project, "person", "crm_1", person("9", "q@bodea.example", 1))
    evaluate_audiences(project, NOW, RunReport(), lambda _: None)
    load(project, "person", "crm_1", person("9", MAIL, 3))
    (found,) = project.show("person", MAIL, now=NOW).audiences

    assert ("everybody", NOW) == (found.audience, found.since)


def test_memberships_are_right_where_the_copy_of_them_is_behind(project: Project) -> None:
    evaluate_audiences(project, NOW, RunReport(), lambda _: None)
    with project.state.transaction():
        project.state.members.clear("everybody")
        project.state.members.mark("everybody", 0, "old", 0)

    assert [NOW] == [one.since for one in project.show("person", MAIL, now=NOW).audiences]


def test_its_lines_are_short_and_name_the_losers(project: Project) -> None:
    lines = project.show("person", MAIL, now=NOW).lines()
    at = next(n for n, line in enumerate(lines) if line.startswith("  b2b.personScore = 7  from marketo_1"))

    assert lines[at + 1].startswith("      not 5  from crm_1")
    assert lines[at + 2].startswith("      under crm_first: 5  from crm_1")
    assert not any("sourceInstanceID =" in line for line in lines)
