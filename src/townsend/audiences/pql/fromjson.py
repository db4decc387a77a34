"""``pql/json`` to tree; see ``tojson`` for the form.

Every key is checked, so that a slip is told instead of left out. The result is parsed once more from its own
text: whatever a text could not say is refused, and every node knows its place in that text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from townsend.audiences.pql import names, tree
from townsend.audiences.pql.build import DEPTH_MAX
from townsend.audiences.pql.comments import noted_tree
from townsend.audiences.pql.jsonplace import (
    Place,
    comment_text,
    loaded,
    scalar,
    too_deep,
    variable_name,
    wrong,
)
from townsend.audiences.pql.jsontimes import COMPARISONS, gap_from, tail_from
from townsend.audiences.pql.parse import parse
from townsend.audiences.pql.print import text_of
from townsend.audiences.pql.tojson import ABOUT_ITEMS, default_form
from townsend.problem import Invalid

__all__ = ["from_json"]

INFIX = ("in", "notIn", "like", "matches", "+", "-", "*", "/", "%")


def from_json(value: str | Mapping[str, Any]) -> tree.Query:
    """The definition that a JSON text or object means.

    Raises:
        Invalid: ``pql.json`` with the path of the slip; ``pql.size``, ``pql.depth``.
    """
    if isinstance(value, str):
        value = loaded(value)
    reader = _Reader()
    root = reader.node(Place("$", value))
    text = text_of(noted_tree(root, reader.notes))
    try:
        query = parse(text)
    except Invalid as problem:
        raise Invalid(
            "pql.json", f"the definition can't be written as PQL: {problem.text}", path="$"
        ) from None
    if query.root != root:
        raise Invalid("pql.json", f"the definition reads differently once written as PQL: {text}", path="$")
    return query


class _Reader:
    """One definition being read; knows the variables around, and whether bare names are about an item."""

    def __init__(self) -> None:
        self.variables: tuple[str, ...] = ()
        self.inside = False
        self.depth = 0
        self.notes: dict[int, list[str]] = {}

    def node(self, place: Place) -> Any:
        """Any node."""
        kind = place.text("nodeType")
        rule = RULES.get(kind)
        if rule is None:
            raise wrong(place["nodeType"], f"a kind of node ({', '.join(RULES)})")
        if self.depth >= DEPTH_MAX:
            raise too_deep(place.path)
        self.depth += 1
        try:
            found = rule(self, place)
        finally:
            self.depth -= 1
        if "comments" in place:
            self.notes[id(found)] = [comment_text(one) for one in place["comments"].items()]
        return found

    def nodes(self, place: Place) -> list[Any]:
        return [self.node(one) for one in place.items()]

    def within(self, place: Place, variables: Iterable[str] = (), item: bool = False) -> Any:
        """A node that sees more variables, or is about an item."""
        before = self.variables, self.inside
        self.variables, self.inside = (*self.variables, *variables), self.inside or item
        try:
            return self.node(place)
        finally:
            self.variables, self.inside = before

    # -------------------------------------------------------- leaves

    def literal(self, place: Place) -> Any:
        place.only("literalType", "value")
        kind, value = place.text("literalType"), place["value"]
        match kind, value.value:
            case "List", list():
                return tree.List(tuple(self.nodes(value)))
            case "Object", list():
                pairs = [one.only("key", "value") for one in value.items()]
                return tree.Object(tuple((one.text("key"), self.node(one["value"])) for one in pairs))
            case "XDMObject", "profile":
                return tree.Parameter(1)
        return tree.Literal(scalar(kind, value))

    def parameter(self, place: Place) -> Any:
        place.only("position", "written")
        return tree.Parameter(place.whole("position"))

    def variable(self, place: Place) -> Any:
        place.only("varName", "written")
        name = place.text("varName")
        return tree.Climb(len(name)) if name and not name.strip("^") else tree.Name(name)

    def field(self, place: Place) -> Any:
        place.only("fieldName", "object", "named")
        name = place.text("fieldName").removeprefix("@")
        if not names.is_quotable(name):
            raise wrong(place["fieldName"], "the name of a field")
        target = self._object(place["object"], name)
        if "named" in place:
            named = place["named"]
            pairs = tuple((key, self.node(named[key])) for key in named.names())
            return tree.Call(target, name, (), pairs)
        return tree.Name(name) if target is None else tree.Member(target, name)

    def _object(self, place: Place, name: str) -> Any:
        """What a field is looked up on; None if a bare name says so."""
        told = "written" in place
        found = self.node(place)
        shadowed = name in self.variables or name == "this"
        if told or shadowed:
            return found
        if found == tree.Name("this") and place.text("nodeType") == "varRef":
            return None
        return None if found == tree.Parameter(1) and not self.inside else found

    # -------------------------------------------------------- functions and operators

    def apply(self, place: Place) -> Any:
        place.only("fnName", "params", "written", "named")
        name, params = place.text("fnName"), place["params"].items()
        written = place.text("written") if "written" in place else None
        if written not in (None, "[]", "method", "call"):
            raise wrong(place["written"], "[], method or call")
        if written == "[]":
            return self._bracket(place, name, params)
        if written is None and "named" not in place:
            found = self._operator(place, name, params)
            if found is not None:
                return found
        return self._call(place, name, params, written or default_form(name))

    def _bracket(self, place: Place, name: str, params: list[Place]) -> Any:
        if name not in ("filter", "get") or len(params) != 2:
            raise wrong(place, "filter or get with two parameters")
        target = self.node(params[0])
        return tree.Bracket(target, self.node(params[1]) if name == "get" else self.about_item(params[1]))

    def _operator(self, place: Place, name: str, params: list[Place]) -> Any:
        """An operator; None if it is none."""
        if name in ("and", "or"):
            items = tuple(self.node(one) for one in params)
            if len(items) < 2:
                raise wrong(place["params"], "two parameters or more")
            return tree.And(items) if name == "and" else tree.Or(items)
        if name in ("not", "-") and len(params) == 1:
            return (tree.Not if name == "not" else _minus)(self.node(params[0]))
        if name in COMPARISONS or name in INFIX:
            if len(params) != 2:
                raise wrong(place["params"], "two parameters")
            left, right = self.node(params[0]), self.node(params[1])
            made: Any = tree.Infix if name in INFIX else tree.Compare
            return made(name, left, right)
        return None

    def _call(self, place: Place, name: str, params: list[Place], form: str) -> Any:
        if not (names.is_quotable(name) if form == "method" else names.PLAIN.fullmatch(name)):
            raise wrong(place["fnName"], "the name of a function")
        target = None
        if form == "method":
            if not params:
                raise wrong(place["params"], f"what {name} is about, first")
            target, params = self.node(params[0]), params[1:]
        args = [
            self.about_item(one) if at == 0 and target is not None and name in ABOUT_ITEMS else self.node(one)
            for at, one in enumerate(params)
        ]
        pairs: tuple[tuple[str, Any], ...] = ()
        if "named" in place:
            named = place["named"]
            pairs = tuple((key, self.node(named[key])) for key in named.names())
        return tree.Call(target, name, tuple(args), pairs)

    def about_item(self, place: Place) -> Any:
        """What is said about each item: a lambda whose names may be missing."""
        return self.within(place, item=True)

    def lambda_(self, place: Place) -> Any:
        place.only("varNames", "body")
        found = [variable_name(one, quoted=True) for one in place["varNames"].items()]
        body = self.within(place["body"], found)
        return tree.Lambda(tuple(found), body) if found else body

    # -------------------------------------------------------- variables

    def let(self, place: Place) -> Any:
        place.only("varName", "value", "body")
        name = variable_name(place["varName"])
        return tree.Let(name, self.node(place["value"]), self.within(place["body"], [name]))

    def _declared(self, place: Place) -> tuple[tuple[Any, ...], list[str]]:
        found, seen = [], list[str]()
        for one in place.items():
            one.only("nodeType", "varName", "from", "where")
            name, source = variable_name(one["varName"]), self.within(one["from"], seen)
            seen.append(name)
            where = self.within(one["where"], seen) if "where" in one else None
            found.append(tree.Variable(name, source, where))
        if not found:
            raise wrong(place, "one variable or more")
        return tuple(found), seen

    def select(self, place: Place) -> Any:
        return tree.Select(self._declared(place.only("variables")["variables"])[0])

    def quantification(self, place: Place) -> Any:
        place.only("quantifier", "variables", "written")
        kind = place.text("quantifier")
        spelled = (
            place.text("written")
            if "written" in place
            else {"some": "exists", "all": "forall"}.get(kind, kind)
        )
        if spelled not in ("exists", "forall", "some", "all", "none", "one"):
            raise wrong(place["quantifier"], "some, all, none or one")
        return tree.Quantifier(spelled, self._declared(place["variables"])[0])  # type: ignore[arg-type]

    def aggregation(self, place: Place) -> Any:
        place.only("function", "variables", "value")
        op = place.text("function")
        if op not in ("sum", "average", "min", "max"):
            raise wrong(place["function"], "sum, average, min or max")
        variables, seen = self._declared(place["variables"])
        value = self.within(place["value"], seen) if "value" in place else None
        return tree.PrefixAggregate(op, value, variables)  # type: ignore[arg-type]

    # -------------------------------------------------------- time

    def occurs(self, place: Place) -> Any:
        place.only("value", "tail")
        return tree.Occurs(self.node(place["value"]), tail_from(place["tail"], self.node))

    def chain(self, place: Place) -> Any:
        place.only("array", "timestampField", "elements")
        steps = tuple(self._step(one) for one in place["elements"].items())
        if not steps:
            raise wrong(place["elements"], "one step or more")
        return tree.Chain(self.node(place["array"]), self.about_item(place["timestampField"]), steps)

    def _step(self, place: Place) -> tree.Step:
        place.only("label", "what", "when", "count", "gap", "where")
        parts: list[tree.Part] = []
        if "when" in place:
            parts.append(tree.Part("when", tail_from(place["when"], self.about_item)))
        if "count" in place:
            parts.append(tree.Part("count", place.whole("count")))
        if "gap" in place:
            parts.append(tree.Part("gap", gap_from(place["gap"])))
        if "where" in place:
            parts.append(tree.Part("where", self.node(place["where"])))
        return tree.Step(place.text("label"), self.about_item(place["what"]), tuple(parts))


def _minus(item: Any) -> Any:
    """A negative literal is one value, as the grammar has it."""
    if isinstance(item, tree.Literal) and not isinstance(item.value, bool | str):
        return tree.Literal(-item.value)
    return tree.Negative(item)


RULES: Mapping[str, Callable[[_Reader, Place], Any]] = {
    "fnApply": _Reader.apply,
    "fieldLookup": _Reader.field,
    "literal": _Reader.literal,
    "parameterReference": _Reader.parameter,
    "varRef": _Reader.variable,
    "lambda": _Reader.lambda_,
    "let": _Reader.let,
    "select": _Reader.select,
    "quantification": _Reader.quantification,
    "aggregation": _Reader.aggregation,
    "occurs": _Reader.occurs,
    "chain": _Reader.chain,
}
