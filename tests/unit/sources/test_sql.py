"""What every database does for a SQL source, whichever it is: nothing lost, nothing read for nothing."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.sources.wire import NOON

from townsend.problem import Invalid, Unavailable
from townsend.sources.sql import SqlSource

FIRMS = """SELECT id || '@D.D' AS "accountKey.sourceKey", name AS "accountName", updated_at, gone FROM firm"""
QUERY = {"sql": FIRMS, "class": "account", "cursor": "updated_at", "deleted": "gone"}


class DatabaseSuite(ABC):
    """The promises; a subclass says which database it is."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The driver and the address of an empty database."""

    @abstractmethod
    def run(self, *statements: str) -> None:
        """Change the database, as somebody else does."""

    @pytest.fixture(autouse=True)
    def firms(self) -> None:
        self.run("DROP TABLE IF EXISTS firm", f"CREATE TABLE firm ({self.columns})")
        for n, day in ((1, 1), (2, 2), (3, 2), (4, 3)):
            self.run(f"INSERT INTO firm VALUES ({n}, 'F{n}', '2026-01-0{day} 00:00:00', NULL)")

    columns = "id INTEGER, name TEXT, updated_at TIMESTAMP, gone TIMESTAMP"

    def source(self, **query: Any) -> SqlSource:
        body = {name: value for name, value in {**QUERY, **query}.items() if value is not None}
        settings = {"type": "sql", **self.settings(), "queries": {"firms": body}}
        return SqlSource("erp", settings, Path())

    def read(self, source: SqlSource, cursor: Any = None) -> tuple[list[str], Any]:
        """The names that came, in order, and the last cursor as it comes back from the store."""
        names = []
        for page in source.pull("firms", cursor, NOON):
            names += [str(row.get("accountName")) for row in page.rows]
            cursor = page.cursor if page.cursor is not None else cursor
        return names, json.loads(json.dumps(cursor))

    def test_everything_comes_first_in_the_order_of_the_cursor(self) -> None:
        names, _ = self.read(self.source())

        assert ["F1", "F4"] == [names[0], names[-1]]
        assert {"F1", "F2", "F3", "F4"} == set(names)

    def test_from_the_cursor_on_comes_what_changed(self) -> None:
        _, cursor = self.read(self.source())
        self.run("UPDATE firm SET name = 'new', updated_at = '2026-01-04 00:00:00' WHERE id = 1")
        names, _ = self.read(self.source(), cursor)

        assert ["F4", "new"] == names

    def test_a_row_of_the_instant_of_the_cursor_is_not_lost(self) -> None:
        """It was written after the query, in the same second."""
        _, cursor = self.read(self.source())
        self.run("INSERT INTO firm VALUES (5, 'late', '2026-01-03 00:00:00', NULL)")
        names, _ = self.read(self.source(), cursor)

        assert {"F4", "late"} == set(names)

    def test_a_row_without_an_instant_comes_each_time(self) -> None:
        self.run("INSERT INTO firm VALUES (6, 'timeless', NULL, NULL)")
        _, cursor = self.read(self.source())
        names, after = self.read(self.source(), cursor)

        assert {"F4", "timeless"} == set(names)
        assert cursor == after

    def test_nothing_new_leaves_the_cursor(self) -> None:
        _, cursor = self.read(self.source())

        assert (["F4"], cursor) == self.read(self.source(), cursor)

    def test_a_deleted_record_is_told_so(self) -> None:
        self.run("UPDATE firm SET gone = '2026-01-05 00:00:00' WHERE id = 2")
        (page,) = self.source().pull("firms", None, NOON)

        assert ["F2"] == [row["accountName"] for row in page.rows if row.get("isDeleted")]

    def test_a_snapshot_names_all_that_are_there(self) -> None:
        source = self.source(mode="snapshot", cursor=None)
        *_, last = source.pull("firms", None, NOON)

        assert last.present == {f"{n}@D.D" for n in range(1, 5)}

    def test_a_snapshot_of_nothing_names_nothing(self) -> None:
        self.run("DELETE FROM firm")
        (page,) = self.source(mode="snapshot", cursor=None).pull("firms", None, NOON)

        assert page.present == frozenset()

    def test_its_rows_are_counted(self) -> None:
        assert {"account": 4} == self.source(deleted=None).count("firms")

    def test_a_query_that_is_wrong_is_told_in_the_databases_words(self) -> None:
        with pytest.raises(Invalid, match="nowhere") as caught:
            self.read(self.source(sql="SELECT * FROM nowhere"))

        assert "source.request" == caught.value.code

    def test_a_cursor_that_the_query_lacks_is_told(self) -> None:
        with pytest.raises(Invalid):
            self.read(self.source(cursor="changed_at"))

    def test_nothing_can_be_written(self) -> None:
        with pytest.raises(Invalid):
            self.read(self.source(sql="DELETE FROM firm RETURNING *", cursor=None, deleted=None))
        names, _ = self.read(self.source())

        assert 4 == len(names)


class TestSqlite(DatabaseSuite):
    driver = "sqlite"

    @pytest.fixture(autouse=True)
    def place(self, tmp_path: Path) -> None:
        self.path = tmp_path / "erp.db"

    @pytest.fixture(autouse=True)
    def firms(self, place: None) -> None:  # type: ignore[override]
        DatabaseSuite.firms.__wrapped__(self)  # type: ignore[attr-defined]

    def settings(self) -> dict[str, Any]:
        return {"driver": self.driver, "url": str(self.path)}

    def run(self, *statements: str) -> None:
        with sqlite3.connect(self.path) as con:
            for statement in statements:
                con.execute(statement)
        con.close()

    def test_a_file_that_is_not_there_is_told(self) -> None:
        self.path.unlink()
        with pytest.raises(Unavailable) as caught:
            self.read(self.source())

        assert "source.unreachable" == caught.value.code


class TestAnyModule(TestSqlite):
    """The same file through the plain interface that other databases' modules have."""

    driver = "dbapi:sqlite3"
    test_a_file_that_is_not_there_is_told = None  # type: ignore[assignment]  # the module makes one


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    import pgserver

    # Not below pytest's own folder, whose name is too long for a socket.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = pgserver.get_server(folder)
        yield server.get_uri()
        server.cleanup()


@pytest.mark.slow
class TestPostgres(DatabaseSuite):
    @pytest.fixture(autouse=True)
    def server(self, postgres: str) -> None:
        self.url = postgres

    @pytest.fixture(autouse=True)
    def firms(self, server: None) -> None:  # type: ignore[override]
        DatabaseSuite.firms.__wrapped__(self)  # type: ignore[attr-defined]

    def settings(self) -> dict[str, Any]:
        return {"driver": "postgres", "url": self.url}

    def run(self, *statements: str) -> None:
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(self.url, autocommit=True) as con, con.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def source_at(self, url: str) -> SqlSource:
        settings = {"type": "sql", "driver": "postgres", "url": url, "queries": {"firms": QUERY}}
        return SqlSource("erp", settings, Path())

    def test_an_overlap_finds_what_was_committed_late(self) -> None:
        """Its transaction began five minutes before the one that was read, and ended after it."""
        _, cursor = self.read(self.source())
        self.run("INSERT INTO firm VALUES (7, 'slow', '2026-01-02 23:55:00', NULL)")
        names, _ = self.read(self.source(), cursor)

        assert ["slow", "F4"] == names

    def test_types_come_exactly(self) -> None:
        sql = """SELECT '1@D.D' AS "accountKey.sourceKey", 123456789012345.67::numeric AS
                 "accountOrganization.annualRevenue.amount", '2026-01-01 12:00+02'::timestamptz AS
                 "extSourceSystemAudit.lastUpdatedDate", '{"a": 0.1}'::jsonb AS "custom.doc",
                 array['x', 'y'] AS "custom.tags", true AS "custom.yes" """
        page, _ = self.source(sql=sql, cursor=None, deleted=None).pull("firms", None, NOON)
        row = page.rows[0]

        assert Decimal("123456789012345.67") == row["accountOrganization"]["annualRevenue"]["amount"]
        assert "2026-01-01T10:00:00+00:00" == row["extSourceSystemAudit"]["lastUpdatedDate"].isoformat()
        assert {"doc": {"a": Decimal("0.1")}, "tags": ["x", "y"], "yes": True} == row["custom"]

    def test_a_query_that_takes_too_long_is_given_up(self) -> None:
        settings = {"type": "sql", **self.settings(), "timeout": "1 second"}
        query = {"sql": "SELECT pg_sleep(5)::text AS s", "class": "account"}
        with pytest.raises(Unavailable, match="timeout") as caught:
            self.read(SqlSource("erp", {**settings, "queries": {"firms": query}}, Path()))

        assert "source.busy" == caught.value.code

    def test_a_missing_right_is_named(self) -> None:
        self.run(
            "DROP ROLE IF EXISTS reader",
            "CREATE ROLE reader LOGIN PASSWORD 'hush'",
            "REVOKE ALL ON firm FROM reader",
        )
        url = self.url.replace("postgres:@", "reader:hush@")
        with pytest.raises(Invalid, match="permission denied for table firm") as caught:
            self.read(
                SqlSource(
                    "erp",
                    {"type": "sql", "driver": "postgres", "url": url, "queries": {"firms": QUERY}},
                    Path(),
                )
            )

        assert "source.rights" == caught.value.code

    def test_a_host_that_is_not_there_is_told_without_the_password(self) -> None:
        url = "postgresql://reader:hush-hush@127.0.0.1:1/x"
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as caught:
            self.read(
                SqlSource(
                    "erp",
                    {"type": "sql", "driver": "postgres", "url": url, "queries": {"firms": QUERY}},
                    Path(),
                )
            )

        assert "hush" not in caught.value.text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"driver": "oracle"}, "driver: expected postgres, sqlite"),
        ({"driver": "dbapi:json"}, "no DB-API 2.0 module"),
        ({"driver": "dbapi:not_there"}, "not installed"),
        ({"overlap": "soon"}, "overlap: expected a span"),
        ({"queries": {}}, "queries: expected"),
        ({"queries": {"account": {"sql": "SELECT 1", "cursor": "a b"}}}, "plain name of a column"),
        ({"queries": {"account": {"sql": "SELECT 1 WHERE x > $cursor"}}}, "leave out the condition"),
        ({"queries": {"account": {"sql": "SELECT 1", "mod": "delta"}}}, "unknown key 'mod'"),
        ({"queries": {"firm": {"sql": "SELECT 1"}}}, "firm"),
        ({"queries": {"event": {"sql": "SELECT 1", "mode": "snapshot"}}}, "a snapshot is read whole"),
    ],
)
def test_settings_that_cannot_be_are_told_before_anything_is_read(change: dict[str, Any], told: str) -> None:
    settings = {"type": "sql", "driver": "sqlite", "url": "x.db", "queries": {"firms": QUERY}, **change}
    with pytest.raises(Invalid, match=told.replace("$", r"\$").replace(".", r"\.")):
        SqlSource("erp", settings, Path())
