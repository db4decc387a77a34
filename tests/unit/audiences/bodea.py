"""Bodea's story as a hand-written world, and its audience as core nodes."""

from __future__ import annotations

from tests.unit.audiences.nodes import (
    SCHEMA,
    agg,
    amount,
    audience,
    chain,
    cmp,
    event,
    far,
    get,
    me,
    ms,
    step,
    text,
    where,
    won,
)

from townsend.audiences.core import And, Definition, Now, Span, Window
from townsend.audiences.reference import InMemoryWorld

NOW = ms("2026-11-22T12:00:00Z")
VISIT = ms("2026-11-03T09:00:00Z")
P1, P2, P3 = 1, 2, 3

PQL = (
    "accounts.opportunities[isWon].sum(opportunityAmount.amount) > 1000000 and "
    'chain(xEvent, timestamp, [V: WHAT(web.webPageDetails.URL.contains("/new-product")) '
    "WHEN(<= 1 month before now)])"
)
LAST_MONTH = Window("<=", 1, "month", "before", Now())


def span(part: str) -> Span:
    return Span(PQL.index(part), PQL.index(part) + len(part))


MONEY = cmp(
    agg("sum", where(far(me(), "accounts", "opportunities"), won), amount),
    ">",
    1_000_000,
    at=Span(0, PQL.index(" and ")),
)
SAW = text(get(event(), "web.webPageDetails.URL"), "contains", "/new-product")
VISITED = chain(step("V", SAW, LAST_MONTH), at=Span(PQL.index("chain"), len(PQL)))
SEED: Definition = audience(And((MONEY, VISITED), at=Span(0, len(PQL))), text=PQL)


def bodea(one_company: bool = True, now: int = NOW) -> InMemoryWorld:
    """p1 and p2 at Account 1, p2 and p3 at Account 2; with master data both accounts are one."""
    world = InMemoryWorld(SCHEMA, now)
    for who in (P1, P2, P3):
        world.add(
            "person",
            who,
            {"workEmail": {"address": f"p{who}@townsend.com"}},
            keys=[(f"p{who}@crm.Salesforce", "crm_1" if who < 3 else "crm_2")],
        )
    first, second = (11, "1@crm1.Salesforce"), (12, "2@crm2.Salesforce")
    if one_company:
        world.add(
            "account", 11, {"accountName": "Townsend"}, keys=[(first[1], "crm_1"), (second[1], "crm_2")]
        )
        second = (11, second[1])
    else:
        world.add("account", 11, {"accountName": "Townsend"}, keys=[(first[1], "crm_1")])
        world.add("account", 12, {"accountName": "Townsend Inc."}, keys=[(second[1], "crm_2")])
    for near, to in {(P1, 11), (P2, 11), (P2, second[0]), (P3, second[0])}:
        world.edge("person_account", near, to, "direct")
    for number, to, money in ((1, 11, 200_000), (2, second[0], 900_000)):
        world.add(
            "opportunity",
            20 + number,
            {
                "opportunityName": f"Opportunity {number}",
                "isWon": True,
                "opportunityAmount": {"amount": money, "currencyCode": "USD"},
            },
            keys=[(f"o{number}@crm{number}.Salesforce", f"crm_{number}")],
            account=to,
        )
    world.add(
        "event",
        31,
        {
            "_id": "v1",
            "timestamp": VISIT,
            "eventType": "web.webpagedetails.pageViews",
            "web": {"webPageDetails": {"URL": "https://www.bodea.example/new-product"}},
        },
        keys=[("v1", "marketo_1")],
        person=P2,
    )
    return world
