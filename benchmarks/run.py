"""The benchmarks as one command: makes the world, takes times and memory, prints one table.

python -m benchmarks --size S                   everything, at size S
python -m benchmarks --size M --only audience   one part, on the store that an earlier run left
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import audiences, explaining, identity, live, matching, ours, profile, renewal, sources, world
from benchmarks.measure import Line, alone, in_turns

__all__ = ["main"]

PARTS = (
    "load",
    "unify",
    "audience",
    "six",
    "hundred",
    "thousand",
    "compile",
    "profile",
    "matching",
    "identity",
    "explain",
    "live",
    "sources",
    "start",
)
MEMORY_GOAL_MB = 1_500


def main(words: list[str] | None = None) -> None:
    """Run the parts asked for; the table goes to stdout, what is going on to stderr."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--size", choices=sorted(world.SIZES), default="S", help="S, M or L; XS to try it out"
    )
    parser.add_argument("--only", help=f"parts, apart by commas: {', '.join(PARTS)}")
    parser.add_argument("--folder", type=Path, help="where worlds and stores are kept; a temporary one else")
    parser.add_argument("--rounds", type=int, default=7, help="of which the median is taken")
    parser.add_argument("--json", action="store_true", help="one line of JSON a measurement")
    chosen = parser.parse_args(words)
    parts = chosen.only.split(",") if chosen.only else list(PARTS)
    if unknown := set(parts) - set(PARTS):
        parser.error(f"--only: there is no part {min(unknown)!r}; the parts are {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory() as temporary:
        lines = list(_measured(parts, chosen.size, chosen.folder or Path(temporary), chosen.rounds))
    if chosen.json:
        for line in lines:
            print(json.dumps({"size": chosen.size, **line.to_json()}))
    else:
        _show(chosen.size, lines)


def _measured(parts: list[str], size: str, folder: Path, rounds: int) -> Iterator[Line]:
    store = folder / f"store-{size}"
    needed = [part for part in parts if part not in ("matching", "identity", "sources", "start")]
    if needed:
        _tell(f"making the world {size} in {folder}")
        made, _ = alone(world.make, folder, size)
    if "load" in parts or (needed and not store.exists()):
        _tell("loading")
        yield from _load(made, store)
    if "unify" in parts:
        _tell("unifying")
        took, most = alone(ours.unify, store)
        yield Line("unify all records, from facts", took, "s", note=f"peak {most:,.0f} MB")
        yield from renewal.lines(store)
    if "audience" in parts:
        _tell("evaluating, in turns with the peers")
        yield from _audience(store, made, rounds)
    if "six" in parts:
        _tell("evaluating six audiences, in turns with their peers")
        yield from _six(store, rounds)
    for part, number, times in (("hundred", 100, 2), ("thousand", 1_000, 5)):
        if part in parts:
            _tell(f"evaluating {number} audiences together, and by hand one after the other")
            yield from _many(store, number, times, rounds)
    if "sources" in parts:
        _tell("pulling from a large Marketo instance")
        yield from sources.lines(folder, size)
    yield from _single(parts, store, rounds)


def _single(parts: list[str], store: Path, rounds: int) -> Iterator[Line]:
    """What is measured about one thing at a time."""
    if "compile" in parts:
        took, _ = alone(ours.compile_seconds, store)
        yield Line("parse, check, compile the seed audience", took * 1_000, "ms", goal=5)
    if "profile" in parts:
        _tell("viewing people")
        yield from profile.lines(store)
    if "matching" in parts:
        _tell("matching leads and accounts")
        yield from matching.lines()
    if "identity" in parts:
        _tell("finding out who is whom, one after the other with the peers")
        yield from identity.lines()
    if "explain" in parts:
        _tell("explaining members and others")
        yield from _explain(store)
    if "live" in parts:
        _tell("following audiences live")
        yield from live.lines(store)
    if "start" in parts:
        _tell("starting")
        yield from _start(rounds)


def _load(made: Path, store: Path) -> Iterator[Line]:
    loaded, most = alone(ours.load, made, store)
    rest = sum(one.seconds for one in loaded)
    busy = sum(one.busy for one in loaded)
    for one in loaded:
        if one.cls == "event":
            yield Line(
                f"load {one.rows:,} events from Parquet",
                one.rows / one.seconds,
                "rows/s",
                goal=500_000,
                note=f"{one.seconds:.1f} s; processors busy for {one.busy:.1f} s",
            )
            rest, busy = rest - one.seconds, busy - one.busy
    rows = sum(one.rows for one in loaded if one.cls != "event")
    yield Line(
        f"load {rows:,} records from Parquet and CSV",
        rows / rest,
        "rows/s",
        note=f"{rest:.1f} s; busy {busy:.1f} s",
    )
    size = sum(path.stat().st_size for path in store.rglob("*") if path.is_file()) / (1 << 20)
    yield Line("peak memory of loading", most, "MB", goal=MEMORY_GOAL_MB, note=f"store of {size:,.0f} MB")


def _audience(store: Path, made: Path, rounds: int) -> Iterator[Line]:
    found, most = alone(ours.audience, store, made, rounds)
    taken = {name: took * 1_000 for name, took in found.seconds.items()}
    alone_ms = {name: taken.pop(name) for name in ("money alone", "visit alone")}
    mine = taken.pop("townsend")
    best = min(taken, key=taken.__getitem__)
    others = ", ".join(f"{name} {took:.0f}" for name, took in taken.items() if name != best)
    note = f"{found.members:,} members, as the truth has; peer: {best} ({others})"
    yield Line("seed audience, from its text to its members", mine, "ms", 1.3, taken[best], note)
    for name, took in alone_ms.items():
        yield Line(f"  {name}", took, "ms")
    yield Line("peak memory of evaluating", most, "MB", goal=MEMORY_GOAL_MB)


def _six(store: Path, rounds: int) -> Iterator[Line]:
    found, most = alone(audiences.six, store, rounds)
    for name, one in found.items():
        taken = {contestant: took * 1_000 for contestant, took in one.seconds.items()}
        mine = taken.pop("townsend")
        best = min(taken, key=taken.__getitem__)
        others = ", ".join(f"{peer} {took:.0f}" for peer, took in taken.items() if peer != best)
        note = f"{one.members:,} members; peer: {best} ({others})"
        yield Line(name, mine, "ms", 1.3, taken[best], note)
    yield Line("peak memory of the six", most, "MB", goal=MEMORY_GOAL_MB)


def _many(store: Path, number: int, times: int, rounds: int) -> Iterator[Line]:
    found, most = alone(audiences.many, store, number, rounds)
    note = f"{times} × as fast is the goal; {found.members:,} memberships, equal to those found by hand"
    what = f"{number:,} audiences, from their texts to their members"
    yield Line(what, found.seconds["townsend"], "s", 1 / times, found.seconds["by hand"], note)
    yield Line(f"peak memory of {number:,} audiences", most, "MB", goal=MEMORY_GOAL_MB)


def _explain(store: Path) -> Iterator[Line]:
    found, most = alone(explaining.explained, store)
    for name, one in found.items():
        note = f"longest {one.longest * 1_000:.0f}; processors busy for {one.busy * 1_000:.0f}"
        yield Line(f"explain one: {name}", one.median * 1_000, "ms", goal=50, note=note)
    yield Line("peak memory of explaining", most, "MB", goal=MEMORY_GOAL_MB)
    told, most = alone(explaining.told, store)
    for name, all_ in told.items():
        note = f"{all_.members:,} members; processors busy for {all_.busy:.1f} s"
        yield Line(f"by which records members qualify: {name}", all_.seconds, "s", note=note)
    yield Line("peak memory of that", most, "MB", goal=MEMORY_GOAL_MB)


def _start(rounds: int) -> Iterator[Line]:
    def ran(*words: str) -> None:
        subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)

    taken = in_turns(
        {
            "python itself": lambda: ran("-c", "pass"),
            "import townsend": lambda: ran("-c", "import townsend"),
            "townsend --help": lambda: ran("-m", "townsend", "--help"),
        },
        rounds,
    )
    bare = f"of which Python itself {taken.pop('python itself'):.3f} s"
    for name, took in taken.items():
        yield Line(name, took, "s", goal=0.3, note=bare)


def _show(size: str, lines: list[Line]) -> None:
    table = Table(
        "work", "reached", "unit", "goal", "best peer", "times", "note", title=f"Townsend at size {size}"
    )
    for column in (1, 3, 4, 5):
        table.columns[column].justify = "right"
    for line in lines:
        goal = "" if line.goal is None else f"{line.goal:,g}" + ("×" if line.peer else "")
        mark = {None: "", True: " ✓", False: " ✗"}[line.reached]
        peer = "" if line.peer is None else f"{line.peer:,.1f}"
        ratio = "" if line.ratio is None else f"{line.ratio:.2f}×"
        value = f"{line.value:,.0f}" if line.value >= 1_000 else f"{line.value:.3g}"
        table.add_row(line.what, value + mark, line.unit, goal, peer, ratio, line.note)
    Console(width=None if sys.stdout.isatty() else 150).print(table)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")


def _tell(text: str) -> None:
    print(f"benchmarks: {text} …", file=sys.stderr, flush=True)
