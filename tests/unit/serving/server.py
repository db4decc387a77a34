"""A real server process over a copy of the example project, for tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from townsend.clock import SystemClock
from townsend.project.folder import create

START_S = 60
END_S = 30
VARIABLES = {**os.environ, "COLUMNS": "100"}


@dataclass
class Served:
    """A project that is served, and how to reach it."""

    folder: Path
    address: str
    process: subprocess.Popen[str]

    def get(self, path: str, **named: Any) -> httpx.Response:
        return httpx.get(f"{self.address}/api/v1/{path}", timeout=60, **named)

    def post(self, path: str, body: Any = None, **named: Any) -> httpx.Response:
        return httpx.post(f"{self.address}/api/v1/{path}", json=body, timeout=60, **named)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(END_S)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(END_S)


def made(folder: Path, now: datetime | None = None) -> Path:
    """The example project, its files loaded."""
    create(folder, "bodea", now or SystemClock().now())
    return folder


def command(folder: Path, words: Sequence[str], cwd: Path | None = None) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "townsend", *words],
        cwd=cwd or folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=VARIABLES,
    )
    return done.returncode, done.stdout, done.stderr


@contextmanager
def served(folder: Path, *options: str) -> Iterator[Served]:
    """The project while it is served; killed at the end if it still is."""
    process = subprocess.Popen(
        [sys.executable, "-m", "townsend", "serve", "--port", "0", "--json", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=(folder / "serve.log").open("a"),
        text=True,
        env=VARIABLES,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (folder / "serve.log").read_text()
        yield Served(folder, json.loads(line)["address"], process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(END_S)
