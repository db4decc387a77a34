"""Audiences inside audiences."""

from __future__ import annotations

from townsend.audiences import core
from townsend.audiences.core import BOOLEAN, Const, EntityType, Expr, ListType
from townsend.audiences.pql import tree
from townsend.audiences.pql.compare import for_some
from townsend.audiences.pql.context import Context, Scope
from townsend.audiences.pql.kinds import as_text
from townsend.problem import Invalid

__all__ = ["SEGMENTS_MAX", "in_segment"]

SEGMENTS_MAX = 10  # audiences inside one another


def in_segment(ctx: Context, node: tree.Call, subject: Expr, scope: Scope) -> Expr:
    """``inSegment("x")``: the project's audience x, which may be a list; if there is none, a membership
    that was loaded.

    Args:
        subject: the entity it is about; of a list, some of them.

    Raises:
        Invalid: ``pql.segment``, an audience of another class; ``pql.cycle``; ``pql.depth``; and whatever is
            wrong with the other audience's own text.
    """
    (arg,) = node.args
    if not isinstance(arg, tree.Literal) or not isinstance(arg.value, str):
        raise ctx.wrong("pql.arguments", 'inSegment takes the name of an audience: inSegment("x")', arg)
    name = arg.value
    if isinstance(subject.type, ListType):
        return for_some(subject, scope, node.at, lambda item, inner: in_segment(ctx, node, item, inner))
    if not isinstance(subject.type, EntityType):
        message = f"inSegment is about an entity, and here stands {as_text(subject.type)}"
        raise ctx.wrong("pql.segment", message, node)
    found = ctx.audiences(name)
    if found is None:
        return _loaded(ctx, name, subject, subject.type.cls, node)
    of, text = found
    if of != subject.type.cls:
        path = _way(ctx, subject.type.cls, of)
        message = f"{name!r} is an audience of {of} entities, and here stands {as_text(subject.type)}"
        raise ctx.wrong("pql.segment", f'{message}; write {path}.inSegment("{name}")', node)
    if text is None:
        return core.Listed(name, subject, at=node.at)
    if name in ctx.path:
        way = " → ".join([*ctx.path[ctx.path.index(name) :], name])
        raise ctx.wrong("pql.cycle", f"the audience would ask for itself: {way}", node)
    if len(ctx.path) > SEGMENTS_MAX:
        message = f"audiences are nested more than {SEGMENTS_MAX} deep"
        raise ctx.wrong("pql.depth", message, node)
    try:
        definition = ctx.other(ctx, name, of, text)
    except Invalid as problem:
        # Of audiences inside one another, the innermost is the one to mend.
        where = problem.facts.get("audience", name)
        inner = problem.facts.get("inner", problem.text)
        message = f"in the audience {where!r}, {inner}"
        raise ctx.wrong(problem.code, message, node, audience=where, inner=inner) from None
    return core.InSegment(name, subject, definition, ctx.policies(name), at=node.at)


def _loaded(ctx: Context, name: str, subject: Expr, cls: str, node: tree.Call) -> Expr:
    if "segmentMembership" not in ctx.schema.classes[cls].shape.maps:
        ctx.warn("pql.segment", f"there is no audience {name!r}; nobody is in it", node)
        return Const(False, BOOLEAN, node.at)
    ctx.warn("pql.segment", f"there is no audience {name!r}; only memberships that were loaded count", node)
    return core.LoadedSegment(name, subject, at=node.at)


def _way(ctx: Context, near: str, far: str) -> str:
    """A relationship that leads from one class to the other, for the hint."""
    ways = [one.name for one in ctx.schema.relationships_of(near) if one.far == far]
    return ways[0] if ways else "path"
