"""A project's folder: where its parts lie, and how a new one is made."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from townsend.problem import Invalid
from townsend.project.settings import FILE

__all__ = ["EXAMPLES", "FACTS", "STATE", "STORE", "create"]

STORE = ".townsend"
FACTS = "townsend.duckdb"
STATE = "state.sqlite"
EXAMPLES = ("bodea",)

_DAYS_AGO = re.compile(r"\{days_ago:(\d+)\}")

_SETTINGS = """\
# What the project is, where its facts come from and where its audiences go.
# Every key is described in docs/reference/settings.md; ${NAME} is read from the environment.
name: %s
schema: open
currency: USD

sources: {}

identity:
  person:
    namespaces: [{code: b2b_person}, {code: Email}, {code: ECID}]

merge:
  person: {by: time}

# consent: {unknown: allow}     # needed as soon as there is a destination
destinations: {}
"""

_AUDIENCE = """\
# One audience a file. Write your own condition below `pql`; `townsend audience check` reads it.
name: first
of: person
description: Everybody with a business e-mail address.
pql: |
  workEmail.address.isNotNull()
"""


def create(folder: Path, example: str | None, now: datetime) -> list[Path]:
    """Make a project in a new or empty folder.

    Args:
        example: copy that example, its dates set relative to ``now``; an empty project if None.

    Returns:
        The files written, relative to the folder.

    Raises:
        Invalid: ``project.exists`` if the folder holds anything; ``project.example``.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Invalid("project.exists", f"{folder} is not an empty folder; name a new one")
    if example is not None and example not in EXAMPLES:
        raise Invalid(
            "project.example", f"there is no example {example!r}; the examples are {', '.join(EXAMPLES)}"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if example is None:
            return _write(
                folder,
                {
                    FILE: _SETTINGS % _name(folder),
                    "audiences/first.yaml": _AUDIENCE,
                    "schema/README.md": _SCHEMA,
                },
            )
        return _write(folder, _example(example, now))
    except OSError as error:
        raise Invalid("project.unwritable", f"{folder} cannot be written: {error.strerror}") from None


_SCHEMA = """\
Files `*.yaml` here add classes, fields and relationships to the built-in ones. For example:

    classes:
      account:
        fields: {tier: string}
"""


def _name(folder: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-") or "project"


def _write(folder: Path, texts: dict[str, str]) -> list[Path]:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return [Path(name) for name in texts]


def _example(name: str, now: datetime) -> dict[str, str]:
    def days_ago(found: re.Match[str]) -> str:
        at = now - timedelta(days=int(found[1]))
        return at.isoformat(timespec="seconds").replace("+00:00", "Z")

    texts: dict[str, str] = {}

    def collect(folder: Traversable, prefix: str) -> None:
        for entry in sorted(folder.iterdir(), key=lambda one: one.name):
            if entry.is_dir():
                collect(entry, f"{prefix}{entry.name}/")
            else:
                texts[f"{prefix}{entry.name}"] = _DAYS_AGO.sub(days_ago, entry.read_text("utf-8"))

    collect(_examples() / name, "")
    return texts


def _examples() -> Traversable:
    inside = resources.files("townsend") / "examples"
    if inside.is_dir():
        return inside
    # A checkout installed in place keeps the examples at its top.
    return Path(__file__).resolve().parents[3] / "examples"
