"""The companies Bodea sells to: which exist, which line of business knows them, who owns whom."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from townsend.rehearsal.names import CITIES, COMPANY_STEMS, LEGAL_FORMS, TRADES
from townsend.rehearsal.times import DAY_MS, whole_seconds

__all__ = ["CRMS", "Firm", "firms", "slug"]

CRMS = (0, 1)  # positions of crm_1 and crm_2 (and of marketo_1 and marketo_2) wherever a pair is kept
IN_BOTH = 0.12
PARENTS = 0.08
BIG = 0.02


@dataclass(slots=True)
class Firm:
    """One real company.

    Args:
        names: as spelled in CRM 1 and in CRM 2.
        known: whether CRM 1 and CRM 2 have an account of it.
        parent: number of the owning firm.
        golden: its id in the master data; none if master data does not know it.
        matched: how master data came to its id: ``manual``, ``name+domain``, ``duns``; ``withdrawn`` is a
            match that was taken back.
        big: bought for more than one million, over all its accounts.
    """

    n: int
    names: tuple[str, str]
    domain: str
    industry: str
    employees: int
    revenue: int
    city: str
    state: str
    country: str
    duns: str
    known: tuple[bool, bool]
    parent: int | None
    golden: str | None
    matched: str
    big: bool
    created_ms: int
    updated_ms: int


def firms(rng: np.random.Generator, count: int, first: int, anchor_ms: int) -> list[Firm]:
    """``count`` companies, numbered from ``first``; parents come before their children."""
    order = rng.permutation(len(COMPANY_STEMS) * len(TRADES))
    draws = rng.random((count, 6))
    employees = np.exp(rng.normal(6.2, 1.3, count)).astype(int) + 5
    cities = rng.integers(0, len(CITIES), count)
    ages = rng.integers(200, 1_100, count)
    found: list[Firm] = []
    for i in range(count):
        stem, trade, round_ = _words(int(order[i % len(order)]), i // len(order))
        city, state, country = CITIES[int(cities[i])]
        industry = dict(TRADES)[trade]
        name = f"{stem} {trade}{round_}"
        known = _known(float(draws[i, 0]))
        created = whole_seconds(anchor_ms - int(ages[i]) * DAY_MS - int(draws[i, 1] * DAY_MS))
        found.append(
            Firm(
                n=first + i,
                names=(name, _variant(name, country, float(draws[i, 2]))),
                domain=f"{slug(stem)}{slug(trade)}{round_.strip()}.example",
                industry=industry,
                employees=int(employees[i]),
                revenue=int(employees[i]) * int(90_000 + 200_000 * draws[i, 3]) // 1000 * 1000,
                city=city,
                state=state,
                country=country,
                duns=f"{100_000_000 + (first + i) * 7_919 % 899_999_999:09d}",
                known=known,
                parent=_parent(found, known, float(draws[i, 4])),
                golden=f"G-{1_000 + first + i}" if float(draws[i, 5]) < 0.93 else None,
                matched=_matched(float(draws[i, 5])),
                big=False,
                created_ms=created,
                updated_ms=whole_seconds(created + int((anchor_ms - created) * (0.3 + 0.69 * draws[i, 3]))),
            )
        )
    _choose_big(found, rng)
    return found


def slug(word: str) -> str:
    """A word as it stands in a domain or an address: lower-case letters and digits."""
    plain = unicodedata.normalize("NFKD", word.replace("ø", "o").replace("ß", "ss"))
    return "".join(letter for letter in plain.lower() if letter.isascii() and letter.isalnum())


def _words(position: int, round_: int) -> tuple[str, str, str]:
    stem, trade = divmod(position, len(TRADES))
    return COMPANY_STEMS[stem], TRADES[trade][0], f" {round_ + 1}" if round_ else ""


def _known(at: float) -> tuple[bool, bool]:
    if at < IN_BOTH:
        return True, True
    return (True, False) if at < IN_BOTH + 0.5 else (False, True)


def _variant(name: str, country: str, at: float) -> str:
    if at < 0.5:
        return name
    if at < 0.95:
        return f"{name} {LEGAL_FORMS[country]}"
    return name.upper()


def _parent(earlier: Sequence[Firm], known: tuple[bool, bool], at: float) -> int | None:
    if at >= PARENTS or not earlier:
        return None
    candidate = earlier[int(at / PARENTS * len(earlier))]
    # A parent that the same CRM knows too, so that ParentId leads somewhere.
    fits = all(theirs or not ours for ours, theirs in zip(known, candidate.known, strict=True))
    return candidate.n if fits else None


def _matched(at: float) -> str:
    if at < 0.03:
        return "withdrawn"
    return "duns" if at < 0.25 else "name+domain" if at < 0.7 else "manual"


def _choose_big(found: list[Firm], rng: np.random.Generator) -> None:
    if len(found) < 10:
        return
    wanted = max(2, round(len(found) * BIG))
    both = [firm for firm in found if all(firm.known)]
    single = [firm for firm in found if not all(firm.known)]
    for pool, count in ((both, wanted // 2), (single, wanted - wanted // 2)):
        for i in rng.permutation(len(pool))[:count]:
            pool[int(i)].big = True
