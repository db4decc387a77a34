"""Views of single people in a process that has the store open: values with the losers, relations, events.

The first views look through whole tables; from the second on what they need lies in order in memory.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Line, alone
from benchmarks.ours import opened
from townsend.profiles.view import view

__all__ = ["lines"]

PEOPLE = 200
WARM = 20  # views before those that count
GOAL_MS = 5.0


def lines(store: Path) -> Iterator[Line]:
    """One line for the view alone, one for the command's whole way, and what it takes in memory."""
    (first, views, busy, whole), most = alone(_measured, store)
    note = f"of {PEOPLE} people; processors busy for {busy:.1f} ms; the first ever takes {first:,.0f} ms"
    yield Line("profile view of one person", views, "ms", goal=GOAL_MS, note=note)
    yield Line("the same by id, with rules, audiences and computed fields", whole, "ms")
    yield Line("peak memory of views", most, "MB")


def _measured(store: Path) -> tuple[float, float, float, float]:
    """Milliseconds: the first view; the median of others, its processor time, that of whole answers."""
    with opened(store) as project:
        world, rules = project.unified(), project.rules
        sample = (
            f"SELECT id FROM {world.name}.person USING SAMPLE reservoir({PEOPLE + WARM} ROWS) REPEATABLE (1)"
        )
        ids = [int(one) for (one,) in project.facts.con.execute(sample).fetchall()]
        views, busy, whole = [], [], []
        for one in ids:
            began, worked = time.perf_counter(), time.process_time()
            view(world, project.facts, {None: rules.merge}, "person", one)
            views.append(time.perf_counter() - began)
            busy.append(time.process_time() - worked)
        for one in ids:
            began = time.perf_counter()
            project.show("person", str(one))
            whole.append(time.perf_counter() - began)
    medians = [statistics.median(taken[WARM:]) * 1_000 for taken in (views, busy, whole)]
    return views[0] * 1_000, medians[0], medians[1], medians[2]
