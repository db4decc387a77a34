"""A project's settings: every key checked, every complaint with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from townsend.problem import Invalid
from townsend.project.audiencefile import read_audiences
from townsend.project.settings import read_settings


def project(tmp_path: Path, text: str) -> Path:
    (tmp_path / "townsend.yaml").write_text(text, "utf-8")
    return tmp_path


def complaint(tmp_path: Path, text: str) -> Invalid:
    with pytest.raises(Invalid) as caught:
        read_settings(project(tmp_path, text))
    return caught.value


def test_an_empty_file_is_a_project_with_defaults(tmp_path: Path) -> None:
    settings = read_settings(project(tmp_path, ""))

    assert (settings.open, settings.currency, settings.limits.links_per_value) == (True, "USD", 50)


def test_a_folder_without_settings_says_how_to_make_a_project(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as caught:
        read_settings(tmp_path)

    assert caught.value.code == "project.missing"
    assert "townsend init" in caught.value.text


def test_an_unknown_key_names_its_line_and_the_nearest_key(tmp_path: Path) -> None:
    problem = complaint(tmp_path, "name: bodea\n\nsorces: {}\n")

    assert problem.code == "settings.key"
    assert "townsend.yaml:3" in problem.text
    assert "'sources'" in problem.text


def test_broken_yaml_names_its_line(tmp_path: Path) -> None:
    problem = complaint(tmp_path, "name: bodea\nsources: [\n")

    assert problem.code == "settings.yaml"
    assert "townsend.yaml:3" in problem.text


def test_a_destination_without_a_word_on_consent_is_refused(tmp_path: Path) -> None:
    problem = complaint(tmp_path, "destinations: {li: {type: linkedin}}\n")

    assert problem.code == "settings.consent"


def test_a_missing_environment_variable_is_named_when_it_is_needed(
    tmp_path: Path,
) -> None:
    text = "sources:\n  m:\n    type: marketo\n    client_secret: ${MARKETO_SECRET}\n"
    settings = read_settings(project(tmp_path, text))

    with pytest.raises(Invalid) as caught:
        settings.connection("sources", "m", {})
    assert caught.value.code == "settings.environment"
    assert "MARKETO_SECRET" in caught.value.text

    assert settings.connection("sources", "m", {"MARKETO_SECRET": "s3cret"})["client_secret"] == "s3cret"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("currency: dollars\n", "settings.currency"),
        ("schema: ajar\n", "settings.choice"),
        ("limits: {future: soon}\n", "settings.span"),
        ("limits: {links_per_value: many}\n", "settings.type"),
        ("sources: {a b: {type: files}}\n", "settings.name"),
        ("sources: {a: {type: fax}}\n", "settings.choice"),
        ("sources: [a]\n", "settings.type"),
        ("- a\n", "settings.type"),
    ],
)
def test_a_wrong_value_is_refused_with_its_code(tmp_path: Path, text: str, code: str) -> None:
    assert code == complaint(tmp_path, text).code


def test_audience_files_give_name_condition_and_version(tmp_path: Path) -> None:
    (tmp_path / "audiences").mkdir()
    path = tmp_path / "audiences" / "a.yaml"
    path.write_text("name: big\nof: account\npql: 'true'\nactivate: [{to: li, paused: true}]\n", "utf-8")
    before = read_audiences(tmp_path)["big"]
    path.write_text(path.read_text("utf-8") + "owner: ops\n", "utf-8")
    after = read_audiences(tmp_path)["big"]

    assert (before.of, before.pql, before.activate[0].paused) == ("account", "true", True)
    assert before.version != after.version


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("name: a\n", "audience.body"),
        ("pql: 'true'\nmembers: {file: a.csv, by: email}\n", "audience.body"),
        ("members: {file: a.csv, by: colour}\n", "audience.members"),
        ("pql: 'true'\nactivate: [{from: x}]\n", "settings.key"),
        ("pql: 'true'\nactivate: [{paused: true}]\n", "audience.activate"),
        ("pql: 'true'\nacivate: []\n", "settings.key"),
    ],
)
def test_a_wrong_audience_file_is_refused_with_its_code(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "audiences").mkdir()
    (tmp_path / "audiences" / "a.yaml").write_text(text, "utf-8")

    with pytest.raises(Invalid) as caught:
        read_audiences(tmp_path)
    assert code == caught.value.code


def test_two_audiences_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "audiences").mkdir()
    for file in ("a", "b"):
        (tmp_path / "audiences" / f"{file}.yaml").write_text("name: same\npql: 'true'\n", "utf-8")

    with pytest.raises(Invalid) as caught:
        read_audiences(tmp_path)
    assert caught.value.code == "audience.twice"
