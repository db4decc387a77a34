"""The dictionary: every (namespace, value) ever accepted has a number, for good.

Numbers are dense, from 1, one series for all namespaces. A number is handed out once and never
reused, so an entity's id can be the smallest number of its members and last.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from townsend.store.facts import Facts

__all__ = ["add_numbers", "number_of", "numbers"]

_SCHEMA = pa.schema([("space", pa.string()), ("value", pa.string()), ("first", pa.int64())])


def numbers(facts: Facts, space: str, values: Iterable[str]) -> dict[str, int]:
    """The numbers of these values, new ones handed out in the order given. Call it in a transaction."""
    wanted = list(dict.fromkeys(values))
    table = pa.table([[space] * len(wanted), wanted, list(range(len(wanted)))], schema=_SCHEMA)
    facts.con.register("townsend_wanted", table)
    try:
        add_numbers(facts, "SELECT space, value, first FROM townsend_wanted")
        found = facts.con.execute(
            "SELECT w.value, d.n FROM townsend_wanted w JOIN facts.number d USING (space, value)"
        ).fetchall()
    finally:
        facts.con.unregister("townsend_wanted")
    return {str(value): int(n) for value, n in found}


def number_of(facts: Facts, space: str, value: str) -> int | None:
    """The number of a value, None if it was never accepted."""
    found = facts.one("SELECT n FROM facts.number WHERE space = ? AND value = ?", [space, value])
    return None if found is None else int(found[0])


def add_numbers(facts: Facts, query: str) -> None:
    """Hand out numbers to what is new among the rows of ``query``. Call it in a transaction.

    Args:
        facts: the store.
        query: SQL giving distinct pairs ``space, value`` and ``first``, their order.
    """
    facts.con.execute(
        f"""
        INSERT INTO facts.number
        SELECT CAST((SELECT coalesce(max(n), 0) FROM facts.number)
                    + row_number() OVER (ORDER BY w.first, w.space, w.value) AS INTEGER), w.space, w.value
        FROM ({query}) w ANTI JOIN facts.number d ON d.space = w.space AND d.value = w.value
        """
    )
