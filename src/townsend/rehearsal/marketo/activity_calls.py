"""Calls about activities: types, paging tokens, pages, changes of leads, deleted leads."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from townsend.rehearsal import times
from townsend.rehearsal.marketo.activities import written
from townsend.rehearsal.marketo.envelope import fail, success, whole, words
from townsend.rehearsal.marketo.lead_calls import PAGE_MAX, records
from townsend.rehearsal.marketo.people import DELETED_DAYS
from townsend.rehearsal.marketo.schema import ACTIVITY_TYPES, LEAD_FIELDS
from townsend.rehearsal.times import DAY_MS
from townsend.rehearsal.web import Answer, Request, Route

if TYPE_CHECKING:
    from townsend.rehearsal.marketo.instance import Marketo

__all__ = ["ROUTES"]

TYPES_MAX = 10
LEADS_MAX = 30
# A page reads on for at most that many activities, so it can be short, or empty, with more to come.
SCANNED_MAX = 3_000


def _types(home: Marketo, request: Request) -> Answer:
    found = []
    for kind in ACTIVITY_TYPES.values():
        one: dict[str, Any] = {"id": kind.id, "name": kind.name, "description": kind.name}
        if kind.primary:
            one["primaryAttribute"] = _attribute(kind.primary)
        if kind.api:
            one |= {"apiName": kind.api, "status": "approved"}
        found.append(one | {"attributes": [_attribute(each) for each in kind.attributes]})
    return success(home.request_id(request), found)


def _attribute(text: str) -> dict[str, str]:
    name, _, kind = text.rpartition(":")
    return {"name": name, "dataType": "integer" if kind == "reference" else kind}


def _paging_token(home: Marketo, request: Request) -> Answer:
    since = _since(request)
    position = home.world.activities.since(since)
    return success(home.request_id(request), nextPageToken=_token("at", position, since, request))


def _since(request: Request) -> int:
    text = request.arg("sinceDatetime")
    if not text:
        fail(1002, "Missing value for 'sinceDatetime'")
    try:
        return times.parse(text)
    except ValueError:
        fail(1001, f"Invalid value '{text}' for 'sinceDatetime'. Required of type 'datetime'")


def _token(kind: str, position: int, since: int, request: Request) -> str:
    return base64.b32encode(f"{kind}:{position}:{since}:{request.now_ms}".encode()).decode()


def _read_token(home: Marketo, request: Request) -> tuple[str, int, int]:
    """A token's kind, its position in that log, and the instant it was asked for."""
    token = request.arg("nextPageToken")
    if not token:
        fail(1002, "Missing value for 'nextPageToken'")
    try:
        kind, *numbers = base64.b32decode(token.encode()).decode().split(":")
        position, since, issued = map(int, numbers)
    except ValueError:
        fail(1003, "Invalid nextPageToken")
    if request.now_ms - issued > home.limits.paging_token_s * times.SECOND_MS:
        fail(1003, "Expired nextPageToken")
    return kind, position, since


def _page(
    home: Marketo, request: Request, types: set[int], leads: set[int] | None
) -> tuple[list[Any], dict[str, Any]]:
    kind, position, since = _read_token(home, request)
    if kind != "at":
        fail(1003, "Invalid nextPageToken")
    most = whole(request.arg("batchSize", str(PAGE_MAX)), "batchSize", 1, PAGE_MAX)
    all_of_them = home.world.activities
    seen = all_of_them.seen(request.now_ms - home.limits.visible_after_s * times.SECOND_MS)
    end = max(position, min(position + SCANNED_MAX, seen))
    found, after = all_of_them.scan(position, end, types, leads, most)
    return found, {"nextPageToken": _token("at", after, since, request), "moreResult": after < seen}


def _activities(home: Marketo, request: Request) -> Answer:
    types = {whole(one, "activityTypeIds") for one in words(request.args.get("activityTypeIds", []))}
    if not types:
        fail(1002, "Missing value for 'activityTypeIds'")
    if len(types) > TYPES_MAX:
        fail(1003, f"Too many activityTypeIds: at most {TYPES_MAX}")
    for kind in sorted(types):
        if kind not in ACTIVITY_TYPES:
            fail(1003, f"Invalid activity type '{kind}'")
    asked = {whole(one, "leadIds") for one in words(request.args.get("leadIds", []))}
    if len(asked) > LEADS_MAX:
        fail(1003, f"Too many leadIds: at most {LEADS_MAX}")
    leads = asked or None
    if list_id := request.arg("listId"):
        one = home.world.assets.lists.get(whole(list_id, "listId"))
        if one is None:
            fail(1013, f"List with id '{list_id}' not found")
        leads = set(one.members) if leads is None else leads & set(one.members)
    found, rest = _page(home, request, types, leads)
    if not found:
        return success(home.request_id(request), **rest)
    return success(home.request_id(request), [written(one, times.text(one.at_ms)) for one in found], **rest)


def _changes(home: Marketo, request: Request) -> Answer:
    fields = words(request.args.get("fields", []))
    if not fields:
        fail(1002, "Missing value for 'fields'")
    for name in fields:
        if name not in LEAD_FIELDS:
            fail(1006, f"Field '{name}' not found")
    found, rest = _page(home, request, {12, 13}, None)
    rows = []
    for one in found:
        row = written(one, times.text(one.at_ms))
        row = {key: value for key, value in row.items() if not key.startswith("primary")}
        if one.type == 13:
            if one.told.primary not in fields:
                continue
            change = {"id": one.told.primary_id, "name": one.told.primary}
            change |= {
                "newValue": one.told.attributes["New Value"],
                "oldValue": one.told.attributes["Old Value"],
            }
            row["fields"] = [change]
            row["attributes"] = [a for a in row["attributes"] if a["name"] in {"Reason", "Source"}]
        else:
            row["fields"] = []
        rows.append(row)
    return success(home.request_id(request), rows, **rest)


def _deleted(home: Marketo, request: Request) -> Answer:
    kind, position, since = _read_token(home, request)
    # Deleted leads are counted by themselves: a token from ``pagingtoken`` starts at its instant.
    position = position if kind == "gone" else 0
    most = whole(request.arg("batchSize", str(PAGE_MAX)), "batchSize", 1, PAGE_MAX)
    low = max(since, request.now_ms - DELETED_DAYS * DAY_MS)
    high = request.now_ms - home.limits.visible_after_s * times.SECOND_MS
    deleted = home.world.people.deleted
    seen = next((n for n, one in enumerate(deleted) if one[2] > high), len(deleted))
    gone = [(n, one) for n, one in enumerate(deleted[:seen]) if n >= position and one[2] >= low]
    rows = [
        {
            "id": 9_000_001 + n,
            "marketoGUID": str(9_000_001 + n),
            "leadId": lead,
            "activityDate": times.text(at),
            "activityTypeId": 37,
            "campaignId": 0,
            "primaryAttributeValueId": lead,
            "primaryAttributeValue": name,
            "attributes": [{"name": "Delete Lead from CRM", "value": False}],
        }
        for n, (lead, name, at) in gone[:most]
    ]
    more = len(gone) > most
    after = gone[most][0] if more else max(position, seen)
    rest = {"nextPageToken": _token("gone", after, since, request), "moreResult": more}
    return success(home.request_id(request), rows or None, **rest)


def _add_own(home: Marketo, request: Request) -> Answer:
    """Custom activities; a refused record has ``errors`` here, not ``reasons``."""
    found: list[dict[str, Any]] = []
    for one in records(request):
        kind = ACTIVITY_TYPES.get(one.get("activityTypeId", 0)) if isinstance(one, dict) else None
        if kind is None or kind.api is None:
            error = {"code": "1003", "message": "Invalid activityTypeId"}
            found.append({"status": "skipped", "errors": [error]})
            continue
        if one.get("leadId") not in home.world.people.by_id:
            found.append({"status": "skipped", "errors": [{"code": "1004", "message": "Lead not found"}]})
            continue
        home.do(
            "act",
            kind=kind.id,
            lead_id=one["leadId"],
            primary=str(one.get("primaryAttributeValue", "")),
            attributes={each["name"]: each.get("value") for each in one.get("attributes") or ()},
            at_ms=times.parse(str(one["activityDate"])) if one.get("activityDate") else request.now_ms,
            arrived_ms=request.now_ms,
        )
        number = home.world.activities.last_id
        found.append({"id": number, "marketoGUID": str(number), "status": "added"})
    return success(home.request_id(request), found)


ROUTES = [
    Route("GET", "/rest/v1/activities/types.json", _types),
    Route("GET", "/rest/v1/activities/pagingtoken.json", _paging_token),
    Route("GET", "/rest/v1/activities.json", _activities),
    Route("GET", "/rest/v1/activities/leadchanges.json", _changes),
    Route("GET", "/rest/v1/activities/deletedleads.json", _deleted),
    Route("POST", "/rest/v1/activities/external.json", _add_own),
]
