"""Making a unified world: facts, rules and an instant in, tables out. See docs/decisions/0002."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from townsend.identity import IdentityRules
from townsend.identity.moment import Moment
from townsend.model import Schema
from townsend.profiles.edges import write_edges
from townsend.profiles.entities import write_entities
from townsend.profiles.making import Making
from townsend.profiles.rules import MergePolicy, MoneyRules
from townsend.profiles.views import write_views
from townsend.store.facts import Facts

__all__ = ["build", "moment_of"]


def build(
    facts: Facts,
    con: duckdb.DuckDBPyConnection,
    name: str,
    schema: Schema,
    identity: IdentityRules,
    merge: Mapping[str, MergePolicy],
    money: MoneyRules,
    now_ms: int,
    as_of_ms: int | None,
) -> Making:
    """Make all tables.

    Args:
        facts: the store, for the columns that its classes have.
        con: a connection of its own to the store; what is temporary on it goes with it.
        name: where the tables go: an empty schema, quoted.
        schema: classes and relationships.
        identity: linking rules.
        merge: merge policies by class.
        money: currency and rates.
        now_ms: the instant.
        as_of_ms: the instant by which versions are chosen; None for the newest.
    """
    moment = moment_of(facts, con, schema, now_ms, as_of_ms)
    making = Making(moment, name, identity, merge, money)
    write_entities(making)
    write_views(making)
    write_edges(making)
    return making


def moment_of(
    facts: Facts, con: duckdb.DuckDBPyConnection, schema: Schema, now_ms: int, as_of_ms: int | None
) -> Moment:
    """Facts as seen from an instant, read by that connection."""
    columns: dict[str, set[str]] = {}
    for table, column in facts.con.execute(
        "SELECT table_name, column_name FROM duckdb_columns() "
        "WHERE database_name = current_database() AND schema_name = 'facts'"
    ).fetchall():
        if table in schema.classes:
            columns.setdefault(table, set()).add(column)
    known = {cls: frozenset(columns.get(cls, ())) for cls in schema.classes}
    return Moment(con, schema, known, now_ms, as_of_ms)
