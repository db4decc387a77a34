"""Undeclared columns of a table gathered into one JSON document per row, as SQL.

The text is canonical as ``items.json_text`` writes it: names sorted, no blanks, nothing for what is
absent. Dotted names nest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from townsend.intake.items import json_text

__all__ = ["Tree", "document_sql", "grown", "paths_of"]


@dataclass
class Tree:
    """An object of the document: a leaf's SQL gives JSON text, or null if it is absent."""

    leaves: dict[str, str] = field(default_factory=dict)
    objects: dict[str, Tree] = field(default_factory=dict)


def grown(columns: Mapping[str, str]) -> Tree:
    """The tree of columns by dotted path."""
    root = Tree()
    for path, sql in columns.items():
        *way, last = path.split(".")
        tree = root
        for name in way:
            tree = tree.objects.setdefault(name, Tree())
        tree.leaves[last] = sql
    return root


def document_sql(tree: Tree) -> str:
    """The JSON text of the tree; null if nothing of it is present."""
    members = dict(tree.leaves)
    for name, inner in tree.objects.items():
        # A name that is both a value and an object: the object is the fuller one.
        members[name] = document_sql(inner)
    parts = [f"{_quoted(name)} || {members[name]}" for name in sorted(members)]
    present = f"coalesce({', '.join(members.values())})" if len(members) > 1 else next(iter(members.values()))
    return f"CASE WHEN {present} IS NOT NULL THEN '{{' || concat_ws(',', {', '.join(parts)}) || '}}' END"


def paths_of(tree: Tree, prefix: str = "") -> frozenset[str]:
    """Every path of the document, objects on the way too."""
    found = {prefix + name for name in (*tree.leaves, *tree.objects)}
    for name, inner in tree.objects.items():
        found |= paths_of(inner, f"{prefix}{name}.")
    return frozenset(found)


def _quoted(name: str) -> str:
    return "'" + json_text(name).replace("'", "''") + ":'"
