"""Pulling: cursors move with their rows, failures stay with their source, settings are checked first."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from townsend.cli.main import main
from townsend.clock import AcceleratedClock, SystemClock
from townsend.problem import Broken, Invalid, Problem, Unavailable
from townsend.project import pull
from townsend.project.ahead import ROWS_AHEAD, Ahead
from townsend.project.project import Project
from townsend.project.pull import failures, pull_sources
from townsend.project.run import run_once
from townsend.rehearsal import start
from townsend.sources import Page

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS = """\
name: test
sources:
  one: {type: salesforce, base_url: "https://one.test", client_id: a, client_secret: b}
  two: {type: salesforce, base_url: "https://two.test", client_id: a, client_secret: b}
  mdm: {type: files, class: account, path: data/*.ndjson}
  web: {type: inlet, class: event}
"""


def account(sid: str, name: str = "Name") -> dict[str, Any]:
    return {"accountKey": {"sourceKey": f"{sid}@I.T"}, "accountName": name}


Pull = Callable[[Any], Iterator[Page]]


class Scripted:
    """A source that hands out what a test wrote."""

    def __init__(self, name: str, pull: Pull) -> None:
        self.name = name
        self.closed = False
        self.begun_at: list[Any] = []
        self._pull = pull

    def streams(self) -> Sequence[str]:
        return ("accounts",)

    def pull(self, stream: str, cursor: Any, now: datetime) -> Iterator[Page]:
        assert now.tzinfo is UTC
        self.begun_at.append(cursor)
        yield from self._pull(cursor)

    def notes(self, stream: str) -> Sequence[str]:
        return (f"{stream} is done",)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    (tmp_path / "townsend.yaml").write_text(SETTINGS, "utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.ndjson").write_text('{"accountKey":{"sourceKey":"f@I.T"}}\n', "utf-8")
    with Project(tmp_path) as opened:
        yield opened


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Scripted]]:
    """Puts scripted sources where the settings name connectors."""

    def put(**pulls: Pull) -> dict[str, Scripted]:
        made = {name: Scripted(name, each) for name, each in pulls.items()}
        real = pull.open_source
        monkeypatch.setattr(
            pull,
            "open_source",
            lambda name, settings, clock, *, folder: (
                made.get(name) or real(name, settings, clock, folder=folder)
            ),
        )
        return made

    return put


def quiet(_: str) -> None:
    pass


def stored(project: Project) -> list[str]:
    rows = project.facts.con.execute("SELECT value FROM facts.number ORDER BY 1").fetchall()
    return [str(value).partition("@")[0] for (value,) in rows]


def pages(*rows: list[dict[str, Any]]) -> Pull:
    return lambda _: (Page("account", each, {"page": n}) for n, each in enumerate(rows, 1))


def test_pages_are_taken_with_their_cursor(project: Project, scripted: Any) -> None:
    sources = scripted(one=pages([account("1")], [account("2")]))
    reports = pull_sources(project, ["one"], progress=quiet)
    pull_sources(project, ["one"], progress=quiet)

    assert [("one", "accounts", "account", 2, ["accounts is done"])] == [
        (r.source, r.stream, r.cls, r.accepted.accepted, r.notes) for r in reports
    ]
    assert [None, {"page": 2}] == sources["one"].begun_at
    assert sources["one"].closed


def test_full_begins_at_the_beginning(project: Project, scripted: Any) -> None:
    sources = scripted(one=pages([account("1")]))
    pull_sources(project, ["one"], progress=quiet)
    pull_sources(project, ["one"], full=True, progress=quiet)

    assert [None, None] == sources["one"].begun_at


def test_a_source_that_fails_keeps_what_it_brought_and_stops_nobody(project: Project, scripted: Any) -> None:
    def failing(_: Any) -> Iterator[Page]:
        yield Page("account", [account("1")], {"page": 1})
        raise Unavailable("source.unreachable", "one: the host could not be reached")

    scripted(one=failing, two=pages([account("2")]))
    reports = pull_sources(project, [], progress=quiet)

    assert ["1", "2", "f"] == stored(project)
    assert ["source.unreachable"] == [problem.code for problem in failures(reports)]
    assert {"page": 1} == project.facts.cursor("one", "accounts")
    assert {"page": 1} == project.facts.cursor("two", "accounts")


def test_a_source_that_fails_at_once_is_reported_too(project: Project, scripted: Any) -> None:
    def failing(_: Any) -> Iterator[Page]:
        raise Invalid("source.credentials", "one: no token")
        yield

    scripted(one=failing, two=pages([account("2")]))
    report, *_ = pull_sources(project, ["one", "two"], progress=quiet)

    assert ("one", {"code": "source.credentials", "message": "one: no token"}) == (
        report.source,
        report.to_json()["problem"],
    )


def test_what_is_broken_stops_everything(project: Project, scripted: Any) -> None:
    def broken(_: Any) -> Iterator[Page]:
        raise Broken("store.damaged", "keep the file")
        yield

    def never(_: Any) -> Iterator[Page]:
        while True:
            yield Page("account", [account("2")], 1)

    sources = scripted(one=broken, two=never)
    with pytest.raises(Broken):
        pull_sources(project, ["one", "two"], progress=quiet)

    assert sources["one"].closed
    assert sources["two"].closed


def test_stopping_keeps_the_pages_before(project: Project, scripted: Any) -> None:
    def stopped(_: Any) -> Iterator[Page]:
        yield Page("account", [account("1")], {"page": 1})
        raise KeyboardInterrupt

    sources = scripted(one=stopped)
    with pytest.raises(KeyboardInterrupt):
        pull_sources(project, ["one"], progress=quiet)

    assert ["1"] == stored(project)
    assert {"page": 1} == project.facts.cursor("one", "accounts")
    assert sources["one"].closed


def test_a_page_without_a_cursor_leaves_the_cursor(project: Project, scripted: Any) -> None:
    """Rows that belong to a later cursor are durable before it moves."""

    def two_classes(_: Any) -> Iterator[Page]:
        yield Page("account", [account("1")])
        raise Unavailable("source.unreachable", "one: gone")

    scripted(one=two_classes)
    pull_sources(project, ["one"], progress=quiet)

    assert ["1"] == stored(project)
    assert project.facts.cursor("one", "accounts") is None


def test_an_unknown_name_pulls_nothing(project: Project, scripted: Any) -> None:
    scripted(one=pages([account("1")]))
    with pytest.raises(Invalid, match="has no source 'eno'"):
        pull_sources(project, ["one", "eno"], progress=quiet)

    assert [] == stored(project)


def test_an_inlet_is_not_pulled(project: Project) -> None:
    with pytest.raises(Invalid, match=r"sources\.web") as caught:
        pull_sources(project, ["web"], progress=quiet)

    assert "source.type" == caught.value.code


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("rows: some", "settings.choice"),
        ("mode: all", "settings.choice"),
        ("currency: dollars", "settings.currency"),
    ],
)
def test_wrong_settings_are_said_before_anything_is_pulled(tmp_path: Path, line: str, code: str) -> None:
    (tmp_path / "townsend.yaml").write_text(
        "sources:\n"
        "  a: {type: files, class: account, path: a.ndjson}\n"
        f"  b: {{type: files, class: account, path: a.ndjson, {line}}}\n",
        "utf-8",
    )
    (tmp_path / "a.ndjson").write_text('{"accountKey":{"sourceKey":"1@I.T"}}\n', "utf-8")
    with Project(tmp_path) as opened:
        with pytest.raises(Problem) as caught:
            pull_sources(opened, [], progress=quiet)

        assert code == caught.value.code
        assert [] == stored(opened)


# ---------------------------------------------------------------- files


def test_files_are_taken_once(project: Project) -> None:
    first = pull_sources(project, ["mdm"], progress=quiet)
    again = pull_sources(project, ["mdm"], progress=quiet)
    full = pull_sources(project, ["mdm"], full=True, progress=quiet)

    assert [(1, [])] == [(r.accepted.accepted, r.notes) for r in first]
    assert [(0, ["1 file was already taken"])] == [(r.accepted.rows, r.notes) for r in again]
    assert [(0, 1)] == [(r.accepted.accepted, r.accepted.unchanged) for r in full]


def test_no_file_is_a_note(project: Project) -> None:
    (project.folder / "data" / "a.ndjson").unlink()
    (report,) = pull_sources(project, ["mdm"], progress=quiet)

    assert ["no file fits data/*.ndjson"] == report.notes


def test_files_before_an_unreadable_one_are_taken(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.folder / "data" / "b.ndjson").write_text('{"accountKey":{"sourceKey":"g@I.T"}}\n', "utf-8")
    really = Path.open

    def forbidden(path: Path, *more: Any, **named: Any) -> Any:
        if path.name == "b.ndjson":
            raise PermissionError(13, "Permission denied")
        return really(path, *more, **named)

    monkeypatch.setattr(Path, "open", forbidden)
    (report,) = pull_sources(project, ["mdm"], progress=quiet)

    assert 1 == report.accepted.accepted
    assert report.problem is not None
    assert "file.unreadable" == report.problem.code
    assert "b.ndjson cannot be read: Permission denied" in report.problem.text


def test_a_bad_row_is_quarantined_with_its_file_and_line(project: Project) -> None:
    (project.folder / "data" / "a.ndjson").write_text(
        '{"accountKey":{"sourceKey":"f@I.T"}}\n{"accountKey":\n', "utf-8"
    )
    (report,) = pull_sources(project, ["mdm"], progress=quiet)
    found = project.facts.con.execute("SELECT place FROM facts.quarantine").fetchall()

    assert (1, 1) == (report.accepted.accepted, report.accepted.quarantined)
    assert found[0][0].endswith("a.ndjson:2")


# ---------------------------------------------------------------- reading ahead


def test_sources_are_read_while_others_are_stored(project: Project, scripted: Any) -> None:
    """Both wait for each other: read one after another this would never end."""
    first, second = threading.Event(), threading.Event()

    def one(_: Any) -> Iterator[Page]:
        first.set()
        assert second.wait(10)
        yield Page("account", [account("1")], 1)

    def two(_: Any) -> Iterator[Page]:
        second.set()
        assert first.wait(10)
        yield Page("account", [account("2")], 1)

    scripted(one=one, two=two)
    reports = pull_sources(project, ["one", "two"], progress=quiet)

    assert [("one", 1), ("two", 1)] == [(r.source, r.accepted.accepted) for r in reports]


class Side(Scripted):
    """A source whose last stream needs the first; each stream does what a test wrote."""

    def __init__(self, **streams: Pull) -> None:
        super().__init__("one", pages())
        self._streams = streams
        self.begun: list[str] = []

    def streams(self) -> Sequence[str]:
        return tuple(self._streams)

    def needs(self, stream: str) -> Sequence[str]:
        return ("first",) if stream == "last" else ()

    def prepare(self, stream: str, cursor: Any, now: datetime) -> None:
        """Nothing takes a while here."""

    def pull(self, stream: str, cursor: Any, now: datetime) -> Iterator[Page]:
        self.begun.append(stream)
        yield from self._streams[stream](cursor)


def taken(source: Side) -> list[Any]:
    with Ahead([(source, {})], SystemClock()) as steps:
        return [(step.stream, step.page and step.page.cursor, step.problem) for _, step in steps]


def test_streams_that_need_nothing_of_each_other_are_read_at_the_same_time() -> None:
    """Both wait for each other: read one after another this would never end."""
    one, two = threading.Event(), threading.Event()

    def first(_: Any) -> Iterator[Page]:
        one.set()
        assert two.wait(10)
        yield Page("account", [account("1")], 1)

    def second(_: Any) -> Iterator[Page]:
        two.set()
        assert one.wait(10)
        yield Page("account", [account("2")], 2)

    steps = taken(Side(first=first, second=second))

    assert {("first", 1, None), ("first", None, None), ("second", 2, None), ("second", None, None)} == {
        *steps
    }


def test_a_stream_begins_after_the_end_of_those_it_needs() -> None:
    steps = taken(Side(first=pages([account("1")]), last=pages([account("2")])))

    assert ["first", "first", "last", "last"] == [stream for stream, _, _ in steps]


def test_after_a_problem_no_stream_is_begun_that_needs_the_one_that_failed() -> None:
    problem = Unavailable("source.busy", "one: busy")

    def failing(_: Any) -> Iterator[Page]:
        yield Page("account", [account("1")], 1)
        raise problem

    source = Side(first=failing, last=pages([account("2")]))

    assert [("first", 1, None), ("first", None, problem)] == taken(source)
    assert ["first"] == source.begun


def test_a_source_that_waits_does_not_hold_up_what_others_brought(project: Project, scripted: Any) -> None:
    """The first source gives its page only once the second one's is stored."""
    stored_two = threading.Event()

    def one(_: Any) -> Iterator[Page]:
        assert stored_two.wait(10)
        yield Page("account", [account("1")], 1)

    scripted(one=one, two=pages([account("2")]))

    def told(text: str) -> None:
        if text.startswith("two"):
            stored_two.set()

    reports = pull_sources(project, ["one", "two"], progress=told)

    assert ["one", "two"] == [report.source for report in reports]


def test_reading_ahead_has_a_bound() -> None:
    handed = []

    def many(_: Any) -> Iterator[Page]:
        for n in range(100):
            handed.append(n)
            yield Page("account", [account(str(n))] * (ROWS_AHEAD // 4), n)

    source = Scripted("one", many)
    with Ahead([(source, {})], SystemClock()) as steps:
        _, step = next(iter(steps))
        early = list(handed)

    assert step.page is not None
    assert 0 == step.page.cursor
    assert len(early) <= 7
    assert len(handed) <= 8
    assert source.closed


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (Unavailable("source.unreachable", "one: the host could not be reached"), 1),
        (Invalid("source.credentials", "one: check client_secret"), 2),
    ],
)
def test_sync_says_what_failed_and_shows_the_rest(
    project: Project, scripted: Any, problem: Problem, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(_: Any) -> Iterator[Page]:
        raise problem
        yield

    scripted(one=failing, two=pages([account("2")]))
    project.close()
    ended = main(["sync", "-p", str(project.folder)])
    shown = capsys.readouterr()

    assert code == ended
    assert problem.text in shown.err
    assert "two" in shown.out
    assert ["2", "f"] == stored(project)


def test_sync_tells_machines_of_each_source(
    project: Project, scripted: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(_: Any) -> Iterator[Page]:
        raise Unavailable("source.unreachable", "one: gone")
        yield

    scripted(one=failing, two=pages([account("2")]))
    project.close()
    main(["sync", "-p", str(project.folder), "--json"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [("one", "source.unreachable"), ("two", None), ("mdm", None)] == [
        (row["source"], row.get("problem", {}).get("code")) for row in rows
    ]


@pytest.mark.slow
def test_two_orgs_come_whole_and_only_once(tmp_path: Path) -> None:
    """Over HTTP into the store: nothing is refused, a second pull finds nothing new."""
    clock = AcceleratedClock(240, NOON)
    servers = start(["salesforce"], clock=clock, seed=7, size=300, anchor=NOON)
    try:
        lines = [
            f"  {one.name}: {{type: salesforce, base_url: '{one.base_url}', client_id: '{one.client_id}', "
            f"client_secret: '{one.client_secret}', org_id: {one.extra['org_id']}}}\n"
            for one in servers
        ]
        (tmp_path / "townsend.yaml").write_text("sources:\n" + "".join(lines), "utf-8")
        with Project(tmp_path, clock) as project:
            first = pull_sources(project, [], progress=quiet)
            again = pull_sources(project, [], progress=quiet)
    finally:
        for server in servers:
            server.stop()

    assert [] == failures(first) + failures(again)
    assert 0 == sum(r.accepted.quarantined for r in first)
    assert {"crm_1", "crm_2"} == {r.source for r in first if r.accepted.accepted}
    assert 0 == sum(r.accepted.accepted for r in again)
    assert sum(r.accepted.rows for r in again) < sum(r.accepted.rows for r in first) / 10


def test_a_run_goes_on_without_a_source_that_is_down(project: Project, scripted: Any) -> None:
    """Its facts are older, not wrong: windows end and members move all the same."""

    def failing(_: Any) -> Iterator[Page]:
        raise Unavailable("source.unreachable", "one: gone")
        yield

    scripted(one=failing, two=pages([account("2", "Wanted")]))
    folder = project.folder / "audiences"
    folder.mkdir()
    (folder / "wanted.yaml").write_text('name: wanted\nof: account\npql: accountName = "Wanted"\n', "utf-8")
    report = run_once(project, None, progress=quiet)

    assert ["source.unreachable"] == [problem.code for problem in report.failed]
    assert [("wanted", 1, 1)] == [(one.name, one.members, one.entered) for one in report.audiences]
