"""Marketo's programs and static lists, and who is in them.

Memberships have no key of their own in this interface: the pair of both ids is it, within the instance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from townsend.sources.contract import Cursor, Page
from townsend.sources.marketo_context import Context, at, chunks, paged
from townsend.sources.marketo_exports import instant, windows
from townsend.sources.marketo_people import with_people

__all__ = ["pull_list_members", "pull_lists", "pull_program_members", "pull_programs"]

OVERLAP = timedelta(days=1)
PROGRAMS_PER_EXTRACT = 10
MEMBERS_WINDOW = timedelta(days=7)
PAGED_UNTIL = timedelta(days=28)
ADDED, REMOVED = 24, 25
# The log tells who was added and removed; now and then everything is read again.
LISTS_AGAIN_AFTER = timedelta(days=7)
Row = Mapping[str, Any]


def pull_programs(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Programs as campaigns; the cursor is ``{"updated_until"}``."""
    query = {}
    if cursor is not None:
        query["earliestUpdatedAt"] = instant(at(cursor["updated_until"]) - OVERLAP)
        query["latestUpdatedAt"] = instant(now)
    mapper = context.mapper(context.table("program"))
    rows = [
        mapper.row({**program, "cost": _cost(program)})
        for answer in context.marketo.assets("/rest/asset/v1/programs.json", query)
        for program in answer.result
    ]
    yield from paged("campaign", [(rows, {"updated_until": instant(now)})])


def pull_program_members(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Members of programs; the cursor is ``{"updated_until"}``."""
    programs = [
        int(program["id"])
        for answer in context.marketo.assets("/rest/asset/v1/programs.json")
        for program in answer.result
    ]
    fields = _member_fields(context)
    if cursor is None:
        found = _extracted(context, programs, fields, [{}])
    else:
        start = at(cursor["updated_until"]) - OVERLAP
        found = _changed_members(context, programs, fields, start, now)
    mapper = context.mapper(context.table("program_member"))
    rows = (mapper.row({**row, "member": f"{row['programId']}-{row['leadId']}"}) for row in found)
    pages = paged("campaign_member", [(rows, {"updated_until": instant(now)})])
    yield from with_people(context, pages)


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


def _changed_members(
    context: Context, programs: Sequence[int], fields: Sequence[str], start: datetime, now: datetime
) -> Iterator[Row]:
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


def pull_lists(context: Context, _: Cursor | None, now: datetime) -> Iterator[Page]:
    """All static lists; they are few and have no filter by time."""
    mapper = context.mapper(context.table("list"))
    rows = [mapper.row(row) for row in _lists(context)]
    yield from paged("list", [(rows, {"at": instant(now)})])


def pull_list_members(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Members of static lists: all, then what the log says; the cursor is ``{"token", "full_at"}``."""
    if cursor is None or now - at(cursor["full_at"]) > LISTS_AGAIN_AFTER:
        # The log is read from before the lists, so that no change falls between.
        since = context.paging_token(now) if cursor is None else cursor["token"]
        full = paged("list_member", [(_members(context), {"token": since, "full_at": instant(now)})])
        yield from with_people(context, full)
        if cursor is None:
            return
        cursor = {"token": since, "full_at": instant(now)}
    yield from with_people(context, paged("list_member", _log(context, cursor)))


def _log(context: Context, cursor: Cursor) -> Iterator[tuple[list[dict[str, Any]], Cursor]]:
    mapper = context.mapper(context.table("list_member"))
    token, more = cursor["token"], True
    while more:
        query = {"activityTypeIds": f"{ADDED},{REMOVED}", "nextPageToken": token, "batchSize": 300}
        answer = context.marketo.call("GET", "/rest/v1/activities.json", params=query)
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
        token, more = answer.token or token, answer.more
        yield rows, {"token": token, "full_at": cursor["full_at"]}


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
