"""The proof of an erasure looks at every byte, and the facts' file is written anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from townsend.governance.remains import CHUNK, Remains, files_that_name
from townsend.problem import Unavailable
from townsend.store.facts import Facts
from townsend.store.facts_rewrite import rewrite

WHO = "p2@townsend.com"


def test_a_value_is_found_in_any_case_and_across_chunks(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("P2@Townsend.com", "utf-8")
    (tmp_path / "b.bin").write_bytes(b"x" * (CHUNK - 5) + WHO.encode())
    (tmp_path / "c.csv").write_text("p22@townsend.com", "utf-8")
    (tmp_path / "d.parquet").write_bytes(b"PAR1")
    (tmp_path / "skip").mkdir()
    (tmp_path / "skip" / "e.csv").write_text(WHO, "utf-8")

    found = files_that_name(tmp_path, [WHO, "p2"], skip=[tmp_path / "skip"])

    assert [
        Remains(tmp_path / "a.csv"),
        Remains(tmp_path / "b.bin"),
        Remains(tmp_path / "d.parquet", packed=True),
    ] == found


def test_rewriting_leaves_what_is_there_and_no_bytes_of_what_was_deleted(tmp_path: Path) -> None:
    path = tmp_path / "townsend.duckdb"
    with Facts.open(path) as facts:
        with facts.transaction():
            values = [f"p{n}@townsend.com" for n in range(2_000)]
            facts.con.execute(
                "INSERT INTO facts.number SELECT CAST(row_number() OVER () AS INTEGER), 'Email', v "
                "FROM (SELECT unnest($values) AS v)",
                {"values": values},
            )
        facts.con.execute("CHECKPOINT")
        facts.con.execute("DELETE FROM facts.number WHERE value = 'p77@townsend.com'")
        salt = facts.salt
    (tmp_path / "townsend.duckdb.rewriting").write_bytes(b"left over by a crash")

    rewrite(path)

    with Facts.open(path) as facts:
        assert (1_999, 1, salt) == (
            *(facts.one("SELECT count(*), min(n) FROM facts.number") or ()),
            facts.salt,
        )
    assert b"p77@townsend.com" not in path.read_bytes()
    assert ["townsend.duckdb"] == sorted(one.name for one in tmp_path.iterdir())


def test_a_store_that_is_open_elsewhere_is_not_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "townsend.duckdb"
    with Facts.open(path) as facts:
        with pytest.raises(Unavailable) as caught:
            rewrite(path)

        assert ("store.locked", 0) == (caught.value.code, facts.revision())
