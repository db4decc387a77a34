"""The tables of mappings: shipped ones, and what a project changes of them.

A project changes a mapping in ``mappings/<source>.yaml``: the same tables, of which it names the fields that
it wants otherwise. A target that is there is read from somewhere else, a new one is added, and one that is
null is left out. A table that the shipped mapping lacks is one of the project's own and names its class.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from townsend.model import XREF, XREF_CLASS, Schema, Shape, builtin_schema
from townsend.sources import mappings

__all__ = ["NAMED", "SHIPPED", "MappingChanges", "Table", "load_tables"]

# The shipped mappings that sources of a type use.
SHIPPED: Mapping[str, tuple[str, ...]] = {
    "marketo": ("marketo", "marketo_activities"),
    "salesforce": ("salesforce",),
}

# Those that a source of files or of a database may name as its ``mapping``: shapes of master data.
NAMED: tuple[str, ...] = ("boomi", "informatica", "oracle_tca", "reltio", "semarchy", "siebel_ucm")


@dataclass(frozen=True)
class Table:
    """One table of a mapping as written.

    Args:
        schema: where its class is declared; the built-in one if None.
        each: the vendor's field that holds a list, each item of which makes a row; None if a row makes one.
    """

    name: str
    cls: str
    fields: Mapping[str, Any]
    schema: Schema | None = field(default=None, compare=False, repr=False)
    each: str | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """Vendor fields it reads, in order and once each."""
        return tuple(dict.fromkeys(_names(self.fields)))

    @property
    def shape(self) -> Shape:
        """The fields of its class.

        Raises:
            Invalid: ``class.unknown``.
        """
        if self.cls == XREF:
            return XREF_CLASS.shape
        return (self.schema or builtin_schema()).entity_class(self.cls).shape

    @property
    def digest(self) -> str:
        """Tells tables apart that map otherwise."""
        each = [self.each] if self.each else []
        text = json.dumps([self.cls, self.fields, *each], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class MappingChanges:
    """What a project says of the mapping of one source, checked.

    Args:
        tables: table to ``class``, ``fields`` and ``each``, as written; a field that is None is left out.
        schema: the project's classes, whose types values take.
        named: the shipped mapping that the source names in its settings; None if it names none.
    """

    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    schema: Schema | None = None
    named: str | None = None

    def of(self, shipped: Mapping[str, Table]) -> dict[str, Table]:
        """The tables as they hold in the project, its own last."""
        found = {name: self._changed(table) for name, table in shipped.items()}
        for name, body in self.tables.items():
            if name not in shipped and body.get("class"):
                fields = _kept(body.get("fields") or {})
                found[name] = Table(name, str(body["class"]), fields, self.schema, body.get("each"))
        return found

    def _changed(self, table: Table) -> Table:
        body = self.tables.get(table.name, {})
        fields = _kept({**table.fields, **(body.get("fields") or {})})
        return Table(table.name, table.cls, fields, self.schema, body.get("each", table.each))


def _kept(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {target: spec for target, spec in fields.items() if spec is not None}


def load_tables(name: str, changes: MappingChanges | None = None) -> Mapping[str, Table]:
    """The tables of a shipped mapping by name, as a project changes them: ``load_tables("marketo")``."""
    shipped = _shipped(name)
    return shipped if changes is None else changes.of(shipped)


@cache
def _shipped(name: str) -> Mapping[str, Table]:
    import yaml

    text = resources.files(mappings).joinpath(f"{name}.yaml").read_text("utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load(text, loader)  # noqa: S506 - a safe loader either way
    return {
        table: Table(table, body["class"], body["fields"], each=body.get("each"))
        for table, body in document.items()
    }


def _names(spec: Any) -> Iterator[str]:
    """The vendor fields that the fields of a table, or one of their items, read."""
    for value in spec.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, str):
                    yield item
                else:
                    yield from _names(item)
        else:
            for word in ("from", "key", "split", "ids", "keys"):
                found = value.get(word, ())
                yield from [found] if isinstance(found, str) else found
