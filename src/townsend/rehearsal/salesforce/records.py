"""The rows of a rehearsal org: the company as one CRM sees it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from townsend.rehearsal.company import Company
from townsend.rehearsal.firms import Firm
from townsend.rehearsal.ids import salesforce_id
from townsend.rehearsal.people import Human
from townsend.rehearsal.salesforce.keys import Keys, Row, system
from townsend.rehearsal.salesforce.sales import SOURCES, campaigns, contract, opportunity, roles
from townsend.rehearsal.times import DAY_MS, day

__all__ = ["records"]

ACCOUNT_TYPES = ("Customer - Direct", "Prospect", "Customer - Channel", "Technology Partner")


def records(company: Company, crm: int) -> dict[str, list[Row]]:
    """Rows by object, each ordered by SystemModstamp and Id; only fields that have a value, plus Id."""
    keys = Keys(crm)
    found: dict[str, list[Row]] = defaultdict(list)
    _organization(found, keys, company, crm)
    for firm in company.firms:
        if firm.known[crm]:
            found["Account"].append(_account(firm, company, crm, keys))
    for human in company.humans:
        if human.crm[crm] == "Contact":
            found["Contact"].append(_contact(human, keys))
            if human.n % 31 == 30:
                found["Lead"].append(_converted(human, company.firms[human.firm], crm, keys))
        elif human.crm[crm] == "Lead":
            found["Lead"].append(_lead(human, company.firms[human.firm], crm, keys))
    _merged(found, company, keys)
    _relations(found, company, crm, keys)
    for deal in company.deals:
        if deal.crm == crm:
            found["Opportunity"].append(opportunity(deal, company, keys))
            found["OpportunityContactRole"] += roles(deal, keys)
            if signed := contract(deal, keys):
                found["Contract__c"].append(signed)
    campaigns(found, company, crm, keys)
    order: Callable[[Row], tuple[int, str]] = lambda row: (row["SystemModstamp"], row["Id"])  # noqa: E731
    return {name: sorted(rows, key=order) for name, rows in found.items()}


def _organization(found: dict[str, list[Row]], keys: Keys, company: Company, crm: int) -> None:
    since = company.anchor_ms - 1_200 * DAY_MS
    since -= since % 1_000
    name = f"Bodea Line of Business {crm + 1}"
    user: Row = {
        "Username": f"integration@crm{crm + 1}.bodea.example",
        "LastName": "User",
        "FirstName": "Integration",
    }
    user |= {"Name": "Integration User", "Email": "integration@bodea.example", "IsActive": True}
    organization: Row = {
        "Name": name,
        "IsSandbox": False,
        "OrganizationType": "Enterprise Edition",
        "InstanceName": "CS1",
    }
    for kind, record_id, row in (("User", keys.user, user), ("Organization", keys.org, organization)):
        stamps = system(keys, record_id, since, since)
        del stamps["IsDeleted"]
        found[kind].append(stamps | row)


def _account(firm: Firm, company: Company, crm: int, keys: Keys) -> Row:
    parent = company.firms[firm.parent] if firm.parent is not None else None
    return system(keys, keys.account(firm.n), firm.created_ms, firm.updated_ms) | {
        "Name": firm.names[crm],
        "Type": ACCOUNT_TYPES[firm.n % len(ACCOUNT_TYPES)],
        "ParentId": keys.account(parent.n) if parent and parent.known[crm] else None,
        "BillingStreet": f"{1 + firm.n % 240} Market Street",
        "BillingCity": firm.city,
        "BillingState": firm.state or None,
        "BillingPostalCode": f"{10_000 + firm.n * 37 % 89_999}",
        "BillingCountry": firm.country,
        "Phone": f"+1 555 {firm.n % 1000:03d} {firm.n * 7 % 10_000:04d}",
        "Website": f"https://www.{firm.domain}",
        "Industry": firm.industry,
        # The second line of business keeps rounder figures, and not for everyone.
        "AnnualRevenue": float(firm.revenue if crm == 0 else round(firm.revenue, -6) or firm.revenue),
        "NumberOfEmployees": firm.employees if crm == 0 or firm.n % 3 else None,
        "DunsNumber": firm.duns if firm.n % 2 == 0 or firm.n == 0 else None,
        "Rating": ("Hot", "Warm", "Cold", None)[firm.n % 4],
        "Site": "Headquarters" if firm.n % 5 == 0 else None,
        "OwnerId": keys.user,
        "AccountSource": SOURCES[firm.n % len(SOURCES)],
        "Tier__c": ("Gold", "Silver", None)[firm.n % 3],
    }


def _person(human: Human) -> Row:
    email = human.email if human.n % 33 or human.n < 3 else human.email.title()
    return {
        "LastName": human.last,
        "FirstName": human.first,
        "Name": f"{human.first} {human.last}",
        "Email": email or None,
        "Title": human.title,
        "Phone": f"+1 555 {human.n % 1000:03d} {human.n * 13 % 10_000:04d}",
        "MobilePhone": f"+1 555 {human.n * 3 % 1000:03d} {human.n * 17 % 10_000:04d}"
        if human.n % 3 == 0
        else None,
        "LeadSource": SOURCES[human.n % len(SOURCES)],
        "HasOptedOutOfEmail": human.unsubscribed and human.n % 2 == 0,
        "DoNotCall": human.n % 41 == 40,
    }


def _contact(human: Human, keys: Keys) -> Row:
    record_id = keys.person(human.n, "Contact")
    return system(keys, record_id, human.created_ms, human.updated_ms, human.deleted) | _person(human) | {
        "AccountId": keys.account(human.firm),
        "Department": human.department,
        "OwnerId": keys.user,
        "HasOptedOutOfFax": False,
        "IsEmailBounced": False,
    }  # fmt: skip


def _lead(human: Human, firm: Firm, crm: int, keys: Keys) -> Row:
    stamps = system(keys, keys.person(human.n, "Lead"), human.created_ms, human.updated_ms, human.deleted)
    return stamps | _person(human) | {
        "Company": firm.names[crm],
        "City": firm.city,
        "State": firm.state or None,
        "Country": firm.country,
        "Website": f"https://www.{firm.domain}",
        "Industry": firm.industry,
        "NumberOfEmployees": firm.employees,
        "Status": ("Open - Not Contacted", "Working - Contacted", "Closed - Not Converted")[human.n % 3],
        "OwnerId": keys.user,
        "IsConverted": False,
    }  # fmt: skip


def _converted(human: Human, firm: Firm, crm: int, keys: Keys) -> Row:
    row = _lead(human, firm, crm, keys)
    at = human.created_ms
    row |= {"CreatedDate": at - 20 * DAY_MS, "LastModifiedDate": at, "SystemModstamp": at, "IsDeleted": False}
    return row | {
        "Status": "Closed - Converted",
        "IsConverted": True,
        "ConvertedDate": day(at),
        "ConvertedAccountId": keys.account(human.firm),
        "ConvertedContactId": keys.person(human.n, "Contact"),
    }


def _merged(found: dict[str, list[Row]], company: Company, keys: Keys) -> None:
    """One contact that was merged into another: deleted, and it names the one that stayed."""
    story = {keys.person(human, "Contact") for human in (0, 1, 2)}
    winner = next((row for row in found["Contact"] if row["Email"] and row["Id"] not in story), None)
    humans = len(company.humans)
    if winner is None or humans <= 3:
        return
    loser = winner | {"Id": keys.person(humans, "Contact"), "IsDeleted": True, "MasterRecordId": winner["Id"]}
    at = company.anchor_ms - 6 * DAY_MS
    at -= at % 1_000
    loser |= {"CreatedDate": at - 40 * DAY_MS, "LastModifiedDate": at, "SystemModstamp": at, "Title": None}
    found["Contact"].append(loser)


def _relations(found: dict[str, list[Row]], company: Company, crm: int, keys: Keys) -> None:
    for n, tie in enumerate(company.relations):
        if tie.crm != crm:
            continue
        human = company.humans[tie.human]
        created = human.created_ms if tie.direct else human.created_ms + 3_600_000
        record_id = salesforce_id("AccountContactRelation", keys.pod, n + 1)
        found["AccountContactRelation"].append(
            system(keys, record_id, created, max(created, human.updated_ms), human.deleted)
            | {
                "AccountId": keys.account(tie.firm),
                "ContactId": keys.person(tie.human, "Contact"),
                "Roles": ";".join(tie.roles),
                "IsDirect": tie.direct,
                "IsActive": tie.active,
                "StartDate": day(tie.start_ms) if tie.start_ms else None,
                "EndDate": day(tie.end_ms) if tie.end_ms else None,
            }
        )
