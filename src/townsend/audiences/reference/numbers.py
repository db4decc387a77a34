"""Exact numbers: integers, and decimals of nine places; null instead of anything that doesn't fit.

Results of ``+ - *`` are rounded half-even to nine places. ``/`` and ``average`` are one operation on doubles,
whose exact value is rounded the same way. What does not fit 64 bits, a magnitude of
2^63 or more, is null, and so is dividing by zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Literal, TypeGuard

__all__ = ["Number", "average", "compute", "is_number", "rounded", "total"]

Number = int | Decimal

LIMIT = 2**63
ADDED = 10**28  # what is to be added or taken away stays below
NINTH = Decimal("1e-9")
# Wide enough for any product of two numbers below the limit, and for the digits a double can have there.
EXACT = Context(prec=2_000, rounding=ROUND_HALF_EVEN, traps=[])


def is_number(value: object) -> TypeGuard[Number]:
    """An integer or a decimal; a boolean is neither."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def rounded(number: Number) -> Number | None:
    """Rounded to nine places; None if its magnitude reaches 2^63, or if it is no number."""
    if isinstance(number, int):
        return number if abs(number) < LIMIT else None
    if not number.is_finite() or number.adjusted() > 18:
        return None
    places = EXACT.quantize(number, NINTH)
    return places if abs(places) < LIMIT else None


def compute(op: Literal["+", "-", "*", "/", "%"], left: Number | None, right: Number | None) -> Number | None:
    """One operation; None if a side is.

    >>> compute("/", 1, 3), compute("%", -7, 3), compute("/", 1, 0)
    (Decimal('0.333333333'), -1, None)
    """
    if left is None or right is None or (op in "/%" and right == 0):
        return None
    if op == "/":
        return _from_double(float(left) / float(right))
    if isinstance(left, int) and isinstance(right, int):
        return rounded(_whole(op, left, right))
    if op in "+-" and not (-ADDED < left < ADDED and -ADDED < right < ADDED):
        return None
    a, b = Decimal(left), Decimal(right)
    operation = {"+": EXACT.add, "-": EXACT.subtract, "*": EXACT.multiply, "%": EXACT.remainder}[op]
    return rounded(operation(a, b))


def _whole(op: Literal["+", "-", "*", "%"], left: int, right: int) -> int:
    if op == "%":
        rest = abs(left) % abs(right)
        return -rest if left < 0 else rest
    return {"+": left + right, "-": left - right, "*": left * right}[op]


def total(numbers: Sequence[Number]) -> Number | None:
    """The exact sum; 0 of nothing."""
    whole = sum(number for number in numbers if isinstance(number, int))
    parts = Decimal(0)
    for number in numbers:
        if isinstance(number, Decimal):
            parts = EXACT.add(parts, number)
    if all(isinstance(number, int) for number in numbers):
        return rounded(whole)
    return rounded(EXACT.add(parts, Decimal(whole)))


def average(numbers: Sequence[Number]) -> Number | None:
    """The exact sum divided by the count, as doubles; None of nothing."""
    summed = total(numbers)
    return None if summed is None or not numbers else _from_double(float(summed) / len(numbers))


def _from_double(result: float) -> Number | None:
    return rounded(Decimal(result)) if math.isfinite(result) else None
