"""Townsend at work on a made-up world, as its own commands do it."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks.measure import in_turns, seconds
from benchmarks.peers import seed
from benchmarks.truth import seed_members
from benchmarks.world import NOW, NOW_MS
from townsend.audiences import batch
from townsend.clock import Clock
from townsend.project.load import load_into
from townsend.project.project import Project

__all__ = [
    "SEED",
    "SINCE_MS",
    "Audience",
    "Loaded",
    "audience",
    "compile_seconds",
    "entities",
    "load",
    "opened",
    "unify",
]

SEED = """
accounts.opportunities[isWon].sum(opportunityAmount.amount) > 1000000
and chain(xEvent, timestamp, [
  V: WHAT(web.webPageDetails.URL.contains("/new-product")) WHEN(<= 1 month before now)
])
"""
MONEY, _, VISIT = SEED.partition("\nand ")
SINCE_MS = 1_771_416_000_000  # one month before NOW
_SETTINGS = """\
name: benchmark
currency: USD
sources: {world: {type: files, class: account, path: none/*.csv, currency: USD}}
identity: {person: {namespaces: [{code: b2b_person}, {code: Email}]}}
"""


@dataclass(frozen=True)
class Standing:
    """A clock that stands still at the world's now."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing waits here, least of all {seconds} s")


def opened(folder: Path) -> Project:
    """The project in a folder, at the world's now."""
    clock: Clock = Standing(datetime.fromisoformat(NOW))
    return Project(folder, clock)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rows of one class taken, how long that took, and for how long processors were busy."""

    cls: str
    rows: int
    seconds: float
    busy: float


def load(world: Path, folder: Path, tell: Callable[[str], None] | None = None) -> list[Loaded]:
    """Load every file of the world into a new project in ``folder``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "townsend.yaml").write_text(_SETTINGS)
    found = []
    with opened(folder) as project:
        for path in [*sorted(world.glob("*.parquet")), world / "account_xref.csv"]:

            def one(path: Path = path) -> int:
                say = tell or (lambda _: None)
                (report,) = load_into(project, path.stem, [path], "world", again=False, progress=say)
                assert report.accepted.accepted == report.accepted.rows, report
                return report.accepted.rows

            busy = time.process_time()
            took, rows = seconds(one)
            found.append(Loaded(path.stem, rows, took, time.process_time() - busy))
        # What is closed is on disk; the last write belongs to the load.
        busy = time.process_time()
        took, _ = seconds(project.close)
    return [*found, Loaded("(close)", 0, took, time.process_time() - busy)]


def unify(folder: Path) -> float:
    """Seconds to make the unified tables anew."""
    with opened(folder) as project:
        project.facts.con.execute("SET threads = 2")
        if project.facts.one("SELECT 1 FROM duckdb_schemas() WHERE schema_name = 'u'"):
            project.facts.con.execute("DROP SCHEMA u CASCADE")
        took, _ = seconds(project.unified)
    return took


def entities(folder: Path) -> dict[str, int]:
    """How many people and companies there are after unification."""
    with opened(folder) as project:
        con = project.unified().con
        return {
            cls: int(con.execute(f'SELECT count(*) FROM u."{cls}"').fetchall()[0][0])
            for cls in ("person", "account")
        }


@dataclass(frozen=True, slots=True)
class Audience:
    """Median seconds by contestant, ``townsend`` among them; and the members they all found."""

    seconds: dict[str, float]
    members: int
    true_members: int


def audience(folder: Path, world: Path, rounds: int) -> Audience:
    """The seed audience by us and by hand, in turns; all must find whom the world's truth names."""
    with opened(folder) as project:
        unified = project.unified()
        con = unified.con
        con.execute("SET threads = 2")
        window = {"now": NOW_MS, "since": SINCE_MS}

        def ours() -> set[int]:
            definition = project.resolve(SEED, "person", strict=True).definition
            return set(batch.members(definition, unified).tolist())

        def by_hand(query: str) -> Callable[[], set[int]]:
            return lambda: set(con.execute(query, window).fetchnumpy()["id"].tolist())

        jobs = {"townsend": ours, **{name: by_hand(query) for name, query in seed.QUERIES.items()}}
        answers = {name: job() for name, job in jobs.items()}
        assert len({frozenset(answer) for answer in answers.values()}) == 1, {
            name: len(answer) for name, answer in answers.items()
        }
        taken = in_turns(jobs, rounds)
        for name, text in (("money alone", MONEY), ("visit alone", VISIT)):
            definition = project.resolve(text, "person", strict=True).definition
            taken |= in_turns({name: lambda d=definition: batch.members(d, unified)}, rounds)  # type: ignore[misc]
        found = _humans(project, world, answers["townsend"])
    true = seed_members(world, SINCE_MS, NOW_MS)
    assert true == found, f"the truth has {len(true)} members, {len(true ^ found)} differ"
    return Audience(taken, len(answers["townsend"]), len(true))


def _humans(project: Project, world: Path, ids: set[int]) -> set[int]:
    """The humans behind entities; each entity must be one human."""
    rows = project.facts.con.execute(
        f"""
        SELECT n.id, list(DISTINCT t.human) FROM u.node_person n JOIN facts.number d USING (n)
        JOIN '{world}/truth/person.parquet' t
          ON t.record = CAST(regexp_extract(d.value, '^p([0-9]+)@', 1) AS BIGINT)
        WHERE d.space = 'b2b_person' AND n.id IN (SELECT unnest(?)) GROUP BY 1""",
        [sorted(ids)],
    ).fetchall()
    assert all(len(humans) == 1 for _, humans in rows), "an entity mixes two humans"
    assert len(rows) == len({humans[0] for _, humans in rows}), "a human is two entities"
    return {int(humans[0]) for _, humans in rows}


def compile_seconds(folder: Path, rounds: int = 25) -> float:
    """The median seconds from the seed audience's text to its SQL: parse, check, resolve, lower."""
    with opened(folder) as project:
        unified = project.unified()

        def one() -> str:
            return batch.sql(project.resolve(SEED, "person", strict=True).definition, unified)

        one()
        return statistics.median(seconds(one)[0] for _ in range(rounds))
