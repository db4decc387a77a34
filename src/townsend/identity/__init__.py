"""Who is whom: links between identities, the graph they make, entities whose ids last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from townsend.identity.rules import IdentityRules, Instance, Namespace

if TYPE_CHECKING:
    from townsend.identity.live import LiveGraph

__all__ = ["IdentityRules", "Instance", "LiveGraph", "Namespace"]


def __getattr__(name: str) -> Any:
    """``LiveGraph`` when it is asked for: most who come for the rules need no graph, and no SciPy."""
    if name != "LiveGraph":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from townsend.identity.live import LiveGraph

    return LiveGraph
