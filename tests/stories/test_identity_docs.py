"""The page on identity: its simulations, its settings and its session come out as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from tests.stories.bodea import Bodea

from townsend.project.project import Project

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "identity.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\S+) ?(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall(PAGE)
SIMULATIONS = [(text, BLOCKS[at + 1][2]) for at, (_, kind, text) in enumerate(BLOCKS) if kind == "simulation"]
SETTINGS = [text for language, kind, text in BLOCKS if language == "yaml" and kind in ("", "change")]


@pytest.mark.parametrize(("events", "expected"), SIMULATIONS)
def test_a_simulation_on_the_page_comes_out_as_it_says(bodea: Bodea, events: str, expected: str) -> None:
    path = bodea.folder / "events.yaml"
    path.write_text(events, "utf-8")

    assert expected == bodea("graph", "simulate", str(path)).out


@pytest.mark.parametrize("text", SETTINGS)
def test_settings_on_the_page_are_taken(bodea: Bodea, text: str) -> None:
    (bodea.folder / "townsend.yaml").write_text(f"name: acme\n{text}", "utf-8")
    with Project(bodea.folder) as project:
        rules = project.rules

    assert rules.identity.fields or rules.identity.blocked or rules.merge


@pytest.mark.slow
def test_the_session_on_the_page_goes_as_it_says(bodea: Bodea, monkeypatch: pytest.MonkeyPatch) -> None:
    (bodea.folder / "audiences" / "everybody.yaml").write_text('name: everybody\npql: "true"\n', "utf-8")
    monkeypatch.chdir(bodea.folder)
    for language, kind, text in BLOCKS:
        if language == "csv":
            (bodea.folder / kind).write_text(text, "utf-8")
        elif kind == "change":
            (bodea.folder / "townsend.yaml").write_text(f"name: bodea\n{text}", "utf-8")
        elif language == "console":
            for step in text.removeprefix("$ ").split("\n$ "):
                command, _, expected = step.partition("\n")
                answer = bodea(*shlex.split(command)[1:])

                assert 0 == answer.code, answer.err
                assert not expected or expected.rstrip("\n") == answer.out.rstrip("\n"), command


def test_the_page_has_what_is_tried() -> None:
    assert (2, 3) == (len(SIMULATIONS), len(SETTINGS))
    assert 3 == sum(language == "console" for language, _, _ in BLOCKS)


def test_every_check_of_health_is_on_the_page() -> None:
    folder = Path(__file__).resolve().parents[2] / "src" / "townsend" / "profiles"
    text = "".join(path.read_text("utf-8") for path in folder.glob("health*.py"))
    checks = set(re.findall(r'Concern\(\s*"([a-z_]+)"', text))

    assert len(checks) > 10
    assert [one for one in sorted(checks) if f"`{one}`" not in PAGE] == []
