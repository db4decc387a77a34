"""What a project says of its sources' mappings: ``mappings/<source>.yaml``, every line checked."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from townsend.model import XREF, XREF_CLASS, Shape
from townsend.problem import Invalid
from townsend.project.yamlfile import YamlFile, read_yaml
from townsend.sources.mapcheck import faults
from townsend.sources.tables import NAMED, SHIPPED, MappingChanges, Table, load_tables
from townsend.vendors.keys import SOURCES

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = ["FOLDER", "MappingLine", "changed_tables", "lines_of", "mapping_changes", "tables_of"]

FOLDER = "mappings"
OWN = ("files", "sql")  # whose rows are as they are, unless the project maps them


def mapping_changes(project: Project, source: str) -> MappingChanges | None:
    """What the project changes of a source's mapping, nothing included; None if its kind has no tables.

    Raises:
        Invalid: ``mapping.table``, ``mapping.target``, ``mapping.word``, ``settings.*``, with file and line;
            ``settings.unknown``.
    """
    kind = _kind(project, source)
    if kind in SOURCES and kind not in SHIPPED and kind not in OWN:
        return None
    named = _named(project, source)
    file = _file(project, source)
    if file is None:
        return MappingChanges({}, project.schema, named)
    shipped = _shipped(kind, named)
    for name, body in file.content.items():
        _check(project, file, shipped, str(name), body)
    return MappingChanges(file.content, project.schema, named)


def tables_of(project: Project, source: str) -> dict[str, Table]:
    """The tables by which a source's rows are made, as they hold in the project.

    Raises:
        Invalid: ``mapping.none`` if rows of such sources come as they are; as ``mapping_changes``.
    """
    changes = mapping_changes(project, source)
    if changes is None:
        kind = _kind(project, source)
        raise Invalid(
            "mapping.none",
            f"sources of type {kind}, such as {source}, have no mapping that comes with Townsend",
            source=source,
        )
    return changes.of(_shipped(_kind(project, source), changes.named))


def changed_tables(source: str, before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What to say when rows were last all read by other tables than now.

    Args:
        before: digests of the tables by which everything was read.
        now: digests of those used today.
    """
    changed = sorted(name for name in now.keys() & before.keys() if now[name] != before[name])
    if not changed:
        return []
    tables = f"the mapping of {', '.join(changed)}"
    return [
        f"{tables} changed since everything was read: rows that did not change since then are as they were. "
        f"`townsend sync {source} --full` reads them again"
    ]


def _file(project: Project, source: str) -> YamlFile | None:
    path = project.folder / FOLDER / f"{source}.yaml"
    return read_yaml(path, f"{FOLDER}/{source}.yaml") if path.exists() else None


def _kind(project: Project, source: str) -> str:
    known = project.settings.sources
    if source not in known:
        near = difflib.get_close_matches(source, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known) or 'none'}"
        raise Invalid("settings.unknown", f"the project has no source {source!r}; {hint}", got=source)
    return str(known[source]["type"])


def _shipped(kind: str, named: str | None) -> dict[str, Table]:
    files = [*SHIPPED.get(kind, ()), *([named] if named else [])]
    return {name: table for one in files for name, table in load_tables(one).items()}


def _named(project: Project, source: str) -> str | None:
    """The shipped mapping that a source's settings name."""
    named = project.settings.sources[source].get("mapping")
    if named is not None and named not in NAMED:
        near = difflib.get_close_matches(str(named), NAMED, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(NAMED)}"
        raise Invalid(
            "mapping.unknown",
            f"sources.{source}.mapping: no mapping of that name comes with Townsend, got {named!r}; {hint}",
            source=source,
        )
    return named


def _check(project: Project, file: YamlFile, shipped: Mapping[str, Table], name: str, body: Any) -> None:
    file.expect(body, dict, name)
    file.only(body, {"class", "each", "fields"}, name)
    table = shipped.get(name)
    said = body.get("class")
    if table is None and said is None:
        near = difflib.get_close_matches(name, shipped, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(shipped) or 'none'}"
        raise file.wrong(
            "mapping.table",
            f"{name}: the source's mapping has no such table; {hint}. A table of your own names its class",
            name,
        )
    if table is not None and said is not None and said != table.cls:
        raise file.wrong(
            "mapping.table", f"{name}: its rows are of the class {table.cls}, got {said!r}", name, "class"
        )
    file.expect(body.get("each", ""), str, name, "each")
    file.expect(body.get("fields", {}), dict, name, "fields")
    for fault in faults(body.get("fields") or {}, _shape(project, file, name, table, said)):
        raise file.wrong(fault.code, f"{name}: {fault.text}", name, "fields", *fault.path)


def _shape(project: Project, file: YamlFile, name: str, table: Table | None, said: Any) -> Shape:
    cls = str(said or (table and table.cls))
    try:
        return XREF_CLASS.shape if cls == XREF else project.schema.entity_class(cls).shape
    except Invalid as problem:
        raise file.wrong(problem.code, f"{name}: {problem.text}", name, "class") from None


@dataclass(frozen=True)
class MappingLine:
    """One field of ours and what it is filled from.

    Args:
        spec: as it is written in the mapping; None if the project leaves the field out.
        said_by: ``townsend``, or the file of the project with the line.
    """

    table: str
    cls: str
    target: str
    spec: Any
    said_by: str

    def to_json(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "class": self.cls,
            "target": self.target,
            "from": self.spec,
            "said_by": self.said_by,
        }


def lines_of(project: Project, source: str, table: Table) -> list[MappingLine]:
    """The lines of a table as it holds in the project, and those that the project leaves out."""
    file = _file(project, source)
    said: Mapping[str, Any] = {}
    if file is not None:
        said = (file.content.get(table.name) or {}).get("fields") or {}
    left_out = [target for target, spec in said.items() if spec is None]
    return [
        MappingLine(
            table.name,
            table.cls,
            target,
            table.fields.get(target),
            file.place(table.name, "fields", target) if file is not None and target in said else "townsend",
        )
        for target in [*table.fields, *left_out]
    ]
