"""Live audiences: how long from a change that the unified tables know to every membership, recorded.

A hundred audiences (``peers.hundred``) are followed on a copy of the store. What changed is told, as it is
to the owner of a store; bringing the unified tables up to date is measured elsewhere (``renewal``). The peer
asks each audience's query anew, as somebody without live evaluation must.
"""

from __future__ import annotations

import json
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.measure import Line, alone, seconds
from benchmarks.ours import opened
from benchmarks.peers.hundred import asked
from benchmarks.world import NOW
from townsend.audiences.live.search import Touched
from townsend.project.live import Live
from townsend.project.project import Project

__all__ = ["lines"]

AUDIENCES = 100
ROUNDS = 20
PEOPLE = 5_000


def lines(store: Path) -> Iterator[Line]:
    """The measurements, on a copy of the store."""
    with TemporaryDirectory(dir=store.parent) as folder:
        copy = Path(folder) / store.name
        shutil.copytree(store, copy)
        found, most = alone(followed, copy)
    yield from found
    yield Line(f"memory of following {AUDIENCES} audiences, with the first answers", most, "MB", goal=2_500)


def followed(store: Path) -> list[Line]:
    """Everything, in one process."""
    for at, one in enumerate(asked(AUDIENCES)):
        text = json.dumps({"name": f"live-{at}", "of": "person", "pql": one.pql})
        (store / "audiences").mkdir(exist_ok=True)
        (store / "audiences" / f"live-{at}.yaml").write_text(text)
    found: list[Line] = []
    start = datetime.fromisoformat(NOW) + timedelta(seconds=1)
    with opened(store) as project:
        first, _ = seconds(lambda: Live(project).follow(start, None))
        found.append(
            Line(f"{AUDIENCES} live audiences: answer and record them for the first time", first, "s")
        )
    with opened(store) as project:
        live = Live(project)
        again, _ = seconds(lambda: live.follow(start, None))
        found.append(Line("start again, nobody having moved", again, "s", goal=10))
        peer = _by_hand(project)
        for what, goal, touched in _changes(project):
            took, note = _rounds(live, start, lambda _, told=touched: told)
            note += f"; every query by hand {peer * 1_000:,.0f} ms"
            found.append(Line(what, took, "ms", goal, note=note))
        took, note = _rounds(live, start, lambda _: {}, step=timedelta(seconds=1))
        found.append(Line("one second passes", took, "ms", goal=1_000, note=note))
        later = start + timedelta(seconds=ROUNDS, days=30)
        took, moved = seconds(lambda: live.follow(later))
        note = f"{len(moved):,} enter or leave"
        found.append(Line("30 days pass at once", took, "s", goal=60, note=note))
    return found


def _changes(project: Project) -> Iterator[tuple[str, float | None, Touched]]:
    """What changes, how fast it should be, and whom it touches."""
    last = project.facts.one("SELECT max(rowid) FROM facts.event")
    assert last is not None
    for number in (100, 1_000):
        events = np.arange(last[0] - number, last[0], dtype=np.int64)
        yield f"{number:,} new events", None, {"event": events}
    rows = project.facts.con.execute(
        "SELECT min(o.id), count(DISTINCT e.near) FROM u.opportunity o "
        'JOIN u.edge_person_account e ON e.far = o."@account" GROUP BY o."@account" ORDER BY 2 DESC LIMIT 50'
    ).fetchall()
    deals, people = [], 0
    for deal, number in rows:
        if people < PEOPLE:
            deals.append(deal)
            people += number
    yield f"opportunities of {people:,} people change", 50.0, {"opportunity": np.array(deals, np.int64)}


def _rounds(
    live: Live, start: datetime, touched: Callable[[int], Touched], step: timedelta | None = None
) -> tuple[float, str]:
    """Milliseconds that 95 of a hundred stay below, and a note; the facts stay as they are."""
    times, busy = [], time.process_time()
    for at in range(ROUNDS):
        now = start if step is None else start + step * (at + 1)
        took, _ = seconds(lambda now=now, at=at: live.follow(now, touched(at)))
        times.append(took * 1_000)
    each = (time.process_time() - busy) / ROUNDS * 1_000
    note = f"median {statistics.median(times):,.0f}, busy {each:,.0f}"
    return statistics.quantiles(times, n=20)[-1], note


def _by_hand(project: Project) -> float:
    """Seconds for all queries, one after the other."""
    con = project.facts.con
    took, _ = seconds(lambda: [con.execute(one.query).fetchall() for one in asked(AUDIENCES)])
    return took
