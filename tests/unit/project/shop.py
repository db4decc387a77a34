"""A small project of people whose destinations lead to vendors in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.stories.bodea import person
from tests.unit.activation.memory import MemoryDestination, MemoryVendor, TestClock

from townsend.activation import ActivationPlan, DeliveryReport
from townsend.project.deliveries import deliver_audiences, plan_audiences
from townsend.project.load import load_into
from townsend.project.project import Project

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS = """\
name: bodea
consent: {{unknown: {unknown}}}
exclude: {exclude}
destinations: {{list: {{type: linkedin}}, other: {{type: linkedin}}}}
"""


@dataclass
class Shop:
    """A project with people in it, and the vendors its destinations lead to."""

    folder: Path
    vendors: dict[str, MemoryVendor]
    clock: TestClock
    loads: int = 0

    def open(self) -> Project:
        return Project(self.folder, self.clock)

    def settings(self, unknown: str = "allow", exclude: str = "[]") -> None:
        (self.folder / "townsend.yaml").write_text(SETTINGS.format(unknown=unknown, exclude=exclude), "utf-8")

    def audience(self, name: str, activate: str = "[]", pql: str = "true", of: str = "person") -> None:
        text = f"name: {name}\nof: {of}\npql: '{pql}'\nactivate: {activate}\n"
        (self.folder / "audiences" / f"{name}.yaml").write_text(text, "utf-8")

    def load(self, cls: str, *rows: dict[str, Any], source: str = "crm_1") -> None:
        self.loads += 1
        path = self.folder / f"{self.loads}.ndjson"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        with self.open() as project:
            (report,) = load_into(project, cls, [path], source, again=False, progress=lambda _: None)
        assert report.accepted.quarantined == 0
        path.unlink()

    def people(self, *numbers: int, **more: Any) -> None:
        self.load("person", *(person(f"p{n}", "crm1", f"p{n}@townsend.com", **more) for n in numbers))

    def deliver(self, *names: str) -> dict[str, DeliveryReport]:
        with self.open() as project:
            reports = deliver_audiences(project, names, NOW, progress=lambda _: None)
        return {one.destination: one for one in reports}

    def plan(self, *names: str) -> dict[str, ActivationPlan]:
        with self.open() as project:
            return {one.destination: one for one in plan_audiences(project, names, NOW)}

    def there(self, name: str = "buyers", destination: str = "list") -> set[int]:
        return self.vendors[destination].there(name)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    clock = TestClock(NOW)
    vendors = {"list": MemoryVendor(clock=clock), "other": MemoryVendor(clock=clock)}

    def open_one(name: str, settings: object, clock: object) -> MemoryDestination:
        destination = MemoryDestination(vendors[name])
        destination.name = name
        return destination

    monkeypatch.setattr("townsend.activation.destinations.open_destination", open_one)
    (tmp_path / "audiences").mkdir()
    found = Shop(tmp_path, vendors, clock)
    found.settings()
    return found
