"""Relationships kept as pairs of ids: people and accounts, ancestors, related accounts.

All ends are live entities. ``edge_person_account`` says by which way a pair is known and, for relation rows,
from when until when it holds; so it is the same for every instant. Pairs of which an end is retired stand in
``edge_person_account_retired``, for ``deleted(accounts)``.
"""

from __future__ import annotations

from townsend.identity.moment import joined, temp, text_literal
from townsend.identity.versions import Versions
from townsend.profiles.making import Making
from townsend.store.facts_schema import identifier

__all__ = [
    "ACCOUNT",
    "COMPONENTS",
    "EDGES_OF",
    "OWN_ACCOUNT",
    "PERSON",
    "RELATED",
    "update_ancestors",
    "update_edges",
    "write_edges",
]

PERSON, ACCOUNT = "person", "account"
# Classes whose own records are read for edges once more.
EDGES_OF = frozenset({PERSON, ACCOUNT})
OWN_ACCOUNT = "b2b.accountKey.sourceKey"
COMPONENTS = "personComponents"
RELATED = "relatedAccountKeys"
# What is read of a component. DuckDB makes structs of it at once; json_each takes ten times as long.
_COMPONENT = '[{"sourceAccountKey":{"sourceKey":"VARCHAR"},"sourcePersonKey":{"sourceKey":"VARCHAR"}}]'

# Where pairs stand, and which.
_ENDS = (("", "live"), ("_retired", "NOT live"))


def write_edges(making: Making) -> None:
    """Make the edge tables for which there are entities."""
    if ACCOUNT not in making.entities:
        return
    _keys(making)
    if PERSON in making.entities:
        _people(making)
    _ancestors(making)
    _related(making)


def update_edges(making: Making, people: str) -> None:
    """Make the pairs of some people anew, in a world that is there already.

    Args:
        making: the world, with the versions of these people's records and the table of these as members.
        people: the temporary table ``(id)`` of these people, and of those who were there before.
    """
    _keys(making)
    _pairs(making, people)
    for suffix, which in _ENDS:
        table = making.table("edge_person_account" + suffix)
        making.moment.run(f"DELETE FROM {table} WHERE near IN (FROM {people})")
        making.moment.run(f"INSERT INTO {table} SELECT * EXCLUDE live FROM pair WHERE {which}")


def update_ancestors(making: Making) -> None:
    """Make everybody's ancestors anew, in a world that is there already."""
    making.moment.run(f"DROP TABLE IF EXISTS {making.table('edge_account_ancestor')}")
    _ancestors(making)


def _keys(making: Making) -> None:
    """``account_key(value, id)`` of accounts, live and retired."""
    making.moment.run(
        f"CREATE OR REPLACE TEMP TABLE account_key AS SELECT d.value, e.id "
        f"FROM {making.table('node_account')} e JOIN facts.number d USING (n) "
        f"WHERE d.space = {text_literal(making.schema.classes[ACCOUNT].namespace)}"
    )


def _people(making: Making) -> None:
    _pairs(making)
    for suffix, which in _ENDS:
        making.moment.run(
            f"CREATE TABLE {making.table('edge_person_account' + suffix)} AS "
            f"SELECT * EXCLUDE live FROM pair WHERE {which} ORDER BY near, far"
        )


def _pairs(making: Making, people: str | None = None) -> None:
    """``pair`` of people and accounts, and whether both are live; of some people only, if they are given."""
    only = "" if people is None else f' AND r."@person" IN (FROM {people})'
    ways = [*_direct(making, people), *_relations(making, only), *_opportunities(making, only)]
    nothing = (
        "SELECT CAST(NULL AS INTEGER) AS near, CAST(NULL AS INTEGER) AS far, '' AS via, "
        "CAST(NULL AS BIGINT) AS start_ms, CAST(NULL AS BIGINT) AS end_ms WHERE false"
    )
    # An end that is known from nowhere has no row to be found in, live or retired.
    making.moment.run(
        f"CREATE OR REPLACE TEMP TABLE pair AS SELECT DISTINCT e.near, e.far, e.via, e.start_ms, e.end_ms, "
        f"p.id IS NOT NULL AND a.id IS NOT NULL AS live FROM ({joined([nothing, *ways])}) e "
        f"LEFT JOIN {making.table(PERSON)} p ON p.id = e.near "
        f"LEFT JOIN {making.table(ACCOUNT)} a ON a.id = e.far "
        "WHERE e.near IS NOT NULL AND e.far IS NOT NULL"
    )


def _direct(making: Making, people: str | None) -> list[str]:
    """What records say themselves, not the merged winner: live ones, and those of retired people."""
    versions = making.versions.get(PERSON)
    if versions is None:
        return []
    rows = f"{temp('member', PERSON)} m JOIN {versions.now} s ON s.key = m.n"
    bounds = "'direct' AS via, CAST(NULL AS BIGINT) AS start_ms, CAST(NULL AS BIGINT) AS end_ms"
    found = []
    if OWN_ACCOUNT in versions.paths:
        found.append(
            f"SELECT m.id AS near, k.id AS far, {bounds} FROM {rows} "
            f"JOIN account_key k ON k.value = s.{identifier(OWN_ACCOUNT)}"
        )
    if COMPONENTS in versions.paths:
        making.moment.run(
            f"""
            CREATE OR REPLACE TEMP TABLE component AS
            SELECT id, retired, c.sourceAccountKey.sourceKey AS account, c.sourcePersonKey.sourceKey AS record
            FROM (SELECT m.id, m.retired,
                         unnest(from_json(s.{identifier(COMPONENTS)}, '{_COMPONENT}')) AS c FROM {rows})
            WHERE c.sourceAccountKey.sourceKey IS NOT NULL
            """
        )
        _retired_keys(making, versions, people is None)
        found.append(
            f"SELECT p.id AS near, k.id AS far, {bounds} FROM component p "
            "JOIN account_key k ON k.value = p.account "
            "LEFT JOIN retired_key g ON g.value = p.record WHERE p.retired OR g.value IS NULL"
        )
    return found


def _retired_keys(making: Making, versions: Versions, whole: bool) -> None:
    """``retired_key(value)``: a component of a record that is no more does not count, whoever holds it."""
    records = f"SELECT d.value, c.key FROM {versions.now} c JOIN facts.number d ON d.n = c.key"
    live = f"SELECT n FROM {temp('member', PERSON)} WHERE NOT retired"
    if not whole:
        # Records of others may be meant, of which nothing was read.
        records = (
            f"SELECT d.value, d.n AS key FROM facts.number d SEMI JOIN component p ON p.record = d.value "
            f"WHERE d.space = {text_literal(versions.cls.namespace)} "
            f"AND d.n IN (SELECT key FROM facts.{identifier(PERSON)})"
        )
        live = (
            f"SELECT n FROM {making.table('source')} WHERE class = {text_literal(PERSON)} "
            f"AND id IN (SELECT id FROM {making.table(PERSON)})"
        )
    making.moment.run(
        f"CREATE OR REPLACE TEMP TABLE retired_key AS "
        f"SELECT value FROM ({records}) r ANTI JOIN ({live}) m ON m.n = r.key"
    )


def _relations(making: Making, only: str) -> list[str]:
    """Relation rows, while they hold; missing activity means active."""
    if not _has(making, "account_person", "@person", "@account"):
        return []
    table, paths = making.table("account_person"), making.moment.columns["account_person"]

    def column(path: str, kind: str) -> str:
        return f"r.{identifier(path)}" if path in paths else f"CAST(NULL AS {kind})"

    start, end = column("relationStartDate", "BIGINT"), column("relationEndDate", "BIGINT")
    active = f"coalesce({column('isActive', 'BOOLEAN')}, true)"
    return [
        f'SELECT r."@person" AS near, r."@account" AS far, \'relation\' AS via, '
        f"{start} AS start_ms, {end} AS end_ms FROM {table} r WHERE {active}{only}"
    ]


def _opportunities(making: Making, only: str) -> list[str]:
    """Relation rows of opportunities, and the opportunity's account."""
    if not _has(making, "opportunity_person", "@person", "@opportunity"):
        return []
    if not _has(making, "opportunity", "@account"):
        return []
    pairs = (
        f'(SELECT q."@person", o."@account" FROM {making.table("opportunity_person")} q '
        f'JOIN {making.table("opportunity")} o ON o.id = q."@opportunity") r'
    )
    return [
        'SELECT r."@person" AS near, r."@account" AS far, \'opportunity\' AS via, '
        "CAST(NULL AS BIGINT) AS start_ms, CAST(NULL AS BIGINT) AS end_ms "
        f"FROM {pairs} WHERE true{only}"
    ]


def _has(making: Making, cls: str, *columns: str) -> bool:
    if cls not in making.known():
        return False
    found = {str(row[0]) for row in making.moment.rows(f"DESCRIBE SELECT * FROM {making.table(cls)}")}
    return found >= set(columns)


def _ancestors(making: Making) -> None:
    """Everybody above an account; in a ring everybody else in it, never the account itself."""
    if not _has(making, ACCOUNT, "@parent"):
        return
    account = making.table(ACCOUNT)
    making.moment.run(
        f"""
        CREATE TABLE {making.table("edge_account_ancestor")} AS
        WITH RECURSIVE up(near, far) AS (
            SELECT a.id, a."@parent" FROM {account} a SEMI JOIN {account} b ON b.id = a."@parent"
            UNION
            SELECT u.near, a."@parent" FROM up u JOIN {account} a ON a.id = u.far
            SEMI JOIN {account} b ON b.id = a."@parent")
        SELECT near, far FROM up WHERE near <> far ORDER BY near, far
        """
    )


def _related(making: Making) -> None:
    """What live records of accounts call related, in both directions."""
    versions = making.versions.get(ACCOUNT)
    if versions is None or RELATED not in versions.paths:
        return
    making.moment.run(
        f"""
        CREATE TABLE {making.table("edge_account_related")} AS
        WITH said AS (
            SELECT m.id AS near, j.value ->> '$.sourceKey' AS key
            FROM (SELECT * FROM {temp("member", ACCOUNT)} WHERE NOT retired) m
            JOIN {versions.now} s ON s.key = m.n, json_each(s.{identifier(RELATED)}) j
            WHERE s.{identifier(RELATED)} IS NOT NULL),
        pair AS (
            SELECT s.near, k.id AS far FROM said s JOIN account_key k ON k.value = s.key
            SEMI JOIN {making.table(ACCOUNT)} a ON a.id = k.id WHERE k.id <> s.near)
        SELECT near, far FROM pair UNION SELECT far, near FROM pair ORDER BY ALL
        """
    )
