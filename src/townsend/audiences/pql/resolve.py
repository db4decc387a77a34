"""From the tree as it was written to the form that evaluators read: every name bound, every kind known.

What can't be given one sure meaning is refused here, with its place; nothing is guessed. The result is
bounded in size and depth, audiences that it uses included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from townsend.audiences import core
from townsend.audiences.core import Definition, Expr
from townsend.audiences.pql import calls, compare, groups, lists, times, tree
from townsend.audiences.pql.coerce import literal, number
from townsend.audiences.pql.computed import body
from townsend.audiences.pql.context import (
    Audiences,
    Came,
    Computed,
    Context,
    Policies,
    Scope,
    Seen,
    Warned,
    root_scope,
)
from townsend.audiences.pql.kinds import truth
from townsend.audiences.pql.parse import parse
from townsend.audiences.pql.paths import member, name
from townsend.audiences.pql.size import check
from townsend.model import Schema

__all__ = ["Resolved", "resolve", "resolve_field"]

LEVELS_MAX = 110  # nodes inside one another while resolving; a text alone has at most 100


@dataclass(frozen=True)
class Resolved:
    """A definition, and what is doubtful about it."""

    definition: Definition
    warnings: tuple[Warned, ...]


def resolve(
    query: tree.Query,
    schema: Schema,
    of: str,
    *,
    seen: Seen = lambda _, __: False,
    audiences: Audiences = lambda _: None,
    strict: bool = True,
    name: str | None = None,
    came: Came = lambda _: (),
    policies: Policies = lambda _: None,
    computed: Computed | None = None,
) -> Resolved:
    """What a definition means.

    Args:
        of: the class whose entities are asked about.
        seen: whether an undeclared path ever came with rows of a class.
        audiences: root class and text of a saved audience, a list having no text; None if there is none of
            that name.
        policies: the merge policy under which a saved audience sees the facts.
        computed: computed fields by class and name.
        strict: refuse fields neither declared nor ever seen, and regular expressions that can't be read;
            otherwise the former are null, the latter match nothing, and a warning says so.
        came: the undeclared paths that came with rows of a class, to suggest for a slip.
        name: the saved audience this is, so that one that asks for itself is found.

    Raises:
        Invalid: ``pql.*`` with line, column and a caret; ``class.unknown``.
    """
    schema.entity_class(of)
    ctx = Context(
        schema,
        query.text,
        seen,
        audiences,
        strict,
        value,
        condition,
        definition,
        () if name is None else (name,),
        came=came,
        policies=policies,
        computed=computed or {},
    )
    return Resolved(_definition(ctx, query, of), tuple(ctx.warnings))


def resolve_field(
    query: tree.Query,
    schema: Schema,
    of: str,
    name: str,
    *,
    seen: Seen = lambda _, __: False,
    audiences: Audiences = lambda _: None,
    strict: bool = True,
    came: Came = lambda _: (),
    policies: Policies = lambda _: None,
    computed: Computed | None = None,
) -> Expr:
    """What the text of a computed field means, about ``Item(0)``; everything else as for ``resolve``.

    Raises:
        Invalid: ``pql.computed`` if it is not one value; ``pql.*``; ``class.unknown``.
    """
    schema.entity_class(of)
    ctx = Context(
        schema,
        query.text,
        seen,
        audiences,
        strict,
        value,
        condition,
        definition,
        came=came,
        policies=policies,
        computed=computed or {},
        computing=(f"{of}.{name}",),
    )
    found = body(ctx, query, root_scope(of).item)
    check(ctx, Definition(of, found, query.text))
    return found


def _definition(ctx: Context, query: tree.Query, of: str) -> Definition:
    for remark in query.remarks:
        ctx.warn("pql.spelling", remark.text, remark.at)
    root, scope = query.root, root_scope(of)
    if isinstance(root, tree.Lambda):
        if len(root.names) != 1:
            raise ctx.wrong("pql.arguments", f"an audience has one parameter, the {of}", root)
        scope, root = scope.with_value(root.names[0], scope.item), root.body
    asked = condition(ctx, root, scope)
    found = Definition(of, asked, query.text, tuple(ctx.worked))
    check(ctx, found)
    return found


def definition(ctx: Context, name: str, of: str, text: str) -> Definition:
    """Another audience, resolved once however often it is asked for."""
    if (found := ctx.known.get(name)) is not None:
        return found
    whose = f"the audience {name!r}"
    inner = replace(ctx, text=text, strict=False, path=(*ctx.path, name), within=whose, worked=[])
    found = ctx.known[name] = _definition(inner, parse(text), of)
    return found


def condition(ctx: Context, node: tree.Node, scope: Scope) -> Expr:
    """A node in Boolean position."""
    if isinstance(node, tree.Select) and len(node.variables) > 1:
        return lists.any_tuple(ctx, node, scope)
    return truth(value(ctx, node, scope))


def value(ctx: Context, node: tree.Node, scope: Scope) -> Expr:
    """A node as a value."""
    if ctx.level >= LEVELS_MAX:
        message = "the definition is nested too deep, other audiences included"
        raise ctx.wrong("pql.depth", message, node)
    ctx.level += 1
    try:
        return RULES[type(node)](ctx, node, scope)
    finally:
        ctx.level -= 1


def _literal(ctx: Context, node: tree.Literal, _: Scope) -> Expr:
    return literal(ctx, node)


def _and(ctx: Context, node: tree.And, scope: Scope) -> Expr:
    return core.And(tuple(condition(ctx, item, scope) for item in node.items), at=node.at)


def _or(ctx: Context, node: tree.Or, scope: Scope) -> Expr:
    return core.Or(tuple(condition(ctx, item, scope) for item in node.items), at=node.at)


def _not(ctx: Context, node: tree.Not, scope: Scope) -> Expr:
    return core.Not(condition(ctx, node.item, scope), at=node.at)


def _negative(ctx: Context, node: tree.Negative, scope: Scope) -> Expr:
    return core.Negative(number(ctx, value(ctx, node.item, scope), "“-”"), at=node.at)


def _member(ctx: Context, node: tree.Member, scope: Scope) -> Expr:
    return member(ctx, value(ctx, node.target, scope), node.name, node.at)


def _climb(ctx: Context, node: tree.Climb, scope: Scope) -> Expr:
    """``^``: the item of the bracket around this one."""
    if node.levels >= len(scope.items):
        there = len(scope.items) - 1
        message = f"^ leaves one bracket; around this place there {'is' if there == 1 else 'are'} {there}"
        raise ctx.wrong("pql.climb", message, node)
    return replace(scope.items[-1 - node.levels], at=node.at)


def _parameter(ctx: Context, node: tree.Parameter, scope: Scope) -> Expr:
    if node.number != 1:
        raise ctx.wrong("pql.arguments", "an audience has one parameter, $1", node)
    return replace(scope.items[0], at=node.at)


def _let(ctx: Context, node: tree.Let, scope: Scope) -> Expr:
    return value(ctx, node.body, scope.with_value(node.name, value(ctx, node.value, scope)))


def _lambda(ctx: Context, node: tree.Lambda, _: Scope) -> Expr:
    raise ctx.wrong(
        "pql.arguments", "a lambda stands at the beginning, or inside exists(…) and the like", node
    )


def _object(ctx: Context, node: tree.Object, scope: Scope) -> Expr:
    values = [value(ctx, inner, scope) for _, inner in node.pairs]
    return groups.record(ctx, [key for key, _ in node.pairs], values, node.at)


RULES: Mapping[type, Callable[[Context, Any, Scope], Expr]] = {
    tree.Literal: _literal,
    tree.List: lists.list_literal,
    tree.Object: _object,
    tree.Name: name,
    tree.Parameter: _parameter,
    tree.Climb: _climb,
    tree.Member: _member,
    tree.Call: calls.call,
    tree.Bracket: lists.bracket,
    tree.And: _and,
    tree.Or: _or,
    tree.Not: _not,
    tree.Compare: compare.compare,
    tree.Infix: compare.infix,
    tree.Negative: _negative,
    tree.Lambda: _lambda,
    tree.Let: _let,
    tree.Select: lists.select,
    tree.Quantifier: lists.quantifier,
    tree.PrefixAggregate: lists.prefix_aggregate,
    tree.Occurs: times.occurs,
    tree.Chain: times.chain,
}
