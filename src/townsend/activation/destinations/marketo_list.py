"""Marketo Engage static lists: people of an audience as members of a list, by lead id.

A person is the lead its own key names, else the lead that carries one of its e-mail addresses; of several
leads the one with the lowest id, which is also the one that other tools write to. Leads that do not exist are
made only if the settings say so. A list holds no attributes, so there is nothing to update.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import httpx

from townsend.activation.contract import (
    UNKNOWN_THERE,
    Action,
    Address,
    Can,
    Done,
    Later,
    Limits,
    Lookup,
    Member,
    Outcome,
    Parcel,
    Refusal,
    Target,
    gone,
)
from townsend.activation.destinations.marketo_leads import Leads, lowest
from townsend.activation.destinations.marketo_lists import Lists
from townsend.activation.destinations.settings import choice, switch, whole_url
from townsend.clock import Clock
from townsend.problem import Unavailable
from townsend.vendors.keys import COMMON, DESTINATIONS
from townsend.vendors.marketo import CALLS, IDS_MAX, WINDOW_S, Access, Marketo

__all__ = ["MarketoLists"]

KEYS = DESTINATIONS["marketo_list"]
FIRST_NAME, LAST_NAME, COMPANY = "person.name.firstName", "person.name.lastName", "b2b.companyName"
OTHERS = "others"  # the person's further addresses: who is known by one of them is not made again
NOT_FOUND, NOT_IN_LIST = "1004", "1015"
NO_LIST = "1013"
BUSY = {"713", "719", "1016", "1019", "1022"}  # of a single record: it may be taken later


class MarketoLists:
    """Static lists in one folder of one Marketo instance.

    Args:
        name: what the project calls the destination.
        settings: see ``KEYS``; ``folder`` is the name or number of the folder; without ``create_missing``
            only people whom Marketo knows are reached, with it the others are made, if their names are known.
        transport: how to reach the instance, for tests.
    """

    spaces: tuple[str, ...] = ("b2b_person", "Email")

    def __init__(
        self,
        name: str,
        settings: Mapping[str, Any],
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        where = f"destinations.{name}"
        KEYS.check(where, settings, COMMON["destinations"])
        whole_url(where, settings, "https://123-ABC-456.mktorest.com")
        self.name = name
        self.action = str(settings.get("action", "marketing.email"))
        self.on_unmap: Literal["remove", "keep"] = choice(where, settings, "on_unmap", "remove", "keep")
        self._creates = switch(where, settings, "create_missing")
        self.can = Can(remove=True, rename=True, read_back=True, together=False, create=self._creates)
        self.fields: tuple[str, ...] = (FIRST_NAME, LAST_NAME, COMPANY) if self._creates else ()
        access = Access.of(settings)
        # Source: Marketo's REST guide: 300 ids a call; half of its 100 calls in 20 seconds, as it advises.
        self.limits = Limits(
            per_call=IDS_MAX,
            lookups_per_call=IDS_MAX,
            calls=CALLS,
            window_s=WINDOW_S,
            per_day=access.calls_per_day,
        )
        self._api = Marketo(name, access, clock, side="destination", transport=transport)
        self.account = self._api.http.budget.account
        self._key = re.compile(rf"(\d+)@{re.escape(access.munchkin_id)}\.Marketo", re.IGNORECASE)
        self._space = f"{access.munchkin_id}.Marketo"
        self._lists = Lists(self._api, str(settings["folder"]).strip(), clock)
        self._leads = Leads(self._api, settings.get("partition"))

    @property
    def calls(self) -> int:
        return self._api.calls

    def close(self) -> None:
        self._api.close()

    # ------------------------------------------------------------ who is called how

    def address(self, member: Member, known: Mapping[str, Sequence[str]], unknown: frozenset[str]) -> Address:
        """The lead of the person's own key, else one that carries its e-mail, else what to ask for."""
        own = {
            found[1]: f"b2b_person:{value}"
            for value in member.identities.get("b2b_person", ())
            if (found := self._key.fullmatch(value)) and found[1] not in unknown
        }
        emails = sorted(value for value in member.identities.get("Email", ()) if "@" in value)
        by_email = {
            lead: f"Email:{email}"
            for email in reversed(emails)
            for lead in known.get(f"Email:{email}", ())
            if lead not in unknown
        }
        leads = own or by_email
        if leads:
            lead = lowest(leads)
            return Address({lead: leads[lead]})
        return Address({}, self._lookups(emails, member.fields))

    def _lookups(self, emails: Sequence[str], fields: Mapping[str, str]) -> tuple[Lookup, ...]:
        """Every address, the first with what is needed to make a lead if none of them is known."""
        named = self._creates and fields.get(FIRST_NAME) and fields.get(LAST_NAME)
        with_names = {**fields, OTHERS: "\n".join(emails[1:])} if named else {}
        return tuple(Lookup("Email", email, {} if at else with_names) for at, email in enumerate(emails))

    def identity_of(self, identifier: str) -> tuple[str, str] | None:
        return ("b2b_person", f"{identifier}@{self._space}")

    def resolve(self, lookups: Sequence[Lookup]) -> dict[str, tuple[str, ...]]:
        """Lead ids by e-mail, lowest first; makes leads for look-ups that bring names, if none is found."""
        others = {email for one in lookups for email in _others(one)}
        found = self._leads.by_email({one.value for one in lookups} | others)
        wanted = {
            one.value: {
                "email": one.value,
                "firstName": one.fields[FIRST_NAME],
                "lastName": one.fields[LAST_NAME],
                **({"company": one.fields[COMPANY]} if one.fields.get(COMPANY) else {}),
            }
            for one in lookups
            if self._creates
            and one.fields.get(LAST_NAME)
            and not any(found.get(email) for email in (one.value, *_others(one)))
        }
        found |= self._leads.make(wanted)
        return {f"{one.space}:{one.value}": found[one.value] for one in lookups if found.get(one.value)}

    # ------------------------------------------------------------ lists and members

    def check(self) -> list[str]:
        """Whether the client is taken, the folder is there, and lists and people may be read."""
        self._lists.check()
        self._leads.check()
        return []

    def prepare(self, audience: str, name: str, known: Target | None) -> Target:
        """The audience's list, by its id or its name in the folder; made if there is none."""
        return self._lists.prepare(audience, name, known)

    def send(self, target: Target, parcels: Sequence[Parcel]) -> list[Outcome]:
        """Put leads into the list and take leads out; both may be said again without harm."""
        outcomes: dict[int, Outcome] = {}
        actions: tuple[Action, ...] = ("remove", "add")
        for action in actions:
            places = [at for at, parcel in enumerate(parcels) if parcel.action == action]
            if places:
                leads = [_lead(parcels[at]) for at in places]
                outcomes |= dict(zip(places, self._say(target, action, leads), strict=True))
        return [outcomes[at] for at in range(len(parcels))]

    def _say(self, target: Target, action: Action, leads: Sequence[str]) -> list[Outcome]:
        answer = self._api.call(
            "POST" if action == "add" else "DELETE",
            f"/rest/v1/lists/{target.remote_id}/leads.json",
            json={"input": [{"id": int(lead)} for lead in leads]},
            safe=True,
            expect={NO_LIST},
        )
        if answer.said == NO_LIST:
            raise gone(self.name, f"the static list {target.name!r}")
        if len(answer.result) != len(leads):
            raise Unavailable(
                "destination.answer",
                f"{self.name}: Marketo gave {len(answer.result)} outcomes for {len(leads)} people; "
                "run again later",
                name=self.name,
            )
        return [self._outcome(action, record) for record in answer.result]

    @staticmethod
    def _outcome(action: Action, record: Mapping[str, Any]) -> Outcome:
        if record.get("status") in ("added", "removed"):
            return Done()
        (reason, *_) = record.get("reasons") or [{}]
        code, words = str(reason.get("code", "")), str(reason.get("message", ""))
        if action == "remove" and code in (NOT_FOUND, NOT_IN_LIST):
            return Done(already=True)
        if code == NOT_FOUND:
            return Refusal(UNKNOWN_THERE, words or "lead not found")
        if code in BUSY:
            return Later(words or f"code {code}")
        return Refusal(f"marketo.{code or 'skipped'}", words or str(record.get("status", "no outcome")))

    def there(self, target: Target, identifiers: Sequence[str]) -> set[str]:
        """Which of these leads are in the list."""
        found: set[str] = set()
        for start in range(0, len(identifiers), IDS_MAX):
            answer = self._api.call(
                "GET",
                f"/rest/v1/lists/{target.remote_id}/leads/ismember.json",
                params={"id": ",".join(identifiers[start : start + IDS_MAX])},
                expect={NO_LIST},
            )
            if answer.said == NO_LIST:
                raise gone(self.name, f"the static list {target.name!r}")
            found |= {str(one["id"]) for one in answer.result if one.get("status") == "memberof"}
        return found

    def read_back(self, target: Target) -> Iterator[str]:
        """Every lead in the list."""
        path = f"/rest/v1/lists/{target.remote_id}/leads.json"
        for page in self._api.pages(path, {"fields": "id"}, expect={NO_LIST}):
            if page.said == NO_LIST:
                raise gone(self.name, f"the static list {target.name!r}")
            yield from (str(one["id"]) for one in page.result)


def _lead(parcel: Parcel) -> str:
    (lead,) = parcel.identifiers
    return lead


def _others(lookup: Lookup) -> list[str]:
    return lookup.fields.get(OTHERS, "").split("\n") if lookup.fields.get(OTHERS) else []
