"""A CSV file as text: its encoding, its delimiter, and the line of each row."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.intake.desk import Desk, counts

from townsend.intake.csv_text import Layout, RowLines, encoding_of, header_of
from townsend.problem import Invalid


def written(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("encoding", "found"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16"), ("cp1252", "cp1252")],
)
def test_the_encoding_is_told_by_the_bytes(tmp_path: Path, encoding: str, found: str) -> None:
    path = written(tmp_path, "Straße;Größe\n1;2\n", encoding)

    assert found == encoding_of(path)
    assert (["Straße", "Größe"], ";") == header_of(path, found)


def test_a_letter_cut_between_two_reads_is_still_utf_8(tmp_path: Path) -> None:
    assert "utf-8" == encoding_of(written(tmp_path, "x" * ((1 << 20) - 1) + "ß"))


def test_a_delimiter_inside_quotes_does_not_count(tmp_path: Path) -> None:
    path = written(tmp_path, '\n"a,b,c";"d"\n')

    assert (["a,b,c", "d"], ";") == header_of(path, "utf-8")


def test_every_row_has_the_line_on_which_it_begins(tmp_path: Path) -> None:
    lines = RowLines(
        written(tmp_path, '\na,b\n1,2\n\n"x\ny\n",z\n3\n4,5\n'), Layout(("a", "b"), "utf-8", ",")
    )

    assert [3, 5, 9] == [lines.whole(n) for n in range(3)]
    assert 8 == lines.ragged(0)


def test_rows_are_told_by_line_across_lots(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("townsend.intake.reader_csv.ROWS_PER_LOT", 3)
    monkeypatch.setattr("townsend.intake.reader_csv._BLOCK", 64)
    rows = "".join(f'{n}@C.S,"two\nlines"\n' if n % 3 else f"{n},x,y\n\n" for n in range(1, 40))
    text = "accountKey.sourceKey,accountName\n" + rows + ",nobody\n"
    report = desk.load("account", desk.file("a.csv", text))
    last = text.count("\n")
    ragged = [line for line, content in enumerate(text.split("\n"), 1) if content.endswith(",x,y")]

    assert {"rows": 40, "accepted": 26, "quarantined": 14} == counts(report.accepted)
    assert {f"a.csv:{line}" for line in [*ragged, last]} == {place for place, *_ in desk.refusals()}


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("accountKey.sourceKey,,x", "column 2 has no name"),
        ("accountKey.sourceKey,x,x", "two columns are named 'x'"),
        ("accountKey.sourceKey,x\0y", "the name of column 2 holds a NUL character"),
        ("accountKey,x", "'accountKey' stands for an object"),
    ],
)
def test_a_header_that_cannot_be_meant_is_refused(desk: Desk, header: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        desk.load("account", desk.file("a.csv", header + "\n1,2,3\n"))

    assert "file.column" == caught.value.code
    assert words in caught.value.text


def test_text_in_another_encoding_is_read(desk: Desk) -> None:
    desk.load(
        "account", desk.file("a.csv", "accountKey.sourceKey;accountName\n1@C.S;Müller\n".encode("cp1252"))
    )

    assert ["Müller"] == desk.values("account", "accountName")


@pytest.mark.parametrize(
    "content",
    [b"accountKey.sourceKey,accountName\n1@C.S,\x81\n", b"\xff\xfea", "a\n1".encode("utf-16") + b"\n"],
    ids=["a byte that Windows-1252 lacks", "half a character", "half a character behind a row"],
)
def test_text_in_no_encoding_is_refused_with_what_to_do(desk: Desk, content: bytes) -> None:
    """Found by fuzzing."""
    with pytest.raises(Invalid) as caught:
        desk.load("account", desk.file("a.csv", content))

    assert "file.unreadable" == caught.value.code
    assert "save it as UTF-8" in caught.value.text
