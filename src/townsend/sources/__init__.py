"""Sources: the systems that facts come from, behind one contract."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from townsend.clock import Clock
from townsend.problem import Invalid
from townsend.sources.contract import Page, Source
from townsend.sources.files import FilesSource
from townsend.sources.kinds import kind_of

__all__ = ["FilesSource", "Page", "Source", "open_source"]


def open_source(
    name: str, settings: Mapping[str, Any], clock: Clock, *, folder: Path
) -> FilesSource | Source:
    """A source of a project, ready to be pulled; nothing is called yet.

    Args:
        name: what the project calls it.
        settings: its section of ``townsend.yaml``, variables filled in.
        clock: the time in which it waits.
        folder: the project's folder; paths are relative to it.

    Raises:
        Invalid: ``settings.*``, ``source.type``, ``source.package``.
    """
    kind = settings.get("type")
    if kind == "files":
        return FilesSource(name, settings, folder)
    found = kind_of(str(kind))
    if found is not None:
        return found.open(name, settings, clock, folder)
    raise Invalid(
        "source.type",
        f"sources.{name}: a source of type {kind!r} is not pulled; inlets take what is sent to them",
        source=name,
    )
