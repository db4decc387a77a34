"""Pairs worth comparing, and how much of one name is in the other.

A word that both names have counts as much as it is rare among the accounts: "Acme" says more than
"Logistics". A mistyped or shortened word counts nearly as much. Two common words that look alike are
different words.
"""

from __future__ import annotations

import duckdb

from townsend.identity.matching.keys import by_key, name_keys, propose
from townsend.identity.matching.likeness import NameIndex

__all__ = ["compare_names", "index_words", "propose_pairs"]

# Words of names that differ, each with the word of the other name that is most like it.
_SHARES = """
CREATE OR REPLACE TEMP TABLE name_pair AS
WITH named AS (
    SELECT DISTINCT least(l.name, a.name) AS one, greatest(l.name, a.name) AS other
    FROM pair JOIN {side} l ON l.id = pair."left" JOIN near a ON a.id = pair."right"
    WHERE l.name <> a.name
), numbered AS (SELECT row_number() OVER () AS n, one, other FROM named),
ones AS (
    SELECT n, x, coalesce(weight, unknown) AS weight, coalesce(holders, 0) AS holders
    FROM (SELECT n, unnest(list_distinct(string_split(one, ' '))) AS x FROM numbered)
    LEFT JOIN word ON word = x CROSS JOIN unknown_word
), others AS (
    SELECT n, y, coalesce(weight, unknown) AS weight, coalesce(holders, 0) AS holders
    FROM (SELECT n, unnest(list_distinct(string_split(other, ' '))) AS y FROM numbered)
    LEFT JOIN word ON word = y CROSS JOIN unknown_word
), compared AS (
    SELECT n, x, y, o.weight AS weight_x, t.weight AS weight_y,
        CASE WHEN x = y THEN 1.0
            WHEN least(o.holders, t.holders) >= 3 THEN 0
            WHEN len(least(x, y)) >= 3 AND (starts_with(x, y) OR starts_with(y, x)) THEN 0.9
            WHEN jaro_winkler_similarity(least(x, y), greatest(x, y)) >= 0.88
                THEN jaro_winkler_similarity(least(x, y), greatest(x, y))
            ELSE 0 END AS like_
    FROM ones o JOIN others t USING (n)
), share_one AS (
    SELECT n, sum(weight_x * best) / sum(weight_x) AS share
    FROM (SELECT n, x, any_value(weight_x) AS weight_x, max(like_) AS best FROM compared GROUP BY n, x)
    GROUP BY n
), share_other AS (
    SELECT n, sum(weight_y * best) / sum(weight_y) AS share
    FROM (SELECT n, y, any_value(weight_y) AS weight_y, max(like_) AS best FROM compared GROUP BY n, y)
    GROUP BY n
)
SELECT one, other, round(least(a.share, b.share), 4) AS alike, round(greatest(a.share, b.share), 4) AS inside
FROM numbered JOIN share_one a USING (n) JOIN share_other b USING (n)
"""


def index_words(con: duckdb.DuckDBPyConnection) -> NameIndex:
    """Make ``word`` (word, holders, weight) and ``unknown_word``; the names to be proposed."""
    con.execute("""
        CREATE OR REPLACE TABLE unknown_word AS
        SELECT ln(count(*) + 1) + 1 AS unknown FROM account WHERE name IS NOT NULL
    """)
    con.execute("""
        CREATE OR REPLACE TABLE word AS
        SELECT word, count(*) AS holders, any_value(unknown) - ln(count(*)) AS weight
        FROM (SELECT unnest(list_distinct(string_split(name, ' '))) AS word FROM account)
        CROSS JOIN unknown_word
        GROUP BY word
    """)
    names = con.execute("SELECT DISTINCT name FROM account WHERE name IS NOT NULL ORDER BY name").fetchall()
    return NameIndex([name for (name,) in names])


def propose_pairs(con: duckdb.DuckDBPyConnection, side: str, names: NameIndex) -> None:
    """Make ``pair`` (left, right): what is worth comparing of the records of a side and the accounts."""
    rows = con.execute(f"SELECT DISTINCT name FROM {side} WHERE name IS NOT NULL ORDER BY name").fetchall()
    con.register("alike_name", names.propose([name for (name,) in rows]))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE pair AS "
        f"({propose(side)}) UNION ({by_key(name_keys(side, 'alike_name'))})"
    )
    con.unregister("alike_name")


def compare_names(con: duckdb.DuckDBPyConnection, side: str) -> None:
    """Make ``name_pair`` (one, other, alike, inside) of the names of ``pair`` that differ.

    ``alike`` is the share of the less covered name that the other one has, ``inside`` that of the better
    covered: 1 if a name is wholly inside the other. ``one`` is the smaller of the two texts.
    """
    con.execute(_SHARES.format(side=side))
