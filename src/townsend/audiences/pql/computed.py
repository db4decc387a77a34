"""Computed fields: a name that stands for an expression about its entity, wherever the name is written.

The expression takes the name's place while a definition is resolved, so a computed field is never stored, is
right at every instant, and is computed once however many audiences name it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from townsend.audiences import core
from townsend.audiences.core import AnyType, EntityType, Expr, ScalarType, Span, Worked
from townsend.audiences.pql import tree
from townsend.audiences.pql.context import Context, Scope
from townsend.audiences.pql.kinds import as_text
from townsend.audiences.pql.parse import parse
from townsend.audiences.walk import free
from townsend.problem import Invalid

__all__ = ["COMPUTED_MAX", "body", "computed", "operands"]

COMPUTED_MAX = 10  # computed fields inside one another
ELSEWHERE = ("at", "type", "definition", "relationship")

T = TypeVar("T")


def computed(ctx: Context, base: Expr, name: str, at: Span) -> Expr | None:
    """What a computed field of an entity is worth; None if its class has none of that name.

    Null where there is no entity.

    Raises:
        Invalid: ``pql.cycle``; ``pql.depth``; whatever is wrong with the field's own text.
    """
    assert isinstance(base.type, EntityType)
    cls = base.type.cls
    text = ctx.computed.get(cls, {}).get(name)
    if text is None:
        return None
    field = f"{cls}.{name}"
    if field in ctx.computing:
        way = " → ".join([*ctx.computing[ctx.computing.index(field) :], field])
        raise ctx.wrong("pql.cycle", f"the computed field would ask for itself: {way}", at)
    if len(ctx.computing) >= COMPUTED_MAX:
        raise ctx.wrong("pql.depth", f"computed fields are nested more than {COMPUTED_MAX} deep", at)
    inside = replace(
        ctx,
        text=text,
        strict=False,
        computing=(*ctx.computing, field),
        within=f"the computed field {field}",
        worked=[],
    )
    try:
        value = body(inside, parse(text), base)
    except Invalid as problem:
        # Of computed fields inside one another, the innermost is the one to mend.
        where, inner = problem.facts.get("computed", field), problem.facts.get("inner", problem.text)
        message = f"in the computed field {where}, {inner}"
        raise ctx.wrong(problem.code, message, at, computed=where, inner=inner) from None
    ctx.worked.append(Worked(at, text, tuple(operands(value))))
    if not isinstance(base, core.Item):
        there = core.IsNull(base, negated=True)
        value = core.Conditional(there, value, core.Const(None, value.type), value.type)
    return _placed(value, at, {})


def body(ctx: Context, query: tree.Query, base: Expr) -> Expr:
    """A computed field's own text, about the entity ``base``.

    Raises:
        Invalid: ``pql.computed`` if it is not one value; ``pql.*``.
    """
    for remark in query.remarks:
        ctx.warn("pql.spelling", remark.text, remark.at)
    # Brackets inside bind variables that ``base`` does not refer to, the same ones for equal expressions.
    scope, root = Scope((base,), depth=1 + max(free(base), default=-1)), query.root
    if isinstance(root, tree.Lambda):
        if len(root.names) != 1:
            raise ctx.wrong("pql.arguments", "a computed field has one parameter, its entity", root)
        scope, root = scope.with_value(root.names[0], base), root.body
    found = ctx.value(ctx, root, scope)
    if not isinstance(found.type, ScalarType | AnyType):
        message = (
            f"a computed field is one value, and this is {as_text(found.type)}; "
            "write .count(), .sum(…), .max(…) or the like"
        )
        raise ctx.wrong("pql.computed", message, query.root)
    return found


def operands(value: Expr) -> Iterator[Expr]:
    """What an expression adds, multiplies and so on; literals left out."""
    if isinstance(value, core.Arithmetic):
        yield from operands(value.left)
        yield from operands(value.right)
    elif isinstance(value, core.Negative):
        yield from operands(value.value)
    elif not isinstance(value, core.Const):
        yield value


def _placed(value: T, at: Span, known: dict[int, Any]) -> T:
    """The same expression, written at another place: where the name of the field stands."""
    if isinstance(value, tuple):
        return tuple(_placed(one, at, known) for one in value)  # type: ignore[return-value]
    if not is_dataclass(value) or isinstance(value, Mapping | type):
        return value
    if id(value) not in known:
        inner = {
            one.name: _placed(getattr(value, one.name), at, known)
            for one in fields(value)
            if one.name not in ELSEWHERE
        }
        if any(one.name == "at" for one in fields(value)):
            inner["at"] = at
        known[id(value)] = replace(value, **inner)
    return known[id(value)]  # type: ignore[no-any-return]
