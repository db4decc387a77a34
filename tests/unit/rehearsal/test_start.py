"""Servers start fast, keep to their seed, misbehave only when asked, and end when told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from tests.unit.rehearsal.callers import ANCHOR, MovedClock

from townsend.clock import AcceleratedClock, SystemClock
from townsend.problem import Invalid
from townsend.rehearsal import VENDORS, Server, json_line, start
from townsend.rehearsal.chaos import Chaos

GRANT = {"grant_type": "client_credentials"}


def token_of(server: Server) -> httpx.Response:
    asked = GRANT | {"client_id": server.client_id, "client_secret": server.client_secret}
    return httpx.get(f"{server.base_url}/identity/oauth/token", params=asked)


def test_all_servers_start_within_a_second_and_a_half() -> None:
    clock = SystemClock()
    began = clock.now()
    servers = start(list(VENDORS), clock=MovedClock(), seed=7, size=3_000)
    took = (clock.now() - began).total_seconds()
    for server in servers:
        server.stop()

    assert ["marketo_1", "marketo_2", "crm_1", "crm_2", "linkedin"] == [server.name for server in servers]
    assert took < 1.5


def test_a_stopped_server_is_gone_and_stops_twice() -> None:
    first, second = start(["marketo"], clock=MovedClock(), seed=7, size=0)
    assert 200 == token_of(first).status_code
    first.stop()
    first.stop()

    with pytest.raises(httpx.ConnectError):
        token_of(first)
    assert 200 == token_of(second).status_code
    second.stop()


def test_the_same_seed_gives_the_same_credentials_and_another_others() -> None:
    lines = []
    for seed in (7, 7, 8):
        servers = start(["marketo", "salesforce"], clock=MovedClock(), seed=seed, size=0)
        lines.append([json_line(server) | {"base_url": ""} for server in servers])
        for server in servers:
            server.stop()

    assert lines[0] == lines[1]
    assert lines[0] != lines[2]


def test_secrets_do_not_show_in_a_servers_text() -> None:
    first, second = start(["marketo"], clock=MovedClock(), seed=7, size=0)
    first.stop()
    second.stop()

    assert first.client_secret not in repr(first)


@pytest.mark.parametrize(("vendors", "size"), [(["marketing"], 0), (["marketo"], -1)])
def test_what_cannot_be_served_is_told(vendors: list[str], size: int) -> None:
    with pytest.raises(Invalid):
        start(vendors, clock=MovedClock(), seed=7, size=size)


def test_changes_are_kept_between_starts(tmp_path: Path) -> None:
    for _ in range(2):
        servers = start(
            ["marketo"], clock=MovedClock(), seed=7, size=0, anchor=ANCHOR, state=tmp_path / "kept"
        )
        home = servers[0].state
        if home.world.assets.list_named("A") is None:
            made = home.do("make_list", name="A", folder=[15, "Folder"], description="", at_ms=0)
            home.do("add", list_id=made, leads=[12], at_ms=0)
        emails = servers[0].list_emails("A")
        for server in servers:
            server.stop()

    assert ["p2@townsend.com"] == emails


def test_a_list_that_is_not_there_is_told() -> None:
    servers = start(["marketo", "salesforce"], clock=MovedClock(), seed=7, size=0)
    for server in servers:
        server.stop()
        with pytest.raises(Invalid):
            server.list_emails("Nope")


def test_faults_repeat_on_a_seed() -> None:
    first, again, other = (
        [chaos.draw() for _ in range(500)] for chaos in (Chaos(1, "a"), Chaos(1, "a"), Chaos(2, "a"))
    )

    assert first == again != other
    assert {"calm", "gateway", "cut", "slow", "throttle"} <= {fault.kind for fault in first}


def test_faults_reach_the_caller() -> None:
    first, second = start(["marketo"], clock=AcceleratedClock(1_000, ANCHOR), seed=7, size=0, chaos=4)
    seen = set()
    with httpx.Client(base_url=first.base_url) as client:
        for _ in range(200):
            try:
                answer = client.get("/rest/v1/lead/11.json")
            except httpx.RemoteProtocolError:
                seen.add("dropped")
                continue
            ok = answer.headers["content-type"].startswith("application/json")
            seen.add(answer.json()["errors"][0]["code"] if ok else str(answer.status_code))
    first.stop()
    second.stop()

    assert {"600", "606", "dropped"} <= seen
    assert seen & {"500", "502", "503", "504"}


@pytest.mark.slow
def test_rehearse_prints_a_line_for_each_server_and_ends_on_a_signal() -> None:
    words = [sys.executable, "-m", "townsend", "rehearse", "marketo", "--size", "0", "--json"]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stdout is not None
    lines = [json.loads(process.stdout.readline()) for _ in range(2)]
    answered = httpx.get(f"{lines[0]['base_url']}/identity/oauth/token")
    process.send_signal(signal.SIGTERM)

    assert ["marketo_1", "marketo_2"] == [line["name"] for line in lines]
    assert 400 == answered.status_code
    assert 0 == process.wait(10)
