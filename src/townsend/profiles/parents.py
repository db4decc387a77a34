"""Parents that do not fit: records of one entity that name different ones, and rings of parents.

The entity's own parent is decided by the merge policy all the same; this tells where it had to decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from townsend.identity.moment import Ints, Moment
from townsend.identity.versions import Versions
from townsend.model import EntityClass, Reference
from townsend.profiles.making import reference_column
from townsend.store.facts_schema import identifier

if TYPE_CHECKING:
    from townsend.profiles.unified import Unified

__all__ = ["Disagreement", "disagreements", "rings", "upward"]


@dataclass(frozen=True)
class Disagreement:
    """An entity whose records name several parents.

    Args:
        id: the entity.
        parents: what its records name, ascending, each unified.
        chosen: the one that holds; None if none does.
    """

    id: int
    parents: tuple[int, ...]
    chosen: int | None


def upward(cls: EntityClass) -> list[Reference]:
    """The references of a class to itself."""
    return [one for one in cls.references.values() if one.to == cls.name and one.field is not None]


def disagreements(
    unified: Unified, moment: Moment, versions: Versions, reference: Reference
) -> list[Disagreement]:
    """Entities whose live records name several entities above them, by id."""
    cls = versions.cls
    column = reference_column(cls, reference)
    if column not in versions.paths or f"@{reference.name}" not in unified.columns.get(cls.name, frozenset()):
        return []
    rows = moment.rows(
        f"""
        SELECT s.id, list(DISTINCT k.id ORDER BY k.id), any_value(e.{identifier("@" + reference.name)})
        FROM (SELECT id, n FROM {unified.name}.source WHERE class = $cls) s
        JOIN {unified.name}.{identifier(cls.name)} e ON e.id = s.id
        JOIN {versions.now} v ON v.key = s.n
        JOIN facts.number d ON d.space = $space AND d.value = v.{identifier(column)}
        JOIN {unified.name}.{identifier("node_" + cls.name)} k ON k.n = d.n
        WHERE k.id <> s.id GROUP BY s.id HAVING count(DISTINCT k.id) > 1 ORDER BY s.id
        """,
        {"cls": cls.name, "space": cls.namespace},
    )
    return [Disagreement(int(one), tuple(map(int, named)), chosen) for one, named, chosen in rows]


def rings(unified: Unified, moment: Moment, cls: EntityClass, reference: Reference) -> list[list[int]]:
    """Entities that are above themselves by way of others, ring by ring, the largest first."""
    name = f"@{reference.name}"
    if name not in unified.columns.get(cls.name, frozenset()):
        return []
    table = f"{unified.name}.{identifier(cls.name)}"
    ids, above = moment.arrays(
        f"SELECT c.id, c.{identifier(name)} FROM {table} c SEMI JOIN {table} p ON p.id = c.{identifier(name)}"
    )
    found = [ring for ring in _rings(ids, above) if len(ring) > 1]
    return sorted(found, key=lambda ring: (-len(ring), ring))


def _rings(ids: Ints, above: Ints) -> list[list[int]]:
    """Everybody has at most one parent, so who is still there after many steps up stands on a ring."""
    nodes = np.unique(np.concatenate([ids, above]))
    count = len(nodes)
    step = np.full(count + 1, count)
    step[np.searchsorted(nodes, ids)] = np.searchsorted(nodes, above)
    jump = step
    for _ in range(max(count, 1).bit_length()):
        jump = jump[jump]
    on_ring = _distinct_below(jump, count)
    found: list[list[int]] = []
    passed: set[int] = set()
    for start in on_ring:
        ring: list[int] = []
        at = start
        while at not in passed:
            passed.add(at)
            ring.append(int(nodes[at]))
            at = int(step[at])
        if ring:
            found.append(sorted(ring))
    return found


def _distinct_below(places: Ints, bound: int) -> list[int]:
    """The places under a bound, each once, ascending."""
    held = np.unique(places)
    found: list[int] = held[held < bound].tolist()
    return found
