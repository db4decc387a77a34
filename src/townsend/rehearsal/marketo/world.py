"""What callers change in an instance, each as one journaled step that also notes its activities.

A step is a function of JSON values and reads no clock, so replaying the journal gives the same ids, the same
memberships and the same activities.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from townsend.rehearsal.company import Company
from townsend.rehearsal.ids import guid
from townsend.rehearsal.journal import Journal
from townsend.rehearsal.marketo.activities import Activities
from townsend.rehearsal.marketo.assets import Assets, Folder, Member, StaticList
from townsend.rehearsal.marketo.details import PAGE_ID, Told
from townsend.rehearsal.marketo.people import Lead, People
from townsend.rehearsal.times import DAY_MS, day, text

__all__ = ["World", "licenses"]


class World:
    """All that an instance holds: people, assets, activities, and the steps that change them."""

    def __init__(self, company: Company, i: int, state: Path | None) -> None:
        self.company = company
        self.people = People(company, i)
        self.assets = Assets(company, self.people, i)
        self.activities = Activities(company, self.people, i)
        self.licenses = licenses(company, self.people, i)
        steps = (
            self._make_list, self._rename_list, self._drop_list, self._make_folder, self._add, self._remove,
            self._create_lead, self._change_lead, self._delete_lead, self._merge, self._status,
            self._leave_program, self._visit, self._act, self._drop_program, self._put_license,
            self._drop_license,
        )  # fmt: skip
        self._journal = Journal(state, {step.__name__.removeprefix("_"): step for step in steps})
        self._journal.replay()

    def do(self, step: str, /, **facts: Any) -> Any:
        """Make a step by name, such as ``add`` or ``make_list``; what it returns."""
        return self._journal.do(step, **facts)

    def _make_list(self, name: str, folder: Sequence[Any], description: str, at_ms: int) -> int:
        number = self.assets.next_id()
        home = (int(folder[0]), str(folder[1]))
        self.assets.lists[number] = StaticList(number, name, home, at_ms, at_ms, description)
        return number

    def _rename_list(self, list_id: int, name: str | None, description: str | None, at_ms: int) -> None:
        one = self.assets.lists[list_id]
        one.name = one.name if name is None else name
        one.description = one.description if description is None else description
        one.updated_ms = at_ms

    def _drop_list(self, list_id: int) -> None:
        del self.assets.lists[list_id]

    def _make_folder(self, name: str, parent: int, description: str, at_ms: int) -> int:
        number = self.assets.next_id()
        self.assets.folders[number] = Folder(number, name, parent, at_ms, description)
        return number

    def _add(self, list_id: int, leads: Sequence[int], at_ms: int) -> None:
        one = self.assets.lists[list_id]
        for lead in leads:
            if lead not in one.members:
                one.members[lead] = at_ms
                self.activities.add(24, lead, at_ms, Told(list_id, one.name, {"Source": "Web service API"}))

    def _remove(self, list_id: int, leads: Sequence[int], at_ms: int) -> None:
        one = self.assets.lists[list_id]
        for lead in leads:
            if one.members.pop(lead, None) is not None:
                self.activities.add(25, lead, at_ms, Told(list_id, one.name, {"Source": "Web service API"}))

    def _create_lead(self, values: dict[str, Any], at_ms: int, source: str = "Web service API") -> int:
        number = self.people.next_id()
        own = {"leadPartitionId": 1, "isAnonymous": False, "isLead": True, "personType": "lead"}
        own |= {"leadPerson": number, "originalSourceType": source, "unsubscribed": False, **values}
        self.people.put(Lead(number, None, at_ms, at_ms, at_ms, own))
        told = Told(None, None, {"Created Date": day(at_ms), "Source Type": source})
        self.activities.add(12, number, at_ms, told)
        return number

    def _change_lead(self, lead_id: int, values: dict[str, Any], at_ms: int) -> None:
        lead = self.people.by_id[lead_id]
        changed = {name: value for name, value in values.items() if lead.values.get(name) != value}
        if not changed:
            return
        self.people.change(lead, changed, at_ms)
        for n, (name, value) in enumerate(changed.items()):
            facts = {"New Value": _shown(value), "Old Value": _shown(lead.values.get(name))}
            facts |= {"Reason": "Web service API", "Source": "Web service API"}
            self.activities.add(13, lead_id, at_ms, Told(600 + n, name, facts))

    def _delete_lead(self, lead_id: int, at_ms: int) -> None:
        lead = self.people.drop(lead_id)
        self.people.deleted.append((lead_id, lead.name, at_ms))
        self.assets.drop_lead(lead_id)
        self.activities.drop_lead(lead_id)

    def _merge(self, winner: int, losers: Sequence[int], at_ms: int) -> None:
        for loser in losers:
            for one in self.assets.lists.values():
                if loser in one.members:
                    one.members.setdefault(winner, at_ms)
            self.people.drop(loser)
            self.assets.drop_lead(loser)
            self.activities.drop_lead(loser)
            self.people.merged.append((winner, loser, at_ms))
        facts = {"Master Updated": True, "Merge IDs": f"[{', '.join(map(str, losers))}]"}
        facts |= {"Merge Source": "Web service API", "Merged in Sales": False}
        self.activities.add(32, winner, at_ms, Told(winner, self.people.by_id[winner].name, facts))

    def _status(self, program_id: int, leads: Sequence[int], status: str, at_ms: int) -> None:
        program = self.assets.programs[program_id]
        step = program.step(status)
        success = step is not None and step[2]
        for lead in leads:
            old = program.members.get(lead)
            number = old.number if old else self.assets.next_id()
            joined = old.joined_ms if old else at_ms
            program.members[lead] = Member(
                number, status, success or bool(old and old.success), joined, at_ms
            )
            facts: dict[str, Any] = {"New Status": status, "Success": success, "Program Member ID": number}
            facts |= {"Old Status": old.status} if old else {}
            self.activities.add(104, lead, at_ms, Told(program_id, program.name, facts))

    def _leave_program(self, program_id: int, leads: Sequence[int]) -> None:
        for lead in leads:
            self.assets.programs[program_id].members.pop(lead, None)

    def _visit(self, lead_id: int, url: str, at_ms: int, arrived_ms: int) -> None:
        path = "/" + url.partition("/")[2]
        facts = {"Webpage URL": path, "User Agent": "Mozilla/5.0", "Client IP Address": "192.0.2.1"}
        self.activities.add(1, lead_id, at_ms, Told(PAGE_ID + 99, url, facts), arrived_ms)

    def _act(
        self, kind: int, lead_id: int, primary: str, attributes: dict[str, Any], at_ms: int, arrived_ms: int
    ) -> None:
        self.activities.add(kind, lead_id, at_ms, Told(None, primary, attributes), arrived_ms)

    def _drop_program(self, program_id: int) -> None:
        del self.assets.programs[program_id]

    def _put_license(self, key: str, values: dict[str, Any], at_ms: int) -> None:
        number = guid(self.company.seed, "license", key)
        made = {"marketoGUID": number, "licenseKey": key, "createdAt": text(at_ms)}
        self.licenses[key] = made | self.licenses.get(key, {}) | values | {"updatedAt": text(at_ms)}

    def _drop_license(self, key: str) -> None:
        del self.licenses[key]


def licenses(company: Company, people: People, i: int) -> dict[str, dict[str, Any]]:
    """The records of the custom object that there are from the start: one for each third lead."""
    found = {}
    for number, lead in sorted(people.by_id.items()):
        if number % 3 == 0:
            key = f"L-{i + 1}-{number}"
            found[key] = {
                "marketoGUID": guid(company.seed, "license", key),
                "licenseKey": key,
                "leadId": number,
                "product": ("Platform", "Analytics", "Sensors")[number // 3 % 3],
                "seats": 1 + number % 40,
                "price": f"{number % 90 * 10}.50",
                "endsOn": day(lead.created_ms + 365 * DAY_MS),
                "createdAt": text(lead.created_ms),
                "updatedAt": text(lead.created_ms),
            }
    return found


def _shown(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
