"""Functions of text and of instants in SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import re2
from sqlglot import exp

from townsend.audiences import instants
from townsend.audiences.batch.frame import Env, Lowering
from townsend.audiences.batch.sql import NULL, Sql, all_of, case, cast, compare, function, number, text
from townsend.audiences.batch.times import shifted_by
from townsend.audiences.core import Const, Elapsed, RegexGroup, ScalarType, Shifted, TextFunction
from townsend.audiences.reference.functions import SHIFTS_MAX
from townsend.audiences.reference.numbers import is_number
from townsend.problem import Broken

__all__ = ["FUNCTIONS"]


def text_function(low: Lowering, node: TextFunction, env: Env) -> Sql:
    """Of strings; null if one is."""
    words = [low.value(arg, env) for arg in node.args]
    match node.op:
        case "lowerCase":
            return function("lower", words[0])
        case "upperCase":
            return function("upper", words[0])
        case "length":
            return function("length", words[0])
        case "concat":
            whole = words[0]
            for word in words[1:]:
                whole = exp.DPipe(this=whole, expression=word, safe=False)
            return exp.Paren(this=whole)
        case "indexOf":
            return _less(function("strpos", *words), 1)
    raise Broken("batch.node", f"batch evaluation has no rule for {node.op}; `gaps` should have said so")


def _less(value: Sql, by: int) -> Sql:
    return exp.Paren(this=exp.Sub(this=value, expression=number(by)))


def regex_group(low: Lowering, node: RegexGroup, env: Env) -> Sql:
    """What a group holds; null if that is nothing."""
    options = re2.Options()
    options.log_errors = False
    try:
        groups = re2.compile(node.pattern, options).groups
    except re2.error:
        return NULL("VARCHAR")
    if node.group > groups or not isinstance(node.subject.type, ScalarType):
        return NULL("VARCHAR")
    found = function("regexp_extract", low.value(node.subject, env), text(node.pattern), number(node.group))
    return function("nullif", found, text(""))


def shifted(low: Lowering, node: Shifted, env: Env) -> Sql:
    """An instant so many units later."""
    count = node.number.value if isinstance(node.number, Const) else None
    if not is_number(count) or not -SHIFTS_MAX <= count <= SHIFTS_MAX or count != int(count):
        return NULL("BIGINT")
    return shifted_by(low.value(node.value, env), int(count), node.unit)


def elapsed(low: Lowering, node: Elapsed, env: Env) -> Sql:
    """Whole units of a fixed length between two instants."""
    size = instants.shift(0, 1, node.unit)
    first = cast(low.value(node.first, env), "BIGINT")
    if node.second is not None:
        return _over(first, cast(low.value(node.second, env), "BIGINT"), size)
    now = number(low.tables.now_ms)
    return case((all_of([compare("<=", first, now)]), _over(first.copy(), now.copy(), size)))


def _over(first: Sql, second: Sql, size: int) -> Sql:
    # Integer division drops the rest towards zero, as whole units do on either side.
    between = exp.Paren(this=exp.Sub(this=second, expression=first))
    return exp.Paren(this=exp.IntDiv(this=between, expression=number(size)))


FUNCTIONS: dict[type, Callable[[Lowering, Any, Env], Sql]] = {
    TextFunction: text_function,
    RegexGroup: regex_group,
    Shifted: shifted,
    Elapsed: elapsed,
}
