"""Identities that join nothing, and why: blocked, rejected, crowded, alone, or known to one record only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from townsend.identity.health import ClassGraph
from townsend.identity.moment import Ints, Moment, distinct, joined, text_literal
from townsend.identity.numbers import look_up
from townsend.identity.rules import IdentityRules, identity_columns
from townsend.identity.versions import Versions
from townsend.model import EntityClass
from townsend.store.facts_schema import identifier
from townsend.store.facts_values import is_usable

__all__ = ["Unlinked", "unlinked"]

LINKING, ONE_RECORD, ALONE, CROWDED, BLOCKED = range(5)


@dataclass(frozen=True)
class Unlinked:
    """The identities of one namespace by what becomes of them.

    Args:
        space: the namespace.
        linking: identities that join records or events …
        one_record: … that only one record names …
        alone: … that make an entity by themselves …
        crowded: … that join too many records and so none …
        blocked: … that the rules block …
        rejected: … and how many current records say a word that names nobody.
    """

    space: str
    linking: int = 0
    one_record: int = 0
    alone: int = 0
    crowded: int = 0
    blocked: int = 0
    rejected: int = 0

    @property
    def total(self) -> int:
        """All that join nothing."""
        return self.one_record + self.alone + self.crowded + self.blocked + self.rejected

    def to_json(self) -> dict[str, Any]:
        return {
            "namespace": self.space,
            "linking": self.linking,
            "one_record": self.one_record,
            "alone": self.alone,
            "crowded": self.crowded,
            "blocked": self.blocked,
            "rejected": self.rejected,
        }

    def text(self) -> str:
        """For a terminal: only what there is."""
        words = (
            (self.one_record, "known to one record only"),
            (self.alone, "alone"),
            (self.crowded, "joining too many records"),
            (self.blocked, "blocked"),
            (self.rejected, "rejected, naming nobody"),
        )
        said = [f"{count:,} {word}" for count, word in words if count]
        return f"{self.space}: {self.linking:,} link; {', '.join(said)}"


def unlinked(
    moment: Moment,
    rules: IdentityRules,
    cls: EntityClass,
    versions: Versions | None,
    graph: ClassGraph,
    joins: tuple[Ints, Ints],
) -> list[Unlinked]:
    """The namespaces of a class of which some identity joins nothing, by name.

    Args:
        joins: every value that somebody names, ascending, and how many records it joins.
    """
    numbers = distinct(np.concatenate([joins[0], graph.n, graph.blocked]))
    fate = _fates(numbers, graph, joins, rules.links_per_value)
    moment.table("fate", {"n": numbers, "fate": fate})
    counts: dict[str, dict[int, int]] = {}
    for space, kind, count in moment.rows(
        "SELECT d.space, f.fate, count(*) FROM fate f JOIN facts.number d USING (n) GROUP BY ALL"
    ):
        counts.setdefault(str(space), {})[int(kind)] = int(count)
    rejected = {} if versions is None else _rejected(moment, rules, cls, versions)
    found = []
    for space in sorted(counts.keys() | rejected.keys()):
        held = counts.get(space, {})
        found.append(
            Unlinked(
                space,
                linking=held.get(LINKING, 0),
                one_record=held.get(ONE_RECORD, 0),
                alone=held.get(ALONE, 0),
                crowded=held.get(CROWDED, 0),
                blocked=held.get(BLOCKED, 0),
                rejected=rejected.get(space, 0),
            )
        )
    # Where nothing is meant to link, every record stands alone: that is no finding.
    matters = any(one.linking or one.crowded or one.blocked or one.rejected for one in found)
    return [one for one in found if one.total] if matters else []


def _fates(numbers: Ints, graph: ClassGraph, joins: tuple[Ints, Ints], bound: int) -> Ints:
    """What becomes of each number; it may have several reasons, of which the strongest counts."""
    entity = graph.entity(numbers)
    ids, width = np.unique(graph.id, return_counts=True)
    holders, records = np.unique(graph.entity(graph.records), return_counts=True)
    wide = look_up(ids, width.astype(np.int64), entity)
    deep = look_up(holders, records.astype(np.int64), entity)
    joined_by = np.maximum(look_up(joins[0], joins[1], numbers), 0)
    own = np.isin(numbers, graph.records)
    # What only events name is linked by them; a record's own key by whatever else makes its entity.
    links = (joined_by > 1) | (own & (deep > 1)) | ((joined_by == 0) & (wide > 1))
    fate = np.where(links, LINKING, ONE_RECORD)
    fate[(wide == 1) & ~links] = ALONE
    fate[joined_by > bound] = CROWDED
    fate[np.isin(numbers, graph.blocked)] = BLOCKED
    return fate.astype(np.int64)


def _rejected(moment: Moment, rules: IdentityRules, cls: EntityClass, versions: Versions) -> dict[str, int]:
    """Current records that say a word which names nobody, by namespace."""
    parts = []
    for column in identity_columns(moment.schema, rules, cls.name):
        if column.path in versions.paths:
            text = f"s.{identifier(column.path)}"
            parts.append(
                f"SELECT {text_literal(column.space)} AS space FROM {versions.now} s "
                f"WHERE {text} IS NOT NULL AND NOT {is_usable(text, key=column.key)}"
            )
    if "identityMap" in versions.paths:
        parts.append(
            f"""
            SELECT space FROM (
                SELECT space.key AS space, unnest(space.value) ->> '$.id' AS id FROM (
                    SELECT unnest(map_entries(TRY_CAST(
                        CAST("identityMap" AS JSON) AS MAP(VARCHAR, JSON[])))) AS space
                    FROM {versions.now} WHERE "identityMap" IS NOT NULL))
            WHERE NOT coalesce({is_usable("id")}, false)
            """
        )
    if not parts:
        return {}
    rows = moment.rows(f"SELECT space, count(*) FROM ({joined(parts)}) GROUP BY space")
    return {str(space): int(count) for space, count in rows}
