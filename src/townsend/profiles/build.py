"""Making a unified world, or bringing one up to date: facts, rules and an instant in, tables out.

See docs/decisions/0002.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import duckdb

from townsend.identity import IdentityRules
from townsend.identity.matched import keep_matches
from townsend.identity.moment import Moment
from townsend.model import Schema
from townsend.profiles.edges import write_edges
from townsend.profiles.entities import write_entities
from townsend.profiles.making import Bounds, Making
from townsend.profiles.matches import write_matches
from townsend.profiles.report import Report
from townsend.profiles.rules import MergePolicy, MoneyRules
from townsend.profiles.stamp import Stamp
from townsend.profiles.update import update
from townsend.profiles.views import write_views
from townsend.store.facts import Facts

__all__ = ["build", "find_matches", "moment_of", "renew"]


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
    write_matches(making)
    return making


def renew(
    facts: Facts,
    con: duckdb.DuckDBPyConnection,
    name: str,
    small: str,
    schema: Schema,
    identity: IdentityRules,
    merge: Mapping[str, MergePolicy],
    money: MoneyRules,
    now_ms: int,
    stamp: Stamp,
    report: Report,
) -> Making | None:
    """Bring a stored world up to date; None if it has to be built.

    Args:
        name: the stored world's tables, quoted.
        small: an empty place in memory.
        stamp: what the world carries …
        report: … and what was reported then.

    Returns:
        The world, in a transaction of the connection that is still open. See ``build`` for the rest.
    """
    if stamp.extent is None:
        return None
    moment = moment_of(facts, con, schema, now_ms, None)
    stored = Making(moment, name, identity, merge, money, report=deepcopy(report))
    stored.bounds = Bounds(stamp.since_ms, stamp.until_ms)
    nodes = moment.rows(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() "
        "AND schema_name = $name AND starts_with(table_name, 'node_')",
        {"name": name.strip('"')},
    )
    stored.others = frozenset(table.removeprefix("node_") for (table,) in nodes)
    beside = Making(moment, small, identity, merge, money)
    return stored if update(stored, beside, stamp.extent) else None


def find_matches(facts: Facts, schema: Schema, identity: IdentityRules) -> None:
    """Match what came since the last time, so that a world finds its matches; see ``keep_matches``."""
    if not identity.matching.kinds and facts.one("SELECT 1 FROM facts.match LIMIT 1") is None:
        return
    con = facts.con.cursor()
    try:
        keep_matches(facts, moment_of(facts, con, schema, 0, None), identity.matching)
    finally:
        con.close()


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
