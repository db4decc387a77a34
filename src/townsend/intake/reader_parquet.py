"""Parquet files: columns all the way, whole ranges of rows at a time.

Nested structs and dotted column names are the same thing. Null is absent. Lists and maps take a
detour through Python, value by value; everything else stays in DuckDB's vectors.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from gzip import open as open_gzip
from pathlib import Path
from typing import Any

import duckdb

from townsend.intake.batch import Batch, Column, Kind
from townsend.intake.flatten import keep
from townsend.intake.functions import function
from townsend.intake.items import json_text
from townsend.intake.undeclared import document_sql, grown, paths_of
from townsend.model import EntityClass
from townsend.problem import Invalid
from townsend.store.facts import Facts
from townsend.store.facts_schema import identifier

__all__ = ["ROWS_PER_LOT", "parquet_batches", "plain_copy"]

# Whole groups of rows as DuckDB stores them: what is left over would be logged first, and written twice.
ROWS_PER_LOT = 4 * 122_880
_SIGNED = {"tinyint", "smallint", "integer", "bigint", "hugeint"}
_INTEGERS = _SIGNED | {"utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"}
_TIMESTAMPS = {"timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone"}
_NESTED = {"list", "array", "struct", "map", "union"}


@dataclass
class _Found:
    """The columns of a file, declared and not."""

    declared: dict[str, Column] = field(default_factory=dict)
    undeclared: dict[str, str] = field(default_factory=dict)


def parquet_batches(facts: Facts, path: Path, cls: EntityClass) -> Iterator[Batch]:
    """The rows of a file in lots.

    Raises:
        Invalid: ``file.unreadable``; ``file.column`` for a column of another form than declared.
    """
    with plain_copy(path) as plain:
        rows, found = _survey(facts, plain, path, cls)
        tree = grown(found.undeclared) if found.undeclared else None
        source = f"read_parquet({_text(plain)}, file_row_number = true)"
        for start in range(0, rows, ROWS_PER_LOT):
            count = min(ROWS_PER_LOT, rows - start)
            yield Batch(
                relation=f"(FROM {source} WHERE file_row_number BETWEEN {start} AND {start + count - 1})",
                rows=count,
                columns=list(found.declared.values()),
                place=lambda ordinal: f"{path}:row {ordinal + 1}",
                raw=lambda ordinals: _raw(facts, source, ordinals),
                extra=document_sql(tree) if tree else None,
                undeclared=paths_of(tree) if tree else frozenset(),
                ordinal="file_row_number",
            )


@contextmanager
def plain_copy(path: Path) -> Iterator[Path]:
    """The file itself, or its uncompressed copy."""
    if path.suffix.lower() != ".gz":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.stem
        with open_gzip(path, "rb") as packed, copy.open("wb") as out:
            shutil.copyfileobj(packed, out, 1 << 20)
        yield copy


def _survey(facts: Facts, plain: Path, path: Path, cls: EntityClass) -> tuple[int, _Found]:
    found = _Found()
    try:
        relation = facts.con.sql(f"SELECT * FROM read_parquet({_text(plain)})")
        for name, kind in zip(relation.columns, relation.types, strict=True):
            _visit(found, cls, path, name, identifier(name), kind)
        count = facts.one(f"SELECT sum(num_rows) FROM parquet_file_metadata({_text(plain)})")
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.NotImplementedException) as error:
        if not plain.exists():
            raise FileNotFoundError(path) from error
        reason = str(error).splitlines()[0]
        raise Invalid(
            "file.unreadable",
            f"{path}: expected a Parquet file, but it can't be read as one ({reason}); write it again",
            path=str(path),
        ) from error
    return int(count[0] or 0) if count else 0, found


def _visit(found: _Found, cls: EntityClass, file: Path, path: str, sql: str, kind: Any) -> None:
    shape = cls.shape
    if path in shape.leaves:
        found.declared[path] = Column(path, _kind(kind), _micros(sql, kind))
    elif path in shape.arrays or path in shape.maps:
        found.declared[path] = Column(path, "nested" if kind.id in _NESTED else _document_kind(kind), sql)
    elif kind.id == "struct":
        for name, inner in kind.children:
            _visit(found, cls, file, f"{path}.{name}", f"struct_extract({sql}, {_text(name)})", inner)
    elif path in shape.objects:
        inside = min(name for name in shape.names() if name.startswith(path + "."))
        raise Invalid(
            "file.column",
            f"{file}: the column {path!r} stands for an object; expected a struct, or a column for each of "
            f"its fields, such as {inside!r}, got {kind}; rename the column",
            path=path,
        )
    else:
        found.undeclared[path] = _json(sql, kind)


def _kind(kind: Any) -> Kind:
    name = str(kind.id).lower()
    if name in ("varchar", "enum", "uuid"):
        return "string"
    if name == "boolean":
        return "boolean"
    if name in _INTEGERS:
        return "integer"
    if name == "decimal":
        return "decimal"
    if name in ("float", "double"):
        return "double"
    if name in _TIMESTAMPS:
        return "timestamp"
    return "date" if name == "date" else "other"


def _document_kind(kind: Any) -> Kind:
    return "text" if str(kind.id).lower() == "varchar" else "other"


def _json(sql: str, kind: Any) -> str:
    """The JSON text of an undeclared value."""
    name = str(kind.id).lower()
    if name in _TIMESTAMPS:
        micros = _micros(sql, kind)
        instant = micros if name == "timestamp with time zone" else f"CAST({micros} AS TIMESTAMP)"
        return f"'\"' || strftime({instant}, '%Y-%m-%dT%H:%M:%S.%gZ') || '\"'"
    if name in ("float", "double"):
        return f"CASE WHEN isfinite({sql}) THEN CAST(to_json({sql}) AS VARCHAR) END"
    if name in _NESTED:
        return f"{function('plain')}(CAST(to_json({sql}) AS VARCHAR))"
    if name == "varchar":
        return f"CAST(to_json(nfc_normalize({sql})) AS VARCHAR)"
    return f"CAST(to_json({sql}) AS VARCHAR)"


def _micros(sql: str, kind: Any) -> str:
    """A timestamp in nanoseconds cut to microseconds, which a cast would round; others as they are."""
    if str(kind.id).lower() != "timestamp_ns":
        return sql
    nanos = f"epoch_ns({sql})"
    return f"make_timestamp(({nanos} - ({nanos} % 1000 + 1000) % 1000) // 1000)"


def _raw(facts: Facts, source: str, ordinals: Sequence[int]) -> dict[int, str]:
    """Rows as JSON text, read again."""
    relation = facts.con.execute(
        f"SELECT * FROM {source} WHERE file_row_number IN (SELECT unnest(?::BIGINT[]))", [list(ordinals)]
    )
    names = [column[0] for column in relation.description or ()]
    found: dict[int, str] = {}
    for values in relation.fetchall():
        row: dict[str, Any] = {}
        for name, value in zip(names, values, strict=True):
            if value is not None and name != "file_row_number":
                keep(row, name, _present(value))
        found[int(values[names.index("file_row_number")])] = json_text(row)
    return found


def _present(value: Any) -> Any:
    """The value without what is null in it, naive instants in UTC."""
    if isinstance(value, dict):
        return {name: _present(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_present(inner) for inner in value]
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
