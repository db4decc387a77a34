"""The unified world of a store at an instant: kept beside the facts, made anew when it no longer holds.

The world for the present is stored in the schema ``u`` of the facts' file, made in one transaction: a
process that is killed meanwhile leaves the old one. Beside it, as ``u_<policy>``, stands the same world under
each named merge policy that was ever asked for: who is who is the same there, values may differ. A world for
another instant, other rules or chosen versions is made in memory, and the stored one stays as it is. So does
whatever somebody still holds.
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
from townsend.profiles.build import build, find_matches, renew
from townsend.profiles.held import Worlds, is_stored
from townsend.profiles.memory import within_bounds
from townsend.profiles.report import Report
from townsend.profiles.rules import MergePolicy, MoneyRules
from townsend.profiles.stamp import Stamp, fingerprint, read_stamp, write_stamp
from townsend.profiles.stored import stored_name
from townsend.store import facts_places
from townsend.store.facts import Facts

__all__ = ["Unified", "unify"]

Ids: TypeAlias = npt.NDArray[np.int32]
_Made: TypeAlias = tuple[str, Stamp, Report]


def nobody_knows(_: Unified, name: str) -> Ids:
    """The lists of a world that belongs to no project."""
    raise Broken("unified.lists", f"nobody told this world whom the list audience {name!r} names", name=name)


def nobody_merges(_: Unified, policy: str | None) -> Unified:
    """The other worlds of a world that belongs to no project."""
    raise Broken("unified.policies", f"nobody told this world how the policy {policy!r} merges", got=policy)


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
        policy: the named merge policy it was made under; None for each class's own.
        lists: finds the ids that a list audience names, ascending; set by whoever knows the audiences.
        policies: finds the same world under another policy; set by whoever knows the rules.
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
    policy: str | None = None
    lists: Callable[[Unified, str], Ids] = field(default=nobody_knows, repr=False)
    policies: Callable[[Unified, str | None], Unified] = field(default=nobody_merges, repr=False)
    _listed: dict[str, Ids] = field(default_factory=dict, init=False, repr=False)
    _under: dict[str | None, Unified] = field(default_factory=dict, init=False, repr=False)

    def ids_listed(self, name: str) -> Ids:
        """The ids that a list audience names, ascending; found once for this world.

        Raises:
            Invalid: ``audience.file`` if its file cannot be read.
        """
        if name not in self._listed:
            self._listed[name] = self.lists(self, name)
        return self._listed[name]

    def under(self, policy: str | None) -> Unified:
        """The same facts at the same instant under a named merge policy; None for each class's own.

        Raises:
            Invalid: ``policy.unknown``.
        """
        if policy == self.policy:
            return self
        if policy not in self._under:
            self._under[policy] = self.policies(self, policy)
        return self._under[policy]


def unify(
    facts: Facts,
    schema: Schema,
    identity: IdentityRules,
    merge: Mapping[str, MergePolicy],
    money: MoneyRules,
    *,
    now: datetime,
    as_of: datetime | None = None,
    policy: str | None = None,
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
        policy: the name of the merge policy that ``merge`` is, if it is not each class's own.

    Returns:
        The stored world if it holds, else a new one. It stays readable as long as it is referred to.
    """
    now_ms, as_of_ms = epoch_ms(as_of or now), None if as_of is None else epoch_ms(as_of)
    revision, rules = facts.revision(), fingerprint(schema, identity, merge, money)
    worlds = _worlds.setdefault(facts, Worlds())
    place = stored_name(policy)
    stored = read_stamp(facts.con, place)
    if stored is not None and stored[0].fits(revision, rules, now_ms, as_of_ms):
        return worlds.hold(_unified(facts, schema, place, now_ms, *stored, policy))
    past = stored is not None and stored[0].is_past(revision, rules, now_ms)
    in_store = as_of is None and not facts.read_only and not worlds.holds(place) and not past
    if not in_store:
        known = worlds.fitting(revision, rules, now_ms, as_of_ms)
        if known is not None:
            return worlds.hold(replace(known, now_ms=now_ms, policy=policy))
    find_matches(facts, schema, identity)
    wanted = _Wanted(facts, worlds, (schema, identity, merge, money), now_ms, as_of_ms, revision, rules)
    records = [cls.name for cls in schema.classes.values() if not cls.is_event]
    made = (wanted.renewed(place, stored) if in_store and stored else None) or within_bounds(
        facts, records, lambda: wanted.made(place if in_store else None)
    )
    within_bounds(facts, records, lambda: facts_places.keep(facts))
    return worlds.hold(_unified(facts, schema, made[0], now_ms, *made[1:], policy))


@dataclass(frozen=True)
class _Wanted:
    """A world that is not there: of which facts, under which rules, at which instant."""

    facts: Facts
    worlds: Worlds
    under: tuple[Schema, IdentityRules, Mapping[str, MergePolicy], MoneyRules]
    now_ms: int
    as_of_ms: int | None
    revision: int
    rules: str

    def made(self, place: str | None) -> _Made:
        """Made from the ground, in the store's place of that name or in memory."""
        name = place or self.worlds.attach(self.facts)
        with _place(self.facts, name) as con:
            making = build(self.facts, con, name, *self.under, self.now_ms, self.as_of_ms)
            return name, write_stamp(making, self.revision, self.rules), making.report

    def renewed(self, place: str, stored: tuple[Stamp, Report]) -> _Made | None:
        """The stored one, brought up to date; None if that is not possible."""
        if not stored[0].could_fit(self.rules, self.now_ms, self.as_of_ms):
            return None
        with _renewing(self.facts, self.worlds) as (con, small):
            making = renew(self.facts, con, place, small, *self.under, self.now_ms, *stored)
            if making is not None:
                made = place, write_stamp(making, self.revision, self.rules), making.report
                con.execute("COMMIT")
                return made
        return None


@contextmanager
def _place(facts: Facts, name: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to make a world by; in the store it is made whole, or not at all."""
    con = facts.con.cursor()
    try:
        con.execute("SET TimeZone = 'UTC'")
        # Tables are sets; to keep rows in the order in which they were read takes memory.
        con.execute("SET SESSION preserve_insertion_order = false")
        if is_stored(name):
            con.execute("BEGIN TRANSACTION")
            con.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
            con.execute(f"CREATE SCHEMA {name}")
        yield con
        if is_stored(name):
            con.execute("COMMIT")
    finally:
        # Closing undoes what was not committed and drops what was temporary.
        con.close()


@contextmanager
def _renewing(facts: Facts, worlds: Worlds) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """A connection to bring the stored world up to date by, and a place in memory for a small one."""
    small = worlds.attach(facts)
    con = facts.con.cursor()
    con.execute("SET TimeZone = 'UTC'")
    try:
        yield con, small
    finally:
        con.close()
        worlds.detach(facts, small)


def _unified(
    facts: Facts, schema: Schema, name: str, now_ms: int, stamp: Stamp, report: Report, policy: str | None
) -> Unified:
    kept = _columns.setdefault(facts, {})
    if (name, stamp) not in kept:
        kept.clear()
        kept[name, stamp] = _columns_of(facts, schema, name)
    as_of_ms = stamp.as_of_ms
    return Unified(
        facts.con, schema, name, now_ms, stamp.until_ms, kept[name, stamp], report, stamp, as_of_ms, policy
    )


def _columns_of(facts: Facts, schema: Schema, name: str) -> dict[str, frozenset[str]]:
    """Class to the columns of its table."""
    where = "database_name = current_database() AND schema_name = $name"
    if not is_stored(name):
        where = "database_name = split_part($name, '.', 1)"
    columns: dict[str, set[str]] = {}
    for table, column in facts.con.execute(
        f"SELECT table_name, column_name FROM duckdb_columns() WHERE {where}", {"name": name}
    ).fetchall():
        if table in schema.classes:
            columns.setdefault(table, set()).add(column)
    return {cls: frozenset(names) for cls, names in columns.items()}


_worlds: weakref.WeakKeyDictionary[Facts, Worlds] = weakref.WeakKeyDictionary()
# Of the world asked for last: to look into the catalogue takes longer than most look-ups.
_columns: weakref.WeakKeyDictionary[Facts, dict[tuple[str, Stamp], dict[str, frozenset[str]]]] = (
    weakref.WeakKeyDictionary()
)
