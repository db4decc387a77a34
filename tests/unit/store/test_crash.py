"""A process that dies while it loads leaves a store that opens, with whole lots and nothing else."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from townsend.intake import IntakeRules, SourceTraits, load_files
from townsend.model import builtin_schema
from townsend.store.facts import Facts

ROWS, LOT = 4_000, 100

# Loads a file lot by lot and says after each how many rows are in for good.
LOAD = f"""
import sys
from datetime import UTC, datetime
from pathlib import Path
from townsend.intake import IntakeRules, SourceTraits, load_files, rows
from townsend.model import builtin_schema
from townsend.store.facts import Facts

rows.ROWS_PER_LOT = {LOT}
path, file = Path(sys.argv[1]), Path(sys.argv[2])
with Facts.open(path) as facts:
    rules = IntakeRules(builtin_schema(), ("b2b_person",))
    say = lambda text: print(text, flush=True)
    now = datetime(2026, 3, 18, tzinfo=UTC)
    load_files(facts, rules, "event", [file], SourceTraits("web"), now, progress=say)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "events.ndjson"
    with path.open("w") as out:
        for n in range(ROWS):
            row = {
                "_id": f"e{n}",
                "timestamp": "2026-03-01T00:00:00Z",
                "personKey": {"sourceKey": f"p{n}@M.Marketo"},
            }
            out.write(json.dumps(row) + "\n")
    return path


def broken_off(store: Path, file: Path, after: int, how: signal.Signals) -> int:
    """Start to load, stop it so after some lots; the rows that were said to be in."""
    child = subprocess.Popen(
        [sys.executable, "-c", LOAD, str(store), str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(after)]
    child.send_signal(how)
    rest, complaint = child.communicate(timeout=60)
    assert child.returncode != 0
    assert how is not signal.SIGINT or complaint.rstrip().endswith("KeyboardInterrupt")
    last = [line for line in [*said, *rest.splitlines()] if line.strip()][-1]
    return int(last.split()[1].replace(",", ""))


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_load_broken_off_keeps_whole_lots_and_goes_on_where_it_was(
    tmp_path: Path, file: Path, how: signal.Signals, after: int
) -> None:
    store = tmp_path / "t.duckdb"
    said = broken_off(store, file, after, how)
    with Facts.open(store) as facts:
        con = facts.con
        (kept,) = con.execute("SELECT count(*) FROM facts.event").fetchall()[0]
        (numbered,) = con.execute("SELECT count(*) FROM facts.number").fetchall()[0]
        unfinished = con.execute("SELECT checksum FROM facts.take").fetchall()
        revision = facts.revision()
        (report,) = load_files(
            facts,
            IntakeRules(builtin_schema(), ("b2b_person",)),
            "event",
            [file],
            SourceTraits("web"),
            datetime(2026, 3, 19, tzinfo=UTC),
        )
        ids = con.execute(
            'SELECT count(*), count(DISTINCT "_id"), count(DISTINCT who) FROM facts.event'
        ).fetchall()

    # What was said to be in is in; at most one more lot may be, of which nothing was said.
    assert kept in (said, said + LOT)
    assert kept == numbered == revision * LOT
    assert [(None,)] == unfinished
    assert (ROWS - kept, kept) == (report.accepted.accepted, report.accepted.unchanged)
    assert [(ROWS, ROWS, ROWS)] == ids
