"""Master data: which records of which systems one golden record stands for, row by row as accepted.

Which rows hold, and what they link, is identity's work. A source in ``snapshot`` mode says with each
file all that holds: its rows are stored again with every file, so that absence can be seen.
"""

from __future__ import annotations

from townsend.intake.check import STAGED, Staged
from townsend.intake.content import content_hash
from townsend.intake.rules import SourceTraits
from townsend.model import XREF, XREF_CLASS
from townsend.store.facts import Facts

__all__ = ["XREF", "XREF_CLASS", "commit_xref"]


def commit_xref(facts: Facts, staged: Staged, source: SourceTraits, now_ms: int, take: int) -> int:
    """Store the staged rows that say something new, in snapshot mode all; call it in a transaction.

    Returns:
        How many say something new.
    """
    facts.con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE townsend_xref AS
        SELECT * FROM ({_neutral(staged)})
        QUALIFY row_number() OVER (PARTITION BY hash ORDER BY "@row") = 1
        """
    )
    facts.con.execute(
        """
        CREATE OR REPLACE TEMP TABLE townsend_xref_known AS
        WITH last AS (
            SELECT x.hash, x.updated_ms, row_number() OVER (
                PARTITION BY x.entity_type, x.source_system, x.source_instance, x.source_key, x.golden_id,
                             x.valid_from_ms
                ORDER BY coalesce(x.updated_ms, x.accepted_ms) DESC, x.accepted_ms DESC, x.hash DESC
            ) = 1 AS newest
            FROM facts.account_xref x WHERE x.source = $source)
        SELECT DISTINCT hash FROM last WHERE newest OR updated_ms IS NOT NULL
        """,
        {"source": source.name},
    )
    snapshot = source.mode == "snapshot"
    fresh = "" if snapshot else "WHERE hash NOT IN (FROM townsend_xref_known)"
    facts.con.execute(
        f"""
        INSERT INTO facts.account_xref
        SELECT entity_type, golden_id, source_system, source_instance, source_key, valid_from_ms, valid_to_ms,
               status, match_confidence, match_rule, survivor_rank, updated_ms,
               $source, $take, $snapshot, $now, hash
        FROM townsend_xref {fresh} ORDER BY "@row"
        """,
        {"source": source.name, "take": take, "snapshot": snapshot, "now": now_ms},
    )
    found = facts.one("SELECT count(*) FROM townsend_xref WHERE hash NOT IN (FROM townsend_xref_known)")
    return int(found[0]) if found else 0


def _neutral(staged: Staged) -> str:
    """The staged rows in the columns of the store, blanks trimmed, with their defaults."""

    def column(path: str, kind: str) -> str:
        return f'"{path}"' if staged.has(path) else f"CAST(NULL AS {kind})"

    def text(path: str) -> str:
        return f"nullif(trim({column(path, 'VARCHAR')}), '')"

    return f"""
        SELECT "@row", coalesce(lower({text("entity_type")}), 'account') AS entity_type,
               {text("golden_id")} AS golden_id, {text("source_system")} AS source_system,
               {text("source_instance")} AS source_instance, {text("source_key")} AS source_key,
               {column("valid_from", "BIGINT")} AS valid_from_ms,
               {column("valid_to", "BIGINT")} AS valid_to_ms,
               coalesce(lower({text("status")}), 'active') AS status,
               CAST({column("match_confidence", "DOUBLE")} AS DOUBLE) AS match_confidence,
               {text("match_rule")} AS match_rule,
               CAST({column("survivor_rank", "INTEGER")} AS INTEGER) AS survivor_rank,
               {column("updated_at", "BIGINT")} AS updated_ms, {content_hash(staged.columns, "s")} AS hash
        FROM {STAGED} s"""
