"""What a stored world remembers of why numbers are one entity, so that a change finds whom it may touch.

Makes ``trace_acted(n, ms)`` and ``trace_met(a, b, ms)`` of what events say, ``trace_golden(class, place, n,
ms)`` of master data, ``trace_buried(class, key, n)`` of what records name that are not live, and
``trace_crowded(class, n, records)`` of values that join too many records.
"""

from __future__ import annotations

import numpy as np

from townsend.identity.entities import Entities
from townsend.identity.gathered import Evidence
from townsend.identity.moment import text_literal
from townsend.model import EntityClass
from townsend.profiles.making import Making

__all__ = ["make_traces", "write_buried", "write_traces"]


def make_traces(making: Making) -> None:
    """Make the tables, empty."""
    for name, columns in {
        "acted": "n INTEGER, ms BIGINT",
        "met": "a INTEGER, b INTEGER, ms BIGINT",
        "golden": "class VARCHAR, place INTEGER, n INTEGER, ms BIGINT",
        "buried": "class VARCHAR, key INTEGER, n INTEGER",
        "crowded": "class VARCHAR, n INTEGER, records INTEGER",
    }.items():
        making.moment.run(f"CREATE TABLE {making.table(f'trace_{name}')} ({columns})")


def write_traces(making: Making, cls: EntityClass, evidence: Evidence, found: Entities) -> None:
    """Write down what is remembered of one class."""
    moment, name = making.moment, text_literal(cls.name)
    if evidence.events is not None:
        events = evidence.events
        moment.add(making.table("trace_acted"), {"n": events.who, "ms": events.since_ms}, "n, ms")
        met = {"a": events.first, "b": events.second, "ms": events.seen_ms}
        moment.add(making.table("trace_met"), met, "a, b, ms")
    if evidence.golden is not None:
        golden = {"place": evidence.golden.group, "n": evidence.golden.n, "ms": evidence.golden.seen_ms}
        moment.add(making.table("trace_golden"), golden, f"{name}, place, n, ms")
    write_buried(making, cls, evidence, found)
    if len(found.crowded):
        crowded = {"n": found.crowded, "records": found.crowd}
        moment.add(making.table("trace_crowded"), crowded, f"{name}, n, records")


def write_buried(making: Making, cls: EntityClass, evidence: Evidence, found: Entities) -> None:
    """Write down what records name that are not live."""
    records = evidence.records
    if len(found.live) == len(records.key):
        return
    dead = ~np.isin(records.owner, found.live, kind="sort")
    buried = {"key": records.owner[dead], "n": records.named[dead]}
    making.moment.add(making.table("trace_buried"), buried, f"{text_literal(cls.name)}, key, n")
