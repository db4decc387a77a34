"""The unified world of a store at an instant: kept beside the facts, made anew when it no longer holds.

The world for the present is stored in the schema ``u`` of the facts' file, made in one transaction: a
process that is killed meanwhile leaves the old one. A world for another instant, other rules or chosen
versions is made in memory, and the stored one stays as it is. So does whatever somebody still holds.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

import duckdb
import numpy as np
import numpy.typing as npt

from townsend.identity import IdentityRules
from townsend.intake.rules import epoch_ms
from townsend.model import Schema
from townsend.problem import Broken
from townsend.profiles.build import build
from townsend.profiles.memory import within_bounds
from townsend.profiles.report import Report
from townsend.profiles.rules import MergePolicy, MoneyRules
from townsend.profiles.stamp import Stamp, fingerprint, read_stamp, write_stamp
from townsend.store.facts import Facts

__all__ = ["STORED", "Unified", "unify"]

STORED = "u"

Ids: TypeAlias = npt.NDArray[np.int32]


def nobody_knows(_: Unified, name: str) -> Ids:
    """The lists of a world that belongs to no project."""
    raise Broken("unified.lists", f"nobody told this world whom the list audience {name!r} names", name=name)


@dataclass(eq=False)
class Unified:
    """The unified tables and what they hold for.

    Args:
        con: the connection to read them by, events and the dictionary in ``facts`` too.
        schema: classes and relationships.
        name: prefix of the tables, quoted, such as ``u`` in ``u."person"``.
        now_ms: the instant that is asked about; the tables hold for others before ``until_ms`` too.
        until_ms: from then on who is who may be different; None is forever.
        columns: class to the columns of its table.
        report: what somebody should look at.
        as_of_ms: the instant by which versions were chosen; None for the newest.
        stamp: what the tables were made of.
        lists: finds the ids that a list audience names, ascending; set by whoever knows the audiences.
    """

    con: duckdb.DuckDBPyConnection
    schema: Schema = field(repr=False)
    name: str
    now_ms: int
    until_ms: int | None
    columns: Mapping[str, frozenset[str]] = field(repr=False)
    report: Report
    stamp: Stamp = field(repr=False)
    as_of_ms: int | None = None
    lists: Callable[[Unified, str], Ids] = field(default=nobody_knows, repr=False)
    _listed: dict[str, Ids] = field(default_factory=dict, init=False, repr=False)

    def ids_listed(self, name: str) -> Ids:
        """The ids that a list audience names, ascending; found once for this world.

        Raises:
            Invalid: ``audience.file`` if its file cannot be read.
        """
        if name not in self._listed:
            self._listed[name] = self.lists(self, name)
        return self._listed[name]


def unify(
    facts: Facts,
    schema: Schema,
    identity: IdentityRules,
    merge: Mapping[str, MergePolicy],
    money: MoneyRules,
    *,
    now: datetime,
    as_of: datetime | None = None,
) -> Unified:
    """The unified world of a store.

    Args:
        facts: the store; not inside a transaction of it.
        schema: classes and relationships.
        identity: linking rules.
        merge: merge policies by class; others merge by time.
        money: currency and rates.
        now: the instant, aware.
        as_of: take of each record the version that was current then; it is ``now`` as well.

    Returns:
        The stored world if it holds, else a new one. It stays readable as long as it is referred to.
    """
    now_ms = epoch_ms(as_of or now)
    as_of_ms = None if as_of is None else now_ms
    revision, rules = facts.revision(), fingerprint(schema, identity, merge, money)
    worlds = _worlds.setdefault(facts, _Worlds())
    stored = read_stamp(facts.con, STORED)
    if stored is not None and stored[0].fits(revision, rules, now_ms, as_of_ms):
        return worlds.hold(_unified(facts, schema, STORED, now_ms, *stored))
    in_store = as_of is None and not facts.read_only and not worlds.holds_stored()
    if stored is not None and stored[0].is_past(revision, rules, now_ms):
        in_store = False
    if not in_store:
        known = worlds.fitting(revision, rules, now_ms, as_of_ms)
        if known is not None:
            return worlds.hold(replace(known, now_ms=now_ms))

    def make() -> tuple[str, Stamp, Report]:
        name = STORED if in_store else worlds.attach(facts)
        with _place(facts, name) as con:
            making = build(facts, con, name, schema, identity, merge, money, now_ms, as_of_ms)
            return name, write_stamp(making, revision, rules), making.report

    records = [cls.name for cls in schema.classes.values() if not cls.is_event]
    name, stamp, report = within_bounds(facts, records, make)
    return worlds.hold(_unified(facts, schema, name, now_ms, stamp, report))


@contextmanager
def _place(facts: Facts, name: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to make a world by; in the store it is made whole, or not at all."""
    con = facts.con.cursor()
    try:
        con.execute("SET TimeZone = 'UTC'")
        # Tables are sets; to keep rows in the order in which they were read takes memory.
        con.execute("SET SESSION preserve_insertion_order = false")
        if name == STORED:
            con.execute("BEGIN TRANSACTION")
            con.execute(f"DROP SCHEMA IF EXISTS {STORED} CASCADE")
            con.execute(f"CREATE SCHEMA {STORED}")
        yield con
        if name == STORED:
            con.execute("COMMIT")
    finally:
        # Closing undoes what was not committed and drops what was temporary.
        con.close()


def _unified(facts: Facts, schema: Schema, name: str, now_ms: int, stamp: Stamp, report: Report) -> Unified:
    where = "database_name = current_database() AND schema_name = $name"
    if name != STORED:
        where = "database_name = split_part($name, '.', 1)"
    columns: dict[str, set[str]] = {}
    for table, column in facts.con.execute(
        f"SELECT table_name, column_name FROM duckdb_columns() WHERE {where}", {"name": name}
    ).fetchall():
        if table in schema.classes:
            columns.setdefault(table, set()).add(column)
    known = {cls: frozenset(names) for cls, names in columns.items()}
    return Unified(facts.con, schema, name, now_ms, stamp.until_ms, known, report, stamp, stamp.as_of_ms)


class _Worlds:
    """The worlds of one open store: those that somebody may still hold, and the last one made in memory."""

    def __init__(self) -> None:
        self._held: weakref.WeakSet[Unified] = weakref.WeakSet()
        self._attached: set[str] = set()
        self._last: Unified | None = None
        self._made = 0

    def hold(self, world: Unified) -> Unified:
        self._held.add(world)
        if world.name != STORED:
            self._last = world
        return world

    def holds_stored(self) -> bool:
        return any(one.name == STORED for one in self._held)

    def fitting(self, revision: int, rules: str, now_ms: int, as_of_ms: int | None) -> Unified | None:
        """A world in memory that answers the question."""
        for world in self._held:
            if world.name != STORED and world.stamp.fits(revision, rules, now_ms, as_of_ms):
                return world
        return None

    def attach(self, facts: Facts) -> str:
        """Make room in memory for one more world, and let go of those that nobody holds."""
        self._last = None
        needed = {one.name for one in self._held}
        for name in sorted(self._attached - needed):
            facts.con.execute(f"DETACH {name.partition('.')[0]}")
            self._attached.discard(name)
        self._made += 1
        database = f"townsend_world_{self._made}"
        facts.con.execute(f"ATTACH ':memory:' AS {database} (READ_WRITE)")
        self._attached.add(f"{database}.main")
        return f"{database}.main"


_worlds: weakref.WeakKeyDictionary[Facts, _Worlds] = weakref.WeakKeyDictionary()
