"""What scripts rely on: instants, whom a WHO means, machine forms, exit codes, the Python interface."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.stories.bodea import MONEY, NOW, SEED, Bodea, account, key, person

import townsend
from townsend.cli.output import Output
from townsend.governance.remains import CHUNK, files_that_name
from townsend.problem import Invalid

P2 = {
    "Email": ["p2@townsend.com"],
    "b2b_person": ["12@mkto1.Marketo", "p2@crm1.Salesforce", "p2@crm2.Salesforce"],
}


@pytest.mark.parametrize("command", ["status", "doctor", "run", "plan", "apply", "activate", "sync"])
def test_an_empty_project_answers_every_command(bodea: Bodea, command: str) -> None:
    (bodea.folder / "audiences" / "all.yaml").write_text("pql: 'true'\n", "utf-8")

    answer = bodea(command)

    assert answer.code == 0, answer.err


@pytest.mark.parametrize(
    "who",
    [
        "p2@townsend.com",
        " P2@Townsend.COM ",
        "Email:P2@townsend.com",
        "email:p2@townsend.com",
        "B2B_PERSON:12@mkto1.Marketo",
        "p2@crm2.Salesforce",
    ],
)
def test_a_who_may_be_written_in_many_ways(bodea: Bodea, who: str) -> None:
    bodea.tell_the_story()

    shown = bodea("show", "person", who, "--json", "--now", NOW)

    assert shown.code == 0, shown.err
    assert P2 == shown.rows[0]["identities"]
    by_id = bodea("graph", "show", str(shown.rows[0]["id"]), "--json", "--now", NOW)
    assert by_id.rows[0]["id"] == shown.rows[0]["id"]


def test_a_who_that_fits_several_is_refused_with_the_candidates(bodea: Bodea) -> None:
    """A key of one person that is a cookie of another: without its namespace it may be either."""
    cookie = {"ECID": [{"id": "7@crm1.Salesforce"}]}
    bodea.load("person", [person("7", "crm1", "x@a.com"), person("8", "crm1", "y@a.com", identityMap=cookie)])
    ids = [row["id"] for row in bodea("query", "true", "--json").rows]

    answer = bodea("show", "person", "7@crm1.Salesforce", "--json")

    assert answer.code == 2
    problem = json.loads(answer.err)["error"]
    assert ("who.several", ids) == (problem["code"], sorted(problem["facts"]["candidates"]))
    one = bodea("show", "person", "ECID:7@crm1.Salesforce", "--json")
    assert ["y@a.com"] == one.rows[0]["identities"]["Email"]


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("2026-11-22", 0),
        ("2026-11-22T12:00:00+02:00", 0),
        ("0001-01-01", 0),
        ("9999-12-31T23:59:59Z", 0),
        ("0001-01-01T00:00:00+14:00", 2),
        ("9999-12-31T23:59:59-10:00", 2),
        ("yesterday", 2),
    ],
)
def test_an_instant_is_taken_or_refused_never_a_crash(bodea: Bodea, at: str, code: int) -> None:
    bodea.tell_the_story()

    for words in (("query", SEED, "--now", at), ("query", SEED, "--as-of", at), ("run", "--now", at)):
        answer = bodea(*words)

        assert code == answer.code, answer.err
        assert (code == 2) == ("[option.instant]" in answer.err)


def test_python_takes_instants_and_their_texts(bodea: Bodea) -> None:
    bodea.tell_the_story()
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)

    with townsend.Project(bodea.folder) as project:
        for now in (at, NOW, "2026-11-22 12:00", at.replace(tzinfo=None)):
            found = project.query(SEED, now=now)

            assert ["id", "class", "identities"] == found.column_names
            assert [P2] == [row["identities"] for row in found.to_pylist(maps_as_pydicts="strict")]
        assert project.query(MONEY, of="person", as_of=NOW).num_rows == 3
        assert project.query("false").column_names == ["id", "class", "identities"]
        with pytest.raises(Invalid) as caught:
            project.query(SEED, now="soon")

        assert caught.value.code == "option.instant"


def test_python_parses_or_raises() -> None:
    assert townsend.audiences.pql.parse(SEED) is not None
    with pytest.raises(Invalid) as caught:
        townsend.audiences.pql.parse("accounts.")

    assert caught.value.code == "pql.syntax"


def test_a_skipped_file_is_said_once(bodea: Bodea) -> None:
    bodea.load("account", [account("1", "crm1")])
    (path,) = (bodea.folder / "incoming").iterdir()

    again = bodea("load", "account", str(path), "--source", "crm_1")

    assert again.code == 0
    assert (again.out + again.err).count("already taken") == 1
    as_json = bodea("load", "account", str(path), "--source", "crm_1", "--json")
    assert (True, 0) == (as_json.rows[0]["skipped"], as_json.rows[0]["rows"])


def test_access_says_the_same_for_people_and_machines(bodea: Bodea) -> None:
    bodea.tell_the_story()

    words = ("access", "p2@townsend.com", "--now", NOW)
    machine, people = bodea(*words, "--json"), bodea(*words)

    assert machine.rows == [json.loads(people.out)]


def test_pages_of_a_source_are_not_counted_as_files(bodea: Bodea) -> None:
    bodea.tell_the_story()
    files = len(list((bodea.folder / "incoming").iterdir()))

    assert bodea("status", "--json").rows[0]["files"] == files


# ---------------------------------------------------------------- what fits a terminal


def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of forty columns."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


def test_a_long_line_goes_on_below_its_beginning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    narrow(monkeypatch)
    Output(as_json=False).line(
        "    · event https://www.bodea.example/new-product at 2026-09-16T00:03:54Z (visit)"
    )

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 40
    assert lines[0].startswith("    · event")
    assert all(line.startswith("        ") for line in lines[1:])


def test_names_in_a_table_stay_whole_where_there_is_room(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    narrow(monkeypatch)
    rows = [["high-value-visitors", "Who belongs to accounts that bought"]]
    Output(as_json=False).table(["audience", "description"], rows)

    lines = re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 40
    assert lines[1].startswith("high-value-visitors  Who")


# ---------------------------------------------------------------- the proof of an erasure


@pytest.mark.parametrize("before", [0, CHUNK - 20, CHUNK - 6, CHUNK - 1])
def test_a_longer_name_is_not_taken_for_the_erased_one(tmp_path: Path, before: int) -> None:
    gone, other = "12@shop.test", "112@shop.test"
    path = tmp_path / "store"
    path.write_bytes(b"x" * before + other.encode() + b"y" * 50)

    assert files_that_name(tmp_path, [gone], longer=[other]) == []
    path.write_bytes(b"x" * before + other.encode() + gone.encode() + b"y" * 50)
    assert [one.path for one in files_that_name(tmp_path, [gone], longer=[other])] == [path]


def test_the_proof_names_no_file_because_of_somebody_else(bodea: Bodea) -> None:
    bodea.load("person", [person("2", "crm1", "ann@a.com"), person("12", "crm1", "joann@a.com")])
    for path in (bodea.folder / "incoming").iterdir():
        path.unlink()

    erased = bodea("erase", "ann@a.com", "--json")

    assert (0, []) == (erased.code, erased.rows[0]["remains"])
    assert ["joann@a.com"] == bodea.query("true")


def test_a_key_of_one_instance_never_joins_another(bodea: Bodea) -> None:
    bodea.load("account", [account("7", "crm1"), account("7", "crm2")])

    keys = [
        row["identities"]["b2b_account"] for row in bodea("query", "true", "--of", "account", "--json").rows
    ]
    assert [["7@crm1.Salesforce"], ["7@crm2.Salesforce"]] == keys
    assert key("7", "crm1")["sourceKey"] == keys[0][0]


def test_a_list_of_values_is_an_audience_too(bodea: Bodea) -> None:
    bodea.tell_the_story()
    targets = bodea.folder / "targets.csv"
    targets.write_text("P1@townsend.com\nnobody@a.com\n", "utf-8")
    (bodea.folder / "audiences" / "targets.yaml").write_text(
        "name: targets\nmembers: {file: targets.csv, by: email}\n", "utf-8"
    )

    found = bodea("audience", "members", "targets", "--json", "--now", NOW)

    assert ["p1@townsend.com"] == found.emails
    assert "1 value names nobody" in found.err
    assert "the values of targets.csv, by email" in bodea("audience", "show", "targets").out
    targets.unlink()
    missing = bodea("audience", "members", "targets")
    assert missing.code == 2
    assert "No such file" in missing.err
    assert "Errno" not in missing.err
