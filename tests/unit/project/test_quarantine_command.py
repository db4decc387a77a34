"""``townsend quarantine``: counted by reason, chosen by what they have in common, taken again in one go."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from townsend.cli.main import main
from townsend.project.project import Project
from townsend.store import quarantine
from townsend.store.quarantine import Refusal, Wanted

SETTINGS = "name: test\nsources:\n  crm: {type: files, class: account, path: data/*.ndjson}\n"
TRAITS = '{"name": "crm"}'
REMEDY = "correct the row and load it again"


def row(n: int, **more: Any) -> str:
    return json.dumps({"accountKey": {"sourceKey": f"{n}@I.T"}, "accountName": f"n{n}", **more})


def refusal(n: int, code: str = "row.type", path: str | None = "tier", text: str | None = None) -> Refusal:
    return Refusal(f"crm.Account:{n}", path, code, "a number", "x", REMEDY, text or row(n))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "townsend.yaml").write_text(SETTINGS, "utf-8")
    wrong = row(4, accountOrganization={"numberOfEmployees": "many"})
    with Project(tmp_path) as opened:
        put = quarantine.put
        put(opened.facts, "account", "crm", [refusal(1), refusal(2)], TRAITS, 5)
        put(opened.facts, "account", "crm", [refusal(4, "row.range", None, wrong)], TRAITS, 5)
        put(opened.facts, "account", "erp", [refusal(3)], '{"name": "erp"}', 5)
    return tmp_path


@pytest.fixture
def said(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def say(*words: str) -> tuple[int, list[dict[str, Any]], str]:
        code = main([*words, "-p", str(folder), "--json"])
        shown = capsys.readouterr()
        return code, [json.loads(line) for line in shown.out.splitlines()], shown.err

    return say


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ([], [1, 2, 3, 4]),
        (["--source", "erp"], [4]),
        (["--code", "row.range"], [3]),
        (["--source", "crm", "--code", "row.type", "--class", "account"], [1, 2]),
        (["--class", "person"], []),
    ],
)
def test_rows_are_chosen_by_source_code_and_class(said: Any, words: list[str], ids: list[int]) -> None:
    _, rows, _ = said("quarantine", "ls", *words)

    assert ids == [one["id"] for one in rows]


def test_people_see_the_counts_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["quarantine", "ls", "--rows", "1", "-p", str(folder)])
    shown = capsys.readouterr()
    lines = [line.split() for line in shown.out.splitlines()]

    assert ["2", "row.type", "crm", "account", "tier", "1"] == lines[1]
    assert "3 more" in shown.err


def test_a_row_is_shown_with_its_place_and_spread_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["quarantine", "show", "1", "-p", str(folder)])
    shown = capsys.readouterr().out

    assert "crm.Account:1" in shown
    assert '    "accountName": "n1"' in shown


def test_only_what_is_chosen_is_taken_again(said: Any) -> None:
    code, rows, _ = said("quarantine", "replay", "--source", "crm")
    left = said("quarantine", "ls")[1]

    assert 3 == code
    assert (3, 2, 1) == (rows[0]["rows"], rows[0]["accepted"], rows[0]["quarantined"])
    assert [("row.type", "accountOrganization.numberOfEmployees", 3), ("row.type", "tier", 4)] == [
        (one["code"], one["path"], one["id"]) for one in left
    ]


def test_what_was_taken_again_counts_for_its_stream(folder: Path, said: Any) -> None:
    from townsend.project.completeness import count_here

    said("quarantine", "replay", "1", "2")
    with Project(folder) as opened:
        found = count_here(opened.facts, "crm", "Account", "account")

    assert 2 == found


def test_ids_and_choices_are_not_mixed(said: Any) -> None:
    code, _, told = said("quarantine", "replay", "1", "--code", "row.type")

    assert 2 == code
    assert "option.clash" in told


@pytest.mark.slow
def test_a_hundred_thousand_rows_are_counted_and_taken_again(folder: Path, said: Any) -> None:
    with Project(folder) as opened:
        many = [refusal(n) for n in range(100, 100_100)]
        quarantine.put(opened.facts, "account", "crm", many, TRAITS, 5)
        most = quarantine.counts(opened.facts, Wanted(source="crm"))[0]
    _, rows, _ = said("quarantine", "replay", "--code", "row.type")
    left = said("quarantine", "ls")[1]

    assert 100_002 == most.rows
    assert 100_003 == rows[0]["accepted"]
    assert ["row.range"] == [one["code"] for one in left]
