"""What one entity is related to at the world's instant, by every relationship of its class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from townsend.model import Edge, EntityClass, Inverse, Relationship, Steps, ToOne

if TYPE_CHECKING:
    from townsend.profiles.unified import Unified

__all__ = ["follow", "ways_to"]


def follow(unified: Unified, relationship: Relationship, ids: list[int]) -> list[int]:
    """Live entities that these lead to, ascending, without repeats; events up to the world's instant."""
    if not ids:
        return []
    plan = relationship.plan
    if isinstance(plan, Steps):
        near, found = relationship.near, ids
        for name in plan.names:
            step = unified.schema.relationships[near, name]
            found, near = follow(unified, step, found), step.far
        return found
    query = _query(unified, relationship)
    if query is None:
        return []
    rows = unified.con.execute(
        f"SELECT DISTINCT f.far FROM ({query}) f JOIN (SELECT unnest($ids) AS near) w USING (near) "
        "ORDER BY 1",
        {"ids": ids},
    ).fetchall()
    return [int(one) for (one,) in rows]


def ways_to(unified: Unified, near: int, table: str) -> dict[int, list[str]]:
    """Far end to the ways by which an edge table leads there now."""
    columns = _columns(unified, f'{unified.name}."edge_{table}"')
    if "via" not in columns:
        return {}
    rows = unified.con.execute(
        f'SELECT far, list(DISTINCT via ORDER BY via) FROM {unified.name}."edge_{table}" '
        f"WHERE near = ? AND {_now(unified)} GROUP BY far ORDER BY far",
        [near],
    ).fetchall()
    return {int(far): list(ways) for far, ways in rows}


def _query(unified: Unified, relationship: Relationship) -> str | None:
    """Pairs ``near``, ``far`` of a relationship that is stored as such; None if there are none."""
    plan, near, far = relationship.plan, relationship.near, relationship.far
    if isinstance(plan, ToOne):
        return _pointing(unified, near, plan.reference, far, backward=False)
    if isinstance(plan, Inverse):
        return _pointing(unified, far, plan.reference, near, backward=True)
    assert isinstance(plan, Edge)
    table = f'{unified.name}."edge_{plan.table}"'
    if not _columns(unified, table):
        return None
    ends = "far AS near, near AS far" if plan.backward else "near, far"
    counts = "true"
    if plan.via:
        counts = f"via IN ({', '.join(repr(way) for way in plan.default)}) AND {_now(unified)}"
    return f"SELECT {ends} FROM {table} WHERE {counts}"


def _pointing(unified: Unified, holder: str, reference: str, to: str, *, backward: bool) -> str | None:
    """Rows of ``holder`` and what their reference names; events hold numbers, others ids."""
    cls = unified.schema.classes[holder]
    if to not in unified.columns:
        return None
    live = f'SEMI JOIN {unified.name}."{to}" l ON l.id = '
    if cls.is_event:
        query = _event_pairs(unified, cls, reference, to)
        ends = "far AS near, near AS far" if backward else "near, far"
        return query and f"SELECT {ends} FROM ({query}) e {live}e.far"
    if f"@{reference}" not in unified.columns.get(holder, frozenset()):
        return None
    ends = f'"@{reference}" AS near, h.id AS far' if backward else f'h.id AS near, "@{reference}" AS far'
    return f'SELECT {ends} FROM {unified.name}."{holder}" h {live}h."@{reference}"'


def _event_pairs(unified: Unified, cls: EntityClass, reference: str, to: str) -> str | None:
    column = "who" if cls.references[reference].field is None else f"#{reference}"
    if column not in _columns(unified, f'facts."{cls.name}"'):
        return None
    return (
        f'SELECT e.rowid AS near, n.id AS far FROM facts."{cls.name}" e '
        f'JOIN {unified.name}."node_{to}" n ON n.n = e."{column}" '
        f'WHERE e."{cls.time_field}" <= {unified.now_ms}'
    )


def _now(unified: Unified) -> str:
    now = unified.now_ms
    return f"coalesce(start_ms <= {now}, true) AND coalesce({now} < end_ms, true)"


def _columns(unified: Unified, table: str) -> set[str]:
    import duckdb

    try:
        found = unified.con.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
    except duckdb.CatalogException:
        return set()
    return {str(row[0]) for row in found}
