"""A store in a folder, and short ways to hand it rows and to read what it kept."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from townsend.intake import Accepted, FileReport, IntakeRules, SourceTraits, accept_rows, load_files, replay
from townsend.model import builtin_schema
from townsend.store import quarantine
from townsend.store.facts import Facts
from townsend.store.facts_schema import identifier

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
NOW_MS = 1_773_835_200_000
DAY_MS = 86_400_000


class Desk:
    """Where rows are handed in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "t.duckdb"
        self.rules = IntakeRules(builtin_schema(), ("b2b_person", "Email", "ECID"))
        self.source = SourceTraits("crm_1")
        self.facts = Facts.open(self.path)

    def reopen(self) -> None:
        self.facts.close()
        self.facts = Facts.open(self.path)

    # ------------------------------------------------------------ in

    def file(self, name: str, content: str | bytes | Sequence[Any]) -> Path:
        """A file with that text, or with a row of JSON on each line."""
        if not isinstance(content, str | bytes):
            content = "".join(json.dumps(row) + "\n" for row in content)
        data = content.encode() if isinstance(content, str) else content
        path = self.folder / name
        path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
        return path

    def load(
        self, cls: str, path: Path, *, again: bool = False, now: datetime = NOW, **traits: Any
    ) -> FileReport:
        source = replace(self.source, **traits)
        (report,) = load_files(self.facts, self.rules, cls, [path], source, now, again)
        return report

    def take(
        self, cls: str, *rows: Mapping[str, Any], now: datetime = NOW, rules: Any = None, **traits: Any
    ) -> Accepted:
        source = replace(self.source, **traits)
        return accept_rows(self.facts, rules or self.rules, cls, rows, source, now)

    def replay(self, ids: Sequence[int] | None = None, *, now: datetime = NOW, rules: Any = None) -> Accepted:
        return replay(self.facts, rules or self.rules, ids, now)

    # ------------------------------------------------------------ out

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.facts.con.execute(sql).fetchall()

    def values(self, cls: str, *paths: str, order: str = "rowid") -> list[Any]:
        """The stored fields of every row in order of acceptance; single ones bare."""
        columns = ", ".join(identifier(path) for path in paths)
        found = self.rows(f"SELECT {columns} FROM facts.{identifier(cls)} ORDER BY {order}")
        return [row[0] for row in found] if len(paths) == 1 else found

    def numbers(self) -> list[tuple[str, str]]:
        """What has a number, in their order."""
        return self.rows("SELECT space, value FROM facts.number ORDER BY n")  # type: ignore[return-value]

    def refusals(self) -> list[tuple[str, str | None, str, str | None]]:
        """Place (without the folder), field, code and what came, of the rows that wait."""
        return [
            (row.place.replace(f"{self.folder}/", ""), row.path, row.code, row.got)
            for row in quarantine.ls(self.facts)
        ]


def account(n: int | str, **fields: Any) -> dict[str, Any]:
    return {"accountKey": {"sourceKey": f"{n}@CRM1.Salesforce"}, **fields}


def event(name: str, time: str = "2026-03-01T10:00:00Z", **fields: Any) -> dict[str, Any]:
    return {"_id": name, "timestamp": time, "personKey": {"sourceKey": "p1@M1.Marketo"}, **fields}


def counts(accepted: Accepted) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: count for name, count in accepted.to_json().items() if count}


def stated(rows: Iterable[Any], time: str) -> list[Any]:
    """The rows with that time of their own."""
    return [{**row, "extSourceSystemAudit": {"lastUpdatedDate": time}} for row in rows]
