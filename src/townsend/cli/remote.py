"""A command of a project that is being served runs in the server's process, to the same words and exit code.

Nothing heavy is imported here: every command asks first whether somebody serves.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from townsend.problem import Unavailable

if TYPE_CHECKING:
    from townsend.project.serving.lockfile import Serving

__all__ = ["answer_of_server"]

HERE = {"init", "demo", "rehearse", "serve"}  # these need no store, or are the server
CONNECT_S = 5.0


def answer_of_server(words: list[str]) -> int | None:
    """The exit code of the command as the project's server ran it; None if nobody serves the project."""
    if not words or words[0] in HERE or words[0].startswith("-") or {"--help", "-h"} & set(words):
        return None
    if words[:2] == ["graph", "simulate"]:
        return None
    folder = _project(words)
    if not (folder / ".townsend" / "serve.json").exists():
        return None
    from townsend.project.serving.lockfile import serving_of

    serving = serving_of(folder)
    return None if serving is None else _ask(serving, words)


def _ask(serving: Serving, words: list[str]) -> int | None:
    address = urlsplit(serving.address)
    con = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=CONNECT_S)
    try:
        con.connect()
    except OSError:
        # A process of that number lives, and is no server: it was killed, and the number given again.
        return None
    try:
        con.sock.settimeout(None)
        body = {
            "words": words,
            "cwd": str(Path.cwd()),
            "columns": _columns(sys.stdout),
            "err_columns": _columns(sys.stderr),
        }
        headers = {"Authorization": f"Bearer {serving.token}", "Content-Type": "application/json"}
        con.request("POST", "/api/v1/command", json.dumps(body), headers)
        answer = con.getresponse()
        if answer.status != 200:
            problem = json.loads(answer.read())["error"]
            raise Unavailable(problem["code"], problem["message"])
        for line in answer:
            if line.strip():
                frame: dict[str, Any] = json.loads(line)
                if "exit" in frame:
                    return int(frame["exit"])
                _show(frame)
    except BrokenPipeError:
        # Whoever reads our words has seen enough.
        raise
    except (http.client.HTTPException, ConnectionError, ValueError) as error:
        raise _gone(serving) from error
    finally:
        con.close()
    raise _gone(serving)


def _show(frame: dict[str, Any]) -> None:
    for name, stream in (("out", sys.stdout), ("err", sys.stderr)):
        if name in frame:
            stream.write(frame[name])
            stream.flush()


def _gone(serving: Serving) -> Unavailable:
    return Unavailable(
        "serve.gone",
        f"the server at {serving.address} (process {serving.pid}) went away while it worked; what was "
        "accepted is kept, repeat the command",
        pid=serving.pid,
    )


def _columns(stream: Any) -> int:
    return shutil.get_terminal_size().columns if stream.isatty() else 0


def _project(words: list[str]) -> Path:
    """The folder that ``--project`` or ``-p`` names; the one we are in if none does."""
    for at, word in enumerate(words):
        if word == "--":
            break
        if word in ("-p", "--project") and at + 1 < len(words):
            return Path(words[at + 1])
        if word.startswith("--project="):
            return Path(word.partition("=")[2])
        if word.startswith("-p") and not word.startswith("--") and len(word) > 2 and os.sep in word:
            return Path(word[2:])
    return Path()
