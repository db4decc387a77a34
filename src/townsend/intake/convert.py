"""From what came to what is declared: one SQL expression per kind of input and declared type.

An expression is null where the value can't be read as declared; a value that came and reads as null
is wrong. Text must spell a type fully: no guessing, no local formats.

* number: nine places, half to even, from the exact spelling. integer: a number without a fraction.
* datetime: ISO 8601 with an offset or ``Z``, or a date alone (its UTC midnight); as a number epoch
  seconds below 10^11, else milliseconds; finer than a millisecond is floored. date: its UTC midnight.
* A Parquet timestamp without time zone is UTC. NaN is absent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext

import duckdb
import msgspec
import pyarrow as pa

from townsend.intake.batch import Column, Kind
from townsend.intake.functions import function, own_functions
from townsend.intake.items import Wrong, array_text, decoder, json_text, map_text, undeclared_in
from townsend.model import LeafType, Shape
from townsend.store.facts import Facts
from townsend.store.facts_values import normal_value

__all__ = ["EXPECTED", "FINE", "NUMERAL", "converted", "document", "register", "undeclared", "usable"]

EXPECTED: Mapping[LeafType, str] = {
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number of at most 64 bits",
    "number": "a number",
    "datetime": "an instant such as 2026-11-22T12:00:00Z",
    "date": "a date such as 2026-11-22",
}

NUMERAL = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"
FINE = r"[eE]|\.\d{10}"
_ISO = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?))?"
# From the year 1 to the end of the year 9999, which every language and engine can name.
_INSTANT_MS_MIN = -62_135_596_800_000
_INSTANT_MS_MAX = 253_402_300_800_000
_DAY_MS = 86_400_000


def converted(column: Column, kind: LeafType) -> str:
    """The expression that reads a column as a declared leaf; null if it can't be read so."""
    by_target = {
        "string": _string,
        "boolean": _boolean,
        "integer": _integer,
        "number": _number,
        "datetime": _instant,
        "date": _day,
    }
    read = by_target[kind](column.kind, column.sql)
    if kind in ("datetime", "date"):
        return f"CASE WHEN {read} BETWEEN {_INSTANT_MS_MIN} AND {_INSTANT_MS_MAX - 1} THEN {read} END"
    return read


def usable(column: Column) -> str:
    """Whether there is a value at all."""
    if column.kind == "double":
        return f"({column.sql} IS NOT NULL AND NOT isnan({column.sql}))"
    if column.kind == "json":
        return f"({column.sql} IS NOT NULL AND {column.sql} <> 'null')"
    return f"{column.sql} IS NOT NULL"


def document(cls: str, column: Column) -> str:
    """The expression that reads a column as an array or map that a class declares; null if it can't be."""
    if column.kind == "document":
        return column.sql
    text = column.sql if column.kind == "text" else f"CAST(to_json({column.sql}) AS VARCHAR)"
    owner, path = (name.replace("'", "''") for name in (cls, column.path))
    drop = "true" if column.kind == "nested" else "false"
    return (
        f"{function('document')}('{owner}', '{path}', {text}, {drop})"
        if column.kind in ("text", "nested")
        else "NULL"
    )


def undeclared(cls: str, path: str, sql: str) -> str:
    """The expression for the first undeclared field in the items of an array; null if there is none."""
    owner, name = (one.replace("'", "''") for one in (cls, path))
    return f"{function('undeclared')}('{owner}', '{name}', {sql})"


def register(facts: Facts, shapes: Mapping[str, Shape], priority: Sequence[str]) -> None:
    """Teach the connection the functions that these expressions use; not inside a transaction.

    One that is rolled back takes them out of the store, but not off the connection's list, and then they
    can neither be removed nor made again.

    Args:
        facts: the store.
        shapes: the fields of each class that rows will be read of.
        priority: namespaces, highest first: which identity of a map stands for a record without a key.
    """
    con = facts.con
    # The stub knows neither names of modes nor arrays as arguments.
    make: Callable[..., object] = con.create_function

    def rounded(texts: pa.Array) -> pa.Array:
        return pa.array([_nine_places(text) for text in texts.to_pylist()], pa.string())

    def documents(classes: pa.Array, paths: pa.Array, texts: pa.Array, drops: pa.Array) -> pa.Array:
        rows = zip(*(one.to_pylist() for one in (classes, paths, texts, drops)), strict=True)
        return pa.array([_document(shapes[cls], *rest) for cls, *rest in rows], pa.string())

    def undeclared(classes: pa.Array, paths: pa.Array, texts: pa.Array) -> pa.Array:
        rows = zip(*(one.to_pylist() for one in (classes, paths, texts)), strict=True)
        return pa.array([_undeclared(shapes[cls], *rest) for cls, *rest in rows], pa.string())

    def plain(texts: pa.Array) -> pa.Array:
        return pa.array([_plain(text) for text in texts.to_pylist()], pa.string())

    def first(texts: pa.Array) -> pa.Array:
        return pa.array([_first_identity(text, priority) for text in texts.to_pylist()], pa.string())

    own_functions(facts)
    for what, body, kinds in (
        ("plain", plain, ["VARCHAR"]),
        ("first_identity", first, ["VARCHAR"]),
        ("nine_places", rounded, ["VARCHAR"]),
        ("document", documents, ["VARCHAR", "VARCHAR", "VARCHAR", "BOOLEAN"]),
        ("undeclared", undeclared, ["VARCHAR", "VARCHAR", "VARCHAR"]),
    ):
        # Asking first would list thousands of functions, which takes longer than a small lot.
        name = function(what)
        with suppress(duckdb.InvalidInputException):
            con.remove_function(name)
        make(name, body, kinds, "VARCHAR", type="arrow", null_handling="special")


def _nine_places(text: str | None) -> str | None:
    try:
        with localcontext() as context:
            context.prec = 60
            return (
                None
                if text is None
                else format(Decimal(text).quantize(Decimal("1e-9"), ROUND_HALF_EVEN), "f")
            )
    except InvalidOperation:
        return None


def _document(shape: Shape, path: str, text: str | None, drop_nulls: bool) -> str | None:
    if text is None:
        return None
    try:
        value = decoder.decode(text)
        if drop_nulls:
            value = _without_nulls(value)
        return map_text(path, value) if path in shape.maps else array_text(shape.arrays[path], value)
    except (Wrong, msgspec.DecodeError):
        return None


def _undeclared(shape: Shape, path: str, text: str | None) -> str | None:
    return None if text is None else undeclared_in(shape.arrays[path], decoder.decode(text))


def _plain(text: str | None) -> str | None:
    return None if text is None else json_text(_without_nulls(decoder.decode(text)))


def _first_identity(text: str | None, priority: Sequence[str]) -> str | None:
    """Namespace and value, apart by U+001F, of the identity of highest priority in an identity map."""
    found: list[tuple[int, str, str]] = []
    for space, entries in (decoder.decode(text) if text else {}).items():
        rank = priority.index(space) if space in priority else len(priority)
        for entry in entries or ():
            given = entry.get("id")
            value = None if given is None else normal_value(space, str(given))
            if value is not None:
                found.append((rank, space, value))
    return "\x1f".join(min(found)[1:]) if found else None


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value


# ---------------------------------------------------------------- by declared type


def _string(kind: Kind, sql: str) -> str:
    if kind in ("string", "text"):
        return f"nfc_normalize({sql})"
    if kind == "json":
        return f"CASE WHEN {sql} LIKE '\"%' THEN nfc_normalize({sql} ->> '$') END"
    return "CAST(NULL AS VARCHAR)"


def _boolean(kind: Kind, sql: str) -> str:
    if kind == "boolean":
        return sql
    if kind == "text":
        return f"CASE lower(trim({sql})) WHEN 'true' THEN true WHEN 'false' THEN false END"
    if kind == "json":
        return f"CASE {sql} WHEN 'true' THEN true WHEN 'false' THEN false END"
    return "CAST(NULL AS BOOLEAN)"


def _number(kind: Kind, sql: str) -> str:
    if kind in ("integer", "decimal"):
        # A decimal with more than nine places is rare; it takes the way of text, to be rounded half-even.
        return (
            f"TRY_CAST({sql} AS DECIMAL(38,9))"
            if kind == "integer"
            else _of_numeral(f"CAST({sql} AS VARCHAR)")
        )
    if kind == "double":
        return f"CASE WHEN isfinite({sql}) THEN {_of_numeral(f'CAST({sql} AS VARCHAR)')} END"
    if kind == "numeral":
        return _of_numeral(sql)
    if kind == "text":
        return _if_numeral(f"trim({sql})")
    if kind == "json":
        return _if_numeral(sql)
    return "CAST(NULL AS DECIMAL(38,9))"


def _of_numeral(sql: str) -> str:
    fine = f"TRY_CAST({function('nine_places')}({sql}) AS DECIMAL(38,9))"
    return f"CASE WHEN regexp_matches({sql}, '{FINE}') THEN {fine} ELSE TRY_CAST({sql} AS DECIMAL(38,9)) END"


def _if_numeral(sql: str) -> str:
    return f"CASE WHEN regexp_full_match({sql}, '{NUMERAL}') THEN {_of_numeral(sql)} END"


def _integer(kind: Kind, sql: str) -> str:
    if kind == "integer":
        return f"TRY_CAST({sql} AS BIGINT)"
    if kind not in ("decimal", "double", "numeral", "text", "json"):
        return "CAST(NULL AS BIGINT)"
    number = _number(kind, sql)
    return f"CASE WHEN ({number}) = trunc({number}) THEN TRY_CAST(({number}) AS BIGINT) END"


def _instant(kind: Kind, sql: str) -> str:
    if kind == "timestamp":
        return _floored(f"epoch_us({sql})")
    if kind == "date":
        return f"epoch_ms(CAST({sql} AS TIMESTAMP))"
    if kind == "string":
        return _of_iso(sql)
    if kind == "text":
        return f"coalesce({_of_iso(f'trim({sql})')}, {_of_epoch(_if_numeral(f'trim({sql})'))})"
    if kind == "json":
        text = f"CASE WHEN {sql} LIKE '\"%' THEN {sql} ->> '$' END"
        return f"coalesce({_of_iso(text)}, {_of_epoch(_if_numeral(sql))})"
    if kind in ("integer", "decimal", "double", "numeral"):
        return _of_epoch(_number(kind, sql))
    return "CAST(NULL AS BIGINT)"


def _day(kind: Kind, sql: str) -> str:
    if kind in ("integer", "decimal", "double", "numeral"):
        return "CAST(NULL AS BIGINT)"
    if kind == "text":
        kind, sql = "string", f"trim({sql})"
    elif kind == "json":
        kind, sql = "string", f"CASE WHEN {sql} LIKE '\"%' THEN {sql} ->> '$' END"
    instant = _instant(kind, sql)
    return f"({instant}) - ((({instant}) % {_DAY_MS}) + {_DAY_MS}) % {_DAY_MS}"


def _of_iso(sql: str) -> str:
    instant = _floored(f"epoch_us(TRY_CAST({sql} AS TIMESTAMPTZ))")
    return f"CASE WHEN regexp_full_match({sql}, '{_ISO}') THEN {instant} END"


def _floored(micros: str) -> str:
    # epoch_ms rounds, and // cuts towards zero; before 1970 that is another millisecond.
    return f"({micros} - ({micros} % 1000 + 1000) % 1000) // 1000"


def _of_epoch(number: str) -> str:
    d = f"({number})"
    return (
        f"CASE WHEN abs{d} < 100000000000 THEN CAST(floor({d} * 1000) AS BIGINT) "
        f"WHEN abs{d} < {_INSTANT_MS_MAX} THEN CAST(floor{d} AS BIGINT) END"
    )
