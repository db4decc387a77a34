"""Marketo's activities as events: extracts for history, the paging token from then on.

An event's id is the activity's GUID within its instance, so what is read twice is one event. Types that XDM
has an event for are read, and the instance's own; the log of field changes is left out, since people carry
their fields. A few minutes are read twice where history ends: the log is filled with a delay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from townsend.model import LeafType
from townsend.sources.celltables import cell_tables
from townsend.sources.columns import Columns
from townsend.sources.contract import Cursor, Page
from townsend.sources.mapping import Mapper, Table, load_tables
from townsend.sources.marketo_attributes import activities_by_columns
from townsend.sources.marketo_context import KINDS, UNDER, Context, at, chunks, paged, paged_columns
from townsend.sources.marketo_exports import instant, windows
from townsend.sources.marketo_log import OVERLAP, activity_types, read_log
from townsend.sources.marketo_people import with_people

__all__ = ["pull_activities"]

CUSTOM_FIRST = 100_000
TYPES_PER_CALL = 10
# From so long a gap on, extracts are cheaper than pages of 300.
EXTRACT_AFTER = timedelta(days=2)
_CHANGES_OF_FIELDS = {13, 37, 123}
_WORD = re.compile(r"[A-Za-z0-9]+")


def pull_activities(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Activities as events, behind the people who did them and were not read yet.

    The cursor is ``{"created_until", "began"}`` while history is read, then ``{"tokens", "at"}`` with a
    paging token for each group of types.
    """
    mappers = _mappers(context)
    if cursor is None:
        cursor = {"created_until": instant(context.since(now, "activities")), "began": instant(now)}
    elif "at" in cursor and now - at(cursor["at"]) > EXTRACT_AFTER:
        cursor = {"created_until": instant(at(cursor["at"]) - OVERLAP), "began": instant(now)}
    if "created_until" in cursor:
        history = _history(context, mappers, at(cursor["created_until"]), at(cursor["began"]))
        pages = paged_columns("event", history)
    else:
        since = _since(context, mappers, dict(cursor["tokens"]), at(cursor["at"]), now)
        pages = paged("event", since)
    yield from with_people(context, pages)


Mappers = Mapping[int, Mapper]
Parts = Iterator[tuple[Iterable[Mapping[str, Any]], Cursor]]


def _history(
    context: Context, mappers: Mappers, start: datetime, began: datetime
) -> Iterator[tuple[Iterable[Columns], Cursor]]:
    suffix = f"@{context.instance.id}.{context.instance.type}"
    spans = windows(start, began)
    bodies = [
        {
            "filter": {
                "createdAt": {"startAt": instant(span.start), "endAt": instant(span.end)},
                "activityTypeIds": sorted(mappers),
            }
        }
        for span in spans
    ]
    for rows, span in zip(context.exports.run("activities", bodies, cell_tables), spans, strict=True):
        assert rows is not None, "activities are filtered by createdAt everywhere"
        behind: Cursor = {"created_until": instant(span.end), "began": instant(began)}
        yield activities_by_columns(mappers, rows, suffix), behind
    token = context.paging_token(began - OVERLAP)
    yield (), {"tokens": {_name(group): token for group in _groups(mappers)}, "at": instant(began)}


def _since(
    context: Context, mappers: Mappers, tokens: dict[str, str], last: datetime, now: datetime
) -> Parts:
    """What came since each group's token; a group without one begins where the last pull did."""
    groups = _groups(mappers)
    tokens = {name: token for name, token in tokens.items() if name in map(_name, groups)}
    for group in groups:
        name = _name(group)
        for answer in read_log(context, group, tokens.get(name), last):
            tokens[name] = answer.token or ""
            behind = {"tokens": dict(tokens), "at": instant(last)}
            yield _events(context, mappers, map(_from_json, answer.result)), behind
    yield (), {"tokens": tokens, "at": instant(now)}


def _groups(mappers: Mappers) -> list[Sequence[int]]:
    return list(chunks(sorted(mappers), TYPES_PER_CALL))


def _name(group: Sequence[int]) -> str:
    return ",".join(map(str, group))


# ---------------------------------------------------------------- types


def _mappers(context: Context) -> dict[int, Mapper]:
    """What becomes of each type of activity that is read."""
    tables = load_tables("marketo_activities", context.settings.get("mapping"))
    common = tables["common"].fields
    found: dict[int, Mapper] = {}
    left_out = []
    for kind in activity_types(context):
        number = int(kind["id"])
        table = tables.get(str(number))
        if table is not None:
            found[number] = context.mapper(replace(table, fields={**common, **table.fields}))
        elif number >= CUSTOM_FIRST:
            if context.custom([str(kind.get("apiName") or kind["name"])]):
                found[number] = _own(context, kind, common)
        elif number not in _CHANGES_OF_FIELDS:
            left_out.append(str(kind["name"]))
    if left_out:
        context.note("activities", f"activities that have no event are left out: {', '.join(left_out)}")
    return found


def _own(context: Context, kind: Mapping[str, Any], common: Mapping[str, Any]) -> Mapper:
    """A type that the instance made: its attributes are kept under the vendor's name."""
    name = str(kind.get("apiName") or kind["name"])
    primary = kind.get("primaryAttribute") or {}
    also = {"primaryAttributeValue": f"{UNDER}.{_camel(primary['name'])}"} if primary.get("name") else {}
    kinds: dict[str, LeafType] = {}
    for attribute in kind.get("attributes") or ():
        also[attribute["name"]] = f"{UNDER}.{_camel(attribute['name'])}"
        if attribute.get("dataType") in KINDS:
            kinds[attribute["name"]] = KINDS[attribute["dataType"]]
    fields = {**common, "eventType": {"constant": f"{UNDER}.{_camel(name)}"}}
    return context.mapper(Table(name, "event", fields), also, kinds)


def _camel(name: str) -> str:
    """A name that can stand in a path.

    >>> _camel("Webinar Seat-Number")
    'webinarSeatNumber'
    """
    words: list[str] = _WORD.findall(name) or ["field"]
    return words[0][:1].lower() + words[0][1:] + "".join(word[:1].upper() + word[1:] for word in words[1:])


# ---------------------------------------------------------------- rows


def _events(context: Context, mappers: Mappers, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    suffix = f"@{context.instance.id}.{context.instance.type}"
    for row in rows:
        mapper = mappers.get(int(row["activityTypeId"]))
        if mapper is not None:
            row["_id"] = f"{row['marketoGUID']}{suffix}"
            yield mapper.row(row)


def _from_json(activity: Mapping[str, Any]) -> dict[str, Any]:
    """A record of the lead database: the attributes are a list of names and values."""
    attributes = {each["name"]: each.get("value") for each in activity.get("attributes") or ()}
    return {**attributes, **activity, "marketoGUID": activity.get("marketoGUID") or activity.get("id")}
