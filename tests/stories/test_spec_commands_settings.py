"""Settings in a user's hands: every key is checked, and what is wrong is said with its line."""

from __future__ import annotations

import pytest
from tests.stories.bodea import Bodea

CONNECTION = "base_url: 'http://127.0.0.1:9', client_id: a, client_secret: b"


def settle(bodea: Bodea, text: str) -> None:
    (bodea.folder / "townsend.yaml").write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sources:\n  crm: {type: files, class: account, pth: a.csv}\n", "townsend.yaml:2: sources.crm"),
        ("sources:\n  m: {type: marketo, bas_url: x}\n", "did you mean 'base_url'"),
        (f"sources:\n  crm:\n    {{type: salesforce, {CONNECTION}, colour: red}}\n", "townsend.yaml:3"),
        ("sources:\n  web: {type: inlet, clas: event}\n", "did you mean 'class'"),
        (
            "consent: {unknown: allow}\ndestinations:\n  li: {type: linkedin, acount: 1}\n",
            "did you mean 'account'",
        ),
        ("name: a\ncurrency: USD\nname: b\n", "townsend.yaml:3: the key 'name' stands there twice"),
        ("name: &x [*x]\n", "townsend.yaml"),
        ("rehearsal: {seed: a, size: 0, anchor: '2026-11-22T12:00:00Z', factor: 1}\n", "townsend.yaml:1"),
        ("rehearsal: {seed: 1, size: 0, anchor: yesterday, factor: 1}\n", "townsend.yaml:1"),
        ("rehearsal: {seed: 1, size: 0, anchor: '2026-11-22', factor: 1}\n", "townsend.yaml:1"),
        ("rehearsal: {seed: 1, size: 0, anchor: '2026-11-22T12:00:00Z', factor: 0}\n", "townsend.yaml:1"),
    ],
)
def test_a_wrong_key_is_refused_by_every_command(bodea: Bodea, text: str, words: str) -> None:
    settle(bodea, text)

    for command in ("status", "doctor", "run"):
        answer = bodea(command)

        assert answer.code == 2
        assert words in answer.err


@pytest.mark.parametrize("where", ["class: acount, path: a.csv", "classes: {acount: a.csv}"])
def test_a_source_of_an_unknown_class_is_refused_before_a_file_is_there(bodea: Bodea, where: str) -> None:
    settle(bodea, f"sources: {{crm: {{type: files, {where}}}}}\n")

    answer = bodea("sync")

    assert answer.code == 2
    assert "sources.crm" in answer.err
    assert "did you mean 'account'" in answer.err


def test_doctor_names_a_connection_that_cannot_be_opened(bodea: Bodea) -> None:
    settle(bodea, "consent: {unknown: allow}\ndestinations: {li: {type: linkedin}}\n")

    answer = bodea("doctor", "--json")

    assert answer.code == 1
    (wrong,) = [row for row in answer.rows if row["level"] == "error"]
    assert wrong["check"] == "settings"
    assert "destinations.li: client_id is missing" in wrong["text"]


def test_a_secret_not_set_here_is_a_warning_of_doctor(bodea: Bodea) -> None:
    connection = CONNECTION.replace("client_secret: b", "client_secret: '${NOT_SET_HERE}'")
    settle(bodea, f"sources: {{crm: {{type: salesforce, {connection}}}}}\n")

    answer = bodea("doctor", "--json")

    assert answer.code == 0
    (doubt,) = [row for row in answer.rows if row["check"] == "settings"]
    assert doubt["level"] == "warning"
    assert "NOT_SET_HERE" in doubt["text"]


def test_what_several_checks_stumble_over_is_told_once(bodea: Bodea) -> None:
    settle(bodea, "identity: {person: {namespace: []}}\n")

    answer = bodea("doctor", "--json")

    assert answer.code == 1
    assert len([row for row in answer.rows if row["level"] == "error"]) == 1


def test_an_exclusion_of_nobody_known_is_found_by_check(bodea: Bodea) -> None:
    settle(
        bodea,
        "consent: {unknown: allow}\nexclude: [nosuch]\ndestinations:\n"
        "  li: {type: linkedin, client_id: a, client_secret: b, refresh_token: c, account: 1}\n",
    )
    (bodea.folder / "audiences" / "all.yaml").write_text("pql: 'true'\nactivate: [{to: li}]\n", "utf-8")

    answer = bodea("audience", "check", "--json")

    assert answer.code == 2
    assert ["audience.unknown"] == [one["code"] for one in answer.rows[0]["findings"]]


def test_applying_needs_no_destination(bodea: Bodea) -> None:
    bodea.tell_the_story()
    settle(
        bodea,
        "consent: {unknown: allow}\nmerge: {account: {by: changed}}\ndestinations:\n"
        "  li: {type: linkedin, client_id: a, client_secret: '${NOT_SET}', refresh_token: c, account: 1}\n",
    )
    (bodea.folder / "audiences" / "all.yaml").write_text("pql: 'true'\nactivate: [{to: li}]\n", "utf-8")

    first, again = bodea("apply", "--json"), bodea("apply", "--json")

    assert (0, 0) == (first.code, again.code), first.err + again.err
    assert (True, False) == (first.rows[0]["rules_changed"], again.rows[0]["rules_changed"])
