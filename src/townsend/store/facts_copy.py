"""A copy of the facts beside the store, to try on it what must not happen to the store itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from townsend.store.facts import Facts
from townsend.store.facts_errors import translated
from townsend.store.facts_schema import SCHEMAS, identifier

__all__ = ["copied"]

COPY = "trial.duckdb"
UNIFIED = "u"


@contextmanager
def copied(facts: Facts) -> Iterator[Facts]:
    """A store with the same facts, for as long as the block lasts; it takes their room on the disk again.

    What profiles made of the facts is not copied. A copy that a killed process left is overwritten.

    Raises:
        Unavailable: ``store.full``.
    """
    path = facts.path.with_name(COPY)
    _remove(path)
    try:
        try:
            _copy(facts, path)
            trial = Facts.open(path)
        except duckdb.Error as error:
            raise translated(error, path) from error
        with trial:
            yield trial
    finally:
        _remove(path)


def _copy(facts: Facts, path: Path) -> None:
    con = facts.con.cursor()
    try:
        target = "'" + str(path).replace("'", "''") + "'"
        con.execute(f"ATTACH {target} AS townsend_trial")
        try:
            for schema in sorted(SCHEMAS - {UNIFIED}):
                con.execute(f"CREATE SCHEMA townsend_trial.{schema}")
                for (table,) in con.execute(
                    "SELECT table_name FROM duckdb_tables() "
                    "WHERE database_name = current_database() AND schema_name = ? ORDER BY table_oid",
                    [schema],
                ).fetchall():
                    name = f"{schema}.{identifier(table)}"
                    con.execute(f"CREATE TABLE townsend_trial.{name} AS FROM {name}")
        finally:
            con.execute("DETACH townsend_trial")
    finally:
        con.close()


def _remove(path: Path) -> None:
    for one in (path, path.with_name(path.name + ".wal")):
        one.unlink(missing_ok=True)
