"""Calls about companies, opportunities and their roles, as far as a CRM-synced instance lets one see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from townsend.rehearsal.deals import STAGES
from townsend.rehearsal.ids import guid
from townsend.rehearsal.marketo.envelope import bad_filter, fail, success, words
from townsend.rehearsal.marketo.lead_calls import VALUES_MAX, described, fields_of, page
from townsend.rehearsal.marketo.people import company_id
from townsend.rehearsal.marketo.schema import COMPANY_FIELDS, OPPORTUNITY_FIELDS, ROLE_FIELDS, Field
from townsend.rehearsal.salesforce.keys import Keys
from townsend.rehearsal.times import day, text
from townsend.rehearsal.web import Answer, Request, Route

if TYPE_CHECKING:
    from townsend.rehearsal.marketo.instance import Marketo

__all__ = ["ROUTES"]

SYNCED = "CRM integration is enabled for this subscription: the call is not allowed"
COMPANY_SEARCH = ("externalCompanyId", "id", "company")
ROLE_KEY = ("externalOpportunityId", "leadId", "role")
ROLE_SEARCH = ("marketoGUID", "leadId", "externalOpportunityId")
OPPORTUNITY_SEARCH = ("externalOpportunityId", "marketoGUID")
Row = dict[str, Any]


def _companies(home: Marketo) -> list[Row]:
    company = home.world.company
    keys = Keys(home.i)
    firms = {company_id(firm, home.i, True): firm for firm in company.firms if firm.known[home.i]}
    for lead in home.world.people.by_id.values():
        if lead.human is not None:
            firms[lead.values["contactCompany"]] = company.firms[company.humans[lead.human].firm]
    found = []
    for number, firm in sorted(firms.items()):
        own = number == company_id(firm, home.i, True) and firm.known[home.i]
        found.append(
            {
                "id": number,
                "externalCompanyId": keys.account(firm.n) if own else None,
                "company": firm.names[home.i],
                "website": f"https://www.{firm.domain}",
                "industry": firm.industry,
                "annualRevenue": str(firm.revenue),
                "numberOfEmployees": firm.employees,
                "billingCity": firm.city,
                "billingState": firm.state or None,
                "billingCountry": firm.country,
                "createdAt": text(firm.created_ms),
                "updatedAt": text(firm.updated_ms),
            }
        )
    return found


def _opportunities(home: Marketo) -> list[Row]:
    company = home.world.company
    keys = Keys(home.i)
    found = []
    for deal in company.deals:
        if deal.crm != home.i or deal.deleted:
            continue
        probability, forecast, closed, won = STAGES[deal.stage]
        close = day(deal.closed_ms)
        found.append(
            {
                "marketoGUID": guid(company.seed, home.i, "opportunity", deal.n),
                "externalOpportunityId": keys.deal(deal.n),
                "name": deal.name,
                "type": deal.type,
                "stage": deal.stage,
                # Numbers with a fraction come as text here.
                "amount": f"{deal.amount:.2f}",
                "expectedRevenue": f"{deal.amount * probability / 100:.2f}",
                "probability": probability,
                "closeDate": f"{close}T00:00:00Z",
                "isWon": won,
                "isClosed": closed,
                "forecastCategoryName": forecast,
                "fiscalYear": close[:4],
                "fiscalQuarter": str((int(close[5:7]) + 2) // 3),
                "externalCreatedDate": text(deal.created_ms),
                "createdAt": text(deal.created_ms),
                "updatedAt": text(deal.updated_ms),
            }
        )
    return found


def _read(
    home: Marketo,
    request: Request,
    rows: Callable[[Marketo], list[Row]],
    searchable: tuple[str, ...],
    fields: Mapping[str, Field],
    default: tuple[str, ...],
) -> Answer:
    if not home.full:
        fail(1018, SYNCED)
    kind = request.arg("filterType")
    if kind not in searchable:
        bad_filter(kind)
    values = words(request.args.get("filterValues", []))
    if not values or len(values) > VALUES_MAX:
        fail(1003, f"filterValues: expected 1 to {VALUES_MAX}")
    names = fields_of(request, fields, default)
    wanted = {one.lower() for one in values}
    found = [row for row in rows(home) if str(row.get(kind)).lower() in wanted]
    part, rest = page(request, found)
    own = {"id": None} if "id" in fields else {"marketoGUID": None}
    shown = [
        {"seq": n} | {name: row.get(name) for name in dict.fromkeys([*own, *names])}
        for n, row in enumerate(part)
    ]
    return success(home.request_id(request), shown, **rest)


def _read_companies(home: Marketo, request: Request) -> Answer:
    default = ("id", "externalCompanyId", "company", "createdAt", "updatedAt")
    return _read(home, request, _companies, COMPANY_SEARCH, COMPANY_FIELDS, default)


def _read_opportunities(home: Marketo, request: Request) -> Answer:
    default = ("marketoGUID", "externalOpportunityId", "name", "createdAt", "updatedAt")
    return _read(home, request, _opportunities, OPPORTUNITY_SEARCH, OPPORTUNITY_FIELDS, default)


def _describe_companies(home: Marketo, request: Request) -> Answer:
    return _describe(home, request, ("Company", "id", "externalCompanyId"), COMPANY_SEARCH, COMPANY_FIELDS)


def _describe_opportunities(home: Marketo, request: Request) -> Answer:
    names = ("Opportunity", "marketoGUID", "externalOpportunityId")
    return _describe(home, request, names, OPPORTUNITY_SEARCH, OPPORTUNITY_FIELDS)


def _roles(home: Marketo) -> list[Row]:
    company = home.world.company
    keys = Keys(home.i)
    leads = home.world.people.by_human
    return [
        {
            "marketoGUID": guid(company.seed, home.i, "role", deal.n, human),
            "externalOpportunityId": keys.deal(deal.n),
            "leadId": leads[human],
            "role": role,
            "isPrimary": n == 0,
            "externalCreatedDate": text(deal.created_ms),
            "createdAt": text(deal.created_ms),
            "updatedAt": text(deal.updated_ms),
        }
        for deal in company.deals
        if deal.crm == home.i and not deal.deleted
        for n, (human, role) in enumerate(deal.contacts)
        if human in leads
    ]


def _read_roles(home: Marketo, request: Request) -> Answer:
    if home.synced:
        fail(1018, SYNCED)
    return _read(home, request, _roles, ROLE_SEARCH, ROLE_FIELDS, ("marketoGUID", *ROLE_KEY))


def _describe_roles(home: Marketo, request: Request) -> Answer:
    if home.synced:
        fail(1018, SYNCED)
    names = ("Opportunity Role", "marketoGUID", *ROLE_KEY)
    return _describe(home, request, names, ROLE_SEARCH, ROLE_FIELDS)


def _describe(
    home: Marketo,
    request: Request,
    names: tuple[str, ...],
    searchable: tuple[str, ...],
    fields: Mapping[str, Field],
) -> Answer:
    if not home.full:
        fail(1018, SYNCED)
    name, key, *dedupe = names
    found = {
        "name": name,
        "displayName": name,
        "idField": key,
        "dedupeFields": dedupe,
        "searchableFields": [[one] for one in searchable],
        "relationships": [],
        "fields": [described(field) for field in fields.values()],
    }
    return success(home.request_id(request), [found])


def _synced(_home: Marketo, _request: Request) -> Answer:
    fail(1018, SYNCED)


ROUTES = [
    Route("GET", "/rest/v1/companies/describe.json", _describe_companies),
    Route("GET", "/rest/v1/companies.json", _read_companies),
    Route("POST", "/rest/v1/companies.json", _synced),
    Route("POST", "/rest/v1/companies/delete.json", _synced),
    Route("GET", "/rest/v1/opportunities/describe.json", _describe_opportunities),
    Route("GET", "/rest/v1/opportunities.json", _read_opportunities),
    Route("POST", "/rest/v1/opportunities.json", _synced),
    Route("POST", "/rest/v1/opportunities/delete.json", _synced),
    Route("GET", "/rest/v1/opportunities/roles/describe.json", _describe_roles),
    Route("GET", "/rest/v1/opportunities/roles.json", _read_roles),
    Route("POST", "/rest/v1/opportunities/roles.json", _synced),
    Route("GET", "/rest/v1/salespersons/describe.json", _synced),
    Route("GET", "/rest/v1/salespersons.json", _synced),
]
