"""Nested rows as one level of paths and values, to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["flat"]


def flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Every value by its path, in order; what is absent is left out.

    >>> flat({"a": {"b": 1}, "c": [{"d": 2}], "e": None})
    {'a.b': 1, 'c[0].d': 2}
    """
    found: dict[str, Any] = {}
    for name, value in row.items():
        _put(found, f"{prefix}.{name}" if prefix else str(name), value)
    return found


def _put(found: dict[str, Any], path: str, value: Any) -> None:
    if isinstance(value, Mapping):
        found.update(flat(value, path))
    elif isinstance(value, list | tuple):
        for at, item in enumerate(value):
            _put(found, f"{path}[{at}]", item)
    elif value is not None and value != "":
        found[path] = value
