"""How long everybody waits after a small load: a hundred people come, half of them known by their address."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Line, alone, seconds
from benchmarks.ours import opened
from townsend.project.load import load_into

__all__ = ["lines"]

ROWS = 100


def lines(store: Path) -> Iterator[Line]:
    """The measurement, on a copy of the store."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / store.name
        shutil.copytree(store, copy)
        (took, busy, loading), most = alone(renewed, copy)
    note = f"busy {busy:.2f} s; loading them {loading:.2f} s; peak {most:,.0f} MB"
    yield Line(f"bring everything up to date after {ROWS} people came", took, "s", goal=1, note=note)


def renewed(store: Path) -> tuple[float, float, float]:
    """Seconds, seconds of the processors, and seconds of loading; the first world is there before."""
    with opened(store) as project:
        project.facts.con.execute("SET threads = 2")
        project.unified()
    file = store / "came.ndjson"
    file.write_text("\n".join(json.dumps(_person(at)) for at in range(ROWS)))
    # As after every command: another process asks.
    with opened(store) as project:
        project.facts.con.execute("SET threads = 2")
        loading, _ = seconds(
            lambda: load_into(project, "person", [file], "world", again=False, progress=lambda _: None)
        )
        busy = time.process_time()
        took, _ = seconds(project.unified)
        return took, time.process_time() - busy, loading


def _person(at: int) -> dict[str, object]:
    key = {"sourceID": f"came{at}", "sourceInstanceID": "crm_1", "sourceType": "Salesforce"}
    return {
        "b2b": {"personKey": {**key, "sourceKey": f"came{at}@crm_1.Salesforce"}},
        "workEmail": {"address": f"person{at * 50}@example.com" if at % 2 else f"came{at}@example.com"},
        "extSourceSystemAudit": {"lastUpdatedDate": "2026-03-17T00:00:00Z"},
    }
