"""Records that a source says are no longer there: retired here as if it had said so row by row.

A lost right looks like deletion, so if more than half of what a stream brought is missing, nothing is
retired and a note says so; a full reading, which somebody asked for, is believed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from townsend.intake.absent import retired_row, too_many
from townsend.sources import Page
from townsend.store.facts_schema import identifier

if TYPE_CHECKING:
    from townsend.project.project import Project

__all__ = ["with_gone"]


def with_gone(
    project: Project, source: str, stream: str, page: Page, *, asked: bool
) -> tuple[Page, list[str]]:
    """A page with rows for what is gone by its ``present``, and what is to be said about it.

    Args:
        asked: everything is read because somebody asked for it.
    """
    if page.present is None or not project.facts.columns(page.cls):
        return page, []
    entity = project.schema.entity_class(page.cls)
    held, gone = _held(project, source, stream, page.cls, page.present)
    if not gone:
        return page, []
    if not asked and too_many(len(gone), held):
        return page, [
            f"{len(gone):,} of {held:,} records are no longer there, more than can be taken for deleted: "
            "none was retired. See that the source's user may still read all of them; if they are gone, "
            f"`townsend sync {source} --full` retires them"
        ]
    told = (
        "1 record is no longer there and was"
        if len(gone) == 1
        else f"{len(gone):,} records are no longer there and were"
    )
    rows = [*page.rows, *(retired_row(entity, key) for key in gone)]
    return replace(page, rows=rows), [f"{told} retired"]


def _held(
    project: Project, source: str, stream: str, cls: str, present: frozenset[str]
) -> tuple[int, list[str]]:
    """How many live records the stream brought, and the keys of those that are not present."""
    table = f"facts.{identifier(cls)}"
    con = project.facts.con
    con.register("townsend_present", pa.table({"key": pa.array(sorted(present), pa.string())}))
    try:
        rows = con.execute(
            f"""
            WITH brought AS (
                SELECT DISTINCT f.key FROM {table} f JOIN facts.take t ON t.id = f.take
                WHERE t.source = $source AND t.path = $place),
            current AS (
                SELECT key, deleted FROM {table} WHERE key IN (SELECT key FROM brought)
                QUALIFY row_number() OVER (
                    PARTITION BY key
                    ORDER BY coalesce(own_ms, accepted_ms) DESC, accepted_ms DESC, hash DESC) = 1)
            SELECT d.value, d.value IN (SELECT key FROM townsend_present)
            FROM current c JOIN facts.number d ON d.n = c.key
            WHERE c.deleted IS NOT TRUE ORDER BY d.value
            """,
            {"source": source, "place": f"{source}.{stream}"},
        ).fetchall()
    finally:
        con.unregister("townsend_present")
    return len(rows), [key for key, there in rows if not there]
