"""From the parser's reductions to the tree, bottom-up; depth is bounded as the tree grows."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from lark import Token
from lark.tree import Meta
from lark.visitors import Transformer_NonRecursive

from townsend.audiences.core import Span
from townsend.audiences.pql import tree
from townsend.audiences.pql.spelling import number_from, unescaped, unit_from
from townsend.problem import Invalid

__all__ = ["DEPTH_MAX", "Builder"]

DEPTH_MAX = 100  # nodes inside one another; deeper than any person writes, and far from Python's own limit

_DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}
_PARTS = ("when", "count", "gap", "where")
_OFFSETS = {"this": 0, "last": -1, "next": 1}


class TooDeep(Exception):
    """Raised inside the parser; ``parse`` turns it into a problem with its place."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at


def _with_place(rule: Callable[..., Any], _: str, children: list[Any], meta: Meta) -> Any:
    return rule(meta, children)


def placed(builder: type[Builder]) -> type[Builder]:
    """Have each rule called with its place; `lark.v_args` would wrap the rule anew at each call."""
    for name, rule in vars(builder).items():
        if not name.startswith("_"):
            rule.visit_wrapper = _with_place
    return builder


@placed
class Builder(Transformer_NonRecursive[Token, Any]):
    """One instance a parse: it counts depths and gathers remarks."""

    def __init__(self) -> None:
        super().__init__()
        self.remarks: list[tree.Remark] = []
        self._depths: dict[int, tuple[int, Any]] = {}

    def _made(self, node: Any, meta: Meta, *children: Any) -> Any:
        depth = 1 + max((self._depths.get(id(child), (0, None))[0] for child in children), default=0)
        if depth > DEPTH_MAX:
            raise TooDeep(meta.start_pos)
        self._depths[id(node)] = (depth, node)  # the node is kept, so that its id stays its own
        return node

    def _wrong(self, code: str, text: str, meta: Meta) -> Invalid:
        return Invalid(code, text, at=meta.start_pos)

    # ------------------------------------------------------------ leaves

    def start(self, _: Meta, children: list[Any]) -> Any:
        return children[0]

    def number(self, meta: Meta, children: list[Token]) -> Any:
        return self._made(tree.Literal(number_from(str(children[0])), _span(meta)), meta)

    def string(self, meta: Meta, children: list[Token]) -> Any:
        return self._made(tree.Literal(unescaped(str(children[0])[1:-1]), _span(meta)), meta)

    def single_quoted(self, meta: Meta, children: list[Token]) -> Any:
        text = "strings are written in double quotes; single quotes were read as such"
        self.remarks.append(tree.Remark(text, _span(meta)))
        return self.string(meta, children)

    def true(self, meta: Meta, _: list[Any]) -> Any:
        return self._made(tree.Literal(True, _span(meta)), meta)

    def false(self, meta: Meta, _: list[Any]) -> Any:
        return self._made(tree.Literal(False, _span(meta)), meta)

    def name(self, meta: Meta, children: list[Token]) -> Any:
        return self._made(tree.Name(str(children[0]), _span(meta)), meta)

    def quoted_name(self, meta: Meta, children: list[Token]) -> Any:
        return self._made(tree.Name(str(children[0])[1:-1], _span(meta)), meta)

    def parameter(self, meta: Meta, children: list[Token]) -> Any:
        return self._made(tree.Parameter(int(children[0][1:]), _span(meta)), meta)

    def climb(self, meta: Meta, children: list[Token]) -> Any:
        return self._made(tree.Climb(len(children[0]), _span(meta)), meta)

    def word(self, _: Meta, children: list[Token]) -> str:
        text = str(children[0])
        return text[1:-1] if text.startswith("`") else text

    # ------------------------------------------------------------ operators

    def or_(self, meta: Meta, children: list[Any]) -> Any:
        return self._made(tree.Or(tuple(children), _span(meta)), meta, *children)

    def and_(self, meta: Meta, children: list[Any]) -> Any:
        return self._made(tree.And(tuple(children), _span(meta)), meta, *children)

    def not_(self, meta: Meta, children: list[Any]) -> Any:
        return self._made(tree.Not(children[0], _span(meta)), meta, *children)

    def compare(self, meta: Meta, children: list[Any]) -> Any:
        left, op, right = children
        return self._made(tree.Compare(str(op), left, right, _span(meta)), meta, left, right)  # type: ignore[arg-type]

    def infix(self, meta: Meta, children: list[Any]) -> Any:
        left, op, right = children
        spelled = {"notin": "notIn"}.get(str(op).lower(), str(op).lower())
        return self._made(tree.Infix(spelled, left, right, _span(meta)), meta, left, right)  # type: ignore[arg-type]

    arithmetic = infix

    def negative(self, meta: Meta, children: list[Any]) -> Any:
        (item,) = (child for child in children if not isinstance(child, Token))
        if (
            isinstance(item, tree.Literal)
            and isinstance(item.value, int | Decimal)
            and not isinstance(item.value, bool)
        ):
            return self._made(tree.Literal(-item.value, _span(meta)), meta)
        return self._made(tree.Negative(item, _span(meta)), meta, item)

    # ------------------------------------------------------------ paths and calls

    def member(self, meta: Meta, children: list[Any]) -> Any:
        return self._made(tree.Member(children[0], children[1], _span(meta)), meta, children[0])

    def method(self, meta: Meta, children: list[Any]) -> Any:
        target, name, arguments = children
        return self._call(meta, target, name, arguments)

    def function(self, meta: Meta, children: list[Any]) -> Any:
        name, arguments = children
        return self._call(meta, None, str(name), arguments)

    def _call(self, meta: Meta, target: Any, name: str, arguments: list[Any] | None) -> Any:
        args = [one for one in arguments or [] if not isinstance(one, tuple)]
        named = [one for one in arguments or [] if isinstance(one, tuple)]
        if len({key for key, _ in named}) < len(named):
            raise self._wrong("pql.arguments", f"{name} says {named[0][0]}: twice", meta)
        node = tree.Call(target, name, tuple(args), tuple(named), _span(meta))
        return self._made(node, meta, target, *args, *(value for _, value in named))

    def arguments(self, _: Meta, children: list[Any]) -> list[Any]:
        return children

    def named(self, _: Meta, children: list[Any]) -> tuple[str, Any]:
        return str(children[0]), children[1]

    def bracket(self, meta: Meta, children: list[Any]) -> Any:
        return self._made(tree.Bracket(children[0], children[1], _span(meta)), meta, *children)

    def list_(self, meta: Meta, children: list[Any]) -> Any:
        items = tuple(child for child in children if child is not None)
        return self._made(tree.List(items, _span(meta)), meta, *items)

    def pair(self, _: Meta, children: list[Any]) -> tuple[str, Any]:
        return unescaped(str(children[0])[1:-1]), children[1]

    def object_(self, meta: Meta, children: list[Any]) -> Any:
        pairs = tuple(child for child in children if child is not None)
        return self._made(tree.Object(pairs, _span(meta)), meta, *(value for _, value in pairs))

    def paren(self, _: Meta, children: list[Any]) -> list[Any]:
        return children

    def parenthesised(self, meta: Meta, children: list[Any]) -> Any:
        (items,) = children
        if len(items) != 1:
            raise self._wrong("pql.syntax", "several values in parentheses need a `=>` after them", meta)
        return items[0]

    def lambda_(self, meta: Meta, children: list[Any]) -> Any:
        items, body = children
        if not all(isinstance(item, tree.Name) for item in items):
            raise self._wrong("pql.syntax", "before `=>` stand names, such as (Profile) =>", meta)
        return self._made(tree.Lambda(tuple(item.name for item in items), body, _span(meta)), meta, body)

    # ------------------------------------------------------------ variables

    def let(self, meta: Meta, children: list[Any]) -> Any:
        name, _, value, _, body = children
        return self._made(tree.Let(str(name), value, body, _span(meta)), meta, value, body)

    def variable(self, meta: Meta, children: list[Any]) -> Any:
        name, source, condition = children
        return self._made(tree.Variable(str(name), source, condition, _span(meta)), meta, source, condition)

    def variables(self, _: Meta, children: list[Any]) -> tuple[Any, ...]:
        return tuple(children)

    def select(self, meta: Meta, children: list[Any]) -> Any:
        return self._made(tree.Select(children[0], _span(meta)), meta, *children[0])

    def quantifier(self, meta: Meta, children: list[Any]) -> Any:
        kind, variables = children
        node = tree.Quantifier(str(kind).lower(), variables, _span(meta))  # type: ignore[arg-type]
        return self._made(node, meta, *variables)

    def aggregate_over(self, meta: Meta, children: list[Any]) -> Any:
        op, value, variables = children
        node = tree.PrefixAggregate(str(op).lower(), value, variables, _span(meta))  # type: ignore[arg-type]
        return self._made(node, meta, value, *variables)

    def aggregate_of(self, meta: Meta, children: list[Any]) -> Any:
        return self.aggregate_over(meta, [children[0], None, children[1]])

    # ------------------------------------------------------------ time

    def occurs(self, meta: Meta, children: list[Any]) -> Any:
        return self._made(tree.Occurs(children[0], children[1], _span(meta)), meta, *children)

    def window(self, meta: Meta, children: list[Any]) -> Any:
        op, number, unit, direction, ref = children
        way: Any = str(direction).lower()
        comparison: Any = str(op)
        node = tree.TailWindow(comparison, self._whole(number, meta), unit_from(unit), way, ref, _span(meta))
        return self._made(node, meta, ref)

    def side(self, meta: Meta, children: list[Any]) -> Any:
        node = tree.TailSide(str(children[0]).lower(), children[1], _span(meta))  # type: ignore[arg-type]
        return self._made(node, meta, children[1])

    def between(self, meta: Meta, children: list[Any]) -> Any:
        return self._made(tree.TailBetween(children[0], children[1], _span(meta)), meta, *children)

    def during(self, meta: Meta, children: list[Any]) -> Any:
        return self._made(tree.TailDuring(children[0], _span(meta)), meta, children[0])

    def now(self, meta: Meta, _: list[Any]) -> Any:
        return tree.Now(_span(meta))

    def day(self, meta: Meta, children: list[Any]) -> Any:
        return tree.Relative(_DAYS[str(children[0]).lower()], "day", _span(meta))

    def calendar(self, meta: Meta, children: list[Any]) -> Any:
        return tree.Relative(_OFFSETS[str(children[0]).lower()], unit_from(children[1]), _span(meta))

    def instant(self, meta: Meta, children: list[Any]) -> Any:
        return self._made(tree.Instant(children[0], _span(meta)), meta, children[0])

    # ------------------------------------------------------------ chains

    def chain(self, meta: Meta, children: list[Any]) -> Any:
        array, time, *steps = children
        return self._made(tree.Chain(array, time, tuple(steps), _span(meta)), meta, array, *steps)

    def step(self, meta: Meta, children: list[Any]) -> Any:
        label, what, *parts = children
        parts.sort(key=lambda part: _PARTS.index(part.kind))
        return self._made(tree.Step(label, what, tuple(parts), _span(meta)), meta, what, *parts)

    def when(self, meta: Meta, children: list[Any]) -> Any:
        return self._made(tree.Part("when", children[0], _span(meta)), meta, children[0])

    def count(self, meta: Meta, children: list[Any]) -> Any:
        return tree.Part("count", self._whole(children[0], meta), _span(meta))

    def gap(self, meta: Meta, children: list[Any]) -> Any:
        op, number, unit = children
        return tree.Part("gap", (str(op), self._whole(number, meta), unit_from(unit)), _span(meta))  # type: ignore[arg-type]

    def where(self, meta: Meta, children: list[Any]) -> Any:
        return self._made(tree.Part("where", children[0], _span(meta)), meta, children[0])

    def _whole(self, token: Token, meta: Meta) -> int:
        if not str(token).isdigit() or len(token) > 9:
            raise self._wrong("pql.syntax", f"expected a whole number up to 999,999,999, got {token}", meta)
        return int(token)


def _span(meta: Meta) -> Span:
    return Span(meta.start_pos, meta.end_pos) if not meta.empty else Span(0, 0)
