"""Matches in the store: what people decided, which is kept, and what was found, which can be found anew.

A decision names two identities, never entities, so it outlives merges, splits and rebuilds. Decisions are
only ever added; of several about one pair the last counts. Found candidates name records by their numbers,
and belong to the rules by which they were found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from townsend.store.facts import Facts
from townsend.store.facts_numbers import add_numbers

__all__ = [
    "FOUND",
    "KINDS",
    "MATCHED",
    "RELATION_SPACE",
    "Decision",
    "FoundRun",
    "Kind",
    "Verdict",
    "add_decisions",
    "decided",
    "forget_found",
    "forget_people",
    "found_run",
    "number_relations",
    "put_found",
    "relation_key",
]

Kind = Literal["lead", "account", "related"]
Verdict = Literal["confirmed", "rejected"]
KINDS: tuple[Kind, ...] = ("lead", "account", "related")
FOUND = "matched"  # the schema of what was found
RELATION_SPACE = "b2b_account_person_relation"
MATCHED = "@matching.Townsend"  # how the keys of relations end that a match made


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody said of a pair.

    Args:
        kind: ``lead``: a person and an account; ``account``: two records of one company; ``related``.
        left: namespace and value of the one, the person's for a lead …
        right: … and of the other.
        verdict: ``confirmed`` or ``rejected``.
        at_ms: when.
        who: by whom; None if nobody said.
        note: why; None if nobody said.
    """

    kind: Kind
    left: tuple[str, str]
    right: tuple[str, str]
    verdict: Verdict
    at_ms: int
    who: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class FoundRun:
    """How far the facts were matched by some rules: revision, take, and by which engine."""

    revision: int
    take: int
    engine: str


def add_decisions(facts: Facts, decisions: Sequence[Decision]) -> None:
    """Store decisions, in their order."""
    with facts.transaction():
        for one in decisions:
            facts.con.execute(
                "INSERT INTO facts.match VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [one.kind, *one.left, *one.right, one.verdict, one.at_ms, one.who, one.note],
            )
        facts.touch()


def decided(*kinds: Kind) -> str:
    """SQL: what was said last of each pair of numbers: ``kind, a, b, verdict, at_ms, who, note``.

    Where both ends are accounts the smaller number comes first.
    """
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    first, second = (
        f"CASE WHEN m.kind = 'lead' THEN {plain} ELSE {ordered} END"
        for plain, ordered in (("x.n", "least(x.n, y.n)"), ("y.n", "greatest(x.n, y.n)"))
    )
    return f"""
        SELECT m.kind, {first} AS a, {second} AS b, m.verdict, m.at_ms, m.who, m.note
        FROM (SELECT rowid AS i, * FROM facts.match WHERE kind IN ({listed})) m
        JOIN facts.number x ON x.space = m.space_a AND x.value = m.value_a
        JOIN facts.number y ON y.space = m.space_b AND y.value = m.value_b
        QUALIFY row_number() OVER (PARTITION BY m.kind, {first}, {second} ORDER BY m.at_ms DESC, m.i DESC) = 1
        """


def found_run(facts: Facts, rules: str) -> FoundRun | None:
    """How far the facts were matched by these rules; None if never."""
    found = facts.one(f"SELECT revision, take, engine FROM {FOUND}.run WHERE rules = ?", [rules])
    return None if found is None else FoundRun(int(found[0]), int(found[1]), str(found[2]))


def put_found(
    facts: Facts,
    rules: str,
    run: FoundRun,
    found: Sequence[tuple[Kind, pa.Table]],
    records: Sequence[tuple[str, pa.Table]],
    again: Sequence[int] | None,
) -> None:
    """Store what was found, in one transaction.

    Args:
        rules: by which rules.
        run: how far the facts were matched.
        found: candidates by kind: columns ``left, right, score, rule, reasons``.
        records: class to the records that were looked at: columns ``id, hash``.
        again: the people's records that were looked at again, whose candidates these replace; None: all of
            every class.
    """
    con = facts.con
    with facts.transaction():
        if again is None:
            forget_found(facts, rules)
        else:
            forgotten = {"rules": rules, "again": list(again)}
            where = "WHERE rules = $rules AND list_contains($again::INTEGER[], "
            con.execute(f"DELETE FROM {FOUND}.candidate {where} a) AND kind = 'lead'", forgotten)
            con.execute(f"DELETE FROM {FOUND}.record {where} n) AND class = 'person'", forgotten)
        for kind, table in found:
            columns = '?, ?, "left", "right", score, rule, reasons'
            _insert(facts, table, f"{FOUND}.candidate SELECT {columns}", rules, kind)
        for cls, table in records:
            _insert(facts, table, f"{FOUND}.record SELECT ?, ?, id, hash", rules, cls)
        con.execute(f"DELETE FROM {FOUND}.run WHERE rules = ?", [rules])
        values = [rules, run.revision, run.take, run.engine]
        con.execute(f"INSERT INTO {FOUND}.run VALUES (?, ?, ?, ?)", values)


def _insert(facts: Facts, table: pa.Table, into: str, rules: str, kind: str) -> None:
    facts.con.register("townsend_found", table)
    try:
        facts.con.execute(f"INSERT INTO {into} FROM townsend_found", [rules, kind])
    finally:
        facts.con.unregister("townsend_found")


def forget_found(facts: Facts, rules: str | None = None, keep: str | None = None) -> None:
    """Forget what was found by these rules; by all but ``keep`` if none are named."""
    for table in ("candidate", "record", "run"):
        facts.con.execute(
            f"DELETE FROM {FOUND}.{table} "
            "WHERE rules = coalesce($rules, rules) AND rules <> coalesce($keep, '')",
            {"rules": rules, "keep": keep},
        )


def forget_people(facts: Facts, people: Sequence[int]) -> None:
    """Forget what was found for these records of people; call it in the transaction that deletes them."""
    gone = {"people": list(people)}
    facts.con.execute(
        f"DELETE FROM {FOUND}.candidate WHERE kind = 'lead' AND list_contains($people::INTEGER[], a)", gone
    )
    facts.con.execute(
        f"DELETE FROM {FOUND}.record WHERE class = 'person' AND list_contains($people::INTEGER[], n)", gone
    )


def relation_key(person: str, account: str) -> str:
    """SQL: the key of the relation that a match of two numbers makes. It holds nobody's data."""
    return f"{person} || '-' || {account} || '{MATCHED}'"


def number_relations(facts: Facts, rules: str, least: float) -> None:
    """Give the relations that matches of people with accounts make a number each, as all records have.

    Args:
        rules: by which rules candidates were found …
        least: … that hold from this score on; what somebody confirmed holds always.
    """
    with facts.transaction():
        add_numbers(
            facts,
            f"""
            SELECT '{RELATION_SPACE}' AS space, {relation_key("a", "b")} AS value,
                   row_number() OVER (ORDER BY a, b) AS first FROM (
                SELECT a, b FROM {FOUND}.candidate
                WHERE kind = 'lead' AND rules = '{rules}' AND score >= {least}
                UNION SELECT a, b FROM ({decided("lead")}) WHERE verdict = 'confirmed')
            """,
        )
