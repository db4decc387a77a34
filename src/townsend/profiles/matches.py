"""Matches in the unified world: which hold, which wait for somebody, and what they relate.

Makes ``match(kind, a, b, score, rule, rank, state, a_n, b_n, at_ms)``: ``a`` and ``b`` are entities (of a
lead the person and the account), ``a_n`` and ``b_n`` the records that speak for the pair, ``state`` one of
``STATES``. A person who belongs to an account by other facts is no lead any more. An accepted or confirmed
lead gets a relation row, with ``relationshipSource`` ``matching``, and so the account. Related accounts get
their pairs.
"""

from __future__ import annotations

import numpy as np

from townsend.identity.graph import components
from townsend.identity.moment import Ints, distinct, temp, text_literal
from townsend.profiles.edges import ACCOUNT, PERSON
from townsend.profiles.making import Making
from townsend.store.facts_matches import FOUND, RELATION_SPACE, decided, relation_key
from townsend.store.facts_schema import TYPES, identifier

__all__ = ["GROUP_MAX", "STATES", "write_matches"]

# Of a lead's candidates those behind the one that holds are outranked: they wait for nobody.
STATES = ("confirmed", "accepted", "review", "rejected", "outranked")
# All pairs of a group are related; of a larger one only those that hold it together.
GROUP_MAX = 1_000
RELATION = "account_person"
_COLUMNS = {
    "accountPersonKey.sourceKey": "VARCHAR",
    "accountKey.sourceKey": "VARCHAR",
    "personKey.sourceKey": "VARCHAR",
    "relationshipSource": "VARCHAR",
    "matchedAccount.matchingScore": TYPES["number"],
    "matchedAccount.scoreCreatedDate": "BIGINT",
    "extra": "VARCHAR",
    "@person": "INTEGER",
    "@account": "INTEGER",
}


def write_matches(making: Making) -> None:
    """Judge what was found and decided, and write down what follows; after all else of the world is made."""
    moment, table = making.moment, making.table("match")
    moment.run(
        f"CREATE TABLE {table} (kind VARCHAR, a INTEGER, b INTEGER, score DOUBLE, rule VARCHAR, "
        "rank INTEGER, state VARCHAR, a_n INTEGER, b_n INTEGER, at_ms BIGINT)"
    )
    said = making.identity.matching.kinds or moment.rows("SELECT 1 FROM facts.match LIMIT 1")
    if not said or ACCOUNT not in making.entities:
        return
    _accounts(making, table)
    if PERSON in making.entities and PERSON in making.versions:
        _leads(making, table)
        _relate(making, table)
    _related(making, table)


def _accounts(making: Making, table: str) -> None:
    """Pairs of records: what is one company already, by whatever facts, waits for nobody."""
    rules = making.identity.matching.accounts
    review, accept = (rules.review_at, rules.accept_at) if rules else (2.0, 2.0)
    making.moment.run(
        f"""
        INSERT INTO {table}
        WITH pair AS ({_found(making, "account")} FULL JOIN ({decided("account")}) d USING (a, b)),
        placed AS (
            SELECT x.id AS one, y.id AS other, p.* FROM pair p
            JOIN {_live(ACCOUNT)} x ON x.n = p.a JOIN {_live(ACCOUNT)} y ON y.n = p.b),
        judged AS (
            SELECT *, CASE WHEN verdict IS NOT NULL THEN verdict
                WHEN score >= {accept} AND one = other THEN 'accepted'
                WHEN score >= {accept} THEN 'rejected'
                WHEN score >= {review} AND one <> other THEN 'review' END AS state FROM placed)
        SELECT 'account', one, other, score, rule,
               row_number() OVER (PARTITION BY a ORDER BY score DESC NULLS LAST, b), state, a, b,
               {_time(making, ACCOUNT, ACCOUNT, "judged")}
        FROM judged WHERE state IS NOT NULL
        """
    )


def _found(making: Making, kind: str) -> str:
    """A select of pairs ``p`` of that kind with ``score`` and ``rule``, before the decisions ``d``."""
    return (
        "SELECT coalesce(p.a, d.a) AS a, coalesce(p.b, d.b) AS b, p.score, p.rule, d.verdict, d.at_ms "
        f"FROM (SELECT a, b, score, rule FROM {FOUND}.candidate "
        f"WHERE rules = {text_literal(making.identity.matching.key())} AND kind = '{kind}') p"
    )


def _live(cls: str) -> str:
    return f"(SELECT n, id FROM {temp('member', cls)} WHERE NOT retired)"


def _time(making: Making, a: str, b: str, row: str) -> str:
    """SQL: when both records said what matches, of a row with ``a`` and ``b``."""
    first, second = (
        f'(SELECT "@t" FROM {making.versions[cls].now} v WHERE v.key = {row}.{end})'
        for cls, end in ((a, "a"), (b, "b"))
    )
    return f"greatest({first}, {second})"


def _compete(making: Making) -> None:
    """``lead``: the accounts of each lead compete, so that what speaks for one speaks against the others.

    Those for which exactly the same speaks do not: nobody but a person can tell them apart.
    """
    making.moment.run(
        f"""
        CREATE OR REPLACE TEMP TABLE lead AS
        WITH pair AS ({_found(making, "lead")} FULL JOIN ({decided("lead")}) d USING (a, b)),
        placed AS (
            SELECT x.id AS person, y.id AS account, p.*,
                   last_value(verdict IGNORE NULLS) OVER (PARTITION BY x.id, y.id ORDER BY at_ms NULLS FIRST
                       ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS said
            FROM pair p JOIN {_numbers(making, PERSON)} x ON x.n = p.a
            JOIN {_numbers(making, ACCOUNT)} y ON y.n = p.b),
        best AS (
            SELECT person, account, max(score) OVER same AS score, rule, said, a, b FROM placed
            WINDOW same AS (PARTITION BY person, account)
            QUALIFY row_number() OVER (
                PARTITION BY person, account
                ORDER BY said IS NOT NULL AND verdict IS DISTINCT FROM said,
                    score DESC NULLS LAST, a, b) = 1),
        odds AS (
            SELECT *, CASE WHEN said IS DISTINCT FROM 'rejected' THEN
                least(coalesce(score, 0), 1 - 1e-9) / (1 - least(coalesce(score, 0), 1 - 1e-9)) END AS odds
            FROM best),
        shared AS (
            SELECT * REPLACE (CASE WHEN odds IS NULL OR score IS NULL THEN score ELSE
                round(odds / (1 + sum(DISTINCT odds) OVER (PARTITION BY person)), 6) END AS score) FROM odds)
        SELECT *, row_number() OVER (PARTITION BY person
                      ORDER BY coalesce(said, '') = 'rejected', coalesce(said, '') <> 'confirmed',
                      score DESC NULLS LAST, account) AS rank,
                  count(*) OVER (PARTITION BY person, said IS NULL, score) AS alike
        FROM shared
        """
    )


def _leads(making: Making, table: str) -> None:
    """One account of a lead holds if it is sure, or if somebody said so; else all that are likely wait."""
    rules = making.identity.matching.leads
    review, accept, most = (rules.review_at, rules.accept_at, rules.candidates) if rules else (2.0, 2.0, 0)
    _compete(making)
    edges = making.table("edge_person_account")
    own = f"(SELECT DISTINCT near FROM {edges} WHERE via IN ('direct', 'relation'))"
    making.moment.run(
        f"""
        INSERT INTO {table}
        WITH judged AS (
            SELECT l.*, CASE WHEN said IS NOT NULL THEN said
                WHEN o.near IS NOT NULL THEN NULL
                WHEN score >= {accept} AND rank = 1 AND alike = 1 THEN 'accepted'
                WHEN score >= {review} AND rank <= {most} THEN 'review' END AS state
            FROM lead l LEFT JOIN {own} o ON o.near = l.person),
        settled AS (SELECT DISTINCT person FROM judged WHERE state IN ('accepted', 'confirmed'))
        SELECT 'lead', person, account, score, rule, rank,
               CASE WHEN state = 'review' AND s.person IS NOT NULL THEN 'outranked' ELSE state END, a, b,
               {_time(making, PERSON, ACCOUNT, "judged")}
        FROM judged LEFT JOIN settled s USING (person) WHERE state IS NOT NULL
        """
    )


def _numbers(making: Making, cls: str) -> str:
    """Numbers of live entities: a decision may name somebody whose record is retired."""
    return f"(SELECT n, id FROM {making.table(f'node_{cls}')} SEMI JOIN {making.table(cls)} USING (id))"


def _relate(making: Making, table: str) -> None:
    """Relation rows for the leads whose match holds and who do not have the account by other facts."""
    moment, edges = making.moment, making.table("edge_person_account")
    space = text_literal(making.schema.classes[PERSON].namespace)
    moment.run(
        f"""
        CREATE OR REPLACE TEMP TABLE relation AS
        SELECT d.n AS id, d.value AS "accountPersonKey.sourceKey", y.value AS "accountKey.sourceKey",
               CASE WHEN x.space = {space} THEN x.value END AS "personKey.sourceKey",
               'matching' AS "relationshipSource",
               CAST(m.score AS {TYPES["number"]}) AS "matchedAccount.matchingScore",
               m.at_ms AS "matchedAccount.scoreCreatedDate", m.a AS "@person", m.b AS "@account"
        FROM {table} m JOIN facts.number x ON x.n = m.a_n JOIN facts.number y ON y.n = m.b_n
        JOIN facts.number d ON d.space = '{RELATION_SPACE}' AND d.value = {relation_key("m.a_n", "m.b_n")}
        ANTI JOIN (SELECT near, far FROM {edges} WHERE via IN ('direct', 'relation')) e
            ON e.near = m.a AND e.far = m.b
        WHERE m.kind = 'lead' AND m.state IN ('accepted', 'confirmed')
        """
    )
    if not moment.number("SELECT count(*) FROM relation"):
        return
    relations = making.table(RELATION)
    if RELATION not in making.entities:
        moment.run(f"CREATE TABLE IF NOT EXISTS {relations} (id INTEGER)")
        moment.run(f"CREATE TABLE IF NOT EXISTS {making.table(f'node_{RELATION}')} (n INTEGER, id INTEGER)")
    for name, kind in _COLUMNS.items():
        moment.run(f"ALTER TABLE {relations} ADD COLUMN IF NOT EXISTS {identifier(name)} {kind}")
    moment.run(f"INSERT INTO {relations} BY NAME SELECT * FROM relation")
    moment.run(f"INSERT INTO {making.table(f'node_{RELATION}')} SELECT id, id FROM relation")
    moment.run(f"INSERT INTO {making.table('shown')} SELECT '{RELATION}', id, id FROM relation")
    moment.run(
        f"INSERT INTO {making.table('source')} "
        f"SELECT '{RELATION}', id, id, 'matching', \"matchedAccount.scoreCreatedDate\" FROM relation"
    )
    moment.run(f'INSERT INTO {edges} SELECT "@person", "@account", \'relation\', NULL, NULL FROM relation')


def _related(making: Making, table: str) -> None:
    """All pairs of a group of related accounts, but for those that somebody rejected."""
    moment = making.moment
    moment.run(
        f"""
        CREATE OR REPLACE TEMP TABLE tie AS
        WITH pair AS ({_found(making, "related")} FULL JOIN ({decided("related")}) d USING (a, b))
        SELECT least(x.id, y.id) AS one, greatest(x.id, y.id) AS other, max(p.score) AS score,
               first(p.rule ORDER BY p.rule) FILTER (p.rule IS NOT NULL) AS rule,
               last(verdict ORDER BY p.at_ms) FILTER (verdict IS NOT NULL) AS said,
               arg_min(p.a, (p.score IS NULL, p.a, p.b)) AS a, arg_min(p.b, (p.score IS NULL, p.a, p.b)) AS b
        FROM pair p JOIN {_numbers(making, ACCOUNT)} x ON x.n = p.a
        JOIN {_numbers(making, ACCOUNT)} y ON y.n = p.b WHERE x.id <> y.id GROUP BY ALL
        """
    )
    moment.run(
        f"INSERT INTO {table} SELECT 'related', one, other, score, rule, 1, coalesce(said, 'accepted'), "
        f"a, b, {_time(making, ACCOUNT, ACCOUNT, 'tie')} FROM tie"
    )
    first, second = moment.arrays("SELECT one, other FROM tie WHERE said IS DISTINCT FROM 'rejected'")
    if not len(first):
        return
    near, far = _pairs_of_groups(first, second)
    edges = making.table("edge_account_related")
    moment.run(f"CREATE TABLE IF NOT EXISTS {edges} (near INTEGER, far INTEGER)")
    moment.table("group_pair", {"near": near.astype(np.int32), "far": far.astype(np.int32)})
    moment.run(
        f"""
        INSERT INTO {edges} SELECT near, far FROM group_pair
        ANTI JOIN (SELECT one AS near, other AS far FROM tie WHERE said = 'rejected'
                   UNION ALL SELECT other, one FROM tie WHERE said = 'rejected') USING (near, far)
        ANTI JOIN (SELECT near, far FROM {edges}) USING (near, far) ORDER BY ALL
        """
    )


def _pairs_of_groups(first: Ints, second: Ints) -> tuple[Ints, Ints]:
    """Every ordered pair of two in one group; of groups above ``GROUP_MAX`` the given ones both ways."""
    nodes = distinct(np.concatenate([first, second]))
    labels = components(len(nodes), np.searchsorted(nodes, first), np.searchsorted(nodes, second))
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    near, far = [first, second], [second, first]
    for group in np.split(nodes[order], starts[1:]):
        if 2 < len(group) <= GROUP_MAX:
            near.append(np.repeat(group, len(group)))
            far.append(np.tile(group, len(group)))
    pairs = distinct((np.concatenate(near) << 32) | np.concatenate(far))
    one, other = pairs >> 32, pairs & 0xFFFFFFFF
    return one[one != other], other[one != other]
