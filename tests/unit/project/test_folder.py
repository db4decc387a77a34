"""A new project: made in an empty place, never over anything."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from townsend.problem import Invalid
from townsend.project.audiencefile import read_audiences
from townsend.project.folder import create
from townsend.project.settings import read_settings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_an_empty_existing_folder_is_accepted(tmp_path: Path) -> None:
    create(tmp_path, None, NOW)

    assert read_settings(tmp_path).name == tmp_path.name
    assert list(read_audiences(tmp_path)) == ["first"]


def test_a_folder_that_holds_anything_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", "utf-8")

    with pytest.raises(Invalid) as caught:
        create(tmp_path, None, NOW)
    assert caught.value.code == "project.exists"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_unknown_example_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as caught:
        create(tmp_path / "x", "acme", NOW)
    assert caught.value.code == "project.example"
    assert "bodea" in caught.value.text


def test_the_example_has_its_dates_relative_to_now(tmp_path: Path) -> None:
    create(tmp_path / "b", "bodea", NOW)

    lines = (tmp_path / "b/data/marketo_1/event.ndjson").read_text("utf-8").splitlines()
    assert json.loads(lines[0])["timestamp"] == "2026-11-12T12:00:00Z"
    assert "high-value-visitors" in read_audiences(tmp_path / "b")
