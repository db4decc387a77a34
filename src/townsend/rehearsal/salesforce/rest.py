"""Versions, query with its pages, limits: how an org is asked by REST."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from townsend.rehearsal import times
from townsend.rehearsal.ids import salesforce_id
from townsend.rehearsal.salesforce.faults import Fault
from townsend.rehearsal.salesforce.keys import Row
from townsend.rehearsal.salesforce.soql import Malformed, Query, read
from townsend.rehearsal.salesforce.soql_groups import grouped
from townsend.rehearsal.salesforce.soql_parts import Path
from townsend.rehearsal.times import DAY_MS
from townsend.rehearsal.web import Answer, Request, Route, as_json

if TYPE_CHECKING:
    from townsend.rehearsal.salesforce.org import Org

__all__ = ["ROUTES", "Cursors", "fetch", "known", "versions"]

NEWEST, OLDEST = 67, 50
SEASONS = ("Spring", "Summer", "Winter")
BATCH_MIN, BATCH_MAX = 200, 2_000
CURSORS_MAX = 10
CURSOR_MS = 2 * DAY_MS
HOME = "/services/data/{version}"


class Cursors:
    """Queries whose pages are not all fetched yet: at most ten, for at most two days."""

    def __init__(self, pod: str) -> None:
        self._pod = pod
        self._count = 0
        self._open: dict[str, tuple[int, Query, list[Row]]] = {}

    def keep(self, query: Query, rows: list[Row], now_ms: int) -> str:
        """A locator; the oldest one dies when there are too many."""
        self._count += 1
        locator = salesforce_id("Cursor", self._pod, self._count)
        self._open[locator] = (now_ms, query, rows)
        while len(self._open) > CURSORS_MAX:
            del self._open[next(iter(self._open))]
        return locator

    def find(self, locator: str, now_ms: int) -> tuple[Query, list[Row]]:
        """What a locator stands for; Fault if it died."""
        since, query, rows = self._open.get(locator, (-CURSOR_MS, None, None))
        if query is None or rows is None or now_ms - since > CURSOR_MS:
            raise Fault(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return query, rows


def known(version: str) -> bool:
    """Whether ``v67.0`` is a version of this org."""
    return bool(re.fullmatch(r"v\d\d\.0", version)) and OLDEST <= int(version[1:3]) <= NEWEST


def versions() -> Answer:
    """The interface's versions."""
    found = []
    for number in range(OLDEST, NEWEST + 1):
        behind = NEWEST - number
        season = SEASONS[(1 - behind) % 3]
        year = 26 - (behind + 1) // 3
        label = f"{season} ’{year}"
        found.append({"label": label, "url": f"/services/data/v{number}.0", "version": f"{number}.0"})
    return as_json(found)


def _resources(_org: Org, request: Request) -> Answer:
    home = request.path.rstrip("/")
    return as_json({name: f"{home}/{name}" for name in ("limits", "query", "queryAll", "sobjects", "jobs")})


def _query(org: Org, request: Request) -> Answer:
    return _selected(org, request, deleted=False)


def _query_all(org: Org, request: Request) -> Answer:
    return _selected(org, request, deleted=True)


def _selected(org: Org, request: Request, deleted: bool) -> Answer:
    text = request.arg("q")
    if not text:
        raise Malformed("unexpected token: '<EOF>'")
    query = read(text)
    rows = org.tables.select(query, deleted)
    if query.count:
        return as_json({"totalSize": len(rows), "done": True, "records": []})
    if query.columns:
        records = query.part(grouped(rows, query.columns, query.by, org.tables.look))
        return as_json({"totalSize": len(records), "done": True, "records": records})
    return _page(org, request, query, rows, 0, None)


def _more(org: Org, request: Request, locator: str) -> Answer:
    name, _, start = locator.rpartition("-")
    if not start.isdigit():
        raise Fault(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    query, rows = org.cursors.find(name, request.now_ms)
    return _page(org, request, query, rows, int(start), name)


def _page(
    org: Org, request: Request, query: Query, rows: list[Row], start: int, locator: str | None
) -> Answer:
    size = _batch(request)
    home = request.path[: request.path.index("/", len("/services/data/"))]
    render = fetch(org, query, home)
    found: dict[str, Any] = {"totalSize": len(rows), "done": start + size >= len(rows)}
    if not found["done"]:
        locator = locator or org.cursors.keep(query, rows, request.now_ms)
        found["nextRecordsUrl"] = f"{home}/query/{locator}-{start + size}"
    found["records"] = [render(row) for row in rows[start : start + size]]
    return as_json(found)


def _batch(request: Request) -> int:
    match = re.search(r"batchSize=(\d+)", request.headers.get("sforce-query-options", ""))
    return min(max(int(match[1]), BATCH_MIN), BATCH_MAX) if match else BATCH_MAX


def fetch(org: Org, query: Query, home: str) -> Callable[[Row], dict[str, Any]]:
    """What turns a row into a record of a query's answer, parents nested."""
    name = query.sobject.name
    look = org.tables.look
    own = [(path, path.field.name, path.field.type) for path in query.paths if not path.via]
    over = [path for path in query.paths if path.via]

    def render(row: Row) -> dict[str, Any]:
        url = f"{home}/sobjects/{name}/{row['Id']}"
        record: dict[str, Any] = {"attributes": {"type": name, "url": url}}
        for path, field, kind in own:
            value = look(row, path)
            record[field] = times.salesforce(value) if kind == "datetime" and value is not None else value
        for path in over:
            _nest(org, record, row, path, home)
        return record

    return render


def _nest(org: Org, record: dict[str, Any], row: Row, path: Path, home: str) -> None:
    here = record
    for depth, step in enumerate(path.via):
        name = str(step.relationship)
        parent = org.tables.look(row, Path(path.via[:depth], step, name))
        if parent is None:
            here.setdefault(name, None)
            return
        kind = step.to[0]
        attributes = {"type": kind, "url": f"{home}/sobjects/{kind}/{parent}"}
        here = here.setdefault(name, {"attributes": attributes})
    value = org.tables.look(row, path)
    instant = path.field.type == "datetime" and value is not None
    here[path.field.name] = times.salesforce(value) if instant else value


def _limits(org: Org, request: Request) -> Answer:
    left = org.daily_calls_max - org.used(request.now_ms)
    jobs = org.jobs.left(request.now_ms)
    return as_json(
        {
            "DailyApiRequests": {"Max": org.daily_calls_max, "Remaining": max(0, left)},
            "DailyBulkV2QueryJobs": {"Max": org.jobs.daily_max, "Remaining": jobs},
            "DailyBulkV2QueryFileStorageMB": {"Max": 976_562, "Remaining": 976_562 - org.jobs.megabytes},
        }
    )


ROUTES = [
    Route("GET", HOME, _resources),
    Route("GET", f"{HOME}/query", _query),
    Route("GET", f"{HOME}/queryAll", _query_all),
    Route("GET", f"{HOME}/query/{{locator}}", _more),
    Route("GET", f"{HOME}/queryAll/{{locator}}", _more),
    Route("GET", f"{HOME}/limits", _limits),
]
