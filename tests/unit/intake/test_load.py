"""Files of every kind and class become facts, once."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.intake.desk import NOW, Desk, account, counts, event

from townsend.intake import SourceTraits, accept_rows, load_files
from townsend.intake.readers import KINDS
from townsend.model import builtin_schema
from townsend.problem import Invalid

ROWS = [account(1, accountName="Acme", accountScore=4.5), account(2, accountName="Bodea")]
CSV = "accountKey.sourceKey,accountName,accountScore\n1@CRM1.Salesforce,Acme,4.5\n2@CRM1.Salesforce,Bodea,\n"
TABLE = pa.table(
    {
        "accountKey": [{"sourceKey": "1@CRM1.Salesforce"}, {"sourceKey": "2@CRM1.Salesforce"}],
        "accountName": ["Acme", "Bodea"],
        "accountScore": [4.5, None],
    }
)


def parquet(path: Path, table: pa.Table = TABLE) -> Path:
    pq.write_table(table, path)
    return path


def files(desk: Desk) -> dict[str, Path]:
    """The same two rows in every kind of file."""
    plain = parquet(desk.folder / "plain.parquet")
    return {
        "ndjson": desk.file("a.ndjson", ROWS),
        "jsonl": desk.file("a.jsonl", "\n\n" + "\n\n".join(json.dumps(row) for row in ROWS)),
        "json array": desk.file("a.json", json.dumps(ROWS, indent=2)),
        "json objects": desk.file("b.json", "".join(json.dumps(row, indent=1) for row in ROWS)),
        "csv": desk.file("a.csv", CSV),
        "csv with semicolons and a mark": desk.file("b.csv", "\ufeff" + CSV.replace(",", ";")),
        "csv in UTF-16": desk.file("c.csv", CSV.encode("utf-16")),
        "tsv": desk.file("a.tsv", CSV.replace(",", "\t")),
        "parquet": plain,
        "ndjson.gz": desk.file("a.ndjson.gz", ROWS),
        "json.gz": desk.file("a.json.gz", json.dumps(ROWS)),
        "csv.gz": desk.file("a.csv.gz", CSV),
        "parquet.gz": desk.file("a.parquet.gz", plain.read_bytes()),
    }


def test_every_kind_of_file_says_the_same(desk: Desk) -> None:
    """One content has one hash, so whichever file comes second brings nothing new."""
    reports = {kind: counts(desk.load("account", path).accepted) for kind, path in files(desk).items()}

    assert {"rows": 2, "accepted": 2} == reports.pop("ndjson")
    assert [{"rows": 2, "unchanged": 2}] * 12 == list(reports.values())
    assert [("1@CRM1.Salesforce", "Acme"), ("2@CRM1.Salesforce", "Bodea")] == desk.values(
        "account", "accountKey.sourceKey", "accountName"
    )


def test_every_kind_that_is_read_is_tried_here(desk: Desk) -> None:
    assert set(KINDS) == {path.with_suffix("").suffix or path.suffix for path in files(desk).values()}


@pytest.mark.parametrize("cls", sorted(builtin_schema().classes))
def test_every_class_is_taken(desk: Desk, cls: str) -> None:
    entity = builtin_schema().entity_class(cls)
    row: dict[str, object] = {}
    if entity.is_event:
        row = event("e1")
    else:
        assert entity.key is not None
        *way, last = entity.key.split(".")
        inner: dict[str, object] = {
            last: {"sourceID": "7", "sourceInstanceID": "M1", "sourceType": "Marketo"}
        }
        for name in reversed(way):
            inner = {name: inner}
        row = inner
    report = desk.load(cls, desk.file("rows.ndjson", [row]))

    assert {"rows": 1, "accepted": 1} == counts(report.accepted)


def test_master_data_is_taken(desk: Desk) -> None:
    head = "entity_type,golden_id,source_system,source_instance,source_key,valid_from,valid_to,status\n"
    path = desk.file("mdm.csv", head + "account,G1,salesforce,crm_1,001,2026-01-01,,active\n")
    report = desk.load("account_xref", path)

    assert {"rows": 1, "accepted": 1} == counts(report.accepted)
    assert [("account", "G1", "salesforce", "crm_1", "001", 1_767_225_600_000, None, "active")] == desk.rows(
        "SELECT entity_type, golden_id, source_system, source_instance, source_key, valid_from_ms, "
        "valid_to_ms, status FROM facts.account_xref"
    )


def test_a_column_may_have_any_name_that_a_header_can_spell(desk: Desk, tmp_path: Path) -> None:
    name = 'odd \x02 "name" \\ \' 名'
    path = tmp_path / "odd.csv"
    path.write_text(f'accountKey.sourceKey,"{name.replace(chr(34), chr(34) * 2)}"\n1@c.S,here\n', "utf-8")
    (report,) = load_files(desk.facts, desk.rules, "account", [path], SourceTraits("s"), NOW)
    rows = desk.facts.con.execute("SELECT extra FROM facts.account").fetchall()

    assert 1 == report.accepted.accepted
    assert [{name: "here"}] == [json.loads(extra) for (extra,) in rows]


def test_a_file_that_was_taken_is_skipped_and_says_so(desk: Desk) -> None:
    path = desk.file("a.ndjson", ROWS)
    desk.load("account", path)
    revision = desk.facts.revision()
    desk.reopen()
    again = desk.load("account", path)

    assert again.skipped
    assert "--again" in again.accepted.notes[0]
    assert revision == desk.facts.revision()


def test_the_same_content_in_another_file_is_skipped(desk: Desk) -> None:
    desk.load("account", desk.file("a.ndjson", ROWS))

    assert desk.load("account", desk.file("copy.ndjson", ROWS)).skipped


def test_a_file_is_taken_anew_from_another_source_or_as_another_class(desk: Desk) -> None:
    path = desk.file("a.ndjson", ROWS)
    desk.load("account", path)

    assert not desk.load("account", path, name="crm_2").skipped
    assert not desk.load("opportunity", path).skipped


def test_again_takes_a_file_a_second_time_and_repeats_nothing(desk: Desk) -> None:
    path = desk.file("a.ndjson", [*ROWS, {"accountName": "nobody"}])
    first = desk.load("account", path)
    revision = desk.facts.revision()
    again = desk.load("account", path, again=True)

    assert {"rows": 3, "accepted": 2, "quarantined": 1} == counts(first.accepted)
    assert {"rows": 3, "unchanged": 2, "quarantined": 1} == counts(again.accepted)
    assert 1 == len(desk.refusals())
    assert revision == desk.facts.revision()


def test_a_file_longer_than_a_lot_is_taken_whole(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("townsend.intake.rows.ROWS_PER_LOT", 3)
    monkeypatch.setattr("townsend.intake.reader_parquet.ROWS_PER_LOT", 3)
    monkeypatch.setattr("townsend.intake.reader_csv.ROWS_PER_LOT", 3)
    rows = [account(n, accountName="x") for n in range(8)]
    keys = [f"{n}@CRM1.Salesforce" for n in range(8)]
    table = pa.table({"accountKey.sourceKey": keys, "accountName": ["x"] * 8})
    csv = "accountKey.sourceKey,accountName\n" + "".join(f"{key},x\n" for key in keys)
    seen: list[str] = []
    (first,) = load_files(
        desk.facts,
        desk.rules,
        "account",
        [desk.file("a.ndjson", rows)],
        desk.source,
        NOW,
        progress=seen.append,
    )
    others = [
        desk.load("account", parquet(desk.folder / "a.parquet", table)),
        desk.load("account", desk.file("a.csv", csv)),
    ]

    assert {"rows": 8, "accepted": 8} == counts(first.accepted)
    assert ["a.ndjson: 3 rows", "a.ndjson: 6 rows", "a.ndjson: 8 rows"] == seen
    assert [{"rows": 8, "unchanged": 8}] * 2 == [counts(report.accepted) for report in others]


def test_every_file_has_a_report_in_the_order_given(desk: Desk) -> None:
    paths = [desk.file("b.ndjson", ROWS[:1]), desk.file("a.ndjson", ROWS[1:])]
    reports = load_files(desk.facts, desk.rules, "account", paths, desk.source, NOW)

    assert [str(path) for path in paths] == [report.path for report in reports]


def test_what_was_taken_is_written_down(desk: Desk) -> None:
    path = desk.file("a.ndjson", [*ROWS, {}])
    desk.load("account", path)

    assert [("crm_1", "account", str(path), path.stat().st_size, 3, 2, 0, 1)] == desk.rows(
        "SELECT source, class, path, bytes, rows, accepted, unchanged, quarantined FROM facts.take"
    )


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.xlsx", b"", "file.kind"),
        ("a", b"", "file.kind"),
        ("a.parquet", b"no parquet", "file.unreadable"),
        ("a.parquet", b"", "file.unreadable"),
        ("a.ndjson.gz.csv.gz", b"", "file.column"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(desk: Desk, name: str, content: bytes, code: str) -> None:
    if code == "file.column":
        content = b"accountKey,accountName\nx,y\n"
    with pytest.raises(Invalid) as caught:
        desk.load("account", desk.file(name, content))

    assert code == caught.value.code
    assert name in caught.value.text


def test_an_empty_file_brings_nothing(desk: Desk) -> None:
    empty = pa.table({"accountName": pa.array([], pa.string())})
    paths = [desk.file(name, "") for name in ("a.ndjson", "b.json", "c.csv", "d.ndjson.gz")]
    paths += [desk.file("e.json", "[]\n"), desk.file("f.csv", "accountName\n")]
    paths += [parquet(desk.folder / "g.parquet", empty)]

    assert [{}] * 7 == [counts(desk.load("account", path, again=True).accepted) for path in paths]


def test_a_file_that_is_cut_off_keeps_what_was_whole(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("townsend.intake.rows.ROWS_PER_LOT", 2_000)
    rows = [account(n, accountName=f"{n * 7919 % 10_007}") for n in range(20_000)]
    path = desk.file("a.ndjson.gz", rows)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Invalid) as caught:
        desk.load("account", path)
    kept = len(desk.values("account", "key"))
    path.write_bytes(whole)
    report = desk.load("account", path)

    assert "file.unreadable" == caught.value.code
    assert 0 < kept < 20_000
    assert {"rows": 20_000, "accepted": 20_000 - kept, "unchanged": kept} == counts(report.accepted)


def test_a_missing_file_and_an_unknown_class_are_named(desk: Desk) -> None:
    with pytest.raises(Invalid) as missing:
        desk.load("account", desk.folder / "none.ndjson")
    with pytest.raises(Invalid) as unknown:
        desk.load("acount", desk.file("a.ndjson", ROWS))

    assert ("file.missing", "class.unknown") == (missing.value.code, unknown.value.code)
    assert "did you mean 'account'?" in unknown.value.text
    assert "account_xref" in unknown.value.text


def test_rows_and_the_cursor_that_covers_them_are_kept_together(desk: Desk) -> None:
    accept_rows(desk.facts, desk.rules, "account", ROWS, desk.source, NOW, cursor=("accounts", {"page": 2}))
    desk.reopen()

    assert {"page": 2} == desk.facts.cursor("crm_1", "accounts")
    assert 2 == len(desk.values("account", "key"))


def test_a_cursor_is_kept_although_no_row_came(desk: Desk) -> None:
    accept_rows(desk.facts, desk.rules, "account", [], desk.source, NOW, cursor=("accounts", "t1"))

    assert "t1" == desk.facts.cursor("crm_1", "accounts")
    assert [] == desk.rows("SELECT * FROM facts.take")


def test_rows_that_break_off_leave_neither_rows_nor_cursor(desk: Desk) -> None:
    def rows():  # type: ignore[no-untyped-def]
        yield ROWS[0]
        raise OSError("the line is dead")

    with pytest.raises(OSError, match="dead"):
        accept_rows(desk.facts, desk.rules, "account", rows(), desk.source, NOW, cursor=("accounts", "t1"))

    assert None is desk.facts.cursor("crm_1", "accounts")
    assert [] == desk.rows("SELECT * FROM facts.take")
    assert {"rows": 1, "accepted": 1} == counts(desk.take("account", ROWS[0])), "the store can go on"


def test_the_traits_of_a_source_default_to_whole_rows_and_deltas() -> None:
    assert SourceTraits("x", None, "whole", "delta") == SourceTraits("x")
