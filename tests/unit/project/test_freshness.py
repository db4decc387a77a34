"""How fresh a stream is: read when, how far behind, due when, silent for too long or not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from townsend.cli.main import main
from townsend.intake.rules import epoch_ms
from townsend.problem import Invalid
from townsend.project.freshness import Freshness, alarms, freshness_of, problems
from townsend.project.meter import newest_ms
from townsend.project.project import Project
from townsend.project.settings import read_settings
from townsend.store.pulls import Pull, note_pull

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS = """\
sources:
  crm: {{type: salesforce, base_url: "https://one.test", client_id: a, client_secret: b{more}}}
  web: {{type: inlet, class: event}}
"""


def ms(**before: float) -> int:
    return epoch_ms(NOON - timedelta(**before))


def project(folder: Path, more: str = "", *pulls: Pull) -> Project:
    (folder / "townsend.yaml").write_text(SETTINGS.format(more=more), "utf-8")
    opened = Project(folder)
    for pull in pulls:
        note_pull(opened.facts, pull)
    return opened


def only(opened: Project) -> Freshness:
    with opened:
        (found,) = freshness_of(opened, NOON)
    return found


READ = Pull("crm", "Account", "changes", ms(hours=2), ms(hours=1), 9, 4, 1, 2, calls=3, newest_ms=ms(hours=5))


def test_a_stream_tells_what_its_last_pull_was(tmp_path: Path) -> None:
    found = only(project(tmp_path, ", every: 3 hours", READ))

    assert ("crm", "Account", 9, 4, 1, 2, 3) == (
        found.source,
        found.stream,
        found.rows,
        found.new,
        found.deleted,
        found.quarantined,
        found.calls,
    )
    assert (NOON - timedelta(hours=1), 5 * 3_600, 3_600.0) == (found.ended, found.lag_s, found.seconds)
    assert NOON + timedelta(hours=1) == found.next
    assert found.alarm is None


def test_a_pull_that_failed_leaves_the_one_before_as_the_last_that_ended(tmp_path: Path) -> None:
    failed = Pull("crm", "Account", "changes", ms(minutes=9), ms(minutes=8), code="source.busy", text="busy")
    found = only(project(tmp_path, "", READ, failed))

    assert (NOON - timedelta(hours=1), 5 * 3_600) == (found.ended, found.lag_s)
    assert {"code": "source.busy", "message": "busy"} == found.problem
    assert ["crm.Account was left before its end: busy"] == list(problems([found]))


@pytest.mark.parametrize(
    ("alarm", "words"),
    [
        ("6 hours", None),
        ("4 hours", "nothing new for 5 hours"),
        ("30 minutes", "not read to its end for 60 minutes"),
        ("{Account: 6 hours, others: 1s}", None),
        ("{Account: 4 hours}", "nothing new for 5 hours"),
        ("{Contact: 1s}", None),
    ],
)
def test_silence_is_told_from_the_time_on_that_the_settings_say(
    tmp_path: Path, alarm: str, words: str | None
) -> None:
    found = only(project(tmp_path, f", alarm_after: {alarm}", READ))

    if words is None:
        assert [] == list(alarms([found]))
    else:
        assert words in next(alarms([found]))


def test_a_source_that_was_never_pulled_is_told(tmp_path: Path) -> None:
    assert only(project(tmp_path)).alarm is None
    assert "it was never pulled" == only(project(tmp_path, ", alarm_after: 1 day")).alarm


@pytest.mark.parametrize("more", ["every: soon", "alarm_after: 2", "alarm_after: {Account: long}"])
def test_a_span_that_is_none_is_refused_with_its_line(tmp_path: Path, more: str) -> None:
    (tmp_path / "townsend.yaml").write_text(SETTINGS.format(more=", " + more), "utf-8")
    with pytest.raises(Invalid, match=r"townsend.yaml:2: sources.crm.*expected a span") as caught:
        read_settings(tmp_path)

    assert "settings.span" == caught.value.code


def test_status_ends_with_3_when_a_source_is_silent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project(tmp_path, ", alarm_after: 1 day", READ).close()
    ended = main(["status", "-p", str(tmp_path), "--json"])
    shown = json.loads(capsys.readouterr().out)

    assert 3 == ended
    assert 1 == len(shown["alarms"])
    assert ["Account"] == [one["stream"] for one in shown["streams"]]


def test_status_shows_a_table_that_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path, ", every: 1 hour", READ).close()
    ended = main(["status", "-p", str(tmp_path)])
    shown = capsys.readouterr().out

    assert 0 == ended
    assert "Account" in shown
    assert max(map(len, shown.splitlines())) <= 160


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], None),
        ([{"a": 1}], None),
        ([{"timestamp": "1970-01-01T00:00:05Z"}, {"timestamp": "1970-01-01T00:00:03Z"}], 5_000),
        ([{"extSourceSystemAudit": {"lastUpdatedDate": "1970-01-01T00:00:01.500+0000"}}], 1_500),
        ([{"timestamp": datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC)}], 2_000),
        ([{"timestamp": "soon"}], None),
    ],
)
def test_the_newest_own_time_is_found_as_sources_write_it(rows: Any, expected: int | None) -> None:
    assert expected == newest_ms(rows)
