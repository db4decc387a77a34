"""Calls about programs, their channels and their members."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from townsend.rehearsal.engagement import CHANNELS
from townsend.rehearsal.marketo.asset_calls import asset_page, instant
from townsend.rehearsal.marketo.assets import PROGRAMS_ID, WORKSPACE, Member, Program
from townsend.rehearsal.marketo.envelope import asset, bad_filter, fail, skipped, success, whole, words
from townsend.rehearsal.marketo.lead_calls import described, fields_of, page, records
from townsend.rehearsal.marketo.schema import LEAD_FIELDS, MEMBER_FIELDS
from townsend.rehearsal.times import DAY_MS, parse, text
from townsend.rehearsal.web import Answer, Request, Route

if TYPE_CHECKING:
    from townsend.rehearsal.marketo.instance import Marketo

__all__ = ["ROUTES", "cadence_of", "member_value"]

DEFAULTS = ("leadId", "programId", "statusName", "reachedSuccess", "membershipDate", "createdAt", "updatedAt")
WINDOW_MS = 7 * DAY_MS


def _told(one: Program) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "description": "",
        "createdAt": instant(one.created_ms),
        "updatedAt": instant(one.updated_ms),
        "url": f"https://app-lon01.marketo.com/#PG{one.id}A1",
        "type": one.type,
        "channel": one.channel,
        "folder": {"type": "Folder", "value": PROGRAMS_ID, "folderName": "Programmes"},
        "status": "on" if one.type == "Email" else "",
        "workspace": WORKSPACE,
        "sfdcId": one.campaign,
        "sfdcName": one.name if one.campaign else None,
        "headStart": False,
    }


def _programs(home: Marketo, request: Request) -> Answer:
    kind = request.arg("filterType")
    wanted = words(request.args.get("filterValues", []))
    if kind and kind not in {"id", "programId", "folderId", "workspace"}:
        fail(1003, f"Invalid filterType '{kind}'")
    since, until = (_instant(request, name) for name in ("earliestUpdatedAt", "latestUpdatedAt"))
    found = [
        _told(one)
        for _, one in sorted(home.world.assets.programs.items())
        if _fits(one, kind, wanted)
        and (since is None or one.updated_ms >= since)
        and (until is None or one.updated_ms <= until)
    ]
    return asset(home.request_id(request), asset_page(request, found))


def _fits(one: Program, kind: str, wanted: list[str]) -> bool:
    value = {"folderId": str(PROGRAMS_ID), "workspace": WORKSPACE}.get(kind, str(one.id))
    return not kind or value in wanted


def _instant(request: Request, name: str) -> int | None:
    written = request.arg(name)
    try:
        return parse(written) if written else None
    except ValueError:
        fail(1001, f"Invalid value '{written}' for '{name}'. Required of type 'datetime'")


def _program(home: Marketo, request: Request, program_id: str) -> Answer:
    one = home.world.assets.programs.get(whole(program_id, "id"))
    return asset(home.request_id(request), [_told(one)] if one else [])


def _by_name(home: Marketo, request: Request) -> Answer:
    wanted = request.arg("name").strip().lower()
    found = [_told(one) for one in home.world.assets.programs.values() if one.name.lower() == wanted]
    return asset(home.request_id(request), found)


def _channels(home: Marketo, request: Request) -> Answer:
    found = [
        {
            "id": n + 1,
            "name": name,
            "applicableProgramType": kind,
            "progressionStatuses": [
                {"name": status, "step": step, "success": won, "hidden": False, "type": None}
                for status, step, won in statuses
            ],
        }
        for n, (name, (kind, statuses)) in enumerate(CHANNELS.items())
    ]
    return asset(home.request_id(request), asset_page(request, found))


def cadence_of(program: Program) -> str | None:
    """The pace of a nurture programme's members; others have none."""
    return "norm" if program.type == "Nurture" else None


def member_value(home: Marketo, program: Program, lead: int, member: Member, name: str) -> Any:
    """A field of a membership, or of its lead."""
    own = {
        "leadId": lead,
        "programId": program.id,
        "statusName": member.status,
        "reachedSuccess": member.success,
        "reachedSuccessDate": text(member.updated_ms) if member.success else None,
        "membershipDate": text(member.joined_ms),
        "acquiredBy": False,
        "isExhausted": False,
        "nurtureCadence": cadence_of(program),
        "createdAt": text(member.joined_ms),
        "updatedAt": text(member.updated_ms),
    }
    if name in own or name in MEMBER_FIELDS:
        return own.get(name)
    return home.world.people.by_id[lead].get(name)


def _found(home: Marketo, program_id: str) -> Program:
    one = home.world.assets.programs.get(whole(program_id, "programId"))
    if one is None:
        fail(1013, f"Program with id '{program_id}' not found")
    return one


def _members(home: Marketo, request: Request, program_id: str) -> Answer:
    program = _found(home, program_id)
    fits = _filter(request)
    names = fields_of(request, [*MEMBER_FIELDS, *LEAD_FIELDS], DEFAULTS)
    chosen = [(lead, member) for lead, member in sorted(program.members.items()) if fits(lead, member)]
    rows, rest = page(request, chosen)
    names = list(dict.fromkeys(["leadId", "programId", *names]))
    found = [
        {"seq": n} | {name: member_value(home, program, lead, member, name) for name in names}
        for n, (lead, member) in enumerate(rows)
    ]
    return success(home.request_id(request), found, **rest)


def _filter(request: Request) -> Callable[[int, Member], bool]:
    kind = request.arg("filterType")
    wanted = set(words(request.args.get("filterValues", [])))
    if kind == "leadId":
        return lambda lead, _member: str(lead) in wanted
    if kind == "statusName":
        return lambda _lead, member: member.status in wanted
    if kind == "reachedSuccess":
        return lambda _lead, member: str(member.success).lower() in {one.lower() for one in wanted}
    if kind != "updatedAt":
        bad_filter(kind)
    start, end = _instant(request, "startAt"), _instant(request, "endAt")
    if start is None:
        fail(1002, "Missing value for 'startAt'")
    low, high = start, start + WINDOW_MS if end is None else end
    if high - low > WINDOW_MS:
        fail(1003, "The date range may span 7 days at most")
    return lambda _lead, member: low <= member.updated_ms < high


def _describe(home: Marketo, request: Request) -> Answer:
    fields = [described(field) for field in MEMBER_FIELDS.values()]
    found = {
        "name": "API Program Membership",
        "dedupeFields": ["leadId", "programId"],
        "searchableFields": [["leadId"], ["statusName"], ["reachedSuccess"]],
        "fields": fields,
    }
    return success(home.request_id(request), [found])


def _set_status(home: Marketo, request: Request, program_id: str) -> Answer:
    program = _found(home, program_id)
    given = records(request)
    body = request.json()
    status = str(body.get("statusName", ""))
    if program.step(status) is None:
        fail(1025, f"Program status '{status}' not found")
    found = []
    for seq, one in enumerate(given):
        lead = one.get("leadId") if isinstance(one, dict) else None
        if not isinstance(lead, int) or lead not in home.world.people.by_id:
            found.append(skipped(1004, "Lead not found", seq=seq, leadId=lead))
        elif lead in program.members and program.members[lead].status == status:
            found.append(skipped(1037, f"Lead already in status '{status}'", seq=seq, leadId=lead))
        else:
            kind = "updated" if lead in program.members else "created"
            home.do("status", program_id=program.id, leads=[lead], status=status, at_ms=request.now_ms)
            found.append({"seq": seq, "leadId": lead, "status": kind})
    return success(home.request_id(request), found)


def _leave(home: Marketo, request: Request, program_id: str) -> Answer:
    program = _found(home, program_id)
    found = []
    for seq, one in enumerate(records(request)):
        lead = one.get("leadId") if isinstance(one, dict) else None
        if lead not in program.members:
            found.append(skipped(1004, "Lead not found in program", seq=seq, leadId=lead))
            continue
        home.do("leave_program", program_id=program.id, leads=[lead])
        found.append({"seq": seq, "leadId": lead, "status": "deleted"})
    return success(home.request_id(request), found)


ROUTES = [
    Route("GET", "/rest/asset/v1/programs.json", _programs),
    Route("GET", "/rest/asset/v1/program/byName.json", _by_name),
    Route("GET", "/rest/asset/v1/program/{program_id}.json", _program),
    Route("GET", "/rest/asset/v1/channels.json", _channels),
    Route("GET", "/rest/v1/programs/members/describe.json", _describe),
    Route("GET", "/rest/v1/programs/{program_id}/members.json", _members),
    Route("POST", "/rest/v1/programs/{program_id}/members/status.json", _set_status),
    Route("POST", "/rest/v1/programs/{program_id}/members/delete.json", _leave),
]
