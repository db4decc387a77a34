"""Words that people write in YAML stay words."""

from __future__ import annotations

from pathlib import Path

import pytest

from townsend.problem import Invalid
from townsend.project.settings import read_settings
from townsend.project.yamlfile import read_yaml


def test_a_rate_is_read_as_it_is_documented(tmp_path: Path) -> None:
    """``on`` is a word here; YAML 1.1 took it for true."""
    text = "name: bodea\nrates: [{from: EUR, to: USD, rate: 1.08, on: 2026-01-01}]\n"
    (tmp_path / "townsend.yaml").write_text(text, "utf-8")

    (rate,) = read_settings(tmp_path).rates

    assert {"from", "to", "rate", "on"} == set(rate)


def test_only_true_and_false_are_booleans(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: [yes, no, on, off, NO, y]\nb: [true, False, TRUE, false]\n", "utf-8")

    content = read_yaml(path, "x.yaml").content

    assert ["yes", "no", "on", "off", "NO", "y"] == content["a"]
    assert [True, False, True, False] == content["b"]


def test_a_yes_where_true_is_expected_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("\npaused: yes\n", "utf-8")

    with pytest.raises(Invalid, match=r"x\.yaml:2: paused: expected true or false, got 'yes'"):
        read_yaml(path, "x.yaml").section("paused", bool)
