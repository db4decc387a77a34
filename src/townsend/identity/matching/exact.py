"""Scores by exact rules alone: what two records share letter by letter, after normalisation.

The score of a rule is about the share of its pairs that were right in the generated world of
``benchmarks`` (part ``matching``), for a lead and its only candidate, and for two accounts. Two accounts
with one name in one country are mostly two companies, since few stand there twice; a lead with that name
mostly belongs to the one.
"""

from __future__ import annotations

import duckdb

from townsend.identity.matching.rules import FIELDS, MatchRules

__all__ = ["score_exact"]

# Name of the rule, when it holds, its score for a lead and for two accounts; the first that holds counts.
RULES = (
    ("duns", "same_duns", 0.999, 0.999),
    ("domain and name", "same_domain AND same_name", 0.995, 0.97),
    ("name and phone", "same_name AND same_phone", 0.99, 0.99),
    ("name and place", "same_name AND same_place AND NOT other_domain", 0.99, 0.98),
    ("domain", "same_domain AND NOT other_name", 0.95, 0.8),
    ("name and country", "same_name AND same_country AND NOT other_domain", 0.95, 0.3),
    ("name", "same_name AND NOT other_country AND NOT other_domain", 0.8, 0.2),
    ("domain, other name", "same_domain", 0.8, 0.05),
    ("name alone", "same_name", 0.5, 0.03),
)

_SHARED = """
CREATE OR REPLACE TEMP TABLE shared AS
SELECT pair.*,
    {duns} AND coalesce(l.duns = r.duns, false) AS same_duns,
    {duns} AND l.duns <> r.duns AS other_duns,
    {domain} AND list_has_any(l.domains, r.domains) AS same_domain,
    {domain} AND len(l.domains) > 0 AND len(r.domains) > 0 AND NOT list_has_any(l.labels, r.labels)
        AS other_domain,
    {name} AND coalesce(replace(l.name, ' ', '') = replace(r.name, ' ', ''), false) AS same_name,
    {name} AND l.name IS NOT NULL AND r.name IS NOT NULL AND NOT same_name AS other_name,
    {phone} AND coalesce(l.phone = r.phone, false) AS same_phone,
    {address} AND coalesce(l.country = r.country, false) AS same_country,
    {address} AND coalesce(l.country <> r.country, false) AS other_country,
    {address} AND coalesce(l.postal = r.postal OR (l.city = r.city AND NOT other_country), false)
        AS same_place
FROM pair JOIN {side} l ON l.id = pair."left" JOIN near r ON r.id = pair."right"
"""


def score_exact(con: duckdb.DuckDBPyConnection, side: str, rules: MatchRules) -> None:
    """Make ``scored`` out of ``pair``: left, right, rule, score and a weight in bits for each field.

    A shared value weighs as many bits as it takes to point at one account. Two different D-U-N-S numbers
    are two companies, whatever else they share. A field whose factor is 0 says nothing; other factors
    change what is weighed, not what is found.
    """
    heard = {name: str(rules.factor(name) > 0).lower() for name in FIELDS}
    con.execute(_SHARED.format(side=side, **heard))
    cases = " ".join(f"WHEN {when} THEN {{}}".format(place) for place, (_, when, *_) in enumerate(RULES))
    names = ", ".join(f"'{name}'" for name, *_ in RULES)
    scores = ", ".join(str(alone if side == "account" else lead) for _, _, lead, alone in RULES)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE scored AS
        WITH ruled AS (
            SELECT *, CASE {cases} END AS place FROM shared WHERE other_duns IS DISTINCT FROM true
        ), rare AS (
            SELECT log2(greatest(count(*), 2)) AS bits FROM account
        )
        SELECT "left", "right", [{names}][place + 1] AS rule, [{scores}][place + 1] AS score,
            same_duns::INT * bits * {rules.factor("duns")!r} AS w_duns,
            same_domain::INT * bits * {rules.factor("domain")!r} AS w_domain,
            same_name::INT * bits * {rules.factor("name")!r} AS w_name,
            same_phone::INT * bits / 2 * {rules.factor("phone")!r} AS w_phone,
            CASE WHEN same_place THEN 4 WHEN same_country THEN 2 WHEN other_country THEN -3 ELSE 0 END
                * {rules.factor("address")!r} AS w_address
        FROM ruled, rare WHERE place IS NOT NULL
    """)
