"""The tables of the store of facts: what is there from the start, and columns that appear with use.

A declared field gets its column when it first has a value, so a store stays as narrow as its data.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import duckdb

from townsend.model import LeafType
from townsend.problem import Invalid

if TYPE_CHECKING:
    from townsend.store.facts import Facts

__all__ = ["EVENT", "FORMAT", "RECORD", "SCHEMAS", "TYPES", "ensure", "identifier", "prepare"]

FORMAT = "1"
# Ours: facts, the unified tables that profiles make of them, and the matches that identity found.
SCHEMAS = frozenset({"facts", "u", "matched"})

# The DuckDB type that holds a declared leaf. Arrays and maps are JSON text in a VARCHAR.
TYPES: Mapping[LeafType, str] = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "number": "DECIMAL(38,9)",
    "datetime": "BIGINT",
    "date": "BIGINT",
}

RECORD: Mapping[str, str] = {
    "key": "INTEGER",
    "source": "VARCHAR",
    "own_ms": "BIGINT",
    "accepted_ms": "BIGINT",
    "hash": "UBIGINT",
    "deleted": "BOOLEAN",
    "patch": "BOOLEAN",
    "nulls": "VARCHAR[]",
    "extra": "VARCHAR",
    "take": "INTEGER",
}
# An event's content is hashed only when its id comes again, so its hash is not kept.
EVENT: Mapping[str, str] = {
    "source": "VARCHAR",
    "accepted_ms": "BIGINT",
    "nulls": "VARCHAR[]",
    "extra": "VARCHAR",
    "take": "INTEGER",
    "who": "INTEGER",
    "idents": "INTEGER[]",
}

_TABLES = """
CREATE SCHEMA IF NOT EXISTS facts;
CREATE TABLE facts.meta (key VARCHAR, value VARCHAR);
CREATE TABLE facts.number (n INTEGER, space VARCHAR, value VARCHAR);
CREATE TABLE facts.account_xref (
    entity_type VARCHAR, golden_id VARCHAR, source_system VARCHAR, source_instance VARCHAR,
    source_key VARCHAR, valid_from_ms BIGINT, valid_to_ms BIGINT, status VARCHAR,
    match_confidence DOUBLE, match_rule VARCHAR,
    survivor_rank INTEGER, updated_ms BIGINT, source VARCHAR, take INTEGER, snapshot BOOLEAN,
    accepted_ms BIGINT, hash UBIGINT);
CREATE TABLE facts.quarantine (
    id INTEGER, class VARCHAR, source VARCHAR, place VARCHAR, path VARCHAR, code VARCHAR, expected VARCHAR,
    got VARCHAR, text VARCHAR, row VARCHAR, at_ms BIGINT, replayed_ms BIGINT, traits VARCHAR);
CREATE TABLE facts.take (
    id INTEGER, source VARCHAR, class VARCHAR, path VARCHAR, checksum VARCHAR, bytes BIGINT, rows BIGINT,
    accepted BIGINT, unchanged BIGINT, quarantined BIGINT, at_ms BIGINT);
CREATE TABLE facts.cursor (source VARCHAR, stream VARCHAR, value VARCHAR, at_ms BIGINT);
CREATE TABLE facts.tombstone (space VARCHAR, digest VARCHAR, at_ms BIGINT);
CREATE TABLE facts.transition (
    audience VARCHAR, id INTEGER, change VARCHAR, at_ms BIGINT, version VARCHAR, cause VARCHAR);
CREATE TABLE facts.link (
    space_a VARCHAR, value_a VARCHAR, space_b VARCHAR, value_b VARCHAR, kind VARCHAR, at_ms BIGINT,
    withdrawn BOOLEAN);
CREATE TABLE facts.seen (class VARCHAR, path VARCHAR);
"""

# Tables that older stores may lack.
_LATER = """
CREATE TABLE IF NOT EXISTS facts.pull (
    source VARCHAR, stream VARCHAR, kind VARCHAR, begun_ms BIGINT, ended_ms BIGINT, rows BIGINT,
    accepted BIGINT, deleted BIGINT, quarantined BIGINT, calls BIGINT, newest_ms BIGINT, tables VARCHAR,
    code VARCHAR, text VARCHAR, used BIGINT, most BIGINT);
CREATE TABLE IF NOT EXISTS facts.match (
    kind VARCHAR, space_a VARCHAR, value_a VARCHAR, space_b VARCHAR, value_b VARCHAR, verdict VARCHAR,
    at_ms BIGINT, who VARCHAR, note VARCHAR);
CREATE SCHEMA IF NOT EXISTS matched;
CREATE TABLE IF NOT EXISTS matched.candidate (
    rules VARCHAR, kind VARCHAR, a INTEGER, b INTEGER, score DOUBLE, rule VARCHAR, reasons VARCHAR);
CREATE TABLE IF NOT EXISTS matched.record (rules VARCHAR, class VARCHAR, n INTEGER, hash UBIGINT);
CREATE TABLE IF NOT EXISTS matched.run (rules VARCHAR, revision BIGINT, take INTEGER, engine VARCHAR);
"""


def identifier(name: str) -> str:
    """A name as DuckDB reads it, whatever characters it has.

    >>> identifier("opportunityAmount.amount")
    '"opportunityAmount.amount"'
    """
    return '"' + name.replace('"', '""') + '"'


def prepare(facts: Facts) -> None:
    """Make the tables of a new store; check the format of an old one.

    Raises:
        Invalid: ``store.format``.
    """
    there = facts.one(
        "SELECT 1 FROM duckdb_tables() "
        "WHERE database_name = current_database() AND schema_name = 'facts' AND table_name = 'meta'"
    )
    if there is None:
        if facts.read_only:
            raise Invalid("store.missing", f"{facts.path}: the file holds no facts yet; load some first")
        with facts.transaction():
            facts.con.execute(_TABLES)
            facts.con.execute(_LATER)
            facts.set_meta("format", FORMAT)
            facts.set_meta("revision", "0")
            facts.set_meta("salt", secrets.token_hex(16))
        return
    found = facts.meta("format")
    if found != FORMAT:
        raise Invalid(
            "store.format",
            f"{facts.path}: the store has format {found}, this version reads format {FORMAT}; "
            "use the version of Townsend that wrote it",
            path=str(facts.path),
            got=found,
            expected=FORMAT,
        )
    if not facts.read_only:
        facts.con.execute(_LATER)


def ensure(
    con: duckdb.DuckDBPyConnection,
    cls: str,
    existing: Iterable[str],
    base: Mapping[str, str],
    wanted: Mapping[str, str],
) -> None:
    """Make a class's table and columns where they are missing.

    Raises:
        Invalid: ``schema.field_name`` if a declared field has the name of one of the table's own columns.
    """
    table = f"facts.{identifier(cls)}"
    own = {name.lower() for name in base}
    if clash := [path for path in wanted if path.lower() in own]:
        raise Invalid(
            "schema.field_name",
            f"class {cls}: the field {clash[0]!r} has the name of a column of the store; "
            "put it into an object, such as custom." + clash[0],
            path=clash[0],
        )
    known = {name.lower() for name in existing}
    if not known:
        columns = ", ".join(f"{identifier(name)} {kind}" for name, kind in base.items())
        con.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
    for path, kind in wanted.items():
        if path.lower() not in known:
            con.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {identifier(path)} {kind}")
