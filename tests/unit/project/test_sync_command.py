"""``townsend sync``: what it costs is told first, a look stores nothing, and what is missing is found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from townsend.cli.main import main
from townsend.problem import Invalid, Unavailable
from townsend.project import pull
from townsend.project.outlook import outlook
from townsend.project.project import Project
from townsend.project.pull import pull_sources
from townsend.project.since import Since, read_since
from townsend.sources import Page
from townsend.sources.contract import Budget, Estimate, since_of
from townsend.sources.instance import Instance
from townsend.sources.mapping import Mapper
from townsend.sources.tables import load_tables
from townsend.store.pulls import last_pulls

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ORG = Instance("00D", "Salesforce")
SETTINGS = """\
name: test
sources:
  crm.one: {type: salesforce, base_url: "https://one.test", client_id: a, client_secret: b}
  mdm: {type: files, class: account, path: data/*.ndjson}
"""
ROWS = [
    {"Id": "1", "Name": "a", "Hot__c": "x", "Odd": 1, "LastModifiedDate": "2026-11-20T00:00:00Z"},
    {"Id": "2", "Name": "b", "Odd": None, "LastModifiedDate": "2026-11-21T00:00:00Z"},
    {"Id": "3", "Name": "c", "IsDeleted": True, "LastModifiedDate": "2026-11-21T12:00:00Z"},
]


class Crm:
    """A source with two streams, of which one maps, counts and estimates."""

    def __init__(self, settings: Mapping[str, Any], begun: list[Any]) -> None:
        self.name = "crm.one"
        self.calls = 0
        self._settings = settings
        self._begun = begun
        self.there = {"account": 2}
        self.failing = False

    def streams(self) -> Sequence[str]:
        return ("Account", "Contact")

    def pull(self, stream: str, cursor: Any, now: datetime) -> Iterator[Page]:
        since = since_of(self.name, self._settings, "25 months", now, stream)
        self._begun.append((stream, cursor, since.date().isoformat()))
        self.calls += 2
        if self.failing:
            raise Unavailable("source.busy", "crm.one: busy")
        if stream == "Contact":
            yield Page("person", [], 1)
            return
        table = load_tables("salesforce", self._settings.get("mapping"))["Account"]
        mapper = Mapper(table, ORG, also={"Hot__c": "salesforce.Hot__c"})
        yield Page("account", mapper.rows(ROWS if cursor is None else []), {"at": 1})

    def estimate(self, stream: str, cursor: Any, now: datetime) -> Estimate:
        if stream == "Contact":
            raise Unavailable("source.busy", "crm.one: busy")
        return Estimate(3, 2, since_of(self.name, self._settings, "25 months", now, stream), "by hand")

    def count(self, stream: str) -> Mapping[str, int]:
        self.calls += 1
        return self.there if stream == "Account" else {}

    def budget(self) -> Budget:
        return Budget(7, 1_000)

    def notes(self, stream: str) -> Sequence[str]:
        return ()

    def close(self) -> None:
        """Nothing is held open."""


@pytest.fixture
def begun() -> list[Any]:
    return []


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: list[Any]) -> dict[str, Any]:
    """The project's folder and what is changed of its source."""
    (tmp_path / "townsend.yaml").write_text(SETTINGS, "utf-8")
    (tmp_path / "data").mkdir()
    real = pull.open_source
    changes: dict[str, Any] = {}

    def opened(name: str, settings: Mapping[str, Any], clock: Any, *, folder: Path) -> Any:
        if name != "crm.one":
            return real(name, settings, clock, folder=folder)
        source = Crm(settings, begun)
        vars(source).update(changes)
        return source

    monkeypatch.setattr(pull, "open_source", opened)
    return {"folder": tmp_path, "changes": changes}


@pytest.fixture
def said(world: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def say(*words: str) -> tuple[int, list[dict[str, Any]], str]:
        code = main([*words, "-p", str(world["folder"]), "--json"])
        shown = capsys.readouterr()
        return code, [json.loads(line) for line in shown.out.splitlines()], shown.err

    return say


def accounts(folder: Path) -> int:
    with Project(folder) as opened:
        there = opened.facts.columns("account")
        found = opened.facts.con.execute("SELECT count(*) FROM facts.account").fetchall() if there else [(0,)]
    return int(found[0][0])


def test_a_dry_run_says_what_would_come_and_stores_nothing(world: Any, said: Any, begun: list[Any]) -> None:
    code, rows, _ = said("sync", "crm.one", "--dry-run")

    assert 0 == code
    assert [] == begun
    assert 0 == accounts(world["folder"])
    assert [("Account", True, 3, 2, "source", "by hand"), ("Contact", True, None, None, None)] == [
        (r["stream"], r["full"], r["rows"], r["calls"], r["basis"], r["note"])[: 6 if r["rows"] else 5]
        for r in rows
    ]


def test_a_stream_that_cannot_say_is_told_as_it_was_the_last_time(world: Any) -> None:
    with Project(world["folder"]) as opened:
        pull_sources(opened, ["crm.one"], progress=lambda _: None)
        pull_sources(opened, ["crm.one"], progress=lambda _: None)
        world["changes"]["estimate"] = lambda *_: Estimate(note="no idea")
        first, _ = outlook(opened, ["crm.one"], full=False)
        again, _ = outlook(opened, ["crm.one"], full=True)

    assert (False, 0, 2, "history", "no idea") == (
        first.full,
        first.rows,
        first.calls,
        first.basis,
        first.note,
    )
    assert (True, 3, 2, "history") == (again.full, again.rows, again.calls, again.basis)


def test_each_pull_is_written_down(world: Any, said: Any) -> None:
    code, rows, _ = said("sync", "crm.one")
    with Project(world["folder"]) as opened:
        noted = last_pulls(opened.facts)["crm.one", "Account"]["any"]

    assert 0 == code
    assert ("full", 3, 3, 1, 2, 7, 1_000) == (
        noted.kind,
        noted.rows,
        noted.accepted,
        noted.deleted,
        noted.calls,
        noted.used,
        noted.most,
    )
    assert datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp() * 1_000 == noted.newest_ms
    assert (1, 2) == (rows[0]["deleted"], rows[0]["calls"])


def test_a_pull_that_fails_is_written_down_with_its_reason(world: Any, said: Any) -> None:
    said("sync", "crm.one")
    world["changes"]["failing"] = True
    code, _, _ = said("sync", "crm.one")
    with Project(world["folder"]) as opened:
        noted = last_pulls(opened.facts)["crm.one", "Account"]

    assert 1 == code
    assert ("source.busy", None) == (noted["any"].code, noted["ended"].code)


def test_since_reads_again_what_it_names_and_says_first_what_that_costs(
    world: Any, said: Any, begun: list[Any]
) -> None:
    said("sync", "crm.one")
    begun.clear()
    code, _, told = said("sync", "crm.one", "--since", "crm.one.Account=2026-10-01")

    assert 0 == code
    assert [("Account", None, "2026-10-01"), ("Contact", 1)] == [begun[0], begun[1][:2]]
    assert "crm.one.Account: read again from 2026-10-01: about 3 rows, about 2 calls; by hand" in told
    assert "Contact: read again" not in told


@pytest.mark.parametrize(
    ("text", "code"),
    [("crm.two=1 day", "option.since"), ("soon", "source.since"), ("mdm=1 day", "option.since")],
)
def test_a_since_that_means_nothing_is_refused(said: Any, text: str, code: str) -> None:
    ended, _, told = said("sync", "--since", text)

    assert 2 == ended
    assert code in told


def test_since_by_stream_comes_before_the_source_and_that_before_all() -> None:
    since = read_since(["1 year", "a.b=2 years", "a.b.people=1 day"], ["a", "a.b"], NOW)

    assert Since("1 year", {"a.b": "2 years"}, {("a.b", "people"): "1 day"}) == since
    assert {"others": "2 years", "people": "1 day"} == since.settings("a.b", {"type": "marketo"})["since"]
    assert {"others": "1 year"} == since.settings("a", {"type": "marketo", "since": "9 years"})["since"]
    assert since.rereads("a", "lists")
    assert not Since(streams={("a", "people"): "1 day"}).rereads("a", "lists")


def test_a_stream_of_its_own_keeps_the_others_since() -> None:
    since = Since(streams={("a", "people"): "1 day"}).settings("a", {"type": "marketo", "since": "9 years"})

    assert {"others": "9 years", "people": "1 day"} == since["since"]
    assert NOW - timedelta(days=1) == since_of("a", since, "25 months", NOW, "people")
    with pytest.raises(Invalid):
        since_of("a", {"since": {"others": "soon"}}, "25 months", NOW, "people")


def test_a_preview_shows_rows_beside_what_they_become(world: Any, said: Any) -> None:
    code, (first, second), _ = said("sync", "crm.one", "--preview", "--rows", "1")
    (sample,) = first["samples"]

    assert 0 == code
    assert ("a", "a", "x", ["Odd"]) == (
        sample["row"]["Name"],
        sample["mapped"]["accountName"],
        sample["mapped"]["salesforce"]["Hot__c"],
        sample["left"],
    )
    assert [{"table": "Account", "field": "Odd", "filled": 1, "rows": 3}] == first["gaps"]
    assert ["no rows came"] == [note[:12] for note in second["notes"]]
    assert 0 == accounts(world["folder"])


def test_gaps_are_listed_with_how_full_they_are(said: Any) -> None:
    _, rows, _ = said("mapping", "gaps", "crm.one")

    assert [("Account", "Odd", 1, 3)] == [(r["table"], r["field"], r["filled"], r["rows"]) for r in rows]


def test_a_check_finds_what_is_missing(world: Any, said: Any) -> None:
    """The deleted record counts on neither side."""
    said("sync", "crm.one")
    calm, rows, _ = said("sync", "--check")
    world["changes"]["there"] = {"account": 4}
    alarmed, later, _ = said("sync", "--check")

    assert (0, 3) == (calm, alarmed)
    assert [("Account", 2, 2, 0, 1), ("Contact", None, None, None, 1)] == [
        (r["stream"], r["theirs"], r["ours"], r["missing"], r["calls"]) for r in rows
    ]
    assert 2 == later[0]["missing"]


def test_looks_are_not_mixed(said: Any) -> None:
    code, _, told = said("sync", "--check", "--dry-run")

    assert 2 == code
    assert "option.clash" in told


def test_people_see_all_of_it_as_tables(world: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(world["folder"])
    for words in (["sync", "crm.one"], ["sync", "--dry-run"], ["sync", "--preview"], ["sync", "--check"]):
        assert 0 == main([*words, "-p", folder])
    for words in (["mapping", "show", "crm.one", "Account"], ["mapping", "gaps"], ["status"]):
        assert 0 == main([*words, "-p", folder])
    shown = capsys.readouterr().out

    assert "crm.one.Account: Account → account" in shown
    assert "about 2 calls where it is known; nothing was stored" in shown
    assert "crm.one: 7 of 1,000 calls of the day used" in shown


# ---------------------------------------------------------------- mappings of the project


def write(world: Any, text: str) -> None:
    (world["folder"] / "mappings").mkdir(exist_ok=True)
    (world["folder"] / "mappings" / "crm.one.yaml").write_text(text, "utf-8")


def test_a_change_of_the_mapping_holds_and_says_what_it_needs(world: Any, said: Any) -> None:
    said("sync", "crm.one")
    write(world, "Account:\n  fields:\n    accountSite: Odd\n    accountNumber: null\n")
    _, rows, _ = said("sync", "crm.one")
    _, full, _ = said("sync", "crm.one", "--full")
    _, after, _ = said("sync", "crm.one")

    assert "the mapping of Account changed since everything was read" in rows[0]["notes"][0]
    assert "`townsend sync crm.one --full`" in rows[0]["notes"][0]
    assert [1, []] == [full[0]["accepted"], full[0]["notes"]]
    assert [] == after[0]["notes"]


def test_mapping_show_tells_who_says_each_line(world: Any, said: Any) -> None:
    write(world, "Account:\n  fields:\n    accountSite: Odd\n    accountNumber: null\n")
    _, rows, _ = said("mapping", "show", "crm.one", "Account")
    own = {row["target"]: (row["from"], row["said_by"]) for row in rows if row["said_by"] != "townsend"}

    assert {
        "accountSite": ("Odd", "mappings/crm.one.yaml:3"),
        "accountNumber": (None, "mappings/crm.one.yaml:4"),
    } == own


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("Acount: {fields: {}}\n", 1, "mapping.table"),
        ("Account:\n  class: person\n", 2, "mapping.table"),
        ("Account:\n  fields:\n    accountNam: Name\n", 3, "mapping.target"),
        ("Account:\n  fields:\n    accountName: {form: Name}\n", 3, "mapping.word"),
        ("Account:\n  feilds: {}\n", 2, "settings.key"),
        ("Own:\n  class: acount\n", 2, "class.unknown"),
        ("Account:\n - 1\n", 1, "settings.type"),
    ],
)
def test_a_wrong_line_is_refused_with_its_place(
    world: Any, said: Any, text: str, line: int, code: str
) -> None:
    write(world, text)
    ended, _, told = said("sync", "crm.one")

    assert 2 == ended
    assert f"mappings/crm.one.yaml:{line}: " in told
    assert f'"code": "{code}"' in told


def test_a_source_whose_rows_come_as_they_are_says_so(world: Any, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["mapping", "show", "mdm", "-p", str(world["folder"])])

    assert 0 == code
    assert "The rows of mdm come as they are" in capsys.readouterr().out
