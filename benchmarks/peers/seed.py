"""The seed audience by hand, three ways, over the same unified integer tables in the same file.

Who belongs to accounts that together won more than a million, and saw the new product page within a month.
The best of them is the peer. Each takes ``$now`` and ``$since``, epoch milliseconds.
"""

from __future__ import annotations

__all__ = ["QUERIES"]

_COUNTS = """via IN ('direct', 'relation') AND (start_ms IS NULL OR start_ms <= $now)
             AND (end_ms IS NULL OR end_ms > $now)"""

# Both conditions apart, then together.
_APART = f"""
SELECT id FROM u.person
WHERE id IN (
    SELECT e.near
    FROM (SELECT DISTINCT near, far FROM u.edge_person_account WHERE {_COUNTS}) e
    JOIN (SELECT "@account" AS account, sum("opportunityAmount.amount") AS won
          FROM u.opportunity WHERE "isWon" GROUP BY 1) o ON o.account = e.far
    GROUP BY e.near HAVING sum(o.won) > 1000000)
AND id IN (
    SELECT n.id FROM facts.event v JOIN u.node_person n ON n.n = v.who
    WHERE v.timestamp BETWEEN $since AND $now AND contains(v."web.webPageDetails.URL", '/new-product'))
"""

# The few visitors first; money for these only.
_VISITORS_FIRST = f"""
WITH visitor AS MATERIALIZED (
    SELECT DISTINCT n.id FROM facts.event v JOIN u.node_person n ON n.n = v.who
    WHERE v.timestamp BETWEEN $since AND $now AND contains(v."web.webPageDetails.URL", '/new-product')),
works AS (
    SELECT DISTINCT near, far FROM u.edge_person_account SEMI JOIN visitor ON visitor.id = near
    WHERE {_COUNTS})
SELECT near AS id FROM works JOIN u.opportunity o ON o."@account" = far
WHERE o."isWon" GROUP BY near HAVING sum(o."opportunityAmount.amount") > 1000000
"""

# The rich accounts cannot be told before people are known, but sums per account can be shared.
_SUMS_SHARED = f"""
WITH won AS MATERIALIZED (
    SELECT "@account" AS account, sum("opportunityAmount.amount") AS won
    FROM u.opportunity WHERE "isWon" GROUP BY 1),
visitor AS MATERIALIZED (
    SELECT DISTINCT n.id FROM u.node_person n
    SEMI JOIN (
        SELECT who FROM facts.event
        WHERE timestamp BETWEEN $since AND $now AND contains("web.webPageDetails.URL", '/new-product')) v
    ON v.who = n.n),
works AS (
    SELECT DISTINCT near, far FROM visitor JOIN u.edge_person_account ON near = visitor.id WHERE {_COUNTS})
SELECT near AS id FROM works JOIN won ON account = far GROUP BY near HAVING sum(won) > 1000000
"""

QUERIES = {"apart": _APART, "visitors first": _VISITORS_FIRST, "sums shared": _SUMS_SHARED}
