"""The facts' file, written anew, so that what was deleted leaves no bytes behind.

DuckDB frees blocks, it does not blank them. So everything that is left is copied into a new file, which
then takes the old one's place in one step; a crash before that leaves the old file as it was.
"""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from townsend.store.facts_errors import translated

__all__ = ["rewrite"]


def rewrite(path: Path) -> None:
    """Write the file anew. Nobody may have it open; it takes as much room again until it is done.

    Raises:
        Unavailable: ``store.locked``, ``store.full``. Broken: ``store.damaged``.
    """
    new = path.with_name(path.name + ".rewriting")
    new.unlink(missing_ok=True)
    try:
        _checkpoint(path)
        con = duckdb.connect()
        try:
            con.execute(f"ATTACH {_text(path)} AS townsend_old (READ_ONLY)")
            con.execute(f"ATTACH {_text(new)} AS townsend_new")
            con.execute("COPY FROM DATABASE townsend_old TO townsend_new")
            con.execute("DETACH townsend_new")
        finally:
            con.close()
    except duckdb.Error as error:
        new.unlink(missing_ok=True)
        raise translated(error, path) from error
    with new.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(new, path)
    _sync_folder(path.parent)


def _checkpoint(path: Path) -> None:
    """What is only in the write-ahead log goes into the file; the log would not fit the new one."""
    con = duckdb.connect(str(path))
    try:
        con.execute("FORCE CHECKPOINT")
    finally:
        con.close()
    path.with_name(path.name + ".wal").unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
