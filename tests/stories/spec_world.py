"""A small project to hold the agreement against: files in by the command line, both engines asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.stories.bodea import NOW, key

from townsend.cli.main import main
from townsend.project.project import Project

__all__ = ["ENGINES", "SpecWorld", "crm"]

ENGINES = ("batch", "reference")


def crm(sid: str) -> dict[str, str]:
    """A key of the one CRM."""
    return key(sid, "crm1")


@dataclass
class SpecWorld:
    """A project folder that names its entities by the first part of an e-mail or key.

    Args:
        folder: where it is made.
        settings: more lines of ``townsend.yaml``.
    """

    folder: Path
    settings: str = ""
    files: int = field(default=0)

    def __post_init__(self) -> None:
        assert main(["init", str(self.folder)]) == 0
        (self.folder / "townsend.yaml").write_text(f"name: spec\ncurrency: USD\n{self.settings}", "utf-8")
        for path in (self.folder / "audiences").glob("*.yaml"):
            path.unlink()

    def load(self, cls: str, rows: list[dict[str, Any]], source: str = "crm_1") -> None:
        """Take rows of a class."""
        self.files += 1
        path = self.folder / f"{self.files:03d}-{cls}.ndjson"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        taken = main(["load", cls, str(path), "--source", source, "--project", str(self.folder)])

        assert 0 == taken

    def audience(self, name: str, pql: str, of: str = "person") -> None:
        """Save a definition."""
        text = json.dumps({"name": name, "of": of, "pql": pql})
        (self.folder / "audiences" / f"{name}.yaml").write_text(text, "utf-8")

    def ask(self, pql: str, of: str = "person", now: str = NOW, engine: str = "auto") -> list[str]:
        """The names of who meets a condition."""
        with Project(self.folder) as opened:
            return self.names(opened, pql, of, now, engine)

    @staticmethod
    def names(opened: Project, pql: str, of: str, now: str, engine: str) -> list[str]:
        """The same, in a project at hand."""
        answer = opened.ask(pql, of, now=datetime.fromisoformat(now), engine=engine)
        return sorted(_name(row["identities"]) for row in answer.rows())


def _name(identities: dict[str, list[str]]) -> str:
    values = identities.get("Email") or next(iter(identities.values()))
    return " ".join(value.partition("@")[0] for value in values)
