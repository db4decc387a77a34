"""Bodea's four systems pulled on good and on bad days, and what the store holds afterwards."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import yaml

from townsend.clock import AcceleratedClock
from townsend.intake import load
from townsend.problem import Broken
from townsend.project import pull, rehearsing
from townsend.project.folder import FACTS, STORE
from townsend.project.project import Project
from townsend.project.pull import StreamReport, failures, pull_sources
from townsend.project.rehearsing import Rehearsal, serving
from townsend.rehearsal import Server
from townsend.rehearsal.times import ms_of
from townsend.sources import Page, Source
from townsend.store.facts_schema import identifier
from townsend.store.pulls import last_pulls

__all__ = ["START", "Bodea", "Contents", "contents", "restless"]

# By table: rows, as names and values, and how often each stands there.
Contents = dict[str, Counter[tuple[tuple[str, Any], ...]]]

ANCHOR = datetime.fromisoformat("2026-11-22T06:00:00+00:00")
# Deletions are whole days and two hours before the anchor: no window of days ends near one meanwhile.
START = ANCHOR + timedelta(hours=6)
FACTOR = 600.0
SYNCS_MAX = 12
DAYS = 1_000  # between the seeds of a run's days

_DRIVER = """
import sys
from datetime import datetime
from townsend.clock import AcceleratedClock
from townsend.project import project
project.SystemClock = lambda: AcceleratedClock(1, datetime.fromisoformat(sys.argv[2]))
from townsend.cli.main import main
sys.exit(main(["sync", "-p", sys.argv[1]]))
"""

# Of a fact's row, what says when and how it reached us, and not what was said.
ARRIVAL = {"accepted_ms", "take"}
# Tables about pulling and matching, not about what was pulled: positions, counts, instants of ours.
OURS = {"meta", "number", "take", "cursor", "pull", "match", "link"}


class Crash(Exception):
    """The process ends here."""


class Bodea:
    """A project whose four sources are rehearsed.

    Args:
        size: people in the background.
        chaos: a seed of faults, or None.
        sources: which of the four there are.
    """

    def __init__(
        self,
        folder: Path,
        size: int,
        chaos: int | None,
        sources: Sequence[str] = ("crm_1", "crm_2", "marketo_1", "marketo_2"),
    ) -> None:
        self.folder = folder
        self.rehearsal = Rehearsal(7, size, ANCHOR, FACTOR, chaos)
        self.sources = {name: _source(name) for name in sources}
        folder.mkdir(parents=True, exist_ok=True)
        self.settle()

    def settle(self) -> None:
        """Write the settings; the next bad day has other faults than the last."""
        if self.rehearsal.chaos is not None:
            self.rehearsal = replace(self.rehearsal, chaos=self.rehearsal.chaos + DAYS)
        settings = {"name": "bodea", "rehearsal": self.rehearsal.to_settings(), "sources": self.sources}
        (self.folder / "townsend.yaml").write_text(yaml.safe_dump(settings), "utf-8")

    def sync(self, at: datetime) -> list[StreamReport]:
        """Pull in this process, until nothing failed; the reports of the last pull."""
        for _ in range(SYNCS_MAX):
            reports = self.pull(at)
            if not failures(reports):
                return reports
            at += timedelta(minutes=20)
        raise AssertionError(failures(reports)[0].text)

    def pull(self, at: datetime) -> list[StreamReport]:
        """Pull once."""
        self.settle()
        with Project(self.folder, AcceleratedClock(1, at)) as project, project.connected():
            return pull_sources(project, [], progress=lambda _: None)

    def counted(self, at: datetime) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
        """Pull once; calls that the vendors counted, and those we did, by source and stream."""
        servers: list[Server] = []
        real = rehearsing.start

        def noted(*given: Any, **more: Any) -> list[Server]:
            servers.extend(real(*given, **more))
            return servers

        rehearsing.start = noted
        try:
            self.pull(at)
        finally:
            rehearsing.start = real
        with Project(self.folder) as project:
            pulls = last_pulls(project.facts)
        heard = {
            server.name: sum(server.state.gate.days.values())
            if server.vendor == "marketo"
            else len(server.state.calls)
            for server in servers
            if server.vendor != "linkedin"
        }
        return heard, {stream: found["any"].calls or 0 for stream, found in pulls.items()}

    def crash(self, at: datetime, random: Random) -> None:
        """Pull until the process ends in the middle of some page; perhaps it ends before that."""
        left = random.randint(1, 14)
        real = load.take_batch

        def take(*given: Any, **more: Any) -> Any:
            nonlocal left
            left -= 1
            taken = real(*given, **more)
            if left == 0:
                raise Crash
            return taken

        load.take_batch = take
        try:
            self.pull(at)
        except Crash:
            pass
        finally:
            load.take_batch = real

    def kill(self, at: datetime, random: Random) -> None:
        """Run ``townsend sync`` in a process of its own and kill it once it stores something."""
        self.settle()
        with subprocess.Popen(
            [sys.executable, "-c", _DRIVER, str(self.folder), at.isoformat()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            store = self.folder / STORE / FACTS
            until = time.monotonic() + 60
            before = _bytes(store)
            while process.poll() is None and time.monotonic() < until and _bytes(store) == before:
                time.sleep(0.05)
            time.sleep(random.uniform(0, 2.0))
            process.kill()

    @contextmanager
    def vendors(self, at: datetime) -> Iterator[dict[str, Server]]:
        """The vendors' servers from inside, by name."""
        with serving(self.rehearsal, self.folder, at, ["marketo", "salesforce"]) as (_, servers, _):
            yield {server.name: server for server in servers}

    def live(self, at: datetime) -> None:
        """What people do at the vendors meanwhile: names, a new lead, a deletion, a merge, a visit."""
        at_ms = ms_of(at)
        with self.vendors(at) as servers:
            first, second = servers["marketo_1"].state, servers["marketo_2"].state
            first.do("change_lead", lead_id=12, values={"title": "Chief"}, at_ms=at_ms)
            new = first.do("create_lead", values={"email": "new@town.example"}, at_ms=at_ms + 1_000)
            url = "www.bodea.example/new-product"
            first.do("visit", lead_id=new, url=url, at_ms=at_ms + 2_000, arrived_ms=at_ms + 2_000)
            gone = max(second.world.people.by_id)
            second.do("delete_lead", lead_id=gone, at_ms=at_ms + 3_000)
            org = servers["crm_1"].state
            deal = org.tables.rows("Opportunity")[0]["Id"]
            org.upsert("Opportunity", {"Amount": 777_000}, at_ms, deal)
            made = org.upsert("Account", {"Name": "Later Ltd"}, at_ms + 1_000)
            org.upsert("Contact", {"LastName": "Late", "AccountId": made, "Email": "l@later.example"}, at_ms)
            other = servers["crm_2"].state
            other.delete(other.tables.rows("Contact")[0]["Id"], at_ms)


def _bytes(store: Path) -> int:
    files = (store, store.with_name(store.name + ".wal"))
    return sum(one.stat().st_size for one in files if one.exists())


def _source(name: str) -> dict[str, str]:
    def variable(key: str, of: str = name) -> str:
        return "${REHEARSAL_" + f"{of}_{key}".upper() + "}"

    access = {key: variable(key) for key in ("base_url", "client_id", "client_secret")}
    if name.startswith("crm"):
        return {"type": "salesforce", **access, "org_id": variable("org_id")}
    crm = variable("org_id", "crm_" + name[-1])
    return {
        "type": "marketo", **access, "munchkin_id": variable("munchkin_id"), "crm_org_id": crm,
        "since": "2026-04-01",
    }  # fmt: skip


class Restless:
    """A source whose pages come twice now and then, and their rows in another order."""

    def __init__(self, source: Source, random: Random) -> None:
        self._source = source
        self._random = random
        self.name = source.name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def pull(self, stream: str, cursor: Any, now: datetime) -> Iterator[Page]:
        for page in self._source.pull(stream, cursor, now):
            rows = list(page.rows)
            rows += self._random.sample(rows, len(rows) // 5)
            self._random.shuffle(rows)
            if self._random.random() < 0.3:
                yield Page(page.cls, rows, None)
            yield Page(page.cls, rows, page.cursor)


@contextmanager
def restless(random: Random) -> Iterator[None]:
    """Every source opened inside is restless."""
    real = pull.open_source
    with ExitStack() as stack:
        stack.callback(setattr, pull, "open_source", real)
        pull.open_source = lambda *given, **more: Restless(real(*given, **more), random)
        yield


def contents(project: Bodea) -> Contents:
    """All that the store knows, by table: rows as often as they stand there, without what says only when and
    how they came; numbers of the dictionary as what they stand for.
    """
    with duckdb.connect(str(project.folder / STORE / FACTS), read_only=True) as con:
        names = [
            str(name)
            for (name,) in con.execute(
                "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'facts'"
            ).fetchall()
        ]
        numbers = {
            n: (space, value)
            for n, space, value in con.execute("SELECT n, space, value FROM facts.number").fetchall()
        }
        found = {name: _rows(con, name, numbers) for name in names if name not in OURS}
    if len(set(numbers.values())) != len(numbers):
        raise Broken("store.damaged", "the dictionary has a value twice")
    found["number"] = Counter((("value", value),) for value in numbers.values())
    return found


def _rows(
    con: duckdb.DuckDBPyConnection, name: str, numbers: dict[int, Any]
) -> Counter[tuple[tuple[str, Any], ...]]:
    table = con.sql(f"SELECT * FROM facts.{identifier(name)}").to_arrow_table()
    left_out = ARRIVAL | ({"id", "at_ms", "place"} if name == "quarantine" else set())
    columns = {}
    for column in table.column_names:
        if column not in left_out:
            values = table[column].to_pylist()
            coded = column in ("key", "who") or column.startswith("#")
            columns[column] = [_plain(value, numbers, coded, column == "idents") for value in values]
    return Counter(
        tuple(sorted((key, value) for key, value in zip(columns, row, strict=True) if value is not None))
        for row in zip(*columns.values(), strict=True)
    )


def _plain(value: Any, numbers: dict[int, Any], coded: bool, several: bool) -> Any:
    if value is None:
        return None
    if several:
        return tuple(sorted(numbers[n] for n in value))
    if coded:
        return numbers[value]
    return tuple(value) if isinstance(value, list) else value
