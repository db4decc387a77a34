"""What the commands about identity give to a machine."""

from __future__ import annotations

import json

import pytest
from tests.stories.bodea import NOW, Bodea, person

SPACES = "[{{code: b2b_person}}, {{code: Email}}]"
RULES = f"name: bodea\nidentity: {{{{person: {{{{namespaces: {SPACES}, blocked: {{}}}}}}}}}}\n"

pytestmark = pytest.mark.slow


def world(bodea: Bodea) -> None:
    (bodea.folder / "townsend.yaml").write_text(RULES.format("{}"), "utf-8")
    bodea.load("person", [person(f"p{n}", "crm1", "info@a.example") for n in range(3)])
    bodea.load("person", [person(f"q{n}", "crm1", f"q{n}@a.example") for n in range(7)])
    text = json.dumps({"name": "everybody", "of": "person", "pql": "true"})
    (bodea.folder / "audiences" / "everybody.yaml").write_text(text, "utf-8")


def test_health_is_a_line_each_and_doctor_repeats_its_warnings_without_values(bodea: Bodea) -> None:
    world(bodea)
    rows = bodea("graph", "health", "--json", "--now", NOW).rows
    found = {row["check"]: row for row in rows}
    told = [row["text"] for row in bodea("doctor", "--json").rows if row["check"] == "identity"]

    assert {"check", "class", "level", "count", "text", "advice", "items"} == rows[0].keys()
    assert [{"identity": "Email:info@a.example", "records": 3}] == found["mailboxes"]["items"]
    assert any(found["mailboxes"]["text"] in text for text in told)
    assert not any("info@" in text for text in told)


def test_health_of_nothing_is_said_and_no_failure(bodea: Bodea) -> None:
    assert "There are no identities yet." in bodea("graph", "health").out
    assert [] == bodea("graph", "health", "--json").rows


def test_a_plan_for_machines_has_clusters_values_events_and_members(bodea: Bodea) -> None:
    world(bodea)
    (bodea.folder / "townsend.yaml").write_text(RULES.format("{Email: [info@a.example]}"), "utf-8")
    planned = bodea("plan", "--json", "--now", NOW, "--warn-over", "20").rows[0]
    strict = bodea("plan", "--json", "--now", NOW, "--warn-over", "30").rows[0]
    words = bodea("plan", "--now", NOW).out
    applied = bodea("apply", "--json", "--now", NOW, "--warn-over", "20").rows[0]
    again = bodea("plan", "--json", "--now", NOW).rows[0]

    (clusters,) = planned["clusters"]
    (members,) = planned["audiences"]
    assert {"rules_changed", "clusters", "values", "events", "audiences", "deliveries"} == planned.keys()
    assert (8, 10, 0, 1) == tuple(clusters[one] for one in ("before", "after", "joined", "split"))
    assert [["b2b_person:p0@crm1.Salesforce"]] == [
        one["identities"] for one in clusters["splits"][0]["parts"][:1]
    ]
    assert (2, 0, 25.0, True) == tuple(members[one] for one in ("enter", "leave", "moved_percent", "much"))
    assert not strict["audiences"][0]["much"]
    assert ["b2b_person:p1@crm1.Salesforce"] == members["enter_first"][0]["identities"]
    assert "everybody: 2 enter, 0 leave (8 → 10)" in words
    assert planned == applied
    assert (False, []) == (again["rules_changed"], again["clusters"])
