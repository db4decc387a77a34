"""The story to its end: who is in the lists at Marketo and LinkedIn, and who must leave them again."""

from __future__ import annotations

import json

import pytest
from tests.stories.bodea import Bodea, key, person, xref
from tests.stories.lists import AUDIENCE, deliverable, hashed, there

pytestmark = pytest.mark.slow
NOW = "2026-11-22T12:00:00Z"
P2 = (["p2@townsend.com"], [hashed("p2@townsend.com")])
NOBODY: tuple[list[str], list[str]] = ([], [])


def test_p2_reaches_marketo_and_linkedin(bodea: Bodea) -> None:
    deliverable(bodea)

    run = bodea("run", "--now", NOW, "--json")

    assert run.code == 0, run.err
    deliveries = {one["destination"]: one for one in run.rows[0]["deliveries"]}
    assert {"marketo_1_list": 1, "linkedin": 1} == {name: one["added"] for name, one in deliveries.items()}
    assert P2 == there(bodea)


def test_a_second_run_sends_nothing(bodea: Bodea) -> None:
    deliverable(bodea)
    bodea("run", "--now", NOW)

    again = bodea("run", "--now", NOW, "--json")

    moved = [(one["added"], one["removed"], one["unchanged"]) for one in again.rows[0]["deliveries"]]
    assert [(0, 0, 1), (0, 0, 1)] == moved
    assert P2 == there(bodea)


def test_a_list_too_small_for_linkedin_is_delivered_and_flagged(bodea: Bodea) -> None:
    deliverable(bodea)

    run = bodea("run", "--now", NOW)

    assert run.code == 0
    assert "300" in run.err
    assert P2[1] == there(bodea)[1]


def test_a_plan_shows_everything_and_sends_nothing(bodea: Bodea) -> None:
    deliverable(bodea)

    plan = bodea("activate", "--plan", "--now", NOW, "--json")

    assert plan.code == 0, plan.err
    assert [1, 1] == [row["wanted"] for row in plan.rows]
    run = bodea("run", "--now", NOW, "--json")
    assert [1, 1] == [one["added"] for one in run.rows[0]["deliveries"]]


def test_a_paused_activation_is_planned_but_not_sent(bodea: Bodea) -> None:
    deliverable(bodea, "[{to: marketo_1_list}, {to: linkedin, paused: true}]")

    run = bodea("run", "--now", NOW, "--json")

    added = {one["destination"]: one["added"] for one in run.rows[0]["deliveries"]}
    assert added["marketo_1_list"] == 1
    assert added.get("linkedin", 0) == 0


def test_master_data_withdrawn_takes_p2_off_both_lists(bodea: Bodea) -> None:
    """p2 reaches a million alone, being in both accounts; so the definition asks for one company."""
    deliverable(bodea)
    text = (bodea.folder / "audiences" / f"{AUDIENCE}.yaml").read_text("utf-8")
    old = "accounts.opportunities[isWon].sum(opportunityAmount.amount) > 1000000"
    new = "accounts.exists(opportunities[isWon].sum(opportunityAmount.amount) > 1000000)"
    (bodea.folder / "audiences" / f"{AUDIENCE}.yaml").write_text(text.replace(old, new), "utf-8")
    bodea("run", "--now", NOW)
    assert P2 == there(bodea)

    gone = {"status": "inactive", "updated_at": "2026-11-01T00:00:00Z"}
    bodea.load("account_xref", xref(("G-1", "crm2", "2", gone)), "mdm")
    bodea("run", "--now", NOW)

    assert NOBODY == there(bodea)


def test_time_alone_takes_p2_off_both_lists(bodea: Bodea) -> None:
    deliverable(bodea)
    bodea("run", "--now", "2026-12-03T09:00:00.000Z")
    assert P2 == there(bodea)

    run = bodea("run", "--now", "2026-12-03T09:00:00.001Z", "--json")

    assert [1, 1] == [one["removed"] for one in run.rows[0]["deliveries"]]
    assert NOBODY == there(bodea)


def test_consent_withdrawn_takes_p2_off_lists_already_delivered(bodea: Bodea) -> None:
    deliverable(bodea)
    bodea("run", "--now", NOW)
    refusal = {"consents": {"marketing": {"any": {"val": "n", "time": "2026-11-22T10:00:00Z"}}}}
    row = person("p2", "crm2", "p2@townsend.com", [key("2", "crm2")], **refusal)
    bodea.load("person", [row], "crm_2")

    run = bodea("run", "--now", NOW, "--json")

    assert [1, 1] == [one["excluded"] for one in run.rows[0]["deliveries"]]
    assert NOBODY == there(bodea)
    members = bodea("audience", "members", AUDIENCE, "--now", NOW, "--json")
    assert ["p2@townsend.com"] == members.emails


def test_p2_erased_is_gone_everywhere_and_account_sums_stay(bodea: Bodea) -> None:
    deliverable(bodea)
    bodea("run", "--now", NOW)
    total = "opportunities[isWon].sum(opportunityAmount.amount) = 1100000"
    assert len(bodea("query", total, "--of", "account", "--json", "--now", NOW).rows) == 1

    erased = bodea("erase", "p2@townsend.com", "--now", NOW, "--json")

    assert erased.code == 0, erased.err
    assert "p2@townsend.com" not in json.dumps(erased.rows)
    assert NOBODY == there(bodea)
    assert bodea("show", "person", "p2@townsend.com", "--now", NOW).code == 2
    assert len(bodea("query", total, "--of", "account", "--json", "--now", NOW).rows) == 1
    assert ["p1@townsend.com", "p3@townsend.com"] == bodea.query("true")
    # Neither the same files nor new ones bring p2 back.
    for path in sorted((bodea.folder / "incoming").glob("*-person.ndjson")):
        bodea("load", "person", str(path), "--source", "crm_1", "--again")
    assert ["p1@townsend.com", "p3@townsend.com"] == bodea.query("true")


def test_transitions_are_recorded_once(bodea: Bodea) -> None:
    deliverable(bodea)
    bodea("run", "--now", NOW)
    bodea("run", "--now", NOW)
    bodea("run", "--now", "2026-12-10T00:00:00Z")

    history = bodea("audience", "history", AUDIENCE, "--json")

    assert ["entered", "left"] == [row["change"] for row in history.rows]


def test_an_audience_that_is_wrong_keeps_its_list_and_does_not_stop_the_others(bodea: Bodea) -> None:
    deliverable(bodea)
    bodea("run", "--now", NOW)
    path = bodea.folder / "audiences" / f"{AUDIENCE}.yaml"
    path.write_text(path.read_text("utf-8").replace("isWon", "isWon and ("), "utf-8")
    (bodea.folder / "audiences" / "all.yaml").write_text("name: all\npql: 'true'\n", "utf-8")

    run = bodea("run", "--now", NOW, "--json")

    assert run.code == 2
    assert f"audiences/{AUDIENCE}.yaml" in run.err
    assert [("all", 3)] == [(one["audience"], one["members"]) for one in run.rows[0]["audiences"]]
    assert P2 == there(bodea)
