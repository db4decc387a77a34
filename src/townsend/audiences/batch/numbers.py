"""Exact numbers in SQL: what the reference evaluator's ``numbers`` does, on DECIMAL(38, 9).

A magnitude of 2^63 or more is null; so is division or modulo by zero. What leaves DECIMAL(38, 9) on its
way is too large anyway, so it is null too; only ``sum`` can't say so, and fails (see ``evaluate``).
"""

from __future__ import annotations

from decimal import Decimal

from sqlglot import exp

from townsend.audiences.batch.sql import Sql, case, cast, compare, function, number, once, text, try_cast

__all__ = ["DECIMAL", "average", "compute", "constant", "exact", "fit", "read_number"]

DECIMAL = "DECIMAL(38, 9)"
FITS = "DECIMAL(28, 9)"  # 19 digits before the point
SPARE = 10**19 - 2**63  # how much more those 19 digits reach than 64 bits do
WIDE = "DECIMAL(38, 18)"
HALVED = "DECIMAL(37, 18)"  # half of it, with a place more, still fits
NEAR = "DECIMAL(37, 9)"
BOUND = Decimal(10) ** 28  # beyond every stored number, and still a DECIMAL(38, 9)
OPERATORS: dict[str, type[exp.Binary]] = {
    "+": exp.Add,
    "-": exp.Sub,
    "*": exp.Mul,
    "/": exp.Div,
    "%": exp.Mod,
}
SPELLED = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?"


def constant(value: int | Decimal) -> Sql:
    """A literal; one that no stored number can reach is drawn in to where it compares the same."""
    drawn = max(-BOUND, min(BOUND, Decimal(value)))
    if isinstance(value, int) and drawn == value:
        return number(value)
    return cast(text(f"{drawn:f}"), DECIMAL)


def exact(value: Sql) -> Sql:
    """An integer or decimal as DECIMAL(38, 9)."""
    return cast(value, DECIMAL)


def fit(value: Sql) -> Sql:
    """Null if the magnitude reaches 2^63.

    Moved up by what 19 digits have to spare, a number fits them only if it is below 2^63, and moved down
    only if it is above -2^63. So the number is written once, however deep expressions nest.
    """
    spare = number(SPARE)
    below = try_cast(_plain("+", try_cast(value, FITS), spare), FITS)
    above = try_cast(_plain("-", below, number(2 * SPARE)), FITS)
    return cast(_plain("+", above, spare.copy()), DECIMAL)


def compute(op: str, left: Sql, right: Sql) -> Sql:
    """One operation on two numbers; null if a side is."""
    if op == "+":
        return fit(_plain("+", _near(left), _near(right)))
    if op == "-":
        return fit(_plain("-", _near(left), _near(right)))
    if op == "*":
        return fit(_half_even(cast(_product(exact(left), exact(right)), WIDE)))
    divisor = once(exact(right), lambda side: function("nullif", side, number(0)))
    if op == "%":
        return fit(_plain("%", exact(left), divisor))
    return _from_double(_plain("/", cast(exact(left), "DOUBLE"), cast(divisor, "DOUBLE")))


def _near(value: Sql) -> Sql:
    """A number to be added, null from 10^28 on: so far the sum of two still is a DECIMAL(38, 9)."""
    return try_cast(value, NEAR)


def _product(left: Sql, right: Sql) -> Sql:
    """The exact product; null if it is too large for WIDE."""
    product = _plain("*", left, right)
    if product.find(exp.Select) is None:
        return function("try", product)
    # TRY takes no query inside it. A double is near enough to tell what fits from what does not.
    return once(function("row", left, right), _sized_product)


def _sized_product(sides: Sql) -> Sql:
    def side(place: int) -> Sql:
        return function("struct_extract", sides.copy(), number(place))

    size = _plain("*", *(function("abs", cast(side(place), "DOUBLE")) for place in (1, 2)))
    return case((compare("<", size, number(10**19)), _plain("*", side(1), side(2))))


def average(total: Sql, count: Sql) -> Sql:
    """An exact sum divided by a count, as doubles; null of nothing."""
    return _from_double(
        _plain("/", cast(fit(total), "DOUBLE"), cast(function("nullif", count, number(0)), "DOUBLE"))
    )


def read_number(spelled: Sql) -> Sql:
    """Text as a number rounded half-even to nine places; null unless it spells one below 2^63."""
    return once(function("trim", spelled, text(" \t\r\n")), _read_trimmed)


def _read_trimmed(spelled: Sql) -> Sql:
    whole = function("regexp_full_match", spelled, text(SPELLED))
    return case((whole, fit(_half_even(try_cast(spelled.copy(), WIDE)))))


def _from_double(value: Sql) -> Sql:
    """The double's exact value rounded half-even to nine places, as C's ``%.9f`` prints it."""
    # Infinities and NaN print as words, which TRY_CAST turns into null.
    return fit(try_cast(function("format", text("{:.9f}"), value), DECIMAL))


def _half_even(wide: Sql) -> Sql:
    """A DECIMAL(38, 18) rounded to nine places, ties to the even one.

    DuckDB's cast rounds ties away from zero. Twice the half of a tie, rounded, is its even neighbour.
    """
    return once(wide, _to_even)


def _to_even(wide: Sql) -> Sql:
    rest = _plain("%", wide, cast(text("0.000000001"), WIDE))
    tie = compare("=", function("abs", rest), cast(text("0.0000000005"), WIDE))
    half = _plain("*", try_cast(wide.copy(), HALVED), cast(text("0.5"), "DECIMAL(2, 1)"))
    even = _plain("*", cast(half, DECIMAL), number(2))
    return cast(case((tie, even), otherwise=cast(wide.copy(), DECIMAL)), DECIMAL)


def _plain(op: str, left: Sql, right: Sql) -> Sql:
    return exp.Paren(this=OPERATORS[op](this=left, expression=right))
