"""Townsend: a real-time customer data platform for companies that sell to companies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = ["Project", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # The engine takes a second to import; `import townsend` must not.
    if name == "Project":
        from townsend.project.project import Project

        return Project
    raise AttributeError(f"module 'townsend' has no attribute {name!r}")
