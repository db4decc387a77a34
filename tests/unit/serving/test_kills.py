"""Killed at any moment, a server leaves what was accepted, and nobody is told twice or forgotten."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.unit.serving.server import VARIABLES, command, made, served

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
