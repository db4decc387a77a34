"""Merges that a source tells of: a mergeLeads event links the losing records with the one that stays.

The links are facts of their own, dated by the event. Retiring the losing records is identity's work.
"""

from __future__ import annotations

from townsend.intake.check import STAGED, Staged
from townsend.store.facts import Facts
from townsend.store.facts_schema import identifier
from townsend.store.facts_values import is_usable

__all__ = ["commit_merges"]

LOSING = "leadOperation.mergeLeads.sourceKeys"
KEPT = "personKey.sourceKey"
SPACE = "b2b_person"


def commit_merges(facts: Facts, staged: Staged) -> int:
    """Store the links that the staged events tell of; call it in the transaction that stores them."""
    if not (staged.cls.is_event and staged.has(LOSING) and staged.has(KEPT)):
        return 0
    kept = identifier(KEPT)
    before = facts.one("SELECT count(*) FROM facts.link")
    facts.con.execute(
        f"""
        INSERT INTO facts.link
        SELECT DISTINCT $space, l.lost, $space, l.kept, 'merge', l.at_ms, false
        FROM (
            SELECT item.value ->> '$.sourceKey' AS lost, s.{kept} AS kept,
                   s.{identifier(staged.cls.time_field or "")} AS at_ms
            FROM {STAGED} s, json_each(s.{identifier(LOSING)}) item
            WHERE s.{identifier(LOSING)} IS NOT NULL AND {is_usable(f"s.{kept}", key=True)}) l
        WHERE {is_usable("l.lost", key=True)} AND l.lost <> l.kept
          AND NOT EXISTS (
            FROM facts.link k
            WHERE k.space_a = $space AND k.value_a = l.lost AND k.space_b = $space AND k.value_b = l.kept
              AND k.kind = 'merge' AND k.at_ms = l.at_ms)
          AND NOT EXISTS (
            FROM facts.tombstone t WHERE t.space = $space AND t.digest = sha256($salt || $space || l.lost))
        ORDER BY ALL
        """,
        {"space": SPACE, "salt": facts.salt},
    )
    after = facts.one("SELECT count(*) FROM facts.link")
    return int(after[0]) - int(before[0]) if before and after else 0
