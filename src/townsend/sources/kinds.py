"""The kinds of sources there are: ours, and those that other installed packages bring.

A package brings one by an entry point of the group ``townsend.sources``: its name is what ``type:`` says, its
object a ``SourceKind``. The settings of both are checked in the same way, and both are opened through the
same door; docs/sources/own.md shows one.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from townsend.clock import Clock
from townsend.problem import Invalid
from townsend.sources.contract import Source, SourceKind
from townsend.vendors.keys import SOURCES
from townsend.vendors.settings import Keys

__all__ = ["GROUP", "keys_of_kind", "kind_of", "names_of_kinds"]

GROUP = "townsend.sources"


# Connectors are imported when they are used: the HTTP client takes a while to load.
def _marketo(name: str, settings: Mapping[str, Any], clock: Clock, _: Path) -> Source:
    from townsend.sources.marketo import MarketoSource

    return MarketoSource(name, settings, clock)


def _salesforce(name: str, settings: Mapping[str, Any], clock: Clock, folder: Path) -> Source:
    from townsend.sources.salesforce import SalesforceSource

    return SalesforceSource(name, settings, clock, folder=folder)


def _sql(name: str, settings: Mapping[str, Any], _: Clock, folder: Path) -> Source:
    from townsend.sources.sql import SqlSource

    return SqlSource(name, settings, folder)


OURS: Mapping[str, SourceKind] = {
    "marketo": SourceKind(SOURCES["marketo"], _marketo),
    "salesforce": SourceKind(SOURCES["salesforce"], _salesforce),
    "sql": SourceKind(SOURCES["sql"], _sql),
}


def names_of_kinds() -> list[str]:
    """What ``type:`` may say, in order."""
    return sorted({*SOURCES, *entry_points(group=GROUP).names})


def keys_of_kind(name: str) -> Keys | None:
    """The settings that sources of a type have; None if there is no such type.

    Raises:
        Invalid: ``source.package`` if a package's kind can't be loaded.
    """
    if name in SOURCES:
        return SOURCES[name]
    kind = kind_of(name)
    return None if kind is None else kind.keys


def kind_of(name: str) -> SourceKind | None:
    """The kind of a type; None if there is none, or if it is not one that is pulled page by page.

    Raises:
        Invalid: ``source.package`` if a package's kind can't be loaded.
    """
    if name in SOURCES:
        return OURS.get(name)
    for entry in entry_points(group=GROUP, name=name):
        package = entry.dist.name if entry.dist is not None else entry.value
        try:
            kind = entry.load()
        except Exception as error:  # whatever a stranger's package does when it is imported
            raise Invalid(
                "source.package",
                f"the type {name!r} comes from the package {package}, which cannot be loaded: "
                f"{type(error).__name__}: {error}; mend or remove the package",
                type=name,
                package=package,
            ) from error
        if not isinstance(kind, SourceKind):
            raise Invalid(
                "source.package",
                f"the type {name!r} comes from the package {package}, whose {entry.value} is no SourceKind; "
                "see docs/sources/own.md",
                type=name,
                package=package,
            )
        return kind
    return None
