"""Databases as the SQL source reads them: PostgreSQL, SQLite, and whatever has a DB-API 2.0 module.

Each query has a connection of its own, and sees the database as it is when it begins. Rows are streamed,
never all in memory. Nothing is ever written: PostgreSQL and SQLite are told so, with the others nothing is
committed. What went wrong is said in our words, without the database's address in them.
"""

from __future__ import annotations

import importlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from townsend.problem import Invalid, Problem, Unavailable

__all__ = ["DRIVERS", "ROWS_AT_ONCE", "Database", "Row", "database"]

DRIVERS = ("postgres", "sqlite", "dbapi:<module>")
ROWS_AT_ONCE = 5_000
_BUSY = ("08", "53", "57", "40")  # classes of SQLSTATE after which the same query may work
_BUSY_WORDS = ("locked", "timeout", "connection", "terminating")
# How a parameter is written, by the module's paramstyle.
_MARKS = {"qmark": "?", "numeric": ":1", "named": ":since", "format": "%s", "pyformat": "%(since)s"}

_READ_ONLY = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, ISOLATION LEVEL REPEATABLE READ"

Row = dict[str, Any]


class Database(Protocol):
    """A database that was not called yet.

    Attributes:
        mark: how the one parameter of a query is written.
    """

    mark: str

    def rows(self, sql: str, values: Sequence[Any]) -> Iterator[list[Row]]:
        """The rows of a query, at most ``ROWS_AT_ONCE`` at a time.

        Raises:
            Invalid: ``source.credentials``, ``source.rights``, ``source.request``.
            Unavailable: ``source.unreachable``, ``source.busy``.
        """
        ...


def database(source: str, driver: str, url: str, folder: Path, timeout_s: float) -> Database:
    """The database that the settings mean; nothing is called.

    Args:
        folder: the project's, to which the path of a SQLite file is relative.
        timeout_s: how long one query may take, where the database can be told.

    Raises:
        Invalid: ``settings.source``, ``source.package`` for a driver that is not installed.
    """
    if driver == "postgres":
        return _Postgres(source, url, timeout_s)
    if driver == "sqlite":
        return _sqlite(source, folder / url.removeprefix("sqlite:///"))
    if driver.startswith("dbapi:"):
        return _other(source, driver.removeprefix("dbapi:"), url)
    raise Invalid(
        "settings.source",
        f"sources.{source}: driver: expected {', '.join(DRIVERS)}, got {driver!r}",
        source=source,
    )


def _module(source: str, name: str, remedy: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Invalid(
            "source.package",
            f"sources.{source}: the driver {name} is not installed ({error}); {remedy}",
            source=source,
            package=name,
        ) from error


class _Words:
    """Errors of a driver in our words."""

    def __init__(self, source: str, url: str) -> None:
        self._source = source
        parts = urlsplit(url) if "://" in url else None
        self._host = (parts.hostname if parts else None) or "the database"
        password = parts.password if parts else None
        self._secrets = (url, *((password, unquote(password)) if password else ()))

    def unreachable(self, error: Exception) -> Problem:
        text = self._text(error)
        if "authentication" in text or "password" in text or "no pg_hba" in text:
            return Invalid(
                "source.credentials",
                f"sources.{self._source}: {self._host} does not let us in: {text}; correct the `url`",
                source=self._source,
            )
        return Unavailable(
            "source.unreachable",
            f"sources.{self._source}: {self._host} cannot be reached: {text}",
            source=self._source,
        )

    def query(self, error: Exception) -> Problem:
        state, text = str(getattr(error, "sqlstate", None) or ""), self._text(error)
        if state == "42501":
            return Invalid(
                "source.rights",
                f"sources.{self._source}: the user lacks a right: {text}; grant SELECT on what is read",
                source=self._source,
            )
        # While rows are already coming, the driver tells no state.
        if state[:2] in _BUSY or any(word in text for word in _BUSY_WORDS):
            return Unavailable(
                "source.busy", f"sources.{self._source}: the database gave up: {text}", source=self._source
            )
        return Invalid(
            "source.request",
            f"sources.{self._source}: the database refuses the query: {text}; correct its `sql`",
            source=self._source,
        )

    def _text(self, error: Exception) -> str:
        text = str(error)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return " ".join(text.split())[:300]


class _Postgres:
    mark = "$1"

    def __init__(self, source: str, url: str, timeout_s: float) -> None:
        self._driver = _module(source, "adbc_driver_postgresql.dbapi", "install the extra `postgres`")
        self._open: Callable[[], Any] = partial(self._driver.connect, url)
        self._timeout_ms = int(timeout_s * 1_000)
        self._words = _Words(source, url)

    def rows(self, sql: str, values: Sequence[Any]) -> Iterator[list[Row]]:
        with closing(self._connected()) as connection, closing(connection.cursor()) as cursor:
            try:
                cursor.execute(sql, list(values) or None)
                reader = cursor.fetch_record_batch()
                documents = [one.name for one in reader.schema if str(one.type) == "extension<arrow.json>"]
                for batch in reader:
                    for start in range(0, batch.num_rows, ROWS_AT_ONCE):
                        rows = batch.slice(start, ROWS_AT_ONCE).to_pylist()
                        yield [_loaded(row, documents) for row in rows]
            except (self._driver.Error, OSError) as error:
                raise self._words.query(error) from error

    def _connected(self) -> Any:
        try:
            connection = self._open()
            with closing(connection.cursor()) as cursor:
                cursor.execute(_READ_ONLY)
                cursor.execute(f"SET statement_timeout = {self._timeout_ms}")
            connection.commit()
        except (self._driver.Error, OSError) as error:
            raise self._words.unreachable(error) from error
        return connection


def _loaded(row: Row, names: Sequence[str]) -> Row:
    for name in names:
        if isinstance(row[name], str):
            row[name] = json.loads(row[name], parse_float=Decimal)
    return row


class _Plain:
    """What modules of the DB-API have in common."""

    def __init__(self, words: _Words, opens: Callable[[], Any], errors: type[Exception], mark: str) -> None:
        self.mark = mark
        self._words = words
        self._open = opens
        self._errors = errors

    def rows(self, sql: str, values: Sequence[Any]) -> Iterator[list[Row]]:
        try:
            connection = self._open()
        except (self._errors, OSError) as error:
            raise self._words.unreachable(error) from error
        with closing(connection), closing(connection.cursor()) as cursor:
            try:
                cursor.execute(sql, self._bound(values))
                names = [column[0] for column in cursor.description]
                while rows := cursor.fetchmany(ROWS_AT_ONCE):
                    yield [dict(zip(names, row, strict=True)) for row in rows]
            except self._errors as error:
                raise self._words.query(error) from error

    def _bound(self, values: Sequence[Any]) -> Sequence[Any] | Mapping[str, Any]:
        return {"since": values[0]} if values and "since" in self.mark else values


def _sqlite(source: str, path: Path) -> _Plain:
    uri = f"{path.resolve().as_uri()}?mode=ro"
    return _Plain(_Words(source, str(path)), lambda: sqlite3.connect(uri, uri=True), sqlite3.Error, "?")


def _other(source: str, module: str, url: str) -> _Plain:
    driver = _module(source, module, "install the package that brings it")
    missing = next((one for one in ("connect", "paramstyle", "Error") if not hasattr(driver, one)), None)
    if missing is not None or driver.paramstyle not in _MARKS:
        raise Invalid(
            "source.package",
            f"sources.{source}: {module} is no DB-API 2.0 module: it has no usable "
            f"{missing or 'paramstyle'}; name the one that has `connect`",
            source=source,
            package=module,
        )
    return _Plain(_Words(source, url), lambda: driver.connect(url), driver.Error, _MARKS[driver.paramstyle])
