"""Several connections to one store: each reader sees one moment, writers take turns."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from townsend.store.facts import Facts


@pytest.fixture
def facts(tmp_path: Path) -> Iterator[Facts]:
    with Facts.open(tmp_path / "townsend.duckdb") as found:
        yield found


def change(facts: Facts) -> None:
    with facts.transaction():
        facts.touch()


def test_a_reader_sees_one_moment_until_it_is_renewed(facts: Facts) -> None:
    reader = facts.beside()
    change(facts)
    before = reader.revision()
    reader.renew()

    assert (0, 1) == (before, reader.revision())


def test_a_statement_that_fails_does_not_end_the_reading(facts: Facts) -> None:
    """To look for a table that is not there is a usual way to find out that it is not."""
    reader = facts.beside()
    with pytest.raises(duckdb.CatalogException):
        reader.con.execute("SELECT * FROM u.nothing")

    assert 0 == reader.revision()


def test_a_world_made_in_memory_meanwhile_is_seen_after_renewal(facts: Facts) -> None:
    reader = facts.beside()
    reader.con.execute("SELECT count(*) FROM duckdb_columns()").fetchall()
    with reader.con.cursor() as con:
        con.execute("ATTACH ':memory:' AS townsend_test (READ_WRITE)")
        con.execute("CREATE TABLE townsend_test.main.one AS SELECT 1 AS n")
    reader.renew()

    assert [(1,)] == reader.con.execute("SELECT n FROM townsend_test.main.one").fetchall()


def test_writers_of_one_file_wait_for_each_other(facts: Facts) -> None:
    """Two transactions that change the same remark at once would fail in DuckDB."""
    others = [Facts.open(facts.path) for _ in range(4)]
    threads = [threading.Thread(target=lambda f=one: [change(f) for _ in range(10)]) for one in others]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    for other in others:
        other.close()

    assert 40 == facts.revision()
