"""Companies, opportunities and their people, where a Marketo instance shows them.

These calls have no list of everything and no filter by time: companies are asked for by the ids that leads
carry, opportunities by their roles' leads, which are those that changed and those whose log tells of an
opportunity. An instance that a CRM is synced with natively hides them (code 1018); there the CRM itself is
the source, and that is a note and no failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from townsend.sources.contract import Cursor, Page
from townsend.sources.marketo_context import NOT_SHOWN, Context, at, chunks, paged
from townsend.sources.marketo_exports import instant, windows
from townsend.sources.marketo_log import read_log, types_here
from townsend.sources.marketo_people import company_of, lead_extracts, read_leads
from townsend.vendors.marketo import IDS_MAX

__all__ = ["found_by", "leads_of", "pull_companies", "pull_opportunities"]

COMPANIES = "/rest/v1/companies"
OPPORTUNITIES = "/rest/v1/opportunities"
ROLES = "/rest/v1/opportunities/roles"
# Added to an opportunity, removed from it, the opportunity changed.
TOLD_BY = (34, 35, 36)
Row = Mapping[str, Any]


def pull_companies(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Companies of the leads read in this pull, of all leads the first time, as accounts."""
    if cursor is not None and not context.leads:
        yield Page("account", [], {"at": instant(now)})
        return
    fields = _fields(context, "companies", COMPANIES, "company", probe="id")
    if fields is None:
        return
    leads = leads_of(context, cursor, now)
    ids = sorted({company for company in leads.values() if company is not None})
    mapper = context.mapper(context.table("company"))
    rows = (mapper.row(row) for row in found_by(context, COMPANIES, "id", ids, fields))
    yield from paged("account", [(rows, {"at": instant(now)})])


def pull_opportunities(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Opportunities with their roles: of all leads the first time, then of those that changed or are told of.

    The cursor is ``{"at", "token"}``.
    """
    told, token = _told(context, cursor, now)
    behind = {"at": instant(now), "token": token}
    if cursor is not None and not context.leads and not told:
        yield Page("opportunity_person", [], behind)
        return
    role_fields = _fields(context, "opportunities", ROLES, "opportunity_role", probe="leadId")
    if role_fields is None:
        return
    fields = _fields(context, "opportunities", OPPORTUNITIES, "opportunity", probe="externalOpportunityId")
    if fields is None:
        return
    leads = sorted({*leads_of(context, cursor, now), *told})
    mine = found_by(context, ROLES, "leadId", leads, _with_id(role_fields))
    ids = sorted({str(role["externalOpportunityId"]) for role in mine})
    # Also the roles of people who did not change: who is primary says which company it is.
    roles = list(found_by(context, ROLES, "externalOpportunityId", ids, _with_id(role_fields)))
    companies = _companies(context, roles)
    found = list(found_by(context, OPPORTUNITIES, "externalOpportunityId", ids, _with_id(fields)))
    guids = {str(row["externalOpportunityId"]): row["marketoGUID"] for row in found}
    deal = context.mapper(context.table("opportunity"))
    role_of = context.mapper(context.table("opportunity_role"))
    rows = (deal.row({**row, "company": companies.get(str(row["externalOpportunityId"]))}) for row in found)
    yield from paged("opportunity", [(rows, None)])
    relations = (
        role_of.row({**row, "opportunity": guids.get(str(row["externalOpportunityId"]))}) for row in roles
    )
    yield from paged("opportunity_person", [(relations, behind)])


def _told(context: Context, cursor: Cursor | None, now: datetime) -> tuple[dict[int, None], str | None]:
    """Leads whose log tells of an opportunity since the last pull, and the log's position behind."""
    types = types_here(context, TOLD_BY)
    if not types:
        return {}, None
    if cursor is None:
        return {}, context.paging_token(now)
    found: dict[int, None] = {}
    token = cursor.get("token")
    for answer in read_log(context, types, token, at(cursor["at"])):
        found |= dict.fromkeys(int(activity["leadId"]) for activity in answer.result)
        token = answer.token
    return found, token


def _companies(context: Context, roles: Sequence[Row]) -> dict[str, int]:
    """The company of each opportunity: that of its primary person, else of the first."""
    unread = {int(role["leadId"]) for role in roles} - context.leads.keys()
    for lead in read_leads(context, ["id", "contactCompany"], sorted(unread)):
        context.leads[int(lead["id"])] = company_of(lead)
    found: dict[str, int] = {}
    for role in sorted(roles, key=lambda role: (not role.get("isPrimary"), str(role["marketoGUID"]))):
        company = context.leads.get(int(role["leadId"]))
        if company is not None:
            found.setdefault(str(role["externalOpportunityId"]), company)
    return found


def _with_id(fields: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*fields, "externalOpportunityId"]))


def _fields(context: Context, stream: str, path: str, table: str, probe: str) -> list[str] | None:
    """The fields to ask for; None, with a note, if the instance does not show these objects."""
    described = context.marketo.call("GET", f"{path}/describe.json", expect=NOT_SHOWN)
    said = described.said
    if said is None:
        # Some instances describe what they do not show.
        query = {"filterType": probe, "filterValues": "1"}
        said = context.marketo.call("GET", f"{path}.json", params=query, expect=NOT_SHOWN).said
    if said is not None:
        context.note(
            stream,
            f"{path.rpartition('/')[2]} are not shown by this Marketo (code {said}); where a CRM is "
            "synced with it, that CRM is their source",
        )
        return None
    known = {entry["name"] for found in described.result for entry in found.get("fields", ())}
    return [name for name in context.table(table).sources if name in known]


def leads_of(context: Context, cursor: Cursor | None, now: datetime) -> Mapping[int, int | None]:
    """Leads, with their companies' ids, whose objects are to be read."""
    if cursor is None and not context.leads_are_all:
        spans = windows(context.since(now, "people"), now)
        for rows in context.exports.run("leads", lead_extracts(["id", "contactCompany"], "createdAt", spans)):
            assert rows is not None, "every subscription has the filter by createdAt"
            for row in rows:
                context.leads[int(row["id"])] = company_of(row)
        context.leads_are_all = True
    return context.leads


def found_by(
    context: Context, path: str, by: str, values: Sequence[Any], fields: Sequence[str]
) -> Iterator[Row]:
    """Records whose field ``by`` has one of the values, 300 values a call."""
    for some in chunks(values, IDS_MAX):
        query = {"filterType": by, "filterValues": ",".join(map(str, some)), "fields": ",".join(fields)}
        for answer in context.marketo.pages(f"{path}.json", query):
            yield from answer.result
