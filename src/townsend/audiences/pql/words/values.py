"""Values as noun phrases, about whatever stands around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from townsend.audiences import core
from townsend.audiences.core import EntityType, Expr, ListType, ScalarType, Truth
from townsend.audiences.explain.tree import iso
from townsend.audiences.pql.words import functions
from townsend.audiences.pql.words.catalogue import Catalogue
from townsend.audiences.walk import conjuncts, free

__all__ = ["Speaker"]

Clause = Callable[["Speaker", Expr], str]


@dataclass(frozen=True)
class Speaker:
    """Says values in one language.

    Args:
        own: the variable of the entity or item that the words are about.
        nouns: what each variable is called.
        clause: says a condition as a relative clause.
    """

    words: Catalogue
    own: int
    nouns: Mapping[int, str]
    clause: Clause = field(compare=False)

    def about(self, var: int, noun: str) -> Speaker:
        """The same, about an item."""
        return replace(self, own=var, nouns={**self.nouns, var: noun})

    def say(self, code: str, **places: str) -> str:
        return self.words.say(code, **places)

    def is_own(self, expr: Expr) -> bool:
        """Whether a value is that of the entity or item itself."""
        return free(expr) == {self.own}

    def value(self, expr: Expr) -> str:
        """A value as a noun phrase."""
        return RULES[type(expr)](self, expr)

    def other(self, expr: Expr) -> str:
        """A value on the right side of a comparison, where it has to be said whose it is."""
        said = self.value(expr)
        return self.say("own", value=said) if isinstance(expr, core.Field) and self.is_own(expr) else said

    def inside(self, base: Expr, var: int) -> Speaker:
        """About each item of a list."""
        kind = base.type.item if isinstance(base.type, ListType) else base.type
        noun = self.words.noun(kind.cls) if isinstance(kind, EntityType) else self.say("item.value")
        return self.about(var, noun)

    # -------------------------------------------------------- leaves

    def const(self, node: core.Const) -> str:
        value = node.value
        match value:
            case None:
                return self.say("nothing")
            case bool():
                return self.say("truth.yes" if value else "truth.no")
            case str():
                return self.words.text(value)
        if isinstance(node.type, ScalarType) and node.type.name in ("datetime", "date"):
            return iso(int(value))
        return self.words.number(value)

    def listed(self, node: core.ListOf) -> str:
        return self.words.all("list", map(self.value, node.items)) or self.say("list.empty")

    def item(self, node: core.Item) -> str:
        if isinstance(node.type, EntityType):
            return self.say("item", noun=self.nouns[node.var])
        return self.nouns[node.var]

    def field(self, node: core.Field) -> str:
        label = self.words.field(node.path)
        base = node.base
        if isinstance(base, core.Item):
            return label if base.var == self.own else self._of(label, base.var)
        return self._belonging("path.one", base, label)

    def _of(self, label: str, var: int) -> str:
        """Something of what stands farther out."""
        return self.say("field.of", field=label, noun=self.nouns[var])

    def _belonging(self, code: str, base: Expr, name: str) -> str:
        """Something of a value: closely where that is one plain word, else at a distance."""
        plain = isinstance(base, core.Follow) and isinstance(base.base, core.Item) and base.via is None
        if not plain or base.base.var != self.own or base.retired:  # type: ignore[union-attr]
            code = "path.deep"
        return self.say(code, base=self.value(base), name=name)

    def dig(self, node: core.Dig) -> str:
        return self.say("dig", base=self.value(node.base), key=self.value(node.key))

    # -------------------------------------------------------- lists

    def follow(self, node: core.Follow) -> str:
        return self._path(node, self._named(node))

    def _named(self, node: core.Follow) -> str:
        name = self.words.relationship(node.relationship.name)
        if node.via is not None:
            name = self.say("via", items=name, way=self.words.text(node.via))
        return self.say("retired", items=name) if node.retired else name

    def _path(self, node: core.Follow, name: str) -> str:
        base = node.base
        if isinstance(base, core.Item):
            if base.var == self.own:
                return name
            return self._of(name, base.var)
        return self._belonging("path.many" if isinstance(base.type, ListType) else "path.one", base, name)

    def where(self, node: core.Where) -> str:
        """Flags become adjectives, everything else stands behind."""
        adjectives, others, known = [], [], self.words.vocabulary["adjectives"]
        for cond in conjuncts(node.cond):
            match cond:
                case Truth(core.Field(core.Item(var), path)) if var == node.var and path in known:
                    adjectives.append(known[path])
                case _:
                    others.append(cond)
        if isinstance(node.base, core.Follow):
            name = self._named(node.base)
            for adjective in adjectives:
                name = adjective.format(items=name)
            said = self._path(node.base, name)
        else:
            said = self.value(node.base)
            for adjective in adjectives:
                said = adjective.format(items=said)
        if not others:
            return said
        inner = self.inside(node.base, node.var)
        clause = self.words.all("and", (inner.clause(inner, cond) for cond in others))
        return self.say("filtered", items=said, clause=clause)

    def counted(self, node: core.Count) -> str:
        """What is counted; that plain values count only where they are there goes without saying."""
        base = node.base
        match base:
            case core.Where(inner, var, core.IsNull(core.Item(item), True)) if item == var:
                base = inner
        return self.value(base)

    def each(self, node: core.Each) -> str:
        said = self.inside(node.base, node.var).value(node.body)
        return self._belonging("path.many", node.base, said)

    def total(self, node: core.Aggregate) -> str:
        items = self.value(node.base)
        if node.body == core.Item(node.var, node.body.type):
            return self.say(f"{node.op}.values", items=items)
        return self.say(node.op, items=items, field=self.inside(node.base, node.var).value(node.body))

    def ranked(self, node: core.Ranked) -> str:
        items, number = self.value(node.base), self.words.number(node.number)
        if node.body in (
            core.Item(node.var, node.body.type),
            core.Coerce(core.Item(node.var, core.ANY), node.body.type),
        ):
            return self.say(f"{node.op}.values", items=items, number=number)
        said = self.inside(node.base, node.var).value(node.body)
        return self.say(node.op, items=items, number=number, field=said)

    def record(self, node: core.Record) -> str:
        pairs = [
            self.say("pair", name=self.words.text(name), value=self.value(value))
            for name, value in zip(node.names, node.values, strict=True)
        ]
        return self.say("record", pairs=self.words.all("list", pairs))

    def pick(self, node: core.Pick) -> str:
        base = node.base
        if isinstance(base, core.Item) and isinstance(base.type, core.RecordType):
            if [name for name, _ in base.type.fields] == ["key", "value"]:
                return self.say(f"pick.{node.name}")
            if base.var == self.own:
                return self.words.text(node.name)
        return self.say("pick", base=self.value(base), name=self.words.text(node.name))

    def grouped(self, node: core.Grouped) -> str:
        said = self.inside(node.base, node.var).value(node.key)
        return self.say("grouped", items=self.value(node.base), field=said)

    def mapped(self, node: core.MapOf) -> str:
        inner = self.inside(node.base, node.var)
        key, value = inner.value(node.key), inner.value(node.value)
        return self.say("mapped", items=self.value(node.base), key=key, value=value)


def _inner(code: str | None, place: str, **attributes: str) -> Callable[[Speaker, Any], str]:
    """A message about one value inside; without a message, that value itself."""

    def rule(speaker: Speaker, node: Any) -> str:
        inner = {name: speaker.value(getattr(node, attribute)) for name, attribute in attributes.items()}
        return speaker.say(code, **inner) if code is not None else inner[place]

    return rule


def _condition(speaker: Speaker, node: Expr) -> str:
    return speaker.clause(speaker, node)


RULES: Mapping[type, Callable[[Speaker, Any], str]] = {
    core.Const: Speaker.const,
    core.ListOf: Speaker.listed,
    core.Item: Speaker.item,
    core.Field: Speaker.field,
    core.Dig: Speaker.dig,
    core.Follow: Speaker.follow,
    core.Where: Speaker.where,
    core.Each: Speaker.each,
    core.Distinct: _inner("distinct", "items", items="base"),
    core.Count: lambda speaker, node: speaker.say("count", items=speaker.counted(node)),
    core.Aggregate: Speaker.total,
    core.Arithmetic: functions.calculated,
    core.Negative: _inner("negative", "value", value="value"),
    core.Conditional: functions.choice,
    core.Coerce: _inner(None, "value", value="value"),
    core.DatePart: functions.part,
    core.Ordered: _inner(None, "items", items="base"),
    core.Ranked: Speaker.ranked,
    core.First: _inner("first", "items", items="base"),
    core.Common: _inner("common", "left", left="left", right="right"),
    core.AllOf: lambda speaker, node: speaker.say("all", noun=speaker.words.everyone(node.cls)),
    core.Record: Speaker.record,
    core.Pick: Speaker.pick,
    core.Grouped: Speaker.grouped,
    core.MapOf: Speaker.mapped,
    core.Entries: _inner("entries", "map", map="base"),
    core.Contents: _inner("contents", "map", map="base"),
    core.Entry: _inner("entry", "map", map="base", key="key"),
    core.PerKey: functions.calculated,
    core.TextFunction: functions.function,
    core.RegexGroup: functions.group,
    core.Shifted: functions.shifted,
    core.Elapsed: functions.elapsed,
    **dict.fromkeys(
        (
            core.And,
            core.Or,
            core.Not,
            core.Truth,
            core.Compare,
            core.Text,
            core.In,
            core.SetTest,
            core.IsNull,
            core.Some,
            core.InSegment,
            core.Listed,
            core.LoadedSegment,
            core.Occurs,
            core.Chain,
        ),
        _condition,
    ),
}
