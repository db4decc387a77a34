"""Six audiences by hand, each in several ways, over the same unified tables in the same file.

Of each audience the best of them is the peer. They take the bounds of windows as numbers in their text, as
somebody who writes SQL by hand computes them: the instant of evaluation and how many days before it.
"""

from __future__ import annotations

from benchmarks.world import NOW_MS

__all__ = ["COUNTS", "QUERIES", "within"]

DAY_MS = 86_400_000
COUNTS = f"""via IN ('direct', 'relation') AND (start_ms IS NULL OR start_ms <= {NOW_MS})
             AND (end_ms IS NULL OR end_ms > {NOW_MS})"""


def within(days: int) -> str:
    return f"timestamp BETWEEN {NOW_MS - days * DAY_MS} AND {NOW_MS}"


_ATTRIBUTES = {
    "one filter": """
        SELECT id FROM u.person
        WHERE "workAddress.countryCode" = 'DE' AND "b2b.personScore" >= 50
          AND "extendedWorkDetails.jobTitle" IN ('CMO', 'CIO')""",
    "number first": """
        SELECT id FROM u.person
        WHERE "b2b.personScore" >= 50 AND "workAddress.countryCode" = 'DE'
          AND ("extendedWorkDetails.jobTitle" = 'CMO' OR "extendedWorkDetails.jobTitle" = 'CIO')""",
    "few first": """
        SELECT id FROM (SELECT * FROM u.person WHERE "workAddress.countryCode" = 'DE')
        WHERE "extendedWorkDetails.jobTitle" IN ('CMO', 'CIO') AND "b2b.personScore" >= 50""",
}

_MONEY = {
    "sums by account": f"""
        SELECT e.near AS id FROM (SELECT DISTINCT near, far FROM u.edge_person_account WHERE {COUNTS}) e
        JOIN (SELECT "@account" AS account, sum("opportunityAmount.amount") AS won
              FROM u.opportunity WHERE "isWon" GROUP BY 1) o ON o.account = e.far
        GROUP BY e.near HAVING sum(o.won) > 1000000""",
    "joined outright": f"""
        SELECT e.near AS id FROM (SELECT DISTINCT near, far FROM u.edge_person_account WHERE {COUNTS}) e
        JOIN u.opportunity o ON o."@account" = e.far
        WHERE o."isWon" GROUP BY e.near HAVING sum(o."opportunityAmount.amount") > 1000000""",
    "pairs of winners only": f"""
        WITH won AS MATERIALIZED (
            SELECT "@account" AS account, sum("opportunityAmount.amount") AS won
            FROM u.opportunity WHERE "isWon" GROUP BY 1)
        SELECT near AS id FROM (
            SELECT DISTINCT near, far, won
            FROM u.edge_person_account JOIN won ON account = far WHERE {COUNTS})
        GROUP BY 1 HAVING sum(won) > 1000000""",
}

_SEEN = f"""{within(30)} AND "eventType" = 'web.webpagedetails.pageViews'
            AND contains("web.webPageDetails.URL", '/page-17')"""
_ONE_EVENT = {
    "joined": f"""
        SELECT DISTINCT n.id FROM facts.event v JOIN u.node_person n ON n.n = v.who WHERE {_SEEN}""",
    "numbers, then people": f"""
        SELECT DISTINCT id FROM u.node_person WHERE n IN (SELECT who FROM facts.event WHERE {_SEEN})""",
    "people of a kind": f"""
        SELECT id FROM u.person WHERE id IN (
            SELECT n.id FROM facts.event v JOIN u.node_person n ON n.n = v.who WHERE {_SEEN})""",
}

_CLICKED = f"""{within(90)} AND "eventType" = 'directMarketing.emailClicked'"""
_THREE_EVENTS = {
    "joined, then counted": f"""
        SELECT n.id FROM facts.event v JOIN u.node_person n ON n.n = v.who WHERE {_CLICKED}
        GROUP BY 1 HAVING count(*) >= 3""",
    "counted by number, then by person": f"""
        SELECT n.id FROM (SELECT who, count(*) AS times FROM facts.event WHERE {_CLICKED} GROUP BY 1) v
        JOIN u.node_person n ON n.n = v.who GROUP BY 1 HAVING sum(times) >= 3""",
    "times of the last three": f"""
        SELECT n.id FROM facts.event v JOIN u.node_person n ON n.n = v.who WHERE {_CLICKED}
        GROUP BY 1 HAVING len(max(timestamp, 3)) = 3""",
}

_FIRST, _SECOND = "leadOperation.interestingMoment", "web.formFilledOut"
_WEEK_MS = 7 * DAY_MS
_FILLED = f"""timestamp >= {NOW_MS - 180 * DAY_MS} AND timestamp <= {NOW_MS}"""
_SEQUENCE = {
    "asof": f"""
        WITH a AS (SELECT n.id, timestamp AS t FROM facts.event JOIN u.node_person n ON n.n = who
                   WHERE "eventType" = '{_FIRST}' AND {_FILLED}),
             b AS (SELECT n.id, timestamp AS t FROM facts.event JOIN u.node_person n ON n.n = who
                   WHERE "eventType" = '{_SECOND}' AND {_FILLED})
        SELECT DISTINCT b.id FROM b ASOF JOIN a ON a.id = b.id AND a.t < b.t WHERE b.t - a.t <= {_WEEK_MS}""",
    "window": f"""
        SELECT DISTINCT id FROM (
            SELECT id, kind, t, max(CASE WHEN kind = '{_FIRST}' THEN t END) OVER (
                PARTITION BY id ORDER BY t RANGE BETWEEN {_WEEK_MS} PRECEDING AND 1 PRECEDING) AS before
            FROM (SELECT n.id, "eventType" AS kind, timestamp AS t
                  FROM facts.event JOIN u.node_person n ON n.n = who
                  WHERE "eventType" IN ('{_FIRST}', '{_SECOND}') AND {_FILLED}))
        WHERE kind = '{_SECOND}' AND before IS NOT NULL""",
    "asof by number": f"""
        WITH p AS MATERIALIZED (
            SELECT n.id, "eventType" = '{_FIRST}' AS first, timestamp AS t
            FROM facts.event JOIN u.node_person n ON n.n = who
            WHERE "eventType" IN ('{_FIRST}', '{_SECOND}') AND {_FILLED})
        SELECT DISTINCT b.id FROM (FROM p WHERE NOT first) b ASOF JOIN (FROM p WHERE first) a
          ON a.id = b.id AND a.t < b.t WHERE b.t - a.t <= {_WEEK_MS}""",
}

_LARGE = (
    """"accountOrganization.industry" = 'Technology' AND "accountOrganization.numberOfEmployees" > 10000"""
)
_MEMBER_AND_LARGE = {
    "both apart": f"""
        SELECT id FROM u.person WHERE id IN (SELECT "@person" FROM u.campaign_member WHERE "hasResponded")
        AND id IN (SELECT near FROM u.edge_person_account JOIN u.account a ON a.id = far
                   WHERE {COUNTS} AND {_LARGE})""",
    "accounts first": f"""
        SELECT DISTINCT near AS id FROM u.edge_person_account
        WHERE far IN (SELECT id FROM u.account WHERE {_LARGE}) AND {COUNTS}
          AND near IN (SELECT "@person" FROM u.campaign_member WHERE "hasResponded")""",
    "accounts first, kept": f"""
        WITH works AS MATERIALIZED (
            SELECT DISTINCT near FROM u.edge_person_account SEMI JOIN
                (SELECT id FROM u.account WHERE {_LARGE}) a ON a.id = far WHERE {COUNTS})
        SELECT near AS id FROM works
        SEMI JOIN (SELECT "@person" FROM u.campaign_member WHERE "hasResponded") m ON m."@person" = near""",
}

# name -> (definition in PQL, contestant -> query)
QUERIES: dict[str, tuple[str, dict[str, str]]] = {
    "attributes": (
        'workAddress.countryCode = "DE" and b2b.personScore >= 50 '
        'and extendedWorkDetails.jobTitle in ["CMO", "CIO"]',
        _ATTRIBUTES,
    ),
    "won sum over all accounts": (
        "accounts.opportunities[isWon].sum(opportunityAmount.amount) > 1000000",
        _MONEY,
    ),
    "one event in 30 days": (
        'xEvent[eventType = "web.webpagedetails.pageViews" and web.webPageDetails.URL.contains("/page-17") '
        "and timestamp occurs <= 30 days before now]",
        _ONE_EVENT,
    ),
    "three events in 90 days": (
        'xEvent[eventType = "directMarketing.emailClicked" '
        "and timestamp occurs <= 90 days before now].count() >= 3",
        _THREE_EVENTS,
    ),
    "one event after another within 7 days": (
        f'chain(xEvent, timestamp, [A: WHAT(eventType = "{_FIRST}") WHEN(<= 180 days before now), '
        f'B: WHAT(eventType = "{_SECOND}") GAP(<= 7 days)])',
        _SEQUENCE,
    ),
    "campaign member with a large account": (
        'campaignMemberships[hasResponded] and accounts[accountOrganization.industry = "Technology" '
        "and accountOrganization.numberOfEmployees > 10000]",
        _MEMBER_AND_LARGE,
    ),
}
