"""How large and how deep a resolved definition is, audiences that it uses included."""

from __future__ import annotations

from typing import NamedTuple

from townsend.audiences.core import Definition, Expr, InSegment, Span
from townsend.audiences.pql.context import Context
from townsend.audiences.walk import parts

__all__ = ["DEPTH_MAX", "NODES_MAX", "Size", "check"]

NODES_MAX = 50_000
# Conditions and values inside one another: deeper than any person writes. Python's own limit is several times
# that, since each becomes several calls, and several nodes of SQL.
DEPTH_MAX = 50


class Size(NamedTuple):
    """How many nodes, and how many inside one another."""

    nodes: int
    depth: int


def check(ctx: Context, definition: Definition) -> None:
    """Refuse what would cost too much to evaluate.

    Raises:
        Invalid: ``pql.size``, ``pql.depth``.
    """
    size = _size(definition.condition, ctx.sizes)
    whole = Span(0, 0)
    if size.nodes > NODES_MAX:
        message = f"the definition comes to {size.nodes:,} steps of evaluation; the most is {NODES_MAX:,}"
        raise ctx.wrong("pql.size", f"{message}; repeat less through let and inSegment", whole)
    if size.depth > DEPTH_MAX:
        message = (
            f"conditions are nested {size.depth} deep, other audiences included; the most is {DEPTH_MAX}"
        )
        raise ctx.wrong("pql.depth", message, whole)


def _size(node: Expr, known: dict[int, tuple[Size, Expr]]) -> Size:
    """Of a tree in which the same object may stand in many places; each is measured once."""
    if (found := known.get(id(node))) is not None:
        return found[0]
    inner = [_size(node.definition.condition, known)] if isinstance(node, InSegment) else []
    inner += [_size(part, known) for part, _ in parts(node)]
    size = Size(1 + sum(part.nodes for part in inner), 1 + max((part.depth for part in inner), default=0))
    known[id(node)] = (size, node)  # the node is kept, so that its id stays its own
    return size
