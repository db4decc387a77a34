"""Calls about activities: types, paging tokens, pages, changes of leads, deleted leads."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from townsend.rehearsal import times
from townsend.rehearsal.marketo.activities import written
from townsend.rehearsal.marketo.envelope import fail, success, whole, words
from townsend.rehearsal.marketo.lead_calls import PAGE_MAX
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
        found.append(one | {"attributes": [_attribute(each) for each in kind.attributes]})
    return success(home.request_id(request), found)


def _attribute(text: str) -> dict[str, str]:
    name, _, kind = text.rpartition(":")
    return {"name": name, "dataType": "integer" if kind == "reference" else kind}


def _paging_token(home: Marketo, request: Request) -> Answer:
    since = _since(request)
    position = home.world.activities.since(since)
    return success(home.request_id(request), nextPageToken=_token("at", position, since))


def _since(request: Request) -> int:
    text = request.arg("sinceDatetime")
    if not text:
        fail(1002, "Missing value for 'sinceDatetime'")
    try:
        return times.parse(text)
    except ValueError:
        fail(1001, f"Invalid value '{text}' for 'sinceDatetime'. Required of type 'datetime'")


def _token(kind: str, position: int, since: int) -> str:
    return base64.b32encode(f"{kind}:{position}:{since}".encode()).decode()


def _read_token(request: Request) -> tuple[int, int]:
    """A token's position among the activities, and the instant it was asked for."""
    token = request.arg("nextPageToken")
    if not token:
        fail(1002, "Missing value for 'nextPageToken'")
    try:
        kind, position, since = base64.b32decode(token.encode()).decode().split(":")
        numbers = int(position), int(since)
    except ValueError:
        fail(1003, "Invalid nextPageToken")
    if kind != "at":
        fail(1003, "Invalid nextPageToken")
    return numbers


def _page(
    home: Marketo, request: Request, types: set[int], leads: set[int] | None
) -> tuple[list[Any], dict[str, Any]]:
    position, since = _read_token(request)
    most = whole(request.arg("batchSize", str(PAGE_MAX)), "batchSize", 1, PAGE_MAX)
    all_of_them = home.world.activities
    end = min(position + SCANNED_MAX, len(all_of_them))
    found, after = all_of_them.scan(position, end, types, leads, most)
    return found, {"nextPageToken": _token("at", after, since), "moreResult": after < len(all_of_them)}


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
    position, since = _read_token_of_deleted(request)
    most = whole(request.arg("batchSize", str(PAGE_MAX)), "batchSize", 1, PAGE_MAX)
    low = max(since, request.now_ms - DELETED_DAYS * DAY_MS)
    gone = [one for one in enumerate(home.world.people.deleted) if one[0] >= position and one[1][2] >= low]
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
    after = gone[most][0] if more else len(home.world.people.deleted)
    rest = {"nextPageToken": _token("gone", after, since), "moreResult": more}
    return success(home.request_id(request), rows or None, **rest)


def _read_token_of_deleted(request: Request) -> tuple[int, int]:
    """Deleted leads are counted by themselves: a token from ``pagingtoken`` starts at its instant."""
    token = request.arg("nextPageToken")
    if not token:
        fail(1002, "Missing value for 'nextPageToken'")
    try:
        kind, position, since = base64.b32decode(token.encode()).decode().split(":")
        return (int(position) if kind == "gone" else 0), int(since)
    except ValueError:
        fail(1003, "Invalid nextPageToken")


ROUTES = [
    Route("GET", "/rest/v1/activities/types.json", _types),
    Route("GET", "/rest/v1/activities/pagingtoken.json", _paging_token),
    Route("GET", "/rest/v1/activities.json", _activities),
    Route("GET", "/rest/v1/activities/leadchanges.json", _changes),
    Route("GET", "/rest/v1/activities/deletedleads.json", _deleted),
]
