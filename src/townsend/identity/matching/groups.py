"""Accounts that belong together without being one company: by parent, by domain, by name.

A group may have any number of accounts; what comes out are the links that hold it together, not all its
pairs: each account is linked with the smallest id that shares the value, and with its parent.
"""

from __future__ import annotations

import pyarrow as pa

from townsend.identity.matching.keys import in_memory
from townsend.identity.matching.rules import MatchRules
from townsend.identity.matching.side import Side

__all__ = ["RELATED_PAIRS", "related_groups"]

RELATED_PAIRS = pa.schema([("left", pa.int64()), ("right", pa.int64()), ("reason", pa.string())])
_VALUES = {
    "domain": "SELECT id, unnest(domains) AS value FROM account",
    "name": "SELECT id, name AS value FROM account",
}


def related_groups(accounts: pa.Table, parents: pa.Table, rules: MatchRules) -> pa.Table:
    """The links of groups of related accounts.

    Args:
        accounts: ``id`` and any of the columns of a ``Side``.
        parents: ``child`` and ``parent``, ids of accounts; loops and links to itself do no harm.
        rules: which reasons count, and how many accounts may share a value before it says nothing.

    Returns:
        ``left`` < ``right`` and ``reason`` (``parent``, ``domain`` or ``name``), one row a pair: the
        first reason of that order. What is connected by such pairs is one group.
    """
    con = in_memory()
    con.register("account", Side(accounts, rules.public_domains).compared)
    con.register("given_parent", parents)
    parts = []
    if "parent" in rules.related_by:
        parts.append(
            'SELECT least(child, parent) AS "left", greatest(child, parent) AS "right", 0 AS place '
            "FROM given_parent SEMI JOIN account c ON c.id = child SEMI JOIN account p ON p.id = parent "
            "WHERE child <> parent"
        )
    for place, kind in enumerate(("domain", "name"), 1):
        if kind in rules.related_by:
            parts.append(
                f'SELECT least_id AS "left", id AS "right", {place} AS place FROM (SELECT id, '
                "min(id) OVER held AS least_id, count(*) OVER held AS holders "
                f"FROM ({_VALUES[kind]}) WHERE value IS NOT NULL WINDOW held AS (PARTITION BY value)) "
                "WHERE id <> least_id AND holders <= $most"
            )
    if not parts:
        return RELATED_PAIRS.empty_table()
    found = con.sql(
        "SELECT \"left\", \"right\", ['parent', 'domain', 'name'][min(place) + 1] AS reason "
        f"FROM ({' UNION ALL '.join(parts)}) GROUP BY ALL ORDER BY ALL",
        params={"most": rules.records_per_value} if "$most" in " ".join(parts) else None,
    )
    return found.to_arrow_table().cast(RELATED_PAIRS)
