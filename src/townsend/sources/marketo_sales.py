"""Companies, opportunities and their people, where a Marketo instance shows them.

These calls have no list of everything and no filter by time: companies are asked for by the ids that leads
carry, opportunities by their roles' leads. An instance that a CRM is synced with natively hides them (code
1018); there the CRM itself is the source, and that is a note and no failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from townsend.sources.contract import Cursor, Page
from townsend.sources.marketo_context import NOT_HERE, Context, chunks, paged
from townsend.sources.marketo_exports import instant
from townsend.sources.marketo_people import read_leads
from townsend.vendors.marketo import IDS_MAX

__all__ = ["pull_companies", "pull_opportunities"]

COMPANIES = "/rest/v1/companies"
OPPORTUNITIES = "/rest/v1/opportunities"
ROLES = "/rest/v1/opportunities/roles"
Row = Mapping[str, Any]


def pull_companies(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Companies of the leads read in this pull, of all leads the first time, as accounts."""
    fields = _fields(context, "companies", COMPANIES, "company", probe="id")
    if fields is None:
        return
    leads = _leads(context, cursor, now)
    ids = sorted({company for company in leads.values() if company is not None})
    mapper = context.mapper(context.table("company"))
    rows = (mapper.row(row) for row in _found(context, COMPANIES, "id", ids, fields))
    yield from paged("account", [(rows, {"at": instant(now)})])


def pull_opportunities(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Opportunities and roles of the leads read in this pull, of all leads the first time."""
    role_fields = _fields(context, "opportunities", ROLES, "opportunity_role", probe="leadId")
    fields = _fields(context, "opportunities", OPPORTUNITIES, "opportunity", probe="externalOpportunityId")
    if role_fields is None or fields is None:
        return
    leads = _leads(context, cursor, now)
    asked = [*role_fields, "externalOpportunityId"]
    roles = list(_found(context, ROLES, "leadId", sorted(leads), list(dict.fromkeys(asked))))
    companies: dict[str, int] = {}
    for role in roles:
        company = leads.get(int(role["leadId"]))
        if company is not None and (
            role.get("isPrimary") or str(role["externalOpportunityId"]) not in companies
        ):
            companies[str(role["externalOpportunityId"])] = company
    ids = sorted({str(role["externalOpportunityId"]) for role in roles})
    asked = [*fields, "externalOpportunityId"]
    found = list(_found(context, OPPORTUNITIES, "externalOpportunityId", ids, list(dict.fromkeys(asked))))
    guids = {str(row["externalOpportunityId"]): row["marketoGUID"] for row in found}
    deal, role_of = (
        context.mapper(context.table("opportunity")),
        context.mapper(context.table("opportunity_role")),
    )
    yield from paged(
        "opportunity",
        [
            (
                [
                    deal.row({**row, "company": companies.get(str(row["externalOpportunityId"]))})
                    for row in found
                ],
                None,
            )
        ],
    )
    relations = [
        role_of.row({**row, "opportunity": guids.get(str(row["externalOpportunityId"]))}) for row in roles
    ]
    yield from paged("opportunity_person", [(relations, {"at": instant(now)})])


def _fields(context: Context, stream: str, path: str, table: str, probe: str) -> list[str] | None:
    """The fields to ask for; None, with a note, if the instance does not show these objects."""
    expected = {*NOT_HERE, "603", "610"}
    described = context.marketo.call("GET", f"{path}/describe.json", expect=expected)
    said = described.said
    if said is None:
        # Some instances describe what they do not show.
        query = {"filterType": probe, "filterValues": "1"}
        said = context.marketo.call("GET", f"{path}.json", params=query, expect=expected).said
    if said is not None:
        context.note(
            stream,
            f"{path.rpartition('/')[2]} are not shown by this Marketo (code {said}); where a CRM is "
            "synced with it, that CRM is their source",
        )
        return None
    known = {entry["name"] for found in described.result for entry in found.get("fields", ())}
    return [name for name in context.table(table).sources if name in known]


def _leads(context: Context, cursor: Cursor | None, now: datetime) -> Mapping[int, int | None]:
    """Leads, with their companies' ids, whose objects are to be read."""
    if cursor is None and not context.leads_are_all:
        for row in read_leads(context, ["id", "contactCompany"], context.since(now), now):
            company = str(row.get("contactCompany") or "")
            context.leads[int(row["id"])] = int(company) if company.isdigit() else None
        context.leads_are_all = True
    return context.leads


def _found(
    context: Context, path: str, by: str, values: Sequence[Any], fields: Sequence[str]
) -> Iterator[Row]:
    for some in chunks(values, IDS_MAX):
        query = {"filterType": by, "filterValues": ",".join(map(str, some)), "fields": ",".join(fields)}
        for answer in context.marketo.pages(f"{path}.json", query):
            yield from answer.result
