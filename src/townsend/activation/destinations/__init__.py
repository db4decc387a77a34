"""The connectors to where audiences go, one file each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from townsend.activation.contract import Destination
from townsend.activation.destinations.linkedin import LinkedInSegments
from townsend.activation.destinations.marketo_list import MarketoLists
from townsend.clock import Clock
from townsend.problem import Invalid

__all__ = ["TYPES", "open_destination"]

TYPES: Mapping[str, Callable[[str, Mapping[str, Any], Clock], Destination]] = {
    "linkedin": LinkedInSegments,
    "marketo_list": MarketoLists,
}


def open_destination(name: str, settings: Mapping[str, Any], clock: Clock) -> Destination:
    """The destination that a project's settings describe; nothing is called yet.

    Args:
        name: what the project calls it.
        settings: its keys in ``townsend.yaml``, secrets filled in.
        clock: the time in which it waits.

    Raises:
        Invalid: ``settings.key``, ``settings.missing``, ``settings.choice``, ``settings.url``.
    """
    kind = settings.get("type")
    if kind not in TYPES:
        raise Invalid(
            "settings.choice",
            f"destinations.{name}: type: expected one of {', '.join(sorted(TYPES))}, got {kind!r}",
            where=f"destinations.{name}",
        )
    return TYPES[str(kind)](name, settings, clock)
