"""What time alone may have changed between two instants, whichever of them is later.

A bound that moves with now passes exactly the timestamps between where it was and where it is. Something
comes into being between the two, or a pair of entities begins or ends to count. Nothing is armed for an
instant, so a pause of any length, and a clock that jumps, are one question like any other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from sqlglot import exp

from townsend.audiences.batch.frame import Frame
from townsend.audiences.batch.sql import Sql, all_of, any_of, column, compare, number, written
from townsend.audiences.batch.tables import Tables
from townsend.audiences.live.backwards import NOBODY, Ids
from townsend.audiences.live.dependencies import Clock, Hop
from townsend.model import Edge

__all__ = ["began", "born", "passed"]

Range = tuple[int, int]


def passed(tables: Tables, clocks: Iterable[Clock], before_ms: int, now_ms: int) -> dict[Clock, Ids]:
    """For each clock, the entities one of whose timestamps its bounds have passed."""
    together: dict[tuple[str, str], dict[Clock, list[Range]]] = defaultdict(dict)
    for clock in clocks:
        ranges = _ranges(clock, before_ms, now_ms)
        if ranges:
            together[clock.cls, clock.column][clock] = ranges
    found: dict[Clock, Ids] = {}
    for (cls, name), asked in together.items():
        ids, times = _within(tables, cls, name, {one for ranges in asked.values() for one in ranges})
        for clock, ranges in asked.items():
            inside = np.zeros(len(times), np.bool_)
            for low, high in ranges:
                inside |= (times >= low) & (times < high)
            found[clock] = np.unique(ids[inside])
    return found


def born(tables: Tables, cls: str, before_ms: int, now_ms: int) -> Ids:
    """The entities of a class that exist at one of the two instants only."""
    name = tables.schema.classes[cls].time_field or "first_ms"
    low, high = sorted((before_ms, now_ms))
    return _within(tables, cls, name, {(low + 1, high + 1)})[0]


def began(tables: Tables, hop: Hop, before_ms: int, now_ms: int) -> Ids:
    """The entities at the near end of a pair that counts at one of the two instants only."""
    plan = tables.schema.relationships[hop.near, hop.name].plan
    if not isinstance(plan, Edge) or not plan.via:
        return NOBODY
    source = tables.edge(plan, "e", retired=True)
    if source is None:
        return NOBODY
    low, high = sorted((before_ms, now_ms))
    frame = Frame(source)
    frame.require(
        any_of([_between(column("e", name), (low + 1, high + 1)) for name in ("start_ms", "end_ms")])
    )
    near = column("e", "far" if plan.backward else "near")
    return _read(tables, frame.select(near.as_("id", quoted=True), distinct=True))["id"].astype(np.int64)


def _ranges(clock: Clock, before_ms: int, now_ms: int) -> list[Range]:
    """Where the timestamps lie that the bounds have passed."""
    found = {tuple(sorted((edge.at(before_ms), edge.at(now_ms)))) for edge in clock.edges}
    return [(low, high) for low, high in sorted(found) if low < high]


def _within(tables: Tables, cls: str, name: str, ranges: set[Range]) -> tuple[Ids, Ids]:
    """Entities of a class, live and retired, with a timestamp in one of some ranges, and the timestamps."""
    if not tables.exists(cls) or not tables.has(cls, name):
        return NOBODY, NOBODY
    parts = []
    # Ranges that touch are one; each is asked for alone, since only then DuckDB skips what lies outside.
    for one in _joined(ranges):
        frame = Frame(tables.entities(cls, "e", retired=True))
        time = column("e", name)
        frame.require(_between(time.copy(), one))
        key = column("e", tables.id_name(cls))
        parts.append(frame.select(key.as_("id", quoted=True), time.as_("t", quoted=True)))
    if not parts:
        return NOBODY, NOBODY
    query: exp.Query = parts[0]
    for part in parts[1:]:
        query = exp.Union(this=query, expression=part, distinct=False)
    read = _read(tables, query)
    return read["id"].astype(np.int64), read["t"].astype(np.int64)


def _joined(ranges: set[Range]) -> list[Range]:
    found: list[Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1]:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found


def _between(value: Sql, one: Range) -> Sql:
    return all_of([compare(">=", value.copy(), number(one[0])), compare("<", value, number(one[1]))])


def _read(tables: Tables, query: Sql) -> dict[str, Ids]:
    found = tables.con.execute(written(query)).fetchnumpy()
    return {name: np.ma.getdata(values) for name, values in found.items()}
