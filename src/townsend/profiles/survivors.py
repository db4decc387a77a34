"""Which record of a golden record master data would have survive: its ``survivor_rank``, 1 being the first.

A hint, not a rule: under ``by: master`` it comes first, under every other policy it settles what would
otherwise be settled by the text of keys. Records that master data does not rank come after all others.
"""

from __future__ import annotations

from townsend.identity.moment import text_literal
from townsend.profiles.making import Making

__all__ = ["RANK", "survivor_join", "write_survivors"]

# The best rank last, as pieces are ordered; SQL over the joined rows ``v``.
RANK = "v.rank DESC NULLS FIRST"


def write_survivors(making: Making) -> None:
    """Make ``survivor(class, n, rank)`` of the rows that hold; call it after ``read_golden``.

    Of several rows about a record the best rank counts. A record that two golden records claim has none.
    """
    making.moment.run(f"CREATE TABLE {making.table('survivor')} (class VARCHAR, n INTEGER, rank INTEGER)")
    # Without any row of master data its tables are not made.
    if making.moment.number("SELECT count(*) FROM xref_row WHERE survivor_rank IS NOT NULL"):
        making.moment.run(
            f"""
            INSERT INTO {making.table("survivor")}
            SELECT k.class, k.n, min(x.survivor_rank) FROM xref_key k JOIN xref_row x USING (i)
            ANTI JOIN xref_conflict f ON f.class = k.class AND f.n = k.n
            WHERE x.survivor_rank IS NOT NULL GROUP BY ALL
            """
        )


def survivor_join(making: Making, cls: str) -> str:
    """SQL that joins a record's rank as ``v`` to pieces ``p``; empty if none of the class has a rank."""
    table = making.table("survivor")
    if not making.moment.number(f"SELECT count(*) FROM {table} WHERE class = $cls", {"cls": cls}):
        return ""
    return f"LEFT JOIN (SELECT n, rank FROM {table} WHERE class = {text_literal(cls)}) v ON v.n = p.key"
