"""Bodea's story: the company Townsend in two CRMs, three people, one visit.

Townsend is Account 1 in CRM 1 (p1, p2; Opportunity 1, won, 200,000) and Account 2 in CRM 2 (p2, p3;
Opportunity 2, won, 900,000). Master data says that both are one company. p2 visited the new product
page ten days before the anchor; only Marketo 1 saw it.
"""

from __future__ import annotations

from dataclasses import dataclass

from townsend.rehearsal.deals import Deal
from townsend.rehearsal.firms import Firm
from townsend.rehearsal.people import Human, Kind
from townsend.rehearsal.times import DAY_MS, whole_seconds

__all__ = [
    "LEAD_IDS",
    "NEW_PRODUCT",
    "SITES",
    "Visit",
    "story_deals",
    "story_firm",
    "story_people",
    "story_visits",
]

# The web site of each line of business; the new product page exists on the first only.
SITES = ("www.bodea.example", "services.bodea.example")
NEW_PRODUCT = "/new-product"
# Lead ids of p1, p2, p3 in Marketo 1 and Marketo 2.
LEAD_IDS: tuple[dict[int, int], dict[int, int]] = ({0: 11, 1: 12}, {1: 21, 2: 22})


@dataclass(frozen=True, slots=True)
class Visit:
    """One page view of the story, in one Marketo."""

    marketo: int
    human: int
    page: str
    at_ms: int


def story_firm(anchor_ms: int) -> Firm:
    """Townsend, firm 0."""
    return Firm(
        n=0,
        names=("Townsend", "Townsend Inc."),
        domain="townsend.com",
        industry="Technology",
        employees=900,
        revenue=120_000_000,
        city="Boston",
        state="MA",
        country="US",
        duns="080012345",
        known=(True, True),
        parent=None,
        golden="G-100",
        matched="manual",
        big=True,
        created_ms=whole_seconds(anchor_ms - 400 * DAY_MS),
        updated_ms=whole_seconds(anchor_ms - 40 * DAY_MS),
    )


def story_people(anchor_ms: int) -> list[Human]:
    """p1, p2 and p3, people 0, 1 and 2."""
    return [
        _human(0, "Pia", "Head of Purchasing", ("Contact", None), anchor_ms),
        _human(1, "Pablo", "Chief Technology Officer", ("Contact", "Contact"), anchor_ms),
        _human(2, "Priya", "Director of Operations", (None, "Contact"), anchor_ms),
    ]


def _human(n: int, first: str, title: str, crm: tuple[Kind | None, Kind | None], anchor_ms: int) -> Human:
    known = (crm[0] is not None, crm[1] is not None)
    joined = whole_seconds(anchor_ms - 182 * DAY_MS + n * 60_000)
    return Human(
        n=n,
        first=first,
        last="Townsend",
        title=title,
        department=("Purchasing", "Engineering", "Operations")[n],
        email=f"p{n + 1}@townsend.com",
        firm=0,
        crm=crm,
        synced=known,
        alone=(False, False),
        created_ms=whole_seconds(anchor_ms - 400 * DAY_MS),
        updated_ms=whole_seconds(anchor_ms - (30 - n) * DAY_MS),
        joined_ms=(joined, joined),
        unsubscribed=False,
        deleted=False,
        duplicate=False,
        ecid="",
    )


def story_deals(anchor_ms: int) -> list[Deal]:
    """Opportunity 1 in CRM 1 and Opportunity 2 in CRM 2."""
    return [
        _deal(0, 0, 200_000, ((1, "Decision Maker"), (0, "Economic Buyer")), anchor_ms - 70 * DAY_MS),
        _deal(1, 1, 900_000, ((2, "Decision Maker"), (1, "Technical Buyer")), anchor_ms - 80 * DAY_MS),
    ]


def _deal(n: int, crm: int, amount: int, contacts: tuple[tuple[int, str], ...], closed_ms: int) -> Deal:
    return Deal(
        n=n,
        crm=crm,
        firm=0,
        name=f"Opportunity {n + 1}",
        amount=amount,
        stage="Closed Won",
        type="New Customer",
        contacts=contacts,
        campaign=None,
        created_ms=whole_seconds(closed_ms - 120 * DAY_MS),
        closed_ms=closed_ms,
        updated_ms=whole_seconds(closed_ms),
    )


def story_visits(anchor_ms: int) -> list[Visit]:
    """The visit that counts, and some that do not: too early, another page, another site."""
    at = whole_seconds(anchor_ms)
    return [
        Visit(0, 1, NEW_PRODUCT, at - 10 * DAY_MS),
        Visit(0, 1, "/", at - 75 * DAY_MS),
        Visit(0, 0, NEW_PRODUCT, at - 70 * DAY_MS),
        Visit(0, 0, "/pricing", at - 9 * DAY_MS),
        Visit(1, 2, "/careers", at - 8 * DAY_MS),
    ]
