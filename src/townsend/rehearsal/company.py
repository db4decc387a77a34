"""The generated company: everything that Bodea's systems know, told once and consistently.

The same seed, size and anchor give the same company. The systems' records are views of it: the same
person is a contact here and a lead there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from townsend.problem import Invalid
from townsend.rehearsal import engagement
from townsend.rehearsal.bodea import story_deals, story_firm, story_people
from townsend.rehearsal.deals import Deal, deals, rich
from townsend.rehearsal.firms import Firm, firms
from townsend.rehearsal.people import Human, Relation, people, relations

__all__ = ["Company", "generate"]

SIZE_MAX = 1_000_000
FIRMS_PER_PERSON = 357 / 3_000  # some firms are accounts in both CRMs: about 400 accounts for 3,000 people
DEALS_PER_PERSON = 600 / 3_000
ACTIVITIES_PER_PERSON = 60_000 / 3_000


@dataclass(frozen=True)
class Company:
    """What is true; lists are by number: ``firms[n].n == n``.

    Args:
        activities: how many activities both Marketo instances hold together, about.
        rich: people whose companies together come near one million.
    """

    seed: int
    size: int
    anchor_ms: int
    firms: Sequence[Firm]
    humans: Sequence[Human]
    relations: Sequence[Relation]
    deals: Sequence[Deal]
    campaigns: Sequence[engagement.Campaign]
    campaign_members: Sequence[engagement.CampaignMember]
    programs: Sequence[engagement.Program]
    program_members: Sequence[engagement.ProgramMember]
    lists: Sequence[engagement.MailingList]
    list_members: Sequence[engagement.ListMember]
    activities: int
    rich: frozenset[int]

    def rng(self, *parts: int) -> np.random.Generator:
        """A generator of its own for each use, so that one part does not disturb another."""
        return np.random.default_rng([self.seed, *parts])


@lru_cache(maxsize=4)
def generate(seed: int, size: int, anchor_ms: int) -> Company:
    """Bodea's story and a background of ``size`` people around it.

    Args:
        anchor_ms: the day the story is told on; nothing of it happens later, except expected closing dates.

    Raises:
        Invalid: a size below 0 or above a million.
    """
    if not 0 <= size <= SIZE_MAX:
        raise Invalid("rehearsal.size", f"size: expected 0 to {SIZE_MAX:,} people, got {size}", got=size)
    streams = iter(np.random.default_rng(abs(seed)).spawn(8))
    background = firms(next(streams), round(size * FIRMS_PER_PERSON), 1, anchor_ms)
    all_firms = [story_firm(anchor_ms), *background]
    story = story_people(anchor_ms)
    humans = [*story, *people(next(streams), size, len(story), background, anchor_ms)]
    ties = relations(next(streams), humans, all_firms, len(story), anchor_ms)
    sold = story_deals(anchor_ms)
    all_deals = [
        *sold,
        *deals(next(streams), round(size * DEALS_PER_PERSON), len(sold), background, ties, anchor_ms),
    ]
    crowd = humans[len(story) :]
    campaigns, campaign_members = engagement.campaigns(next(streams), crowd, anchor_ms)
    programs, program_members = engagement.programs(next(streams), crowd, anchor_ms)
    lists, list_members = engagement.lists(next(streams), crowd, anchor_ms)
    return Company(
        seed=abs(seed),
        size=size,
        anchor_ms=anchor_ms,
        firms=all_firms,
        humans=humans,
        relations=ties,
        deals=all_deals,
        campaigns=campaigns,
        campaign_members=campaign_members,
        programs=programs,
        program_members=program_members,
        lists=lists,
        list_members=list_members,
        activities=round(size * ACTIVITIES_PER_PERSON),
        rich=frozenset(rich(humans, ties, all_deals)),
    )
