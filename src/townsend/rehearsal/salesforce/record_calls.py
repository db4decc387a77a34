"""Describe, single records by id or external id, and replication: what lies below ``sobjects``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from townsend.rehearsal import times
from townsend.rehearsal.salesforce.describe import described, overview
from townsend.rehearsal.salesforce.faults import Fault
from townsend.rehearsal.salesforce.keys import Row
from townsend.rehearsal.salesforce.rest import HOME, fetch
from townsend.rehearsal.salesforce.soql import read
from townsend.rehearsal.salesforce.tables import kind_of
from townsend.rehearsal.times import DAY_MS
from townsend.rehearsal.web import Answer, Request, Route, as_json

if TYPE_CHECKING:
    from townsend.rehearsal.salesforce.org import Org

__all__ = ["ROUTES"]

REPLICATION_MS = 30 * DAY_MS
KEPT_MS = 15 * DAY_MS
_PARTS = {"fields", "childRelationships"}


def _sobjects(_org: Org, request: Request) -> Answer:
    return as_json({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": overview(request.path.rstrip("/"))})


def _describe(_org: Org, request: Request, name: str) -> Answer:
    home = request.path.rstrip("/").removesuffix(f"/{name}/describe")
    return as_json(described(kind_of(name), home))


def _record(org: Org, request: Request, name: str, record_id: str) -> Answer:
    sobject = kind_of(name)
    row = org.tables.find(record_id, sobject.name)
    wanted = [field for field in request.arg("fields").split(",") if field] or list(sobject.fields)
    query = read(f"SELECT {','.join(wanted)} FROM {sobject.name}")
    home = request.path[: request.path.index("/", len("/services/data/"))]
    return as_json(fetch(org, query, home)(row))


def _metadata(_org: Org, request: Request, name: str) -> Answer:
    sobject = kind_of(name)
    home = request.path.rstrip("/").removesuffix(f"/{name}")
    head = {key: value for key, value in described(sobject, home).items() if key not in _PARTS}
    return as_json({"objectDescribe": head, "recentItems": []})


def _named(org: Org, name: str, field: str, value: str) -> tuple[str, str, list[Row]]:
    """The object, its external id, and the records that hold the value there."""
    sobject = kind_of(name)
    found = sobject.find(field)
    if found is None or not found.external:
        raise Fault(
            404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {field}"
        )
    return sobject.name, found.name, org.tables.named(sobject.name, found.name, value)


def _record_named(org: Org, request: Request, name: str, field: str, value: str) -> Answer:
    _, _, rows = _named(org, name, field, value)
    if len(rows) > 1:
        home = request.path[: request.path.index("/", len("/services/data/"))]
        return as_json([f"{home}/sobjects/{name}/{row['Id']}" for row in rows], 300)
    if not rows:
        raise Fault(404, "NOT_FOUND", "The requested resource does not exist")
    return _record(org, request, name, str(rows[0]["Id"]))


def _upsert_named(org: Org, request: Request, name: str, field: str, value: str) -> Answer:
    sobject, external, rows = _named(org, name, field, value)
    if len(rows) > 1:
        raise Fault(400, "DUPLICATE_EXTERNAL_ID", f"{external}: more than one record has this external id")
    found = str(rows[0]["Id"]) if rows else None
    fields = _fields(request) | {external: value}
    made = org.tables.upsert(sobject, fields, request.now_ms, found)
    answer = {"id": made, "success": True, "errors": [], "created": found is None}
    return as_json(answer, 201 if found is None else 200)


def _create(org: Org, request: Request, name: str) -> Answer:
    made = org.tables.upsert(kind_of(name).name, _fields(request), request.now_ms, None)
    return as_json({"id": made, "success": True, "errors": []}, 201)


def _update(org: Org, request: Request, name: str, record_id: str) -> Answer:
    org.tables.upsert(kind_of(name).name, _fields(request), request.now_ms, record_id)
    return Answer(204)


def _remove(org: Org, request: Request, name: str, record_id: str) -> Answer:
    org.tables.delete(record_id, request.now_ms, kind_of(name).name)
    return Answer(204)


def _fields(request: Request) -> dict[str, Any]:
    body = request.json()
    if not isinstance(body, dict):
        raise Fault(400, "JSON_PARSER_ERROR", "the body is not a JSON object")
    return {key: value for key, value in body.items() if key not in {"attributes", "Id"}}


def _deleted(org: Org, request: Request, name: str) -> Answer:
    start, end = _span(request)
    rows = [
        {"id": row["Id"], "deletedDate": times.salesforce(row["SystemModstamp"])}
        for row in org.tables.rows(kind_of(name).name)
        if row.get("IsDeleted") and start <= row["SystemModstamp"] < end
    ]
    earliest = max((request.now_ms - KEPT_MS) // 60_000 * 60_000, 0)
    return as_json(
        {
            "deletedRecords": rows,
            "earliestDateAvailable": times.salesforce(earliest),
            "latestDateCovered": times.salesforce(end),
        }
    )


def _updated(org: Org, request: Request, name: str) -> Answer:
    start, end = _span(request)
    rows: Sequence[Row] = org.tables.rows(kind_of(name).name)
    ids = [row["Id"] for row in rows if not row.get("IsDeleted") and start <= row["SystemModstamp"] < end]
    return as_json({"ids": ids, "latestDateCovered": times.salesforce(end)})


def _span(request: Request) -> tuple[int, int]:
    try:
        start, end = (times.parse(request.arg(name)) // 60_000 * 60_000 for name in ("start", "end"))
    except ValueError as error:
        raise Fault(400, "INVALID_REPLICATION_DATE", "start and end must be datetimes") from error
    end = min(end, request.now_ms // 60_000 * 60_000)
    if end <= start:
        text = "end must be at least one minute after start, and start before the present"
        raise Fault(400, "INVALID_REPLICATION_DATE", text)
    if request.now_ms - start > REPLICATION_MS:
        raise Fault(400, "INVALID_REPLICATION_DATE", "startDate before org replication enabled date")
    return start, end


ROUTES = [
    Route("GET", f"{HOME}/sobjects", _sobjects),
    Route("GET", f"{HOME}/sobjects/{{name}}/describe", _describe),
    Route("GET", f"{HOME}/sobjects/{{name}}/deleted", _deleted),
    Route("GET", f"{HOME}/sobjects/{{name}}/updated", _updated),
    Route("GET", f"{HOME}/sobjects/{{name}}", _metadata),
    Route("GET", f"{HOME}/sobjects/{{name}}/{{record_id}}", _record),
    Route("GET", f"{HOME}/sobjects/{{name}}/{{field}}/{{value}}", _record_named),
    Route("PATCH", f"{HOME}/sobjects/{{name}}/{{field}}/{{value}}", _upsert_named),
    Route("POST", f"{HOME}/sobjects/{{name}}", _create),
    Route("PATCH", f"{HOME}/sobjects/{{name}}/{{record_id}}", _update),
    Route("DELETE", f"{HOME}/sobjects/{{name}}/{{record_id}}", _remove),
]
