"""What callers changed at a rehearsal server, kept so that the next start goes on from there.

One line a change, written before it is confirmed: a client that was told "added" finds it again.
Replaying the same lines gives the same ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["Journal"]


class Journal:
    """Runs named changes and remembers them.

    Args:
        path: the file of the lines; None keeps nothing.
        changes: by name, functions of JSON-compatible keyword arguments. They must not read a clock.
    """

    def __init__(self, path: Path | None, changes: Mapping[str, Callable[..., Any]]) -> None:
        self._path = path
        self._changes = changes

    def replay(self) -> None:
        """Make the changes of earlier starts again; a torn last line was never confirmed and is left out."""
        if self._path is None or not self._path.exists():
            return
        for line in self._path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                name, facts = msgspec.json.decode(line)
                self._changes[name](**facts)

    def do(self, name: str, /, **facts: Any) -> Any:
        """Make a change and remember it; what the change returns."""
        result = self._changes[name](**facts)
        if self._path is not None:
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode([name, facts]) + b"\n")
        return result
