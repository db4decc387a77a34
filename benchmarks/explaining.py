"""Why somebody is in an audience or not, asked of an open store; and by which records all members qualify."""

from __future__ import annotations

import random
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.ours import SEED, opened
from townsend.project.project import Project

__all__ = ["AUDIENCES", "Asked", "Told", "explained", "told"]

SAMPLED = 25  # members, and as many others, of each audience
RANDOM = 20_260_318
TOLD_MAX = 10_000
AUDIENCES = {
    "money and a visit": SEED,
    "one event after another": """
chain(xEvent, timestamp, [
  A: WHAT(eventType = "leadOperation.interestingMoment") WHEN(<= 180 days before now),
  B: WHAT(eventType = "web.formFilledOut") WHEN(<= 180 days before now) GAP(<= 7 days)
])
""",
    "three events": """
chain(xEvent, timestamp, [
  C: WHAT(eventType = "directMarketing.emailClicked") WHEN(<= 90 days before now) COUNT(3)
])
""",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Seconds for one entity: the median and the longest; and the median for which processors were busy."""

    median: float
    longest: float
    busy: float


@dataclass(frozen=True, slots=True)
class Told:
    """Seconds for so many members, and for which processors were busy."""

    members: int
    seconds: float
    busy: float


def explained(folder: Path) -> dict[str, Asked]:
    """Members and others of each audience, picked at random, each explained as ``audience explain`` does."""
    found = {}
    for at, pql in enumerate(AUDIENCES.values()):
        _save(folder, f"explained-{at}", pql)
    with opened(folder) as project:
        picks = random.Random(RANDOM)
        for at, name in enumerate(AUDIENCES):
            audience = f"explained-{at}"
            members = project.members(audience).ids
            everybody = project.ask("true", "person").ids
            others = np.setdiff1d(everybody, members, assume_unique=True)
            for kind, ids in (("members", members), ("others", others)):
                asked = picks.sample(ids.tolist(), min(SAMPLED, len(ids)))
                found[f"{name}, {kind}"] = _asked(project, audience, asked, kind == "members")
    return found


def told(folder: Path) -> dict[str, Told]:
    """By which records the members of each audience qualify, the first ten thousand of them."""
    found = {}
    with opened(folder) as project:
        for name, pql in AUDIENCES.items():
            answer = project.ask(pql, "person")
            some = np.random.default_rng(RANDOM).permutation(answer.ids)[:TOLD_MAX]
            answer.ids = np.sort(some)
            busy, began = time.process_time(), time.perf_counter()
            rows = answer.table(because=True).num_rows
            found[name] = Told(rows, time.perf_counter() - began, time.process_time() - busy)
    return found


def _asked(project: Project, audience: str, ids: list[int], members: bool) -> Asked:
    taken, busy = [], []
    for one in ids:
        worked, began = time.process_time(), time.perf_counter()
        explanation = project.explain(audience, str(one))
        explanation.to_json()
        taken.append(time.perf_counter() - began)
        busy.append(time.process_time() - worked)
        assert explanation.holds is members, f"{audience}: {one} is explained as the opposite"
    return Asked(statistics.median(taken), max(taken), statistics.median(busy))


def _save(folder: Path, name: str, pql: str) -> None:
    """An audience as a file of the project."""
    (folder / "audiences").mkdir(exist_ok=True)
    indented = "".join(f"  {line}\n" for line in pql.strip().splitlines())
    (folder / "audiences" / f"{name}.yaml").write_text(f"name: {name}\nof: person\npql: |\n{indented}")
