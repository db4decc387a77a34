"""What SQLite says when the state store cannot be used, in words that tell what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from townsend.problem import Broken, Invalid, Problem, Unavailable

__all__ = ["damaged", "newer", "translated"]


def translated(error: sqlite3.Error, path: Path) -> Problem:
    """The problem behind an error of SQLite on ``path``."""
    text = str(error)
    if "locked" in text or "busy" in text:
        return Unavailable(
            "store.locked",
            f"{path}: another process is writing to the store; wait until it is done, or stop it",
            path=str(path),
        )
    if "readonly" in text or "unable to open" in text:
        return Invalid(
            "store.permission",
            f"{path}: the store may not be opened for writing; check who owns the file and its folder",
            path=str(path),
        )
    if "full" in text:
        return Unavailable("store.full", f"{path}: the disk is full; make room and try again", path=str(path))
    if isinstance(error, sqlite3.ProgrammingError | sqlite3.IntegrityError):
        return Broken(
            "store.broken", f"{path}: {text}; please report this, and keep the file", path=str(path)
        )
    return damaged(path, text)


def damaged(path: Path, text: str) -> Broken:
    """The file is not readable as a store."""
    return Broken(
        "store.damaged",
        f"{path}: the file is not a readable store ({text}). Keep a copy of it; then restore it from a "
        "backup, or move it away: memberships are rebuilt from the facts, and a destination's members are "
        "sent again",
        path=str(path),
    )


def newer(path: Path, found: int, known: int) -> Invalid:
    """A later version of Townsend wrote the file."""
    return Invalid(
        "store.format",
        f"{path}: the store has version {found}, this version of Townsend reads up to {known}; "
        "use the version of Townsend that wrote it",
        path=str(path),
        got=found,
        expected=known,
    )
