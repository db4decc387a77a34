"""Versions of records: what is new becomes one more version, what is known changes nothing.

A version with a time of its own is known once it was ever stored. One without is a statement made at
its acceptance: it is known if the record's last such statement said the same and no dated version
came in between. So the same rows in any order, and repeats of them, leave the same current versions.
"""

from __future__ import annotations

from townsend.intake.absent import note_present
from townsend.intake.check import STAGED, Staged
from townsend.intake.content import content_hash
from townsend.intake.identities import NUMBERS
from townsend.intake.rules import SourceTraits
from townsend.store.facts import Facts
from townsend.store.facts_schema import RECORD, identifier

__all__ = ["commit_records"]

OWN_TIME = "extSourceSystemAudit.lastUpdatedDate"
DELETED = "isDeleted"
_NEW = "townsend_new"


def commit_records(facts: Facts, staged: Staged, source: SourceTraits, now_ms: int, take: int) -> int:
    """Store the staged rows that are new versions; call it in a transaction, after they are numbered.

    Returns:
        How many there were.
    """
    cls = staged.cls
    facts.ensure(cls.name, dict(RECORD), staged.kept())
    own = identifier(OWN_TIME) if staged.has(OWN_TIME) else "CAST(NULL AS BIGINT)"
    deleted = identifier(DELETED) if staged.has(DELETED) else "CAST(NULL AS BOOLEAN)"
    facts.con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {_NEW} AS
        SELECT s."@row", d.n AS key, {own} AS own_ms, {content_hash(staged.columns, "s")} AS hash,
               coalesce({deleted}, try_cast("@extra" ->> '$.{DELETED}' AS BOOLEAN), false) AS deleted
        FROM {STAGED} s JOIN {NUMBERS} d ON d.space = s."@own_space" AND d.raw = s."@own"
        QUALIFY row_number() OVER (PARTITION BY d.n, hash ORDER BY s."@row") = 1
        """
    )
    if source.mode == "snapshot":
        note_present(facts, _NEW)
    patch = "true" if source.rows == "patch" else "false"
    table = f"facts.{identifier(cls.name)}"
    _forget_known(facts, table, patch, now_ms)
    paths = [identifier(path) for path in staged.kept()]
    facts.con.execute(
        f"""
        INSERT INTO {table} BY NAME
        SELECT n.key, $source AS source, n.own_ms, CAST($now AS BIGINT) AS accepted_ms, n.hash, n.deleted,
               {patch} AS patch, s."@nulls" AS nulls, s."@extra" AS extra, CAST($take AS INTEGER) AS take,
               {", ".join(f"s.{path}" for path in paths)}
        FROM {_NEW} n JOIN {STAGED} s USING ("@row") ORDER BY n."@row"
        """,
        {"source": source.name, "now": now_ms, "take": take},
    )
    found = facts.one(f"SELECT count(*) FROM {_NEW}")
    return int(found[0]) if found else 0


def _forget_known(facts: Facts, table: str, patch: str, now_ms: int) -> None:
    """Take out of the new versions what the store already says."""
    facts.con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE townsend_known AS
        SELECT key, own_ms, accepted_ms, hash, patch FROM {table} v
        WHERE v.key IN (SELECT key FROM {_NEW})
        """
    )
    facts.con.execute(
        f"""
        DELETE FROM {_NEW} WHERE "@row" IN (
            WITH undated AS (
                SELECT key, max(accepted_ms) AS last_ms FROM townsend_known
                WHERE own_ms IS NULL GROUP BY key),
            overtaken AS (
                SELECT DISTINCT u.key FROM undated u JOIN townsend_known k
                ON k.key = u.key AND k.own_ms > u.last_ms AND k.own_ms <= $now)
            SELECT n."@row" FROM {_NEW} n
            JOIN townsend_known k ON k.key = n.key AND k.hash = n.hash AND k.patch = {patch}
            LEFT JOIN undated u ON u.key = n.key
            WHERE n.own_ms IS NOT NULL
               OR (k.accepted_ms = u.last_ms AND n.key NOT IN (SELECT key FROM overtaken)))
        """,
        {"now": now_ms},
    )
