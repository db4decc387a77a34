"""Takes: each time that rows are taken from somewhere, written down with what became of them.

Every fact carries the number of its take. A file taken to its end is known by its checksum.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from townsend.intake.readers import readable
from townsend.intake.rules import Accepted, SourceTraits
from townsend.store.facts import Facts

__all__ = ["begin_take", "checksum_of", "end_take", "was_taken"]


def checksum_of(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file.

    Raises:
        Invalid: ``file.missing``, ``file.unreadable``.
    """
    with readable(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size


def was_taken(facts: Facts, cls: str, source: SourceTraits, checksum: str) -> bool:
    """Whether a file of that content was taken to its end from that source."""
    # A snapshot that says again what an older one said is news if another came in between.
    newest = "QUALIFY row_number() OVER (ORDER BY id DESC) = 1" if source.mode == "snapshot" else ""
    found = facts.one(
        "SELECT 1 FROM (SELECT checksum FROM facts.take "
        f"WHERE source = ? AND class = ? AND checksum IS NOT NULL {newest}) WHERE checksum = ?",
        [source.name, cls, checksum],
    )
    return found is not None


def begin_take(facts: Facts, source: str, cls: str, path: str, at_ms: int) -> int:
    """Write down that rows are being taken; the number goes with each of them. Call it in a transaction."""
    found = facts.one(
        "INSERT INTO facts.take SELECT coalesce(max(id), 0) + 1, ?, ?, ?, NULL, NULL, 0, 0, 0, 0, ? "
        "FROM facts.take RETURNING id",
        [source, cls, path, at_ms],
    )
    assert found is not None
    return int(found[0])


def end_take(facts: Facts, take: int, total: Accepted, checksum: str | None, size: int | None) -> None:
    """Write down what became of them; with a checksum, the file counts as taken from now on."""
    facts.con.execute(
        "UPDATE facts.take SET checksum = ?, bytes = ?, rows = ?, accepted = ?, unchanged = ?, "
        "quarantined = ? WHERE id = ?",
        [checksum, size, total.rows, total.accepted, total.unchanged, total.quarantined, take],
    )
