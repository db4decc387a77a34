"""Values kept as JSON: undeclared fields, maps, arrays and what is in them.

A value of another JSON type than the one asked for is null, as ``core.Coerce`` says. JSON's null and SQL's
null both stand for a missing value.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from townsend.audiences.batch.numbers import read_number
from townsend.audiences.batch.sql import (
    FALSE,
    NULL,
    TRUE,
    Sql,
    all_of,
    case,
    cast,
    compare,
    function,
    number,
    once,
    text,
    try_cast,
)
from townsend.model import LeafType

__all__ = ["as_json", "entry", "inside", "is_array", "present", "read"]

NUMBERS = ("UBIGINT", "BIGINT", "HUGEINT", "UHUGEINT", "DOUBLE", "DECIMAL")
# ISO 8601, as values.SPELLED_INSTANT of the reference evaluator has it.
INSTANT = (
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?([Zz]|([+-])([0-9]{2})(?::?([0-9]{2}))?)?)?"
)
PIECES = ("date", "hour", "minute", "second", "fraction", "zone", "sign", "zone_hour", "zone_minute")


def as_json(stored: Sql) -> Sql:
    """A column of JSON text."""
    return cast(stored, "JSON")


def inside(value: Sql, path: Iterable[str]) -> Sql:
    """What stands at a path of names; null where a step is missing or no object."""
    for name in path:
        value = entry(value, text(name), name)
    return value


def entry(value: Sql, key: Sql, known: str | None = None) -> Sql:
    """One entry of an object; ``known`` is the key where it is a literal."""
    if known is not None and '"' not in known and "\\" not in known and known:
        return function("json_extract", value, text(f'$."{known}"'))
    # A path can't spell every key; a map can.
    return exp.Anonymous(this="map_extract_value", expressions=[try_cast(value, "MAP(VARCHAR, JSON)"), key])


def present(value: Sql) -> Sql:
    """That a value is there; never null."""
    kind = function("json_type", value)
    return function("coalesce", compare("!=", kind, text("NULL")), FALSE())


def is_array(value: Sql) -> Sql:
    """That a value is an array; null may stand for false."""
    return compare("=", function("json_type", value), text("ARRAY"))


def read(value: Sql, kind: LeafType, spelled: bool = True) -> Sql:
    """A JSON value as a scalar; null where it can't be.

    Args:
        spelled: whether text that spells a number counts as one.
    """
    return once(value, lambda whole: _read(whole, kind, spelled))


def _read(value: Sql, kind: LeafType, spelled: bool) -> Sql:
    is_text = compare("=", function("json_type", value.copy()), text("VARCHAR"))
    plain = function("json_extract_string", value.copy(), text("$"))
    if kind == "string":
        return case((is_text, plain))
    if kind == "boolean":
        word = function("lower", plain)
        true, false = compare("=", word, text("true")), compare("=", word.copy(), text("false"))
        is_boolean = compare("=", function("json_type", value.copy()), text("BOOLEAN"))
        spoken = case((true, TRUE()), (false, FALSE()))
        return case((is_boolean, try_cast(value.copy(), "BOOLEAN")), (is_text, spoken))
    kinds = [*NUMBERS, "VARCHAR"] if spelled or kind in ("datetime", "date") else NUMBERS
    is_number = exp.Paren(
        this=exp.In(
            this=function("json_type", value.copy()),
            expressions=[text(one) for one in (NUMBERS if kind in ("datetime", "date") else kinds)],
        )
    )
    figure = read_number(plain)
    if kind in ("integer", "number"):
        return case((is_number, figure))
    floored = try_cast(function("floor", figure), "BIGINT")
    return case((is_number, floored), (is_text, read_instant(plain.copy())))


def read_instant(spelled: Sql) -> Sql:
    """ISO 8601 text as epoch milliseconds, finer input floored; null where there is no such instant."""
    names = exp.Array(expressions=[text(name) for name in PIECES])
    pieces = function("regexp_extract", spelled, text(f"^(?:{INSTANT})$"), names)

    def piece(name: str) -> Sql:
        return function("struct_extract", pieces.copy(), text(name))

    def whole(name: str) -> Sql:
        return function("coalesce", try_cast(piece(name), "BIGINT"), number(0))

    day = function("epoch_ms", try_cast(piece("date"), "DATE"))
    year = cast(function("left", spelled.copy(), number(4)), "VARCHAR")
    valid = all_of(
        [
            function("regexp_full_match", spelled.copy(), text(INSTANT)),
            compare("!=", year, text("0000")),
            compare("<", whole("hour"), number(24)),
            compare("<", whole("minute"), number(60)),
            compare("<", whole("second"), number(60)),
            compare("<", whole("zone_hour"), number(24)),
            compare("<", whole("zone_minute"), number(60)),
        ]
    )
    thousandths = try_cast(
        function("rpad", function("left", piece("fraction"), number(3)), number(3), text("0")), "BIGINT"
    )
    offset = _sum(_times(whole("zone_hour"), 3_600_000), _times(whole("zone_minute"), 60_000))
    signed = case((compare("=", piece("sign"), text("-")), exp.Neg(this=offset)), otherwise=offset.copy())
    clock = _sum(
        _times(whole("hour"), 3_600_000),
        _times(whole("minute"), 60_000),
        _times(whole("second"), 1_000),
        function("coalesce", thousandths, number(0)),
    )
    return case((valid, exp.Paren(this=exp.Sub(this=_sum(day, clock), expression=signed))), otherwise=NULL())


def _times(value: Sql, factor: int) -> Sql:
    return exp.Paren(this=exp.Mul(this=value, expression=number(factor)))


def _sum(*values: Sql) -> Sql:
    whole = values[0]
    for value in values[1:]:
        whole = exp.Add(this=whole, expression=value)
    return exp.Paren(this=whole)
