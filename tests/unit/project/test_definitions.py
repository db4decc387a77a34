"""A saved audience as a tree, laid out, in words, and what `check` says about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from townsend.audiences.pql import from_json, parse
from townsend.cli.main import app

PQL = "b2b.personScore>3 and accounts.opportunities[isWon].count()>1"
DOUBTFUL = "b2b.personScore > 3 and b2b.personScore < 2 and organizations.topN(length(this), 1).count() = 1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "audiences").mkdir()
    (tmp_path / "townsend.yaml").write_text("name: x\nconsent: {unknown: allow}\n", "utf-8")
    for name, text in (("plain", PQL), ("doubtful", DOUBTFUL)):
        (tmp_path / "audiences" / f"{name}.yaml").write_text(
            f"name: {name}\npql: {json.dumps(text)}\n", "utf-8"
        )
    return tmp_path


def said(folder: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["audience", *arguments, "--project", str(folder)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_an_audience_is_shown_as_a_tree_that_means_the_same(folder: Path) -> None:
    row = json.loads(said(folder, "show", "plain", "--json"))

    assert parse(PQL).root == from_json(row["json"]).root


def test_an_audience_is_shown_laid_out_and_in_words(folder: Path) -> None:
    assert "b2b.personScore > 3 and accounts.opportunities[isWon].count() > 1" in said(
        folder, "show", "plain", "--format"
    )
    assert "- deren Punktzahl größer als 3 ist\n" in said(folder, "show", "plain", "--words", "--lang", "de")
    assert "- whose score is more than 3\n" in said(folder, "show", "plain", "--words")


def test_check_warns_with_places_and_does_not_fail(folder: Path) -> None:
    found = json.loads(said(folder, "check", "doubtful", "--json"))["findings"]

    assert [("warning", "pql.never"), ("warning", "pql.slow")] == [
        (one["level"], one["code"]) for one in found
    ]
    assert found[0]["message"].startswith("line 1, column 25: this never holds together with")
    assert "plain: ok\n" in said(folder, "check")
