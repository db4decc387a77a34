"""``.townsend/serve.json``: which process serves a project, where, and the token that lets one do everything.

Only the owner of the folder can read it. What a killed server left behind names a process that is gone.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from townsend.project.folder import STORE

__all__ = ["FILE", "Serving", "forget_serving", "note_serving", "serving_of"]

FILE = "serve.json"


@dataclass(frozen=True, slots=True)
class Serving:
    """A server of a project.

    Args:
        address: such as ``http://127.0.0.1:8420``.
        token: lets commands run through it.
        pid: its process.
        cwd: the folder it was started in.
    """

    address: str
    token: str
    pid: int
    cwd: str


def note_serving(folder: Path, serving: Serving) -> None:
    """Write the file, whole or not at all."""
    path = folder / STORE / FILE
    draft = path.with_suffix(f".{serving.pid}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(serving), file)
    draft.replace(path)


def forget_serving(folder: Path) -> None:
    """Take the file away."""
    (folder / STORE / FILE).unlink(missing_ok=True)


def serving_of(folder: Path) -> Serving | None:
    """The server that the file names, if its process lives."""
    try:
        found = Serving(**json.loads((folder / STORE / FILE).read_text("utf-8")))
        os.kill(found.pid, 0)
    except PermissionError:
        # Somebody else's process: it is there.
        return found
    except (OSError, ValueError, TypeError):
        return None
    return found
