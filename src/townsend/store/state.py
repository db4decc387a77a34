"""The store of small transactions: one SQLite file beside the facts.

Memberships, the outbox of operations, the ledger of what destinations confirmed, and what stands for an
audience there. A commit is on disk when it returns (WAL, synchronous FULL); a process killed at any moment
leaves everything committed before and nothing else. Memberships can be rebuilt from the facts; the ledger
cannot where a destination has no read-back, so keep the file.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from townsend.store.state_errors import damaged, newer, translated
from townsend.store.state_ledger import Ledger
from townsend.store.state_members import Members
from townsend.store.state_outbox import Outbox
from townsend.store.state_schema import MIGRATIONS
from townsend.store.state_targets import Targets

__all__ = ["State"]

BUSY_MS = 5_000  # how long a writer waits for another one


class State:
    """An open state store.

    Attributes:
        members: who is in which audience.
        outbox: operations, their ids made and stored before they are sent.
        ledger: per destination, audience and identifier: wanted, sent, confirmed.
        targets: lists and segments, look-ups remembered, budgets, reports.
    """

    def __init__(self, con: sqlite3.Connection, path: Path) -> None:
        self._con = con
        self.path = path
        self._depth = 0
        self.members = Members(self)
        self.outbox = Outbox(self)
        self.ledger = Ledger(self)
        self.targets = Targets(self)

    @classmethod
    def open(cls, path: Path) -> State:
        """Open the store in that file, made or brought up to date if need be.

        Raises:
            Unavailable: ``store.locked`` if another process keeps writing to it; ``store.full``.
            Broken: ``store.damaged``.
            Invalid: ``store.format`` if a later version wrote it; ``store.permission``.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            con = sqlite3.connect(
                path,
                timeout=BUSY_MS / 1000,
                isolation_level=None,
                check_same_thread=False,  # one thread at a time, whichever that is
            )
        except OSError as error:
            raise translated(sqlite3.OperationalError(f"unable to open: {error.strerror}"), path) from error
        except sqlite3.Error as error:
            raise translated(error, path) from error
        state = cls(con, path)
        try:
            state.execute("PRAGMA journal_mode = WAL")
            state.execute("PRAGMA synchronous = FULL")
            state._migrate()
        except BaseException:
            con.close()
            raise
        return state

    def __enter__(self) -> State:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; what was not committed is gone."""
        self._con.close()

    # ------------------------------------------------------------ statements

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, also on Ctrl-C. Inside another transaction it is part of that one."""
        if self._depth:
            yield
            return
        # IMMEDIATE: a reader that turns writer half-way could not wait its turn.
        self.execute("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            if self._con.in_transaction:
                self._con.execute("ROLLBACK")
            raise
        finally:
            self._depth = 0

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement; SQLite's errors become problems."""
        try:
            return self._con.execute(sql, parameters)
        except sqlite3.Error as error:
            raise translated(error, self.path) from error

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row."""
        try:
            self._con.executemany(sql, rows)
        except sqlite3.Error as error:
            raise translated(error, self.path) from error

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of an answer."""
        cursor = self.execute(sql, parameters)
        try:
            return cursor.fetchall()
        except sqlite3.Error as error:
            raise translated(error, self.path) from error

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row of an answer, None if there is none."""
        found = self.rows(sql, parameters)
        return found[0] if found else None

    # ------------------------------------------------------------ the store itself

    @property
    def store_id(self) -> str:
        """A random name of this store; with an operation's number it is unique in the world."""
        return str(self.rows("SELECT value FROM meta WHERE key = 'store_id'")[0][0])

    def check(self) -> None:
        """Read the whole file.

        Raises:
            Broken: ``store.damaged``.
        """
        found = self.rows("PRAGMA integrity_check")
        if found != [("ok",)]:
            raise damaged(self.path, str(found[0][0]))

    def rewrite(self) -> None:
        """Write the file anew, so that erased rows leave no bytes behind."""
        self.execute("VACUUM")
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def count_members(self, audience: str) -> int:
        """How many are in the audience, as last recorded."""
        return self.members.count(audience)

    def deliveries(self) -> list[dict[str, Any]]:
        """Where every activation stands, by audience and destination.

        Each ``{"audience", "destination", "members", "confirmed", "waiting", "refused"}``: members of the
        audience; people the destination confirmed; operations without an answer; identifiers refused.
        """
        found = self.rows(_DELIVERIES)
        names = ("audience", "destination", "members", "confirmed", "waiting", "refused")
        return [dict(zip(names, row, strict=True)) for row in found]

    def _migrate(self) -> None:
        version = self._version()
        if version > len(MIGRATIONS):
            raise newer(self.path, version, len(MIGRATIONS))
        if version == len(MIGRATIONS):
            return
        with self.transaction():
            # Another process may have been first while this one waited.
            for migration in MIGRATIONS[self._version() :]:
                for statement in migration:
                    self.execute(statement)
            if self.one("SELECT 1 FROM meta WHERE key = 'store_id'") is None:
                self.execute("INSERT INTO meta VALUES ('store_id', ?)", [secrets.token_hex(8)])
            self.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _version(self) -> int:
        found = self.one("PRAGMA user_version")
        return int(found[0]) if found else 0


_DELIVERIES = """
WITH activation AS (
    SELECT destination, audience FROM target UNION SELECT destination, audience FROM ledger
    UNION SELECT destination, audience FROM operation)
SELECT audience, destination,
    (SELECT count(*) FROM membership m WHERE m.audience = a.audience),
    (SELECT count(DISTINCT coalesce(entity, identifier)) FROM ledger l
        WHERE l.destination = a.destination AND l.audience = a.audience AND l.confirmed),
    (SELECT count(*) FROM operation o
        WHERE o.destination = a.destination AND o.audience = a.audience AND status IN ('pending', 'sent')),
    (SELECT count(*) FROM operation o
        WHERE o.destination = a.destination AND o.audience = a.audience AND status = 'refused'
        AND NOT EXISTS (SELECT 1 FROM operation later WHERE later.destination = o.destination
            AND later.audience = o.audience AND later.identifier = o.identifier AND later.id > o.id))
FROM activation a ORDER BY 1, 2
"""
