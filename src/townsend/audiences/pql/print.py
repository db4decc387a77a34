"""Tree to text: the canonical form, which parses to the same tree again.

Keywords in small letters, one space around operators, parentheses only where they are needed or tell
apart what is easily confused (``not (…)``, ``(select …)``); long definitions break before ``and`` and ``or``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from townsend.audiences.pql import names, tree
from townsend.audiences.pql.comments import Noted, noted
from townsend.audiences.pql.layout import LINE, Doc, Fill, Group, Line, Nest, flat, joined, laid
from townsend.audiences.pql.spelling import number_text, units

__all__ = ["WIDTH", "formatted", "text_of"]

WIDTH = 100  # characters of a line

# How tightly a construct binds; what stands in a place for tighter ones gets parentheses.
TOP, EXPR, OR, AND, NOT, COMPARE, SUM, PRODUCT, UNARY, POSTFIX = range(10)

_TIME_WORDS = re.compile(
    r"(now|today|yesterday|tomorrow|this|last|next|between|on|before|after|from)(?![\w$])", re.IGNORECASE
)
# What the grammar lets stand right after `sum`, `max` …, so that it is read as a total.
_TOTALLED = re.compile(
    r"(?!(and|or|in|notIn|like|matches|occurs|over|where|from)\b)[A-Za-z_$`\d(\"^\[]", re.IGNORECASE
)
_DAYS = {0: "today", -1: "yesterday", 1: "tomorrow"}
_RELATIVE = {0: "this", -1: "last", 1: "next"}


def text_of(node: tree.Node) -> str:
    """The tree on one line.

    >>> from townsend.audiences.pql import parse
    >>> text_of(parse("A.b   ==0".replace("==", "=") + " OR ( not c )").root)
    'A.b = 0 or not (c)'
    """
    return flat(_doc(node, TOP))


def formatted(query: tree.Query, width: int = WIDTH) -> str:
    """The definition laid out for reading; comments stand before the condition that they are about."""
    return laid(_doc(noted(query), TOP), width)


def _doc(node: Any, least: int) -> Doc:
    """A node where constructs bind at least that tightly."""
    if isinstance(node, Noted):
        notes = joined((f"/* {one} */" for one in node.comments), LINE)
        return Group((notes, LINE, _doc(node.node, least)))
    level, rule = RULES[type(node)]
    if isinstance(node, tree.Infix):
        level = _LEVELS.get(node.op, COMPARE)
    elif isinstance(node, tree.Literal) and _negative(node):
        level = UNARY
    elif isinstance(node, tree.Literal) and least == POSTFIX and not isinstance(node.value, bool | str):
        level = UNARY  # `3.x` would be read as the number 3.
    return _parenthesised(rule(node)) if level < least else rule(node)


def _parenthesised(inner: Doc) -> Doc:
    return Group(("(", Nest((Line(), inner)), Line(), ")"))


def _wrapped(opening: str, inner: Doc, closing: str) -> Doc:
    return Group((opening, Nest((Line(), inner)), Line(), closing))


# ---------------------------------------------------------------- leaves


def _negative(node: tree.Literal) -> bool:
    value = node.value
    return not isinstance(value, bool | str) and (value < 0 or (value == 0 and str(value).startswith("-")))


def _literal(node: tree.Literal) -> Doc:
    value = node.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return names.quoted(value)
    return number_text(value)


def _list(node: tree.List) -> Doc:
    if not node.items:
        return "[]"
    return _wrapped("[", Fill(tuple(_doc(item, EXPR) for item in node.items)), "]")


def _object(node: tree.Object) -> Doc:
    pairs = [(names.quoted(key), ": ", _doc(value, EXPR)) for key, value in node.pairs]
    return _wrapped("{", joined(pairs, (",", LINE)), "}") if pairs else "{}"


def _name(node: tree.Name) -> Doc:
    return names.name(node.name)


def _parameter(node: tree.Parameter) -> Doc:
    return f"${node.number}"


def _climb(node: tree.Climb) -> Doc:
    return "^" * node.levels


# ---------------------------------------------------------------- paths and calls


def _member(node: tree.Member) -> Doc:
    return _doc(node.target, POSTFIX), ".", names.member_name(node.name)


def _call(node: tree.Call) -> Doc:
    arguments = [_doc(arg, EXPR) for arg in node.args]
    arguments += [(key, ": ", _doc(value, EXPR)) for key, value in node.named]
    head: Doc = node.name
    if node.target is not None:
        head = (_doc(node.target, POSTFIX), ".", names.member_name(node.name))
    return (head, _wrapped("(", joined(arguments, (",", LINE)), ")")) if arguments else (head, "()")


def _bracket(node: tree.Bracket) -> Doc:
    return _doc(node.target, POSTFIX), _wrapped("[", _doc(node.inner, EXPR), "]")


# ---------------------------------------------------------------- operators


def _and(node: tree.And) -> Doc:
    return Group(joined((_doc(item, NOT) for item in node.items), (LINE, "and ")))


def _or(node: tree.Or) -> Doc:
    return Group(joined((_doc(item, AND) for item in node.items), (LINE, "or ")))


def _not(node: tree.Not) -> Doc:
    return "not ", _parenthesised(_doc(node.item, EXPR))


def _compare(node: tree.Compare) -> Doc:
    return _doc(node.left, SUM), f" {node.op} ", _doc(node.right, SUM)


_LEVELS = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT}


def _infix(node: tree.Infix) -> Doc:
    level = _LEVELS.get(node.op)
    if level is None:
        return _doc(node.left, SUM), f" {node.op} ", _doc(node.right, SUM)
    return _doc(node.left, level), f" {node.op} ", _doc(node.right, level + 1)


def _minus(node: tree.Negative) -> Doc:
    return "-", _doc(node.item, POSTFIX)


def _lambda(node: tree.Lambda) -> Doc:
    return f"({', '.join(map(names.name, node.names))}) => ", _doc(node.body, EXPR)


# ---------------------------------------------------------------- variables


def _let(node: tree.Let) -> Doc:
    return f"let {node.name} = ", _doc(node.value, SUM), " in", Nest((LINE, _doc(node.body, OR)))


def _variables(variables: tuple[tree.Variable, ...]) -> Doc:
    return joined((_variable(one) for one in variables), (",", LINE))


def _variable(node: tree.Variable) -> Doc:
    source: Doc = (f"{node.name} from ", _doc(node.source, SUM))
    return source if node.condition is None else (source, " where ", _doc(node.condition, OR))


def _select(node: tree.Select) -> Doc:
    return Group(("select ", Nest(_variables(node.variables))))


def _quantifier(node: tree.Quantifier) -> Doc:
    return Group((f"{node.kind} ", Nest(_variables(node.variables))))


def _total(node: tree.PrefixAggregate) -> Doc:
    variables = _variables(node.variables)
    if node.value is None:
        return Group((f"{node.op} ", Nest(variables)))
    value = _doc(node.value, SUM)
    if not _TOTALLED.match(flat(value)):
        value = ("(", value, ")")
    return Group((f"{node.op} ", value, " over ", Nest(variables)))


# ---------------------------------------------------------------- time


def _occurs(node: tree.Occurs) -> Doc:
    return _doc(node.value, SUM), " occurs ", tail(node.tail)


def tail(node: tree.TailNode) -> Doc:
    """What follows ``occurs``."""
    match node:
        case tree.TailWindow(op, count, unit, direction, ref):
            return f"{op} {count} {units(count, unit)} {direction} ", _time(ref)
        case tree.TailSide(direction, ref):
            return f"{direction} ", _time(ref)
        case tree.TailDuring(tree.Relative() as ref):
            return _time(ref)
        case tree.TailDuring(ref):
            return "on ", _time(ref)
        case tree.TailBetween(first, second):
            return "between ", _time(first), " and ", _time(second)


def _time(node: tree.TimeNode) -> Doc:
    match node:
        case tree.Now():
            return "now"
        case tree.Relative(offset, "day"):
            return _DAYS[offset]
        case tree.Relative(offset, unit):
            return f"{_RELATIVE[offset]} {unit}"
        case tree.Instant(value):
            inner = _doc(value, SUM)
            return _parenthesised(inner) if _TIME_WORDS.match(flat(inner)) else inner


def _chain(node: tree.Chain) -> Doc:
    steps = joined((_step(step) for step in node.steps), (",", LINE))
    array, time = _doc(node.array, SUM), _doc(node.time, SUM)
    return Group(("chain(", array, ", ", time, ", [", Nest((Line(), steps)), Line(), "])"))


def _step(node: tree.Step) -> Doc:
    return (
        f"{names.member_name(node.label)}: ",
        "WHAT",
        _parenthesised(_doc(node.what, EXPR)),
        *map(_part, node.parts),
    )


def _part(node: tree.Part) -> Doc:
    match node.kind, node.value:
        case "count", int(count):
            return f" COUNT({count})"
        case "gap", (op, int(count), unit):
            return f" GAP({op} {count} {units(count, unit)})"
        case "when", value:
            return " WHEN(", tail(value), ")"  # type: ignore[arg-type]
        case _, value:
            return " WHERE", _parenthesised(_doc(value, EXPR))


RULES: Mapping[type, tuple[int, Callable[[Any], Doc]]] = {
    tree.Literal: (POSTFIX, _literal),
    tree.List: (POSTFIX, _list),
    tree.Object: (POSTFIX, _object),
    tree.Name: (POSTFIX, _name),
    tree.Parameter: (POSTFIX, _parameter),
    tree.Climb: (POSTFIX, _climb),
    tree.Member: (POSTFIX, _member),
    tree.Call: (POSTFIX, _call),
    tree.Bracket: (POSTFIX, _bracket),
    tree.And: (AND, _and),
    tree.Or: (OR, _or),
    tree.Not: (NOT, _not),
    tree.Compare: (COMPARE, _compare),
    tree.Infix: (COMPARE, _infix),
    tree.Negative: (UNARY, _minus),
    tree.Lambda: (EXPR, _lambda),
    tree.Let: (TOP, _let),
    tree.Select: (TOP, _select),
    tree.Quantifier: (TOP, _quantifier),
    tree.PrefixAggregate: (TOP, _total),
    tree.Occurs: (COMPARE, _occurs),
    tree.Chain: (POSTFIX, _chain),
}
