"""Bulk API 2.0 query jobs: made, polled, fetched in pages of CSV, aborted, deleted."""

from __future__ import annotations

import base64
import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from townsend.rehearsal import times
from townsend.rehearsal.ids import salesforce_id
from townsend.rehearsal.salesforce.faults import Fault
from townsend.rehearsal.salesforce.keys import Row
from townsend.rehearsal.salesforce.soql import Query, read
from townsend.rehearsal.times import DAY_MS
from townsend.rehearsal.web import Answer, Request, Route, as_json

if TYPE_CHECKING:
    from townsend.rehearsal.salesforce.org import Org

__all__ = ["ROUTES", "Job", "Jobs"]

DAILY_JOBS_MAX = 10_000
RECORDS_MAX = 50_000
KEPT_MS = 7 * DAY_MS
# A job waits a moment, then reads this many rows a second of vendor time.
WAIT_MS = 1_000
ROWS_PER_MS = 25
PAGES_MAX = 5
HOME = "/services/data/{version}/jobs/query"
DELIMITERS = {"COMMA": ",", "SEMICOLON": ";", "TAB": "\t", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


@dataclass
class Job:
    """One query job; its rows are those of the moment it was made."""

    job_id: str
    body: dict[str, Any]
    version: str
    query: Query
    rows: list[Row]
    created_ms: int
    aborted: bool = False

    def state(self, now_ms: int) -> str:
        if self.aborted:
            return "Aborted"
        age = now_ms - self.created_ms
        if age < WAIT_MS:
            return "UploadComplete"
        return "JobComplete" if age >= WAIT_MS + len(self.rows) / ROWS_PER_MS else "InProgress"


class Jobs:
    """The query jobs of one org."""

    def __init__(self, pod: str) -> None:
        self.daily_max = DAILY_JOBS_MAX
        self.bytes_sent = 0
        self._pod = pod
        self._count = 0
        self._jobs: dict[str, Job] = {}
        self._made: list[int] = []

    @property
    def megabytes(self) -> int:
        return self.bytes_sent // 1_048_576

    def left(self, now_ms: int) -> int:
        """How many jobs may still be made today."""
        self._made = [at for at in self._made if now_ms - at < DAY_MS]
        return max(0, self.daily_max - len(self._made))

    def make(self, body: dict[str, Any], version: str, query: Query, rows: list[Row], now_ms: int) -> Job:
        """A new job."""
        if not self.left(now_ms):
            raise Fault(400, "EXCEEDEDQUOTA", "ApiBatchItems Limit exceeded.")
        self._count += 1
        self._made.append(now_ms)
        job_id = salesforce_id("Job", self._pod, self._count)
        self._jobs[job_id] = job = Job(job_id, body, version, query, rows, now_ms)
        return job

    def find(self, job_id: str, now_ms: int) -> Job:
        """A job that is still kept; Fault NOT_FOUND otherwise."""
        job = self._jobs.get(job_id) or next((j for k, j in self._jobs.items() if k[:15] == job_id), None)
        if job is None or now_ms - job.created_ms > KEPT_MS:
            raise Fault(404, "NOT_FOUND", "The requested resource does not exist")
        return job

    def drop(self, job: Job) -> None:
        """Forget a job."""
        del self._jobs[job.job_id]

    def all(self) -> list[Job]:
        """Every job, the newest first."""
        return list(self._jobs.values())[::-1]


def _create(org: Org, request: Request) -> Answer:
    body = request.json()
    if not isinstance(body, dict) or body.get("operation") not in {"query", "queryAll"}:
        raise Fault(400, "INVALIDJOB", "operation: expected query or queryAll")
    settings = {"contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF"}
    settings |= {key: str(body[key]) for key in settings if key in body}
    if settings["contentType"] != "CSV" or settings["columnDelimiter"] not in DELIMITERS:
        raise Fault(400, "INVALIDJOB", "contentType must be CSV and columnDelimiter a known one")
    if settings["lineEnding"] not in ENDINGS:
        raise Fault(400, "INVALIDJOB", "lineEnding: expected LF or CRLF")
    query = read(str(body.get("query", "")))
    if query.count or query.columns or query.offset:
        raise Fault(400, "INVALIDJOB", "aggregates, GROUP BY and OFFSET are not supported by the Bulk API")
    deleted = body["operation"] == "queryAll"
    rows = org.tables.select(query, deleted)
    version = request.path.split("/")[3]
    settings |= {"operation": body["operation"]}
    return as_json(_told(org, org.jobs.make(settings, version, query, rows, request.now_ms), request))


def _told(org: Org, job: Job, request: Request) -> dict[str, Any]:
    state = job.state(request.now_ms)
    found = {
        "id": job.job_id,
        "operation": job.body["operation"],
        "object": job.query.sobject.name,
        "createdById": org.keys.user,
        "createdDate": times.salesforce(job.created_ms),
        "systemModstamp": times.salesforce(min(request.now_ms, job.created_ms + WAIT_MS)),
        "state": state,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": float(job.version[1:]),
        "lineEnding": job.body["lineEnding"],
        "columnDelimiter": job.body["columnDelimiter"],
    }
    if state in {"InProgress", "JobComplete", "Aborted"}:
        done = len(job.rows) if state == "JobComplete" else 0
        took = min(request.now_ms - job.created_ms, WAIT_MS + len(job.rows) // ROWS_PER_MS)
        found |= {"jobType": "V2Query", "numberRecordsProcessed": done, "retries": 0}
        found |= {"totalProcessingTime": took, "isPkChunkingSupported": True}
    return found


def _status(org: Org, request: Request, job_id: str) -> Answer:
    return as_json(_told(org, org.jobs.find(job_id, request.now_ms), request))


def _list(org: Org, request: Request) -> Answer:
    found = [_told(org, job, request) for job in org.jobs.all()]
    return as_json({"done": True, "records": found, "nextRecordsUrl": None})


def _abort(org: Org, request: Request, job_id: str) -> Answer:
    job = org.jobs.find(job_id, request.now_ms)
    body = request.json()
    if not isinstance(body, dict) or body.get("state") != "Aborted":
        raise Fault(400, "INVALIDJOBSTATE", "state: only Aborted can be set")
    if job.state(request.now_ms) == "JobComplete":
        raise Fault(400, "INVALIDJOBSTATE", "Aborting an already completed Job is not allowed")
    job.aborted = True
    return as_json(_told(org, job, request))


def _delete(org: Org, request: Request, job_id: str) -> Answer:
    job = org.jobs.find(job_id, request.now_ms)
    if job.state(request.now_ms) not in {"JobComplete", "Aborted"}:
        raise Fault(400, "INVALIDJOBSTATE", "only finished jobs can be deleted")
    org.jobs.drop(job)
    return Answer(204)


def _complete(org: Org, request: Request, job_id: str) -> Job:
    job = org.jobs.find(job_id, request.now_ms)
    if request.path.split("/")[3] != job.version:
        raise Fault(409, "API_VERSION_MISMATCH", f"the job was made with {job.version}")
    if job.state(request.now_ms) != "JobComplete":
        raise Fault(409, "INVALIDJOBSTATE", f"Job state is {job.state(request.now_ms)}, not JobComplete")
    return job


def _results(org: Org, request: Request, job_id: str) -> Answer:
    job = _complete(org, request, job_id)
    size = request.arg("maxRecords", str(RECORDS_MAX))
    if not size.isdigit() or int(size) < 1:
        raise Fault(400, "INVALIDJOB", "maxRecords: expected a whole number from 1")
    start = _start(request.arg("locator"))
    end = min(start + int(size), start + RECORDS_MAX, len(job.rows))
    body = _csv(org, job, job.rows[start:end])
    org.jobs.bytes_sent += len(body)
    headers = {
        "content-type": "text/csv; charset=UTF-8",
        "Sforce-NumberOfRecords": str(end - start),
        "Sforce-Locator": "null" if end >= len(job.rows) else _locator(end),
    }
    return Answer(200, body, headers)


def _result_pages(org: Org, request: Request, job_id: str) -> Answer:
    job = _complete(org, request, job_id)
    home = request.path.rstrip("/").removesuffix("Pages").removesuffix("result") + "results"
    start = _start(request.arg("locator"))
    starts = list(range(start, max(len(job.rows), 1), RECORDS_MAX))
    pages = [{"resultLink": f"{home}?locator={_locator(at)}"} for at in starts[:PAGES_MAX]]
    more = len(starts) > PAGES_MAX
    return as_json(
        {
            "resultPages": pages,
            "nextRecordsUrl": f"{request.path}?locator={_locator(starts[PAGES_MAX])}" if more else None,
            "done": not more,
        }
    )


def _locator(at: int) -> str:
    return base64.urlsafe_b64encode(f"row:{at}".encode()).decode().rstrip("=")


def _start(locator: str) -> int:
    if not locator:
        return 0
    try:
        text = base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)).decode()
        return int(text.removeprefix("row:"))
    except ValueError as error:
        raise Fault(400, "INVALID_QUERY_LOCATOR", "invalid locator") from error


def _csv(org: Org, job: Job, rows: list[Row]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(
        out,
        delimiter=DELIMITERS[job.body["columnDelimiter"]],
        lineterminator=ENDINGS[job.body["lineEnding"]],
        quoting=csv.QUOTE_ALL,
    )
    writer.writerow([path.text for path in job.query.paths])
    look = org.tables.look
    paths = [(path, path.field.type) for path in job.query.paths]
    for row in rows:
        writer.writerow([_text(look(row, path), kind) for path, kind in paths])
    return out.getvalue().encode()


def _text(value: Any, kind: str) -> str:
    if value is None:
        return ""
    if kind == "datetime":
        return times.salesforce(value, "Z")
    return str(value).lower() if kind == "boolean" else str(value)


ROUTES = [
    Route("POST", HOME, _create),
    Route("GET", HOME, _list),
    Route("GET", f"{HOME}/{{job_id}}", _status),
    Route("PATCH", f"{HOME}/{{job_id}}", _abort),
    Route("DELETE", f"{HOME}/{{job_id}}", _delete),
    Route("GET", f"{HOME}/{{job_id}}/results", _results),
    Route("GET", f"{HOME}/{{job_id}}/resultPages", _result_pages),
]
