"""Calls about leads: describe, read by id and by filter, write, delete, merge, partitions, memberships."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from townsend.rehearsal.marketo.envelope import bad_filter, fail, skipped, success, whole, words
from townsend.rehearsal.marketo.people import Lead
from townsend.rehearsal.marketo.schema import LEAD_FIELDS, SEARCHABLE, Field
from townsend.rehearsal.times import text
from townsend.rehearsal.web import Answer, Request, Route

if TYPE_CHECKING:
    from townsend.rehearsal.marketo.instance import Marketo

__all__ = ["PAGE_MAX", "ROUTES", "described", "fields_of", "page", "records", "told"]

PAGE_MAX = 300
VALUES_MAX = 300
MATCHES_MAX = 1_000
MERGED_MAX = 25
DEFAULTS = ("id", "email", "firstName", "lastName", "createdAt", "updatedAt")
ACTIONS = {"createOrUpdate", "createOnly", "updateOnly", "createDuplicate"}
LOOKUPS = {"id", "email", *SEARCHABLE}
COMPANY_ONLY = {"industry", "annualRevenue", "numberOfEmployees", "company", "website"}
T = TypeVar("T")


def page(request: Request, rows: Sequence[T], most: int = PAGE_MAX) -> tuple[Sequence[T], dict[str, Any]]:
    """A page of rows by ``batchSize`` and ``nextPageToken``, and what tells where to go on."""
    size = whole(request.arg("batchSize", str(most)), "batchSize", 1, most)
    start = _position(request.arg("nextPageToken"))
    rest = {"nextPageToken": _token(start + size), "moreResult": True} if start + size < len(rows) else {}
    return rows[start : start + size], rest


def _token(position: int) -> str:
    return base64.urlsafe_b64encode(f"page:{position}".encode()).decode()


def _position(token: str) -> int:
    if not token:
        return 0
    try:
        mark, _, number = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        return int(number) if mark == "page" else fail(1003, "Invalid nextPageToken")
    except ValueError:
        fail(1003, "Invalid nextPageToken")


def fields_of(request: Request, known: Iterable[str], default: Sequence[str]) -> list[str]:
    """The fields that a call asks for; Fault 1006 for an unknown one."""
    wanted = words(request.args.get("fields", [])) or list(default)
    names = {name.lower(): name for name in known}
    for name in wanted:
        if name.lower() not in names:
            fail(1006, f"Field '{name}' not found")
    return list(dict.fromkeys(names[name.lower()] for name in wanted))


def told(lead: Lead, names: Sequence[str]) -> dict[str, Any]:
    """A lead as the interface writes it; its id always comes first."""
    return {"id": lead.id} | {name: lead.get(name) for name in names}


def records(request: Request) -> list[Any]:
    """The ``input`` of a write, at most 300 records."""
    body = request.json()
    if not isinstance(body, dict):
        fail(609, "Invalid JSON")
    found = body.get("input")
    if not isinstance(found, list) or not found:
        fail(1003, "Empty or missing 'input'")
    if len(found) > PAGE_MAX:
        fail(1003, f"The number of input records exceeds {PAGE_MAX}")
    return found


def described(field: Field) -> dict[str, Any]:
    """A field as ``describe2`` and its like write it."""
    found: dict[str, Any] = {"name": field.name, "displayName": field.label, "dataType": field.type}
    found |= {"updateable": field.writable, "crmManaged": field.crm}
    return found | ({"length": field.length} if field.length else {})


def _describe(home: Marketo, request: Request) -> Answer:
    found = []
    for n, field in enumerate(LEAD_FIELDS.values()):
        one: dict[str, Any] = {"id": 10 + n, "displayName": field.label, "dataType": field.type}
        if field.length:
            one["length"] = field.length
        one["rest"] = {"name": field.name, "readOnly": not field.writable}
        one["soap"] = {"name": field.name[:1].upper() + field.name[1:], "readOnly": not field.writable}
        found.append(one)
    return success(home.request_id(request), found)


def _describe2(home: Marketo, request: Request) -> Answer:
    fields = [described(field) for field in LEAD_FIELDS.values()]
    found = {"name": "API Lead", "searchableFields": [[name] for name in SEARCHABLE], "fields": fields}
    return success(home.request_id(request), [found])


def _schema(home: Marketo, request: Request) -> Answer:
    fields = [
        described(field)
        | {"isHidden": False, "isCustom": field.custom, "isSensitive": False, "isHtmlEncodingInEmail": True}
        for field in LEAD_FIELDS.values()
    ]
    rows, rest = page(request, fields)
    return success(home.request_id(request), rows, **rest)


def _by_id(home: Marketo, request: Request, lead_id: str) -> Answer:
    names = fields_of(request, LEAD_FIELDS, DEFAULTS)
    lead = home.world.people.by_id.get(whole(lead_id, "id"))
    return success(home.request_id(request), [told(lead, names)] if lead else [])


def _by_filter(home: Marketo, request: Request) -> Answer:
    kind = request.arg("filterType")
    if kind not in LOOKUPS:
        bad_filter(kind)
    wanted = words(request.args.get("filterValues", []))
    if not wanted:
        fail(1002, "Missing value for 'filterValues'")
    if len(wanted) > VALUES_MAX:
        fail(1003, f"Too many filterValues: {len(wanted)}, at most {VALUES_MAX}")
    names = fields_of(request, LEAD_FIELDS, DEFAULTS)
    found = home.world.people.find(kind, wanted)
    if len(found) > MATCHES_MAX:
        fail(1003, "Too many results match the filter")
    rows, rest = page(request, found)
    return success(home.request_id(request), [told(lead, names) for lead in rows], **rest)


def _write(home: Marketo, request: Request) -> Answer:
    given = records(request)
    body = request.json()
    action = body.get("action", "createOrUpdate")
    lookup = body.get("lookupField", "email")
    if action not in ACTIONS:
        fail(1003, f"Invalid value for action '{action}'")
    if lookup not in LOOKUPS or (lookup == "id" and action != "updateOnly"):
        fail(1003, f"Invalid lookupField '{lookup}'")
    if body.get("partitionName", "Default") != "Default":
        fail(1003, f"Lead partition '{body['partitionName']}' not found")
    seen: set[str] = set()
    found = [_sync(home, one, action, lookup, seen, request.now_ms) for one in given]
    return success(home.request_id(request), found)


def _sync(
    home: Marketo, record: Any, action: str, lookup: str, seen: set[str], now_ms: int
) -> dict[str, Any]:
    refusal = _unfit(record, lookup)
    if refusal is not None:
        return refusal
    key = str(record.get(lookup) or "").strip()
    if action != "createDuplicate":
        if not key:
            return skipped(1003, f"Value for required lookup field '{lookup}' is missing")
        if key.lower() in seen:
            return skipped(1036, "Duplicate key in the input")
        seen.add(key.lower())
    matches = home.world.people.find(lookup, [key]) if action != "createDuplicate" else []
    values = {name: value for name, value in record.items() if name != "id"}
    if not matches:
        if action == "updateOnly":
            return skipped(1004, "Lead not found")
        return {"id": home.do("create_lead", values=values, at_ms=now_ms), "status": "created"}
    if action == "createOnly":
        return skipped(1005, "Lead already exists", id=matches[0].id)
    if len(matches) > 1:
        return skipped(1007, "Multiple lead match lookup criteria")
    lead = matches[0]
    if lead.values.get("externalCompanyId") and COMPANY_ONLY & values.keys():
        return skipped(1021, "Company update not allowed", id=lead.id)
    home.do("change_lead", lead_id=lead.id, values=values, at_ms=now_ms)
    return {"id": lead.id, "status": "updated"}


def _unfit(record: Any, lookup: str) -> dict[str, Any] | None:
    if not isinstance(record, dict):
        return skipped(1003, "Invalid record")
    for name in record:
        if name not in LEAD_FIELDS:
            return skipped(1006, f"Field '{name}' not found")
        if not LEAD_FIELDS[name].writable and name != lookup:
            return skipped(1003, f"Field '{name}' is read only")
    return None


def _delete(home: Marketo, request: Request) -> Answer:
    ids = words(request.args.get("id", []))
    given: list[Any] = [{"id": one} for one in ids] if ids else records(request)
    found = []
    for one in given:
        lead_id = _id_of(one)
        if lead_id is None or lead_id not in home.world.people.by_id:
            found.append(skipped(1004, "Lead not found", id=lead_id))
            continue
        home.do("delete_lead", lead_id=lead_id, at_ms=request.now_ms)
        found.append({"id": lead_id, "status": "deleted"})
    return success(home.request_id(request), found)


def _id_of(record: Any) -> int | None:
    value = record.get("id") if isinstance(record, dict) else record
    return int(value) if isinstance(value, int | str) and str(value).isdigit() else None


def _merge(home: Marketo, request: Request, lead_id: str) -> Answer:
    winner = whole(lead_id, "id")
    losers = [
        whole(one, "leadIds") for one in words(request.args.get("leadIds", request.args.get("leadId", [])))
    ]
    if len(losers) > MERGED_MAX:
        fail(1080, f"Merge of more than {MERGED_MAX} leads")
    known = home.world.people.by_id
    missing = [one for one in (winner, *losers) if one not in known]
    if missing or not losers or winner in losers:
        fail(1004, f"Lead not found: {', '.join(map(str, missing)) or 'no leadIds'}")
    home.do("merge", winner=winner, losers=losers, at_ms=request.now_ms)
    return success(home.request_id(request))


def _partitions(home: Marketo, request: Request) -> Answer:
    found = {"id": 1, "name": "Default", "description": "Initial system lead partition"}
    return success(home.request_id(request), [found])


def _lists_of(home: Marketo, request: Request, lead_id: str) -> Answer:
    lead = _known(home, lead_id)
    found = [
        {"id": one.id, "listId": one.id, "updatedAt": text(one.members[lead])}
        for one in home.world.assets.lists.values()
        if lead in one.members
    ]
    rows, rest = page(request, found)
    return success(home.request_id(request), rows, **rest)


def _programs_of(home: Marketo, request: Request, lead_id: str) -> Answer:
    lead = _known(home, lead_id)
    found = [
        {
            "id": one.id,
            "progressionStatus": one.members[lead].status,
            "reachedSuccess": one.members[lead].success,
            "membershipDate": text(one.members[lead].joined_ms),
            "updatedAt": text(one.members[lead].updated_ms),
        }
        for one in home.world.assets.programs.values()
        if lead in one.members
    ]
    rows, rest = page(request, found)
    return success(home.request_id(request), rows, **rest)


def _known(home: Marketo, lead_id: str) -> int:
    lead = whole(lead_id, "id")
    if lead not in home.world.people.by_id:
        fail(1004, f"Lead '{lead_id}' not found")
    return lead


ROUTES = [
    Route("GET", "/rest/v1/leads.json", _by_filter),
    Route("POST", "/rest/v1/leads.json", _write),
    Route("DELETE", "/rest/v1/leads.json", _delete),
    Route("POST", "/rest/v1/leads/delete.json", _delete),
    Route("GET", "/rest/v1/lead/{lead_id}.json", _by_id),
    Route("GET", "/rest/v1/leads/describe.json", _describe),
    Route("GET", "/rest/v1/leads/describe2.json", _describe2),
    Route("GET", "/rest/v1/leads/schema/fields.json", _schema),
    Route("GET", "/rest/v1/leads/partitions.json", _partitions),
    Route("POST", "/rest/v1/leads/{lead_id}/merge.json", _merge),
    Route("GET", "/rest/v1/leads/{lead_id}/listMembership.json", _lists_of),
    Route("GET", "/rest/v1/leads/{lead_id}/programMembership.json", _programs_of),
]
