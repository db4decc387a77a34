"""Values that two records must share to be compared by exact rules, guarded against hot ones.

A value is taken from the compared form, so blanks, placeholders and public domains are none. A value that
more accounts hold than the rules allow proposes nothing, and is reported.
"""

from __future__ import annotations

import duckdb

__all__ = ["by_key", "in_memory", "index_keys", "name_keys", "propose", "skipped_keys"]

# Kind of key to the SQL that gives its values, one a row, out of the compared form ``{side}``.
_KINDS = {
    "duns": "SELECT id, duns AS value FROM {side}",
    "domain": "SELECT id, unnest(domains) AS value FROM {side}",
    "name": "SELECT id, name AS value FROM {side}",
    # Blanks stand elsewhere in a name that is the same letter by letter; a domain has none.
    "letters": "SELECT id, unnest(letters) AS value FROM {side} UNION SELECT id, unnest(labels) FROM {side}",
    "initials": "SELECT id, initials AS value FROM {side}",
    "phone": "SELECT id, phone AS value FROM {side}",
}


def in_memory() -> duckdb.DuckDBPyConnection:
    """A database of its own that writes nothing, to files or to the screen."""
    con = duckdb.connect(":memory:")
    con.execute("SET enable_progress_bar = false")
    return con


def index_keys(con: duckdb.DuckDBPyConnection, records_per_value: int) -> None:
    """Make ``account_key`` (key, id) and ``hot_key`` (kind, value, records) out of ``account``."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE held AS {_keys('account')}")
    con.execute(
        "CREATE OR REPLACE TABLE hot_key AS SELECT kind, value, count(*) AS records FROM held "
        "GROUP BY ALL HAVING count(*) > $most",
        {"most": records_per_value},
    )
    con.execute(
        "CREATE OR REPLACE TABLE account_key AS SELECT hash(kind, value) AS key, id FROM held "
        "ANTI JOIN hot_key USING (kind, value)"
    )
    con.execute("DROP TABLE held")


def propose(side: str) -> str:
    """SQL of the pairs (left, right) of the records of ``side`` and the accounts that share a value."""
    return by_key(f"SELECT hash(kind, value) AS key, id FROM ({_keys(side)})")


def by_key(keys: str) -> str:
    """SQL of the pairs (left, right) of the records and accounts that have a key in common."""
    return f'SELECT DISTINCT p.id AS "left", a.id AS "right" FROM ({keys}) p JOIN account_key a USING (key)'


def name_keys(side: str, names: str) -> str:
    """SQL of keys (key, id) by which records of ``side`` find accounts with a like name.

    ``names`` is a table of names (``given``) and those that are like them (``found``).
    """
    return f"SELECT hash('name', found) AS key, id FROM {side} JOIN {names} ON given = name"


def skipped_keys(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, int]]:
    """The values that propose nothing because too many accounts hold them: kind, value, accounts."""
    rows = con.execute("SELECT kind, value, records FROM hot_key ORDER BY records DESC, kind, value")
    return [(kind, value, records) for kind, value, records in rows.fetchall()]


def _keys(side: str) -> str:
    parts = (
        f"SELECT '{kind}' AS kind, value, id FROM ({values.format(side=side)}) WHERE value IS NOT NULL"
        for kind, values in _KINDS.items()
    )
    return " UNION ALL ".join(parts)
