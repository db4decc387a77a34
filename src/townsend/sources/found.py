"""Files as a source finds them, wherever they lie: on a disk, or in a bucket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

__all__ = ["Fetch", "FoundFile", "Place"]

# Makes the file a local one while it is read.
# Raises Unavailable: ``files.changing`` for a file that is not the one that was found any more, ``source.*``.
Fetch = Callable[[], AbstractContextManager[Path]]


@dataclass(frozen=True)
class FoundFile:
    """A file that may be taken.

    Args:
        name: what messages call it: its path, or its address.
        size: bytes.
        stamp: tells two versions of the file apart without reading it.
        remote: reading it means fetching it from somewhere else.
        set: the manifest that names it; all files of a manifest are taken together, or none is.
        rows: how many rows it must have, as its manifest says.
        digest: a hash algorithm and what comes out of it, as its manifest says.
    """

    name: str
    size: int
    stamp: str
    fetch: Fetch = field(compare=False, repr=False)
    remote: bool = False
    set: str | None = None
    rows: int | None = None
    digest: tuple[str, str] | None = None


class Place(Protocol):
    """Where files lie."""

    def find(self, pattern: str, notes: list[str]) -> Sequence[FoundFile]:
        """The files that fit a pattern, in any order; what is odd about others goes into the notes.

        Raises:
            Invalid, Unavailable: ``source.*``.
        """
        ...

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name."""
        ...
