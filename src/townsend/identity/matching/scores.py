"""Scores of pairs by Splink: what each field says, in bits, from open weights.

The model is the file ``model.json``, in the form in which Splink saves models: comparisons, their levels and
how likely each level is for records of one company (m) and of two (u). It is fixed, so a score means the same
everywhere; ``benchmarks/matching_weights.py`` says where the numbers come from. How common a name or a domain
is, is counted among the accounts at hand.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import duckdb

from townsend.identity.matching.pairs import compare_names
from townsend.identity.matching.rules import FIELDS, MatchRules

__all__ = ["index_terms", "model", "pair_sides", "score_splink", "splink_sql"]

# Of two records, one of a lead that has an account and one of the accounts, this share are one company.
MATCHED_SHARE = 0.5
# How often a value that one account holds is held by a further company that we do not know.
NAME_HELD_ELSEWHERE = 0.05
DOMAIN_HELD_ELSEWHERE = 0.02


@cache
def model() -> dict[str, Any]:
    """The comparisons and their weights, as Splink reads them."""
    found: dict[str, Any] = json.loads((files(__package__) / "model.json").read_text("utf-8"))
    return found


def index_terms(con: duckdb.DuckDBPyConnection) -> None:
    """Make ``name_term`` and ``domain_term``: how common a value is among the accounts."""
    con.execute("CREATE OR REPLACE TABLE accounts AS SELECT greatest(count(*), 1) AS number FROM account")
    con.execute(f"""
        CREATE OR REPLACE TABLE name_term AS
        SELECT name, (count(*) - 1 + {NAME_HELD_ELSEWHERE}) / any_value(number) AS share
        FROM account, accounts WHERE name IS NOT NULL GROUP BY name
    """)
    con.execute(f"""
        CREATE OR REPLACE TABLE domain_term AS
        SELECT domain, (count(*) - 1 + {DOMAIN_HELD_ELSEWHERE}) / any_value(number) AS share
        FROM (SELECT unnest(domains) AS domain FROM account), accounts GROUP BY domain
    """)


_SIDES = """
CREATE OR REPLACE TEMP TABLE match_left AS
SELECT l.id, p."right" AS other, l.name, l.phone, l.duns, l.country, l.city, l.postal, l.street,
    CASE WHEN list_has_any(l.domains, a.domains) THEN 'domain'
        WHEN list_has_any(l.labels, a.labels) THEN 'label'
        WHEN list_has_any(l.labels, a.letters) OR list_has_any(l.letters, a.labels) THEN 'name'
        WHEN len(l.domains) > 0 AND len(a.domains) > 0 THEN 'other' END AS met,
    n.alike, n.inside, n.alike >= 0.999 OR list_has_any(l.letters, a.letters) AS same_letters,
    l.initials = a.initials AS same_initials, t.share AS tf_name, d.share AS tf_met
FROM pair p JOIN {side} l ON l.id = p."left" JOIN near a ON a.id = p."right"
LEFT JOIN name_pair n ON n.one = least(l.name, a.name) AND n.other = greatest(l.name, a.name)
LEFT JOIN name_term t ON t.name = l.name
LEFT JOIN (
    SELECT id, max(share) AS share FROM (SELECT id, unnest(domains) AS domain FROM {side})
    JOIN domain_term USING (domain) GROUP BY id
) d ON d.id = l.id
"""


_RIGHT = """
CREATE OR REPLACE TEMP TABLE match_right AS
SELECT id, name, phone, duns, country, city, postal, street, NULL::VARCHAR AS met, NULL::DOUBLE AS alike,
    NULL::DOUBLE AS inside, NULL::BOOLEAN AS same_letters, NULL::BOOLEAN AS same_initials, share AS tf_name,
    NULL::DOUBLE AS tf_met
FROM near LEFT JOIN name_term USING (name)
"""


def splink_sql(con: duckdb.DuckDBPyConnection) -> str:
    """The query that Splink makes of the model: ``id_l``, ``id_r`` and for each field ``gamma_…`` (level) and
    ``mw_…`` (weight), over ``match_left`` and ``match_right``.

    Splink writes it once for an index; writing it anew takes longer than one lead may.
    """
    # Splink takes a while to import, and is not there for everybody.
    from splink import DuckDBAPI
    from splink.internals.realtime import compare_records

    for table in ("near", "lead"):
        con.execute(f"CREATE OR REPLACE TABLE {table} AS FROM account LIMIT 0")
    con.execute('CREATE OR REPLACE TEMP TABLE pair ("left" BIGINT, "right" BIGINT)')
    compare_names(con, "lead")
    pair_sides(con, "lead")
    empty = compare_records(
        "match_left", "match_right", model(), DuckDBAPI(con), join_condition="l.other = r.id"
    )
    con.execute(f"DROP TABLE {empty.physical_name}")
    return str(empty.sql_used_to_create)


def pair_sides(con: duckdb.DuckDBPyConnection, side: str) -> None:
    """Make ``match_left``, one row a pair, and ``match_right``, one an account, as the model takes them."""
    con.execute(_SIDES.format(side=side))
    con.execute(_RIGHT)


def score_splink(con: duckdb.DuckDBPyConnection, scoring: str, rules: MatchRules) -> None:
    """Make ``scored`` out of the sides: left, right, rule, score and weights of fields."""
    bits = ", ".join(f"{_bits(name, rules.factor(name))} AS w_{name}" for name in FIELDS)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE scored AS
        WITH bits AS (SELECT id_l AS "left", id_r AS "right", {bits} FROM ({scoring})), summed AS (
            SELECT *, w_duns + w_domain + w_name + w_phone AS own,
                -- An address supports what the rest says, and never more than that.
                least(w_address, greatest(own, 0)) AS support,
                own + support + log2({MATCHED_SHARE} / (SELECT number FROM accounts)) AS bits
            FROM bits
        )
        SELECT "left", "right", 'score' AS rule, 1 / (1 + pow(2, -least(greatest(bits, -60), 60))) AS score,
            w_duns, w_domain, w_name, w_phone, support AS w_address
        FROM summed
    """)


def _bits(name: str, factor: float) -> str:
    terms = f"mw_{name}"
    if name in ("domain", "name"):
        terms += f" + mw_tf_adj_{name}"
    return f"{factor!r} * ({terms})"
