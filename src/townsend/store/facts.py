"""The store of facts: one DuckDB file, one owner process, every change a transaction.

Facts are only ever added: versions of records, events, links and decisions. Whoever reads a derived
thing asks ``revision`` whether it still holds. A process that is killed at any moment leaves a file
that opens with everything committed before, and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import duckdb

from townsend.problem import Invalid
from townsend.store import facts_schema
from townsend.store.facts_errors import interrupted, translated
from townsend.store.facts_turns import Reading, turn_of

__all__ = ["Facts"]


class Facts:
    """An open store of facts.

    Attributes:
        con: the DuckDB connection; time zone UTC. Read from it freely; write inside ``transaction``.
        path: the file.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, path: Path, read_only: bool) -> None:
        self.con = con
        self.path = path
        self.read_only = read_only
        self._depth = 0
        self._touched = False
        self._columns: dict[str, frozenset[str]] = {}
        self._salt: str | None = None
        self._turn = turn_of(path)

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Facts:
        """Open the store in that file, made if there is none.

        Raises:
            Unavailable: ``store.locked`` if another process has it open.
            Broken: ``store.damaged``.
            Invalid: ``store.format`` if another version wrote it; ``store.missing`` if it is to be read
                and is not there; ``store.name`` if the file's name is one of our schemas'.
        """
        if path.name.partition(".")[0].lower() in facts_schema.SCHEMAS:
            # DuckDB calls the database by its file's name, and could not tell it from the schema.
            raise Invalid(
                "store.name",
                f"{path}: a store may not be named {path.name.partition('.')[0]!r}, since a schema in it is; "
                "rename the file, to townsend.duckdb for instance",
                path=str(path),
            )
        if read_only and not path.exists():
            raise Invalid(
                "store.missing",
                f"{path}: there is no store yet; `townsend load` or `townsend sync` makes one",
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            con = duckdb.connect(str(path), read_only=read_only)
        except duckdb.Error as error:
            raise translated(error, path) from error
        try:
            con.execute("SET TimeZone = 'UTC'")
            con.execute("SET enable_progress_bar = false")
            facts = cls(con, path, read_only)
            facts_schema.prepare(facts)
        except duckdb.Error as error:
            con.close()
            raise translated(error, path) from error
        except BaseException:
            con.close()
            raise
        return facts

    def __enter__(self) -> Facts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; what was not committed is gone."""
        self.con.close()

    # ------------------------------------------------------------ beside others of this process

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody else of this process writes to the file inside."""
        with self._turn:
            yield

    def beside(self) -> Facts:
        """Another connection to the same file, to read by; it sees one moment, given by ``renew``."""
        con = self.con.cursor()
        con.execute("SET TimeZone = 'UTC'")
        found = Facts(cast(duckdb.DuckDBPyConnection, Reading(con, self._turn)), self.path, read_only=True)
        found.renew()
        return found

    def renew(self) -> None:
        """Of a connection got by ``beside``: see the present moment from now on, whatever is committed later.

        Worlds made in memory meanwhile are seen too, which they are not before.
        """
        if isinstance(self.con, Reading):
            self._columns.clear()
            with self._turn:
                self.con.take()

    # ------------------------------------------------------------ change

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, also on Ctrl-C. Inside another transaction it is part of that one."""
        if self._depth:
            yield
            return
        with self._turn:
            self.con.execute("BEGIN TRANSACTION")
            self._depth, self._touched = 1, False
            try:
                yield
                self.con.execute("COMMIT")
            except BaseException as error:
                self._columns.clear()
                _rollback(self.con)
                if interrupted(error):
                    raise KeyboardInterrupt from error
                raise
            finally:
                self._depth = 0

    def touch(self) -> None:
        """Say that facts changed, inside the transaction that changes them: derived things are rebuilt."""
        if not self._touched:
            self._touched = bool(self._depth)
            self.con.execute(
                "UPDATE facts.meta SET value = CAST(CAST(value AS BIGINT) + 1 AS VARCHAR) "
                "WHERE key = 'revision'"
            )

    def revision(self) -> int:
        """A number that grows with each committed change of facts."""
        return int(self.meta("revision") or 0)

    # ------------------------------------------------------------ small things

    def one(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> tuple[Any, ...] | None:
        """The first row of a short answer, None if there is none."""
        # fetchone would leave the result open, and the connection refuses other work until it is read.
        found: list[tuple[Any, ...]] = self.con.execute(sql, parameters).fetchall()
        return found[0] if found else None

    def meta(self, key: str) -> str | None:
        """A remark about the store itself, such as its format."""
        found = self.one("SELECT value FROM facts.meta WHERE key = ?", [key])
        return None if found is None else str(found[0])

    def set_meta(self, key: str, value: str) -> None:
        """Write such a remark."""
        self.con.execute("DELETE FROM facts.meta WHERE key = ?", [key])
        self.con.execute("INSERT INTO facts.meta VALUES (?, ?)", [key, value])

    @property
    def salt(self) -> str:
        """Goes before every value whose digest is kept, so that digests of two stores differ."""
        if self._salt is None:
            self._salt = self.meta("salt") or ""
        return self._salt

    def digest(self, space: str, value: str) -> str:
        """What ``facts.tombstone`` keeps of an erased identity: SHA-256, in hex."""
        return hashlib.sha256(f"{self.salt}{space}{value}".encode()).hexdigest()

    def cursor(self, source: str, stream: str) -> Any:
        """Where a source's stream was read up to, as the source gave it; None if never."""
        found = self.one("SELECT value FROM facts.cursor WHERE source = ? AND stream = ?", [source, stream])
        return None if found is None else json.loads(found[0])

    def set_cursor(self, source: str, stream: str, value: Any, at_ms: int) -> None:
        """Remember that position; call it in the transaction that stores the rows it covers."""
        self.con.execute("DELETE FROM facts.cursor WHERE source = ? AND stream = ?", [source, stream])
        self.con.execute(
            "INSERT INTO facts.cursor VALUES (?, ?, ?, ?)", [source, stream, json.dumps(value), at_ms]
        )

    # ------------------------------------------------------------ classes

    def columns(self, cls: str) -> frozenset[str]:
        """The columns that the class's table has by now; empty before its first row."""
        if cls not in self._columns:
            found = self.con.execute(
                "SELECT column_name FROM duckdb_columns() "
                "WHERE database_name = current_database() AND schema_name = 'facts' AND table_name = ?",
                [cls],
            ).fetchall()
            self._columns[cls] = frozenset(str(name) for (name,) in found)
        return self._columns[cls]

    def has_table(self, schema: str, name: str) -> bool:
        """Whether the file has that table; ``u`` is the schema of the unified tables."""
        found = self.one(
            "SELECT 1 FROM duckdb_tables() "
            "WHERE database_name = current_database() AND schema_name = ? AND table_name = ?",
            [schema, name],
        )
        return found is not None

    def ensure(self, cls: str, base: dict[str, str], wanted: dict[str, str]) -> None:
        """Make the class's table and those columns, where they are missing.

        Args:
            cls: class name.
            base: columns every row of such a class has: name to DuckDB type.
            wanted: columns of declared fields: dotted path to DuckDB type.
        """
        facts_schema.ensure(self.con, cls, self.columns(cls), base, wanted)
        if not self.columns(cls) >= {*base, *wanted}:
            del self._columns[cls]

    def seen(self, cls: str, path: str) -> bool:
        """Whether an undeclared field of that path ever came."""
        return self.one("SELECT 1 FROM facts.seen WHERE class = ? AND path = ?", [cls, path]) is not None

    def seen_paths(self, cls: str) -> list[str]:
        """The paths of undeclared fields that came with rows of a class."""
        found = self.con.execute("SELECT path FROM facts.seen WHERE class = ? ORDER BY 1", [cls]).fetchall()
        return [str(path) for (path,) in found]


def _rollback(con: duckdb.DuckDBPyConnection) -> None:
    try:
        con.execute("ROLLBACK")
    except duckdb.Error:
        # The failure itself already ended the transaction; the first error is the one to report.
        return
