"""Names and dotted paths: variables, fields, relationships, and what to suggest for a slip."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from townsend.audiences import core
from townsend.audiences.core import (
    ANY,
    AnyType,
    EntityType,
    Expr,
    GroupsType,
    ItemType,
    ListType,
    MapType,
    ObjectType,
    RecordType,
    Span,
    Type,
)
from townsend.audiences.pql import tree
from townsend.audiences.pql.computed import computed
from townsend.audiences.pql.context import Context, Scope
from townsend.audiences.pql.kinds import as_text, group, item_type
from townsend.model import Relationship, Shape
from townsend.problem import Invalid

__all__ = ["each", "follow", "member", "name", "relationship_call"]


def name(ctx: Context, node: tree.Name, scope: Scope) -> Expr:
    """A bare name: a variable, the item itself, or a field or relationship of the item."""
    if node.name in scope.variables:
        return replace(scope.variables[node.name], at=node.at)
    if node.name == "this":
        return replace(scope.item, at=node.at)
    return member(ctx, replace(scope.item, at=node.at), node.name, node.at)


def member(ctx: Context, base: Expr, field: str, at: Span) -> Expr:
    """``base.field``, whatever ``base`` is.

    Raises:
        Invalid: ``pql.field`` with a suggestion; ``pql.type`` for a field of a scalar.
    """
    match base.type:
        case EntityType(cls):
            relationship = ctx.schema.relationship(cls, field)
            if relationship is not None:
                return follow(base, relationship, None, at)
            found = computed(ctx, base, field, at)
            return _field(ctx, base, ctx.schema.classes[cls].shape, field, at) if found is None else found
        case ItemType(shape):
            return _field(ctx, base, shape, field, at)
        case ObjectType(path) if isinstance(base, core.Field):
            return _field(ctx, base.base, _shape(ctx, base.base), f"{path}.{field}", at)
        case AnyType() if isinstance(base, core.Field):
            return _undeclared(ctx, base.base, f"{base.path}.{field}", at)
        case RecordType(fields):
            return _picked(ctx, base, dict(fields), field, at)
        case GroupsType(key, value) if group(key) == "string":
            return core.Entry(base, core.Const(field, core.STRING, at), value, at)
        case AnyType() | MapType():
            return core.Dig(base, core.Const(field, core.STRING, at), at=at)
        case ListType(item):
            return _through(ctx, base, item, field, at)
    raise ctx.wrong("pql.type", f"{as_text(base.type)} has no field {field!r}", _name_at(at, field))


def _picked(ctx: Context, base: Expr, fields: Mapping[str, Type], field: str, at: Span) -> Expr:
    if field in fields:
        return core.Pick(base, field, fields[field], at)
    near = difflib.get_close_matches(field, fields, 1, 0.6)
    hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(fields)}"
    message = f"the object has no {field!r}{hint}"
    raise ctx.wrong(
        "pql.field", message, _name_at(at, field), field=field, suggestion=near[0] if near else None
    )


def follow(base: Expr, relationship: Relationship, via: str | None, at: Span) -> Expr:
    """A relationship from one entity or from each of a list."""
    far = EntityType(relationship.far)
    single = isinstance(base.type, EntityType) and not relationship.many
    return core.Follow(base, relationship, via, False, far if single else ListType(far), at)


def relationship_call(ctx: Context, node: tree.Call, base: Expr) -> Expr | None:
    """``accounts(via: "direct")``; None if the name is no relationship of ``base``."""
    kind = item_type(base) if isinstance(base.type, ListType) else base.type
    if not isinstance(kind, EntityType):
        return None
    relationship = ctx.schema.relationship(kind.cls, node.name)
    if relationship is None:
        return None
    ways = relationship.ways()
    if node.args or len(node.named) != 1 or node.named[0][0] != "via" or not ways:
        hint = f'write {node.name}(via: "{ways[0]}")' if ways else f"write {node.name} without parentheses"
        raise ctx.wrong("pql.arguments", f"{node.name} is a relationship; {hint}", node)
    value = node.named[0][1]
    if not isinstance(value, tree.Literal) or value.value not in ways:
        choices = ", ".join(f'"{way}"' for way in ways)
        raise ctx.wrong("pql.via", f"{node.name} can be reached via {choices}", value)
    return follow(base, relationship, str(value.value), node.at)


def each(base: Expr, var: int, body: Expr, at: Span) -> Expr:
    """One value for each item; lists of values become one list."""
    item = body.type.item if isinstance(body.type, ListType) else body.type
    return core.Each(base, var, body, ListType(item), at)


def _through(ctx: Context, base: Expr, item: Type, field: str, at: Span) -> Expr:
    """A path that goes on through a list."""
    if isinstance(item, EntityType):
        relationship = ctx.schema.relationship(item.cls, field)
        if relationship is not None:
            return follow(base, relationship, None, at)
    if isinstance(base, core.Each) and not isinstance(base.body.type, ListType):
        # The next step of a dotted path belongs to the same item: `orders.store.id`.
        return each(base.base, base.var, member(ctx, base.body, field, at), at)
    var = _free(base)
    return each(base, var, member(ctx, core.Item(var, item, at), field, at), at)


def _free(base: Expr) -> int:
    """A variable number that ``base`` does not refer to, the same for equal expressions."""
    match base:
        case core.Item(var):
            return var + 1
        case core.Where(var=var) | core.Each(var=var):
            return var
        case core.Field(inner) | core.Dig(inner) | core.Follow(inner) | core.Distinct(inner):
            return _free(inner)
    return 1


def _field(ctx: Context, base: Expr, shape: Shape, path: str, at: Span) -> Expr:
    if path in shape.leaves:
        return core.Field(base, path, core.ScalarType(shape.leaves[path].type), at)
    if path in shape.arrays:
        array = shape.arrays[path]
        item: Type = core.ScalarType(array.item) if array.item else ItemType(array.shape or shape)
        return core.Field(base, path, ListType(item), at)
    if path in shape.maps:
        return core.Field(base, path, MapType(), at)
    if path in shape.objects:
        return core.Field(base, path, ObjectType(path), at)
    return _undeclared(ctx, base, path, at)


def _undeclared(ctx: Context, base: Expr, path: str, at: Span) -> Expr:
    """A field that is not declared: as it came; null if it never did.

    What came inside the items of arrays is not remembered by name. There, only a name that is nearly a
    declared one is taken for a slip.
    """
    if isinstance(base.type, EntityType):
        cls = base.type.cls
        if not ctx.seen(cls, path):
            if ctx.strict:
                raise _no_field(ctx, base, f"{cls} has", path, at, _near(ctx, base, path))
            ctx.warn("pql.field", f"no {cls} ever came with {path!r}; it counts as null", at)
        return core.Field(base, path, ANY, at)
    near = _near(ctx, base, path)
    if ctx.strict and near is not None:
        raise _no_field(ctx, base, "an item here has", path, at, near)
    ctx.warn("pql.field", f"items with {path!r} are not declared; it is null where it did not come", at)
    return core.Field(base, path, ANY, at)


def _no_field(ctx: Context, base: Expr, where: str, path: str, at: Span, near: str | None) -> Invalid:
    never = ", and none ever came" if isinstance(base.type, EntityType) else ""
    hint = "" if near is None else f"; did you mean {near!r}?"
    return ctx.wrong(
        "pql.field",
        f"{where} no field or relationship {path!r}{never}{hint}",
        _name_at(at, path.rpartition(".")[2]),
        field=path,
        suggestion=near,
    )


def _near(ctx: Context, base: Expr, path: str) -> str | None:
    """The name that was probably meant."""
    last = path.rpartition(".")[2]
    found = _elsewhere(ctx, base, path) or difflib.get_close_matches(
        last, _candidates(ctx, base, path), 1, 0.6
    )
    return found[0] if found else None


def _elsewhere(ctx: Context, base: Expr, path: str) -> list[str]:
    """A function written without parentheses, or a field that is there, but inside an object."""
    from townsend.audiences.pql.calls import METHODS

    last = path.rpartition(".")[2]
    inside = [one for one in _shape(ctx, base).names() if one.endswith(f".{path}")]
    return [f"{last}()"] if last in METHODS else sorted(inside, key=len)[:1]


def _candidates(ctx: Context, base: Expr, path: str) -> list[str]:
    """The names that could stand where the last part of ``path`` stands."""
    prefix = path.rpartition(".")[0]
    shape = _shape(ctx, base)
    names = set(_next_parts(shape.names(), prefix))
    if isinstance(base.type, EntityType):
        names |= set(_next_parts(ctx.came(base.type.cls), prefix))
    if not prefix and isinstance(base.type, EntityType):
        names |= {one.name for one in ctx.schema.relationships_of(base.type.cls)}
        names |= set(ctx.computed.get(base.type.cls, ()))
    return sorted(names)


def _next_parts(paths: Iterable[str], prefix: str) -> Iterable[str]:
    start = f"{prefix}." if prefix else ""
    for path in paths:
        if path.startswith(start):
            yield path[len(start) :].partition(".")[0]


def _shape(ctx: Context, base: Expr) -> Shape:
    if isinstance(base.type, EntityType):
        return ctx.schema.classes[base.type.cls].shape
    assert isinstance(base.type, ItemType)
    return base.type.shape


def _name_at(at: Span, word: str) -> Span:
    """The last word of a path, where the caret belongs."""
    return Span(max(at.start, at.end - len(word)), at.end)
