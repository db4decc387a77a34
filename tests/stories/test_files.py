"""Files as other systems leave them: nothing is lost, nothing doubled, and one report says what was wrong."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from townsend.cli.main import main
from townsend.project.project import Project

pytestmark = pytest.mark.slow

HEAD = "accountKey.sourceKey,accountName,extSourceSystemAudit.lastUpdatedDate\n"
WHEN = "2026-01-01T00:00:00Z"


class Folder:
    """A project that takes files of accounts, asked as a person asks it."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capsys = capsys
        self.said = ""
        self.settings()

    def settings(self, **more: Any) -> None:
        body = {"type": "files", "class": "account", "path": "in/*.*", **more}
        settings = {"name": "t", "sources": {"erp": body}}
        # JSON is YAML.
        self.put("townsend.yaml", json.dumps(settings))

    def put(self, name: str, content: str | bytes) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def sync(self, *options: str) -> int:
        code = main(["sync", "-p", str(self.path), *options])
        self.said = self._capsys.readouterr().err
        return code

    def names(self) -> list[str]:
        """The names of the accounts that are there, of each record's newest version."""
        with Project(self.path) as project:
            if not project.facts.columns("account"):
                return []
            rows = project.facts.con.execute(
                "SELECT accountName FROM (FROM facts.account QUALIFY row_number() OVER (PARTITION BY key "
                "ORDER BY coalesce(own_ms, accepted_ms) DESC, accepted_ms DESC, hash DESC) = 1) "
                "WHERE NOT deleted ORDER BY 1"
            ).fetchall()
        return [name for (name,) in rows]

    def refused(self) -> list[tuple[str, str]]:
        """Place and code of what is in quarantine."""
        main(["quarantine", "ls", "--json", "-p", str(self.path)])
        rows = [json.loads(line) for line in self._lines()]
        return sorted((str(row["place"]).rpartition("/")[2], row["code"]) for row in rows if "place" in row)

    def out(self) -> dict[str, Any]:
        """The values that ``show`` told."""
        found: dict[str, Any] = json.loads(self._capsys.readouterr().out)["values"]
        return found

    def _lines(self) -> list[str]:
        return self._capsys.readouterr().out.splitlines()


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Folder:
    return Folder(tmp_path, capsys)


def rows(*names: str, cut: str = ",", first: int = 1) -> str:
    head = HEAD.replace(",", cut)
    return head + "".join(f"{n}@D.D{cut}{name}{cut}{WHEN}\n" for n, name in enumerate(names, first))


TRAPS: Mapping[str, tuple[str | bytes, list[str], list[tuple[str, str]]]] = {
    "quotes": (rows('"say ""hi"", you"'), ['say "hi", you'], []),
    "new lines in fields": (rows('"two\nlines"', "b"), ["b", "two\nlines"], []),
    "a byte order mark": (b"\xef\xbb\xbf" + rows("a").encode(), ["a"], []),
    "UTF-16": (rows("Zoë").encode("utf-16"), ["Zoë"], []),
    "another encoding": (rows("Müller").encode("cp1252"), ["Müller"], []),
    "semicolons": (rows("a, b", cut=";"), ["a, b"], []),
    "Windows line ends": (rows("a", "b").replace("\n", "\r\n"), ["a", "b"], []),
    "ragged rows": (rows("a") + "short\n3@D.D,c,,,\n" + rows("d", first=4).split("\n", 1)[1], ["a", "d"],
                    [("a.csv:3", "csv.cells"), ("a.csv:4", "csv.cells")]),
    "duplicated rows": (rows("a") + rows("a").split("\n", 1)[1], ["a"], []),
    "dates in four spellings": (
        HEAD + "1@D.D,a,2026-01-02T03:04:05Z\n2@D.D,b,2026-01-02T03:04:05+0000\n"
        "3@D.D,c,2026-01-02T03:04:05-08:00\n4@D.D,d,2026-01-02T03:04:05.000+0000\n",
        ["a", "b", "c", "d"], []),
    "a date nobody can read": (HEAD + "1@D.D,a,31/12/26\n", [], [("a.csv:2", "row.type")]),
}  # fmt: skip


@pytest.mark.parametrize("trap", TRAPS)
def test_a_csv_file_with(folder: Folder, trap: str) -> None:
    content, names, refused = TRAPS[trap]
    folder.put("in/a.csv", content)
    code = folder.sync()

    assert (3 if refused else 0) == code
    assert names == folder.names()
    assert refused == folder.refused()


@pytest.mark.parametrize("trap", TRAPS)
def test_the_same_through_a_mapping(folder: Folder, trap: str) -> None:
    """What is wrong with a file does not depend on whether its columns are ours."""
    content, names, refused = TRAPS[trap]
    fields = {name: name for name in HEAD.strip().split(",")}
    folder.put("mappings/erp.yaml", json.dumps({"firms": {"class": "account", "fields": fields}}))
    folder.put("in/a.csv", content)
    folder.sync()

    assert names == folder.names()
    assert refused == folder.refused()


BROKEN: Mapping[str, tuple[str, bytes, str]] = {
    "a gateway's page": ("b.csv", b"<!DOCTYPE html>\n<html><body>502, try again</body></html>", "file.page"),
    "a page in place of JSON": ("b.json", b"\n<html></html>", "file.page"),
    "a gzip cut off in the middle": ("b.csv.gz", gzip.compress(rows(*"cdefg" * 99).encode())[:120],
                                     "file.unreadable"),
    "a gzip that is none": ("b.csv.gz", b"accountKey.sourceKey\n1\n", "file.unreadable"),
    "two columns of one name": ("b.csv", b"accountName,accountName\na,b\n", "file.column"),
    "no Parquet": ("b.parquet", b"PAR1 not at all", "file.unreadable"),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_the_files_beside_are_taken_and_one_report_names(folder: Folder, what: str) -> None:
    name, content, code = BROKEN[what]
    folder.put("in/a.csv", rows("a"))
    folder.put(f"in/{name}", content)
    folder.put("in/c.csv", rows("c", first=3))
    found = folder.sync()

    assert 0 != found
    assert 1 == folder.said.count(f"[{code}]")
    assert name in folder.said
    assert ["a", "c"] == folder.names()


def test_json_of_the_wrong_type_is_refused_with_its_line(folder: Folder) -> None:
    folder.put("in/a.ndjson", '{"accountKey":{"sourceKey":"1@D.D"},"accountName":"a"}\n[1]\n"x"\n{"a":\n')

    assert 3 == folder.sync()
    assert ["a"] == folder.names()
    assert {"a.ndjson:2", "a.ndjson:3", "a.ndjson:4"} == {place for place, _ in folder.refused()}


def test_an_encoding_that_was_guessed_is_told_and_one_that_is_said_holds(folder: Folder) -> None:
    folder.put("in/a.csv", rows("Łódź").encode("cp1250"))
    folder.sync()
    guessed = folder.names()

    assert "was read as Windows-1252" in folder.said
    assert ["Łódź"] != guessed

    folder.settings(encoding="cp1250")
    folder.sync("--full")

    assert "Windows-1252" not in folder.said
    assert ["Łódź"] == folder.names()


def test_a_delimiter_that_is_said_holds(folder: Folder) -> None:
    """The header has more commas than tildes."""
    folder.settings(delimiter="~")
    folder.put("in/a.csv", "accountKey.sourceKey~a,b,c,d~accountName\n1@D.D~x~a\n")

    assert 0 == folder.sync()
    assert ["a"] == folder.names()


def test_both_spellings_of_an_id_are_one_record_and_instances_stay_apart(folder: Folder) -> None:
    """15 and 18 characters name the same record of one org; the same id in another org is another record."""
    source = {"type": "files", "class": "account", "system": "Salesforce"}
    sources = {name: {**source, "path": f"{name}/*.csv"} for name in ("crm_1", "crm_2")}
    folder.put("townsend.yaml", json.dumps({"name": "t", "sources": sources}))
    fields = {"accountKey": {"key": "Id"}, "accountName": "Name"}
    for name in sources:
        folder.put(f"mappings/{name}.yaml", json.dumps({"a": {"class": "account", "fields": fields}}))
    folder.put("crm_1/a.csv", "Id,Name\n001A0000006Vm9u,one\n001A0000006Vm9uIAC,one\n")
    folder.put("crm_2/a.csv", "Id,Name\n001A0000006Vm9u,two\n")

    assert 0 == folder.sync()
    assert ["one", "two"] == folder.names()


def entry(path: Path, **more: Any) -> dict[str, Any]:
    content = path.read_bytes()
    said = {"path": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return {**said, "rows": content.count(b"\n") - 1, **more}


def test_the_files_of_a_manifest_wait_for_each_other(folder: Folder) -> None:
    folder.settings(path="in/*.csv", manifest="in/*.manifest")
    one = folder.put("in/1.csv", rows("a"))
    two = folder.put("in/2.csv", rows("b", first=2))
    folder.put("in/day.manifest", json.dumps({"files": [entry(one), entry(two)]}))
    folder.put("in/3.csv", rows("c", first=3))
    two.rename(folder.path / "later")
    codes = [folder.sync()]

    assert [] == folder.names()
    assert "2.csv is not there yet" in folder.said

    (folder.path / "later").rename(two)
    codes.append(folder.sync())

    assert ([0, 0], ["a", "b"]) == (codes, folder.names())


@pytest.mark.parametrize(
    ("lie", "code"), [({"sha256": "0" * 64}, "files.checksum"), ({"rows": 2}, "file.rows")]
)
def test_of_a_manifest_that_is_wrong_nothing_is_taken(folder: Folder, lie: dict[str, Any], code: str) -> None:
    folder.settings(path="in/*.csv", manifest="in/*.manifest")
    one = folder.put("in/1.csv", rows("a"))
    two = folder.put("in/2.csv", rows("b", first=2))
    folder.put("in/1.manifest", json.dumps([entry(one), entry(two, **lie)]))
    three = folder.put("in/3.csv", rows("c", first=3))
    folder.put("in/2.manifest", json.dumps([entry(three)]))
    found = folder.sync()

    assert 0 != found
    assert 1 == folder.said.count(f"[{code}]")
    assert ["c"] == folder.names()

    folder.put("in/1.manifest", json.dumps([entry(one), entry(two)]))
    again = folder.sync()

    assert (0, ["a", "b", "c"]) == (again, folder.names())


def test_a_manifest_may_be_csv(folder: Folder) -> None:
    folder.settings(path="in/*.ndjson", manifest="in/list.csv")
    folder.put("in/a.ndjson", '{"accountKey":{"sourceKey":"1@D.D"},"accountName":"a"}\n')
    folder.put("in/list.csv", "file;rows\na.ndjson;1\n")

    assert (0, ["a"]) == (folder.sync(), folder.names())


@pytest.mark.parametrize("rule", ["_SUCCESS", "*.done"])
def test_a_file_waits_for_its_marker(folder: Folder, rule: str) -> None:
    folder.settings(path="in/*.csv", done=rule)
    folder.put("in/a.csv", rows("a"))
    folder.sync()

    assert [] == folder.names()
    assert "1 file waits for a marker" in folder.said

    folder.put("in/" + rule.replace("*", "a"), "")
    folder.sync()

    assert ["a"] == folder.names()


def test_what_a_snapshot_does_not_name_any_more_is_gone(folder: Folder) -> None:
    folder.settings(path="in/*.csv", mode="snapshot")
    folder.put("in/all-1.csv", rows("a", "b", "c"))
    folder.sync()
    folder.put("in/all-2.csv", rows("a", "b"))
    folder.sync()

    assert "1 record is no longer in the snapshot" in folder.said
    assert ["a", "b"] == folder.names()


def test_half_a_snapshot_retires_nobody(folder: Folder) -> None:
    folder.settings(path="in/*.csv", mode="snapshot")
    folder.put("in/all-1.csv", rows(*map(str, range(50))))
    folder.sync()
    folder.put("in/all-2.csv", rows(*map(str, range(5))))
    folder.sync()

    assert "more than can be taken for deleted" in folder.said
    assert 50 == len(folder.names())


def test_a_mapping_reads_what_another_system_writes(folder: Folder) -> None:
    folder.settings(system="ERP", currency="USD")
    fields = {
        "accountKey": {"key": "Nr"},
        "accountName": {"from": "Name", "match": "^[A-Z]+ - (.+)$"},
        "accountOrganization.annualRevenue.amount": {"from": "Umsatz", "decimal": ",", "times": 1000},
        "extSourceSystemAudit.lastUpdatedDate": {"from": "Stand", "format": ["%d.%m.%Y %H:%M", "%d.%m.%Y"]},
        "accountType": {"from": "Art", "values": {"k": "customer"}, "else": "other"},
    }
    folder.put("mappings/erp.yaml", json.dumps({"firms": {"class": "account", "fields": fields}}))
    folder.put("in/a.csv", "Nr;Name;Umsatz;Stand;Art\n1;DE - Acme;1.234,5;31.12.2025;K\n")
    folder.sync()
    main(["show", "account", "1@erp.ERP", "--json", "-p", str(folder.path)])
    values = {path: one["value"] for path, one in folder.out().items()}

    assert ("Acme", "customer") == (values["accountName"], values["accountType"])
    assert "2025-12-31T00:00:00Z" == values["extSourceSystemAudit.lastUpdatedDate"]
    assert 1_234_500 == float(values["accountOrganization.annualRevenue.amount"])


def test_a_preview_shows_what_files_become(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    fields = {"accountKey": {"key": "id"}}
    folder.put("mappings/erp.yaml", json.dumps({"firms": {"class": "account", "fields": fields}}))
    folder.put("in/a.csv", "id,colour\n1,green\n")
    code = main(["sync", "--preview", "-p", str(folder.path)])
    said = capsys.readouterr().out

    assert 0 == code
    assert "1@erp.Files" in said
    assert "not mapped: colour" in said
    assert [] == folder.names()
