"""Calls of bulk extracts of leads, activities, program members and a custom object, from create to file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from townsend.rehearsal import times
from townsend.rehearsal.marketo.bulk_files import ACTIVITY_COLUMNS, FORMATS, activity_file, lead_file, table
from townsend.rehearsal.marketo.custom_calls import license_rows
from townsend.rehearsal.marketo.envelope import fail, success
from townsend.rehearsal.marketo.lead_calls import page
from townsend.rehearsal.marketo.program_calls import cadence_of, member_value
from townsend.rehearsal.marketo.schema import (
    ACTIVITY_TYPES,
    LEAD_FIELDS,
    LICENSE,
    LICENSE_FIELDS,
    MEMBER_FIELDS,
)
from townsend.rehearsal.times import DAY_MS, SECOND_MS
from townsend.rehearsal.web import Answer, Request, Route

if TYPE_CHECKING:
    from townsend.rehearsal.marketo.assets import Program
    from townsend.rehearsal.marketo.instance import Marketo

__all__ = ["ROUTES"]

WINDOW_MS = 31 * DAY_MS
PROGRAMS_MAX = 10
PRIMARY_MAX = 50
OBJECTS = f"customobjects/{LICENSE}"
Span = tuple[int, int]
Made = tuple[int, Callable[[], bytes]]


def _create(home: Marketo, request: Request, kind: str) -> Answer:
    body = request.json()
    if not isinstance(body, dict):
        fail(609, "Invalid JSON")
    form = str(body.get("format") or "CSV").upper()
    if form not in FORMATS:
        fail(1003, f"Invalid format '{form}'")
    given = body.get("filter")
    if not isinstance(given, dict) or not given:
        fail(1003, "Missing or empty filter")
    names = body.get("columnHeaderNames") or {}
    makers = {"leads": _leads, "activities": _activities, "program/members": _members, OBJECTS: _objects}
    # What is newer than this is not in the extracts' index yet.
    seen_ms = request.now_ms - home.limits.visible_after_s * SECOND_MS
    rows, make = makers[kind](home, body.get("fields") or [], given, names, form, seen_ms)
    job = home.jobs.make(kind, form, rows, make, request.now_ms)
    return success(home.request_id(request), [home.jobs.told(job, request.now_ms)])


def _span(value: Any, name: str) -> Span:
    """A window of at most 31 days, half open."""
    if not isinstance(value, dict) or not value.get("startAt"):
        fail(1003, f"{name}: startAt is missing")
    try:
        start = times.parse(str(value["startAt"]))
        end = times.parse(str(value["endAt"])) if value.get("endAt") else start + WINDOW_MS
    except ValueError:
        fail(1003, f"{name}: expected ISO 8601 datetimes")
    if end < start:
        fail(1003, f"{name}: endAt is before startAt")
    if end - start > WINDOW_MS:
        fail(1003, f"{name}: date range exceeds 31 days")
    return start, end


def _fields(wanted: Any, known: Iterable[str]) -> list[str]:
    if not isinstance(wanted, list) or not wanted:
        fail(1003, "Missing or empty fields")
    names = set(known)
    for name in wanted:
        if name not in names:
            fail(1006, f"Field '{name}' not found")
    return [str(name) for name in wanted]


def _only(given: Mapping[str, Any], known: Sequence[str], paid: Sequence[str], home: Marketo) -> None:
    """Refuse filters that do not exist, and those this subscription has not."""
    for name in given:
        if name not in known:
            fail(1003, f"Invalid filter type '{name}'")
        if name in paid and not home.full:
            fail(1035, f"Unsupported filter type for target subscription: {name}")


def _head(columns: Sequence[str], names: Mapping[str, str]) -> list[str]:
    return [str(names.get(column, column)) for column in columns]


def _leads(
    home: Marketo, wanted: Any, given: Mapping[str, Any], names: Mapping[str, str], form: str, seen_ms: int
) -> Made:
    columns = _fields(wanted, LEAD_FIELDS)
    kinds = ("createdAt", "updatedAt", "staticListId", "staticListName", "smartListId", "smartListName")
    _only(given, kinds, ("updatedAt", "smartListId", "smartListName"), home)
    if len(given) != 1:
        fail(1003, "Exactly one filter is needed")
    ((kind, value),) = given.items()
    people = home.world.people.by_id
    if kind in {"createdAt", "updatedAt"}:
        start, end = _span(value, kind)
        end = min(end, seen_ms + 1)
        # The filter follows changes of any field, the exported column those of standard fields.
        chosen = [
            lead
            for lead in people.values()
            if start <= (lead.created_ms if kind == "createdAt" else lead.changed_ms) < end
        ]
    elif kind in {"staticListId", "staticListName"}:
        assets = home.world.assets
        one = assets.lists.get(int(value)) if kind == "staticListId" else assets.list_named(str(value))
        if one is None:
            fail(1013, f"List '{value}' not found")
        chosen = [people[lead] for lead in one.members]
    else:
        fail(1013, f"Smart list '{value}' not found")
    chosen.sort(key=lambda lead: lead.id)
    return len(chosen), lambda: lead_file(chosen, columns, _head(columns, names), form)


def _activities(
    home: Marketo, wanted: Any, given: Mapping[str, Any], names: Mapping[str, str], form: str, seen_ms: int
) -> Made:
    primary = ("primaryAttributeValueIds", "primaryAttributeValues")
    _only(given, ("createdAt", "activityTypeIds", *primary), (), home)
    columns = _fields(wanted, ACTIVITY_COLUMNS) if wanted else list(ACTIVITY_COLUMNS)
    start, end = _span(given.get("createdAt"), "createdAt")
    types = given.get("activityTypeIds") or []
    if not isinstance(types, list) or any(str(kind) not in set(map(str, ACTIVITY_TYPES)) for kind in types):
        fail(1003, "activityTypeIds: expected a list of known type ids")
    asked = {int(kind) for kind in types}
    if 37 in asked:
        fail(1003, "Activity type 37 cannot be exported")
    book = home.world.activities
    positions = book.between(start, end, asked or None, seen_ms)
    for name in primary:
        if name not in given:
            continue
        values = {str(value) for value in given[name]}
        if len(asked) != 1 or len(values) > PRIMARY_MAX:
            fail(1003, f"{name}: needs exactly one activity type and at most {PRIMARY_MAX} values")
        told = [one.told for one in book.many(positions)]
        kept = [str(t.primary_id if name.endswith("Ids") else t.primary) in values for t in told]
        positions = positions[kept]
    head = _head(columns, names)
    return len(positions), lambda: activity_file(book, positions, columns, head, form)


def _members(
    home: Marketo, wanted: Any, given: Mapping[str, Any], names: Mapping[str, str], form: str, seen_ms: int
) -> Made:
    columns = _fields(wanted, [*MEMBER_FIELDS, *LEAD_FIELDS])
    kinds = ("programId", "programIds", "statusNames", "updatedAt", "nurtureCadence", "isExhausted")
    _only(given, kinds, ("updatedAt",), home)
    ids = given.get("programIds") or ([given["programId"]] if "programId" in given else [])
    if not isinstance(ids, list) or not 1 <= len(ids) <= PROGRAMS_MAX:
        fail(1003, f"programId or programIds: expected 1 to {PROGRAMS_MAX}")
    programs: list[Program] = []
    for one in ids:
        program = home.world.assets.programs.get(int(one)) if str(one).isdigit() else None
        if program is None:
            fail(1013, f"Program '{one}' not found")
        programs.append(program)
    start, end = _span(given["updatedAt"], "updatedAt") if "updatedAt" in given else (0, 2**62)
    statuses = given.get("statusNames")
    if "programIds" in given:
        columns = ["programId", *(name for name in columns if name != "programId")]
    cadence = given.get("nurtureCadence")
    rows = [
        [_number(member_value(home, program, lead, member, name)) for name in columns]
        for program in programs
        if cadence is None or cadence == cadence_of(program)
        for lead, member in sorted(program.members.items())
        if start <= member.updated_ms < min(end, seen_ms + 1)
        and (not statuses or member.status in statuses)
        and not given.get("isExhausted")
    ]
    return len(rows), lambda: table(_head(columns, names), rows, form)


def _objects(
    home: Marketo, wanted: Any, given: Mapping[str, Any], names: Mapping[str, str], form: str, seen_ms: int
) -> Made:
    columns = _fields(wanted, LICENSE_FIELDS)
    kinds = ("updatedAt", "staticListId", "staticListName", "smartListId", "smartListName")
    _only(given, kinds, ("updatedAt", "smartListId", "smartListName"), home)
    if set(given) != {"updatedAt"}:
        fail(1003, "Exactly one filter, by updatedAt, is needed")
    start, end = _span(given["updatedAt"], "updatedAt")
    rows = [
        [row.get(name) for name in columns]
        for row in license_rows(home)
        if start <= times.parse(str(row["updatedAt"])) < min(end, seen_ms + 1)
    ]
    return len(rows), lambda: table(_head(columns, names), rows, form)


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def _enqueue(home: Marketo, request: Request, kind: str, export_id: str) -> Answer:
    job = home.jobs.find(kind, export_id, request.now_ms)
    home.jobs.enqueue(job, request.now_ms)
    told = home.jobs.told(job, request.now_ms)
    return success(home.request_id(request), [told | {"status": "Queued"}])


def _cancel(home: Marketo, request: Request, kind: str, export_id: str) -> Answer:
    job = home.jobs.find(kind, export_id, request.now_ms)
    home.jobs.cancel(job, request.now_ms)
    # Both spellings occur: this one here, the other in the status.
    return success(home.request_id(request), [home.jobs.told(job, request.now_ms) | {"status": "Cancelled"}])


def _status(home: Marketo, request: Request, kind: str, export_id: str) -> Answer:
    job = home.jobs.find(kind, export_id, request.now_ms)
    return success(home.request_id(request), [home.jobs.told(job, request.now_ms)])


def _list(home: Marketo, request: Request, kind: str) -> Answer:
    wanted = {one.lower() for one in request.arg("status").split(",") if one}
    told = [home.jobs.told(job, request.now_ms) for job in home.jobs.all(kind, request.now_ms)]
    rows, rest = page(request, [one for one in told if not wanted or one["status"].lower() in wanted])
    return success(home.request_id(request), rows, **rest)


def _file(home: Marketo, request: Request, kind: str, export_id: str) -> Answer:
    plain = {"Content-Type": "text/plain"}
    job = home.jobs.get(kind, export_id)
    data = home.jobs.file(job, request.now_ms) if job else None
    if job is None or data is None:
        return Answer(404, b"File not found", plain)
    headers = {"Content-Type": f"text/{job.format.lower()};charset=UTF-8", "Accept-Ranges": "bytes"}
    headers["Content-Disposition"] = f'attachment; filename="{export_id}.{job.format.lower()}"'
    asked = request.headers.get("range")
    if asked is None:
        return Answer(200, data, headers)
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.strip())
    start = int(match[1]) if match else len(data)
    end = min(int(match[2]), len(data) - 1) if match and match[2] else len(data) - 1
    if start >= len(data) or end < start:
        return Answer(
            416, b"Requested range not satisfiable", plain | {"Content-Range": f"bytes */{len(data)}"}
        )
    headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
    return Answer(206, data[start : end + 1], headers)


def _for(kind: str) -> list[Route]:
    home = f"/bulk/v1/{kind}/export"

    def fixed(handler: Callable[..., Answer]) -> Callable[..., Answer]:
        return lambda at, request, **values: handler(at, request, kind, **values)

    return [
        Route("POST", f"{home}/create.json", fixed(_create)),
        Route("POST", f"{home}/{{export_id}}/enqueue.json", fixed(_enqueue)),
        Route("POST", f"{home}/{{export_id}}/cancel.json", fixed(_cancel)),
        Route("GET", f"{home}/{{export_id}}/status.json", fixed(_status)),
        Route("GET", f"{home}/{{export_id}}/file.json", fixed(_file)),
        Route("GET", f"{home}.json", fixed(_list)),
    ]


ROUTES = [route for kind in ("leads", "activities", "program/members", OBJECTS) for route in _for(kind)]
