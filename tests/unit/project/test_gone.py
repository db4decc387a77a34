"""What a source says is no longer there is retired, unless it looks like a lost right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from townsend.project import pull
from townsend.project.project import Project
from townsend.project.pull import pull_sources
from townsend.sources import Page

SETTINGS = """\
name: test
sources:
  one: {type: salesforce, base_url: "https://one.test", client_id: a, client_secret: b}
  two: {type: salesforce, base_url: "https://two.test", client_id: a, client_secret: b}
"""
Sync = Callable[..., list[str]]


class Said:
    """A source whose only stream hands out one page."""

    def __init__(self, name: str, page: Page) -> None:
        self.name = name
        self._page = page

    def streams(self) -> Sequence[str]:
        return ("accounts",)

    def pull(self, stream: str, cursor: Any, now: datetime) -> Iterator[Page]:
        yield self._page

    def notes(self, stream: str) -> Sequence[str]:
        return ()

    def close(self) -> None:
        pass


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    (tmp_path / "townsend.yaml").write_text(SETTINGS, "utf-8")
    with Project(tmp_path) as opened:
        yield opened


@pytest.fixture
def sync(project: Project, monkeypatch: pytest.MonkeyPatch) -> Sync:
    """Pulls one page of accounts by number; what was noted."""

    def run(
        numbers: Sequence[int],
        present: Sequence[int] | None = None,
        *,
        source: str = "one",
        full: bool = False,
    ) -> list[str]:
        rows = [{"accountKey": {"sourceKey": key(n)}, "accountName": f"Firm {n}"} for n in numbers]
        there = None if present is None else frozenset(map(key, present))
        page = Page("account", rows, {"at": 1}, there)
        monkeypatch.setattr(pull, "open_source", lambda name, *_, **__: Said(name, page))
        return [
            note
            for report in pull_sources(project, [source], full=full, progress=lambda _: None)
            for note in report.notes
        ]

    return run


def key(number: int) -> str:
    return f"{number}@I.T"


def alive(project: Project) -> list[int]:
    found = project.query("true", of="account").column("identities").to_pylist()
    return sorted(int(value.partition("@")[0]) for each in found for value in dict(each)["b2b_account"])


def test_a_record_that_is_not_among_the_present_is_retired(project: Project, sync: Sync) -> None:
    sync(range(10))
    notes = sync([], present=range(9))

    assert ["1 record is no longer there and was retired"] == notes
    assert list(range(9)) == alive(project)


def test_a_page_that_says_nothing_of_others_retires_nothing(project: Project, sync: Sync) -> None:
    sync(range(10))
    sync([3])

    assert list(range(10)) == alive(project)


def test_what_another_source_brought_is_left_alone(project: Project, sync: Sync) -> None:
    sync(range(5))
    sync(range(5, 10), source="two")
    sync([], present=range(4), source="one")

    assert [0, 1, 2, 3, 5, 6, 7, 8, 9] == alive(project)


def test_a_retired_record_that_comes_again_lives_again(project: Project, sync: Sync) -> None:
    sync(range(10))
    sync([], present=range(9))
    sync([9], present=range(10))

    assert list(range(10)) == alive(project)


def test_when_most_are_missing_nothing_is_retired(project: Project, sync: Sync) -> None:
    """A lost right looks like deletion, and would empty every audience."""
    sync(range(100))
    notes = sync([], present=range(40))

    assert "60 of 100 records are no longer there" in notes[0]
    assert "townsend sync one --full" in notes[0]
    assert list(range(100)) == alive(project)


def test_a_full_reading_is_believed(project: Project, sync: Sync) -> None:
    sync(range(100))
    sync(range(40), present=range(40), full=True)

    assert list(range(40)) == alive(project)


def test_retiring_twice_is_retiring_once(project: Project, sync: Sync) -> None:
    sync(range(10))
    sync([], present=range(9))
    notes = sync([], present=range(9))

    assert [] == notes
    assert list(range(9)) == alive(project)
