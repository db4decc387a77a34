"""Folders, static lists and programs of an instance, and who is in them."""

from __future__ import annotations

from dataclasses import dataclass, field

from townsend.rehearsal.company import Company
from townsend.rehearsal.engagement import CHANNELS
from townsend.rehearsal.marketo.details import LIST_ID, PROGRAM_ID
from townsend.rehearsal.marketo.people import People
from townsend.rehearsal.salesforce.keys import Keys
from townsend.rehearsal.times import DAY_MS

__all__ = ["AUDIENCES", "Assets", "Folder", "Member", "Program", "StaticList"]

AUDIENCES = "Audiences"
WORKSPACE = "Default"
ROOT, DATABASE, AUDIENCES_ID, PROGRAMS_ID = 1, 7, 15, 16
FIRST_NEW = 2_001


@dataclass(slots=True)
class Folder:
    """A folder of the tree; the parent of the root is none."""

    id: int
    name: str
    parent: int | None
    created_ms: int
    description: str = ""


@dataclass(slots=True)
class StaticList:
    """A list; ``members`` is when each lead was added, by lead id."""

    id: int
    name: str
    folder: tuple[int, str]
    created_ms: int
    updated_ms: int
    description: str = ""
    members: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Member:
    """A lead's progress in a program."""

    number: int
    status: str
    success: bool
    joined_ms: int
    updated_ms: int


@dataclass(slots=True)
class Program:
    """A program; ``members`` by lead id."""

    id: int
    name: str
    channel: str
    campaign: str | None
    created_ms: int
    updated_ms: int
    members: dict[int, Member] = field(default_factory=dict)

    @property
    def type(self) -> str:
        return CHANNELS[self.channel][0]

    def step(self, status: str) -> tuple[str, int, bool] | None:
        """The channel's status of that name with its step and whether it is a success."""
        return next((one for one in CHANNELS[self.channel][1] if one[0] == status), None)


class Assets:
    """The assets of instance ``i``, by id."""

    def __init__(self, company: Company, people: People, i: int) -> None:
        since = company.anchor_ms - 181 * DAY_MS
        self.folders = {
            n: Folder(n, name, parent, since)
            for n, name, parent in (
                (ROOT, "Marketing Activities", None),
                (DATABASE, "Lead Database", None),
                (AUDIENCES_ID, AUDIENCES, ROOT),
                (PROGRAMS_ID, "Programmes", ROOT),
            )
        }
        self.lists: dict[int, StaticList] = {}
        self.programs: dict[int, Program] = {}
        self._next = FIRST_NEW
        self._fill(company, people, i, Keys(i))

    def _fill(self, company: Company, people: People, i: int, keys: Keys) -> None:
        for one in company.lists:
            if one.marketo == i:
                number = LIST_ID + one.n
                self.lists[number] = StaticList(
                    number, one.name, (DATABASE, "Folder"), one.created_ms, one.created_ms
                )
        for member in company.list_members:
            if member.marketo == i and member.human in people.by_human:
                self.lists[LIST_ID + member.list].members[people.by_human[member.human]] = member.added_ms
        for program in company.programs:
            if program.marketo == i:
                number, at = PROGRAM_ID + program.n, program.created_ms
                campaign = keys.campaign(program.campaign) if program.campaign is not None else None
                self.programs[number] = Program(number, program.name, program.channel, campaign, at, at)
        for n, joined in enumerate(company.program_members):
            if joined.marketo == i and joined.human in people.by_human:
                lead = people.by_human[joined.human]
                at = joined.joined_ms
                self.programs[PROGRAM_ID + joined.program].members[lead] = Member(
                    n + 1, joined.status, joined.success, at, at
                )

    def next_id(self) -> int:
        """An id that no asset has had."""
        self._next += 1
        return self._next - 1

    def list_named(self, name: str) -> StaticList | None:
        """The list of a name, in any letter case."""
        return next((one for one in self.lists.values() if one.name.lower() == name.lower()), None)

    def folder_named(self, name: str) -> Folder | None:
        """The folder of a name, in any letter case."""
        return next((one for one in self.folders.values() if one.name.lower() == name.lower()), None)

    def drop_lead(self, lead: int) -> None:
        """Take a lead off every list and out of every program."""
        for one in self.lists.values():
            one.members.pop(lead, None)
        for program in self.programs.values():
            program.members.pop(lead, None)
