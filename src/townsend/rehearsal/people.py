"""The people who work there, and which systems know them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from townsend.rehearsal.firms import Firm, slug
from townsend.rehearsal.names import DEPARTMENTS, FIRST_NAMES, LAST_NAMES, RANKS
from townsend.rehearsal.times import DAY_MS, HOUR_MS, whole_seconds

__all__ = ["MARKETO_AGE_MS", "Human", "Relation", "people", "relations"]

Kind = Literal["Contact", "Lead"]
# Bodea's Marketo instances were set up that long ago; their first sync took in all contacts of the day.
MARKETO_AGE_MS = 182 * DAY_MS
ROLES = (
    "Business User", "Decision Maker", "Economic Buyer", "Economic Decision Maker", "Evaluator",
    "Executive Sponsor", "Influencer", "Technical Buyer", "Other",
)  # fmt: skip


@dataclass(slots=True)
class Human:
    """One real person.

    Args:
        email: empty if no system knows one.
        firm: number of the company they work for.
        crm: what they are in CRM 1 and CRM 2.
        synced: whether the Marketo beside each CRM got them from it.
        alone: whether each Marketo knows them by itself (a form, an event), without its CRM.
        joined_ms: when each Marketo first saw them.
        duplicate: there is a second Marketo lead with the same address.
        ecid: the browser's id, if one was taken.
    """

    n: int
    first: str
    last: str
    title: str
    department: str
    email: str
    firm: int
    crm: tuple[Kind | None, Kind | None]
    synced: tuple[bool, bool]
    alone: tuple[bool, bool]
    created_ms: int
    updated_ms: int
    joined_ms: tuple[int, int]
    unsubscribed: bool
    deleted: bool
    duplicate: bool
    ecid: str

    def in_marketo(self, i: int) -> bool:
        return self.synced[i] or self.alone[i]


@dataclass(slots=True)
class Relation:
    """A contact's tie to an account of the same CRM."""

    crm: int
    human: int
    firm: int
    direct: bool
    active: bool
    roles: tuple[str, ...]
    start_ms: int | None
    end_ms: int | None


def people(
    rng: np.random.Generator, count: int, first: int, among: Sequence[Firm], anchor_ms: int
) -> list[Human]:
    """``count`` people, numbered from ``first``; some firms have many, most have few."""
    if not among:
        return []
    weights = rng.gamma(0.9, 1.0, len(among)) + 0.05
    homes = rng.choice(len(among), count, p=weights / weights.sum())
    words = np.stack(
        [rng.integers(0, len(pool), count) for pool in (FIRST_NAMES, LAST_NAMES, DEPARTMENTS, RANKS)], 1
    )
    draws = rng.random((count, 9))
    ecids = rng.integers(10**17, 10**18, (count, 2))
    taken: set[str] = set()
    found = []
    for i in range(count):
        firm = among[int(homes[i])]
        given, family, department, rank = (int(word) for word in words[i])
        email = _email(FIRST_NAMES[given], LAST_NAMES[family], firm.domain, taken)
        d = draws[i].tolist()
        crm, alone = _known(firm, d[0], d[1], d[2])
        created = whole_seconds(int(anchor_ms - (8 + 700 * d[3] ** 1.5) * DAY_MS))
        found.append(
            Human(
                n=first + i,
                first=FIRST_NAMES[given],
                last=LAST_NAMES[family],
                title=RANKS[rank].format(DEPARTMENTS[department]),
                department=DEPARTMENTS[department],
                email="" if d[4] < 0.01 else email,
                firm=firm.n,
                crm=crm,
                synced=(crm[0] is not None and d[5] < 0.97, crm[1] is not None and d[5] > 0.03),
                alone=alone,
                created_ms=created,
                updated_ms=whole_seconds(int(created + (anchor_ms - created) * (0.2 + 0.75 * d[6]))),
                joined_ms=(_joined(created, anchor_ms, d[7]), _joined(created, anchor_ms, 1 - d[7])),
                unsubscribed=d[8] < 0.04,
                deleted=d[8] > 0.993,
                duplicate=0.5 < d[8] < 0.51 and d[4] >= 0.01,
                ecid=f"{ecids[i, 0]}{ecids[i, 1]}" if d[7] < 0.3 else "",
            )
        )
    return found


def relations(
    rng: np.random.Generator, humans: Sequence[Human], among: Sequence[Firm], first: int, now_ms: int
) -> list[Relation]:
    """Every contact's own account, and for some a second one in the same CRM.

    Args:
        first: only people from this number on get a second account; the story's people keep their own.
    """
    by_crm = [[firm.n for firm in among if firm.known[i] and firm.n > 0] for i in (0, 1)]
    draws = rng.random((len(humans), 6))
    found = []
    for human, d in zip(humans, draws.tolist(), strict=True):
        for i in (0, 1):
            if human.crm[i] != "Contact":
                continue
            start = whole_seconds(human.created_ms)
            found.append(Relation(i, human.n, human.firm, True, True, (_role(d[0]),), start, None))
            if human.n < first or d[1] > 0.06 or not by_crm[i]:
                continue
            other = by_crm[i][int(d[2] * len(by_crm[i]))]
            if other == human.firm:
                continue
            ended = whole_seconds(int(now_ms - d[3] * 90 * DAY_MS)) if d[3] < 0.2 else None
            roles = (_role(d[4]),) if d[5] < 0.7 else (_role(d[4]), _role(d[5]))
            found.append(
                Relation(i, human.n, other, False, d[3] < 0.85, tuple(dict.fromkeys(roles)), start, ended)
            )
    return found


def _role(at: float) -> str:
    return ROLES[int(at * len(ROLES)) % len(ROLES)]


def _email(given: str, family: str, domain: str, taken: set[str]) -> str:
    stem = f"{slug(given)}.{slug(family)}"
    email = f"{stem}@{domain}"
    number = 1
    while email in taken:
        number += 1
        email = f"{stem}{number}@{domain}"
    taken.add(email)
    return email


def _known(
    firm: Firm, a: float, b: float, c: float
) -> tuple[tuple[Kind | None, Kind | None], tuple[bool, bool]]:
    """What a person is in both CRMs, and which Marketo knows them by itself."""
    kind: Kind = "Contact" if b < 0.85 else "Lead"
    if a < 0.08:  # in no CRM at all
        return (None, None), (firm.known[0], firm.known[1] and (not firm.known[0] or c < 0.4))
    if all(firm.known):
        one, two = (True, False) if c < 0.4 else (False, True) if c < 0.7 else (True, True)
    else:
        one, two = firm.known
    # A few also filled out a form of the other line of business, whose CRM has never heard of them.
    strays = a > 0.96
    return (kind if one else None, kind if two else None), (strays and not one, strays and not two)


def _joined(created_ms: int, anchor_ms: int, at: float) -> int:
    since = anchor_ms - MARKETO_AGE_MS
    # The first sync ran for an afternoon; whoever came later was there minutes after the CRM knew them.
    return whole_seconds(since + int(at * 6 * HOUR_MS)) if created_ms < since else created_ms + 300_000
