"""What DuckDB says when a store does not open, in words that tell what to do."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from townsend.problem import Broken, Invalid, Problem, Unavailable

__all__ = ["interrupted", "translated"]

_HOLDER = re.compile(r"lock is held in (?P<program>[^\n]*?)\s*\(PID (?P<pid>\d+)\)")
_IN_USE = ("Could not set lock", "different configuration", "already open", "already attached")
_NEWER = re.compile(r"storage version|newer version|older version|database version", re.IGNORECASE)


def translated(error: duckdb.Error, path: Path) -> Problem:
    """The problem behind an error of opening ``path``."""
    text = str(error)
    if any(words in text for words in _IN_USE):
        return _locked(text, path)
    if isinstance(error, duckdb.IOException) and re.search(r"Permission denied|Read-only file", text):
        return Invalid(
            "store.permission",
            f"{path}: the store may not be opened for writing; check who owns the file and its folder",
            path=str(path),
        )
    if isinstance(error, duckdb.IOException) and "No space left" in text:
        return Unavailable("store.full", f"{path}: the disk is full; make room and try again", path=str(path))
    if _NEWER.search(text):
        return Invalid(
            "store.format",
            f"{path}: the store was written in a format this version does not read ({_first_line(text)}); "
            "use the version of Townsend that wrote it",
            path=str(path),
        )
    return Broken(
        "store.damaged",
        f"{path}: the file is not a readable store ({_first_line(text)}). Keep a copy of it; then restore it "
        "from a backup, or move it away and load your data again",
        path=str(path),
    )


def interrupted(error: BaseException) -> bool:
    """Whether an error is what DuckDB makes of Ctrl-C while it works: it takes the KeyboardInterrupt away."""
    if isinstance(error, duckdb.InvalidInputException):
        # Where it asks Python for something meanwhile, such as how many rows a table has.
        return "KeyboardInterrupt" in str(error)
    return isinstance(error, duckdb.InterruptException) or (
        isinstance(error, RuntimeError) and str(error) == "Query interrupted"
    )


def _locked(text: str, path: Path) -> Unavailable:
    found = _HOLDER.search(text)
    pid = int(found["pid"]) if found else None
    holder = f"process {pid} ({found['program'].strip()})" if found else "another process"
    return Unavailable(
        "store.locked",
        f"{path}: {holder} has the store open, and only one process can; wait until it is done, or stop it",
        path=str(path),
        pid=pid,
    )


def _first_line(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else "no reason given"
    return line if len(line) <= 200 else line[:200] + "…"
