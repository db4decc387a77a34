"""What resolving carries along: the project's names, the scopes, and the way to complain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from townsend.audiences.core import Definition, EntityType, Expr, Item, Span, Type, Worked
from townsend.audiences.pql import tree
from townsend.audiences.pql.places import at_place, said_at
from townsend.model import Schema
from townsend.problem import Invalid

__all__ = ["Audiences", "Came", "Computed", "Context", "Policies", "Scope", "Seen", "Warned", "root_scope"]

Came = Callable[[str], Iterable[str]]
"""The undeclared paths that came with rows of a class."""

Seen = Callable[[str, str], bool]
"""Whether an undeclared path ever came with rows of a class."""

Audiences = Callable[[str], tuple[str, str | None] | None]
"""The root class and text of a saved audience; of one that is a list, None for the text."""

Computed = Mapping[str, Mapping[str, str]]
"""Class to its computed fields: name to text."""

Policies = Callable[[str], str | None]
"""The merge policy under which a saved audience sees the facts; None for each class's own."""


@dataclass(frozen=True)
class Warned:
    """Something doubtful about a definition that does not stop it; the text begins with its place."""

    code: str
    text: str


@dataclass(frozen=True)
class Scope:
    """What names mean at one place.

    Args:
        items: what each enclosing bracket is about, the root entity first.
        variables: names given by lambdas, ``let``, ``select`` and quantifiers.
    """

    items: tuple[Expr, ...]
    variables: Mapping[str, Expr] = field(default_factory=dict)
    depth: int = 1

    @property
    def item(self) -> Expr:
        """What bare names are looked up on."""
        return self.items[-1]

    def inside(self, type_: Type, at: Span) -> tuple[int, Scope]:
        """The scope inside a bracket over items of that type, and the number of its variable."""
        item = Item(self.depth, type_, at)
        return self.depth, replace(self, items=(*self.items, item), depth=self.depth + 1)

    def named(self, name: str, type_: Type, at: Span) -> tuple[int, Scope]:
        """A scope with one more named variable, bare names staying as they are."""
        variables = {**self.variables, name: Item(self.depth, type_, at)}
        return self.depth, replace(self, variables=variables, depth=self.depth + 1)

    def with_value(self, name: str, value: Expr) -> Scope:
        """A scope in which a name stands for a value."""
        return replace(self, variables={**self.variables, name: value})


@dataclass
class Context:
    """One definition being resolved.

    Args:
        value: resolves a node as a value, ``condition`` one in Boolean position.
        other: resolves another audience, by name, class and text.
        path: the audiences this one is part of, outermost first.
        known: other audiences resolved so far.
        sizes: of expressions measured so far, by object.
        within: whose text this is, in words, if it is another one than was asked about.
        came: the undeclared paths that came with rows of a class, to suggest for a slip.
        computed: computed fields.
        computing: those that this one is part of, outermost first, as ``class.name``.
        worked: the computed fields that this text named so far.
        level: how many nodes around this one are being resolved, those of outer audiences included.
    """

    schema: Schema
    text: str
    seen: Seen
    audiences: Audiences
    strict: bool
    value: Callable[[Context, Any, Scope], Expr]
    condition: Callable[[Context, Any, Scope], Expr]
    other: Callable[[Context, str, str, str], Definition]
    path: tuple[str, ...] = ()
    warnings: list[Warned] = field(default_factory=list)
    known: dict[str, Definition] = field(default_factory=dict)
    sizes: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    within: str | None = None
    level: int = 0
    came: Came = lambda _: ()
    policies: Policies = lambda _: None
    computed: Computed = field(default_factory=dict)
    computing: tuple[str, ...] = ()
    worked: list[Worked] = field(default_factory=list)

    def wrong(
        self, code: str, message: str, node: tree.Node | tree.Step | tree.Part | Span, **facts: Any
    ) -> Invalid:
        """The problem to raise about a place in the text."""
        span = node if isinstance(node, Span) else node.at
        return at_place(code, message, self.text, span.start, **facts)

    def warn(self, code: str, text: str, node: tree.Node | tree.TailNode | Span) -> None:
        """Remember a doubt about a place in the text, once."""
        span = node if isinstance(node, Span) else node.at
        whose = "" if self.within is None else f"in {self.within}, "
        warned = Warned(code, f"{whose}{said_at(text, self.text, span.start)}")
        if warned not in self.warnings:
            self.warnings.append(warned)


def root_scope(cls: str) -> Scope:
    """Names resolve on the root entity; ``$1`` is it, too."""
    return Scope((Item(0, EntityType(cls)),))
