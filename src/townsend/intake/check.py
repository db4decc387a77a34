"""Whether rows are what the schema declares: typed, keyed, in time. What is not is refused with its place.

A lot becomes one temporary table, ``townsend_staged``, of rows that may be committed: a column per
declared field that has a value, keys complete, and ``@row``, ``@own``, ``@own_space`` (what the
record is called), ``@extra``, ``@nulls``. Refused rows are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from townsend.intake import convert
from townsend.intake.batch import Batch, Column
from townsend.intake.keys import complete_keys, mean_currency, own_name
from townsend.intake.reasons import TYPED, Reason, first_of, typed_reasons, whole_reasons
from townsend.intake.rules import IntakeRules, SourceTraits
from townsend.intake.spelled import SPELLED, spelled_sql
from townsend.model import EntityClass
from townsend.store.facts import Facts
from townsend.store.facts_schema import TYPES, identifier
from townsend.store.quarantine import Refusal, shortened

__all__ = ["STAGED", "Staged", "stage"]

STAGED = "townsend_staged"


@dataclass
class Staged:
    """What of a lot may be committed.

    Args:
        columns: declared paths that have a value in some row, with their DuckDB types.
        rows: rows in ``townsend_staged``.
        spelled: whether some number says more as it was spelled.
        refused: the others.
    """

    cls: EntityClass
    columns: Mapping[str, str]
    rows: int
    spelled: bool
    refused: list[Refusal] = field(default_factory=list)

    def has(self, path: str) -> bool:
        return path in self.columns

    def kept(self) -> dict[str, str]:
        """The columns that facts need for these rows, with their DuckDB types."""
        return {**self.columns, **({SPELLED: "VARCHAR"} if self.spelled else {})}


def stage(
    facts: Facts, rules: IntakeRules, cls: EntityClass, batch: Batch, source: SourceTraits, now_ms: int
) -> Staged:
    """Check a lot and put what is right into ``townsend_staged``."""
    kinds = {column.path: _kind(cls, column.path) for column in batch.columns}
    reasons = typed_reasons(cls, batch, open_schema=rules.open)
    # A field as it was read is called "=path" until its keys are complete.
    read = [f"{_typed(cls, column)} AS {identifier('=' + column.path)}" for column in batch.columns]
    outer = {path: identifier("=" + path) for path in kinds}
    complete_keys(cls, outer, kinds)
    mean_currency(cls, source, outer, kinds)
    whole = whole_reasons(rules, cls, kinds, now_ms)
    select = ", ".join(
        [
            f'{batch.ordinal} AS "@row"',
            *read,
            f'{batch.extra or "CAST(NULL AS VARCHAR)"} AS "@extra"',
            f'{batch.nulls or "CAST(NULL AS VARCHAR[])"} AS "@nulls"',
            f"{spelled_sql(cls.shape, batch.columns) or 'CAST(NULL AS VARCHAR)'} AS {identifier(SPELLED)}",
            f'{first_of(reasons, 0)} AS "@type"',
        ]
    )
    columns = "".join(f"{sql} AS {identifier(path)}, " for path, sql in sorted(outer.items()))
    facts.con.execute(
        f"CREATE OR REPLACE TEMP TABLE {STAGED} AS "
        f'SELECT *, coalesce("@type", {first_of(whole, len(reasons))}) AS "@wrong" FROM ('
        f"SELECT *, {own_name(cls, kinds)} FROM ("
        f'SELECT "@row", {columns} "@extra", "@nulls", {identifier(SPELLED)}, "@type" '
        f"FROM (SELECT {select} FROM {batch.relation})))"
    )
    refused = _refuse(facts, batch, [*reasons, *whole])
    counts = ", ".join(f"count({identifier(path)})" for path in kinds) or "NULL"
    found = facts.one(f"SELECT count(*), count({identifier(SPELLED)}), {counts} FROM {STAGED}")
    assert found is not None
    used = {path: kinds[path] for path, count in zip(kinds, found[2:], strict=False) if count}
    return Staged(cls, used, int(found[0]), bool(found[1]), [*batch.refused, *refused])


def _kind(cls: EntityClass, path: str) -> str:
    leaf = cls.shape.leaves.get(path)
    return "VARCHAR" if leaf is None else TYPES[leaf.type]


def _typed(cls: EntityClass, column: Column) -> str:
    leaf = cls.shape.leaves.get(column.path)
    return convert.document(cls.name, column) if leaf is None else convert.converted(column, leaf.type)


def _refuse(facts: Facts, batch: Batch, reasons: Sequence[Reason]) -> list[Refusal]:
    """Take out the rows that are wrong; the first reason of each counts."""
    found = facts.con.execute(
        f'SELECT "@row", "@wrong" FROM {STAGED} WHERE "@wrong" IS NOT NULL ORDER BY 1'
    ).fetchall()
    if not found:
        return []
    got = _got(facts, batch, reasons, found)
    raws = batch.raw([int(row) for row, _ in found])
    facts.con.execute(f'DELETE FROM {STAGED} WHERE "@wrong" IS NOT NULL')
    refusals = []
    for row, n in found:
        reason, came = reasons[n], got.get(int(row))
        path = came if reason.code == "row.undeclared" else reason.path
        refusals.append(
            Refusal(
                batch.place(row), path, reason.code, reason.expected, shortened(came), reason.todo, raws[row]
            )
        )
    return refusals


def _got(
    facts: Facts, batch: Batch, reasons: Sequence[Reason], found: Sequence[tuple[int, int]]
) -> dict[int, str]:
    """What came in the field at fault, per row."""
    values: dict[int, str] = {}
    for n in sorted({n for _, n in found}):
        reason = reasons[n]
        if reason.got is None:
            continue
        rows = [row for row, wrong in found if wrong == n]
        relation, ordinal = (STAGED, '"@row"') if reason.where == TYPED else (batch.relation, batch.ordinal)
        values |= {
            int(row): str(value)
            for row, value in facts.con.execute(
                f"SELECT {ordinal}, left(CAST({reason.got} AS VARCHAR), 200) FROM {relation} "
                f"WHERE {ordinal} IN (SELECT unnest(?::BIGINT[]))",
                [rows],
            ).fetchall()
        }
    return values
