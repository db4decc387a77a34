"""Marketo's leads as people: first by the time they were made, then by the time they changed.

An extract by ``updatedAt`` sees a change of any field, while the column follows standard fields only; so the
position is the window's end and not the newest value. A subscription without that filter is read through
its stream of changes. An overlap is read twice each time: that changes nothing, and late rows are found.

Leads older than the setting ``since`` are read when something names them: an activity, a list, a program.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from townsend.model import LeafType
from townsend.sources.contract import Cursor, Page
from townsend.sources.mapping import Mapper
from townsend.sources.marketo_context import KINDS, Context, at, chunks, paged
from townsend.sources.marketo_exports import Window, instant, windows
from townsend.vendors.marketo import IDS_MAX

__all__ = ["pull_deletions", "pull_people", "read_leads", "with_people"]

OVERLAP = timedelta(days=1)
DELETIONS_KEPT = timedelta(days=14)
_ALWAYS = ("id", "contactCompany", "createdAt", "updatedAt")


def pull_people(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Leads as people.

    The cursor is ``{"created_until", "began"}`` while the first reading goes on, then ``{"updated_until"}``.
    """
    fields, mapper = _reading(context)
    whole = cursor is None
    if cursor is None:
        cursor = {"created_until": instant(context.since(now)), "began": instant(now)}
    if "created_until" in cursor:
        began = at(cursor["began"])
        parts = _extracts(context, fields, "createdAt", windows(at(cursor["created_until"]), began))
        assert parts is not None, "every subscription has the filter by createdAt"
        yield from paged("person", _first_reading(context, parts, mapper, began))
        context.leads_are_all = whole
    else:
        start = at(cursor["updated_until"]) - OVERLAP
        parts = _extracts(context, fields, "updatedAt", windows(start, now))
        yield from paged("person", _changes(context, parts, fields, mapper, start, now))


def pull_deletions(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Deleted leads as retired people; Marketo tells of the last 14 days."""
    reach = now - DELETIONS_KEPT
    if cursor is None:
        token = context.paging_token(max(reach, context.since(now)))
    else:
        token = cursor["token"]
        if at(cursor["at"]) < reach:
            context.note(
                "deletions",
                "the last pull is more than 14 days ago; Marketo no longer tells which leads were deleted "
                "before that. Compare by `townsend sync --full`",
            )
            token = context.paging_token(reach)
    mapper = context.mapper(context.table("person"))
    rows: list[dict[str, Any]] = []
    more = True
    while more:
        answer = context.marketo.call(
            "GET", "/rest/v1/activities/deletedleads.json", params={"nextPageToken": token, "batchSize": 300}
        )
        for found in answer.result:
            row = {"id": found["leadId"], "updatedAt": found["activityDate"], "isDeleted": True}
            rows.append(mapper.row(row))
        token, more = answer.token or token, answer.more
    yield from paged("person", [(rows, {"token": token, "at": instant(now)})])


def with_people(context: Context, pages: Iterable[Page]) -> Iterator[Page]:
    """Pages whose rows name people by ``personKey``; before each, the people that were not read yet.

    They come first, so that a page's cursor never stands for people who are not stored.
    """
    for page in pages:
        named = dict.fromkeys(int(row["personKey"]["sourceID"]) for row in page.rows)
        unread = [lead for lead in named if lead not in context.leads]
        if unread:
            # One who is not found was deleted or merged; nobody asks for them again.
            context.leads |= dict.fromkeys(unread)
            fields, mapper = _reading(context)
            yield from paged("person", [(_mapped(context, _by_id(context, fields, unread), mapper), None)])
        yield page


def read_leads(
    context: Context, fields: Iterable[str], start: datetime, end: datetime
) -> Iterator[dict[str, Any]]:
    """Some fields of the leads made in a stretch of time."""
    for part in _extracts(context, list(fields), "createdAt", windows(start, end)) or ():
        yield from part[0]


# ---------------------------------------------------------------- fields


def _reading(context: Context) -> tuple[list[str], Mapper]:
    """The fields to ask for, and what becomes of them; found out once."""
    if context.reading is not None:
        return context.reading
    described = context.marketo.call("GET", "/rest/v1/leads/describe.json").result
    types = {entry["rest"]["name"]: entry["dataType"] for entry in described if entry.get("rest")}
    table = context.table("person")
    standard = [name for name in dict.fromkeys([*_ALWAYS, *table.sources]) if name in types]
    custom = context.custom(name for name in _custom_names(context) if name in types and name not in standard)
    kinds: dict[str, LeafType] = {name: KINDS[types[name]] for name in custom if types[name] in KINDS}
    context.reading = [*standard, *custom], context.mapper(table, custom, kinds)
    return context.reading


def _custom_names(context: Context) -> list[str]:
    names: list[str] = []
    for answer in context.marketo.pages("/rest/v1/leads/schema/fields.json", expect={"603", "610"}):
        if answer.said:
            context.note("people", "custom fields are not read: the API user may not see the schema of leads")
            return []
        names += [entry["name"] for entry in answer.result if entry.get("isCustom")]
        if not answer.more:
            break
    return sorted(names)


# ---------------------------------------------------------------- rows

Extracts = Iterator[tuple[Iterator[dict[str, str]], Window]]


def _extracts(context: Context, fields: list[str], by: str, spans: list[Window]) -> Extracts | None:
    """Raw rows window by window; None if the subscription cannot filter so."""
    bodies = [
        {"fields": fields, "filter": {by: {"startAt": instant(span.start), "endAt": instant(span.end)}}}
        for span in spans
    ]
    runs = context.exports.run("leads", bodies)
    first = next(runs, None)
    if first is None and spans:
        return None

    def parts() -> Extracts:
        if first is None:
            return
        yield first, spans[0]
        for rows, span in zip(runs, spans[1:], strict=True):
            assert rows is not None, "a filter that was taken once is taken again"
            yield rows, span

    return parts()


def _first_reading(
    context: Context, parts: Extracts, mapper: Mapper, began: datetime
) -> Iterator[tuple[Iterator[dict[str, Any]], Cursor]]:
    done: Cursor = {"updated_until": instant(began)}
    empty = True
    for rows, span in parts:
        empty = False
        going_on = {"created_until": instant(span.end), "began": instant(began)}
        yield _mapped(context, rows, mapper), done if span.end >= began else going_on
    if empty:
        yield iter(()), done


def _changes(
    context: Context,
    parts: Extracts | None,
    fields: list[str],
    mapper: Mapper,
    start: datetime,
    now: datetime,
) -> Iterator[tuple[Iterator[dict[str, Any]], Cursor]]:
    if parts is None:
        context.note(
            "people",
            "this subscription has no extracts by the time of change; changes are read from the activity log",
        )
        yield (
            _mapped(context, _changed_leads(context, fields, start), mapper),
            {"updated_until": instant(now)},
        )
        return
    for rows, span in parts:
        yield _mapped(context, rows, mapper), {"updated_until": instant(span.end)}


def _changed_leads(context: Context, fields: list[str], since: datetime) -> Iterator[Mapping[str, Any]]:
    """Leads that the log of changes names, each once, as they are now."""
    token = context.paging_token(since)
    ids: dict[int, None] = {}
    more = True
    while more:
        query = {"nextPageToken": token, "fields": ",".join(fields), "batchSize": 300}
        answer = context.marketo.call("GET", "/rest/v1/activities/leadchanges.json", params=query)
        ids |= dict.fromkeys(found["leadId"] for found in answer.result)
        token, more = answer.token or token, answer.more
    yield from _by_id(context, fields, list(ids))


def _by_id(context: Context, fields: list[str], ids: Sequence[int]) -> Iterator[Mapping[str, Any]]:
    for some in chunks(ids, IDS_MAX):
        query = {"filterType": "id", "filterValues": ",".join(map(str, some)), "fields": ",".join(fields)}
        for answer in context.marketo.pages("/rest/v1/leads.json", query):
            yield from answer.result


def _mapped(context: Context, rows: Iterable[Mapping[str, Any]], mapper: Mapper) -> Iterator[dict[str, Any]]:
    for row in rows:
        company = str(row.get("contactCompany") or "")
        context.leads[int(row["id"])] = int(company) if company.isdigit() else None
        yield mapper.row(row)
