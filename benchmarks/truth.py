"""Who is in the seed audience, from how the world was made: no store, no identity graph, no audience."""

from __future__ import annotations

from pathlib import Path

import duckdb

__all__ = ["seed_members"]


def seed_members(world: Path, since_ms: int, now_ms: int) -> set[int]:
    """The humans of the world that belong to the seed audience.

    Args:
        world: its folder.
        since_ms: where the window of the visit begins, included.
        now_ms: the instant of evaluation.
    """
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    for name in ("account_person", "opportunity", "event", "truth/person", "truth/account"):
        con.execute(f"CREATE VIEW {Path(name).stem if 'truth' not in name else 'true_' + Path(name).stem} AS "
                    f"FROM '{world / name}.parquet'")  # fmt: skip
    found = con.execute(
        f"""
        WITH won AS (
            SELECT t.company, sum(o."opportunityAmount.amount") AS won
            FROM opportunity o JOIN true_account t ON t.record = {_number('o."accountKey.sourceKey"')}
            WHERE o."isWon" GROUP BY 1),
        works AS (
            SELECT DISTINCT p.human, a.company FROM account_person r
            JOIN true_person p ON p.record = {_number('r."personKey.sourceKey"')}
            JOIN true_account a ON a.record = {_number('r."accountKey.sourceKey"')}
            WHERE r."isActive")
        SELECT human FROM works JOIN won USING (company)
        WHERE human IN (
            SELECT p.human FROM event e JOIN true_person p ON p.record = {_number('e."personKey.sourceKey"')}
            WHERE e."timestamp" BETWEEN make_timestamp_ms($since) AND make_timestamp_ms($now)
              AND contains(e."web.webPageDetails.URL", '/new-product'))
        GROUP BY human HAVING sum(won) > 1000000
        """,
        {"since": since_ms, "now": now_ms},
    ).fetchall()
    con.close()
    return {int(human) for (human,) in found}


def _number(key: str) -> str:
    """The record's number in a key such as ``p17@crm_1.Salesforce``."""
    return f"CAST(regexp_extract({key}, '^[a-z]+([0-9]+)@', 1) AS BIGINT)"
