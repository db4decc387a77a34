"""The leads of an instance: whom its CRM synced and whom it knows by itself, and what callers changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from townsend.rehearsal import times
from townsend.rehearsal.bodea import LEAD_IDS
from townsend.rehearsal.company import Company
from townsend.rehearsal.firms import Firm
from townsend.rehearsal.marketo.schema import LEAD_FIELDS
from townsend.rehearsal.people import Human
from townsend.rehearsal.salesforce.keys import Keys
from townsend.rehearsal.times import DAY_MS, HOUR_MS

__all__ = ["DELETED_DAYS", "Lead", "People", "company_id"]

FIRST_ID = 1_001
OWN_COMPANIES = 500_001
DELETED_DAYS = 14
INTERESTS = ("Platform", "Analytics", "Sensors", None, None)
SOURCES = ("Web form fillout", "List import", "New person", "Web service API")


@dataclass(slots=True)
class Lead:
    """One lead.

    Args:
        human: the number of the person in the generated company; None for one that a caller made.
        updated_ms: last change of a standard field; ``changed_ms`` of any field.
        values: by API name, without id and the two dates; missing is null.
    """

    id: int
    human: int | None
    created_ms: int
    updated_ms: int
    changed_ms: int
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def email(self) -> str:
        return str(self.values.get("email") or "")

    @property
    def name(self) -> str:
        return " ".join(str(self.values.get(key) or "") for key in ("firstName", "lastName")).strip()

    def get(self, name: str) -> Any:
        """A field's value as the interface writes it; None if empty."""
        if name == "id":
            return self.id
        if name == "createdAt":
            return times.text(self.created_ms)
        if name == "updatedAt":
            return times.text(self.updated_ms)
        return self.values.get(name)


def company_id(firm: Firm, i: int, synced: bool) -> int:
    """The Marketo company of a firm: that of the synced account, or one of its own."""
    return firm.n + 1 if synced and firm.known[i] else OWN_COMPANIES + firm.n


class People:
    """The leads by id.

    Args:
        i: 0 for Marketo 1, 1 for Marketo 2.
    """

    def __init__(self, company: Company, i: int) -> None:
        self.by_id: dict[int, Lead] = {}
        self.by_human: dict[int, int] = {}
        # Deleted leads: id, name, when. Merged ones: winner, loser, when.
        self.deleted: list[tuple[int, str, int]] = []
        self.merged: list[tuple[int, int, int]] = []
        self._emails: dict[str, list[int]] = defaultdict(list)
        self._next = FIRST_ID
        self._fill(company, i)

    def _fill(self, company: Company, i: int) -> None:
        keys = Keys(i)
        story = LEAD_IDS[i]
        known = [human for human in company.humans if human.in_marketo(i)]
        for human in sorted(known, key=lambda one: (one.joined_ms[i], one.n)):
            firm = company.firms[human.firm]
            lead = _lead(human, firm, i, keys, story.get(human.n) or self.next_id(), company.anchor_ms)
            if human.deleted and human.n % 2:
                at = max(lead.created_ms + HOUR_MS, company.anchor_ms - (human.n % 20) * DAY_MS - 2 * HOUR_MS)
                if at < company.anchor_ms:
                    self.deleted.append((lead.id, lead.name, at))
                    continue
            self.put(lead)
            self.by_human[human.n] = lead.id
            if human.duplicate:
                self.put(_again(lead, self.next_id(), firm, i, company.anchor_ms))
            elif human.n % 397 == 200:
                at = max(lead.created_ms, company.anchor_ms - (human.n % 90) * DAY_MS) - HOUR_MS
                self.merged.append((lead.id, self.next_id(), max(at, lead.created_ms)))

    def next_id(self) -> int:
        """An id that no lead has had."""
        self._next += 1
        return self._next - 1

    def put(self, lead: Lead) -> None:
        """Add or replace a lead."""
        old = self.by_id.get(lead.id)
        if old is not None and old.email:
            self._emails[old.email.lower()].remove(old.id)
        self.by_id[lead.id] = lead
        if lead.email:
            self._emails[lead.email.lower()].append(lead.id)

    def drop(self, lead_id: int) -> Lead:
        """Take a lead out."""
        lead = self.by_id.pop(lead_id)
        if lead.email:
            self._emails[lead.email.lower()].remove(lead_id)
        return lead

    def change(self, lead: Lead, values: Mapping[str, Any], at_ms: int) -> Lead:
        """The lead with other values, put in its place."""
        standard = any(not LEAD_FIELDS[name].custom for name in values)
        new = replace(lead, values={**lead.values, **values}, changed_ms=at_ms)
        new.updated_ms = at_ms if standard else lead.updated_ms
        self.put(new)
        return new

    def find(self, field_name: str, wanted: Iterable[str]) -> list[Lead]:
        """Leads whose field has one of the values, by id; letter case does not matter."""
        if field_name == "id":
            ids = {int(value) for value in wanted if value.isdigit()}
            return [self.by_id[n] for n in sorted(ids) if n in self.by_id]
        values = {value.lower() for value in wanted}
        if field_name == "email":
            ids = {n for value in values for n in self._emails.get(value, ())}
            return [self.by_id[n] for n in sorted(ids)]
        return [
            lead
            for _, lead in sorted(self.by_id.items())
            if (value := lead.values.get(field_name)) is not None and str(value).lower() in values
        ]


def _lead(human: Human, firm: Firm, i: int, keys: Keys, lead_id: int, anchor_ms: int) -> Lead:
    kind = human.crm[i] if human.synced[i] else None
    contact = kind == "Contact"
    values: dict[str, Any] = {
        "email": human.email or None,
        "firstName": human.first,
        "lastName": human.last,
        "title": human.title,
        "department": human.department,
        "phone": f"+1 555 {human.n % 1000:03d} {human.n * 13 % 10_000:04d}",
        "company": firm.names[i],
        "website": f"https://www.{firm.domain}",
        "industry": firm.industry,
        "annualRevenue": float(firm.revenue),
        "numberOfEmployees": firm.employees,
        "city": firm.city,
        "state": firm.state or None,
        "country": firm.country,
        "leadSource": ("Web", "Trade Show", "Partner Referral", "Other")[human.n % 4],
        "leadStatus": None if contact else ("Open", "Working", "Recycled")[human.n % 3],
        "leadScore": human.n * 17 % 120,
        "unsubscribed": human.unsubscribed,
        "unsubscribedReason": "Too many messages" if human.unsubscribed and human.n % 2 else None,
        "emailInvalid": False,
        "blackListed": False,
        "marketingSuspended": human.n % 211 == 210,
        "doNotCall": human.n % 41 == 40,
        "personType": "contact" if contact else "lead",
        "isLead": not contact,
        "isAnonymous": False,
        "leadPartitionId": 1,
        "contactCompany": company_id(firm, i, contact),
        "leadPerson": lead_id,
        "originalSourceType": "salesforce.com" if kind else SOURCES[human.n % len(SOURCES)],
        "ecids": human.ecid or None,
        "productInterest": INTERESTS[human.n % len(INTERESTS)],
    }
    if kind:
        record = keys.person(human.n, kind)
        values |= {"sfdcType": kind, "sfdcId": record}
        values["sfdcContactId" if contact else "sfdcLeadId"] = record
        values["sfdcAccountId"] = keys.account(human.firm) if contact else None
        values["externalCompanyId"] = values["sfdcAccountId"]
    created = human.joined_ms[i]
    updated = max(created, human.updated_ms)
    changed = min(updated + (human.n % 5) * 3 * DAY_MS, max(updated, anchor_ms - HOUR_MS))
    return Lead(lead_id, human.n, created, updated, changed, values)


def _again(lead: Lead, lead_id: int, firm: Firm, i: int, anchor_ms: int) -> Lead:
    """A second lead of the same person, from a form, without its CRM."""
    own = {key: value for key, value in lead.values.items() if not key.startswith("sfdc")}
    own |= {"leadPerson": lead_id, "personType": "lead", "isLead": True, "externalCompanyId": None}
    own["contactCompany"] = company_id(firm, i, False)
    own["originalSourceType"] = "Web form fillout"
    at = min(lead.created_ms + 3 * DAY_MS, anchor_ms - HOUR_MS)
    return Lead(lead_id, lead.human, at, at, at, own)
