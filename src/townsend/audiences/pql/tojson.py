"""Tree to ``pql/json``, without loss.

Nodes are those of the documented form: ``fnApply``, ``fieldLookup``, ``literal``, ``parameterReference``,
``varRef``, ``lambda``, ``select``, ``quantification``, ``chain``; ours are ``let``, ``aggregation`` and
``occurs``. Three rules complete them:

* A bare name is looked up on what it stands for: on ``parameterReference`` 1 outside brackets, on ``varRef``
  ``this`` inside. What a bracket or method says about each item is a ``lambda``, without names if none are
  given.
* A node may carry ``comments``, a list of texts.
* Where one meaning has two spellings, ``written`` keeps the rarer one. It may be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from townsend.audiences.pql import tree
from townsend.audiences.pql.calls import FUNCTIONS
from townsend.audiences.pql.comments import Noted, noted
from townsend.audiences.pql.jsontimes import tail_to
from townsend.problem import Invalid

__all__ = ["ABOUT_ITEMS", "OPERATORS", "default_form", "to_json"]

Json = dict[str, Any]

# Methods whose first argument is about each item.
ABOUT_ITEMS = {"filter", "exists", "forall", "none", "one", "some", "all", "map", "sum", "average"}
ABOUT_ITEMS |= {"min", "max", "groupBy", "topN", "bottomN"}
OPERATORS = {"and", "or", "not", "=", "!=", "<", "<=", ">", ">=", "in", "notIn", "like", "matches"}
OPERATORS |= {"+", "-", "*", "/", "%"}
_QUANTIFIERS = {"exists": "some", "forall": "all"}


class _Scope(NamedTuple):
    """Which names are variables, and whether bare ones are about an item."""

    variables: frozenset[str] = frozenset()
    inside: bool = False

    def item(self) -> _Scope:
        return self._replace(inside=True)

    def named(self, names: Iterable[str]) -> _Scope:
        return self._replace(variables=self.variables | frozenset(names))

    def implicit(self) -> Json:
        if self.inside:
            return {"nodeType": "varRef", "varName": "this"}
        return {"nodeType": "parameterReference", "position": 1}


def to_json(query: tree.Query) -> Json:
    """The definition as a JSON object; ``from_json`` gives the same tree again.

    Raises:
        Invalid: ``pql.chain``, a step that says one thing twice.
    """
    return _json(noted(query), _Scope())


def default_form(name: str) -> str:
    """How a function is spelled unless ``written`` says otherwise: ``call`` or ``method``."""
    return "call" if name in FUNCTIONS else "method"


def _json(node: Any, scope: _Scope) -> Json:
    if isinstance(node, Noted):
        return {**_json(node.node, scope), "comments": list(node.comments)}
    return RULES[type(node)](node, scope)


def _apply(name: str, params: Iterable[Json], written: str | None = None) -> Json:
    found: Json = {"nodeType": "fnApply", "fnName": name, "params": list(params)}
    return found if written is None else {**found, "written": written}


def _lambda_of(body: Json, names: Iterable[str] = ()) -> Json:
    return {"nodeType": "lambda", "varNames": list(names), "body": body}


# ---------------------------------------------------------------- leaves


def _literal(node: tree.Literal, _: _Scope) -> Json:
    value = node.value
    kinds = {bool: "Boolean", int: "Integer", str: "String"}
    kind = kinds.get(type(value), "Number")
    return {"nodeType": "literal", "literalType": kind, "value": _plain(value)}


def _plain(value: str | int | Decimal | bool) -> Any:
    """A number that JSON's readers keep exact, else its digits as text."""
    if not isinstance(value, Decimal):
        return value
    double = float(value)
    return double if Decimal(repr(double)) == value and abs(double) < 1e15 else str(value)


def _list(node: tree.List, scope: _Scope) -> Json:
    return {
        "nodeType": "literal",
        "literalType": "List",
        "value": [_json(item, scope) for item in node.items],
    }


def _object(node: tree.Object, scope: _Scope) -> Json:
    pairs = [{"key": key, "value": _json(value, scope)} for key, value in node.pairs]
    return {"nodeType": "literal", "literalType": "Object", "value": pairs}


def _name(node: tree.Name, scope: _Scope) -> Json:
    if node.name == "this":
        return {"nodeType": "varRef", "varName": "this", "written": "this"}
    if node.name in scope.variables:
        return {"nodeType": "varRef", "varName": node.name}
    return _field(node.name, scope.implicit())


def _parameter(node: tree.Parameter, _: _Scope) -> Json:
    return {"nodeType": "parameterReference", "position": node.number, "written": "$"}


def _climb(node: tree.Climb, _: _Scope) -> Json:
    return {"nodeType": "varRef", "varName": "^" * node.levels}


def _field(name: str, of: Json) -> Json:
    spelled = "@" + name if name.startswith("@") else name  # a leading @ marks a relationship
    return {"nodeType": "fieldLookup", "fieldName": spelled, "object": of}


def _member(node: tree.Member, scope: _Scope) -> Json:
    return _field(node.name, _json(node.target, scope))


# ---------------------------------------------------------------- functions and operators


def _call(node: tree.Call, scope: _Scope) -> Json:
    named = {key: _json(value, scope) for key, value in node.named}
    target = None if node.target is None else _json(node.target, scope)
    if named and not node.args:
        return {**_field(node.name, target or scope.implicit()), "fieldName": "@" + node.name, "named": named}
    params = [] if target is None else [target]
    for at, arg in enumerate(node.args):
        about_item = at == 0 and target is not None and node.name in ABOUT_ITEMS
        params.append(_about_item(arg, scope) if about_item else _json(arg, scope))
    form = "call" if target is None else "method"
    told = node.name in OPERATORS or form != default_form(node.name)
    found = _apply(node.name, params, form if told else None)
    return {**found, "named": named} if named else found


def _about_item(node: tree.Node, scope: _Scope) -> Json:
    inner = scope.item()
    return _json(node, inner) if isinstance(node, tree.Lambda) else _lambda_of(_json(node, inner))


def _bracket(node: tree.Bracket, scope: _Scope) -> Json:
    target = _json(node.target, scope)
    if isinstance(node.inner, tree.Literal) and isinstance(node.inner.value, str):
        return _apply("get", [target, _json(node.inner, scope)], "[]")
    return _apply("filter", [target, _about_item(node.inner, scope)], "[]")


def _operator(name: str) -> Callable[[Any, _Scope], Json]:
    return lambda node, scope: _apply(name, (_json(item, scope) for item in node.items))


def _binary(node: tree.Compare | tree.Infix, scope: _Scope) -> Json:
    return _apply(node.op, (_json(node.left, scope), _json(node.right, scope)))


def _lambda(node: tree.Lambda, scope: _Scope) -> Json:
    return _lambda_of(_json(node.body, scope.named(node.names)), node.names)


# ---------------------------------------------------------------- variables


def _let(node: tree.Let, scope: _Scope) -> Json:
    return {
        "nodeType": "let",
        "varName": node.name,
        "value": _json(node.value, scope),
        "body": _json(node.body, scope.named([node.name])),
    }


def _variables(variables: Iterable[tree.Variable], scope: _Scope) -> tuple[list[Json], _Scope]:
    found = []
    for one in variables:
        declared: Json = {"nodeType": "varDecl", "varName": one.name, "from": _json(one.source, scope)}
        scope = scope.named([one.name])
        if one.condition is not None:
            declared["where"] = _json(one.condition, scope)
        found.append(declared)
    return found, scope


def _select(node: tree.Select, scope: _Scope) -> Json:
    return {"nodeType": "select", "variables": _variables(node.variables, scope)[0]}


def _quantifier(node: tree.Quantifier, scope: _Scope) -> Json:
    kind = _QUANTIFIERS.get(node.kind, node.kind)
    variables = _variables(node.variables, scope)[0]
    found = {"nodeType": "quantification", "quantifier": kind, "variables": variables}
    return {**found, "written": kind} if node.kind in ("some", "all") else found


def _aggregation(node: tree.PrefixAggregate, scope: _Scope) -> Json:
    variables, inner = _variables(node.variables, scope)
    found: Json = {"nodeType": "aggregation", "function": node.op, "variables": variables}
    return found if node.value is None else {**found, "value": _json(node.value, inner)}


# ---------------------------------------------------------------- time


def _occurs(node: tree.Occurs, scope: _Scope) -> Json:
    return {
        "nodeType": "occurs",
        "value": _json(node.value, scope),
        "tail": tail_to(node.tail, lambda inner: _json(inner, scope)),
    }


def _chain(node: tree.Chain, scope: _Scope) -> Json:
    return {
        "nodeType": "chain",
        "array": _json(node.array, scope),
        "timestampField": _about_item(node.time, scope),
        "elements": [_step(step, scope) for step in node.steps],
    }


def _step(node: tree.Step, scope: _Scope) -> Json:
    found: Json = {"label": node.label, "what": _about_item(node.what, scope)}
    for part in node.parts:
        if part.kind in found:
            raise Invalid("pql.chain", f"step {node.label} says {part.kind.upper()} twice")
        found[part.kind] = _part(part, scope)
    return found


def _part(part: tree.Part, scope: _Scope) -> Any:
    match part.kind, part.value:
        case "count", count:
            return count
        case "gap", (op, number, unit):
            return {"comparison": op, "number": number, "unit": unit}
        case "when", value:
            item = scope.item()
            return tail_to(value, lambda inner: _json(inner, item))  # type: ignore[arg-type]
        case _, value:
            return _json(value, scope)


RULES: Mapping[type, Callable[[Any, _Scope], Json]] = {
    tree.Literal: _literal,
    tree.List: _list,
    tree.Object: _object,
    tree.Name: _name,
    tree.Parameter: _parameter,
    tree.Climb: _climb,
    tree.Member: _member,
    tree.Call: _call,
    tree.Bracket: _bracket,
    tree.And: _operator("and"),
    tree.Or: _operator("or"),
    tree.Not: lambda node, scope: _apply("not", [_json(node.item, scope)]),
    tree.Compare: _binary,
    tree.Infix: _binary,
    tree.Negative: lambda node, scope: _apply("-", [_json(node.item, scope)]),
    tree.Lambda: _lambda,
    tree.Let: _let,
    tree.Select: _select,
    tree.Quantifier: _quantifier,
    tree.PrefixAggregate: _aggregation,
    tree.Occurs: _occurs,
    tree.Chain: _chain,
}
