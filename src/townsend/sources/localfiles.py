"""Files on this machine's disks, by patterns relative to a folder and never outside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from glob import iglob
from pathlib import Path

from townsend.problem import Unavailable
from townsend.sources.found import FoundFile

__all__ = ["LocalFiles"]


class LocalFiles:
    """Files below a folder, and those of absolute patterns.

    Args:
        folder: the project folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, pattern: str, notes: list[str]) -> list[FoundFile]:
        """The files that fit a pattern; links that lead outside or nowhere are left out with a note."""
        return [_found(path) for path in self._paths(pattern, notes)]

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return Path(name).exists()

    def _paths(self, pattern: str, notes: list[str]) -> Iterator[Path]:
        absolute = Path(pattern).is_absolute()
        home = self._folder.resolve()
        for found in iglob(pattern, root_dir=None if absolute else self._folder, recursive=True):
            path = Path(found) if absolute else self._folder / found
            if not path.is_file():
                if path.is_symlink():
                    notes.append(f"{path}: the link leads nowhere; left out")
            elif absolute or path.resolve().is_relative_to(home):
                yield path
            else:
                notes.append(
                    f"{path}: the link leads out of the project folder; left out. "
                    "Write an absolute path in the settings if it is meant"
                )


def _found(path: Path) -> FoundFile:
    about = path.stat()
    return FoundFile(str(path), about.st_size, _stamp(about), partial(_fetched, path, _stamp(about)))


def _stamp(about: os.stat_result) -> str:
    return f"{about.st_size}:{about.st_mtime_ns}:{about.st_ino}"


@contextmanager
def _fetched(path: Path, stamp: str) -> Iterator[Path]:
    # Whoever takes it away or makes it unreadable meanwhile is told so by the reader.
    if path.exists() and _stamp(path.stat()) != stamp:
        raise Unavailable(
            "files.changing",
            f"{path}: the file is still being written; it is left for the next time",
            path=str(path),
        )
    yield path
