"""Marketo's leads as people: first by the time they were made, then by the time they changed.

Within a day the log of activities names who changed, and these are read by id: one call if nobody did.
Once a day, or when more changed than an extract costs, leads are extracted by ``updatedAt``. That sees a
change of any field, while the column follows standard fields only; so the position is the window's end and
not the newest value. A subscription without that filter is read through the log alone. An overlap is read
twice each time: that changes nothing, and late rows are found.

Leads older than the setting ``since`` are read when something names them: an activity, a list, a program.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from townsend.model import LeafType
from townsend.sources.celltables import cell_tables
from townsend.sources.colmapping import by_columns
from townsend.sources.columns import Columns
from townsend.sources.contract import Cursor, Page
from townsend.sources.mapping import Mapper
from townsend.sources.marketo_context import KINDS, Context, at, chunks, paged, paged_columns
from townsend.sources.marketo_exports import Window, instant, windows
from townsend.sources.marketo_leads import Ids
from townsend.sources.marketo_log import read_log, types_here
from townsend.vendors.marketo import IDS_MAX

__all__ = ["company_of", "find_leads", "lead_extracts", "pull_deletions", "pull_people", "read_leads"]
__all__ += ["with_people"]

# So long the log is enough.
EXTRACT_AFTER = timedelta(days=1)
# From so many changed leads on, an extract of all changes costs fewer calls than asking by id.
EXTRACT_FROM = 3_000
# Bounced, unsubscribed, made, changed, converted, scored, merged, moved to another partition.
_TOLD_BY = (8, 9, 12, 13, 21, 22, 32, 100)
OVERLAP = timedelta(days=1)
DELETIONS_KEPT = timedelta(days=14)
_ALWAYS = ("id", "contactCompany", "createdAt", "updatedAt")


def pull_people(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Leads as people.

    The cursor is ``{"created_until", "began"}`` while the first reading goes on, then ``{"updated_until"}``,
    the last instant up to which all is read, with ``extracted_at``, the instant of the last extract, and
    the log's ``token`` once it was read.
    """
    if cursor is None or "created_until" in cursor:
        yield from _first(context, cursor, now)
        return
    last = at(cursor["updated_until"])
    extracted = at(cursor.get("extracted_at", cursor["updated_until"]))
    token: str | None = cursor.get("token")
    ids: list[int] = []
    more = now - extracted > EXTRACT_AFTER
    if not more:
        ids, token, more = _named_by_log(context, token, last, EXTRACT_FROM)
    if more:
        parts = _extracts(context, "updatedAt", windows(min(last, extracted) - OVERLAP, now))
        if parts is not None:
            yield from paged_columns("person", parts)
            return
        context.note(
            "people",
            "this subscription has no extracts by the time of change; changes are read from the activity log",
        )
        ids, token, _ = _named_by_log(context, cursor.get("token"), last, None)
    behind = {"updated_until": instant(now), "extracted_at": instant(extracted), "token": token}
    yield from paged("person", [(find_leads(context, ids) if ids else (), behind)])


def _first(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    whole = cursor is None
    start, began = context.since(now, "people"), now
    if cursor is not None:
        start, began = at(cursor["created_until"]), at(cursor["began"])
    done = {"updated_until": instant(began)}
    parts = _extracts(context, "createdAt", windows(start, began), done, began)
    assert parts is not None, "every subscription has the filter by createdAt"
    yield from paged_columns("person", parts)
    if start >= began:
        yield Page("person", [], done)
    context.leads_are_all = whole


def pull_deletions(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Deleted leads as retired people; Marketo tells of the last 14 days."""
    reach = now - DELETIONS_KEPT
    token, last = None, max(reach, context.since(now, "deletions"))
    if cursor is not None and at(cursor["at"]) >= reach:
        token, last = cursor["token"], at(cursor["at"])
    elif cursor is not None:
        context.note(
            "deletions",
            "the last pull is more than 14 days ago; Marketo no longer tells which leads were deleted "
            "before that. Compare by `townsend sync --check`",
        )
    mapper = context.mapper(context.table("person"))
    rows: list[dict[str, Any]] = []
    for answer in read_log(context, (), token, last, "/rest/v1/activities/deletedleads.json"):
        for found in answer.result:
            row = {"id": found["leadId"], "updatedAt": found["activityDate"], "isDeleted": True}
            rows.append(mapper.row(row))
        token = answer.token
    yield from paged("person", [(rows, {"token": token, "at": instant(now)})])


def with_people(context: Context, pages: Iterable[Page]) -> Iterator[Page]:
    """Pages whose rows name people by ``personKey``; before each, the people that were not read yet.

    They come first, so that a page's cursor never stands for people who are not stored.
    """
    for page in pages:
        unread = context.leads.unknown(_named(page.rows)).tolist()
        if unread:
            # One who is not found was deleted or merged; nobody asks for them again.
            context.leads.add(np.array(unread, np.int64), np.full(len(unread), -1))
            yield from paged("person", [(find_leads(context, unread), None)])
        yield page


def _named(rows: Sequence[Mapping[str, Any]]) -> Ids:
    """The leads that rows name, as often as they do."""
    if not isinstance(rows, Columns):
        return np.array([int(row["personKey"]["sourceID"]) for row in rows], np.int64)
    ids = rows.column("personKey.sourceID")
    there = [] if ids is None else [pc.cast(ids.drop_null(), pa.int64()).to_numpy()]
    return np.concatenate([*there, _named([*rows.rest.values()])])


def find_leads(context: Context, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """People by their leads' ids; those that are not there any more are left out."""
    fields, mapper = _reading(context)
    return _mapped(context, read_leads(context, fields, ids), mapper)


def read_leads(context: Context, fields: Sequence[str], ids: Sequence[int]) -> Iterator[Mapping[str, Any]]:
    """Some fields of leads by id, as Marketo writes them."""
    for some in chunks(ids, IDS_MAX):
        query = {"filterType": "id", "filterValues": ",".join(map(str, some)), "fields": ",".join(fields)}
        for answer in context.marketo.pages("/rest/v1/leads.json", query):
            yield from answer.result


def lead_extracts(fields: Sequence[str], by: str, spans: Sequence[Window]) -> list[dict[str, Any]]:
    """What extracts of the leads of some windows are created with."""
    return [
        {
            "fields": list(fields),
            "filter": {by: {"startAt": instant(span.start), "endAt": instant(span.end)}},
        }
        for span in spans
    ]


def company_of(lead: Mapping[str, Any]) -> int | None:
    """The id of the Marketo company that a lead names."""
    company = str(lead.get("contactCompany") or "")
    return int(company) if company.isdigit() else None


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

Parts = Iterator[tuple[Iterable[Columns], Cursor]]


def _extracts(
    context: Context, by: str, spans: list[Window], done: Cursor = None, began: datetime | None = None
) -> Parts | None:
    """People window by window; None if the subscription cannot filter so.

    Args:
        done: the cursor behind the last window of a first reading, which began at ``began``.
    """
    fields, mapper = _reading(context)
    runs = context.exports.run("leads", lead_extracts(fields, by, spans), cell_tables)
    first = next(runs, None)
    if first is None and spans:
        return None

    def parts() -> Parts:
        for rows, span in zip(chain([first] if spans else [], runs), spans, strict=True):
            assert rows is not None, "a filter that was taken once is taken again"
            behind: Cursor = {"updated_until": instant(span.end)}
            if began is not None:
                going_on = {"created_until": instant(span.end), "began": instant(began)}
                behind = done if span.end >= began else going_on
            yield _by_columns(context, rows, mapper), behind

    return parts()


def _named_by_log(
    context: Context, token: str | None, last: datetime, most: int | None
) -> tuple[list[int], str | None, bool]:
    """Leads that the log names, each once; the token behind; whether they are more than ``most``."""
    ids: dict[int, None] = {}
    for answer in read_log(context, types_here(context, _TOLD_BY), token, last):
        ids |= dict.fromkeys(int(found["leadId"]) for found in answer.result)
        token = answer.token
        if most is not None and len(ids) > most:
            return [], None, True
    return list(ids), token, False


def _mapped(context: Context, rows: Iterable[Mapping[str, Any]], mapper: Mapper) -> Iterator[dict[str, Any]]:
    for row in rows:
        context.leads[int(row["id"])] = company_of(row)
        yield mapper.row(row)


def _by_columns(context: Context, tables: Iterable[pa.Table], mapper: Mapper) -> Iterator[Columns]:
    for table in tables:
        companies = table["contactCompany"] if "contactCompany" in table.column_names else None
        context.leads.add(_numbers(table["id"]), _numbers(companies, table.num_rows))
        yield by_columns(mapper, table)


def _numbers(texts: pa.ChunkedArray | None, rows: int = 0) -> Ids:
    """Whole numbers; -1 for what is none."""
    if texts is None:
        return np.full(rows, -1)
    digits = pc.if_else(pc.fill_null(pc.match_substring_regex(texts, "^[0-9]{1,18}$"), False), texts, "-1")
    found: Ids = pc.cast(digits, pa.int64()).to_numpy()
    return found
