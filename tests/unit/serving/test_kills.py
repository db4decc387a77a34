"""Killed at any moment, a server leaves what was accepted, and nobody is told twice or forgotten."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.serving.server import VARIABLES, Served, command, made, served

from townsend.project.project import Project

pytestmark = pytest.mark.slow

KILLS = 6
PEOPLE = 300
ALL = "name: everybody\npql: workEmail.address.isNotNull()\n"


def people(folder: Path, lot: int) -> str:
    rows: list[dict[str, Any]] = [
        {
            "b2b": {"personKey": {"sourceKey": f"{lot}-{at}@X.Test"}},
            "workEmail": {"address": f"p{lot}-{at}@example.com"},
        }
        for at in range(PEOPLE)
    ]
    path = folder / f"lot{lot}.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path.name


def test_kills_under_load_lose_nobody_and_tell_nobody_twice(tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    folder = made(tmp_path / "bodea")
    (folder / "audiences" / "everybody.yaml").write_text(ALL)
    accepted = []
    for lot in range(KILLS):
        name = people(folder, lot)
        with served(folder) as server:
            loading = subprocess.Popen(
                [sys.executable, "-m", "townsend", "load", "person", name],
                cwd=folder,
                env=VARIABLES,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            threading.Event().wait(chance.uniform(0.2, 1.5))
            server.kill()
            if loading.wait(60) == 0:
                accepted.append(lot)
    with served(folder) as server:
        told = server.get("audiences/everybody/history?limit=10000").json()["items"]
        found = server.get("audiences/everybody/members?limit=10000").json()["items"]
        assert 0 == server.stop()
    with Project(folder) as project:
        right = {int(one) for one in project.members("everybody").ids}
        names = {one["identities"]["Email"][0] for one in project.members("everybody").rows()}

    assert right == {one["id"] for one in found}, seed
    assert sorted(right) == sorted(one["id"] for one in told if one["change"] == "entered"), seed
    assert [] == [one for one in told if one["change"] == "left"], seed
    assert {f"p{lot}-0@example.com" for lot in accepted} <= names, seed


def send_on(server: Served, lot: int, acknowledged: list[str]) -> None:
    """Visits through an inlet until nobody answers; those answered with yes are noted."""
    with suppress(httpx.TransportError), httpx.Client(base_url=server.address, timeout=10) as client:
        for at in count():
            name = f"v{lot}-{at}"
            visit = {
                "_id": name,
                "timestamp": "2026-01-01T00:00:00Z",
                "identityMap": {"ECID": [{"id": "e1"}]},
            }
            if client.post("/collection/site", json=visit).status_code == 200:
                acknowledged.append(name)


def test_kills_between_acknowledgement_and_store_lose_no_visit_and_double_none(tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    folder = made(tmp_path / "bodea")
    settings = folder / "townsend.yaml"
    settings.write_text(
        settings.read_text().replace("sources:", "sources:\n  site: {type: inlet, class: event}", 1)
    )
    acknowledged: list[str] = []
    for lot in range(KILLS):
        with served(folder) as server:
            sending = threading.Thread(target=send_on, args=(server, lot, acknowledged))
            sending.start()
            threading.Event().wait(chance.uniform(0.05, 1.0))
            server.kill()
            sending.join(30)
    with Project(folder) as project:
        found = project.facts.con.execute(
            """SELECT "_id", count(*) FROM facts.event WHERE source = 'site' GROUP BY ALL"""
        ).fetchall()
    times = dict(found)

    assert len(acknowledged) > KILLS, seed
    assert [] == [name for name in acknowledged if times.get(name) != 1], seed
    assert {1} == set(times.values()), seed


def test_a_stop_lets_a_command_end_that_has_begun(tmp_path: Path) -> None:
    folder = made(tmp_path / "bodea")
    found: list[tuple[int, str, str]] = []
    with served(folder) as server:
        asking = threading.Thread(target=lambda: found.append(command(folder, ["run", "--json"])))
        asking.start()
        threading.Event().wait(0.6)
        ended = server.stop()
        asking.join(60)
    again = command(folder, ["run", "--json"])

    assert 0 == ended
    assert found[0][0] in (0, 1)
    assert 0 == again[0]
    assert [1, 1] == [one["members"] for one in json.loads(again[1])["audiences"]]
