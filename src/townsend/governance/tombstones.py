"""Erased identities, remembered by keyed digest only.

A tombstone says that an identity must not come back; what it was cannot be read from it. Intake drops rows
that carry one, and deliveries leave out identifiers that lead to one.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["Tombstones"]


class Tombstones:
    """The digests of a store, read once."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._digests = frozenset(
            (str(space), str(digest))
            for space, digest in con.execute("SELECT space, digest FROM facts.tombstone").fetchall()
        )
        found = con.execute("SELECT value FROM facts.meta WHERE key = 'salt'").fetchall()
        self._salt = str(found[0][0]) if found else ""

    def __bool__(self) -> bool:
        return bool(self._digests)

    def __contains__(self, identity: tuple[str, str]) -> bool:
        space, value = identity
        digest = hashlib.sha256(f"{self._salt}{space}{value}".encode()).hexdigest()
        return (space, digest) in self._digests
