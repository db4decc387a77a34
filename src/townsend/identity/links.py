"""What facts say belongs together: identities inside a record, inside an event, and by merges.

Everything comes as arrays of numbers of the dictionary. Values that name nobody have no number and
so no link; blocked values are left out here. Nothing is judged yet: guards and namespaces that must
stay unique are the graph's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

import numpy as np
import pyarrow as pa

from townsend.identity.moment import Ints, Moment, joined, text_literal
from townsend.identity.rules import IdentityRules, identity_columns
from townsend.identity.versions import Versions
from townsend.model import EntityClass
from townsend.store.facts_schema import identifier
from townsend.store.facts_values import EMAIL, is_usable, normal

__all__ = [
    "PAIRWISE_MAX",
    "EventLinks",
    "Merges",
    "RecordLinks",
    "blocked_numbers",
    "event_links",
    "merges",
    "pairs_met",
    "record_links",
]

Identified = TypeVar("Identified", int, tuple[str, str])

# Of a record or an event that names more than so many others, each is linked with the first only: with the
# record's own key, with the identity that the event belongs to. Ten thousand make fifty million pairs.
PAIRWISE_MAX = 100


@dataclass(frozen=True)
class RecordLinks:
    """The records of a class and what else they name.

    Args:
        key: number of each record's own key.
        seen_ms: when its current version is from.
        deleted: 1 where the current version is retired.
        owner: for each further identity named, the naming record's key …
        named: … and the identity's number; without repeats, never the owner itself.
    """

    key: Ints
    seen_ms: Ints
    deleted: Ints
    owner: Ints
    named: Ints


@dataclass(frozen=True)
class EventLinks:
    """Pairs of identities met in one event (the smaller number first), and who acted since when."""

    first: Ints
    second: Ints
    seen_ms: Ints
    who: Ints
    since_ms: Ints


@dataclass(frozen=True)
class Merges:
    """Records said to be one, oldest first: ``lost`` went into ``kept``; or both stay (``retires`` is 0)."""

    kept: Ints
    lost: Ints
    seen_ms: Ints
    retires: Ints


def record_links(moment: Moment, rules: IdentityRules, versions: Versions, blocked: Ints) -> RecordLinks:
    """The current versions of a class and the identities in them."""
    key, seen, deleted = moment.arrays(f'SELECT key, "@t", deleted FROM {versions.now}')
    parts = []
    for column in identity_columns(moment.schema, rules, versions.cls.name):
        if column.path in versions.paths:
            text = f"s.{identifier(column.path)}"
            parts.append(
                f"SELECT s.key, d.n FROM {versions.now} s "
                f"JOIN facts.number d ON d.value = {normal(column.space, text)} "
                f"WHERE d.space = {text_literal(column.space)} AND {is_usable(text, key=column.key)}"
            )
    if "identityMap" in versions.paths:
        parts.append(
            f"""
            SELECT e.key, d.n FROM (
                SELECT key, space.key AS space, unnest(space.value) ->> '$.id' AS id FROM (
                    SELECT key, unnest(map_entries(TRY_CAST(
                        CAST("identityMap" AS JSON) AS MAP(VARCHAR, JSON[])))) AS space
                    FROM {versions.now} WHERE "identityMap" IS NOT NULL)) e
            JOIN facts.number d
            ON d.space = e.space
            AND d.value = CASE WHEN e.space = '{EMAIL}' THEN {normal(EMAIL, "e.id")} ELSE e.id END
            WHERE {is_usable("e.id")}
            """
        )
    if not parts:
        none = np.zeros(0, np.int64)
        return RecordLinks(key, seen, deleted, none, none)
    owner, named = moment.arrays(f"SELECT DISTINCT key, n FROM ({joined(parts)}) WHERE n <> key")
    kept = ~np.isin(named, blocked)
    return RecordLinks(key, seen, deleted, owner[kept], named[kept])


def event_links(moment: Moment, blocked: Ints, after_take: int | None = None) -> EventLinks:
    """What events say about people, up to now; only those of takes after that one, if it is given."""
    new = "true" if after_take is None else f"take > {after_take}"
    pairs, acting = [], []
    for cls in moment.events():
        if "who" not in moment.columns[cls.name]:
            continue
        table, time = f"facts.{identifier(cls.name)}", identifier(cls.time_field or "")
        acting.append(
            f"SELECT who, min({time}) AS ms FROM {table} WHERE who IS NOT NULL AND {new} GROUP BY who"
        )
        pairs.append(
            f"""
            SELECT a, b, max(ms) AS ms FROM (
                SELECT a, unnest(idents) AS b, ms FROM (
                    SELECT unnest(idents) AS a, idents, {time} AS ms FROM {table}
                    WHERE len(idents) <= {PAIRWISE_MAX + 1} AND {new} AND {time} <= {moment.now_ms})
                UNION ALL
                SELECT least(a, b), greatest(a, b), ms FROM (
                    SELECT idents[1] AS a, unnest(idents) AS b, {time} AS ms FROM {table}
                    WHERE len(idents) > {PAIRWISE_MAX + 1} AND {new} AND {time} <= {moment.now_ms}))
            WHERE a < b GROUP BY a, b
            """
        )
    none = np.zeros(0, np.int64)
    if not acting:
        return EventLinks(none, none, none, none, none)
    who, since = moment.arrays(f"SELECT who, min(ms) FROM ({joined(acting)}) GROUP BY who")
    first, second, seen = moment.arrays(f"SELECT a, b, max(ms) FROM ({joined(pairs)}) GROUP BY a, b")
    free = ~np.isin(who, blocked)
    clear = ~(np.isin(first, blocked) | np.isin(second, blocked))
    return EventLinks(first[clear], second[clear], seen[clear], who[free], since[free])


def pairs_met(named: Sequence[Identified]) -> list[tuple[Identified, Identified]]:
    """The pairs that an event links, the smaller one first.

    Args:
        named: the event's identities, or their numbers, the one that it belongs to first.
    """
    if len(named) > PAIRWISE_MAX + 1:
        return [(min(named[0], other), max(named[0], other)) for other in named[1:]]
    return list(combinations(sorted(named), 2))


def event_boundaries(moment: Moment) -> tuple[int | None, int | None]:
    """The last instant not after now, and the first after it, at which an event links identities."""
    before: list[int] = []
    after: list[int] = []
    for cls in moment.events():
        if "idents" in moment.columns[cls.name]:
            time = identifier(cls.time_field or "")
            low, high = moment.rows(
                f"SELECT max({time}) FILTER ({time} <= $now), min({time}) FILTER ({time} > $now) "
                f"FROM facts.{identifier(cls.name)} WHERE idents IS NOT NULL",
                {"now": moment.now_ms},
            )[0]
            before += [low] if low is not None else []
            after += [high] if high is not None else []
    return max(before, default=None), min(after, default=None)


def merges(moment: Moment, cls: EntityClass) -> Merges:
    """The merges of records of a class that hold at the moment: the last word on each pair counts."""
    if not moment.number("SELECT count(*) FROM facts.link WHERE space_a = $space", {"space": cls.namespace}):
        none = np.zeros(0, np.int64)
        return Merges(none, none, none, none)
    said = """
        SELECT b.n AS kept, a.n AS lost, at_ms, withdrawn, b.value AS b, a.value AS a
        FROM facts.link l JOIN facts.number a ON a.space = l.space_a AND a.value = l.value_a
        JOIN facts.number b ON b.space = l.space_b AND b.value = l.value_b
        WHERE l.space_a = $space AND kind = 'merge' AND at_ms <= $now
        """
    kept, lost, seen = moment.arrays(
        f"""
        SELECT kept, lost, at_ms FROM ({said}) WHERE kept <> lost
        QUALIFY NOT withdrawn AND row_number() OVER (
            PARTITION BY kept, lost ORDER BY at_ms DESC, withdrawn DESC) = 1
        ORDER BY at_ms, b, a
        """,
        {"space": cls.namespace, "now": moment.now_ms},
    )
    return Merges(kept, lost, seen, np.ones(len(kept), np.int64))


def merge_boundaries(moment: Moment) -> tuple[int | None, int | None]:
    """The last instant not after now, and the first after it, at which a merge is said or withdrawn."""
    low, high = moment.rows(
        "SELECT max(at_ms) FILTER (at_ms <= $now), min(at_ms) FILTER (at_ms > $now) FROM facts.link",
        {"now": moment.now_ms},
    )[0]
    return low, high


def blocked_numbers(moment: Moment, rules: IdentityRules) -> Ints:
    """The numbers of blocked values."""
    pairs = [(space, value) for space, values in rules.blocked_values().items() for value in sorted(values)]
    if not pairs:
        return np.zeros(0, np.int64)
    spaces, values = (pa.array(side, pa.string()) for side in zip(*pairs, strict=True))
    moment.table("blocked", {"space": spaces, "value": values})
    return moment.arrays("SELECT n FROM facts.number JOIN blocked USING (space, value)")[0]
