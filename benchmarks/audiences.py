"""Six audiences and many, by us and by hand; all must find the same people before they are timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from benchmarks.measure import in_turns
from benchmarks.ours import opened
from benchmarks.peers import hundred
from benchmarks.peers.six import QUERIES
from townsend.audiences import batch
from townsend.audiences.evaluate import evaluate_many

__all__ = ["Taken", "many", "six"]

ROUNDS_OF_MANY = 3  # a round of a thousand queries by hand takes a minute; those get one
MANY = 1_000
Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Taken:
    """Median seconds by contestant, ``townsend`` among them; and how many members all of them found."""

    seconds: dict[str, float]
    members: int


def six(folder: Path, rounds: int) -> dict[str, Taken]:
    """Each of six audiences alone, in turns with the queries written for it."""
    found = {}
    with opened(folder) as project:
        unified = project.unified()
        unified.con.execute("SET threads = 2")
        for name, (pql, queries) in QUERIES.items():

            def ours(pql: str = pql) -> Ids:
                return batch.members(project.resolve(pql, "person", strict=True).definition, unified)

            jobs = {"townsend": ours, **{peer: _by_hand(unified.con, one) for peer, one in queries.items()}}
            expected = ours()
            for peer, job in jobs.items():
                assert np.array_equal(expected, np.sort(job())), f"{name}: {peer} finds other members"
            found[name] = Taken(in_turns(jobs, rounds), len(expected))
    return found


def many(folder: Path, number: int, rounds: int) -> Taken:
    """So many audiences together by us, and one after the other by hand."""
    asked = hundred.asked(number)
    with opened(folder) as project:
        unified = project.unified()
        unified.con.execute("SET threads = 2")
        queries = [_by_hand(unified.con, one.query) for one in asked]

        def ours() -> list[Ids]:
            definitions = [project.resolve(one.pql, "person", strict=True).definition for one in asked]
            return [result.ids for result in evaluate_many(definitions, unified)]

        found = ours()
        for one, ids, query in zip(asked, found, queries, strict=True):
            assert np.array_equal(ids, np.sort(query())), f"other members by hand: {one.pql}"
        jobs: dict[str, Callable[[], object]] = {
            "townsend": ours,
            "by hand": lambda: [query() for query in queries],
        }
        turns = min(rounds, ROUNDS_OF_MANY if number < MANY else 1)
        return Taken(in_turns(jobs, turns), sum(len(ids) for ids in found))


def _by_hand(con: duckdb.DuckDBPyConnection, query: str) -> Callable[[], Ids]:
    def run() -> Ids:
        found: Ids = np.ma.getdata(con.execute(query).fetchnumpy()["id"])
        return found

    return run
