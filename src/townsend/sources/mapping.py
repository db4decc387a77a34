"""Mappings as data: which field of a vendor's row becomes which XDM field of ours.

A mapping is a YAML file. Each of its tables turns one kind of vendor row into rows of one class:

    person:                                   # the table's name, given by the source
      class: person                           # the class of its rows
      fields:
        workEmail.address: email              # target path: the vendor's field
        b2b.personKey: {key: id}              # a key of this instance: <id>@<instance>.<type>
        b2b.accountKey: {key: contactCompany, suffix: .mkto_org}
        extSourceSystemAudit.externalKey:     # a key of another system, if the source knows its instance
          {key: [sfdcContactId, sfdcLeadId], of: crm}
        b2b.personType: {constant: Contact}
        b2b.personSource: [leadSource, source]            # the first that has a value
        consents.marketing.email.val: {from: unsubscribed, values: {"true": n}}   # others are absent
        consents.marketing.email.reason: {from: unsubscribedReason, most: 100}
        accountType: {from: kind, values: {p: prospect}, else: other}
        extSourceSystemAudit.createdDate: {from: created, format: ["%d.%m.%Y", "%m/%d/%Y"]}   # in UTC
        opportunityAmount.amount: {from: worth, decimal: ",", times: 1000}
        accountName: {from: label, match: "^[A-Z]+ - (.+)$"}   # the first group; absent where it doesn't fit
        personRoles: {split: Roles, by: ";"}
        identityMap.ECID: {ids: ecids, by: ","}           # a list of identities
        relatedAccountKeys: {keys: related, by: ","}      # a list of keys, also as [7, 8]
        personComponents:                     # a list: each item has fields of its own
          - {sourcePersonKey: {key: id}, workEmail.address: email}

Values take the type that the schema declares for the target, whatever the vendor writes: numbers may come
as text, booleans as 0/1. A value that can't be read so is handed on as it came, so that intake quarantines
the row with its place instead of losing the value here. Blank text, null and the vendor's words for null
are absent: a row names only what there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from townsend.model import LeafType, Shape
from townsend.problem import Broken
from townsend.sources.instance import Instance
from townsend.sources.tables import Table, load_tables
from townsend.sources.values import READERS, absent, spellings
from townsend.sources.watch import Watch, watched

__all__ = ["Instance", "Mapper", "Table", "load_tables"]

Row = Mapping[str, Any]
Getter = Callable[[Row], Any]
Reader = Callable[[Any], Any]
Build = Callable[[Row], dict[str, Any] | None]
_WORDS = {"from", "key", "suffix", "of", "constant", "values", "most", "split", "ids", "keys", "by"}
_WORDS |= {"else", "format", "decimal", "times", "match"}


class Mapper:
    """Turns vendor rows of one kind into rows of one class.

    Args:
        table: what becomes of which field.
        instance: whose keys these are.
        others: instances that ``of:`` may name; a key of one that is not there stays absent.
        also: vendor fields without a place in the table (custom ones): target path by field name.
        kinds: types of those; one that is not named is handed on as it comes.
        null: the vendor's word for null; None if it has none and such a text is meant.

    Raises:
        Invalid: ``class.unknown``.
        Broken: ``mapping.word``, ``mapping.target`` for what nobody checked (see ``mapcheck``).

    >>> table = Table("t", "person", {"b2b.personKey": {"key": "id"}, "b2b.personScore": "score"})
    >>> Mapper(table, Instance("I", "Marketo")).row({"id": 7, "score": "12"})["b2b"]["personScore"]
    Decimal('12')
    """

    def __init__(
        self,
        table: Table,
        instance: Instance,
        others: Mapping[str, Instance] | None = None,
        also: Mapping[str, str] | None = None,
        kinds: Mapping[str, LeafType] | None = None,
        null: str | None = "null",
    ) -> None:
        self.cls = table.cls
        self.shape = shape = table.shape
        self.fields = table.fields
        self.reads = (*table.sources, *(also or {}))
        self.instance, self.others, self.null = instance, dict(others or {}), null
        self.also, self.kinds = dict(also or {}), dict(kinds or {})
        compiler = _Compiler(table.name, instance, self.others, null)
        self.getter = compiler.getter
        getters = compiler.getters(table.fields, shape)
        for name, target in self.also.items():
            kind = self.kinds.get(name)
            getters[target] = compiler.read(name, READERS[kind] if kind else None)
        self._build = _builder(getters)
        self.told = False
        if (watch := watched()) is not None:
            watch.uses(table, self.also)
            if watch.rows:
                self._build = _told(table, self._build, watch)
                self.told = True

    def row(self, row: Row) -> dict[str, Any]:
        """One row of the class; empty if nothing was there."""
        return self._build(row) or {}

    def rows(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Rows in order; those in which nothing was there are left out."""
        build = self._build
        return [found for row in rows if (found := build(row)) is not None]


@dataclass(frozen=True)
class _Compiler:
    """Makes functions of a table's lines."""

    table: str
    instance: Instance
    others: Mapping[str, Instance]
    null: str | None

    def first(self, names: str | Sequence[str]) -> Getter:
        """The first of these fields that has a value."""
        null = self.null
        if isinstance(names, str):
            return _field(names, null)
        several = tuple(names)
        return lambda row: next((value for name in several if not absent(value := row.get(name), null)), None)

    def read(self, names: str | Sequence[str], read: Reader | None) -> Getter:
        """The first of these fields that has a value, read as declared."""
        if read is not None and isinstance(names, str):
            return _read_field(names, self.null, read)
        return _converted(self.first(names), read)

    def getters(self, fields: Mapping[str, Any], shape: Shape) -> dict[str, Getter]:
        """A function by target path."""
        return {target: self.getter(target, spec, shape) for target, spec in fields.items()}

    def getter(self, target: str, spec: Any, shape: Shape) -> Getter:
        if isinstance(spec, list) and spec and isinstance(spec[0], Mapping):
            array = shape.arrays.get(target)
            if array is None or array.shape is None:
                raise Broken("mapping.target", f"mapping {self.table}: {target} is no list of objects")
            return _items([_builder(self.getters(item, array.shape)) for item in spec])
        if not isinstance(spec, Mapping):
            return self.read(spec, _reader(shape, target))
        if unknown := set(spec) - _WORDS:
            raise Broken("mapping.word", f"mapping {self.table}: {target}: unknown word {min(unknown)!r}")
        if "constant" in spec:
            constant = spec["constant"]
            return lambda _: constant
        if "key" in spec:
            return self._key(spec)
        if "split" in spec:
            return _split(self.first(spec["split"]), str(spec["by"]))
        if "ids" in spec:
            found = _split(self.first(spec["ids"]), str(spec["by"]))
            return lambda row: [{"id": one} for one in found(row) or ()] or None
        if "keys" in spec:
            listed, key = _split(self.first(spec["keys"]), str(spec["by"])), self.instance.key
            return lambda row: [key(one) for one in listed(row) or ()] or None
        return self._chosen(target, spec, shape)

    def _key(self, spec: Mapping[str, Any]) -> Getter:
        instance = self.others.get(spec["of"]) if "of" in spec else self.instance
        if instance is None:
            return lambda _: None
        get, suffix, key = self.first(spec["key"]), spec.get("suffix", ""), instance.key
        return lambda row: None if (sid := get(row)) is None else key(sid, suffix)

    def _chosen(self, target: str, spec: Mapping[str, Any], shape: Shape) -> Getter:
        get = self.first(spec["from"])
        leaf = shape.leaves.get(target)
        for spell in spellings(spec, leaf is not None and leaf.type == "date"):
            get = _converted(get, spell)
        if "values" in spec:
            values = {str(name): value for name, value in spec["values"].items()}
            other = spec.get("else")
            return lambda row: None if (came := get(row)) is None else values.get(str(came).lower(), other)
        most = int(spec["most"]) if "most" in spec else None
        if most is not None:
            return lambda row: None if (text := get(row)) is None else str(text)[:most]
        return _converted(get, _reader(shape, target))


def _field(name: str, null: str | None) -> Getter:
    # As ``absent`` says, which is not called: this and the next run for each value of each row.
    def get(row: Row) -> Any:
        value = row.get(name)
        if value is None or value == "" or (value == null and null is not None):
            return None
        return None if value.__class__ is str and value.isspace() else value

    return get


def _read_field(name: str, null: str | None, read: Reader) -> Getter:
    def get(row: Row) -> Any:
        value = row.get(name)
        if value is None or value == "" or (value == null and null is not None):
            return None
        return None if value.__class__ is str and value.isspace() else read(value)

    return get


def _reader(shape: Shape, target: str) -> Reader | None:
    leaf = shape.leaves.get(target)
    kind: LeafType | None = None if leaf is None else leaf.type
    return None if kind is None else READERS[kind]


def _converted(get: Getter, read: Reader | None) -> Getter:
    if read is None:
        return get
    return lambda row: None if (value := get(row)) is None else read(value)


def _split(get: Getter, by: str) -> Getter:
    def parts(row: Row) -> list[str] | None:
        value = get(row)
        texts = value if isinstance(value, list) else [] if value is None else str(value).split(by)
        return [text for part in texts if (text := str(part).strip(" []"))] or None

    return parts


def _items(builders: Sequence[Build]) -> Getter:
    return lambda row: [item for build in builders if (item := build(row)) is not None] or None


def _told(table: Table, build: Build, watch: Watch) -> Build:
    def told(row: Row) -> dict[str, Any] | None:
        mapped = build(row)
        watch.saw(table, row, mapped or {})
        return mapped

    return told


def _builder(getters: Mapping[str, Getter]) -> Build:
    """One function that makes the nested object of all targets; None where nothing was there."""
    own: list[tuple[str, Getter]] = []
    below: dict[str, dict[str, Getter]] = {}
    for target, get in getters.items():
        name, _, rest = target.partition(".")
        if rest:
            below.setdefault(name, {})[rest] = get
        else:
            own.append((name, get))
    own += [(name, _builder(inner)) for name, inner in below.items()]

    def build(row: Row) -> dict[str, Any] | None:
        found = {}
        for name, get in own:
            value = get(row)
            if value is not None:
                found[name] = value
        return found or None

    return build
