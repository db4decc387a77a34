"""Many mixed audiences, each with the query that somebody would write for it by hand.

Of a hundred, eighty are about events (forty-three different conditions, alone and in pairs), ten about money
won over all accounts and ten about fields of the person; more of them repeat the mix with other numbers. The
queries have the forms that were the fastest among those in ``six``.
"""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.peers.six import COUNTS, within
from benchmarks.world import EVENT_TYPES

__all__ = ["Asked", "asked"]

WINDOWS = (7, 30, 90, 180)
TIMES = (1, 3, 2, 5)
CONDITIONS, ABOUT_EVENTS, ABOUT_MONEY, EVERY = 43, 80, 90, 100
PAGES = ("/page-17", "/page-3", "/new-product")
COUNTRIES = ("DE", "US", "CA", "FR", "IN", "BR")
TITLES = ("CMO", "CIO", "Buyer", "Analyst", "Engineer")


class Asked(NamedTuple):
    """One audience: what we are asked, and what DuckDB is asked by hand."""

    pql: str
    query: str


def asked(number: int) -> list[Asked]:
    """So many audiences, the same ones each time."""
    return [_audience(at % EVERY, at // EVERY) for at in range(number)]


def _audience(at: int, turn: int) -> Asked:
    if at < CONDITIONS:
        return _event(at, turn)
    if at < ABOUT_EVENTS:
        return _pair(at - CONDITIONS, turn)
    if at < ABOUT_MONEY:
        return _money(at - ABOUT_EVENTS, turn)
    return _person(at - ABOUT_MONEY, turn)


def _event(at: int, turn: int) -> Asked:
    """So many events of a kind in a window."""
    kind, round_ = at % (len(EVENT_TYPES) + len(PAGES)), at // (len(EVENT_TYPES) + len(PAGES))
    days, times = WINDOWS[(kind + round_) % 4] + turn, TIMES[(kind // 2 + round_) % 4]
    page = PAGES[kind - len(EVENT_TYPES)] if kind >= len(EVENT_TYPES) else None
    name = EVENT_TYPES[0] if page else EVENT_TYPES[kind]
    which, rows = f'eventType = "{name}"', f"""{within(days)} AND "eventType" = '{name}'"""
    if page:
        which += f' and web.webPageDetails.URL.contains("{page}")'
        rows += f""" AND contains("web.webPageDetails.URL", '{page}')"""
    pql = f"xEvent[{which} and timestamp occurs <= {days} days before now]"
    if times == 1:
        return Asked(
            pql,
            f"SELECT DISTINCT id FROM u.node_person WHERE n IN (SELECT who FROM facts.event WHERE {rows})",
        )
    return Asked(
        f"{pql}.count() >= {times}",
        f"""SELECT n.id FROM (SELECT who, count(*) AS times FROM facts.event WHERE {rows} GROUP BY 1) v
            JOIN u.node_person n ON n.n = v.who GROUP BY 1 HAVING sum(times) >= {times}""",
    )


def _pair(at: int, turn: int) -> Asked:
    """Two conditions on events."""
    one, other = _event(at, turn), _event((at * 7 + 5) % CONDITIONS, turn)
    word, joined = (
        ("and", f"FROM ({one.query}) a SEMI JOIN ({other.query}) b USING (id)"),
        ("and not", f"FROM ({one.query}) a ANTI JOIN ({other.query}) b USING (id)"),
        ("or", f"({one.query}) UNION ({other.query})"),
    )[at % 3]
    right = f"({other.pql})"
    return Asked(f"({one.pql}) {word} {right}", joined)


def _money(at: int, turn: int) -> Asked:
    least = 250_000 * (at + 1) + 1_000 * turn
    return Asked(
        f"accounts.opportunities[isWon].sum(opportunityAmount.amount) > {least}",
        f"""WITH won AS MATERIALIZED (
                SELECT "@account" AS account, sum("opportunityAmount.amount") AS won
                FROM u.opportunity WHERE "isWon" GROUP BY 1)
            SELECT near AS id FROM (SELECT DISTINCT near, far, won
                FROM u.edge_person_account JOIN won ON account = far WHERE {COUNTS})
            GROUP BY 1 HAVING sum(won) > {least}""",
    )


def _person(at: int, turn: int) -> Asked:
    country, title = COUNTRIES[at % len(COUNTRIES)], TITLES[at % len(TITLES)]
    score = 10 * at + turn % 10
    return Asked(
        f'workAddress.countryCode = "{country}" and extendedWorkDetails.jobTitle = "{title}" '
        f"and b2b.personScore >= {score}",
        f"""SELECT id FROM u.person WHERE "workAddress.countryCode" = '{country}'
            AND "extendedWorkDetails.jobTitle" = '{title}' AND "b2b.personScore" >= {score}""",
    )
