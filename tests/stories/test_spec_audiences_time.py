"""Windows, calendar words, month ends, sequences, and what changes by time alone; by both engines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.stories.bodea import Bodea, account, opportunity, person, visit, xref
from tests.stories.spec_world import ENGINES, SpecWorld, crm

from townsend.problem import Invalid
from townsend.project.project import Project

NOON = "2026-03-18T12:00:00Z"
DATES = {
    "a": "2026-03-15T12:00:00Z",
    "b": "2026-03-15T11:59:59.999Z",
    "c": "2026-03-18T12:00:00Z",
    "d": "2026-03-18T12:00:00.001Z",
    "e": "2026-02-18T00:00:00Z",
    "f": "2026-02-17T23:59:59.999Z",
    "g": "2026-03-17T23:59:59.999Z",
    "h": "2026-03-18T00:00:00Z",
    "i": "2026-02-28T23:59:59.999Z",
    "j": "2026-02-01T00:00:00Z",
    "k": "2026-01-31T23:59:59.999Z",
    "l": "2026-03-01T01:00:00+01:00",
    "m": "2026-03-15T00:00:00Z",
    "n": "2026-03-14T23:59:59.999Z",
}
TAILS = {
    "<= 3 days before now": "acgh",
    "< 3 days before now": "cgh",
    "= 3 days before now": "a",
    ">= 3 days before now": "abefijklmn",
    "> 3 days before now": "befijklmn",
    "!= 3 days before now": "bcefghijklmn",
    "<= 72 hours before now": "acgh",
    "<= 1 month before now": "abcghilmn",
    "<= 1 month before today": "abegilmn",
    "= 3 days before today": "abm",
    "= 1 month before today": "e",
    ">= 1 month before today": "efjk",
    "< 1 hour after now": "cd",
    "before today": "abefgijklmn",
    "today": "cdh",
    "yesterday": "g",
    "tomorrow": "",
    "last month": "efij",
    "this month": "abcdghlmn",
    "next month": "",
    "this week": "cdgh",
    "last week": "abmn",
    "this year": "abcdefghijklmn",
    "on date(2026, 3, 15)": "abm",
    "date(currentYear(), 3, 15)": "abm",
    "date(2026, 2, 30)": "",
    "between date(2026, 3, 15) and date(2026, 3, 17)": "abgm",
    "between date(2026, 3, 17) and date(2026, 3, 15)": "",
    "after date(2026, 3, 17)": "cdh",
    "before date(2026, 3, 15)": "efijkln",
    "> 3 days after date(2026, 3, 14)": "cdh",
    "<= 3 days after date(2026, 3, 14)": "abgm",
    "after now": "d",
    "from date(2026, 3, 17)": "cdh",
}


def dated(folder: Any, dates: dict[str, str]) -> Project:
    world = SpecWorld(folder)
    world.load(
        "person",
        [
            {"b2b": {"personKey": crm(who), "convertedDate": at}, "workEmail": {"address": f"{who}@x.com"}}
            for who, at in dates.items()
        ],
    )
    return Project(world.folder)


@pytest.fixture(scope="module")
def march(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with dated(tmp_path_factory.mktemp("march") / "spec", DATES) as project:
        yield project


@pytest.mark.parametrize(("tail", "expected"), TAILS.items())
def test_a_window_holds_from_bound_to_bound(march: Project, tail: str, expected: str) -> None:
    for engine in ENGINES:
        found = SpecWorld.names(march, f"b2b.convertedDate occurs {tail}", "person", NOON, engine)

        assert list(expected) == found, f"{engine}: {tail}"


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    dates = {
        "a": "2026-02-28T12:00:00Z",
        "b": "2026-03-01T00:00:00Z",
        "c": "2026-02-28T00:00:00Z",
        "d": "2026-03-01T12:00:00Z",
        "leap": "2024-02-29T12:00:00Z",
    }
    with dated(tmp_path_factory.mktemp("ends") / "spec", dates) as project:
        yield project


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-28T12:00:00Z", "a b d"),
        ("2026-03-28T12:00:00.001Z", "b d"),
        ("2026-03-29T12:00:00Z", "b d"),
        ("2026-03-31T23:59:59.999Z", "b d"),
        ("2026-04-01T00:00:00Z", "b d"),
        ("2026-04-01T00:00:00.001Z", "d"),
        ("2026-04-01T12:00:00.001Z", ""),
    ],
)
def test_the_bound_of_a_month_never_moves_backwards(ends: Project, now: str, expected: str) -> None:
    tail = "b2b.convertedDate occurs <= 1 month before now"
    for engine in ENGINES:
        assert expected.split() == SpecWorld.names(ends, tail, "person", now, engine)


def test_a_leap_day_is_a_year_ago_until_the_end_of_february(ends: Project) -> None:
    tail = "b2b.convertedDate occurs <= 1 year before now"
    for engine in ENGINES:
        before = SpecWorld.names(ends, tail, "person", "2025-02-28T23:59:59.999Z", engine)
        after = SpecWorld.names(ends, tail, "person", "2025-03-01T00:00:00Z", engine)

        assert (["leap"], []) == (before, after)


# ---------------------------------------------------------------- sequences


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    world = SpecWorld(tmp_path_factory.mktemp("visits") / "spec")
    world.load("person", [person("p1", "crm1", "p1@x.com")])
    world.load(
        "event",
        [
            visit("v1", crm("p1"), "2026-11-03T00:00:00Z", "/a"),
            visit("v2", crm("p1"), "2026-11-03T00:00:00Z", "/b"),
            visit("v3", crm("p1"), "2026-11-01T00:00:00Z", "/c"),
        ],
    )
    with Project(world.folder) as project:
        yield project


@pytest.mark.parametrize(
    ("steps", "holds"),
    [
        ('A: WHAT(URL = "/c"), B: WHAT(URL = "/b")', True),
        ('A: WHAT(URL = "/a"), B: WHAT(URL = "/b")', False),
        ('A: WHAT(URL = "/b"), B: WHAT(URL = "/c")', False),
        ("A: WHAT(true) COUNT(3)", True),
        ("A: WHAT(true) COUNT(4)", False),
        ('A: WHAT(URL = "/c"), B: WHAT(true) COUNT(2)', True),
        ('A: WHAT(URL = "/c"), B: WHAT(URL = "/b") GAP(>= 2 days)', True),
        ('A: WHAT(URL = "/c"), B: WHAT(URL = "/b") GAP(> 2 days)', False),
        ("A: WHAT(true) WHEN(<= 19 days before today) COUNT(2)", True),
        ("A: WHAT(true) WHEN(<= 18 days before today)", False),
        ("A: WHAT(true) WHERE(workEmail.address.isNotNull())", True),
        ("A: WHAT(true) WHERE(workEmail.address.isNull())", False),
    ],
)
def test_steps_come_one_strictly_after_the_other(visits: Project, steps: str, holds: bool) -> None:
    text = steps.replace("URL", "web.webPageDetails.URL")
    for engine in ENGINES:
        found = SpecWorld.names(
            visits, f"chain(xEvent, timestamp, [{text}])", "person", "2026-11-22T12:00:00Z", engine
        )

        assert holds is bool(found), engine


# ---------------------------------------------------------------- what changes by time alone


def explained(bodea: Bodea, name: str, who: str, now: str) -> tuple[bool, str | None]:
    answer = bodea("audience", "explain", name, who, "--json", "--now", now)
    assert 0 == answer.code, answer.err
    (row,) = answer.rows
    return row["member"], row["changes_at"]


def save(bodea: Bodea, name: str, pql: str) -> None:
    text = json.dumps({"name": name, "of": "person", "pql": pql})
    (bodea.folder / "audiences" / f"{name}.yaml").write_text(text, "utf-8")


def test_explain_foresees_relations_events_windows_and_master_data(bodea: Bodea) -> None:
    one, two = crm("1"), crm("2")
    bodea.load("account", [account("1", "crm1", "One"), account("2", "crm1", "Two")])
    bodea.load("opportunity", [opportunity("o1", "crm1", one, 600), opportunity("o2", "crm1", two, 600)])
    bodea.load("person", [person("p1", "crm1", "p1@x.com"), person("p2", "crm1", "p2@x.com", [one])])
    row = {"accountPersonKey": crm("r1"), "personKey": crm("p1"), "accountKey": two}
    bodea.load("account_person", [row | {"relationStartDate": "2026-12-01T00:00:00Z"}])
    bodea.load("event", [visit("v1", crm("p2"), "2026-11-22T13:00:00Z", "/late")])
    until = {"valid_to": "2026-12-10T00:00:00Z"}
    bodea.load("account_xref", xref(("G", "crm1", "1", until), ("G", "crm1", "2", until)), "mdm")
    save(bodea, "rich", "accounts.opportunities.sum(opportunityAmount.amount) > 1000")
    save(bodea, "late", "chain(xEvent, timestamp, [A: WHAT(true) WHEN(<= 3 days before now)])")
    now = "2026-11-22T12:00:00Z"

    assert (False, "2026-12-01T00:00:00Z") == explained(bodea, "rich", "p1@x.com", now)
    assert (True, "2026-12-10T00:00:00Z") == explained(bodea, "rich", "p2@x.com", now)
    assert (False, "2026-11-22T13:00:00Z") == explained(bodea, "late", "p2@x.com", now)
    later = "2026-11-22T13:00:00Z"
    assert (True, "2026-11-25T13:00:00.001Z") == explained(bodea, "late", "p2@x.com", later)


def test_as_of_takes_the_newest_version_whose_own_time_is_not_later(bodea: Bodea) -> None:
    def named(name: str, at: str) -> dict[str, Any]:
        return account("1", "crm1", name, extSourceSystemAudit={"lastUpdatedDate": at})

    bodea.load("account", [named("Old", "2026-01-01T00:00:00Z")])
    bodea.load("account", [named("New", "2026-06-01T00:00:00Z")])
    bodea.load("person", [person("p1", "crm1", "p1@x.com", [crm("1")])])
    found = [
        bodea("query", 'accounts.accountName.includes("Old")', "--json", "--as-of", at).emails
        for at in ("2025-01-01T00:00:00Z", "2026-05-31T23:59:59.999Z", "2026-06-01T00:00:00Z")
    ]

    assert [["p1@x.com"], ["p1@x.com"], []] == found


# ---------------------------------------------------------------- audiences about audiences


def test_in_segment_asks_the_project_before_what_was_loaded_and_refuses_what_it_can_not_ask(
    bodea: Bodea,
) -> None:
    status = {"ups": {"one": {"status": "exited"}, "old": {"status": "realized"}}}
    bodea.load("person", [person("p1", "crm1", "p1@x.com", segmentMembership=status)])
    save(bodea, "one", "true")
    save(bodea, "ring", 'not (inSegment("ring"))')

    assert ["p1@x.com"] == bodea.query('inSegment("one") and inSegment("old")')
    refused = bodea("query", 'inSegment("ring")', "--json")
    assert (2, "pql.cycle") == (refused.code, json.loads(refused.err)["error"]["code"])
    elsewhere = bodea("query", 'inSegment("one")', "--of", "account", "--json")
    assert (2, "pql.segment") == (elsewhere.code, json.loads(elsewhere.err)["error"]["code"])


def list_audience(bodea: Bodea, text: str | None, by: str = "email", of: str = "person") -> None:
    definition = f"name: targets\nof: {of}\nmembers: {{file: t.csv, by: {by}}}\n"
    (bodea.folder / "audiences" / "targets.yaml").write_text(definition, "utf-8")
    if text is not None:
        (bodea.folder / "t.csv").write_text(text, "utf-8")


def test_in_segment_asks_a_list_for_people_and_for_their_accounts(bodea: Bodea) -> None:
    bodea.tell_the_story()
    list_audience(bodea, "email\nP2@townsend.com\nnobody@x.com\n")
    save(bodea, "within", 'not (inSegment("targets"))')

    assert ["p2@townsend.com"] == bodea.query('inSegment("targets")')
    assert ["p2@townsend.com"] == bodea.query('inSegment("targets")', "--engine", "reference")
    assert "p2@townsend.com" not in bodea.query('inSegment("within") and accounts')
    assert ["p2@townsend.com"] == bodea.query(
        'accounts.exists(people.exists(inSegment("targets"))) and inSegment("targets")'
    )
    elsewhere = bodea("query", 'inSegment("targets")', "--of", "account", "--json")
    assert (2, "pql.segment") == (elsewhere.code, json.loads(elsewhere.err)["error"]["code"])

    list_audience(bodea, "1@crm1.Salesforce\n", "key", "account")
    members = bodea("audience", "members", "targets", "--json").rows
    assert members == bodea("query", 'inSegment("targets")', "--of", "account", "--json").rows != []
    assert bodea.query("accounts") == bodea.query('accounts.inSegment("targets")') != []


def test_a_list_explains_itself_by_the_values_in_its_file(bodea: Bodea) -> None:
    bodea.tell_the_story()
    list_audience(bodea, "p2@townsend.com\n")
    save(bodea, "within", 'inSegment("targets")')
    member = bodea("audience", "explain", "targets", "p2@townsend.com")
    other = bodea("audience", "explain", "targets", "p1@townsend.com")

    assert (0, 0) == (member.code, other.code)
    assert "is a member" in member.out
    assert '"p2@townsend.com" is in t.csv' in member.out
    assert "is not a member" in other.out
    assert 'none of "p1@townsend.com" is in t.csv' in other.out
    assert (True, None) == explained(bodea, "targets", "p2@townsend.com", "2026-11-22T12:00:00Z")
    assert (False, None) == explained(bodea, "within", "p1@townsend.com", "2026-11-22T12:00:00Z")
    assert "not in the list targets" in bodea("audience", "explain", "within", "p1@townsend.com").out


def test_a_list_whose_file_is_missing_fails_those_alone_who_ask_for_it(bodea: Bodea) -> None:
    bodea.load("person", [person("p1", "crm1", "p1@x.com")])
    list_audience(bodea, None)
    save(bodea, "within", 'inSegment("targets")')
    save(bodea, "around", 'not (inSegment("within"))')
    save(bodea, "one", "true")
    refused = bodea("query", 'inSegment("targets")', "--json")
    run = bodea("run", "--json")

    assert (2, "audience.file") == (refused.code, json.loads(refused.err)["error"]["code"])
    assert [("one", 1)] == [(row["audience"], row["members"]) for row in run.rows[0]["audiences"]]


def test_what_takes_long_says_so_and_starts_when_told_to(
    bodea: Bodea, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodea.load("person", [person("p1", "crm1", "p1@x.com"), person("p2", "crm1", "p2@x.com")])
    hard = 'lastIndexOf(workEmail.address, "@") = 2'
    save(bodea, "hard", hard)
    save(bodea, "all", "true")
    monkeypatch.setattr("townsend.project.project.UNASKED", 1)
    for words in (
        ("query", hard),
        ("audience", "members", "hard"),
        ("audience", "count", "hard"),
        ("audience", "diff", "hard", "all"),
    ):
        asked = bodea(*words, "--json")

        assert (2, "engine.slow") == (asked.code, json.loads(asked.err)["error"]["code"])
        assert "for 2 of class person; repeat with --slow" in asked.err
        assert 0 == bodea(*words, "--json", "--slow").code

    with Project(bodea.folder) as project:
        assert 2 == project.query(hard, slow=True).num_rows
        with pytest.raises(Invalid):
            project.query(hard)
    (run,) = bodea("run", "--json").rows

    assert [2, 2] == [row["members"] for row in run["audiences"]]
    assert any("one by one" in note for note in run["notes"])


def test_a_doubt_alone_leaves_an_audience_all_right(bodea: Bodea) -> None:
    save(bodea, "doubtful", 'inSegment("nowhere")')
    checked = bodea("audience", "check", "doubtful", "--json")

    assert (0, True) == (checked.code, checked.rows[0]["ok"])
    assert ["warning"] == [finding["level"] for finding in checked.rows[0]["findings"]]
