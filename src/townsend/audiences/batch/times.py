"""When an instant lies where a tail says, in SQL.

``instants`` decides what a window means. Bounds that depend on nothing but now are numbers in the query, so
that DuckDB skips what lies outside; a bound that hangs on another timestamp is computed row by row.
"""

from __future__ import annotations

from decimal import Decimal

from sqlglot import exp

from townsend.audiences import instants
from townsend.audiences.batch.frame import Env, Lowering
from townsend.audiences.batch.sql import Sql, all_of, any_of, case, cast, compare, function, number
from townsend.audiences.core import Expr, Occurs, Tail, Unit
from townsend.audiences.walk import free, tail_parts

__all__ = ["earliest", "occurs", "shifted_by", "within"]

MONTHS: dict[Unit, int] = {"month": 1, "year": 12, "decade": 120, "century": 1_200, "millennium": 12_000}
MONTHS_MAX = 12 * 100_000  # DuckDB's timestamps reach 290,000 years; no fact lies beyond this
# Stands for a timestamp that is known only row by row; wider than any instant.
ROW_BITS = 100


def occurs(low: Lowering, node: Occurs, env: Env, definite: bool) -> Sql:
    """An instant lies where the tail says."""
    found = low.within(low.value(node.value, env), node.tail, env)
    return function("coalesce", found, exp.false()) if definite else found


def within(low: Lowering, value: Sql, tail: Tail, env: Env) -> Sql:
    """See ``Lowering.within``."""
    by_row: list[Sql] = []

    def resolve(expr: Expr) -> int | Decimal | None:
        if free(expr):
            by_row.append(low.value(expr, env))
            return len(by_row) << ROW_BITS
        known = low.constant(expr)
        return known if isinstance(known, int | Decimal) else None

    stretches = instants.stretches(tail, resolve)
    if not by_row:
        return any_of(
            _between(value, *one) for one in instants.interval(tail, low.tables.now_ms, low_known(low))
        )
    found = []
    for lower, upper in stretches:
        bounds = [compare(">=", value.copy(), _edge(edge, by_row, low.tables.now_ms)) for edge in lower]
        bounds += [compare("<", value.copy(), _edge(edge, by_row, low.tables.now_ms)) for edge in upper]
        found.append(all_of(bounds))
    return any_of(found)


def earliest(low: Lowering, tail: Tail) -> int | None:
    """The first instant for which a tail can hold; None if it hangs on a row, or reaches back for ever."""
    if any(free(part) for part in tail_parts(tail)):
        return None
    found = instants.interval(tail, low.tables.now_ms, low_known(low))
    return found[0][0] if found else None


def low_known(low: Lowering) -> instants.Resolve:
    """Resolves what depends on nothing but now."""

    def resolve(expr: Expr) -> int | Decimal | None:
        known = low.constant(expr)
        return known if isinstance(known, int | Decimal) else None

    return resolve


def _between(value: Sql, lower: int | None, upper: int | None) -> Sql:
    bounds = []
    if lower is not None:
        bounds.append(compare(">=", value.copy(), number(lower)))
    if upper is not None:
        bounds.append(compare("<", value.copy(), number(upper)))
    return all_of(bounds)


def _edge(edge: instants.Edge, by_row: list[Sql], now_ms: int) -> Sql:
    """Where an edge is, as SQL."""
    place = edge.anchor >> ROW_BITS if isinstance(edge.anchor, int) else 0
    if not isinstance(edge.anchor, int) or place <= 0:
        return number(edge.at(now_ms))
    moment = by_row[place - 1].copy()
    beyond = edge.anchor - (place << ROW_BITS)
    if beyond:
        moment = exp.Paren(this=exp.Add(this=moment, expression=number(beyond)))
    for count, unit in edge.shifts:
        moment = shifted_by(moment, count, unit)
    return moment


def shifted_by(moment: Sql, count: int, unit: Unit) -> Sql:
    """``instants.shift`` in SQL."""
    if unit not in MONTHS:
        size = instants.shift(0, 1, unit)
        far = max(-(2**61), min(2**61, count * size))
        return exp.Paren(this=exp.Add(this=moment, expression=number(far)))
    months = count * MONTHS[unit]
    if abs(months) > MONTHS_MAX:
        return number(instants.FARTHEST if months > 0 else -instants.FARTHEST)
    stamp = function("epoch_ms", moment)
    begin = function("date_trunc", exp.Literal.string("month"), stamp)
    arrived = exp.Add(this=begin, expression=function("to_months", number(months)))
    day = function("day", stamp.copy())
    last = function("day", function("last_day", arrived.copy()))
    next_month = function(
        "epoch_ms", exp.Paren(this=exp.Add(this=arrived.copy(), expression=function("to_months", number(1))))
    )
    # Days and the time of day, since the first instant of the month.
    since = exp.Sub(this=moment.copy(), expression=function("epoch_ms", begin.copy()))
    same_day = exp.Add(this=function("epoch_ms", exp.Paren(this=arrived)), expression=exp.Paren(this=since))
    return function("try", cast(case((compare(">", day, last), next_month), otherwise=same_day), "BIGINT"))
