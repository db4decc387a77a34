"""Marketo's programs and static lists, and who is in them.

Programs and lists are listed each time, which is as cheap as asking for the changed ones while they are few;
what was listed before and is not any more is retired. Memberships have no key of their own in this interface:
the pair of both ids is it, within the instance. Changes of memberships are read from the activity log.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from townsend.sources.contract import Cursor, Page
from townsend.sources.marketo_context import Context, at, chunks, gone, paged
from townsend.sources.marketo_exports import instant, windows
from townsend.sources.marketo_log import read_log, types_here
from townsend.sources.marketo_people import with_people
from townsend.vendors.marketo import ASSETS_MAX, IDS_MAX

__all__ = ["pull_list_members", "pull_lists", "pull_program_members", "pull_programs"]

OVERLAP = timedelta(days=1)
# While a listing takes two calls, it is as cheap as asking for what changed.
LISTED_UNTIL = 2 * ASSETS_MAX
# Beyond that, what vanished is looked for once a day.
LISTED_AGAIN_AFTER = timedelta(days=1)
PROGRAMS = "/rest/asset/v1/programs.json"
PROGRAMS_PER_EXTRACT = 10
# So long the log is enough to follow the members of programs.
EXTRACT_AFTER = timedelta(days=1)
# From so many changed members on, extracts cost fewer calls.
EXTRACT_FROM = 3_000
STATUS_CHANGED, MEMBER_CHANGED = 104, 123
MEMBERS_WINDOW = timedelta(days=7)
PAGED_UNTIL = timedelta(days=28)
ADDED, REMOVED = 24, 25
# The log tells who was added and removed; now and then everything is read again.
LISTS_AGAIN_AFTER = timedelta(days=7)
Row = Mapping[str, Any]


def pull_programs(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Programs as campaigns; the cursor is ``{"updated_until", "ids", "listed_at"}``."""
    before: list[int] = (cursor or {}).get("ids", [])
    listed = at(cursor["listed_at"]) if before and cursor is not None else None
    mapper = context.mapper(context.table("program"))
    query = {}
    if cursor is not None and listed and len(before) > LISTED_UNTIL and now - listed <= LISTED_AGAIN_AFTER:
        query["earliestUpdatedAt"] = instant(at(cursor["updated_until"]) - OVERLAP)
        query["latestUpdatedAt"] = instant(now)
    found = [row for answer in context.marketo.assets(PROGRAMS, query) for row in answer.result]
    rows = [mapper.row({**program, "cost": _cost(program)}) for program in found]
    ids = {int(program["id"]) for program in found}
    if query:
        ids |= set(before)
    else:
        listed = now
        rows += gone(context, "programs", mapper, before, ids, now)
    if before and not ids:
        ids = set(before)
    behind = {"updated_until": instant(now), "ids": sorted(ids), "listed_at": instant(listed or now)}
    yield from paged("campaign", [(rows, behind)])


def pull_program_members(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Members of programs; the cursor is ``{"updated_until", "extracted_at", "token"}``.

    Within a day the log names who changed, and these are read by id; once a day, or after more changes than
    extracts cost, members are extracted by the time of change.
    """
    behind: dict[str, Any] = {"updated_until": instant(now)}
    found: Iterable[Row]
    if cursor is None:
        found = _extracted(context, _programs(context), _member_fields(context), [{}])
    else:
        last = at(cursor["updated_until"])
        extracted = at(cursor.get("extracted_at", cursor["updated_until"]))
        changed, token = None, None
        if now - extracted <= EXTRACT_AFTER:
            changed, token = _named_by_log(context, cursor.get("token"), last)
        if changed is None:
            found = _changed_members(context, min(last, extracted) - OVERLAP, now)
        else:
            found = _members_of(context, changed)
            behind |= {"extracted_at": instant(extracted), "token": token}
    mapper = context.mapper(context.table("program_member"))
    rows = (mapper.row({**row, "member": f"{row['programId']}-{row['leadId']}"}) for row in found)
    yield from with_people(context, paged("campaign_member", [(rows, behind)]))


def _programs(context: Context) -> list[int]:
    return [int(row["id"]) for answer in context.marketo.assets(PROGRAMS) for row in answer.result]


def _named_by_log(
    context: Context, token: str | None, last: datetime
) -> tuple[dict[int, list[int]] | None, str | None]:
    """Leads by program whose membership the log names, and the token behind; None if they are many."""
    found: dict[int, dict[int, None]] = defaultdict(dict)
    types = types_here(context, (STATUS_CHANGED, MEMBER_CHANGED))
    if not types:
        return None, None
    for answer in read_log(context, types, token, last):
        for activity in answer.result:
            if activity.get("primaryAttributeValueId"):
                found[int(activity["primaryAttributeValueId"])][int(activity["leadId"])] = None
        token = answer.token
        if sum(map(len, found.values())) > EXTRACT_FROM:
            return None, None
    return {program: list(leads) for program, leads in found.items()}, token


def _members_of(context: Context, leads: Mapping[int, Sequence[int]]) -> Iterator[Row]:
    """Members by program and lead; a program that is not there any more has none."""
    fields = ",".join(_member_fields(context)) if leads else ""
    for program, ids in leads.items():
        for some in chunks(ids, IDS_MAX):
            query = {"filterType": "leadId", "filterValues": ",".join(map(str, some)), "fields": fields}
            path = f"/rest/v1/programs/{program}/members.json"
            for answer in context.marketo.pages(path, query, expect={"1013"}):
                yield from answer.result


def _extracted(
    context: Context, programs: Sequence[int], fields: Sequence[str], filters: Sequence[Mapping[str, Any]]
) -> Iterator[Row]:
    """Members of programs by extracts, one after another for each filter.

    Raises:
        LookupError: the subscription does not have the filter.
    """
    bodies = [
        {"fields": fields, "filter": {"programIds": list(some), **further}}
        for further in filters
        for some in chunks(programs, PROGRAMS_PER_EXTRACT)
    ]
    for part in context.exports.run("program/members", bodies):
        if part is None:
            raise LookupError
        yield from part


def _changed_members(context: Context, start: datetime, now: datetime) -> Iterator[Row]:
    programs, fields = _programs(context), _member_fields(context)
    spans = [
        {"updatedAt": {"startAt": instant(span.start), "endAt": instant(span.end)}}
        for span in windows(start, now)
    ]
    try:
        yield from _extracted(context, programs, fields, spans)
    except LookupError:
        # Not every subscription has extracts by the time of change; small gaps are asked for by program.
        if now - start > PAGED_UNTIL:
            yield from _extracted(context, programs, fields, [{}])
            return
        for program in programs:
            for span in windows(start, now, MEMBERS_WINDOW):
                query = {
                    "filterType": "updatedAt",
                    "startAt": instant(span.start),
                    "endAt": instant(span.end),
                    "fields": ",".join(fields),
                }
                path = f"/rest/v1/programs/{program}/members.json"
                for answer in context.marketo.pages(path, query):
                    yield from answer.result


def pull_lists(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """All static lists; they are few and have no filter by time. The cursor is ``{"at", "ids"}``."""
    before: list[int] = (cursor or {}).get("ids", [])
    mapper = context.mapper(context.table("list"))
    found = list(_lists(context))
    ids = {int(row["id"]) for row in found}
    rows = [mapper.row(row) for row in found] + gone(context, "lists", mapper, before, ids, now)
    yield from paged("list", [(rows, {"at": instant(now), "ids": sorted(ids or before)})])


def pull_list_members(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Members of static lists: all, then what the log says; the cursor is ``{"token", "full_at", "at"}``."""
    if cursor is None or now - at(cursor["full_at"]) > LISTS_AGAIN_AFTER:
        # The log is read from before the lists, so that no change falls between.
        since = context.paging_token(now) if cursor is None else cursor["token"]
        last = instant(now) if cursor is None else cursor.get("at", cursor["full_at"])
        behind = {"token": since, "full_at": instant(now), "at": last}
        full = paged("list_member", [(_members(context), behind)])
        yield from with_people(context, full)
        if cursor is None:
            return
        cursor = behind
    yield from with_people(context, paged("list_member", _log(context, cursor, now)))


def _log(context: Context, cursor: Cursor, now: datetime) -> Iterator[tuple[list[dict[str, Any]], Cursor]]:
    mapper = context.mapper(context.table("list_member"))
    last = at(cursor.get("at", cursor["full_at"]))
    token = cursor["token"]
    for answer in read_log(context, (ADDED, REMOVED), token, last):
        rows = [
            mapper.row(
                {
                    "id": found["leadId"],
                    "list": found["primaryAttributeValueId"],
                    "member": f"{found['primaryAttributeValueId']}-{found['leadId']}",
                    "at": found["activityDate"],
                    "isDeleted": int(found["activityTypeId"]) == REMOVED,
                }
            )
            for found in answer.result
            if found.get("primaryAttributeValueId")
        ]
        token = answer.token
        yield rows, {"token": token, "full_at": cursor["full_at"], "at": instant(last)}
    yield [], {"token": token, "full_at": cursor["full_at"], "at": instant(now)}


def _members(context: Context) -> Iterator[dict[str, Any]]:
    mapper = context.mapper(context.table("list_member"))
    for found in list(_lists(context)):
        # A list that is deleted meanwhile has no members.
        path = f"/rest/v1/lists/{found['id']}/leads.json"
        for answer in context.marketo.pages(path, {"fields": "id"}, expect={"1013"}):
            for lead in answer.result:
                yield mapper.row(
                    {"id": lead["id"], "list": found["id"], "member": f"{found['id']}-{lead['id']}"}
                )


def _lists(context: Context) -> Iterator[Row]:
    for answer in context.marketo.pages("/rest/v1/lists.json"):
        yield from answer.result


def _member_fields(context: Context) -> list[str]:
    wanted = [name for name in context.table("program_member").sources if name != "member"]
    answer = context.marketo.call(
        "GET", "/rest/v1/programs/members/describe.json", expect={"610", "603", "1003"}
    )
    known = {entry["name"] for found in answer.result for entry in found.get("fields", ())}
    return [name for name in wanted if name in known] if known else wanted


def _cost(program: Row) -> Decimal | None:
    costs = [Decimal(str(entry["cost"])) for entry in program.get("costs") or () if entry.get("cost")]
    return sum(costs, Decimal(0)) if costs else None
