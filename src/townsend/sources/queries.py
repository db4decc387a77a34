"""Queries as the settings of a SQL source say them, and what makes rows of a class of their rows.

Without a mapping a column's name is the path of a field, as in ``"accountKey.sourceKey"``; values take the
type that the schema declares. With one, the table of the query's name says what becomes of its columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from townsend.model import XREF, XREF_CLASS, EntityClass, Shape, builtin_schema
from townsend.problem import Invalid
from townsend.sources.rowtables import instance_of, maker, table_of
from townsend.sources.tables import MappingChanges
from townsend.sources.values import READERS

__all__ = ["Query", "queries_of", "span_of"]

Row = Mapping[str, Any]
Make = Callable[[Row], Mapping[str, Any]]
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPAN = re.compile(r"(\d+)\s*(second|minute|hour|day)s?", re.ASCII)
_KEYS = ("sql", "class", "cursor", "deleted", "mode")
_NO = frozenset({"0", "f", "false", "n", "no", ""})


@dataclass(frozen=True)
class Query:
    """A stream of a SQL source.

    Args:
        sql: as written, without a condition about the cursor.
        cls: the class of its rows.
        key: path of the key of that class.
        maker: what makes a row of the class of a row of the query; asked for anew with each pull.
        cursor: the column that grows with each change; None to read everything each time.
        deleted: the column that says that a record is gone: true, or when it went.
        snapshot: what is not among the rows is gone.
    """

    name: str
    sql: str
    cls: str
    key: tuple[str, ...]
    maker: Callable[[], Make]
    cursor: str | None = None
    deleted: str | None = None
    snapshot: bool = False

    def text(self, mark: str, *, since: bool) -> str:
        """The query that is sent, with its one parameter if rows are read since some value."""
        found = f"SELECT * FROM ({self.sql}) townsend_rows"
        if self.cursor is None:
            return found
        where = f" WHERE {self.cursor} >= {mark} OR {self.cursor} IS NULL" if since else ""
        return f"{found}{where} ORDER BY {self.cursor}"

    def check(self, row: Row) -> None:
        """Complain about a column that the query lacks.

        Raises:
            Invalid: ``settings.source``.
        """
        for key, column in (("cursor", self.cursor), ("deleted", self.deleted)):
            if column is not None and column not in row:
                raise Invalid(
                    "settings.source",
                    f"queries.{self.name}.{key}: the query has no column {column!r}; it has {', '.join(row)}",
                )

    def row(self, row: Row, make: Make) -> Mapping[str, Any]:
        """A row of the class."""
        made = make({name: _aware(value) for name, value in row.items()})
        if self.deleted is not None and _is_true(row[self.deleted]):
            return {**made, "isDeleted": True}
        return made


def queries_of(source: str, settings: Mapping[str, Any]) -> dict[str, Query]:
    """The queries by name, in the order of the settings.

    Raises:
        Invalid: ``settings.source``, ``settings.key``, ``class.unknown``, ``mapping.table``.
    """
    bodies = settings["queries"]
    if not isinstance(bodies, Mapping) or not bodies:
        raise _wrong(source, f"queries: expected `{{account: {{sql: SELECT …}}}}`, got {bodies!r}")
    return {str(name): _query(source, settings, str(name), body) for name, body in bodies.items()}


def span_of(source: str, key: str, value: Any) -> timedelta:
    """A length of time as settings say it.

    Raises:
        Invalid: ``settings.source``.

    >>> span_of("erp", "overlap", "10 minutes")
    datetime.timedelta(seconds=600)
    """
    found = _SPAN.fullmatch(str(value).strip().lower())
    if found is None:
        raise _wrong(source, f"{key}: expected a span such as 10 minutes, got {value!r}")
    return timedelta(**{f"{found[2]}s": int(found[1])})


def _query(source: str, settings: Mapping[str, Any], name: str, body: Any) -> Query:
    if not isinstance(body, Mapping) or not isinstance(body.get("sql"), str) or not body["sql"].strip():
        raise _wrong(source, f"queries.{name}: expected `sql: SELECT …`, got {body!r}")
    if unknown := next((key for key in body if key not in _KEYS), None):
        raise Invalid(
            "settings.key",
            f"sources.{source}: queries.{name}: unknown key {unknown!r}; known keys: {', '.join(_KEYS)}",
            source=source,
        )
    sql = body["sql"].strip().rstrip(";").strip()
    if "$cursor" in sql:
        raise _wrong(
            source,
            f"queries.{name}: leave out the condition about the cursor and the order: they are added around "
            "the query. Say which column it is by `cursor`",
        )
    mode = body.get("mode", "delta")
    if mode not in ("delta", "snapshot"):
        raise _wrong(source, f"queries.{name}.mode: expected delta or snapshot, got {mode!r}")
    entity = _entity(settings, str(body.get("class", name)))
    if mode == "snapshot" and (entity.key is None or body.get("cursor") is not None):
        raise _wrong(
            source, f"queries.{name}: a snapshot is read whole, without a cursor, and has rows with a key"
        )
    return Query(
        name,
        sql,
        entity.name,
        tuple(str(entity.key or "").split(".")),
        _maker(source, settings, name, body, entity),
        _column(source, name, body, "cursor"),
        _column(source, name, body, "deleted"),
        mode == "snapshot",
    )


def _column(source: str, name: str, body: Mapping[str, Any], key: str) -> str | None:
    value = body.get(key)
    if value is not None and not _COLUMN.fullmatch(str(value)):
        raise _wrong(source, f"queries.{name}.{key}: expected the plain name of a column, got {value!r}")
    return value


def _entity(settings: Mapping[str, Any], cls: str) -> EntityClass:
    if cls == XREF:
        return XREF_CLASS
    changes = settings.get("mapping")
    schema = changes.schema if isinstance(changes, MappingChanges) else None
    return (schema or builtin_schema()).entity_class(cls)


def _maker(
    source: str, settings: Mapping[str, Any], name: str, body: Row, entity: EntityClass
) -> Callable[[], Make]:
    table = table_of(source, settings, entity.name, name)
    if table is None:
        fields = {*entity.shape.names()}
        own = {str(body[key]) for key in ("cursor", "deleted") if body.get(key) is not None} - fields
        return lambda: lambda row: _as_it_is(entity.shape, row, own)
    if table.cls != entity.name or table.each is not None:
        raise Invalid(
            "mapping.table",
            f"sources.{source}: the table {name} makes rows of {table.cls}, the query is of {entity.name}; "
            "each makes one row of one",
            source=source,
        )
    instance = instance_of(source, settings, "SQL")

    def mapped() -> Make:
        make = maker(instance, table)
        return lambda row: make(row)[0]

    return mapped


def _as_it_is(shape: Shape, row: Row, own: Collection[str]) -> dict[str, Any]:
    """Columns named by paths as a nested row, values read as declared; NULL and our own ones are absent."""
    found: dict[str, Any] = {}
    for path, value in row.items():
        if value is None or path in own:
            continue
        leaf = shape.leaves.get(path)
        if leaf is not None:
            value = READERS[leaf.type](value)
        elif isinstance(value, str) and (path in shape.arrays or path in shape.maps or path in shape.objects):
            value = _document(value)
        inner = found
        *outer, last = path.split(".")
        for name in outer:
            inner = inner.setdefault(name, {})
        inner[last] = value
    return found


def _document(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        return text


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def _is_true(value: Any) -> bool:
    """Whether a column says that a record is gone: true in any spelling, or an instant at which it went."""
    if value is None or isinstance(value, bool):
        return bool(value)
    return str(value).strip().lower() not in _NO


def _wrong(source: str, text: str) -> Invalid:
    return Invalid("settings.source", f"sources.{source}: {text}", source=source)
