"""Audience files and files of rows: whatever stands in them, an ``Invalid``, or each row taken or refused."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from townsend.audiences.pql import parse
from townsend.intake import IntakeRules, SourceTraits, load_files
from townsend.model import builtin_schema
from townsend.problem import Invalid
from townsend.project.audiencefile import read_audience
from townsend.store.facts import Facts

__all__ = ["CLASSES", "KINDS", "Audiences", "Rows"]

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
KINDS = (".ndjson", ".json", ".csv", ".tsv")
FILES_PER_STORE = 500
CLASSES = ("person", "event", "account", "account_xref")


class Audiences:
    """``audiences/*.yaml``."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "one.yaml"

    def __call__(self, data: bytes) -> None:
        self._path.write_bytes(data)
        try:
            audience = read_audience(self._path)
            if audience.pql is not None:
                parse(audience.pql)
        except Invalid:
            return
        assert (audience.pql is None) != (audience.members is None)


class Rows:
    """A file that ``townsend load`` takes; its first byte says of which kind, its second of which class."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._rules = IntakeRules(builtin_schema(), ("b2b_person", "Email", "ECID"))
        self._loaded = 0
        self._facts = self._store()

    def _store(self) -> Facts:
        path = Path(self._folder.name) / f"store-{self._loaded}.duckdb"
        return Facts.open(path)

    def __call__(self, data: bytes) -> None:
        if len(data) < 2:
            return
        if self._loaded % FILES_PER_STORE == 0:
            self._facts.close()
            self._facts = self._store()
        self._loaded += 1
        kind, cls = KINDS[data[0] % len(KINDS)], CLASSES[data[1] % len(CLASSES)]
        path = Path(self._folder.name) / f"rows{kind}"
        path.write_bytes(data[2:])
        try:
            (report,) = load_files(
                self._facts, self._rules, cls, [path], SourceTraits("crm_1"), NOW, again=True
            )
        except Invalid:
            return
        found = report.accepted
        # A stored event that gives way to another of its id goes into quarantine beside the file's rows.
        assert found.rows <= found.accepted + found.unchanged + found.quarantined + found.dropped, found
