"""Several connections of one process to one store of facts: writers take turns, readers see one moment.

DuckDB lets the connections of a process read and write the same file at once, each statement or transaction
seeing what was committed before it. Two who write the same tables at once fail, so whoever writes takes the
store's turn first. A reader who needs several statements to agree with each other holds a snapshot.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from townsend.store.facts import Facts

__all__ = ["LENDER", "Reading", "turn_of"]

# Who hands out connections to the store here, instead of each opening the file; None if nobody does.
LENDER: ContextVar[Callable[[], Facts] | None] = ContextVar("townsend_lender", default=None)

_turns: dict[Path, threading.RLock] = {}
_guard = threading.Lock()


def turn_of(path: Path) -> threading.RLock:
    """The one turn of the writers of that file in this process; the same thread may take it again."""
    with _guard:
        return _turns.setdefault(path.resolve(), threading.RLock())


class Reading:
    """A connection that holds one moment, as far as DuckDB lets it.

    A statement that fails, be it only to find out whether there is a table, ends DuckDB's transaction, and
    the moment with it. The next one is taken at once, when no writer is at work, so that whoever expected the
    failure can go on.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, turn: threading.RLock) -> None:
        self._con = con
        self._turn = turn

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._con, name)
        return functools.partial(self._call, found) if callable(found) else found

    def _call(self, method: Callable[..., Any], *args: Any, **named: Any) -> Any:
        try:
            found = method(*args, **named)
        except (duckdb.Error, RuntimeError):
            with self._turn:
                self.take()
            raise
        return self if found is self._con else found

    def take(self) -> None:
        """Hold the present moment."""
        with suppress(duckdb.Error):  # if there is none to let go of
            self._con.execute("ROLLBACK")
        self._con.execute("BEGIN TRANSACTION")
        # The moment is that of the first look, not of BEGIN.
        self._con.execute("SELECT 1 FROM facts.meta LIMIT 1").fetchall()
