"""What inlets acknowledged reaches the store, once, after any end of the process."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from townsend.api.inlets import inlets_app
from townsend.project import accepting
from townsend.project.accepting import Acceptance
from townsend.project.folder import create
from townsend.project.project import Project
from townsend.store import quarantine
from townsend.store.wal import Receipt

VISIT = {
    "timestamp": "2026-11-20T10:00:00Z",
    "eventType": "web.webpagedetails.pageViews",
    "identityMap": {"ECID": [{"id": "c1"}]},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "shop"
    create(made, None, datetime(2026, 11, 22, tzinfo=UTC))
    settings = made / "townsend.yaml"
    settings.write_text(
        settings.read_text().replace("sources: {}", "sources:\n  web: {type: inlet, class: event}")
    )
    return made


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    with Project(folder) as opened:
        yield opened


def send(acceptance: Acceptance, value: Any, form: Any = "collection", kind: str = "") -> Receipt:
    told: list[Receipt] = []
    durable = threading.Event()

    def done(receipt: Receipt) -> None:
        told.append(receipt)
        durable.set()

    acceptance.accept(form, "web", kind, json.dumps(value).encode(), done)
    assert durable.wait(10)
    return told[0]


def events(project: Project) -> list[str]:
    if not project.facts.columns("event"):
        return []
    return [
        str(one)
        for (one,) in project.facts.con.execute('SELECT "_id" FROM facts.event ORDER BY 1').fetchall()
    ]


def post(acceptance: Acceptance, path: str, content: bytes, **headers: str) -> httpx.Response:
    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(inlets_app(acceptance))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.post(path, content=content, headers=names)

    return asyncio.run(call())


def test_what_is_accepted_is_absorbed_and_a_repeat_changes_nothing(project: Project) -> None:
    acceptance = Acceptance(project)
    for _ in range(2):
        send(acceptance, {**VISIT, "_id": "v1"})
    done = acceptance.absorb(project)
    acceptance.close()

    assert (2, 2, 2) == (done.entries, done.rows, done.offset)
    assert ["v1"] == events(project)
    assert 0 == acceptance.waiting().bytes


def test_what_was_acknowledged_and_not_absorbed_is_absorbed_by_the_next_process(folder: Path) -> None:
    with Project(folder) as first:
        acceptance = Acceptance(first)
        send(acceptance, VISIT)
        acceptance.close()
    for _ in range(2):
        with Project(folder) as later:
            assert ["web#1.0"] == events(later)


def test_nothing_is_absorbed_beside_the_process_that_has_the_log(project: Project) -> None:
    acceptance = Acceptance(project)
    send(acceptance, VISIT)
    accepting.absorb_left(project)
    found = events(project)
    acceptance.close()

    assert [] == found


def test_a_poisoned_request_is_set_aside_and_the_others_go_on(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    acceptance = Acceptance(project)
    for name in ("a", "poison", "c"):
        send(acceptance, {**VISIT, "_id": name})
    true = accepting.absorb_requests

    def poisoned(*args: Any) -> Any:
        if any(b"poison" in request.entry.body for request in args[4]):
            raise ZeroDivisionError("odd")
        return true(*args)

    monkeypatch.setattr(accepting, "absorb_requests", poisoned)
    done = acceptance.absorb(project)
    acceptance.close()
    (kept,) = quarantine.ls(project.facts)

    assert ["a", "c"] == events(project)
    assert ("row.poisoned", "inlet/web#2", 1) == (kept.code, kept.place, done.quarantined)
    assert "3" == project.facts.meta("wal.offset")


def test_an_entry_that_cannot_be_read_is_set_aside_and_the_others_go_on(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    acceptance = Acceptance(project)
    send(acceptance, {**VISIT, "_id": "a"})
    with monkeypatch.context() as patch:
        patch.setattr(accepting, "entry_text", lambda _: b"\xc1")
        send(acceptance, {**VISIT, "_id": "b"})
    send(acceptance, {**VISIT, "_id": "c"})
    done = acceptance.absorb(project)
    acceptance.close()
    kept = project.folder / ".townsend" / "wal" / "entry-2-0.damaged"

    assert (3, 3) == (done.entries, done.offset)
    assert ["a", "c"] == sorted(events(project))
    assert b"\xc1" == kept.read_bytes()


def test_a_batch_answers_each_message(project: Project) -> None:
    acceptance = Acceptance(project)
    answer = post(acceptance, "/collection/batch/web", json.dumps({"messages": [VISIT, 7]}).encode())
    acceptance.absorb(project)
    acceptance.close()

    assert 207 == answer.status_code
    assert ["1:0", None] == [one.get("xactionId") for one in answer.json()["responses"]]
    assert 400 == answer.json()["responses"][1]["status"]
    assert ["web#1.0"] == events(project)


def test_a_call_of_a_library_is_taken_packed(project: Project) -> None:
    acceptance = Acceptance(project)
    call = {"writeKey": "web", "event": "Signed up", "userId": "u1", "messageId": "m1"}
    answer = post(acceptance, "/v1/track", gzip.compress(json.dumps(call).encode()), content_encoding="gzip")
    acceptance.absorb(project)
    acceptance.close()

    assert {"success": True} == answer.json()
    assert ["m1"] == events(project)


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("/collection/web", b"{", 400),
        ("/collection/nobody", b"{}", 404),
        ("/collection/web", b" " * (1024 * 1024 + 1), 413),
        ("/v1/track", b"{}", 401),
        ("/v1/nothing", b"{}", 404),
    ],
)
def test_what_cannot_be_accepted_is_answered_so(
    project: Project, path: str, content: bytes, status: int
) -> None:
    acceptance = Acceptance(project)
    answer = post(acceptance, path, content)
    waiting = acceptance.waiting().entries
    acceptance.close()

    assert (status, 0) == (answer.status_code, waiting)
    assert answer.json()["report"]["message"]


def test_a_full_disk_is_answered_with_when_to_try_again(project: Project) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    acceptance = Acceptance(project, sync=full)
    answer = post(acceptance, "/collection/web", json.dumps(VISIT).encode())
    waiting = acceptance.waiting().entries
    acceptance.close()

    assert (503, "1", 0) == (answer.status_code, answer.headers["retry-after"], waiting)


def test_damage_of_the_log_is_reported_and_costs_one_request(folder: Path) -> None:
    with Project(folder) as first:
        acceptance = Acceptance(first)
        for name in ("a", "b", "c"):
            send(acceptance, {**VISIT, "_id": name})
        acceptance.close()
    (segment,) = (folder / ".townsend" / "wal").glob("*.log")
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    with Project(folder) as later:
        kept = [one.code for one in quarantine.ls(later.facts)]

        assert (["a", "c"], ["row.damaged"]) == (events(later), kept)


def test_of_an_inlets_takes_the_last_is_written_down(project: Project) -> None:
    acceptance = Acceptance(project)
    for name in ("a", "b"):
        send(acceptance, {**VISIT, "_id": name})
        acceptance.absorb(project)
    acceptance.close()

    assert [(2,)] == project.facts.con.execute("SELECT id FROM facts.take").fetchall()
