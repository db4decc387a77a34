"""The SQL source: queries of a database, each of which is a stream of rows of one class.

A query says what there is; when to go on from where is added around it, so that nothing is lost between two
pulls: ``SELECT * FROM (…) WHERE <cursor> >= … ORDER BY <cursor>``. Rows at the cursor itself come again,
since others of the same instant may have come after them; so do rows without one. Rows that come again
change nothing.

Deleted records are found by a column that says so, or by a ``snapshot`` query, which is read whole each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from townsend.problem import Invalid
from townsend.sources.contract import Cursor, Page, check_settings
from townsend.sources.databases import Row, database
from townsend.sources.queries import Query, queries_of, span_of
from townsend.vendors.keys import SOURCES

__all__ = ["SqlSource"]

OVERLAP = "10 minutes"  # transactions that began before the cursor may have ended after it was read
TIMEOUT = "10 minutes"


class SqlSource:
    """Queries of one database.

    Args:
        name: the source's name in the project.
        settings: ``driver``, ``url`` and ``queries``; ``overlap``, ``timeout``, ``system``, ``instance``.
        folder: the project folder.

    Raises:
        Invalid: ``settings.*``, ``source.package``, ``class.unknown``, ``mapping.table``.
    """

    KEYS = SOURCES["sql"]

    def __init__(self, name: str, settings: Mapping[str, Any], folder: Path) -> None:
        check_settings(name, settings, self.KEYS)
        self.name = name
        self._queries = queries_of(name, settings)
        self._overlap = span_of(name, "overlap", settings.get("overlap", OVERLAP))
        timeout = span_of(name, "timeout", settings.get("timeout", TIMEOUT))
        self._database = database(
            name, str(settings["driver"]), str(settings["url"]), folder, timeout.total_seconds()
        )
        self._notes: dict[str, list[str]] = {}

    def streams(self) -> Sequence[str]:
        """The queries, in the order of the settings."""
        return tuple(self._queries)

    def pull(self, stream: str, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
        """Pages of a query's rows from the cursor on; see ``Source``."""
        query = self._queries[stream]
        notes = self._notes[stream] = []
        since = _since(cursor, self._overlap) if query.cursor is not None else None
        last = cursor
        keys: set[str] = set()
        values = () if since is None else (since,)
        make = query.maker()
        for rows in self._database.rows(query.text(self._database.mark, since=since is not None), values):
            query.check(rows[0])
            made = [query.row(row, make) for row in rows]
            if query.snapshot:
                keys |= _keys(self.name, query, made)
            last = _latest(query, rows, last)
            yield Page(query.cls, made, None if query.snapshot else last)
        if query.snapshot:
            yield Page(query.cls, [], {"read": now.isoformat()}, present=frozenset(keys))
        elif last is None or query.cursor is None:
            yield Page(query.cls, [], {"read": now.isoformat()})
        if query.cursor is None and not query.snapshot:
            notes.append("it has no `cursor`, so that all rows are read each time")

    def count(self, stream: str) -> Mapping[str, int]:
        """Rows that a query has; nothing where a column says that some are deleted."""
        query = self._queries[stream]
        if query.deleted is not None:
            return {}
        counted = f"SELECT count(*) AS n FROM ({query.sql}) townsend_rows"
        return {query.cls: sum(int(row["n"]) for rows in self._database.rows(counted, ()) for row in rows)}

    def notes(self, stream: str) -> Sequence[str]:
        """What a person should know about the last pull of a query."""
        return list(self._notes.get(stream, ()))

    def close(self) -> None:
        """Nothing is held open between two queries."""


def _keys(source: str, query: Query, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """The keys of the rows of a snapshot that are not deleted."""
    found = set()
    for row in rows:
        value: Any = row
        for name in (*query.key, "sourceKey"):
            value = value.get(name) if isinstance(value, Mapping) else None
        if value is None:
            raise Invalid(
                "settings.source",
                f"sources.{source}: queries.{query.name}: a snapshot needs the key of every row, "
                f"{'.'.join(query.key)}.sourceKey, got a row without one; select it, or map it",
                source=source,
            )
        if row.get("isDeleted") is not True:
            found.add(str(value))
    return found


# ---------------------------------------------------------------- cursors


def _latest(query: Query, rows: Sequence[Row], before: Cursor | None) -> Cursor | None:
    """The cursor after rows that came in its order; those without a value come first or last."""
    if query.cursor is None:
        return None
    value = next((found for row in reversed(rows) if (found := row.get(query.cursor)) is not None), None)
    if value is None:
        return before
    if isinstance(value, datetime):
        return {"instant": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"whole": value}
    if isinstance(value, str):
        return {"text": value}
    raise Invalid(
        "settings.source",
        f"queries.{query.name}.cursor: expected a column of instants, days, whole numbers or texts, got "
        f"{type(value).__name__}; cast it in the query",
    )


def _since(cursor: Cursor | None, overlap: timedelta) -> Any:
    """The value from which rows are read; None for all."""
    if not isinstance(cursor, Mapping):
        return None
    if "instant" in cursor:
        return datetime.fromisoformat(cursor["instant"]) - overlap
    if "date" in cursor:
        return date.fromisoformat(cursor["date"])
    return cursor.get("whole", cursor.get("text"))
