"""Snapshots of records: what a file that says all that holds does not name any more is gone.

Half a file looks like deletion, so if more than half of what the source brought is missing nothing is
retired, unless somebody asked for it; nor is anything if rows were refused, since one of them may be meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from townsend.intake.rules import Accepted, SourceTraits
from townsend.model import EntityClass
from townsend.store.facts import Facts
from townsend.store.facts_schema import identifier

__all__ = ["absent_rows", "begin_snapshot", "note_present", "retired_row", "too_many"]

SHARE_MAX = 0.5
BELIEVED = 20  # so few are believed whatever their share
_PRESENT = "townsend_present_keys"


def too_many(gone: int, held: int) -> bool:
    """Whether so many of those that were there cannot be taken for deleted."""
    return gone > BELIEVED and gone > SHARE_MAX * held


def retired_row(cls: EntityClass, key: str) -> dict[str, Any]:
    """A row that says that a record is gone.

    >>> from townsend.model import builtin_schema
    >>> retired_row(builtin_schema().entity_class("account"), "1@I.T")
    {'accountKey': {'sourceKey': '1@I.T'}, 'isDeleted': True}
    """
    row: dict[str, Any] = {"sourceKey": key}
    for name in reversed(str(cls.key).split(".")):
        row = {name: row}
    return {**row, "isDeleted": True}


def begin_snapshot(facts: Facts) -> None:
    """Forget which records an earlier snapshot named."""
    facts.con.execute(f"CREATE OR REPLACE TEMP TABLE {_PRESENT} (key BIGINT)")


def note_present(facts: Facts, new: str) -> None:
    """Remember the records of a lot.

    Args:
        new: a table that has them as ``key``.
    """
    # Rows mended in quarantine may be of a snapshot that ended long ago.
    facts.con.execute(f"CREATE TEMP TABLE IF NOT EXISTS {_PRESENT} (key BIGINT)")
    facts.con.execute(f"INSERT INTO {_PRESENT} SELECT DISTINCT key FROM {new}")


def absent_rows(
    facts: Facts, cls: EntityClass, source: SourceTraits, total: Accepted, asked: bool
) -> Iterator[Mapping[str, Any]]:
    """Rows for the records that a source brought before and its snapshot does not name.

    Args:
        total: what became of the snapshot's rows; gets a note.
        asked: somebody asked for the file to be taken again, so that it is believed.
    """
    if not facts.columns(cls.name):
        return
    held = facts.con.execute(
        f"""
        WITH current AS (
            SELECT key, deleted FROM facts.{identifier(cls.name)} WHERE source = $source
            QUALIFY row_number() OVER (
                PARTITION BY key
                ORDER BY coalesce(own_ms, accepted_ms) DESC, accepted_ms DESC, hash DESC) = 1)
        SELECT d.value, c.key IN (SELECT key FROM {_PRESENT})
        FROM current c JOIN facts.number d ON d.n = c.key
        WHERE c.deleted IS NOT TRUE ORDER BY d.value
        """,
        {"source": source.name},
    ).fetchall()
    gone = [key for key, present in held if not present]
    if not gone:
        return
    if total.quarantined:
        total.notes.append(
            f"{len(gone):,} records are not in the snapshot, but rows of it were refused: none was retired"
        )
    elif too_many(len(gone), len(held)) and not asked:
        total.notes.append(
            f"{len(gone):,} of {len(held):,} records are not in the snapshot, more than can be taken for "
            "deleted: none was retired. If they are gone indeed, take it again with `--full`"
        )
    else:
        told = "1 record is" if len(gone) == 1 else f"{len(gone):,} records are"
        total.notes.append(f"{told} no longer in the snapshot; retired here")
        yield from (retired_row(cls, str(key)) for key in gone)
