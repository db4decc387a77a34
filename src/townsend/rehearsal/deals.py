"""What was sold, is being sold, and was lost.

Only firms marked big pass one million; every other firm stays well below it over all its accounts, so
that the published answer of the story is not disturbed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from townsend.rehearsal.firms import Firm
from townsend.rehearsal.people import Human, Relation
from townsend.rehearsal.times import DAY_MS, whole_seconds

__all__ = ["STAGES", "Deal", "deals", "rich", "won_by_firm"]

# Stage, probability, forecast category, closed, won.
STAGES: dict[str, tuple[int, str, bool, bool]] = {
    "Prospecting": (10, "Pipeline", False, False),
    "Qualification": (20, "Pipeline", False, False),
    "Proposal/Price Quote": (60, "Best Case", False, False),
    "Negotiation/Review": (85, "Commit", False, False),
    "Closed Won": (100, "Closed", True, True),
    "Closed Lost": (0, "Omitted", True, False),
}
_SHARES = (0.10, 0.14, 0.10, 0.08, 0.36, 0.22)
QUIET_WON_MAX = 850_000
TYPES = ("New Customer", "Existing Customer - Upgrade", "Existing Customer - Renewal")
PRODUCTS = ("Platform", "Analytics", "Support", "Training", "Migration", "Sensors", "Licences", "Maintenance")


@dataclass(slots=True)
class Deal:
    """One opportunity of one CRM; ``contacts`` are (human, role), the first is primary."""

    n: int
    crm: int
    firm: int
    name: str
    amount: int
    stage: str
    type: str
    contacts: tuple[tuple[int, str], ...]
    campaign: int | None
    created_ms: int
    closed_ms: int
    updated_ms: int
    deleted: bool = False


def deals(
    rng: np.random.Generator,
    count: int,
    first: int,
    among: Sequence[Firm],
    ties: Sequence[Relation],
    anchor_ms: int,
) -> list[Deal]:
    """About ``count`` opportunities, numbered from ``first``, the big firms' large ones first."""
    contacts = _contacts(ties)
    large = [
        (firm, i, amount) for k, firm in enumerate(f for f in among if f.big) for i, amount in _large(firm, k)
    ]
    places = [(firm, i) for firm in among for i in (0, 1) if firm.known[i] and not firm.big]
    rest = max(0, count - len(large)) if places else 0
    weights = rng.gamma(0.8, 1.0, len(places)) + 0.05
    chosen = rng.choice(len(places), rest, p=weights / weights.sum()) if rest else ()
    stages = rng.choice(len(_SHARES), rest, p=_SHARES)
    amounts = (np.exp(rng.normal(10.7, 0.8, rest)).clip(2_000, 400_000) // 100 * 100).astype(int)
    draws = rng.random((len(large) + rest, 6)).tolist()
    asked = [(firm, i, "Closed Won", amount) for firm, i, amount in large]
    for place, stage, amount in zip(chosen, stages, amounts, strict=True):
        asked.append((*places[int(place)], tuple(STAGES)[int(stage)], int(amount)))
    found = [
        _deal(first + k, firm, crm, stage, amount, contacts[firm.n, crm], draws[k], anchor_ms)
        for k, (firm, crm, stage, amount) in enumerate(asked)
    ]
    for deal in found[: len(large)]:
        deal.deleted = False
    _keep_quiet(found, among)
    return found


def won_by_firm(all_deals: Sequence[Deal]) -> dict[int, int]:
    """Closed-won amounts of each firm over all its accounts; deleted ones count too, they may come back."""
    won: dict[int, int] = defaultdict(int)
    for deal in all_deals:
        if deal.stage == "Closed Won":
            won[deal.firm] += deal.amount
    return dict(won)


def rich(humans: Sequence[Human], ties: Sequence[Relation], all_deals: Sequence[Deal]) -> set[int]:
    """People whose companies together come near one million, by any tie that a system states."""
    won = won_by_firm(all_deals)
    theirs: dict[int, set[int]] = {human.n: {human.firm} for human in humans}
    for tie in ties:
        theirs[tie.human].add(tie.firm)
    for deal in all_deals:
        for human, _ in deal.contacts:
            theirs[human].add(deal.firm)
    return {human for human, homes in theirs.items() if sum(won.get(home, 0) for home in homes) > 950_000}


def _contacts(ties: Sequence[Relation]) -> defaultdict[tuple[int, int], list[int]]:
    found: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for tie in ties:
        if tie.active and tie.end_ms is None:
            found[tie.firm, tie.crm].append(tie.human)
    return found


def _deal(
    n: int, firm: Firm, crm: int, stage: str, amount: int, contacts: list[int], d: list[float], anchor_ms: int
) -> Deal:
    _, _, closed, _ = STAGES[stage]
    created = whole_seconds(int(anchor_ms - (30 + 500 * d[0]) * DAY_MS))
    ends = (
        created + (anchor_ms - created) * (0.15 + 0.7 * d[1])
        if closed
        else anchor_ms + (5 + 120 * d[1]) * DAY_MS
    )
    updated = ends if closed else created + (anchor_ms - created) * d[2]
    people = [
        contacts[(int(d[3] * len(contacts)) + k) % len(contacts)]
        for k in range(min(len(contacts), 1 + int(d[4] * 3)))
    ]
    roles = ("Decision Maker", "Technical Buyer", "Influencer")
    return Deal(
        n=n,
        crm=crm,
        firm=firm.n,
        name=f"{firm.names[crm]} – {PRODUCTS[int(d[5] * len(PRODUCTS))]}",
        amount=amount,
        stage=stage,
        type=TYPES[int(d[4] * len(TYPES))],
        contacts=tuple(zip(people, roles, strict=False)),
        campaign=int(d[2] * 1_000) if d[2] < 0.3 else None,
        created_ms=created,
        closed_ms=int(ends),
        updated_ms=whole_seconds(int(updated)),
        deleted=d[5] > 0.985,
    )


def _large(firm: Firm, k: int) -> list[tuple[int, int]]:
    """Three won deals, 1.1 to 1.7 million together; where both CRMs know the firm, neither sees a million."""
    homes = [i for i in (0, 1) if firm.known[i]]
    amounts = (380_000 + 20_000 * (k % 5), 430_000 + 55_000 * (k % 9), 310_000 + 25_000 * (k % 7))
    return [(homes[j % len(homes)], amount) for j, amount in enumerate(amounts)]


def _keep_quiet(found: list[Deal], among: Sequence[Firm]) -> None:
    won = won_by_firm(found)
    quiet = {firm.n for firm in among if not firm.big}
    for deal in found:
        total = won.get(deal.firm, 0)
        if deal.firm in quiet and deal.stage == "Closed Won" and total > QUIET_WON_MAX:
            deal.amount = deal.amount * QUIET_WON_MAX // total // 100 * 100
