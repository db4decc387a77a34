"""The activities of the generated company in one instance, as columns in the order of their instants.

What people did is drawn; what the lead database itself notes (new leads, list and program changes, merges)
follows from it. People whose companies bought for a million do not visit the new product page within sixty
days of the anchor, except as the story says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townsend.rehearsal.bodea import NEW_PRODUCT, story_visits
from townsend.rehearsal.company import Company
from townsend.rehearsal.marketo.pages import PAGES
from townsend.rehearsal.marketo.people import People
from townsend.rehearsal.times import DAY_MS, HOUR_MS, SECOND_MS

__all__ = ["History", "history"]

Ints = NDArray[np.int64]
QUIET_MS = 60 * DAY_MS
# Shares of what people do, by activity type; mails bring their deliveries, openings and clicks with them.
VISIT, FORM, LINK, SEND, SCORE, DATA, MOMENT = 1, 2, 3, 6, 22, 13, 46
SHARES = {VISIT: 0.44, FORM: 0.02, LINK: 0.04, SEND: 0.22, SCORE: 0.05, DATA: 0.03, MOMENT: 0.01}
DELIVERED, BOUNCED, UNSUBSCRIBED, OPENED, CLICKED = 7, 8, 9, 10, 11
NEW_LEAD, LIST_ADD, MERGE, STATUS = 12, 24, 32, 104
NEW_PRODUCT_SHARE = 0.04


@dataclass(frozen=True)
class History:
    """Columns of equal length, ordered by instant.

    Args:
        draw: a number to take the details from; for an activity that refers to something, its number.
        page: position in ``PAGES`` of what was visited; ``others`` for anything else.
    """

    at_ms: Ints
    lead: Ints
    type: Ints
    draw: Ints
    page: Ints

    def __len__(self) -> int:
        return len(self.at_ms)


def history(company: Company, people: People, i: int) -> History:
    """The activities of instance ``i``: about its share of the company's."""
    rng = company.rng(70, i)
    fixed = [*_story(company, people, i), *_noted(company, people, i)]
    leads = [lead for n, lead in sorted(people.by_id.items()) if lead.human is None or lead.human > 2]
    known = [sum(human.in_marketo(k) for human in company.humans) for k in (0, 1)]
    wanted = round(company.activities * known[i] / max(1, sum(known))) - len(fixed)
    told = np.array(fixed, dtype=np.int64).reshape(-1, 5)
    drawn = _drawn(rng, company, leads, max(0, wanted), i) if leads else told[:0]
    table = np.concatenate([told, drawn])
    order = np.lexsort((table[:, 1], table[:, 2], table[:, 0]))
    return History(*(np.ascontiguousarray(table[order, k]) for k in range(5)))


def _story(company: Company, people: People, i: int) -> list[tuple[int, int, int, int, int]]:
    return [
        (visit.at_ms, people.by_human[visit.human], VISIT, visit.human, PAGES.index(visit.page))
        for visit in story_visits(company.anchor_ms)
        if visit.marketo == i
    ]


def _noted(company: Company, people: People, i: int) -> list[tuple[int, int, int, int, int]]:
    found = [(lead.created_ms, lead.id, NEW_LEAD, lead.id, 0) for lead in people.by_id.values()]
    found += [
        (member.added_ms, people.by_human[member.human], LIST_ADD, member.list, 0)
        for member in company.list_members
        if member.marketo == i and member.human in people.by_human
    ]
    for n, joined in enumerate(company.program_members):
        if joined.marketo == i and joined.human in people.by_human:
            found.append((joined.joined_ms, people.by_human[joined.human], STATUS, n, 0))
    found += [(at, winner, MERGE, loser, 0) for winner, loser, at in people.merged]
    return found


def _drawn(
    rng: np.random.Generator, company: Company, leads: Sequence[Any], wanted: int, i: int
) -> NDArray[np.int64]:
    """``wanted`` activities of the background, about."""
    weights = rng.gamma(0.7, 1.0, len(leads)) + 0.05
    # A mail brings about two more activities with it.
    count = int(wanted / (1 + SHARES[SEND] / sum(SHARES.values()) * 1.55))
    who = rng.choice(len(leads), count, p=weights / weights.sum())
    shares = np.array(list(SHARES.values()))
    types = rng.choice(np.array(list(SHARES)), count, p=shares / shares.sum())
    since = np.array([lead.created_ms for lead in leads])[who]
    until = company.anchor_ms - HOUR_MS
    at = since + ((until - since).clip(0) * rng.random(count)).astype(np.int64)
    at -= at % SECOND_MS
    draw = rng.integers(0, 2**31, count)
    page = _pages(rng, count, i)
    rich = np.array([lead.human in company.rich for lead in leads])[who]
    hot = PAGES.index(NEW_PRODUCT)
    page[rich & (page == hot) & (at >= company.anchor_ms - QUIET_MS)] = PAGES.index("/pricing")
    ids = np.array([lead.id for lead in leads])[who]
    table = np.stack([at, ids, types, draw, page], axis=1)
    return np.concatenate([table, *_answers(rng, table[types == SEND], until)])


def _pages(rng: np.random.Generator, count: int, i: int) -> Ints:
    shares = np.linspace(3.0, 1.0, len(PAGES))
    hot = PAGES.index(NEW_PRODUCT)
    shares[hot] = 0
    shares /= shares.sum()
    if i == 0:  # the page exists on the first site only
        shares *= 1 - NEW_PRODUCT_SHARE
        shares[hot] = NEW_PRODUCT_SHARE
    return rng.choice(len(PAGES), count, p=shares).astype(np.int64)


def _answers(rng: np.random.Generator, sent: NDArray[np.int64], until: int) -> list[NDArray[np.int64]]:
    """What follows mails: delivered or bounced, opened, clicked, now and then unsubscribed."""
    luck = rng.random((len(sent), 3))
    arrived = luck[:, 0] < 0.975
    opened = arrived & (luck[:, 1] < 0.38)
    clicked = opened & (luck[:, 2] < 0.35)
    left = opened & (luck[:, 2] > 0.985)
    waits = rng.exponential(1.0, len(sent))
    steps = (
        (DELIVERED, arrived, 5 + 40 * waits),
        (BOUNCED, ~arrived, 8 + 60 * waits),
        (OPENED, opened, 300 + 20_000 * waits),
        (CLICKED, clicked, 330 + 20_200 * waits),
        (UNSUBSCRIBED, left, 340 + 20_300 * waits),
    )
    found = []
    for kind, chosen, seconds in steps:
        rows = sent[chosen].copy()
        rows[:, 0] += (seconds[chosen]).astype(np.int64) * SECOND_MS
        rows[:, 2] = kind
        found.append(rows[rows[:, 0] <= until])
    return found
