"""Rows of files and of databases through a mapping: the table of each class, and what makes rows by it.

A row may be nested: what stands in an object is named by its path, as in ``address.city``. A table with
``each`` makes one row of every item of a list; the items' fields are named behind the list's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from townsend.problem import Invalid
from townsend.sources.instance import Instance
from townsend.sources.mapping import Mapper
from townsend.sources.tables import MappingChanges, Table, load_tables
from townsend.vendors.salesforce import to18

__all__ = ["Make", "instance_of", "maker", "table_of"]

Row = Mapping[str, Any]
Make = Callable[[Row], Sequence[Row]]


def table_of(name: str, settings: Mapping[str, Any], cls: str, table: str | None = None) -> Table | None:
    """The table by which rows become rows of a class; None if nothing is said, so that they are such rows.

    Args:
        name: the source.
        settings: its settings; ``mapping`` is what the project says, see ``MappingChanges``.
        table: its name; None if the class alone decides.

    Raises:
        Invalid: ``mapping.table`` if several tables may be meant.
    """
    changes = settings.get("mapping")
    if not isinstance(changes, MappingChanges):
        return None
    tables = changes.of(load_tables(changes.named) if changes.named else {})
    if table is not None:
        return tables.get(table)
    fitting = [one for one in tables.values() if one.cls == cls]
    if len(fitting) > 1:
        raise Invalid(
            "mapping.table",
            f"sources.{name}: its mapping has several tables of {cls}, "
            f"{', '.join(one.name for one in fitting)}; make a source of each",
            source=name,
        )
    return fitting[0] if fitting else None


def instance_of(name: str, settings: Mapping[str, Any], system: str) -> Instance:
    """Whose ids the rows have, as ``system`` and ``instance`` say; a source's name tells instances apart."""
    kind = str(settings.get("system") or system)
    spelled = to18 if kind.lower() == "salesforce" else str
    return Instance(str(settings.get("instance") or name), kind, spelled)


def maker(instance: Instance, table: Table) -> Make:
    """What makes rows of a class, of one row as it stands there."""
    mapper = Mapper(table, instance)
    if table.each is None:
        return lambda row: (mapper.row(_flat(row)),)
    each = table.each

    def made(row: Row) -> list[Row]:
        outer = _flat(row)
        items = outer.pop(each, None)
        found = items if isinstance(items, list) else [] if items is None else [items]
        return [mapper.row({**outer, **_below(each, item)}) for item in found]

    return made


def _below(each: str, item: Any) -> dict[str, Any]:
    return _flat(item, each + ".") if isinstance(item, Mapping) else {each: item}


def _flat(row: Row, prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found
