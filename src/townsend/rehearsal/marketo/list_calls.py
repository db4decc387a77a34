"""Calls about static lists in the lead database: read lists, members; add, remove, ask for membership."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from townsend.rehearsal.marketo.assets import WORKSPACE, StaticList
from townsend.rehearsal.marketo.envelope import fail, skipped, success, whole, words
from townsend.rehearsal.marketo.lead_calls import DEFAULTS, PAGE_MAX, fields_of, page, told
from townsend.rehearsal.marketo.schema import LEAD_FIELDS
from townsend.rehearsal.times import text
from townsend.rehearsal.web import FORM, Answer, Request, Route

if TYPE_CHECKING:
    from townsend.rehearsal.marketo.instance import Marketo

__all__ = ["ROUTES"]


def _lists(home: Marketo, request: Request) -> Answer:
    ids = {whole(one, "id") for one in words(request.args.get("id", []))}
    names = {one.lower() for one in words(request.args.get("name", []))}
    found = [
        _told(one)
        for _, one in sorted(home.world.assets.lists.items())
        if (not ids or one.id in ids) and (not names or one.name.lower() in names)
    ]
    if words(request.args.get("programName", [])):
        found = []
    rows, rest = page(request, found)
    return success(home.request_id(request), rows, **rest)


def _told(one: StaticList) -> dict[str, Any]:
    found: dict[str, Any] = {"id": one.id, "name": one.name}
    if one.description:
        found["description"] = one.description
    return found | {
        "workspaceName": WORKSPACE,
        "createdAt": text(one.created_ms),
        "updatedAt": text(one.updated_ms),
    }


def _list(home: Marketo, request: Request, list_id: str) -> Answer:
    return success(home.request_id(request), [_told(_found(home, list_id))])


def _found(home: Marketo, list_id: str) -> StaticList:
    one = home.world.assets.lists.get(whole(list_id, "listId"))
    if one is None:
        fail(1013, f"List with id '{list_id}' not found")
    return one


def _members(home: Marketo, request: Request, list_id: str) -> Answer:
    one = _found(home, list_id)
    names = fields_of(request, LEAD_FIELDS, DEFAULTS)
    rows, rest = page(request, sorted(one.members))
    people = home.world.people.by_id
    return success(home.request_id(request), [told(people[lead], names) for lead in rows], **rest)


def _ids(request: Request) -> list[str]:
    """Ids from the query, from a form, or from a JSON body; at most 300."""
    found = words(request.args.get("id", []))
    if not found and request.content_type == FORM:
        found = words(request.form.get("id", []))
    if not found and request.body and request.content_type != FORM:
        body = request.json()
        given = body.get("input") if isinstance(body, dict) else body
        if not isinstance(given, list):
            fail(1003, "Empty or missing 'input'")
        found = [str(one.get("id")) if isinstance(one, dict) else str(one) for one in given]
    if not found:
        fail(1002, "Missing value for 'id'")
    if len(found) > PAGE_MAX:
        fail(1003, f"The number of input records exceeds {PAGE_MAX}")
    return found


def _add(home: Marketo, request: Request, list_id: str) -> Answer:
    one = _found(home, list_id)
    outcome, fit = _sorted_out(home, _ids(request))
    if fit:
        home.do("add", list_id=one.id, leads=fit, at_ms=request.now_ms)
    # Adding a member again is told as added too.
    return success(home.request_id(request), [row or {"id": n, "status": "added"} for n, row in outcome])


def _remove(home: Marketo, request: Request, list_id: str) -> Answer:
    one = _found(home, list_id)
    outcome, fit = _sorted_out(home, _ids(request))
    inside = {lead for lead in fit if lead in one.members}
    if inside:
        home.do("remove", list_id=one.id, leads=sorted(inside), at_ms=request.now_ms)
    found = []
    for n, row in outcome:
        if row is None:
            row = {"id": n, "status": "removed"} if n in inside else skipped(1015, "Lead not in list", id=n)
        found.append(row)
    return success(home.request_id(request), found)


def _is_member(home: Marketo, request: Request, list_id: str) -> Answer:
    one = _found(home, list_id)
    outcome, _ = _sorted_out(home, _ids(request))
    found = [
        row or {"id": n, "status": "memberof" if n in one.members else "notmemberof"} for n, row in outcome
    ]
    return success(home.request_id(request), found)


def _sorted_out(
    home: Marketo, ids: list[str]
) -> tuple[list[tuple[int | str, dict[str, Any] | None]], list[int]]:
    """Each id with its refusal, if it is no lead's; and the ids that are."""
    outcome: list[tuple[int | str, dict[str, Any] | None]] = []
    fit = []
    for one in ids:
        lead = int(one) if one.isdigit() else -1
        if lead in home.world.people.by_id:
            outcome.append((lead, None))
            fit.append(lead)
        else:
            shown: int | str = lead if one.isdigit() else one
            outcome.append((shown, skipped(1004, "Lead not found", id=shown)))
    return outcome, fit


ROUTES = [
    Route("GET", "/rest/v1/lists.json", _lists),
    Route("GET", "/rest/v1/lists/{list_id}.json", _list),
    *(
        route
        for path in ("/rest/v1/lists/{list_id}/leads", "/rest/v1/list/{list_id}/leads")
        for route in (
            Route("GET", f"{path}.json", _members),
            Route("POST", f"{path}.json", _add),
            Route("DELETE", f"{path}.json", _remove),
            Route("GET", f"{path}/ismember.json", _is_member),
        )
    ),
]
