"""Campaigns, programs and lists, and who is in them."""

# ruff: noqa: E501  the tables read better unbroken
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from townsend.rehearsal.people import Human
from townsend.rehearsal.times import DAY_MS, whole_seconds

__all__ = ["CHANNELS", "Campaign", "CampaignMember", "ListMember", "MailingList", "Program", "ProgramMember"]
__all__ += ["campaigns", "lists", "programs"]

_CAMPAIGNS = (
    ("Line of Business {i} – 2026 Programme", "Other", None),
    ("New Product Launch", "Webinar", 0),
    ("Spring Trade Show", "Trade Show", 0),
    ("Customer Day", "Event", 0),
    ("Monthly Newsletter", "Email", 0),
    ("Partner Referrals", "Partners", None),
    ("Search Advertising", "Advertisement", None),
    ("Competitive Take-out", "Direct Mail", 5),
    ("Analyst Report", "Content", None),
    ("Renewal Outreach", "Telemarketing", None),
)
MEMBER_STATUSES = ("Sent", "Opened", "Registered", "Responded")
# Channel, program type, statuses with step and success.
CHANNELS: dict[str, tuple[str, tuple[tuple[str, int, bool], ...]]] = {
    "Webinar": ("Event with Webinar", (("Invited", 10, False), ("Registered", 20, False), ("No Show", 30, False), ("Attended", 40, True))),
    "Email Send": ("Email", (("Member", 10, False), ("Sent", 20, False), ("Clicked", 30, True), ("Unsubscribed", 40, False))),
    "Nurture": ("Nurture", (("Member", 10, False), ("Engaged", 20, True), ("Disqualified", 30, False))),
    "Content": ("Default", (("Not in Program", 0, False), ("Member", 10, False), ("Downloaded", 20, True))),
}  # fmt: skip
_PROGRAMS = (
    ("New Product Webinar", "Webinar", 1), ("Product News", "Email Send", 4), ("Welcome Track", "Nurture", None),
    ("Analyst Report Download", "Content", 8), ("Customer Day Invitation", "Email Send", 3),
    ("Trade Show Follow-up", "Nurture", 2), ("Pricing Guide", "Content", None), ("Roadmap Webinar", "Webinar", None),
)  # fmt: skip
_LISTS = (
    "Trade show leads", "Newsletter subscribers", "Customer advisory board", "Webinar attendees Q2",
    "Imported 2026-03", "Event badge scans", "Partners", "Do not disturb",
)  # fmt: skip


@dataclass(slots=True)
class Campaign:
    """A campaign of one CRM; ``n`` counts within it."""

    n: int
    crm: int
    name: str
    type: str
    parent: int | None
    active: bool
    start_ms: int
    end_ms: int


@dataclass(slots=True)
class CampaignMember:
    """A contact's or lead's part in a campaign."""

    n: int
    crm: int
    campaign: int
    human: int
    status: str
    created_ms: int


@dataclass(slots=True)
class Program:
    """A Marketo program; ``campaign`` is the synced campaign of the CRM beside it."""

    n: int
    marketo: int
    name: str
    channel: str
    campaign: int | None
    created_ms: int


@dataclass(slots=True)
class ProgramMember:
    """A lead's progress in a program."""

    program: int
    marketo: int
    human: int
    status: str
    success: bool
    joined_ms: int


@dataclass(slots=True)
class MailingList:
    """A static list that marketers made by hand."""

    n: int
    marketo: int
    name: str
    created_ms: int


@dataclass(slots=True)
class ListMember:
    """A lead on a static list."""

    list: int
    marketo: int
    human: int
    added_ms: int


def campaigns(
    rng: np.random.Generator, humans: Sequence[Human], anchor_ms: int
) -> tuple[list[Campaign], list[CampaignMember]]:
    """The campaigns of both CRMs and their members, about one for every two people a CRM knows."""
    found = []
    members: list[CampaignMember] = []
    for i in (0, 1):
        for n, (name, kind, parent) in enumerate(_CAMPAIGNS):
            start = anchor_ms - (170 - 14 * n) * DAY_MS
            found.append(
                Campaign(
                    n,
                    i,
                    name.format(i=i + 1),
                    kind,
                    parent,
                    n not in {2, 8},
                    start,
                    start + (30 + 9 * n) * DAY_MS,
                )
            )
        known = [human for human in humans if human.crm[i]]
        taken: set[tuple[int, int]] = set()
        for a, b, c, d in rng.random((len(known) // 2, 4)).tolist():
            human = known[int(a * len(known))]
            campaign = int(b * len(_CAMPAIGNS))
            if (human.n, campaign) in taken:
                continue
            taken.add((human.n, campaign))
            start = max(found[i * len(_CAMPAIGNS) + campaign].start_ms, human.created_ms)
            created = whole_seconds(int(start + (anchor_ms - start) * c))
            members.append(
                CampaignMember(len(members), i, campaign, human.n, MEMBER_STATUSES[int(d * 4)], created)
            )
    return found, members


def programs(
    rng: np.random.Generator, humans: Sequence[Human], anchor_ms: int
) -> tuple[list[Program], list[ProgramMember]]:
    """The programs of both Marketo instances and their members."""
    found = []
    members: list[ProgramMember] = []
    for i in (0, 1):
        for n, (name, channel, campaign) in enumerate(_PROGRAMS):
            found.append(Program(n, i, name, channel, campaign, anchor_ms - (175 - 15 * n) * DAY_MS))
        for human, joined, n, at in _draws(rng, humans, i, 0.6, len(_PROGRAMS), anchor_ms):
            statuses = CHANNELS[_PROGRAMS[n][1]][1]
            name, _, success = statuses[int(at * len(statuses))]
            since = max(joined, found[i * len(_PROGRAMS) + n].created_ms)
            members.append(ProgramMember(n, i, human.n, name, success, since))
    return found, members


def lists(
    rng: np.random.Generator, humans: Sequence[Human], anchor_ms: int
) -> tuple[list[MailingList], list[ListMember]]:
    """The static lists of both Marketo instances and their members."""
    found = []
    members: list[ListMember] = []
    for i in (0, 1):
        for n, name in enumerate(_LISTS):
            found.append(MailingList(n, i, name, anchor_ms - (178 - 12 * n) * DAY_MS))
        for human, joined, n, _ in _draws(rng, humans, i, 0.3, len(_LISTS), anchor_ms):
            members.append(ListMember(n, i, human.n, max(joined, found[i * len(_LISTS) + n].created_ms)))
    return found, members


def _draws(
    rng: np.random.Generator, humans: Sequence[Human], i: int, share: float, kinds: int, anchor_ms: int
) -> list[tuple[Human, int, int, float]]:
    """(who, when, which, a number to decide by), each (who, which) once."""
    known = [human for human in humans if human.in_marketo(i) and not human.deleted]
    taken = {}
    for a, b, c, d in rng.random((int(len(known) * share), 4)).tolist():
        human = known[int(a * len(known))]
        since = human.joined_ms[i]
        taken[human.n, int(b * kinds)] = (
            human,
            whole_seconds(int(since + (anchor_ms - since) * c)),
            int(b * kinds),
            d,
        )
    return list(taken.values())
