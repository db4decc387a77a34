"""Marketo's named accounts and custom objects: what an instance has beyond the built-in objects.

Named accounts need an add-on, and the interface lists them only by the lists they are on. A custom object is
read if the project maps it: a table of its mapping that has the object's API name, such as ``license_c``. Its
fields come by describe; those without a place in the table are kept under the vendor's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from townsend.model import LeafType
from townsend.sources.contract import Cursor, Page
from townsend.sources.mapping import Mapper, load_tables
from townsend.sources.marketo_context import KINDS, NOT_SHOWN, Context, at, gone, paged
from townsend.sources.marketo_exports import instant, windows
from townsend.sources.marketo_sales import found_by, leads_of

__all__ = ["custom_objects", "pull_custom_object", "pull_named_accounts"]

OVERLAP = timedelta(days=1)
# They change seldom and have no filter by time.
AGAIN_AFTER = timedelta(days=1)
NAMED = "/rest/v1/namedaccounts"
LISTS = "/rest/v1/namedAccountLists.json"
CUSTOM = "/rest/v1/customobjects"
Row = Mapping[str, Any]


def pull_named_accounts(context: Context, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Named accounts of all lists as accounts, once a day; the cursor is ``{"at", "ids"}``."""
    if cursor is not None and now - at(cursor["at"]) < AGAIN_AFTER:
        return
    described = context.marketo.call("GET", f"{NAMED}/describe.json", expect=NOT_SHOWN)
    if described.said is not None:
        context.note(
            "named_accounts", f"named accounts are not shown by this Marketo (code {described.said})"
        )
        return
    table = context.table("named_account")
    known = {entry["name"] for found in described.result for entry in found.get("fields", ())}
    fields = ",".join(name for name in table.sources if name in known)
    rows: dict[str, Row] = {}
    for answer in context.marketo.pages(LISTS, expect=NOT_SHOWN):
        for one in answer.result:
            path = f"/rest/v1/namedAccountList/{one.get('id') or one['marketoGUID']}/namedAccounts.json"
            # A list that is deleted meanwhile has no members.
            for members in context.marketo.pages(path, {"fields": fields}, expect={"1013"}):
                rows |= {str(row.get("id") or row["marketoGUID"]): row for row in members.result}
    if not rows:
        context.note("named_accounts", "no named account is on a list; Marketo shows only those that are")
    mapper = context.mapper(table)
    before = (cursor or {}).get("ids", [])
    found = [mapper.row(row) for row in rows.values()]
    found += gone(context, "named_accounts", mapper, before, rows, now)
    yield from paged("account", [(found, {"at": instant(now), "ids": sorted(rows) or before})])


def custom_objects(settings: Mapping[str, Any]) -> list[str]:
    """API names of the custom objects that the project maps, in the mapping's order."""
    changes = settings.get("mapping")
    shipped = {*load_tables("marketo"), *load_tables("marketo_activities")}
    return [name for name in load_tables("marketo", changes) if name not in shipped and not name.isdigit()]


def pull_custom_object(context: Context, name: str, cursor: Cursor | None, now: datetime) -> Iterator[Page]:
    """Records of a custom object by extracts of the time of change; the cursor is ``{"updated_until"}``.

    A subscription without that filter is asked by the leads that the object's link field names: those read in
    this pull, all of them the first time.
    """
    described = context.marketo.call("GET", f"{CUSTOM}/{name}/describe.json", expect={*NOT_SHOWN, "1013"})
    if described.said is not None or not described.result:
        context.note(
            name,
            f"the mapping has a table {name}, and this Marketo shows no custom object of that name "
            f"(code {described.said}); check its API name and the right to read custom objects",
        )
        return
    about: Row = described.result[0]
    fields, mapper = _reading(context, name, about)
    cls = context.table(name).cls
    start = context.since(now, name) if cursor is None else at(cursor["updated_until"]) - OVERLAP
    spans = windows(start, now)
    bodies = [
        {
            "fields": fields,
            "filter": {"updatedAt": {"startAt": instant(span.start), "endAt": instant(span.end)}},
        }
        for span in spans
    ]
    runs = context.exports.run(f"customobjects/{name}", bodies)
    first = next(runs, None)
    if first is None and spans:
        found = _by_leads(context, name, about, fields, cursor, now)
        behind = {"updated_until": instant(now)}
        yield from paged(cls, [((mapper.row(row) for row in found), behind)])
        return

    def parts() -> Iterator[tuple[Iterable[Mapping[str, Any]], Cursor]]:
        rows: Iterable[Row] | None = first
        for span in spans:
            assert rows is not None, "a filter that was taken once is taken again"
            yield map(mapper.row, rows), {"updated_until": instant(span.end)}
            rows = next(runs, None)

    yield from paged(cls, parts())


def _reading(context: Context, name: str, about: Row) -> tuple[list[str], Mapper]:
    """The fields to ask for, and what becomes of them."""
    types = {entry["name"]: entry.get("dataType") for entry in about.get("fields", ())}
    table = context.table(name)
    mapped = [field for field in table.sources if field in types]
    custom = context.custom(field for field in types if field not in mapped)
    kinds: dict[str, LeafType] = {
        field: KINDS[kind] for field in custom if (kind := types[field]) is not None and kind in KINDS
    }
    return [*mapped, *custom], context.mapper(table, custom, kinds)


def _by_leads(
    context: Context, name: str, about: Row, fields: list[str], cursor: Cursor | None, now: datetime
) -> Iterator[Row]:
    links = [
        link["field"]
        for link in about.get("relationships", ())
        if str((link.get("relatedTo") or {}).get("name", "")).lower() == "lead"
    ]
    if not links:
        context.note(
            name,
            f"{name} is not read: this subscription has no extracts by the time of change, and the object "
            "has no link to leads to ask by",
        )
        return
    yield from found_by(context, f"{CUSTOM}/{name}", links[0], sorted(leads_of(context, cursor, now)), fields)
