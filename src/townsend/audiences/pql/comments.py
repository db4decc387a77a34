"""Comments: ``// to the end of the line`` and ``/* … */``, for readers alone.

They are blanked before parsing, so every place in the tree is still a place in the text. A comment is about
the condition that follows it; at the end of a line, about the one that ends there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from townsend.audiences.pql import tree
from townsend.audiences.pql.notes import Comment

__all__ = ["Noted", "blanked", "found_in", "noted", "noted_tree"]

_PIECE = re.compile(
    r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`|(?P<comment>//[^\n]*|/\*.*?\*/)', re.DOTALL
)
_NOT_BREAK = re.compile(r"[^\n]")


@dataclass(frozen=True, slots=True)
class Noted:
    """A node with comments before it; only for writing."""

    node: Any
    comments: tuple[str, ...]


def found_in(text: str) -> list[Comment]:
    """The comments of a definition."""
    if "//" not in text and "/*" not in text:
        return []
    return [Comment(_said(one["comment"]), one.start()) for one in _PIECE.finditer(text) if one["comment"]]


def blanked(text: str) -> str:
    """The definition with spaces instead of comments; every other character stays in its place."""

    def blank(piece: re.Match[str]) -> str:
        return piece[0] if piece["comment"] is None else _NOT_BREAK.sub(" ", piece[0])

    return _PIECE.sub(blank, text)


def _said(comment: str) -> str:
    inner = comment[2:] if comment.startswith("//") else comment[2:-2]
    return " ".join(inner.replace("*/", "* /").split())


def noted(query: tree.Query) -> Any:
    """The tree of a definition, its comments at the conditions that they are about."""
    if not query.comments:
        return query.root
    hosts = sorted(_hosts(query.root), key=lambda host: host.at.start)
    notes: dict[int, list[str]] = {}
    for comment in query.comments:
        notes.setdefault(id(_host(comment, hosts, query.text)), []).append(comment.text)
    return noted_tree(query.root, notes)


def _hosts(root: Any) -> Iterator[Any]:
    """What a comment can be about: the whole, its conditions, the steps of sequences."""
    yield root
    for node in _nodes(root):
        if isinstance(node, tree.And | tree.Or):
            yield from node.items
        elif isinstance(node, tree.Chain):
            yield from (step.what for step in node.steps)


def _host(comment: Comment, hosts: Sequence[Any], text: str) -> Any:
    line_end = text.find("\n", comment.at)
    follows = blanked(text[comment.at : line_end if line_end >= 0 else len(text)]).strip()
    leads = text[text.rfind("\n", 0, comment.at) + 1 : comment.at].strip()
    before = [host for host in hosts if host.at.end <= comment.at]
    after = [host for host in hosts if host.at.start > comment.at]
    if before and (not after or (leads and not follows)):
        return max(before, key=lambda host: (host.at.end, host.at.start))
    if not after:
        return hosts[0]
    beginning = [host for host in after if host.at.start == after[0].at.start]
    # On a line of its own a comment is about all that begins there; on the same line, about the nearest.
    return beginning[-1] if follows else beginning[0]


def _nodes(node: Any) -> Iterator[Any]:
    if isinstance(node, tuple):
        for one in node:
            yield from _nodes(one)
    elif is_dataclass(node):
        yield node
        for one in fields(node):
            if one.name != "at":
                yield from _nodes(getattr(node, one.name))


def noted_tree(node: Any, notes: Mapping[int, Sequence[str]]) -> Any:
    """A copy of a tree in which the nodes with notes are ``Noted``; notes by the id of the node."""
    if isinstance(node, tuple) and not hasattr(node, "_fields"):
        return tuple(noted_tree(one, notes) for one in node)
    if not is_dataclass(node) or isinstance(node, type):
        return node
    inner = {one.name: getattr(node, one.name) for one in fields(node) if one.name != "at"}
    copied = replace(node, **{name: noted_tree(value, notes) for name, value in inner.items()})
    return Noted(copied, tuple(notes[id(node)])) if id(node) in notes else copied
